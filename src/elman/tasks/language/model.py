"""A trained model: network, vocabulary and how it came to be, in one object and one file."""

import operator
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import chain, islice
from numbers import Integral
from typing import Any, Self, overload

import numpy as np

from ...errors import CorpusError, ModelFileError, UsageError
from ...nn.engine import Engine
from ...nn.network import Network, NetworkConfig
from ...store import checkpoint
from ...store.modelfile import SavedModel, read_network
from ...text.read import transform
from ...text.records import numbered
from ...text.vocabulary import Vocabulary
from .ngram import NGram
from .sampling import (
    MAX_LENGTH,
    SamplingOptions,
    Start,
    beam_search,
    decode_stream,
    generate,
    read,
    until,
)
from .scoring import Score
from .settings import LanguageSettings
from .symbols import each, named
from .symbols import score as score_texts

Array = np.ndarray


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

    @property
    def lines(self) -> bool:
        """Whether it was trained on lines or other records, each from `<begin>` to `<end>`."""
        return self.vocabulary.begin is not None

    @property
    def separator(self) -> str:
        """What ends a record; of a model of running text what ends a line."""
        return self.config.get("separator") or "\n"

    def sample(
        self,
        length: int = 200,
        prime: str | bytes = "",
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        greedy: bool = False,
        beam: int = 0,
        stop: str | None = None,
        seed: int = 0,
    ) -> str:
        """Write text: the prime and `length` symbols after it.

        With a prime the state starts at zero and reads it. Without one a model of
        running text starts from the state and last symbol at the end of its
        training, if the file has them, else from a zero state and a symbol drawn
        at random; a model of lines starts lines.

        Parameters
        ----------
        length : symbols to generate (characters, bytes or words)
        prime : text to continue; it comes first in the result
        temperature, top_k, top_p, greedy : see `SamplingOptions`
        beam : width of a beam search for likely text, instead of drawing; 0: none
        stop : end once this text has been written
        seed : same seed, same text

        Raises
        ------
        UsageError : an option out of range, or two that exclude each other
        UnknownSymbolError : a prime with a symbol that the vocabulary does not hold

        Example
        -------
        >>> model.sample(40, prime="ROMEO:", temperature=0.8, seed=1)  # doctest: +SKIP
        'ROMEO:\\nI will not stand to be the world, and'
        """
        options = SamplingOptions(temperature, top_k, top_p, greedy)
        pieces = self.stream(length, prime, options, beam=beam, stop=stop, seed=seed)
        return "".join(pieces)

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
        """What `sample` returns, piece by piece as it is written."""
        if not isinstance(length, Integral) or not 0 <= length <= MAX_LENGTH:
            raise UsageError(
                f"--length must be a whole number between 0 and {MAX_LENGTH}, not {length}"
            )
        if not isinstance(seed, Integral) or seed < 0:
            raise UsageError(f"--seed must be a whole number from 0, not {seed}")
        if stop is not None and not isinstance(stop, str):
            raise UsageError(f"--stop must be a string, not of type {type(stop).__name__}")
        if beam and options != SamplingOptions():
            raise UsageError(
                "--beam searches for the likeliest text and draws nothing: "
                "leave out temperature, top-k, top-p and greedy"
            )
        prime = self.clean(prime)
        ids = self.vocabulary.encode(prime, "the prime").astype(np.int32)
        shown = prime if isinstance(prime, str) else prime.decode("utf-8", "replace")
        rest = self._continue(length, shown, ids, options, beam, np.random.default_rng(seed))
        return chain([shown] if shown else [], until(rest, stop))

    def _continue(
        self,
        left: int,
        prime: str,
        ids: Array,
        options: SamplingOptions,
        beam: int,
        rng: np.random.Generator,
    ) -> Iterator[str]:
        """What follows the prime: `left` symbols, in a model of lines line after line."""
        while True:
            symbols = self._symbols(self.start(ids, rng), options, beam, left, rng)
            for piece in decode_stream(self.vocabulary, symbols, left):
                left -= 1
                yield piece
            if not self.lines or left <= 0:
                return
            left -= 1
            yield self.separator
            if left and prime:
                yield prime

    def _symbols(
        self,
        start: Start,
        options: SamplingOptions,
        beam: int,
        length: int,
        rng: np.random.Generator,
    ) -> Iterator[int]:
        """Symbols after the start, up to the end of the line in a model of lines."""
        v = self.vocabulary
        forbidden = [i for i in (v.unknown, v.begin) if i is not None]
        start = read(self.network, start)
        if beam:
            symbols = iter(beam_search(self.network, start, beam, length, forbidden, v.end))
        else:
            symbols = generate(self.network, start, options, rng, forbidden, v.end, length)
        for symbol in islice(symbols, length):
            if symbol == v.end:
                return
            yield symbol

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
        records scores each record of a text and sums. Several texts are read side by side,
        which is several times faster than one by one, with the same figures.

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

    def symbol_nats(self, text: str | bytes) -> list[tuple[int, str, float]]:
        """Every symbol of a text: its id, how it stands there, and what it costs in nats.

        The end of a record is its separator; what is skipped has the id -1 and costs inf.
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
            raise UsageError(f"a text must be a string or bytes, not {text!r}")
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
    """Where sampling goes on: a state that fits the network, and a symbol that exists."""
    if "training.last_symbol" not in arrays:
        return
    symbol, state = arrays["training.last_symbol"], arrays["training.state"]
    if symbol.shape != (1,) or not 0 <= int(symbol[0]) < vocabulary_size:
        raise ModelFileError("the last symbol of the training is none of the vocabulary")
    wanted = network.zero_state(1).shape
    if state.ndim != 4 or state.shape[:2] != wanted[:2] or state.shape[3] != wanted[3]:
        raise ModelFileError(f"the state of the training has shape {state.shape}")
    if not state.shape[2] or not np.isfinite(state).all():
        raise ModelFileError("the state of the training is empty, or not finite")
