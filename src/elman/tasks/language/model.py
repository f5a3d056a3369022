"""A trained model: network, vocabulary and how it came to be, in one object and one file."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice
from math import log
from typing import Any, Self, overload

import numpy as np

from ...errors import CorpusError, ModelFileError, UsageError, quoted
from ...nn.engine import Engine
from ...nn.network import Network, NetworkConfig
from ...store import checkpoint
from ...store.modelfile import SavedModel, read_network
from ...store.shown import rounded
from ...text.frames import refuse_frame
from ...text.read import transform
from ...text.records import numbered
from ...text.vocabulary import Vocabulary
from .adapting import AdaptingNetwork
from .ngram import NGram
from .samples import Request, Writing
from .sampling import SamplingOptions, Start
from .scoring import Score
from .settings import LanguageSettings
from .symbols import each, named
from .symbols import score as score_texts

Array = np.ndarray


# Of the summary, as `elman info` calls it.
FACTS = {
    "steps": "steps",
    "validation_bits_per_character": "held-out bits per character",
    "validation_perplexity": "held-out perplexity",
    "test_bits_per_character": "test bits per character",
    "temperature": "temperature in its logits",
    "command": "command",
}


class Model(SavedModel):
    """A language model with its vocabulary.

    Made by `elman.train` and `elman.load`, not by hand.

    Attributes
    ----------
    network : the `Network`, or the `NGram` chain
    vocabulary : its symbols
    config : architecture and treatment of text, as the model file holds it
    summary : how it was made: command, corpus, steps, held-out figures, versions
    training : what resuming needs (arrays and settings), None if stripped
    """

    NOUN, USE, SETTINGS = "a language model", "elman score or elman sample", LanguageSettings

    def __init__(
        self,
        network: Network | NGram,
        vocabulary: Vocabulary,
        config: dict[str, Any],
        summary: dict[str, Any] | None = None,
        training: tuple[checkpoint.Tensors, dict[str, Any]] | None = None,
    ):
        super().__init__(vocabulary, config, summary, training)
        self.network = network

    def loss_unit(self) -> tuple[str, float]:
        """Bits per character, whatever its symbols are."""
        return "bits per character", log(2) * self.config.get("characters_per_symbol", 1.0)

    @property
    def lines(self) -> bool:
        """Whether it was trained on lines or other records, each from `<begin>` to `<end>`."""
        return self.vocabulary.begin is not None

    @property
    def separator(self) -> str:
        """What ends a record; of a model of running text what ends a line."""
        return self.config.get("separator") or "\n"

    @overload
    def sample(
        self, length: int = ..., prime: str | bytes = ..., *, n: None = None,
        temperature: float = ..., top_k: int = ..., top_p: float = ..., greedy: bool = ...,
        beam: int = ..., stop: str | None = ..., seed: int = ..., include_prime: bool = ...,
    ) -> str: ...  # fmt: skip

    @overload
    def sample(
        self, length: int = ..., prime: str | bytes = ..., *, n: int,
        temperature: float = ..., top_k: int = ..., top_p: float = ..., greedy: bool = ...,
        beam: int = ..., stop: str | None = ..., seed: int = ..., include_prime: bool = ...,
    ) -> list[str]: ...  # fmt: skip

    def sample(
        self,
        length: int = 200,
        prime: str | bytes = "",
        *,
        n: int | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        greedy: bool = False,
        beam: int = 0,
        stop: str | None = None,
        seed: int = 0,
        include_prime: bool = True,
    ) -> str | list[str]:
        """Write text: the prompt `prime` and `length` symbols after it, or `n` whole samples.

        With a prompt the state starts at zero and reads it. Without one a model of running
        text continues from the end of its training, or from a zero state and a random
        symbol if the file does not store that; a model of lines starts a new line.

        Parameters
        ----------
        length : symbols to generate (characters, bytes or words), in a model of lines line
            after line, the last of which may be cut; with `n` each line is a separate
            sample with at most `length` symbols
        prime : text to continue; it comes first in the result, and in each of its lines
        n : how many samples; None: one text
        temperature, top_k, top_p, greedy : see `SamplingOptions`
        beam : width of a beam search for likely text, instead of drawing; 0: none
        stop : end a text once this has been written
        seed : the same seed gives the same text
        include_prime : whether the result includes the prompt

        Returns
        -------
        text : a string, with `n` a list of them without separators

        Raises
        ------
        UsageError : an option out of range, or two that cannot be combined
        UnknownSymbolError : a prompt with a symbol that is not in the vocabulary

        Example
        -------
        >>> model.sample(40, prime="ROMEO:", temperature=0.8, seed=1)  # doctest: +SKIP
        'ROMEO:\\nI will not stand to be the world, and'
        >>> names.sample(n=3, seed=1)  # doctest: +SKIP
        ['Orawell', 'Oringate', 'Luanfore']
        """
        options = SamplingOptions(temperature, top_k, top_p, greedy)
        request = Request(length, prime, options, beam, stop, seed, include_prime, n)
        writing = Writing(self, request)
        if n is None:
            return "".join(writing.pieces())
        return [sample.text for sample in writing.samples()]

    def stream(
        self,
        length: int,
        prime: str | bytes = "",
        options: SamplingOptions = SamplingOptions(),
        *,
        beam: int = 0,
        stop: str | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """What `sample` returns, in chunks as it is generated."""
        return Writing(self, Request(length, prime, options, beam, stop, seed)).pieces()

    def start(self, prime: Array, rng: np.random.Generator) -> Start:
        """Where writing begins after the ids of a prime: see `sample`."""
        v = self.vocabulary
        zero = self.network.zero_state(1)
        if self.lines:
            return Start(zero, np.concatenate([[v.begin], prime]).astype(np.int32))
        if len(prime):
            return Start(zero, prime)
        if self.training is not None and "training.last_symbol" in self.training[0]:
            state = self.training[0]["training.state"][:, :, :1].astype(zero.dtype)
            return Start(np.ascontiguousarray(state), self.training[0]["training.last_symbol"][:1])
        ordinary = np.setdiff1d(np.arange(len(v)), v.special)
        return Start(zero, rng.choice(ordinary, 1).astype(np.int32))

    @overload
    def score(self, text: str | bytes) -> Score: ...  # type: ignore[overload-overlap]

    @overload
    def score(self, text: Sequence[str | bytes]) -> list[Score]: ...

    def score(self, text: Any) -> Any:
        """How likely a text is, or each of several: nats, bits per character, perplexity.

        Every text is read from a zero state, see `elman.tasks.language.symbols`. A model of
        records scores each record of a text and sums. Several texts are scored in batches,
        which is several times faster than one at a time, with the same figures.

        Raises
        ------
        CorpusError : an empty text

        Example
        -------
        >>> model.score("To be, or not to be").bits_per_character  # doctest: +SKIP
        1.93
        >>> [score.nats for score in model.score(["To be", "or not"])]  # doctest: +SKIP
        [12.4, 15.0]
        """
        if isinstance(text, (str, bytes)):
            return self.score([text])[0]
        refuse_frame(text)
        if not isinstance(text, Iterable):
            raise UsageError(f"give a text, or a list of texts, not {quoted(text)}")
        counts: list[int] = []
        records: list[str | bytes] = []
        for number, one in enumerate(text, 1):
            found = self.records(one)
            if not any(found):
                raise CorpusError(f"text {number} is empty: there is nothing to score")
            counts.append(len(found))
            records += found
        scores = iter(score_texts(self.network, self.vocabulary, records))
        return [reduce(operator.add, islice(scores, count)) for count in counts]

    def adapting(self) -> "Model":
        """A copy that learns from every text that it scores, after it has scored it.

        Dynamic evaluation, see `elman.tasks.language.adapting`: figures depend on what was scored
        before, so they are not those of this model. `elman score --adapt` makes a copy for each
        file. Of an adapting model it is a copy that has learned nothing yet. What a copy samples
        and saves is the learning network alone, without the figures of the training.

        Raises
        ------
        UsageError : a Markov chain, which has no gradient

        Example
        -------
        >>> reader = model.adapting()  # doctest: +SKIP
        >>> [score.bits_per_character for score in reader.score(chapters)]  # doctest: +SKIP
        [2.31, 2.24, 2.22]
        """
        if isinstance(self.network, NGram):
            raise UsageError("a Markov chain cannot adapt: it has no gradient; train a network")
        begin = self.network
        network = AdaptingNetwork(begin.trained if isinstance(begin, AdaptingNetwork) else begin)
        return Model(network, self.vocabulary, self.config, {})

    def symbol_nats(self, text: str | bytes) -> list[tuple[int, str, float]]:
        """Every symbol of a text: its id, its text, and its nats.

        The end of a record is its separator; skipped symbols have the id -1 and infinite nats.
        """
        read = each(self.network, self.vocabulary, self.records(text))
        return [row for parts in read for row in named(self.vocabulary, parts, self.separator)]

    def records(self, text: str | bytes) -> list[str | bytes]:
        """The texts that `score` reads, each from a zero state, treated as the training text."""
        clean = self.clean(text)
        return [r for _, r in numbered(clean, self.separator)] if self.lines else [clean]

    def clean(self, text: str | bytes) -> str | bytes:
        """Text treated as the training text was (lower-case, normal form, line ends)."""
        if not isinstance(text, (str, bytes)):
            raise UsageError(f"a text must be a string or bytes, not {quoted(text)}")
        if isinstance(text, bytes) and self.vocabulary.kind != "byte":
            try:
                text = text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise CorpusError(f"the text is not UTF-8: {error.reason}") from None
        if isinstance(text, bytes):
            return text
        if self.vocabulary.kind == "byte":
            return text.encode("utf-8", "surrogatepass")
        return transform(text, self.treatment)

    def _kind(self) -> str:
        c = self.config
        if c["cell"] == "ngram":
            return f"chain of order {c['order']}"
        return super()._kind()

    def _size(self) -> list[str]:
        return [self._symbols()]

    def _figures(self) -> list[str]:
        for part, words in (("validation", "held out"), ("test", "of the test part")):
            bits = self.summary.get(f"{part}_bits_per_character")
            if bits is not None:
                return [f"{bits:.2f} bits/character {words}"]
        return []

    def facts(self) -> dict[str, Any]:
        """What `elman info` says of it, by names for people."""
        c, s = self.config, self.summary
        facts = {"cell": c["cell"]}
        if isinstance(self.network, Network):
            facts["layers"] = f"{c['num_layers']} × {c['hidden_size']}"
            facts["parameters"] = self.network.config.num_parameters()
            facts["dtype"] = c["dtype"]
        else:
            facts |= {"order": c["order"], "counts": self.network.num_parameters()}
        lines = ", lines" if self.lines else ""
        facts["symbols"] = f"{len(self.vocabulary):,} {self.vocabulary.kind}{lines}"
        facts["trained on"] = ", ".join(s.get("corpus", ["?"]))
        named = {FACTS[name]: s[name] for name in FACTS if s.get(name) is not None}
        return facts | rounded(named)

    def _tensors(self) -> checkpoint.Tensors:
        return self.network.tensors() if isinstance(self.network, NGram) else super()._tensors()

    @classmethod
    def _build(
        cls,
        config: dict[str, Any],
        vocabulary: Vocabulary,
        tensors: checkpoint.Tensors,
        engine: Engine,
    ) -> Self:
        network: Network | NGram
        if config["cell"] == "ngram":
            network = NGram(len(vocabulary), config["order"], vocabulary.begin)
            network.load({k: v for k, v in tensors.items() if k.startswith("ngram.")})
        else:
            network = read_network(Network, NetworkConfig, config, tensors, engine)
        return cls(network, vocabulary, config)

    def _check_training(self, arrays: checkpoint.Tensors) -> None:
        _check_start(arrays, self.network, len(self.vocabulary))


def _check_start(
    arrays: checkpoint.Tensors, network: Network | NGram, vocabulary_size: int
) -> None:
    """Where sampling continues: a state that fits the network, and a symbol that exists."""
    if "training.last_symbol" not in arrays:
        return
    symbol, state = arrays["training.last_symbol"], arrays["training.state"]
    if symbol.shape != (1,) or not 0 <= int(symbol[0]) < vocabulary_size:
        raise ModelFileError("the last symbol of the training is not in the vocabulary")
    wanted = network.zero_state(1).shape
    if state.ndim != 4 or state.shape[:2] != wanted[:2] or state.shape[3] != wanted[3]:
        raise ModelFileError(f"the state of the training has shape {state.shape}")
    if not state.shape[2] or not np.isfinite(state).all():
        raise ModelFileError("the state of the training is empty, or not finite")
