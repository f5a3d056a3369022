"""What every model is made of, and its file: written whole, checked when it is read."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

import elman  # the public face alone names the rooms above this one

from ..errors import ModelFileError, UsageError, counted, quoted
from ..files import OutputFile, model_path
from ..nn.engine import Engine, select
from ..nn.network import BaseNetwork, NetworkConfig
from ..settings import Settings
from ..text.read import TextOptions
from ..text.vocabulary import KINDS, Vocabulary
from ..text.words import RULES, SPACE_BEFORE
from . import checkpoint, schema
from .leaving import without_folders
from .shown import Shown, files_of

N = TypeVar("N", bound=BaseNetwork)
M = TypeVar("M", bound="SavedModel")
LONGEST_NGRAM = 64  # symbols that a file may ask for


class SavedModel(Shown):
    """What the models of all tasks have in common: a network, its symbols, one file.

    Attributes
    ----------
    network : what computes
    vocabulary : its symbols
    classes : the labels that it gives, None of a language model
    config : architecture and treatment of text, as the model file holds it
    summary : how it was made: command, corpus, steps, final figures, versions
    training : what resuming needs (arrays and settings), None if stripped
    """

    NOUN: ClassVar[str]  # what a message calls such a model
    USE: ClassVar[str]  # the verbs that take it, for a message
    SETTINGS: ClassVar[type[Settings]]  # whose ranges hold for its configuration

    network: Any
    classes: list[str] | None = None

    def __init__(
        self,
        vocabulary: Vocabulary,
        config: dict[str, Any],
        summary: dict[str, Any] | None,
        training: tuple[checkpoint.Tensors, dict[str, Any]] | None,
    ):
        self.vocabulary = vocabulary
        self.config = config
        self.summary = summary or {}
        self.training = training

    def _short(self) -> list[str]:
        return [self._kind(), *self._size(), *self._figures(), *files_of(self.summary)]

    def _kind(self) -> str:
        """What computes, and how large it is."""
        c = self.config
        both = "bidirectional " * c.get("bidirectional", False)
        return f"{both}{c['cell']} {c['num_layers']} × {c['hidden_size']}"

    @abstractmethod
    def _size(self) -> list[str]:
        """What it tells apart."""

    @abstractmethod
    def _figures(self) -> list[str]:
        """How good it is, if that is known."""

    def _rows(self) -> list[tuple[str, str]]:
        config, summary = self.config, self.summary
        rows = [("network", self._kind())]
        if "dtype" in config:
            rows.append(("parameters", f"{self.network.config.num_parameters():,}"))
        rows += [("symbols", self._symbols())]
        rows += [("held out", figure.removesuffix(" held out")) for figure in self._figures()]
        rows += [("steps", f"{summary['steps']:,}")] if summary.get("steps") else []
        return rows + [("learned from", name) for name in files_of(summary)]

    def told(self) -> dict[str, Any]:
        """What a reader of its network elsewhere has to know, besides symbols and configuration."""
        return {}

    @abstractmethod
    def loss_unit(self) -> tuple[str, float]:
        """The unit that people read its losses in, and how many nats it is."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What `elman info` says of it, by names for people."""

    def _symbols(self) -> str:
        """How many symbols it knows, without those that are not text."""
        noun = {"char": "character", "byte": "byte", "word": "word"}[self.vocabulary.kind]
        return counted(len(self.vocabulary) - len(self.vocabulary.special), noun)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        tensors: checkpoint.Tensors,
        metadata: dict[str, Any],
        engine: Engine,
    ) -> Self:
        """The model of an unpacked file, checked; ModelFileError if it is no valid one."""
        with refuse_damaged(path):
            schema.check_metadata(metadata, cls.SETTINGS)
            config = dict(metadata["config"])
            vocabulary = read_vocabulary(metadata["vocabulary"])
            if config["vocabulary_size"] != len(vocabulary):
                raise ModelFileError(
                    "the vocabulary does not have the size that the configuration says"
                )
            model = cls._build(config, vocabulary, tensors, engine)
            model.summary = metadata.get("summary") or {}
            if "training" in metadata:
                arrays = {name: a for name, a in tensors.items() if name.startswith("training.")}
                model.training = arrays, metadata["training"]
                _check_history(arrays, metadata["training"].get("state", {}))
                model._check_training(arrays)
            return model

    @classmethod
    @abstractmethod
    def _build(
        cls,
        config: dict[str, Any],
        vocabulary: Vocabulary,
        tensors: checkpoint.Tensors,
        engine: Engine,
    ) -> Self:
        """The model without its history, from what its file holds."""

    def _check_training(self, arrays: checkpoint.Tensors) -> None:
        """Raise ModelFileError if what resuming needs does not fit the model."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies are the bytes of the model file, checked again where they arrive.

        The engine is chosen again there, so a model may go to a machine with another one.
        """
        return _arrived, (type(self), self.pack())

    def __copy__(self) -> Self:
        """A copy that computes on the same engine, so that its figures are the same.

        It shares nothing: a model whose weights were those of another would change with it.
        """
        engine = getattr(self.network, "engine", None) or select("auto", None)
        return _arrived(type(self), self.pack(), engine)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """As `__copy__`."""
        return self.__copy__()

    @property
    def report(self) -> Any:
        """How good its labels were at the end of its training; None if nobody looked."""
        return None

    @property
    def treatment(self) -> TextOptions:
        """How a text is treated before it is read, as the training text was."""
        return TextOptions(
            lowercase=self.config.get("lowercase", False), normalize=self.config.get("normalize")
        )

    def _tensors(self) -> checkpoint.Tensors:
        return dict(self.network.parameters)

    def _metadata(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "vocabulary": self.vocabulary.to_json(),
            "summary": self.summary,
        }

    def pack(self, weights_only: bool = False) -> bytes:
        """The bytes of the model file.

        Parameters
        ----------
        weights_only : leave out what resuming needs, and the folders that paths name
        """
        tensors, metadata = self._tensors(), self._metadata()
        if weights_only:
            metadata["summary"] = without_folders(self.summary)
        elif self.training is not None:
            tensors = tensors | self.training[0]
            metadata["training"] = self.training[1]
        return checkpoint.pack(tensors, metadata)

    def digest(self) -> str:
        """The SHA-256 that the file of the model has in its metadata."""
        return checkpoint.metadata_of(self.pack())["digest"]

    def save(self, path: str | Path, *, weights_only: bool = False) -> None:
        """Write the model file: whole, or not at all.

        Parameters
        ----------
        weights_only : leave out what resuming needs, for a smaller file, and the folders of
            paths

        Raises
        ------
        ElmanError : the place cannot be written, or another process is writing it
        UsageError : no path, or one that ends as another format does
        """
        path = model_path(path)
        data = self.pack(weights_only)
        with OutputFile(path) as file:
            file.write(data)

    def export(self, path: str | Path, format: str | None = None, **more: Any) -> None:
        """Write the model in another format, for other programs: whole, or not at all.

        Parameters
        ----------
        format : "weights" (no training state), "onnx", "pytorch", "html", a page that runs
            the model, or "hub", a folder for the Hugging Face hub; None: from the suffix of
            the path
        more : for a page: `dtype`, "float16" (the default) or "float32"; for a hub folder:
            `license`, an identifier such as "mit"; `language`, a code such as "en", or several;
            `datasets`, a name on the hub, or several

        Raises
        ------
        UsageError : an unknown format, one that contradicts the path, or one that Markov
            chains do not support; a model larger than the format allows, or weights that
            its dtype cannot hold
        ElmanError : a missing package, or a place that cannot be written

        Example
        -------
        >>> model.export("poems.onnx")  # doctest: +SKIP
        >>> model.export("poems.html", dtype="float32")  # doctest: +SKIP
        """
        elman._export(self, path, format, **more)


