"""A trained classifier: network, vocabulary, classes, in one object and one file."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self, overload

import numpy as np

from ...errors import CorpusError, ModelFileError, listed
from ...learn.batches import side_by_side
from ...nn.classifier import ClassifierConfig, ClassifierNetwork
from ...nn.engine import Engine
from ...nn.layers import softmax
from ...store import checkpoint
from ...store.modelfile import SavedModel, read_classes, read_network
from ...text.encoded import Encoded, Inputs, encode
from ...text.read import TextOptions, strings, transform
from ...text.vocabulary import Vocabulary
from ..reports import REPORTS, Report, facts, from_dict
from .settings import ClassifySettings

Array = np.ndarray


class Classifier(SavedModel):
    """A network that predicts the class of a text.

    Made by `elman.train(..., task="classify")` and `elman.load`, not by hand.

    Attributes
    ----------
    network : the `ClassifierNetwork`
    vocabulary : its symbols; all others are `<unk>`
    classes : names of the classes, in the order of the probabilities
    config : architecture and treatment of text, as the model file holds it
    summary : how it was made: command, data, steps, the report on the test part, versions
    training : what resuming needs (arrays and settings), None if stripped
    """

    NOUN, USE, SETTINGS = "a classifier", "elman classify or elman embed", ClassifySettings
    classes: list[str]

    def __init__(
        self,
        network: ClassifierNetwork,
        vocabulary: Vocabulary,
        classes: Sequence[str],
        config: dict[str, Any],
        summary: dict[str, Any] | None = None,
        training: tuple[checkpoint.Tensors, dict[str, Any]] | None = None,
    ):
        super().__init__(vocabulary, config, summary, training)
        self.network = network
        self.classes = list(classes)

    @overload
    def predict(self, texts: str) -> str: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, texts: Sequence[str]) -> list[str]: ...

    def predict(self, texts: str | Sequence[str]) -> str | list[str]:
        """The most probable class of a text, or of each of several.

        Raises
        ------
        CorpusError : an empty text

        Example
        -------
        >>> classifier.predict("Müller")  # doctest: +SKIP
        'German'
        >>> classifier.predict(["Müller", "Rossi"])  # doctest: +SKIP
        ['German', 'Italian']
        """
        if isinstance(texts, str):
            return self.predict([texts])[0]
        return [self.classes[i] for i in self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: Sequence[str]) -> Array:
        """Probabilities (n, C) of every class, in the order of `classes`.

        A text has the same probabilities alone and among others: to the bit on the native
        engine, up to rounding on NumPy's.

        Raises
        ------
        CorpusError : an empty text
        UsageError : not a list of strings
        """
        return self.probabilities(self.encode(texts))

    def embed(self, texts: Sequence[str]) -> Array:
        """Vectors (n, H), 2·H if bidirectional: what the pooling gives the readout.

        Raises
        ------
        CorpusError : an empty text
        """
        return self.run(
            self.encode(texts), lambda ids, mask: self.network.encode(ids, mask)[0],
            self.network.config.width,
        )  # fmt: skip

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Ids of texts, treated as the training texts were."""
        treatment = self.treatment
        clean = [transform(text, treatment) for text in strings(texts)]
        for number, text in enumerate(clean, 1):
            if not text:
                raise CorpusError(f"text {number} is empty: it has no class")
        return encode(self.vocabulary, clean, self.config["seq_len"])

    def clean(self, text: str) -> str:
        """A text treated as the training texts were."""
        return transform(text, self.treatment)

    def probabilities(self, texts: Encoded) -> Array:
        """Probabilities (n, C) of encoded texts."""
        return softmax(self.logits(texts) / self.temperature)

    @property
    def temperature(self) -> float:
        """What the logits are divided by, fitted on the validation part; 1 without one."""
        return self.config.get("temperature", 1.0)

    @property
    def treatment(self) -> TextOptions:
        """As of every model; texts from files may have lost the white space around them."""
        return replace(super().treatment, strip=self.config.get("strip", False))

    def logits(self, texts: Encoded) -> Array:
        """Logits (n, C) of encoded texts, in float64."""
        forward: Callable = self.network.forward
        run = self.run(texts, lambda ids, mask: forward(ids, mask)[0], len(self.classes))
        return run.astype(np.float64)

    def run(
        self,
        texts: Encoded,
        function: Callable[[Array, Array | None], Array],
        width: int,
    ) -> Array:
        """`function` (ids, mask) -> (B, width) of all texts, in batches of similar length."""
        out = np.empty((len(texts), width), self.network.dtype)

        def work(rows: Array, ids: Array, mask: Array | None) -> None:
            out[rows] = function(ids, mask)[: len(rows)]

        side_by_side(texts, self.network.engine, work)
        return out

    @property
    def report(self) -> Report | None:
        """The report of its training, on the test part, else on the validation part."""
        for part in REPORTS:
            if part in self.summary:
                return from_dict(self.summary[part])
        return None

    def told(self) -> dict[str, Any]:
        """Its classes, and what its logits are divided by before softmax."""
        return {"classes": self.classes, "temperature": self.temperature}

    def loss_unit(self) -> tuple[str, float]:
        """Nats per text, as they are."""
        return "nats per text", 1.0

    def inputs(self, texts: Sequence[str]) -> Inputs:
        """Texts as its first layer reads them."""
        return Inputs(self.encode(texts), self.network.parameters.get("embedding.E"))

    def _size(self) -> list[str]:
        return [f"{len(self.classes):,} classes"]

    def _figures(self) -> list[str]:
        found = self.report
        if found is not None:
            return [f"accuracy {found.accuracy:.2f}"]
        estimate = self.summary.get("validation_accuracy")  # of an interrupted training
        return [] if estimate is None else [f"accuracy {estimate:.2f}"]

    def _rows(self) -> list[tuple[str, str]]:
        return [*super()._rows(), ("classes", f"{len(self.classes):,}: {listed(self.classes)}")]

    def facts(self) -> dict[str, Any]:
        """What `elman info` says of it, by names for people."""
        c, s = self.config, self.summary
        about = {
            "task": "classify",
            "cell": "bidirectional " * c["bidirectional"] + c["cell"],
            "layers": f"{c['num_layers']} × {c['hidden_size']}, pooling {c['pooling']}",
            "parameters": self.network.config.num_parameters(),
            **({"wide part": self.network.weight_of_table()} if c["wide"] else {}),
            "dtype": c["dtype"],
            "symbols": f"{len(self.vocabulary):,} {self.vocabulary.kind}",
            "classes": self.classes,
            "trained on": ", ".join(s.get("corpus", ["?"])),
        }
        about |= {n: s[n] for n in ("texts", "steps", "command") if s.get(n) is not None}
        return about | facts(s)

    def _metadata(self) -> dict[str, Any]:
        metadata = super()._metadata()
        return metadata | {"config": self.config | {"classes": self.classes}}

    @classmethod
    def _build(
        cls,
        config: dict[str, Any],
        vocabulary: Vocabulary,
        tensors: checkpoint.Tensors,
        engine: Engine,
    ) -> Self:
        classes = read_classes(config, "classes")
        if not 1e-9 < config.get("temperature", 1.0) < 1e9:
            raise ModelFileError(f"its temperature is {config['temperature']}")
        network = read_network(ClassifierNetwork, ClassifierConfig, config, tensors, engine)
        return cls(network, vocabulary, classes, config)
