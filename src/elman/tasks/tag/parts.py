"""How labelled sequences are divided: by sequence, and a text of few by position."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import CorpusError, counted
from ...text.splits import PARTS
from ...text.tagged import Tagged
from .settings import TagSettings

Array = np.ndarray
SHARE, CHOOSE_BY = 0.1, 20_000  # of the sequences, and the symbols that are enough to choose by
FEW = 10  # sequences: in fewer, each is cut by position
SHORT = 20  # symbols: a sequence of fewer is not cut


def divided(
    data: Tagged, own: Mapping[str, Sequence[int]], settings: TagSettings
) -> tuple[dict[str, Array], float]:
    """First symbol and the one behind the last of what each part has (n, 2).

    The same sequence is never in two parts. Parts with files of their own hold what those
    hold (`own` says which sequences), and their sequences are excluded from training.
    Returned is the share of the validation part, too: it is worked out where it is not given.

    Raises CorpusError if nothing is left for training.
    """
    offsets = data.offsets
    ranges = np.stack([offsets[:-1], offsets[1:]], axis=1)
    keys = [tokens if isinstance(tokens, str) else tuple(tokens) for tokens in data.tokens]
    aside = {i for rows in own.values() for i in rows}
    twice = {keys[i] for i in own.get("validation", ())} & {keys[i] for i in own.get("test", ())}
    if twice:
        data.notes.append(
            f"in the files of both held-out parts: {counted(len(twice), 'sequence')}; so the test "
            "figures include sequences that were used to select the parameters"
        )
    elsewhere = {keys[i] for i in aside}
    rest = [i for i in range(len(keys)) if i not in aside]
    mine = [i for i in rest if keys[i] not in elsewhere]
    if not mine:
        raise CorpusError("all sequences are also in the held-out files, so none is left for "
                          "training")  # fmt: skip
    if len(mine) < len(rest):
        data.notes.append("excluded from training because they are in the files of the held-out "
                          f"parts: {counted(len(rest) - len(mine), 'sequence')}")  # fmt: skip
    validation, test = settings.share("validation"), settings.share("test") or 0.0
    if len(mine) < FEW:
        if validation is None:
            validation = min(SHARE, CHOOSE_BY / len(data.labels))
        parts = _cut(ranges[mine], validation, test)
        if validation + test:
            data.notes.append(_few(len(mine), len(parts["train"]) < sum(map(len, parts.values()))))
    else:
        groups = _alike(mine, keys, settings.seed)
        tested = max(round(test * len(groups)), int(test > 0))
        if validation is None:
            validation = _enough(groups[tested:], ranges, len(groups)) / len(groups)
        validated = max(round(validation * len(groups)), int(validation > 0))
        _refuse_none_left(len(groups), validated, tested)
        bounds = (tested + validated, None), (tested, tested + validated), (0, tested)
        parts = {name: ranges[sorted(i for group in groups[slice(*bound)] for i in group)]
                 for name, bound in zip(PARTS, bounds, strict=True)}  # fmt: skip
    return parts | {name: ranges[list(rows)] for name, rows in own.items()}, validation


def _few(count: int, cut: bool) -> str:
    """What is held out of so few sequences; `cut` says whether it is anything."""
    sequences = counted(count, "sequence")
    if cut:
        return f"{sequences} only, so of each that has {SHORT} symbols the end is held out"
    return (f"{sequences} only, too short to hold out the end of any (that takes {SHORT} symbols), "
            "so nothing of them is held out")  # fmt: skip


def _cut(ranges: Array, validation: float, test: float) -> dict[str, Array]:
    """Of every sequence the end is the test part, and what comes before it the validation."""
    parts: dict[str, list[tuple[int, int]]] = {name: [] for name in PARTS}
    for start, stop in ranges.tolist():
        length = stop - start if stop - start >= SHORT else 0
        tested = stop - round(test * length)
        validated = tested - round(validation * length)
        for name, a, b in zip(PARTS, (start, validated, tested), (validated, tested, stop),
                              strict=True):  # fmt: skip
            if a < b:
                parts[name].append((a, b))
    return {name: np.array(rows, np.int64).reshape(-1, 2) for name, rows in parts.items()}


def _alike(mine: Sequence[int], keys: Sequence[object], seed: int) -> list[list[int]]:
    """Sequences at random; those with the same symbols are one group."""
    groups: dict[object, list[int]] = {}
    for i in mine:
        groups.setdefault(keys[i], []).append(i)
    found = list(groups.values())
    return [found[g] for g in np.random.default_rng([seed, 0]).permutation(len(found))]


def _enough(groups: Sequence[Sequence[int]], ranges: Array, count: int) -> int:
    """How many groups are held out to choose by: a share of all, but no more symbols than enough.

    `count` is the number of all groups.
    """
    lengths = (ranges[:, 1] - ranges[:, 0]).tolist()
    some = groups[: round(SHARE * count)]
    symbols = np.cumsum([sum(lengths[i] for i in group) for group in some])
    return max(1, int(np.searchsorted(symbols, CHOOSE_BY, side="right")))


def _refuse_none_left(groups: int, validated: int, tested: int) -> None:
    """Raise CorpusError if nothing is left for training, with the shares that would leave some."""
    if validated + tested < groups:
        return
    flags = ["--validation"] * bool(validated) + ["--test"] * bool(tested)
    way = f"lower {' or '.join(flags)}"
    if groups <= len(flags):  # each part takes one at least
        between = " and " if groups == 1 else " or "
        way = f"give {between.join(f'{flag} 0' for flag in flags)}"
    only = f"only {groups:,} differ{'s' * (groups == 1)}"
    raise CorpusError(f"no sequence is left for training: {only}, and equal ones are held out "
                      f"together; {way}")  # fmt: skip
