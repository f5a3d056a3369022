"""`elman sample`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from . import completion, options
from .help import Command, option
from .output import note_unknown, print_json

if TYPE_CHECKING:
    from ..learn.run import Data
    from ..tasks.language.model import Model
    from ..tasks.language.samples import Sample, Writing

EXAMPLES = """
elman sample shakespeare.safetensors
elman sample poems.safetensors --prime "The sea" \\
    --length 500 --top-p 0.9
elman sample names.safetensors -n 20 --new     new names
elman sample code.safetensors --prime-file start.py \\
    --greedy --stop "\\n\\n"
elman sample names.safetensors --seed 7        other names
"""

NOTES = """
With a prompt (--prime) the model reads it from a zero state. Without a prompt it continues
from the end of training, or from a random symbol if the file does not store that; a model
of lines starts a new line. It generates whole lines within --length, and one line with
--greedy or --beam.
"""

RULE = "---\n"  # between running texts


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model", shell_complete=completion.models)
@option("--prime", metavar="TEXT", callback=options.unescaped,
        help="Prompt: the text to continue (\\n, \\t and the like are understood).",
        group="Text")  # fmt: skip
@option("--prime-file", metavar="FILE", help="File with the prompt.", group="Text")
@options.encoding
@option("--length", type=int, default=200, show_default=True,
        help="Symbols to generate after the prompt; with --count, the maximum per line.",
        group="Text")  # fmt: skip
@option("--stop", metavar="STR", callback=options.unescaped,
        help="Stop once STR has been generated (\\n, \\t and the like are understood).",
        group="Text")  # fmt: skip
@option("-n", "--count", type=int,
        help="Generate N whole samples: lines, or texts of --length symbols.",
        group="Text")  # fmt: skip
@option("--new", is_flag=True, group="Text",
        help="Only samples that do not occur in the training text, without repeats.")  # fmt: skip
@option("--temperature", type=float, default=1.0, show_default=True,
        help="Randomness: below 1 plays safe, above 1 takes risks, 0 is greedy.",
        group="Choice of symbols")  # fmt: skip
@option("--top-k", type=int, metavar="K", default=0, show_default=True,
        help="Choose among the K most likely symbols; 0: all.",
        group="Choice of symbols")  # fmt: skip
@option("--top-p", type=float, metavar="P", default=1.0, show_default=True,
        help="Choose among the most likely symbols that together have probability P.",
        group="Choice of symbols")  # fmt: skip
@option("--greedy", is_flag=True, help="Always choose the most likely symbol.",
        group="Choice of symbols")  # fmt: skip
@option("--beam", type=click.IntRange(1), help="Search for the most likely text with N candidates.",
        group="Choice of symbols")  # fmt: skip
@option("--seed", type=int, default=0, show_default=True,
        help="Random seed; the same seed gives the same text.",
        group="Choice of symbols")  # fmt: skip
@option("--no-prime", is_flag=True, help="Do not print the prompt.",
        group="Output")  # fmt: skip
@option("--novelty", is_flag=True, group="Output",
        help="Report how much of the sample is copied from the training text.")  # fmt: skip
@options.as_json("One JSON object; with --count one for each sample.")
def sample(
    model: str, length: int, prime: str | None, prime_file: str | None, encoding: str,
    temperature: float, top_k: int, top_p: float, greedy: bool, beam: int | None, stop: str | None,
    seed: int, count: int | None, new: bool, no_prime: bool, novelty: bool, as_json: bool,
) -> None:  # fmt: skip
    """Generate text with MODEL, character by character, on stdout."""
    from ..errors import UsageError
    from ..tasks import load
    from ..tasks.language.samples import Request, Writing
    from ..tasks.language.sampling import SamplingOptions
    from ..text.read import TextOptions, read
    from ..text.unknown import Unknown

    if prime is not None and prime_file is not None:
        raise UsageError("give --prime or --prime-file, not both")
    if encoding != "utf-8" and prime_file is None:
        raise UsageError("--encoding needs --prime-file: it is the encoding of that file")
    if no_prime and not prime and prime_file is None:
        raise UsageError("--no-prime leaves the prompt out, but there is none; give --prime")
    if greedy and (temperature != 1 or top_k or top_p != 1):
        raise UsageError("--greedy always takes the most likely symbol: leave out --temperature, "
                         "--top-k and --top-p")  # fmt: skip
    loaded = load(model, task="lm")
    text: str | bytes = prime or ""
    if prime_file is not None:
        raw = options.is_raw(loaded, encoding)
        text = read(prime_file, TextOptions(raw=raw, encoding=encoding))
    choice = SamplingOptions(temperature, top_k, top_p, greedy)
    if new and count is None:
        count = 1
    if count is not None and not length:
        raise UsageError("-n generates whole samples, and --length 0 leaves no room for any")
    writing = Writing(
        loaded, Request(length, text, choice, beam or 0, stop, seed, not no_prime, count, new)
    )
    unknown = Unknown(loaded.vocabulary)
    unknown.add(loaded.clean(text))
    note_unknown(unknown)
    data = _trained_on(loaded, "--new" if new else "--novelty") if new or novelty else None
    given = {"prime": text if isinstance(text, str) else text.decode("utf-8", "replace")}
    _Output(writing, data, novelty, as_json, given | {"seed": seed}).show()


def _trained_on(model: Model, flag: str) -> Data:
    """The data that the flag compares with; its error says so if they are gone."""
    from ..errors import CorpusError, ModelFileError
    from ..tasks import training_data

    try:
        return training_data(model)
    except (CorpusError, ModelFileError) as error:
        raise type(error)(f"{flag} compares with the training text: {error}") from None


class _Output:
    """What is written, on stdout, and on stderr what is to be said of it."""

    def __init__(
        self,
        writing: Writing,
        data: Data | None,
        novelty: bool,
        as_json: bool,
        given: dict[str, Any],
    ):
        self.writing, self.request, self.lines = writing, writing.request, writing.model.lines
        self.data, self.novelty, self.as_json, self.given = data, novelty, as_json, given
        self.shown: list[Sample] = []

    def show(self) -> None:
        """Write all of it, and the notes after it."""
        if self.request.n is None and not self.lines and not self.as_json:
            self._stream()
        else:
            for sample in self._samples():
                self._print(sample)
        self._note_cut()
        figures = {} if self.data is None or not self.novelty else self._novelty(self.data)
        if self.as_json and self.request.n is None:  # else every sample had its row
            text = self.writing.model.separator.join(sample.text for sample in self.shown)
            cut = {"cut": self.shown[-1].cut}
            print_json({"text": text} | cut | self.given | figures)
        elif figures:
            _say(figures, self.shown)

    def _samples(self) -> Iterator[Sample]:
        from ..tasks.language.task import TASK

        known = None if self.data is None else TASK.known(self.data)
        if self.request.n is not None or not self.lines:
            yield from self.writing.samples(known)
            return
        for record in self.writing.records(known):
            if record.cut and self.shown:  # whole ones are there already
                return
            yield record

    def _stream(self) -> None:
        """Running text, symbol by symbol as it is written."""
        from ..tasks.language.samples import Sample

        written = []
        for piece in self.writing.pieces():
            written.append(piece)
            sys.stdout.write(piece)
            sys.stdout.flush()
        text = "".join(written)
        if not text.endswith("\n"):
            sys.stdout.write("\n")
        prime = self.writing.prime if self.request.include_prime else ""
        self.shown.append(Sample(text, text.removeprefix(prime), False))

    def _print(self, sample: Sample) -> None:
        """A sample, as a row or on lines of its own with the separator before it."""
        if self.as_json:
            if self.request.n is not None:
                row = {"text": sample.text, "cut": sample.cut, "new": sample.new}
                print_json(row | self.given)
        else:
            between = self.writing.model.separator.removeprefix("\n") if self.lines else RULE
            if self.shown and between:
                sys.stdout.write(between if between.endswith("\n") else f"{between}\n")
            sys.stdout.write(sample.text if sample.text.endswith("\n") else f"{sample.text}\n")
            sys.stdout.flush()
        self.shown.append(sample)

    def _note_cut(self) -> None:
        count, cut = len(self.shown), sum(sample.cut for sample in self.shown)
        if cut and not self.as_json:
            which = "the sample is" if count == 1 else f"{cut:,} of {count:,} samples are"
            length = f"--length {self.request.length}"
            click.echo(f"note: {which} cut: {length} is too short for a whole one", err=True)

    def _novelty(self, data: Data) -> dict[str, Any]:
        """Figures as --json has them."""
        from ..tasks.language.novelty import novelty
        from ..tasks.language.task import TASK

        written = [sample.written for sample in self.shown]
        if self.request.n is None:
            written = [self.writing.model.separator.join(written)]
        found = novelty(written, TASK.training_text(data))
        figures: dict[str, Any] = {
            "longest_copy": found.longest_copy,
            "longest_copy_length": len(found.longest_copy),
            "novel_10_grams": found.novel_share,
        }
        if self.lines:
            figures |= {
                "records": len(self.shown),
                "distinct_records": len({sample.written for sample in self.shown}),
                "new_records": sum(sample.new is True for sample in self.shown),
            }
        return figures


def _say(novelty: dict[str, Any], samples: list[Sample]) -> None:
    if "records" in novelty:
        click.echo(
            f"novelty: {novelty['records']:,} records, {novelty['distinct_records']:,} of them "
            f"distinct, {novelty['new_records']:,} not in the training text",
            err=True,
        )
    share = f"; {novelty['novel_10_grams']:.1%} of the 10-grams are new"
    long = any(len(sample.written) >= 10 for sample in samples)
    click.echo(
        f"novelty: the longest run copied from the training text has "
        f"{novelty['longest_copy_length']} characters, {novelty['longest_copy']!r}"
        f"{share if long else ''}",
        err=True,
    )
