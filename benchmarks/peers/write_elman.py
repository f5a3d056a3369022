"""Elman writing: what `elman sample` does between the prime and the decoding."""

from collections.abc import Callable

import numpy as np
from sampling import CHARACTERS, TEMPERATURE

from elman.nn import engine
from elman.nn.network import Network, NetworkConfig
from elman.tasks.language.sampling import SamplingOptions, Start, generate

from . import Work
from .elman import KEPT, version

__all__ = ["prepare", "version"]


def prepare(work: Work, threads: int, name: str) -> Callable[[], float]:
    config = NetworkConfig(work.vocabulary, work.cell, work.hidden, work.layers)
    network = Network(config, np.float32, engine.select(name, threads))
    limits = network.engine.limit_threads()
    limits.__enter__()
    KEPT.append(limits)  # for the life of this process: dropped, it would end
    for parameter, values in work.parameters().items():
        network.parameters[parameter][...] = values
    start = Start(network.zero_state(1), np.zeros(1, np.int32))
    rng = np.random.default_rng(0)

    def step() -> float:
        options = SamplingOptions(TEMPERATURE)
        return float(sum(generate(network, start, options, rng, [], length=CHARACTERS)))

    return step
