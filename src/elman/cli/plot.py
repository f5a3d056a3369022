"""`elman plot`."""

import click

from . import completion
from .help import Command, option

EXAMPLES = """
elman plot poems.safetensors -o training.png
elman plot names.safetensors --kind confusion \\
    -o confusion.png
elman plot --kind gradients -o untrained.svg
elman plot rnn.safetensors lstm.safetensors \\
    --kind gradients -o trained.svg
elman plot poems.safetensors --kind characters \\
    -o characters.pdf
elman plot poems.safetensors --kind states \\
    --text "The sea" -o states.png
elman plot poems.journal -o sweep.png
"""

KINDS = ("training", "confusion", "gradients", "characters", "states")


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("models", metavar="[MODEL]...", nargs=-1, shell_complete=completion.models)
@option("-o", "--output", required=True, metavar="FILE", help="Output file: .png, .svg or .pdf.",
        group="Picture")  # fmt: skip
@option("--kind", type=click.Choice(KINDS),
        help="What to draw.  [default: training, with confusion where there are labels]",
        group="Picture")  # fmt: skip
@option("--text", metavar="TEXT",
        help="What the model reads, for gradients and states.  [default: what it writes itself]",
        group="Picture")  # fmt: skip
def plot(models: tuple[str, ...], output: str, kind: str | None, text: str | None) -> None:
    """Draw a picture of MODEL into a file; needs the extra `plot` (matplotlib).

    \b
    training    loss, gradient norm and learning rate by step
    confusion   confusion matrix of a classifier or tagger,
                and the F1 of each label
    gradients   how much of the gradient of a loss is left k
                steps earlier, a curve for each MODEL;
                without a MODEL: untrained RNN, LSTM and GRU,
                and an RNN whose W_h is scaled to explode
    characters  the learned vectors of the symbols, projected
                on their principal components
    states      activations of hidden units over a text

    For a study of `elman sweep`, a file or a URL, it draws the result of each
    trial, by its number and by each setting.
    """
    from pathlib import Path

    from .. import plots
    from ..errors import UsageError
    from ..sweeps.study import is_study
    from ..tasks import load

    plots.check_ending(output)
    if text is not None and kind not in ("gradients", "states"):
        raise UsageError("--text needs --kind gradients or --kind states")
    if kind == "gradients":
        if text is not None and not models:
            raise UsageError("--text needs a MODEL that reads it")
        stems = [Path(model).stem for model in models]
        names = stems if len(set(stems)) == len(stems) else models
        loaded = {name: load(model) for name, model in zip(names, models, strict=True)}
        figure = plots.gradients(loaded or plots.untrained(), text)
    elif len(models) != 1:
        raise UsageError(f"name one MODEL to draw, not {len(models)}")
    elif kind == "states":
        figure = plots.states(load(models[0]), text)
    elif is_study(models[0]):
        if kind is not None:
            raise UsageError(f"{models[0]} is a study of a sweep, which has one picture; leave "
                             "--kind out")  # fmt: skip
        figure = plots.trials(models[0])
    else:
        draw = {
            None: plots.overview, "training": plots.training, "confusion": plots.confusion,
            "characters": plots.characters,
        }  # fmt: skip
        figure = draw[kind](load(models[0]))
    plots.write(figure, output)
