"""Weights that come in: a `state_dict` of PyTorch, or an ONNX file that we wrote, as a model."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from shlex import quote
from typing import Any

from ..errors import ModelFileError, UsageError, counted, quoted
from ..files import as_path
from ..nn.engine import select
from ..nn.network import NetworkConfig
from ..nn.stack import StackConfig
from ..store import checkpoint
from ..store.foreign import LOOKED_AT, NO_PICKLES, ONNX, describe
from ..store.modelfile import SavedModel, refuse_damaged
from ..tasks import find, load
from ..tasks.classify.model import Classifier
from ..tasks.language.model import Model
from ..tasks.language.ngram import NGram
from ..text.vocabulary import Vocabulary
from . import onnx_import, pytorch
from .symbols import Symbols
from .symbols import vocabulary as read_symbols

TYPES = {"F32": "float32", "F64": "float64"}  # of safetensors, and what we call them


@dataclass(frozen=True)
class Imported:
    """A model from outside, and what to say of it before it is written."""

    model: Any
    lines: list[str]


def import_weights(
    path: str | Path,
    *,
    vocabulary: Symbols | None = None,
    like: str | Path | Model | Classifier | None = None,
) -> Any:
    """A model from external weights.

    Parameters
    ----------
    path : a safetensors file with a `state_dict` of PyTorch: an optional embedding, one
        stack of `RNN`, `GRU` or `LSTM`, a linear readout, names with any prefix; or an ONNX
        file that `elman export` wrote, which contains its symbols
    vocabulary : the symbols of a language model: a list of them in the order of the rows, or
        their numbers by symbol; a .json file with either; a `Vocabulary`; or a text
        whose characters in the order of their code points are the symbols
    like : a model, or its file, whose symbols, treatment of text, classes and pooling are used

    Returns
    -------
    model : a `Model`, a `Classifier`, or of an ONNX file also a `Tagger`

    Raises
    ------
    UsageError : neither vocabulary nor like for weights of PyTorch, or both
    ModelFileError : a pickle, another file, shapes that do not fit, numbers that are not finite
    CorpusError : a vocabulary that cannot be read

    Example
    -------
    >>> model = elman.import_weights("w.safetensors", like="m.safetensors")  # doctest: +SKIP
    """
    return read(path, vocabulary, like).model


def read(
    path: str | Path,
    vocabulary: Symbols | None = None,
    like: str | Path | Model | Classifier | None = None,
) -> Imported:
    """See `import_weights`."""
    path = as_path(path, "the weights")
    if not isinstance(like, str | Path | SavedModel | None):
        raise UsageError(f"--like must be a model or its file, not {quoted(like)}")
    if vocabulary is not None and like is not None:
        raise UsageError("--vocabulary and --like both say what the symbols are; leave one out")
    start = _start(path)
    if ONNX.match(start):
        if vocabulary is not None or like is not None:
            raise UsageError(f"{path} contains its symbols; leave --vocabulary and --like out")
        return _described(_from_onnx(path), path)
    _refuse_foreign(path, start)
    if vocabulary is None and like is None:
        raise UsageError("the weights do not say which symbol each row is; add --vocabulary FILE "
                         "or --like MODEL")  # fmt: skip
    return _from_pytorch(path, vocabulary, like)


def _start(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(LOOKED_AT)
    except OSError as error:
        raise ModelFileError(f"cannot read the weights {path}: {error.strerror}") from None


def _refuse_foreign(path: Path, start: bytes) -> None:
    """Say what a file is that certainly holds no tensors in the safetensors format."""
    what = describe(start, path)
    if what.endswith(NO_PICKLES) and "PyTorch" in what.removesuffix(NO_PICKLES):
        raise ModelFileError(
            f"{path} {what.partition(',')[0]}, which can run any code when it is read, so Elman "
            "never reads one; a whole module must be saved again as its state_dict where its "
            "class is available (torch.save(model.state_dict(), ...)), and a state_dict is "
            f"converted with: python -c {quote(_conversion(path))}"
        )
    if what:
        raise ModelFileError(f"{path} {what}")


def _conversion(path: Path) -> str:
    """What makes a safetensors file of a `state_dict`, also of one in a checkpoint.

    It replaces no file, and reads nothing but tensors.
    """
    new = path.with_suffix(".safetensors")
    if new == path:
        new = path.with_stem(f"{path.stem}-converted")
    return (
        "import torch; from safetensors.torch import save; "
        f"w = torch.load(open({str(path)!r}, 'rb'), map_location='cpu', weights_only=True); "
        "names = ('model', 'state_dict', 'model_state_dict'); "
        "w = next((w[n] for n in names if isinstance(w.get(n), dict)), w); "
        "data = save({n: t.detach().contiguous().clone() for n, t in w.items() "
        "if torch.is_tensor(t)}); "
        f"open({str(new)!r}, 'xb').write(data)"
    )


def _from_onnx(path: Path) -> SavedModel:
    with refuse_damaged(path):
        tensors, metadata = onnx_import.read(path)
        kind = find(metadata["config"].get("task", "lm")).model
    return kind.from_file(path, tensors, metadata, select())


def _from_pytorch(
    path: Path,
    vocabulary: Symbols | None,
    like: str | Path | Model | Classifier | None,
) -> Imported:
    tensors, strings, dtype = _safetensors(path)
    older = load(like) if isinstance(like, str | Path) else like
    if not isinstance(older, Model | Classifier | None):
        raise UsageError("weights of PyTorch come in as a language model or a classifier; "
                         f"--like names {older.NOUN}")  # fmt: skip
    try:
        weights = pytorch.read(tensors, strings)
    except ModelFileError as error:
        raise ModelFileError(f"{path} does not fit: {error}") from None
    if older is None:
        assert vocabulary is not None
        symbols = read_symbols(vocabulary)
        config = _language_config(symbols)
    else:
        if isinstance(older.network, NGram):
            raise UsageError("--like needs a network, not a Markov chain")
        symbols = older.vocabulary
        config = dict(older.config)
        if isinstance(older, Classifier):
            config["classes"] = older.classes
    _check_ends(path, weights, symbols, config)
    config |= {name: value for name, value in weights.architecture.items() if name in config}
    metadata = {"config": config | {"dtype": dtype}, "vocabulary": symbols.to_json()}
    model = find(config.get("task", "lm")).model.from_file(
        path, weights.tensors, metadata, select()
    )
    return _described(model, path, said=older is not None)


def _safetensors(path: Path) -> tuple[pytorch.Tensors, dict[str, str], str]:
    """Tensors, metadata and the one type of a safetensors file that is no model of ours."""
    from safetensors.numpy import load as load_bytes

    with checkpoint.readable(path):
        data = path.read_bytes()
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        strings = header.pop("__metadata__", None) or {}
        types = sorted({entry["dtype"] for entry in header.values()})
        if "digest" in strings:
            raise ModelFileError(f"{path} is a model of Elman already; elman info {path} shows it")
    if len(types) != 1 or types[0] not in TYPES:
        raise ModelFileError(
            f"{path} holds numbers of type {', '.join(types) or 'nothing'}; Elman takes F32 or "
            "F64, the same in all tensors: convert them with .float()"
        )
    with checkpoint.readable(path):
        return load_bytes(data), strings, TYPES[types[0]]


def _language_config(symbols: Vocabulary) -> dict[str, Any]:
    """The configuration of a language model, of which weights know nothing; theirs go over it."""
    network = {f.name: f.default for f in fields(NetworkConfig) if f.name != "vocabulary_size"}
    length = sum(map(len, map(str, symbols.symbols))) / len(symbols)
    return network | {
        "task": "lm", "vocabulary_size": len(symbols), "tokens": symbols.kind,
        "lines": symbols.begin is not None, "separator": None, "lowercase": False,
        "normalize": None, "unknown": symbols.unknown is not None,
        "characters_per_symbol": length if symbols.kind == "word" else 1.0,
    }  # fmt: skip


def _check_ends(
    path: Path, weights: pytorch.Weights, symbols: Vocabulary, config: dict[str, Any]
) -> None:
    """Raise ModelFileError if the first and the last rows are not symbols, or classes."""
    V = weights.architecture["vocabulary_size"]
    if len(symbols) != V:
        raise ModelFileError(f"{path} reads {counted(V, 'symbol')}, the vocabulary has "
                             f"{len(symbols):,}")  # fmt: skip
    if "classes" in config:
        wanted, what = len(config["classes"]), "classes"
    else:
        wanted, what = V, "symbols"
        if weights.architecture["bidirectional"]:
            raise ModelFileError(f"{path} reads in both directions, as no language model does; "
                                 "name a classifier with --like, for its classes")  # fmt: skip
    if weights.outputs != wanted:
        way = "" if "classes" in config else "; for a classifier, name one like it with --like"
        raise ModelFileError(f"{path} has a readout of {counted(weights.outputs, 'row')} for "
                             f"{wanted:,} {what}{way}")  # fmt: skip


def _described(model: Any, path: Path, said: bool = True) -> Imported:
    """The model, and lines that say what was understood; `said`: which activation it has."""
    config: NetworkConfig = model.network.config
    kind = f"{config.cell} {config.num_layers} × {config.hidden_size}"
    if isinstance(config, StackConfig):
        kind = f"bidirectional {kind}" if config.bidirectional else kind
    parts = [kind]
    parts += [f"embedding {config.embedding_size}"] if config.embedding_size else []
    parts += [] if config.bias else ["no biases"]
    parts.append(f"{len(model.vocabulary):,} symbols ({model.vocabulary.kind})")
    if model.classes is not None:
        parts.append(f"{len(model.classes):,} classes")
    parts += [f"{config.num_parameters():,} parameters", model.config["dtype"]]
    lines = [f"{path}: {', '.join(parts)}"]
    if config.cell == "rnn" and not said:
        lines.append("note: weights do not say which activation an RNN has; tanh was used; with "
                     "--like, that of the model")  # fmt: skip
    spaces = model.classes is None and model.vocabulary.kind == "word"
    if spaces and not any(str(s).isspace() for s in model.vocabulary.ids):
        lines.append("note: the vocabulary has no white space, which Elman reads as symbols of "
                     "their own")  # fmt: skip
    return Imported(model, lines)
