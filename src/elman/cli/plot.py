"""`elman plot`."""

import click

EPILOG = """\b
Examples:
  elman plot poems.safetensors -o training.png
"""


@click.command(epilog=EPILOG)
@click.argument("model")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="Where to draw: .png, .svg or .pdf."
)
@click.option(
    "--kind",
    type=click.Choice(["training"]),
    default="training",
    show_default=True,
    help="What to draw.",
)
def plot(model: str, output: str, kind: str) -> None:
    """Draw a picture of MODEL into a file; needs the extra `plot` (matplotlib).

    training: loss, gradient norm and learning rate over the steps.
    """
    from .. import plots
    from ..loading import load

    plots.check_ending(output)
    loaded = load(model)
    plots.write(plots.training(loaded), output)
