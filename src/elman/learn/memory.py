"""Whether a network fits into memory, found out before it is made."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..nn.network import NetworkConfig
from ..settings import Settings
from .shards import TOGETHER

FEW_SYMBOLS = 20_000  # words that are a large vocabulary still


def refuse_too_large(
    config: NetworkConfig, settings: Settings, steps: int, own_vocabulary: bool
) -> None:
    """Refuse a network that does not fit into memory, before trying.

    Parameters
    ----------
    steps : how many steps of all sequences of a batch are kept for the backward pass
    own_vocabulary : whether its size may be chosen
    """
    itemsize = np.dtype(settings.dtype).itemsize
    together = min(settings.shards, TOGETHER)
    steps = -(-steps // settings.shards) * together  # those of some shards at once
    # Of shards also the gradients of these, and the sums that are not finished.
    copies = 3 + settings.shards.bit_length() - 1 + (together if together > 1 else 0)
    copies += {"adam": 2, "sgd": int(bool(settings.momentum))}.get(settings.optimizer, 1)

    def needs(config: NetworkConfig) -> float:
        per_step = config.vocabulary_size * 2 + 12 * config.hidden_size * config.num_layers
        return itemsize * (copies * config.num_parameters() + steps * per_step)

    needed, available = needs(config), _available_memory()
    if needed <= available:
        return
    way_out = "lower --hidden-size, --num-layers, --seq-len or --batch-size"
    small = replace(config, vocabulary_size=min(config.vocabulary_size, FEW_SYMBOLS))
    if own_vocabulary and needs(small) < 0.5 * needed:
        way_out = (
            f"it has {config.vocabulary_size:,} symbols; reduce them with --vocabulary-size "
            f"{FEW_SYMBOLS} or --min-count"
        )
    raise UsageError(
        f"this network needs about {needed / 1e9:,.1f} GB of memory ({config.num_parameters():,} "
        f"parameters), but only {available / 1e9:,.1f} GB are available; {way_out}"
    )


def _available_memory() -> float:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return float("inf")
