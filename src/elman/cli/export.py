"""`elman export`."""

from pathlib import Path
from typing import Any

import click

from ..files import megabytes
from . import completion
from .help import Command, option

EXAMPLES = """
elman export poems.safetensors -o small.safetensors
elman export poems.safetensors -o poems.onnx --check
elman export poems.safetensors -o poems.html
elman export poems.safetensors --format pytorch \\
    -o w.safetensors
elman export poems.safetensors --format hub -o poems/ \\
    --license mit
"""

NOTES = """
docs/share.md describes each format and how other programs read it.
"""

FORMATS = ("weights", "onnx", "pytorch", "html", "hub")
DTYPES = ("float16", "float32")


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model", shell_complete=completion.models)
@option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="Output file, or folder for the hub format.",
    group="Output",
)
@option("--format", type=click.Choice(FORMATS),
        help="Output format.  [default: from the suffix; .safetensors: weights]",
        group="Output")  # fmt: skip
@option("--check", is_flag=True, help="Compare an ONNX file with the model before it is written.",
        group="Output")  # fmt: skip
@option("--dtype", type=click.Choice(DTYPES),
        help="Dtype of the weights in a page.  [default: float16]", group="Output")  # fmt: skip
@option("--license", metavar="NAME", help="License as the hub names it, such as mit.",
        group="Card of a hub folder")  # fmt: skip
@option("--language", metavar="CODE", multiple=True,
        help="Language code such as en; may be repeated.",
        group="Card of a hub folder")  # fmt: skip
@option("--datasets", metavar="NAME", multiple=True,
        help="A data set on the hub; may be repeated.", group="Card of a hub folder")  # fmt: skip
def export(model: str, output: str, format: str | None, check: bool, **rest: Any) -> None:
    """Convert MODEL for other programs.

    \b
    weights   the model without training state, much smaller
    onnx      a graph, for ONNX Runtime; needs the extra onnx
    pytorch   a state_dict, also in a .safetensors file
    html      a page that runs the model in a browser, offline
    hub       a folder for the Hugging Face hub
    """
    from ..share.exporting import export as write
    from ..store.places import refuse_source
    from ..tasks import load

    refuse_source(model, output)
    for line in write(load(model), output, format, check=check, **rest):
        click.echo(line, err=True)
    click.echo(f"wrote {output}{_size(Path(output))}", err=True)


def _size(path: Path) -> str:
    """How large a file is, of a folder what is in it; "" of what is neither, as /dev/null."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return f" ({megabytes(sum(one.stat().st_size for one in files))})" if files else ""
