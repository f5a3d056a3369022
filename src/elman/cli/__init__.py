"""The command line: one module per verb, imported only when the verb is used."""

import os
import platform
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from io import TextIOWrapper
from keyword import iskeyword
from shlex import quote
from typing import Any

import click
from click.shell_completion import CompletionItem

from .help import Command
from .mistakes import hint, sentence
from .output import say

LONGEST = 40  # characters of a mistyped verb that a message quotes
VERBS = {
    "train": "Train a model on text.",
    "sweep": "Train with many settings and report the best.",
    "sample": "Generate text with a model.",
    "score": "Measure how likely texts are under a model.",
    "classify": "Assign a class to texts.",
    "tag": "Label every word or character of texts.",
    "embed": "Turn texts into vectors.",
    "check": "Check every gradient numerically on this machine.",
    "info": "Show engine and versions, or describe a model.",
    "plot": "Draw training curves, or what a model learned.",
    "corpora": "List the built-in corpora.",
    "reproduce": "Reproduce five published articles and compare.",
    "serve": "Open a page: write, look inside, classify.",
    "export": "Convert a model for other programs.",
    "push": "Send a hub folder to the Hugging Face hub.",
    "import": "Build a model from external weights.",
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            near = get_close_matches(name, VERBS, 1)
            way = f"did you mean {near[0]!r}?" if near else "elman --help lists the verbs"
            if name == "help":
                way = "add --help to a verb, as in elman train --help"
            elif os.path.exists(name):
                way = f"to train on this file: elman train {quote(name)}"
            raise click.UsageError(f"there is no verb {name[:LONGEST]!r}; {way}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        verbs = [CompletionItem(name, help=what) for name, what in VERBS.items()
                 if name.startswith(incomplete)]  # fmt: skip
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))
        super().format_options(ctx, formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's, but what was typed wrongly is said as all other errors are."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            say(f"elman: error: {sentence(error)}")
            if more_at := hint(error):
                click.echo(f"hint: {more_at}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(128 + signal.SIGINT)
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        from ..errors import ElmanError, flags

        try:
            with flags():
                return super().invoke(ctx)
        except ElmanError as error:
            with flags():
                say(f"elman: error: {error}")
            if error.hint:
                click.echo(f"hint: {error.hint}", err=True)
            ctx.exit(error.exit_code)
        except MemoryError:
            say("elman: error: not enough memory; make the model or the batch smaller")
            ctx.exit(1)
        except BrokenPipeError:  # the reader of our output has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(128 + 13)  # as SIGPIPE would, which Windows does not have
        except OSError as error:
            ctx.exit(_give_up(error))
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)


def _give_up(error: OSError) -> int:
    """Say what went wrong with a file, perhaps with stdout itself; the exit code."""
    say(f"elman: error: {error.strerror or error}")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


START = """\
Recurrent networks that learn from your text. Start with:

  elman train                     a minute on Python's code
  elman train poems.txt           your own text
  elman sample poems.safetensors  text from a trained model
  elman serve                     look inside, in a browser
  elman train --help              options and examples

elman --help lists all verbs.
"""

EXAMPLES = """
elman train                        on Python's code
elman train poems.txt --minutes 5  on your own text
elman sample poems.safetensors --prime "The sea"
echo "some line" | elman score poems.safetensors
"""

NOTES = """
elman VERB --help describes a verb, with examples.
"""


def _version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    """Print what a bug report begins with: versions and machine."""
    if asked and not ctx.resilient_parsing:
        from ..version import __version__

        click.echo(f"elman {__version__} (Python {platform.python_version()}, "
                   f"{platform.system()} {platform.machine()})")  # fmt: skip
        ctx.exit()


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    examples=EXAMPLES,
    notes=NOTES,
    subcommand_metavar="VERB [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
              help="Show versions and exit; elman info has more.")  # fmt: skip
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Train recurrent neural networks on your text; write, score, classify and tag with them."""
    if ctx.invoked_subcommand is None:
        click.echo(START, nl=False)


def main() -> None:
    """Entry point of the `elman` command."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # text is UTF-8 whatever the locale says
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        cli(prog_name="elman")
    except OSError as error:  # of the help or the version, for which no verb is invoked
        sys.exit(_give_up(error))
