"""The command line: one module per verb, imported only when the verb is used."""

import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper
from keyword import iskeyword
from typing import Any

import click

from .help import Command

VERBS = {
    "train": "Train a model on text.",
    "sweep": "Train with many settings, and say which are best.",
    "sample": "Write text with a model.",
    "score": "Say how likely texts are under a model.",
    "classify": "Say which class texts belong to.",
    "tag": "Give every symbol of texts a label.",
    "embed": "Turn texts into vectors.",
    "check": "Check every gradient numerically, on this machine.",
    "info": "Show the engine in use, or what a model file holds.",
    "plot": "Draw a training, or what was learned, into a file.",
    "corpora": "List the corpora that have a name.",
    "reproduce": "Do again what five published pieces did, and compare.",
    "serve": "Open a page in the browser: write, look inside, classify.",
    "export": "Write a model in another form, for other programs.",
    "push": "Send a hub folder to the Hugging Face hub.",
    "import": "Make a model of weights from outside.",
}


class Verbs(Command, click.Group):
    """The group of verbs; `--help` lists them without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        name += "_" * iskeyword(name)  # `import`
        return getattr(import_module(f".{name}", __name__), name)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
        super().format_options(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import ElmanError, flags

        try:
            with flags():
                return super().invoke(ctx)
        except ElmanError as error:
            with flags():
                click.echo(f"elman: error: {error}", err=True)
            ctx.exit(error.exit_code)
        except MemoryError:
            click.echo("elman: error: not enough memory; make the model or the batch smaller",
                       err=True)  # fmt: skip
            ctx.exit(1)
        except BrokenPipeError:  # the reader of our output has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(128 + signal.SIGPIPE)
        except OSError as error:
            click.echo(f"elman: error: {error.strerror or error}", err=True)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(1)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)


EXAMPLES = """
elman train                          one minute on the Python standard library
elman train poems.txt --minutes 5    a model of your own text
elman sample poems.safetensors --prime "The sea"
echo "some line" | elman score poems.safetensors
"""

NOTES = """
elman VERB --help says what a verb can do, with examples.
"""


@click.group(
    cls=Verbs,
    examples=EXAMPLES,
    notes=NOTES,
    subcommand_metavar="VERB [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="elman", message="elman %(version)s")
def cli() -> None:
    """Recurrent neural networks from first principles: train, sample, score."""


def main() -> None:
    """Entry point of the `elman` command."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # text is UTF-8 whatever the locale says
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    cli(prog_name="elman")
