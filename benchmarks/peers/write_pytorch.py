"""PyTorch writing, eager: a loop in Python, `torch.multinomial` for the draw."""

from collections.abc import Callable

import torch
from sampling import CHARACTERS, TEMPERATURE

from . import Work
from .pytorch import LanguageModel, load, version

__all__ = ["prepare", "version"]


def prepare(work: Work, threads: int) -> Callable[[], float]:
    torch.set_num_threads(threads)
    model = LanguageModel(work).eval()
    load(model, work)
    zero = torch.zeros(work.layers, 1, work.hidden)
    first = (zero, zero) if work.cell == "lstm" else zero

    @torch.inference_mode()
    def step() -> float:
        symbol, state = torch.zeros(1, 1, dtype=torch.long), first
        for _ in range(CHARACTERS):
            logits, state = model(symbol, state)
            symbol = torch.multinomial(torch.softmax(logits[0] / TEMPERATURE, dim=-1), 1)
        return float(symbol)

    return step
