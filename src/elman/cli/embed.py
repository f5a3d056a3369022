"""`elman embed`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

import click

from . import completion, options
from .help import Command, option
from .output import field, note

if TYPE_CHECKING:
    import numpy as np

    from .odd import Odd

EXAMPLES = """
elman embed names.safetensors Müller Rossi
elman embed names.safetensors -f names.txt -o vectors.npy
elman embed names.safetensors --nearest 3 -f names.txt
elman embed names.safetensors --nearest 3 \\
    --among names.txt Müller
"""

NOTES = """
One row per text: the text and the numbers of its vector, with tabs between; a blank line
has empty fields. The vector is the network's state after the last symbol; for a classifier,
the pooled states. --nearest K prints the K most similar texts by cosine instead: text,
neighbour, similarity; among the other texts given, or the lines of --among FILE. -o keeps
rows of NaN for blank lines.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model", shell_complete=completion.models)
@click.argument("texts", nargs=-1, callback=options.utf8)
@options.files
@options.errors
@options.encoding
@options.text_column
@options.delimiter
@options.part
@option("--nearest", type=click.IntRange(1), metavar="K",
        help="The K most similar texts, instead of vectors.", group="Neighbours")  # fmt: skip
@option("--among", metavar="FILE",
        help="File to search for neighbours, one text per line.  [default: the other texts given]",
        group="Neighbours")  # fmt: skip
@option("-o", "--output", metavar="FILE", help="A .npy file (n, D) instead of rows.",
        group="Output")  # fmt: skip
@options.as_json("One JSON object per text.")
def embed(
    model: str, texts: tuple[str, ...], output: str | None, nearest: int | None,
    among: str | None, as_json: bool, **reading: Any,
) -> None:  # fmt: skip
    """Turn each of TEXTS (or each line of FILES or stdin) into a vector with MODEL."""
    import numpy as np

    from ..errors import UsageError
    from ..files import OutputFile
    from ..inside import embedding
    from ..tasks import load
    from . import inputs
    from .odd import Odd

    if among is not None and nearest is None:
        raise UsageError("--among needs --nearest K")
    if output is not None and nearest is not None:
        raise UsageError("-o writes vectors and --nearest prints neighbours; give one of them")
    if output is not None and as_json:
        raise UsageError("-o writes vectors and --json prints them; give one of them")
    if reading["part"] is not None and nearest is not None and among is None:
        raise UsageError("--nearest searches all texts, and --part reads only some; give the "
                         "list as --among FILE")  # fmt: skip
    loaded = load(model)
    embedding.check_kind(loaded)
    wanted = options.reading(loaded, reading, texts)
    odd = Odd(loaded)
    found = (batch.texts for batch in inputs.batches(texts, reading["files"], wanted))
    if nearest is None and output is None:
        for some in found:
            odd.add(some)
            rows = _vectors(some, embedding.embed_all(loaded, some), odd if as_json else None)
            sys.stdout.writelines(f"{row}\n" for row in rows)
            sys.stdout.flush()
    else:
        every = [text for some in found for text in some]
        odd.add(every)
        if nearest is not None:
            listed = None if among is None else _list(among, wanted)
            rows = _neighbours(loaded, every, nearest, listed, as_json)
            sys.stdout.writelines(f"{row}\n" for row in rows)
        elif output is not None:
            data = BytesIO()
            np.save(data, embedding.embed_all(loaded, every))
            with OutputFile(output) as file:
                file.write(data.getvalue())
    for line in wanted.tally.notes():
        note(line)
    odd.say()


def _vectors(texts: list[str], vectors: np.ndarray, odd: Odd | None) -> Iterator[str]:
    """A row for each text; an object with what is odd about it, if that is asked for."""
    for text, vector in zip(texts, vectors.tolist(), strict=True):
        if odd is not None:
            there = vector if text.strip() else None
            found = {"text": text, "vector": there} | odd.about(text)
            yield json.dumps(found, ensure_ascii=False)
        else:
            yield field(text) + "".join(f"\t{x:.6g}" if text.strip() else "\t" for x in vector)


def _list(path: str, wanted: Any) -> list[str]:
    """The lines of the list to look in."""
    from ..errors import CorpusError
    from ..text.lines import lines
    from ..text.sources import plain_file

    listed = [line for some in lines(plain_file(path), wanted.options) for line in some]
    if not (listed := list(filter(str.strip, listed))):
        raise CorpusError(f"{path} holds no text to look in")
    return listed


def _neighbours(
    model: Any, texts: list[str], k: int, listed: list[str] | None, as_json: bool
) -> Iterator[str]:
    """For each text the most similar ones of a list, or of the other texts."""
    from ..errors import UsageError
    from ..inside import embedding

    there = [text for text in texts if text.strip()]
    if listed is None and len(there) < 2:
        raise UsageError("--nearest needs several texts to look among, or a list: --among FILE")
    vectors = embedding.embed(model, there)
    others, names = vectors, there
    if listed is not None:
        others, names = embedding.embed(model, listed), listed
    index, similarity = embedding.nearest(vectors, others, k, listed is None)
    places = iter(zip(index.tolist(), similarity.tolist(), strict=True))
    for text in texts:
        found = []
        if text.strip():
            found = [(names[i], cosine) for i, cosine in zip(*next(places), strict=True)]
        if as_json:
            neighbours = [{"text": name, "similarity": cosine} for name, cosine in found]
            yield json.dumps({"text": text, "nearest": neighbours}, ensure_ascii=False)
            continue
        for name, cosine in found:
            yield f"{field(text)}\t{field(name)}\t{cosine:.4f}"
        if not found:
            yield f"{field(text)}\t\t"
