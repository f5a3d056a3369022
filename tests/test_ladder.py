"""docs/ladder.md is run as it stands, and prints what it says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np

PAGE = Path(__file__).resolve().parents[1] / "docs" / "ladder.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[doctest.Example]:
    """The examples of the page, in order, each with its line in it."""
    found = []
    for block in BLOCK.finditer(TEXT):
        first = TEXT.count("\n", 0, block.start(1))
        for example in doctest.DocTestParser().get_examples(block[1]):
            example.lineno += first
            found.append(example)
    return found


def run(examples: list[doctest.Example]) -> tuple[doctest.TestResults, str]:
    written: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    with np.printoptions(precision=8, suppress=False, threshold=1000, linewidth=75):
        test = doctest.DocTest(examples, {}, PAGE.name, str(PAGE), 0, TEXT)
        result = runner.run(test, out=written.append)
    return result, "".join(written)


def test_every_block_prints_what_the_page_says():
    examples = blocks()
    result, written = run(examples)
    assert result.failed == 0, written
    assert result.attempted == len(examples) > 40


def test_a_wrong_number_would_be_found():
    """The blocks are compared, not only run."""
    examples = blocks()
    wrong = next(example for example in examples if "katze 98" in example.want)
    wrong.want = wrong.want.replace("98", "99")
    first = examples[: examples.index(wrong) + 1]
    assert run(first)[0].failed == 1


def test_no_block_is_left_out():
    """Every fence of the page opens a block that is run."""
    assert TEXT.count("```") == 2 * len(BLOCK.findall(TEXT))
