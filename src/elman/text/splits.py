"""Which part of a corpus is learned from, and which is held out.

From one text its end is held out, from several the end of each: the order of files is
not random, and the last of them may be in another language. Records are drawn by seed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ..errors import CorpusError, listed
from .corpus import Corpus
from .parts import Part

HELD_OUT_CAP = 500_000  # symbols beyond which the default held-out share stops growing
SMALL = 1_000  # symbols; a smaller file is learned from or held out as a whole

LAST, EACH = "last", "each"  # rules: the end of everything, or of every file


Parts = tuple[Part, Part, Part]
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Division:
    """How a corpus was divided.

    Attributes
    ----------
    parts : training, validation and test part
    rule : "last" or "each", by which it is divided again when a run continues
    held_out : what is held out, in words; "" for nothing
    """

    parts: Parts
    rule: str
    held_out: str


def divide(
    corpus: Corpus, validation: float | None, test: float, seed: int, rule: str | None = None
) -> Division:
    """Training, validation and test part; those with files of their own are these, whole.

    See `_divide` for the others.
    """
    if not corpus.own:
        return _divide(corpus, validation, test, seed, rule)
    rest = _without_own(corpus)
    found = _divide(rest, validation, test, seed, rule)
    parts, said = dict(zip(PARTS, found.parts, strict=True)), [found.held_out]
    for name, files in corpus.own.items():
        parts[name] = _whole(corpus, files)
        said.append(f"{', '.join(corpus.files[i] for i in files)} as {name} part")
    return Division(
        (parts["train"], parts["validation"], parts["test"]), found.rule,
        "; ".join(filter(None, said)),
    )  # fmt: skip


def _without_own(corpus: Corpus) -> Corpus:
    """The corpus without the files that are parts of their own, which are its last."""
    assert corpus.edges is not None
    count = min(files.start for files in corpus.own.values())
    end, offsets = int(corpus.edges[count]), corpus.offsets
    if offsets is not None:
        offsets = offsets[: int(np.searchsorted(offsets, end)) + 1]
    return replace(
        corpus, ids=corpus.ids[:end], offsets=offsets, files=corpus.files[:count],
        edges=corpus.edges[: count + 1], own={},
    )  # fmt: skip


def _whole(corpus: Corpus, files: range) -> Part:
    """All that some neighbouring files hold."""
    assert corpus.edges is not None
    begin, end = int(corpus.edges[files.start]), int(corpus.edges[files.stop])
    if corpus.offsets is None:
        return _slice(corpus, begin, end)
    first, last = np.searchsorted(corpus.offsets, [begin, end])
    return _chosen(corpus, np.arange(first, last))


def _slice(corpus: Corpus, begin: int, end: int) -> Part:
    """A slice of a stream, whose first symbol is not predicted."""
    characters = None
    if corpus.lengths is not None:
        characters = corpus.lengths.between(corpus.ids, min(begin + 1, end), end)
    return Part(corpus.ids[begin:end], characters=characters)


def _chosen(corpus: Corpus, rows: np.ndarray) -> Part:
    """A choice of records."""
    characters = None if corpus.lengths is None else corpus.lengths.of_records(rows)
    return Part(corpus.ids, corpus.offsets, rows, characters=characters)


def _divide(
    corpus: Corpus, validation: float | None, test: float, seed: int, rule: str | None = None
) -> Division:
    """Training, validation and test part.

    A stream is cut in this order, so the last part is held out; of several files (the
    rule "each") every one of at least 1,000 symbols is cut so, and smaller ones are held
    out whole, in the order of a hash of their path, until they make up their share.
    Records are shuffled by seed first. `validation` None is a tenth, at most 500,000
    symbols; `rule` None is that of a new run.

    Raises
    ------
    CorpusError : no text is left for training
    """
    records = corpus.offsets is not None
    units = len(corpus.ids) if corpus.offsets is None else len(corpus.offsets) - 1
    if validation is None:
        per_symbol = units / max(1, len(corpus.ids))  # records per symbol, 1 for a stream
        held_out = int(min(0.1 * units, HELD_OUT_CAP * per_symbol))
    else:
        held_out = round(validation * units)
    tested = round(test * units)
    if rule is None:
        rule = EACH if not records and len(corpus.files) > 1 and held_out + tested else LAST
    if rule == EACH:
        division = _each(corpus, (held_out / units, test))
    else:
        edges = [0, units - held_out - tested, units - tested, units]
        division = _records(corpus, edges, seed) if records else _last(corpus, edges)
    train = division.parts[0]
    kind, least = ("records", 1) if records else ("symbols", 3)
    left = len(train.rows) if train.rows is not None else train.symbols
    if left < least:
        raise CorpusError(
            f"{', '.join(corpus.names)} is too short: {left} {kind} are left for training, {least} "
            "are needed; use more text, or a smaller --validation or --test"
        )
    return division


def _last(corpus: Corpus, edges: Sequence[int]) -> Division:
    """The end of everything is held out."""
    parts = [_slice(corpus, max(0, a - 1), b) if a < b else _slice(corpus, 0, 0)
             for a, b in pairwise(edges)]  # fmt: skip
    said = [f"the last {part.predictions:,} symbols" for part in parts]
    return Division(_three(parts), LAST, _in_words(parts, said))


def _records(corpus: Corpus, edges: Sequence[int], seed: int) -> Division:
    """Records drawn by seed are held out."""
    order = np.random.default_rng([seed, 0]).permutation(edges[-1])
    parts = [_chosen(corpus, np.sort(order[max(0, a) : max(0, b)])) for a, b in pairwise(edges)]
    said = [f"{0 if part.rows is None else len(part.rows):,} records" for part in parts]
    return Division(_three(parts), LAST, _in_words(parts, said))


def _each(corpus: Corpus, shares: tuple[float, float]) -> Division:
    """The end of every large file is held out, and small files whole."""
    assert corpus.edges is not None
    starts, ends = corpus.edges[:-1], corpus.edges[1:]
    sizes = ends - starts
    large = sizes >= SMALL
    validation, test = (np.round(share * sizes).astype(np.int64) * large for share in shares)
    whole = _whole_files(corpus, ~large, shares)
    for of, held_out in zip(whole, (validation, test), strict=True):
        held_out[of] = sizes[of]
    cuts = (starts, ends - test - validation, ends - test, ends)
    parts = [_part(corpus, np.stack(pair, axis=1)) for pair in pairwise(cuts)]
    said = [""]
    for of, held_out in zip(whole, (validation, test), strict=True):
        ways = []
        if (held_out * large).any():
            cut = np.flatnonzero(held_out * large)
            of_each = f"each of {len(cut):,} files" if len(cut) > 1 else corpus.files[cut[0]]
            ways.append(f"the end of {of_each} ({int((held_out * large).sum()):,} symbols)")
        if of:
            ways.append(f"{len(of):,} of the {int((~large).sum()):,} files under {SMALL:,} symbols "
                        f"({listed([corpus.files[i] for i in of], 3, str)})")  # fmt: skip
        said.append(" and ".join(ways))
    return Division(_three(parts), EACH, _in_words(parts, said))


def _part(corpus: Corpus, slices: np.ndarray) -> Part:
    """A part of slices; those that follow each other are one, since nothing was cut out."""
    slices = slices[slices[:, 1] > slices[:, 0]]
    if not len(slices):
        return Part(corpus.ids[:0])
    apart = slices[1:, 0] != slices[:-1, 1]
    begins = slices[np.concatenate([[True], apart]), 0]
    ends = slices[np.concatenate([apart, [True]]), 1]
    if len(begins) == 1:
        return _slice(corpus, int(begins[0]), int(ends[0]))
    characters = None
    if corpus.lengths is not None:
        characters = sum(corpus.lengths.between(corpus.ids, int(a) + 1, int(b))
                         for a, b in zip(begins, ends, strict=True))  # fmt: skip
    return Part(corpus.ids, slices=np.stack([begins, ends], axis=1), characters=characters)


def _whole_files(
    corpus: Corpus, small: np.ndarray, shares: tuple[float, float]
) -> tuple[list[int], list[int]]:
    """The small files of the validation and of the test part, drawn by a hash of their path."""
    assert corpus.edges is not None
    sizes = np.diff(corpus.edges)
    drawn = sorted(
        np.flatnonzero(small & (sizes > 0)).tolist(),
        key=lambda i: hashlib.sha256(corpus.files[i].encode("utf-8", "surrogateescape")).digest(),
    )
    total, place = int(sizes[small].sum()), 0
    chosen: tuple[list[int], list[int]] = ([], [])
    for share, files in zip(shares, chosen, strict=True):
        taken = 0
        while place < len(drawn) and taken + sizes[drawn[place]] / 2 <= share * total:
            files.append(drawn[place])
            taken += int(sizes[drawn[place]])
            place += 1
    return chosen


def _three(parts: list[Part]) -> Parts:
    train, validation, test = parts
    return train, validation, test


def _in_words(parts: Sequence[Part], said: Sequence[str]) -> str:
    """What is held out and what for."""
    purposes = ("", "to select the best parameters", "for the test")
    return "; ".join(
        f"{words} {purpose}"
        for part, words, purpose in zip(parts, said, purposes, strict=True)
        if purpose and part.predictions
    )
