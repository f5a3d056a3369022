"""`elman export`."""

import click

from .help import Command, option

EXAMPLES = """
elman export poems.safetensors -o small.safetensors
elman export poems.safetensors -o poems.onnx --check
elman export poems.safetensors --format pytorch -o w.safetensors
"""

NOTES = """
docs/share.md says what each form holds, and how other programs read it.
"""

FORMATS = ("weights", "onnx", "pytorch")


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("model")
@option("-o", "--output", required=True, metavar="FILE", help="Where to write.", group="Output")
@option("--format", type=click.Choice(FORMATS),
        help="Which form.  [default: as the suffix says; .safetensors: weights]",
        group="Output")  # fmt: skip
@option("--check", is_flag=True, help="Compare an ONNX file with the model before it is written.",
        group="Output")  # fmt: skip
def export(model: str, output: str, format: str | None, check: bool) -> None:
    """Write MODEL in another form, for other programs.

    \b
    weights   the model without its training state, several times smaller
    onnx      a graph for ONNX Runtime and others; needs the extra `onnx`
    pytorch   a state_dict, also in a .safetensors file
    """
    from ..share.exporting import export as write
    from ..tasks import load

    for line in write(load(model), output, format, check=check):
        click.echo(line, err=True)
