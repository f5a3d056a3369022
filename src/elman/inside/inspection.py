"""What a network holds while it reads: hidden states, cells and gates, and where they show.

The cells hand out hidden states alone. Once these are known nothing is sequential
any more: one product h_{t-1}·W_h for all steps gives every gate. So a long text is
read by the fast engine, and the rest is a few large operations.

How the gradient travels back through the same steps is in `unrolled`.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..cells import CELLS
from ..errors import CorpusError, UsageError, quoted
from ..learn import batches
from ..nn import layers
from ..nn.network import BaseNetwork, Network, NetworkConfig
from ..nn.stack import StackConfig
from ..store.modelfile import SavedModel
from ..tasks.language.model import Model
from ..tasks.language.sampling import decoder
from ..text.encoded import Encoded, Inputs

Array = np.ndarray
# What is read: a text, of a language model also its ids (n,), which say what a text cannot: that a
# word was unknown, where a record ended. Or several texts: of a language model the ids of each, of
# one that gives labels texts or their tokens.
Text = str | bytes | Array | list[Any]
Parts = dict[str, Array]  # "hidden", "i", ... -> (T, H)

# The letters are those of the equations, in the order of the columns of W_x and W_h.
GATES = {"rnn": (), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}
# Long running text is read in stretches in parallel, each from a lead before it.
LONG, STRETCH, LEAD = 8192, 2048, 256
GROUP, ROWS = 1 << 16, 4096  # symbols read in parallel, and at once: bounds the memory


def states(model: SavedModel, text: Text) -> list[Parts]:
    """Hidden states, cells and gates of every layer, after every symbol of a text.

    As when it scores, a model of running text reads a newline first, if it knows one.
    In a model of records every record starts at zero with `<begin>`, and the row of its end
    is the state after the `<begin>` of the next. To a model that gives labels every line is a
    text of its own; the rows of line ends are zeros.

    Parameters
    ----------
    text : a text; of a language model also its ids (n,), or a list of those of records, without
        borders; of a model that gives labels also a list of strings, or of lists of tokens

    Returns
    -------
    for every layer, by name of the part, arrays (T, H): "hidden"; of an LSTM "cell"
    and the gates "i" input, "f" forget, "g" candidate, "o" output; of a GRU "r" reset,
    "z" update, "n" candidate. Row t is what the layer held when it had read symbol t.
    The second direction of a bidirectional network has "reverse.hidden" and so on:
    there row t has read everything from the end to symbol t

    Raises
    ------
    CorpusError : an empty text
    UnknownSymbolError : a symbol that the vocabulary does not hold
    UsageError : a Markov chain, which has no states

    Example
    -------
    >>> states(model, "The sea")[0]["hidden"].shape  # doctest: +SKIP
    (7, 256)
    """
    names, count = parts_of(model), network_of(model).config.num_layers
    found = _read(model, text, [(layer, part) for layer in range(count) for part in names])
    return [{part: found[layer, part] for part in names} for layer in range(count)]


def activations(
    model: SavedModel,
    text: Text,
    layer: int = 0,
    part: str = "hidden",
    units: Array | slice = slice(None),
) -> Array:
    """One part of one layer, (T, units), as in `states`: for a long text.

    Of a running text of more than 8,192 symbols, stretches are read in parallel, each
    from a zero state 256 symbols before.

    Raises
    ------
    UsageError : no such layer or part
    """
    known, count = parts_of(model), network_of(model).config.num_layers
    if not 0 <= layer < count:
        raise UsageError(f"there is no layer {layer}: this model has {count}, counted from 0")
    if part not in known:
        raise UsageError(f"there is no part {quoted(part)}: this model has {', '.join(known)}")
    return _read(model, text, [(layer, part)], units)[layer, part]


def parts_of(model: SavedModel) -> list[str]:
    """Names of the parts that `states` gives for every layer; none of a Markov chain."""
    if not isinstance(model.network, BaseNetwork):
        return []
    config = model.network.config
    names = ["hidden", *(["cell"] if config.cell == "lstm" else []), *GATES[config.cell]]
    return names + ["reverse." + n for n in names if len(_prefixes(config)[0]) > 1]


def network_of(model: SavedModel) -> BaseNetwork:
    """The network of a model; raises UsageError for a Markov chain."""
    if not isinstance(model.network, BaseNetwork):
        raise UsageError("a Markov chain has no hidden state; train a network")
    return model.network


def silenced(model: Model, layer: int, unit: int) -> Model:
    """A copy in which one hidden unit is held at zero: nothing reads it any more.

    Its rows are zero in W_h, and in the weights of the layer above or the readout, so all else
    computes as if h of the unit were 0 at every step.

    Raises
    ------
    UsageError : a Markov chain
    """
    network = network_of(model)
    assert isinstance(network, Network)
    copied = copy.copy(model)
    copied.network = network.copy()
    above = f"layer{layer + 1}.W_x" if layer + 1 < network.config.num_layers else "readout.W_y"
    for name in (f"layer{layer}.W_h", above):
        copied.network.parameters[name][unit] = 0
    return copied


def symbols(model: SavedModel, text: Text) -> list[str]:
    """The text of every symbol that the model reads, one for each row of `states`.

    That of a byte which begins a longer character is "": its last byte has the character.
    """
    network_of(model)
    inputs, leads = _inputs(model, text)
    ids = inputs.texts.ids[_text_rows(inputs.texts, leads)]
    if isinstance(model, Model) and model.lines:
        ids[ids == model.vocabulary.begin] = model.vocabulary.end
    names = inputs.names
    shown = symbol_texts(model, ids) if names is None else [names[i] for i in ids.tolist()]
    if model.classes is not None:
        for offset in inputs.texts.offsets[-2:0:-1]:
            shown.insert(offset, "\n")
    return shown


def symbol_texts(model: SavedModel, ids: Array) -> list[str]:
    """The text of every symbol of a text, see `symbols`."""
    if model.vocabulary.kind == "byte":
        borders, text = model.vocabulary.special, decoder(model.vocabulary)
        return [symbol_text(model, i) if i in borders else text(i) for i in ids.tolist()]
    return [symbol_text(model, i) for i in ids.tolist()]


def symbol_text(model: SavedModel, symbol: int) -> str:
    """The text of a symbol; `<end>` is what ends a record, a byte beyond ASCII `\\xc3`."""
    value = model.vocabulary.symbols[symbol]
    if isinstance(value, int):
        return chr(value) if value < 128 else f"\\x{value:02x}"
    if symbol == model.vocabulary.end and isinstance(model, Model):
        return model.separator
    return value


def gates(cell: str, recurrent: Mapping[str, Array], z: Array, before: Array) -> Parts:
    """The gates of a cell at many steps at once, from the hidden states before them.

    Parameters
    ----------
    recurrent : {"W_h": (H, G·H), "c_n": (H,) (of a GRU, optional)}
    z : (T, B, G·H) pre-activations x·W_x + b
    before : (T, B, H) hidden states h_{t-1}

    Returns
    -------
    (T, B, H) for each letter of `GATES`; nothing of a vanilla cell, whose hidden state is
    its only activation
    """
    if cell == "rnn":
        return {}
    u = (before.reshape(-1, before.shape[2]) @ recurrent["W_h"]).reshape(z.shape)
    split = [np.split(both, len(GATES[cell]), axis=2) for both in (z, u)]
    if cell == "gru":
        (z_r, z_z, z_n), (u_r, u_z, u_n) = split
        r = _sigmoid(z_r + u_r)
        n = np.tanh(z_n + r * (u_n + recurrent.get("c_n", 0)))
        return {"r": r, "z": _sigmoid(z_z + u_z), "n": n}
    i, f, g, o = (a + b for a, b in zip(*split, strict=True))
    return {"i": _sigmoid(i), "f": _sigmoid(f), "g": np.tanh(g), "o": _sigmoid(o)}


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _read(
    model: SavedModel,
    text: Text,
    wanted: list[tuple[int, str]],
    units: Array | slice = slice(None),
) -> dict[tuple[int, str], Array]:
    """The wanted (layer, part), arrays (T, units), with a row for every symbol of the text."""
    network = network_of(model)
    inputs, leads = _inputs(model, text)
    texts = inputs.texts
    width = np.empty(network.config.hidden_size)[units].size
    out = {key: np.empty((len(texts.ids), width), network.dtype) for key in wanted}
    with network.engine.limit_threads():
        for rows in batches.by_length(texts, GROUP):
            ids, mask = batches.padded(texts, rows)
            steps = len(ids)
            if isinstance(network, Network):  # others may read from the end too
                steps = max(1, ROWS // len(rows))
            state = None
            for start in range(0, len(ids), steps):
                part = slice(start, start + steps)
                there = None if mask is None else mask[part]
                x = ids[part] if inputs.table is None else inputs.table[ids[part]]
                found, state = _read_piece(network, x, there, state, wanted)
                place = texts.offsets[rows] + start + np.arange(len(x))[:, None]
                chosen = slice(None) if there is None else there
                for key, values in found.items():
                    out[key][place[chosen]] = values[chosen][..., units]
    kept = _text_rows(texts, leads)
    found = {key: values[kept] for key, values in out.items()}
    if model.classes is not None:  # at the line ends between its texts it holds nothing
        found = {key: np.insert(values, texts.offsets[1:-1], 0, axis=0)
                 for key, values in found.items()}  # fmt: skip
    return found


def _read_piece(
    network: BaseNetwork,
    x: Array,
    mask: Array | None,
    state: Array | None,
    wanted: list[tuple[int, str]],
) -> tuple[dict[tuple[int, str], Array], Array]:
    """The wanted parts (T, B, H), and the state (L, S, B, H) after the last step.

    `x` is what the first layer reads: ids (T, B), or vectors (T, B, D).
    """
    config, p = network.config, network.parameters
    cell = network.engine.forward(config.cell, config.activation)
    if state is None:
        shape = (config.num_layers, CELLS[config.cell].STATES, x.shape[1], config.hidden_size)
        state = np.zeros(shape, network.dtype)
    after = np.empty_like(state)
    found: dict[tuple[int, str], Array] = {}
    for layer, prefixes in enumerate(_prefixes(config)):
        outputs = []
        for prefix in prefixes:
            direction = "reverse." if prefix.endswith("reverse.") else ""
            step = -1 if direction else 1
            W_x, b = p[prefix + "W_x"], p.get(prefix + "b")
            if x.ndim == 2:
                z, _ = layers.one_hot_affine(x[::step], W_x, b)
            else:
                z, _ = layers.affine(np.ascontiguousarray(x[::step]), W_x, b)
            recurrent = {n: p[prefix + n] for n in ("W_h", "c_n") if prefix + n in p}
            h, after[layer], _ = cell(recurrent, z, state[layer], mask)
            parts = {"hidden": h}
            if any(key[0] == layer and not key[1].endswith("hidden") for key in wanted):
                before = np.concatenate([state[layer, :1], h[:-1]])
                parts |= gates(config.cell, recurrent, z, before)
                if config.cell == "lstm":
                    parts["cell"] = _cells(parts, state[layer, 1])
            found |= {(layer, direction + name): a[::step] for name, a in parts.items()}
            outputs.append(h[::step])
        x = np.concatenate(outputs, axis=2) if len(outputs) > 1 else outputs[0]
    return {key: found[key] for key in wanted}, after


def _cells(parts: Parts, c: Array) -> Array:
    """c_t = f ⊙ c_{t-1} + i ⊙ g for all steps, from c before the first."""
    cells = parts["i"] * parts["g"]
    for f, row in zip(parts["f"], cells, strict=True):
        row += f * c
        c = row
    return cells


def _prefixes(config: NetworkConfig) -> list[list[str]]:
    """Per layer: how the names of the parameters of each direction begin."""
    if isinstance(config, StackConfig):
        return config.prefixes
    return [[f"layer{layer}."] for layer in range(config.num_layers)]


def _inputs(model: Any, text: Text) -> tuple[Inputs, Array]:
    """What is read from a zero state, and how many symbols of each only lead up to the text.

    These are the records of a model of records, running text as a whole, or stretches of it
    if it is long.
    """
    if model.classes is not None:
        texts = text if isinstance(text, list) else str(text).split("\n")
        inputs = model.inputs([text for text in texts if len(text)])
        leads = np.zeros(len(inputs.texts), np.int64)
    else:
        pieces, leads = _pieces(model, _encoded(model, text))
        offsets = np.cumsum([0, *map(len, pieces)])
        ids = np.concatenate([np.zeros(0, np.int32), *pieces]).astype(np.int32)
        table = model.network.parameters.get("embedding.E")
        inputs = Inputs(Encoded(ids, offsets), table)
    if not len(inputs.texts):
        raise CorpusError("the text is empty: there is nothing to look into")
    return inputs, leads


def _encoded(model: Any, text: Text) -> list[Array]:
    """The ids of every record, or of the running text; none of an empty text."""
    if isinstance(text, np.ndarray):
        if not model.lines:
            return [text] if len(text) else []
        end = model.vocabulary.end
        records = np.split(text, np.flatnonzero(text == end) + 1)
        return [ids[ids != end] for ids in records]
    if isinstance(text, list):
        return [ids for ids in text if len(ids) or model.lines]
    if not text:
        return []
    clean = model.clean(text)
    if not model.lines:
        return [model.vocabulary.encode(clean)]
    between = model.separator
    records = clean.split(between if isinstance(clean, str) else between.encode())
    return [model.vocabulary.encode(record) for record in records]


def _pieces(model: Any, texts: list[Array]) -> tuple[list[Array], Array]:
    """What is read from a zero state, and its leads, see `_inputs`."""
    opening = [] if model.vocabulary.opening is None else [model.vocabulary.opening]
    pieces: list[Array] = []
    leads: list[int] = []
    for ids in texts:
        read = np.concatenate([np.array(opening, np.int32), ids])
        if model.lines:
            pieces.append(read)
            leads.append(int(len(pieces) == 1))  # the <begin> of the others is the end before it
            continue
        length = len(read) if len(read) <= LONG else STRETCH
        for start in range(0, len(read), length):
            lead = min(start, LEAD)
            pieces.append(read[start - lead : start + length])
            leads.append(lead if start else len(opening))
    return pieces, np.array(leads, np.int64)


def _text_rows(sequences: Encoded, leads: Array) -> Array:
    """Which symbols of the sequences are those of the text, each once: (N,) bool."""
    kept = np.ones(len(sequences.ids), bool)
    for offset, lead in zip(sequences.offsets, leads, strict=False):
        kept[offset : offset + lead] = False
    return kept
