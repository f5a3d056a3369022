"""A classifier in PyTorch, eager, with the weights of one of ours: predicting, and training.

The rows of n-grams are found by our code, for want of such a module; an `embedding_bag` adds them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout, embedding_bag
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from elman.nn import wide

CELLS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}
BATCHES = 200  # that a training knows, one after the other


class Classifier(nn.Module):
    """The network of a `ClassifierNetwork` that pools the last states."""

    def __init__(self, network: Any):
        super().__init__()
        self.config, self.ngram_dropout = network.config, network.ngram_dropout
        c, p = network.config, network.parameters
        self.register_buffer("one_hot", torch.eye(c.vocabulary_size))
        self.cell = CELLS[c.cell](
            c.vocabulary_size, c.hidden_size, c.num_layers, bidirectional=c.bidirectional
        )
        self.readout = nn.Linear(c.width, c.num_classes)
        self.table = nn.Parameter(torch.tensor(p["wide.W"])) if c.wide else None
        with torch.no_grad():
            self._load(p)

    def _load(self, p: Any) -> None:
        """Our parameters, transposed; the second bias is zero but for the GRU's c_n."""
        H = self.config.hidden_size
        for layer, prefixes in enumerate(self.config.prefixes):
            for suffix, prefix in zip((f"_l{layer}", f"_l{layer}_reverse"), prefixes, strict=False):
                for ours, theirs in (("W_x", "weight_ih"), ("W_h", "weight_hh"), ("b", "bias_ih")):
                    getattr(self.cell, theirs + suffix).copy_(torch.tensor(p[prefix + ours].T))
                second = getattr(self.cell, "bias_hh" + suffix).zero_()
                if self.config.cell == "gru":
                    second[2 * H :] = torch.tensor(p[prefix + "c_n"])
        self.readout.weight.copy_(torch.tensor(p["readout.W_y"].T))
        self.readout.bias.copy_(torch.tensor(p["readout.b_y"]))

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """Logits (B, C) of padded ids (T, B); the n-grams are those of `text`."""
        packed = pack_padded_sequence(self.one_hot[ids], lengths, enforce_sorted=False)
        final = self.cell(packed)[1]
        final = final[0] if self.config.cell == "lstm" else final
        both = torch.cat(list(final[-len(self.config.prefixes[-1]) :]), dim=1)
        logits = self.readout(dropout(both, self.config.dropout, self.training))
        return logits if self.table is None else logits + self._ngrams(text, lengths)

    def _ngrams(self, text: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        mask = np.arange(len(text))[:, None] < lengths.numpy()
        found = wide.ngrams(text.numpy(), mask, self.config.wide, self.config.wide_ngrams)
        weights = torch.tensor(
            (found.there / np.sqrt(found.there.sum(axis=0))).astype(np.float32).T
        )
        if self.config.dropout:
            weights = dropout(weights, self.ngram_dropout, self.training)
        return embedding_bag(
            torch.tensor(found.rows.T), self.table, mode="sum", per_sample_weights=weights,
            sparse=self.training,
        )  # fmt: skip


def predicting(model: Any, threads: int) -> Callable[[list[str], int], np.ndarray]:
    """A function: texts and batch size to probabilities."""
    torch.set_num_threads(threads)
    network = Classifier(model.network).eval()
    ids, unknown = model.vocabulary.ids, model.vocabulary.unknown

    @torch.inference_mode()
    def classify(texts: list[str], batch_size: int) -> np.ndarray:
        out = np.empty((len(texts), network.config.num_classes), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            encoded = [torch.tensor([ids.get(c, unknown) for c in texts[i]]) for i in rows]
            padded, lengths = pad_sequence(encoded), torch.tensor([len(x) for x in encoded])
            logits = network(padded, lengths, padded)
            out[rows] = torch.softmax(logits / model.temperature, dim=1).numpy()
        return out

    return classify


def training(trainer: Any, threads: int) -> Callable[[], float]:
    """A function: one step on the next batch of one of our trainers, the loss.

    Adam for the network, Adagrad for the rows of the table that a batch reads, the norm clipped.
    """
    torch.set_num_threads(threads)
    s, network = trainer.settings, Classifier(trainer.network).train()
    dense = [p for name, p in network.named_parameters() if name != "table"]
    optimizers: list[Any] = [torch.optim.Adam(dense, lr=s.learning_rate, fused=True)]
    if network.table is not None:
        optimizers.append(torch.optim.Adagrad([network.table], lr=trainer.table_rate))
    batches = [trainer.plan[i] for i in range(min(BATCHES, len(trainer.plan)))]
    unknown, step_number = trainer.vocabulary.unknown, 0

    def step() -> float:
        nonlocal step_number
        batch = batches[step_number % len(batches)]
        step_number += 1
        text = torch.tensor(batch.inputs, dtype=torch.int64)
        mask = np.ones(batch.inputs.shape, bool) if batch.mask is None else batch.mask
        ids = text
        if s.symbol_dropout:
            ids = torch.where(torch.rand(text.shape) < s.symbol_dropout, unknown, text)
        logits = network(ids, torch.tensor(mask.sum(axis=0)), text)
        loss = cross_entropy(logits, torch.tensor(batch.labels, dtype=torch.int64))
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if s.clip_norm:
            nn.utils.clip_grad_norm_(dense, s.clip_norm)
        for optimizer in optimizers:
            optimizer.step()
        return loss.item()

    return step