def _arrived(kind: type[M], data: bytes, engine: Engine | None = None) -> M:
    """The model that `pack` made bytes of, checked; ModelFileError if it is no valid one."""
    name = "the pickled model"
    tensors, metadata = checkpoint.unpack_bytes(data, name)
    return kind.from_file(name, tensors, metadata, engine or select("auto", None))


@contextmanager
def refuse_damaged(path: str | Path) -> Iterator[None]:
    """Whatever goes wrong inside is the fault of the file, and the message says so."""
    try:
        yield
    except ModelFileError as error:
        if str(error).startswith(f"{path} "):  # it says of what it speaks
            raise
        raise ModelFileError(f"{path} is not a valid model: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        if isinstance(error, UsageError):
            raise
        reason = f"{type(error).__name__}: {error}"
        raise ModelFileError(f"{path} is not a valid model: {reason[:150]}") from None


def _check_history(arrays: checkpoint.Tensors, state: dict[str, Any]) -> None:
    history = arrays.get("training.history")
    columns = len(state.get("history_columns", ()))
    if history is not None and (history.ndim != 2 or history.shape[1] != columns):
        raise ModelFileError(f"the history of the training has the shape {history.shape}")


def read_network(
    kind: type[N],
    config_kind: type[NetworkConfig],
    stored: dict[str, Any],
    tensors: checkpoint.Tensors,
    engine: Engine,
) -> N:
    """A network with the weights of the file, which are checked before memory is taken.

    `stored` is the configuration of the file, of which `config_kind` takes its fields.
    """
    names = [f.name for f in fields(config_kind)]
    for name in (*names, "dtype"):
        if name not in stored:
            raise ModelFileError(f"the configuration has no {name}")
    config = config_kind(**{name: stored[name] for name in names})
    dtype = stored["dtype"]
    if not config.num_layers <= len(tensors):
        raise ModelFileError("the number of layers does not fit the tensors")
    expected = config.shapes()
    for name, shape in expected.items():
        if name not in tensors:
            raise ModelFileError(f"the tensor {name} is missing")
        tensor = tensors[name]
        if tensor.shape != shape:
            raise ModelFileError(f"{name} has shape {tensor.shape}, the configuration says {shape}")
        if tensor.dtype != dtype:
            raise ModelFileError(f"{name} is {tensor.dtype}, the configuration says {dtype}")
        if not np.isfinite(tensor).all():
            raise ModelFileError(f"{name} holds NaN or infinite weights")
    extra = [n for n in tensors if n not in expected and not n.startswith("training.")]
    if extra:
        raise ModelFileError(f"the tensor {extra[0]} does not belong to this network")
    network = kind(config, np.dtype(dtype), engine)
    for name in expected:
        network.parameters[name][...] = tensors[name]
    return network


def read_classes(config: dict[str, Any], noun: str) -> list[str]:
    """The classes that a configuration holds, taken out of it and checked.

    `noun` is what a message calls them. What the network has besides cells is checked, too.
    """
    classes = config.pop("classes", [])
    if len(classes) != config.get("num_classes"):
        raise ModelFileError(f"the number of {noun} does not match the configuration")
    if len(set(classes)) != len(classes):
        raise ModelFileError(f"its {noun} are repeated")
    if "seq_len" not in config:
        raise ModelFileError("the configuration has no seq_len")
    config |= {"wide": 0, "wide_ngrams": 0} | config  # files from before it have none
    if config["wide"] and not 1 <= config["wide_ngrams"] <= LONGEST_NGRAM:
        raise ModelFileError(f"its longest n-grams have {config['wide_ngrams']} symbols")
    return classes


def read_vocabulary(data: dict[str, Any]) -> Vocabulary:
    """The vocabulary as a model file holds it, checked."""
    kind, symbols = data["kind"], data["symbols"]
    if kind not in KINDS or not symbols:
        raise ModelFileError("the vocabulary is of an unknown kind, or empty")
    texts = symbols[256:] if kind == "byte" else symbols
    if not all(isinstance(s, str) for s in texts) or len(set(symbols)) != len(symbols):
        raise ModelFileError("the vocabulary has symbols that are repeated or not text")
    if kind == "byte" and symbols[:256] != list(range(256)):
        raise ModelFileError("the vocabulary of bytes is not 0 to 255")
    rule = data.get("words", SPACE_BEFORE) if kind == "word" else RULES[0]
    if rule not in RULES:
        raise ModelFileError(
            f"its words were split by the rule {quoted(rule)}, which this version of Elman does "
            "not know; a newer one wrote it, or it is damaged"
        )
    return Vocabulary(kind, symbols, rule)
