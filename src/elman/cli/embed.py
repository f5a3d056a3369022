"""`elman embed`."""

import json
import sys
from io import BytesIO

import click

from . import options
from .help import Command, option

EXAMPLES = """
elman embed names.safetensors Müller Rossi
elman embed names.safetensors - -o vectors.npy < names.txt
elman embed names.safetensors --nearest 3 - < names.txt
elman embed names.safetensors --nearest 3 --among names.txt Müller
"""

NOTES = """
One row per text: the text and the numbers of its vector, with tabs between. The
vector is the network's state after the last symbol, of a classifier the pooled
states. --nearest K prints the K most similar texts by cosine instead: text,
neighbour, similarity; among the other texts given, or the lines of --among FILE.
"""


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model")
@click.argument("texts", nargs=-1)
@options.errors
@options.encoding
@option("--nearest", type=click.IntRange(1), metavar="K",
        help="The K most similar texts, instead of vectors.", group="Neighbours")  # fmt: skip
@option("--among", metavar="FILE",
        help="The list to look in, a text a line.  [default: the other texts given]",
        group="Neighbours")  # fmt: skip
@option("-o", "--output", metavar="FILE", help="A .npy file (n, D) instead of rows.",
        group="Output")  # fmt: skip
@options.as_json("One JSON object per text.")
def embed(
    model: str, texts: tuple[str, ...], output: str | None, nearest: int | None,
    among: str | None, errors: str, encoding: str, as_json: bool,
) -> None:  # fmt: skip
    """Turn each of TEXTS (or each line of stdin) into a vector, by MODEL."""
    import numpy as np

    from ..errors import CorpusError, UsageError
    from ..files import OutputFile
    from ..inside import embedding
    from ..tasks import load
    from ..text.read import TextOptions, read
    from . import inputs
    from .output import print_json

    if among is not None and nearest is None:
        raise UsageError("--among goes with --nearest K")
    if output is not None and nearest is not None:
        raise UsageError("-o writes vectors and --nearest prints neighbours; give one of them")
    loaded = load(model)
    batches = inputs.texts(texts, errors, encoding)
    if nearest is not None or output is not None:
        batches = iter([[text for batch in batches for text in batch]])
    listed: list[str] = []
    if among is not None:
        content = read(among, TextOptions(errors, encoding=encoding))
        listed = [line for line in str(content).split("\n") if line]
        if not listed:
            raise CorpusError(f"{among} holds no text to look in")
        vectors_of_list = embedding.embed(loaded, listed)
    for batch in batches:
        if nearest is not None and among is None and len(batch) < 2:
            raise UsageError("--nearest needs several texts to look among, or a list: --among FILE")
        vectors = embedding.embed(loaded, batch)
        if output is not None:
            data = BytesIO()
            np.save(data, vectors)
            with OutputFile(output) as file:
                file.write(data.getvalue())
            return
        if nearest is None:
            for text, vector in zip(batch, vectors.tolist(), strict=True):
                if as_json:
                    row = json.dumps({"text": text, "vector": vector}, ensure_ascii=False)
                else:
                    row = inputs.field(text) + "".join(f"\t{x:.6g}" for x in vector)
                sys.stdout.write(row + "\n")
            sys.stdout.flush()
            continue
        same = among is None
        others, names = (vectors, batch) if same else (vectors_of_list, listed)
        index, similarity = embedding.nearest(vectors, others, nearest, same)
        for text, places, cosines in zip(batch, index.tolist(), similarity.tolist(), strict=True):
            found = [(names[i], cosine) for i, cosine in zip(places, cosines, strict=True)]
            if as_json:
                neighbours = [{"text": name, "similarity": cosine} for name, cosine in found]
                answer = {"text": text, "nearest": neighbours}
                print_json(answer)
                continue
            for name, cosine in found:
                click.echo(f"{inputs.field(text)}\t{inputs.field(name)}\t{cosine:.4f}")
