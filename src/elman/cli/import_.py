"""`elman import`, whose name Python keeps for itself."""

import click

from . import completion
from .help import Command, option

EXAMPLES = """
elman import w.safetensors -o model.safetensors \\
    --vocabulary poems.txt
elman import w.safetensors -o model.safetensors \\
    --vocabulary symbols.json
elman import w.safetensors -o model.safetensors \\
    --like poems.safetensors
elman import poems.onnx -o poems.safetensors
"""

NOTES = """
Pickles (.pt, .pth) are never read, as they can run any code; the message has a
line that converts one. docs/share.md has the names and shapes.
"""


@click.command("import", cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("file", shell_complete=completion.files)
@option("-o", "--output", required=True, metavar="MODEL", help="Where to write the model.",
        group="Output")  # fmt: skip
@option("--vocabulary", metavar="FILE", group="Symbols",
        help="Symbols in the order of the rows: a list in a .json file, or a text whose "
        "characters, in the order of their code points, are the symbols.")  # fmt: skip
@option("--like", metavar="MODEL", group="Symbols",
        help="Symbols, treatment of text, classes and pooling of a model.")  # fmt: skip
def import_(file: str, output: str, vocabulary: str | None, like: str | None) -> None:
    """Build a model from the weights in FILE: PyTorch's, or an ONNX file written by Elman.

    \b
    .safetensors   a state_dict: optionally an embedding, then
                   one stack of RNN, GRU or LSTM and a linear
                   readout; names may have any prefix
    .onnx          written by elman export, with its symbols
    """
    from ..files import model_path
    from ..share.importing import read
    from ..store.places import refuse_source

    model_path(output)  # a wrong name is found before anything is read
    refuse_source(file, output)
    found = read(file, vocabulary, like)
    for line in found.lines:
        click.echo(line, err=True)
    found.model.save(output)
