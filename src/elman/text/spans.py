"""Spans in labels: the schemes that write them, and what counts as one.

    IO       I-PER I-PER O       a span is a run of one type
    IOB1     I-PER B-PER O       B- only where a span begins right behind one of its type
    BIO      B-PER I-PER O       B- at the first of every span
    BIOES    B-PER E-PER S-LOC   E- at the last, S- of a span that is one symbol

Spans are counted as conlleval does (Tjong Kim Sang and Buchholz 2000), which finds them in
any sequence of labels, also in one that breaks its scheme, as predicted ones may.
"""

import re
from collections.abc import Iterator, Sequence

LABEL = re.compile(r"([BIES])-(.+)")
OUTSIDE = "O"

Span = tuple[int, int, str]  # first symbol, the one behind the last, type


def scheme_of(classes: Sequence[str], sequences: Sequence[Sequence[str]]) -> str:
    """The scheme of labelled sequences, "" if the labels write no spans.

    Parameters
    ----------
    classes : the labels that occur
    """
    found = [LABEL.fullmatch(label) for label in classes if label != OUTSIDE]
    if not found or not all(found):
        return ""
    letters = {match[1] for match in found if match}
    if letters == {"I"}:
        return "IO"
    if letters & {"E", "S"}:
        return "BIOES"
    within = any(_iob1(labels) is False for labels in sequences)
    return "BIO" if within or "I" not in letters else "IOB1"


def _iob1(labels: Sequence[str]) -> bool:
    """Whether B- occurs only where a span follows one of its type."""
    return all(
        before.partition("-")[2] == label[2:]
        for before, label in zip([OUTSIDE, *labels], labels, strict=False)
        if label.startswith("B-")
    )


def broken(labels: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """Where a sequence breaks its scheme, and how; None if it does not."""
    if scheme not in ("BIO", "BIOES"):
        return None
    before = OUTSIDE
    for place, label in enumerate([*labels, OUTSIDE]):
        kind, _, of = label.partition("-")
        last, _, of_last = before.partition("-")
        goes_on, open_before = kind in ("I", "E"), last in ("B", "I")
        if goes_on and not (open_before and of == of_last):
            behind = f"after {before}" if place else "at the beginning"
            return place, f"{label} is {behind}, but a span begins with B-{of}" + (
                f" or S-{of}" if scheme == "BIOES" else ""
            )
        if scheme == "BIOES" and open_before and not goes_on:
            what = f"is followed by {label}" if place < len(labels) else "is the last"
            return max(0, place - 1), f"{before} {what}, but a span ends with E-{of_last}"
        before = label
    return None


def spans(labels: Sequence[str]) -> Iterator[Span]:
    """The spans of a sequence of labels, as conlleval finds them.

    Example
    -------
    >>> list(spans(["B-PER", "I-PER", "O", "I-LOC"]))
    [(0, 2, 'PER'), (3, 4, 'LOC')]
    """
    start, of_open, last = 0, "", OUTSIDE
    for place, label in enumerate([*labels, OUTSIDE]):
        kind, _, of = label.partition("-")
        begins = kind in ("B", "S") or last in ("E", "S") or of != of_open
        if of_open and (begins or kind == OUTSIDE):
            yield start, place, of_open
            of_open = ""
        if kind != OUTSIDE and of and not of_open:
            start, of_open = place, of
        last = kind
