"""What is asked of a model that writes, and what it gives: a text, or many whole samples."""

from collections import Counter
from collections.abc import Container, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Protocol

import numpy as np

from ...errors import ElmanError, UsageError, quoted
from ...text.vocabulary import Vocabulary
from .sampling import (
    MAX_LENGTH,
    Found,
    SamplingOptions,
    Start,
    Writer,
    beam_search,
    decoder,
    generate,
    read,
    writer,
)
from .scoring import LanguageModel

DRAWS = 100  # for each sample wanted, until it is given up to find new ones


@dataclass(frozen=True)
class Request:
    """What is to be written.

    length : symbols after the prime; of a record the most
    prime : text to continue
    options : how its symbols are chosen
    beam : width of a beam search for likely text, instead of drawing; 0: none
    stop : a text that ends once it has been written
    seed : the same seed gives the same text
    include_prime : whether the result includes the prompt
    n : how many whole samples; None: one text, which of a model of records has several
    new : only samples that are not known, and that differ from each other
    """

    length: int = 200
    prime: str | bytes = ""
    options: SamplingOptions = field(default_factory=SamplingOptions)
    beam: int = 0
    stop: str | None = None
    seed: int = 0
    include_prime: bool = True
    n: int | None = None
    new: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.length, Integral) or not 0 <= self.length <= MAX_LENGTH:
            raise UsageError(
                f"--length must be a whole number between 0 and {MAX_LENGTH}, not "
                f"{quoted(self.length)}"
            )
        if not isinstance(self.seed, Integral) or self.seed < 0:
            raise UsageError(f"--seed must be a whole number from 0, not {quoted(self.seed)}")
        if self.stop is not None and not isinstance(self.stop, str):
            raise UsageError(f"--stop must be a string, not of type {type(self.stop).__name__}")
        if self.stop == "":
            raise UsageError("--stop needs at least one character")
        if self.beam and self.options != SamplingOptions():
            raise UsageError(
                "--beam searches for the likeliest text and draws nothing: "
                "leave out --temperature, --top-k, --top-p and --greedy"
            )
        self._check_count()

    def _check_count(self) -> None:
        n = self.n
        if n is not None and (not isinstance(n, Integral) or isinstance(n, bool) or n < 1):
            raise UsageError(f"--count must be a whole number from 1, not {quoted(n)}")
        if self.certain and self.new:
            raise UsageError(
                f"--new draws until a sample is new, but {self.certain} leaves nothing to chance; "
                "leave one of them out"
            )
        if self.certain and n is not None and n > 1:
            raise UsageError(
                f"{self.certain} leaves nothing to chance, so every sample would be the same; "
                "leave it out, or --count"
            )

    @property
    def certain(self) -> str:
        """The flag that leaves nothing to chance; "" if symbols are drawn."""
        return "--beam" if self.beam else self.options.certain


@dataclass(frozen=True)
class Sample:
    """A record, or a running text of the length that was asked for.

    Attributes
    ----------
    text : without the separator
    written : what of it follows the prime
    cut : whether the length ended it, and not its end symbol or the stop text
    new : whether it is none of the known ones; None: nobody said which are known
    """

    text: str
    written: str
    cut: bool
    new: bool | None = None


@dataclass
class Ending:
    """How a text ended: known once all of its pieces have come."""

    symbols: int = 0
    closed: bool = False  # by its end symbol
    cut: bool = False


class Writes(Protocol):
    """What of a model is needed to write with it."""

    @property
    def network(self) -> LanguageModel: ...
    @property
    def vocabulary(self) -> Vocabulary: ...
    @property
    def lines(self) -> bool: ...
    @property
    def separator(self) -> str: ...
    def clean(self, text: str | bytes) -> str | bytes: ...
    def start(self, prime: np.ndarray, rng: np.random.Generator) -> Start: ...


