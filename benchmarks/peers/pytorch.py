"""PyTorch on the CPU, eager: nn.RNN, nn.LSTM, nn.GRU and nn.Linear.

Choices, each the fastest that we found among equals:
- One-hot input. These modules take no rows looked up in W_x, and a one-hot
  product is the usual way; the vectors are picked from an identity matrix.
- `fused=True` optimizers: one kernel for all parameters.
"""

from collections.abc import Callable
from itertools import cycle

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from . import Work


def version() -> str:
    return f"PyTorch {torch.__version__}"


class LanguageModel(nn.Module):
    def __init__(self, work: Work):
        super().__init__()
        make = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[work.cell]
        self.recurrent = make(work.vocabulary, work.hidden, work.layers)
        self.readout = nn.Linear(work.hidden, work.vocabulary)
        self.register_buffer("one_hot", torch.eye(work.vocabulary))

    def forward(self, ids, state):
        h, state = self.recurrent(self.one_hot[ids], state)
        return self.readout(h), state


def prepare(work: Work, threads: int, precision: str = "float32") -> Callable[[], float]:
    """One training step with `threads` threads; with precision "bf16" under autocast."""
    torch.set_num_threads(threads)
    model = LanguageModel(work)
    load(model, work)
    make = {"sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam}
    optimizer = make[work.optimizer](model.parameters(), lr=work.learning_rate, fused=True)
    batches = cycle([(torch.tensor(x), torch.tensor(y)) for x, y in work.minibatches()])
    parameters = list(model.parameters())
    state = torch.zeros(work.layers, work.batch, work.hidden)
    if work.cell == "lstm":
        state = (state, state)
    factor = work.steps if work.loss == "sum" else 1

    def step() -> float:
        nonlocal state
        inputs, targets = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits, state = model(inputs, state)
        logits = logits.float()
        loss = cross_entropy(logits.view(-1, work.vocabulary), targets.view(-1)) * factor
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if work.clip_value:
            nn.utils.clip_grad_value_(parameters, work.clip_value)
        if work.clip_norm:
            nn.utils.clip_grad_norm_(parameters, work.clip_norm)
        optimizer.step()
        state = tuple(s.detach() for s in state) if work.cell == "lstm" else state.detach()
        return loss.item()

    return step


@torch.no_grad()
def load(model: LanguageModel, work: Work) -> None:
    """Elman's first parameters, transposed; the second bias is zero but for the GRU's c_n."""
    values = {name: torch.from_numpy(array.T) for name, array in work.parameters().items()}
    for layer in range(work.layers):
        for ours, theirs in (("W_x", "weight_ih"), ("W_h", "weight_hh"), ("b", "bias_ih")):
            getattr(model.recurrent, f"{theirs}_l{layer}").copy_(values[f"layer{layer}.{ours}"])
        second = getattr(model.recurrent, f"bias_hh_l{layer}").zero_()
        if work.cell == "gru":
            second[2 * work.hidden :] = values[f"layer{layer}.c_n"]
    model.readout.weight.copy_(values["readout.W_y"])
    model.readout.bias.copy_(values["readout.b_y"])
