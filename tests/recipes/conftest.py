"""A small text of our own in place of the corpora that the recipes are about."""

from __future__ import annotations

import numpy as np
import pytest

from elman.recipes import find, lab

WORDS = """
the time traveller held in his hand was a glittering metallic framework scarcely larger than small
clock and very delicately made there quick brown fox jumps over lazy dog vex question joy hello
mazy zephyr whom he knew ROMEO: my lord,
""".split()  # noqa: SIM905


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> str:
    """Sentences in lines, with capitals and punctuation and every letter: 24,000 characters."""
    draw = np.random.default_rng(8)
    lines = []
    while sum(map(len, lines)) < 24_000:
        line = " ".join(draw.choice(WORDS, draw.integers(4, 11)))
        lines.append(line[0].upper() + line[1:] + str(draw.choice([".", "!", "?", ";"])) + "\n")
    path = tmp_path_factory.mktemp("corpus") / "book.txt"
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="session")
def languages(tmp_path_factory) -> str:
    """Made-up surnames and words in three languages, told apart by their ends; rows repeat."""
    draw = np.random.default_rng(9)
    root = tmp_path_factory.mktemp("labelled")
    for folder, names in (("names", ("Ini", "Ov", "Ström")), ("words", ("a", "b"))):
        (root / folder).mkdir()
        for number, name in enumerate(names):
            stems = ["".join(draw.choice(list("abdeklmorst"), draw.integers(2, 6)))
                     for _ in range(60 - 15 * number)]  # fmt: skip
            lines = [f"{stem.capitalize()}{name.lower()}" for stem in stems]
            lines += [*lines[:5], "Both"]
            path = root / folder / f"{name}.txt"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(root)


@pytest.fixture(scope="session")
def quick(book, languages):
    """quick(name) -> the report of a quick run on the book, made once a session."""
    reports: dict = {}

    def run(name: str, **options) -> dict:
        if name not in reports:
            corpus = languages if name.startswith("parr") else book
            reports[name] = lab.run(name, find(name), True, corpus, options.get("unseen", book))
        return reports[name]

    return run
