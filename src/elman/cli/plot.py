"""`elman plot`."""

import click

EPILOG = """\b
Examples:
  elman plot poems.safetensors -o training.png
  elman plot names.safetensors --kind confusion -o confusion.png
"""


@click.command(epilog=EPILOG)
@click.argument("model")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to draw: .png, .svg or .pdf."
)
@click.option(
    "--kind",
    type=click.Choice(["training", "confusion"]),
    help="What to draw.  [default: training, of a classifier both]",
)
def plot(model: str, output: str, kind: str | None) -> None:
    """Draw a picture of MODEL into a file; needs the extra `plot` (matplotlib).

    training: loss, gradient norm and learning rate over the steps. confusion: which
    class a classifier took for which, and the F1 of each.
    """
    from .. import plots
    from ..loading import load

    plots.check_ending(output)
    loaded = load(model)
    draw = {None: plots.overview, "training": plots.training, "confusion": plots.confusion}[kind]
    plots.write(draw(loaded), output)
