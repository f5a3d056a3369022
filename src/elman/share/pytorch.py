"""Weights under the names of PyTorch: out, and in again.

    ours             (shape)       PyTorch                       (transposed)
    embedding.E      (V, E)        encoder.weight                (V, E)
    layerK.W_x       (D, G·H)      rnn.weight_ih_lK              (G·H, D)
    layerK.W_h       (H, G·H)      rnn.weight_hh_lK              (G·H, H)
    layerK.b         (G·H)         rnn.bias_ih_lK + rnn.bias_hh_lK
    layerK.c_n       (H)           the n part of rnn.bias_hh_lK, of a GRU
    readout.W_y      (width, O)    decoder.weight                (O, width)
    readout.b_y      (O)           decoder.bias

Names of a reverse direction end in `_reverse`. The gates are in the same order. Two biases
that are only ever added are one: it leaves as `bias_ih`, with zeros as `bias_hh`. Of a tagger
the cells that read letters are called letters instead of rnn, and the scores of the chain keep
their names: chain.A, chain.start, chain.end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..cells import CELLS
from ..errors import ModelFileError, UsageError, listed
from ..nn.tagger import CHAIN, LETTERS
from ..store.modelfile import SavedModel
from .architecture import config_of, directions

Array = np.ndarray
Tensors = dict[str, Array]

RECURRENT = re.compile(r"(?:.*\.)?(weight|bias)_(ih|hh)_l(\d{1,4})(_reverse)?")
ENCODERS = re.compile(r"(?:.*\.)?(?:encoder|emb\w*|wte|word_embeddings)\.weight")
CELL_OF = {cell.GATES: name for name, cell in CELLS.items()}


def pack(model: SavedModel) -> bytes:
    """The bytes of a safetensors file with the `state_dict` of a model.

    Raises UsageError for a Markov chain, and for a classifier with a table of n-grams.
    """
    from safetensors.numpy import save

    # Without this key others' tools refuse the file: it says whose tensors these are.
    return save(state_dict(model), {"format": "pt"})


def state_dict(model: SavedModel) -> Tensors:
    """The weights of a network, one tensor a name: encoder, rnn, decoder."""
    config = config_of(model, "PyTorch weights")
    if getattr(config, "wide", 0):
        raise UsageError("a table of n-grams is not a PyTorch module; train with --wide 0, or "
                         "export as ONNX (--format onnx), which has it")  # fmt: skip
    p: Mapping[str, Array] = model.network.parameters
    found: Tensors = {}
    if "embedding.E" in p:
        found["encoder.weight"] = p["embedding.E"]
    for layer, prefixes in enumerate(directions(config)):
        for prefix in prefixes:
            found |= _cells(p, prefix, "rnn", layer)
    for prefix in LETTERS:
        if prefix + "W_h" in p:
            found |= _cells(p, prefix, "letters", 0)
    found |= {name: p[name] for name in CHAIN if name in p}
    found["decoder.weight"] = p["readout.W_y"].T
    if config.bias:
        found["decoder.bias"] = p["readout.b_y"]
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _cells(p: Mapping[str, Array], prefix: str, module: str, layer: int) -> Tensors:
    """The weights of one direction of a layer of cells."""
    end = f"_l{layer}" + ("_reverse" if prefix.endswith("reverse.") else "")
    found = {f"{module}.weight_ih{end}": p[prefix + "W_x"].T,
             f"{module}.weight_hh{end}": p[prefix + "W_h"].T}  # fmt: skip
    if prefix + "b" in p:
        second = np.zeros_like(p[prefix + "b"])
        if prefix + "c_n" in p:
            second[-len(p[prefix + "c_n"]) :] = p[prefix + "c_n"]
        found |= {f"{module}.bias_ih{end}": p[prefix + "b"], f"{module}.bias_hh{end}": second}
    return found


@dataclass(frozen=True)
class Weights:
    """Weights from outside, under our names, and the architecture that their shapes tell.

    Attributes
    ----------
    architecture : the fields of a `ClassifierConfig` that the shapes decide, without
        the number of classes
    outputs : rows of the decoder
    tensors : by our names
    """

    architecture: dict[str, Any]
    outputs: int
    tensors: Tensors


def read(tensors: Tensors, metadata: Mapping[str, str]) -> Weights:
    """The weights of a `state_dict` whose names may have any prefix.

    Parameters
    ----------
    metadata : of the file; `save_model` of safetensors notes there which names were left
        out because their tensor has another name, too

    Raises
    ------
    ModelFileError : names that are missing or that we have no place for, shapes that do not
        fit each other, numbers that are not finite or of other types
    """
    given = dict(tensors)
    for name, kept in metadata.items():
        if name not in given and kept in given:
            given[name] = given[kept]
    for name, array in given.items():
        if not np.isfinite(array).all():
            raise ModelFileError(f"{name} holds NaN or infinite numbers")
    recurrent = _recurrent(given)
    others = {name: array for name, array in given.items() if name not in recurrent.values()}
    encoder, decoder, bias = _ends(others)
    reader = _Reader({key: (name, given[name]) for key, name in recurrent.items()})
    return reader.weights(_named(encoder, given), (decoder, given[decoder]), _named(bias, given))


Named = tuple[str, Array]


def _named(name: str | None, tensors: Tensors) -> Named | None:
    return None if name is None else (name, tensors[name])


def _parts(name: str) -> tuple[str, str, int, bool]:
    found = RECURRENT.fullmatch(name)
    assert found is not None
    kind, source, layer, reverse = found.groups()
    return kind, source, int(layer), bool(reverse)


def _recurrent(tensors: Tensors) -> dict[tuple[str, str, int, bool], str]:
    """Names of the tensors of the cells, by what they are; of one stack of layers."""
    names = [name for name in tensors if RECURRENT.fullmatch(name)]
    found = {_parts(name): name for name in names}
    if ("weight", "hh", 0, False) not in found:
        held = listed([name[:40] for name in tensors], 3, str) or "nothing"
        raise ModelFileError(
            f"weight_hh_l0 is missing, so it has no recurrent layer; it has {held}"
        )
    for name in names:
        if found[_parts(name)] != name:
            raise ModelFileError(f"{name} and {found[_parts(name)]} belong to two stacks of "
                                 "recurrent layers, but a network of Elman has one")  # fmt: skip
    return found


def _ends(others: Tensors) -> tuple[str | None, str, str | None]:
    """Names of the encoder's weights, the decoder's weights and its bias, of all but the cells.

    The decoder is what has a bias; without one, what is not called an encoder.
    """
    weights = [name for name in others if name.endswith(".weight") and others[name].ndim == 2]
    biases = [name for name in others if name.removesuffix("bias") + "weight" in weights]
    strange = [name for name in others if name not in weights and name not in biases]
    if strange:
        shape = others[strange[0]].shape
        raise ModelFileError(f"{strange[0]} {shape} does not fit a network of Elman: "
                             "an embedding, recurrent layers, a linear readout")  # fmt: skip
    if len(biases) == 1:
        decoders = [biases[0].removesuffix("bias") + "weight"]
    else:
        decoders = [name for name in weights if not ENCODERS.fullmatch(name)]
    encoders = [name for name in weights if name not in decoders]
    if len(decoders) != 1 or len(encoders) > 1 or len(biases) > 1:
        shapes = [f"{name} {others[name].shape}" for name in others] or ["nothing"]
        raise ModelFileError("besides recurrent layers there must be one linear readout, and at "
                             f"most one embedding; there is {listed(shapes, 6, str)}")  # fmt: skip
    return encoders[0] if encoders else None, decoders[0], biases[0] if biases else None


class _Reader:
    """The recurrent tensors, by kind ("weight"), source ("ih"), layer and whether reverse."""

    def __init__(self, tensors: dict[tuple[str, str, int, bool], Named]):
        self.given = tensors
        name, W_h = tensors["weight", "hh", 0, False]
        rows, self.H = W_h.shape if W_h.ndim == 2 else (0, 0)
        if not self.H or rows % self.H or rows // self.H not in CELL_OF:
            raise ModelFileError(f"{name} is {W_h.shape}: an RNN has (H, H), a GRU (3·H, H), an "
                                 "LSTM (4·H, H)")  # fmt: skip
        self.gates = rows // self.H
        self.cell = CELL_OF[self.gates]
        self.layers = 1 + max(layer for _, _, layer, _ in tensors)
        self.both = any(reverse for *_, reverse in tensors)
        self.bias = any(kind == "bias" for kind, *_ in tensors)

    def weights(self, encoder: Named | None, decoder: Named, bias: Named | None) -> Weights:
        """All under our names, each held to the shape that the others demand."""
        first = self._get("weight", "ih", 0, False)
        if first[1].ndim != 2:
            raise ModelFileError(_misfit(first, self.given["weight", "hh", 0, False]))
        V = first[1].shape[-1] if encoder is None else len(encoder[1])
        found: Tensors = {}
        has_bias = self.bias or bias is not None
        if encoder is not None:
            found["embedding.E"] = encoder[1]
        width = self.H * (1 + self.both)
        for layer in range(self.layers):
            D, of = (width, first) if layer else (first[1].shape[-1], encoder or first)
            if not layer and encoder is not None and encoder[1].shape[1] != D:
                raise ModelFileError(_misfit(first, encoder))
            for reverse in (False, True)[: 1 + self.both]:
                prefix = f"layer{layer}.{'reverse.' * reverse}"
                found |= self._layer(prefix, layer, reverse, D, of, has_bias)
        if decoder[1].shape[1] != width:
            raise ModelFileError(_misfit(decoder, self.given["weight", "hh", 0, False]))
        found["readout.W_y"] = decoder[1].T
        if bias is not None and bias[1].shape != decoder[1].shape[:1]:
            raise ModelFileError(_misfit(bias, decoder))
        if has_bias:
            found["readout.b_y"] = np.zeros_like(decoder[1][:, 0]) if bias is None else bias[1]
        architecture = {
            "vocabulary_size": V, "cell": self.cell, "hidden_size": self.H,
            "num_layers": self.layers, "bias": has_bias, "bidirectional": self.both,
            "embedding_size": 0 if encoder is None else encoder[1].shape[1],
        }  # fmt: skip
        arrays = {name: np.ascontiguousarray(array) for name, array in found.items()}
        return Weights(architecture, len(decoder[1]), arrays)

    def _layer(
        self, prefix: str, layer: int, reverse: bool, D: int, of: Named, bias: bool
    ) -> Tensors:
        """The tensors of a direction; `of` is what demands that it reads D numbers."""
        rows, first = self.gates * self.H, self.given["weight", "hh", 0, False]
        W_x = self._get("weight", "ih", layer, reverse)
        if W_x[1].shape != (rows, D):
            raise ModelFileError(_misfit(W_x, first if W_x[1].shape[:1] != (rows,) else of))
        W_h = self._get("weight", "hh", layer, reverse)
        if W_h[1].shape != (rows, self.H):
            raise ModelFileError(_misfit(W_h, first))
        found = {prefix + "W_x": W_x[1].T, prefix + "W_h": W_h[1].T}
        if not bias:
            return found
        ih = hh = np.zeros(rows, W_h[1].dtype)
        if self.bias:
            ih, hh = (self._bias(source, layer, reverse, first) for source in ("ih", "hh"))
        # Adding a zero would turn -0.0 into 0.0: other bits.
        b = np.where(hh == 0, ih, ih + hh)
        if self.cell == "gru":
            b[-self.H :] = ih[-self.H :]
            found[prefix + "c_n"] = hh[-self.H :]
        return found | {prefix + "b": b}

    def _bias(self, source: str, layer: int, reverse: bool, first: Named) -> Array:
        name, array = self._get("bias", source, layer, reverse)
        if array.shape != (self.gates * self.H,):
            raise ModelFileError(_misfit((name, array), first))
        return array

    def _get(self, kind: str, source: str, layer: int, reverse: bool) -> Named:
        key = (kind, source, layer, reverse)
        if key not in self.given:
            name = f"{kind}_{source}_l{layer}" + "_reverse" * reverse
            raise ModelFileError(f"{name} is missing")
        return self.given[key]


def _misfit(one: Named, other: Named) -> str:
    return f"{one[0]} {one[1].shape} does not fit {other[0]} {other[1].shape}"