class Writing:
    """A request to a model, carried out by one of `pieces`, `records` and `samples`.

    All that is drawn comes from one stream of random numbers.

    Raises
    ------
    UnknownSymbolError : a prompt with a symbol that is not in the vocabulary

    Example
    -------
    >>> for sample in Writing(model, Request(n=2, seed=1)).samples():  # doctest: +SKIP
    ...     print(sample.text, sample.cut)
    Orawell False
    Oringate False
    """

    def __init__(self, model: Writes, request: Request):
        self.model, self.request = model, request
        prime = model.clean(request.prime)
        self._ids = model.vocabulary.encode(prime, "the prompt").astype(np.int32)
        self.prime = prime if isinstance(prime, str) else prime.decode("utf-8", "replace")
        self._shown = self.prime if request.include_prime else ""
        self._rng = np.random.default_rng(request.seed)

    def pieces(self) -> Iterator[str]:
        """One text of `length` symbols, piece by piece as it is written, records one by one.

        A record that `length` cuts comes last, as far as it was written.
        """
        if not self.model.lines:
            yield from [self._shown] if self._shown else []
            yield from self._pieces(self.request.length, Found(self.request.stop), Ending())
            return
        for record, closed in self._records(None):
            yield record.text
            if closed:
                yield self.model.separator

    def records(self, known: Container[str] | None = None) -> Iterator[Sample]:
        """The records of such a text; only the last of them may be cut."""
        return (record for record, _ in self._records(known))

    def samples(self, known: Container[str] | None = None) -> Iterator[Sample]:
        """`n` whole samples, each a record or a running text of its own.

        Parameters
        ----------
        known : texts that are not new: records, or a running text with everything in it.
            Of a record all is compared, of a running text what follows the prime.

        Raises
        ------
        ElmanError : after the last one, if `new` ones are wanted and too few were found
        """
        n = self.request.n or 1
        if self.request.new:
            yield from self._new_samples(n, known)
        else:
            for _ in range(n):
                yield self._sample(known)

    def _new_samples(self, n: int, known: Container[str] | None) -> Iterator[Sample]:
        found: set[str] = set()
        missed: Counter[str] = Counter()
        for _ in range(DRAWS * n):
            sample = self._sample(known)
            if sample.cut:
                missed["cut by --length"] += 1
            elif sample.new is False:
                missed["of the training text"] += 1
            elif sample.written in found:
                missed["drawn before"] += 1
            else:
                found.add(sample.written)
                yield sample
                if len(found) == n:
                    return
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in missed.most_common())
        cut = missed.most_common(1)[0][0].endswith("--length")
        # What is short occurs somewhere in a running text, however it was drawn.
        way_out = "--length" if cut or not self.model.lines else "--temperature"
        raise ElmanError(
            f"found {len(found):,} new of {n:,} samples in {DRAWS * n:,} draws (the others: "
            f"{reasons}); a higher {way_out} finds more"
        )

    def _sample(self, known: Container[str] | None) -> Sample:
        ending = Ending()
        pieces = self._pieces(self.request.length, Found(self.request.stop), ending)
        return self._made("".join(pieces), ending.cut, known)

    def _records(self, known: Container[str] | None) -> Iterator[tuple[Sample, bool]]:
        """Records within `length` symbols; with each whether its separator still belongs to them.

        What leaves nothing to chance would write the same record again, so it writes one.
        """
        found, left = Found(self.request.stop), self.request.length
        while True:
            ending = Ending()
            written = "".join(self._pieces(left, found, ending))
            left -= ending.symbols
            closed = ending.closed and left > 0 and not self.request.certain
            if closed:
                left -= 1
                found.up_to([self.model.separator])
            yield self._made(written, ending.cut, known), closed
            if not closed or not left or found.complete:
                return
            if self.prime:  # it is not written, so it neither is nor begins the stop text
                found = Found(self.request.stop)

    def _made(self, written: str, cut: bool, known: Container[str] | None) -> Sample:
        whole = self.prime + written if self.model.lines else written
        new = None if known is None else whole not in known
        return Sample(self._shown + written, written, cut, new)

    def _pieces(self, most: int, found: Found, ending: Ending) -> Iterator[str]:
        """A record or a text of at most `most` symbols after the prime; `ending` says how it ends.

        A last character that has not all of its bytes is left out.
        """
        records, text_of = self.model.lines, decoder(self.model.vocabulary)
        # One symbol more shows whether a record is whole.
        with closing(self._symbols(most + records)) as symbols:
            for symbol in symbols:
                if symbol == self.model.vocabulary.end:
                    ending.closed = True
                    return
                if ending.symbols == most:
                    break
                ending.symbols += 1
                piece = text_of(symbol)
                yield piece
                found.up_to([piece])
                if found.complete:
                    return
        ending.cut = records or found.stop is not None

    def _symbols(self, length: int) -> Generator[int, None, None]:
        """At most `length` symbols after the prime, an end symbol among them."""
        v, network, request = self.model.vocabulary, self.model.network, self.request
        forbidden = [i for i in (v.unknown, v.begin) if i is not None]
        empty = len(self._ids) > 0  # only a record that begins with the prime may end with it
        if request.beam:
            yield from beam_search(
                network, self._start(), request.beam, length, forbidden, v.end, empty
            )
        else:
            yield from generate(
                network, self._start(), request.options, self._rng, forbidden, v.end, length,
                self._write, empty,
            )  # fmt: skip

    def _start(self) -> Start:
        """Where a text begins; a prime is read once for all of them."""
        if self.model.lines or len(self._ids):
            return self._primed
        return self.model.start(self._ids, self._rng)

    @cached_property
    def _primed(self) -> Start:
        return read(self.model.network, self.model.start(self._ids, self._rng))

    @cached_property
    def _write(self) -> Writer:
        return writer(self.model.network)
