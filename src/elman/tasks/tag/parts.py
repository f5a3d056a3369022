"""How labelled sequences are divided: by sequence, and a text of few by position."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import CorpusError, counted
from ...text.splits import PARTS
from ...text.tagged import Tagged
from .settings import TagSettings

Array = np.ndarray
FEW = 10  # sequences: in fewer, each is cut by position
SHORT = 20  # symbols: a sequence of fewer is not cut


def divided(
    data: Tagged, own: Mapping[str, Sequence[int]], settings: TagSettings
) -> dict[str, Array]:
    """First symbol and the one behind the last of what each part has (n, 2).

    The same sequence never stands on two sides. Parts with files of their own hold what those
    hold (`own` says which sequences), and nothing is learned from a sequence that stands there.

    Raises CorpusError if nothing is left to train on.
    """
    offsets = data.offsets
    ranges = np.stack([offsets[:-1], offsets[1:]], axis=1)
    keys = [tokens if isinstance(tokens, str) else tuple(tokens) for tokens in data.tokens]
    aside = {i for rows in own.values() for i in rows}
    elsewhere = {keys[i] for i in aside}
    rest = [i for i in range(len(keys)) if i not in aside]
    mine = [i for i in rest if keys[i] not in elsewhere]
    if not mine:
        raise CorpusError("all sequences stand in the files of the held-out parts, too: none is "
                          "left to train on")  # fmt: skip
    if len(mine) < len(rest):
        data.notes.append("not learned from, as the files of the held-out parts have them: "
                          f"{counted(len(rest) - len(mine), 'sequence')}")  # fmt: skip
    shares = settings.share("validation") or 0.0, settings.share("test") or 0.0
    if len(mine) < FEW:
        parts = _cut(ranges[mine], *shares)
        if len(parts["train"]) < sum(map(len, parts.values())):
            data.notes.append(f"{counted(len(mine), 'sequence')} only, so of each the end is held "
                              "out")  # fmt: skip
    else:
        parts = _chosen(ranges, mine, keys, *shares, settings.seed)
    if not len(parts["train"]):
        raise CorpusError("no sequence is left to train on, as the same ones are held out together;"
                          " lower --validation and --test")  # fmt: skip
    return parts | {name: ranges[list(rows)] for name, rows in own.items()}


def _cut(ranges: Array, validation: float, test: float) -> dict[str, Array]:
    """Of every sequence the end is the test part, and what stands before it the validation."""
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


def _chosen(
    ranges: Array, mine: Sequence[int], keys: Sequence[object], validation: float, test: float,
    seed: int,
) -> dict[str, Array]:  # fmt: skip
    """Sequences at random; those with the same symbols go together."""
    groups: dict[object, list[int]] = {}
    for i in mine:
        groups.setdefault(keys[i], []).append(i)
    order = np.random.default_rng([seed, 0]).permutation(len(groups))
    tested = max(round(test * len(order)), int(test > 0))
    validated = tested + max(round(validation * len(order)), int(validation > 0))
    found = list(groups.values())
    bounds = dict(zip(PARTS, ((validated, None), (tested, validated), (0, tested)), strict=True))
    return {
        name: ranges[sorted(i for g in order[slice(*bound)] for i in found[g])]
        for name, bound in bounds.items()
    }
