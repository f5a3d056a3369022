"""`elman sample`."""

from __future__ import annotations

import sys
from typing import Any

import click

from . import options
from .help import Command, option
from .output import note_unknown, print_json

EXAMPLES = """
elman sample shakespeare.safetensors
elman sample poems.safetensors --prime "The sea" --length 500 --top-p 0.9
elman sample code.safetensors --prime-file start.py --greedy --stop "\\n\\n"
elman sample names.safetensors --seed 7      a model of lines writes lines
"""

NOTES = """
With a prime the model reads it from a zero state. Without one it goes on from
where its training ended, if the file says where, else from a symbol drawn at
random; a model of lines starts a line. The same seed gives the same text.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model")
@option("--prime", metavar="TEXT", help="Text to continue.", group="Text")
@option("--prime-file", metavar="FILE", help="File with the text to continue.", group="Text")
@options.encoding
@option("--length", type=int, default=200, show_default=True,
        help="Symbols to write after the prime.", group="Text")  # fmt: skip
@option("--stop", metavar="STR", help="End once STR has been written (\\n and \\t are understood).",
        group="Text")  # fmt: skip
@option("--temperature", type=float, default=1.0, show_default=True,
        help="Below 1 surer, above 1 more varied; 0 is greedy.",
        group="Choice of symbols")  # fmt: skip
@option("--top-k", type=int, metavar="K", default=0, show_default=True,
        help="Only the K likeliest symbols; 0 is all.", group="Choice of symbols")  # fmt: skip
@option("--top-p", type=float, metavar="P", default=1.0, show_default=True,
        help="Only the likeliest symbols that together have probability P.",
        group="Choice of symbols")  # fmt: skip
@option("--greedy", is_flag=True, help="Always the likeliest symbol.", group="Choice of symbols")
@option("--beam", type=int, default=0, help="Search for the likeliest text with N candidates.",
        group="Choice of symbols")  # fmt: skip
@option("--seed", type=int, default=0, show_default=True,
        help="Another seed writes another text, the same seed the same.",
        group="Choice of symbols")  # fmt: skip
@option("--novelty", is_flag=True, help="Say how much of the sample stands in the training text.",
        group="Output")  # fmt: skip
@options.as_json("One JSON object.")
def sample(
    model: str, length: int, prime: str | None, prime_file: str | None, encoding: str,
    temperature: float, top_k: int, top_p: float, greedy: bool, beam: int, stop: str | None,
    seed: int, novelty: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write text with MODEL, character by character, on stdout."""
    from ..errors import UsageError
    from ..tasks import load, training_text
    from ..tasks.language.sampling import SamplingOptions
    from ..tasks.language.sampling import novelty as compare
    from ..text.read import TextOptions, read
    from ..text.unknown import Unknown

    if prime is not None and prime_file is not None:
        raise UsageError("give --prime or --prime-file, not both")
    if encoding != "utf-8" and prime_file is None:
        raise UsageError("--encoding is about the file of --prime-file")
    if stop == "":
        raise UsageError("--stop needs at least one character")
    if stop is not None:
        stop = stop.replace("\\n", "\n").replace("\\t", "\t")
    loaded = load(model, task="lm")
    text: str | bytes = prime or ""
    if prime_file is not None:
        raw = options.is_raw(loaded, encoding)
        text = read(prime_file, TextOptions(raw=raw, encoding=encoding))
    choice = SamplingOptions(temperature, top_k, top_p, greedy)
    unknown = Unknown(loaded.vocabulary)
    unknown.add(loaded.clean(text))
    note_unknown(unknown)
    trained_on = training_text(loaded) if novelty else ""
    pieces = loaded.stream(length, text, choice, beam=beam, stop=stop, seed=seed)
    written = []
    for piece in pieces:
        written.append(piece)
        if not as_json:
            sys.stdout.write(piece)
            sys.stdout.flush()
    whole = "".join(written)
    if not as_json and not whole.endswith("\n"):
        sys.stdout.write("\n")
    shown_prime = text if isinstance(text, str) else text.decode("utf-8", "replace")
    report: dict[str, Any] = {"text": whole, "prime": shown_prime, "seed": seed}
    if novelty:
        found = compare(whole[len(shown_prime) :], trained_on)
        report |= {
            "longest_copy": found.longest_copy,
            "longest_copy_length": len(found.longest_copy),
            "novel_10_grams": found.novel_share,
        }
        if not as_json:
            click.echo(
                f"novelty: the longest run copied from the training text has "
                f"{len(found.longest_copy)} characters, {found.longest_copy!r}; "
                f"{found.novel_share:.1%} of the 10-grams are new",
                err=True,
            )
    if as_json:
        print_json(report)
