"""`elman train`."""

import os
import shlex
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ..files import OutputFile, model_path
from . import completion
from .flags import setting_options
from .help import option
from .output import print_json, say_waiting
from .ranks import SIGNALS, STOP, Together, launch, refuse_another_number, to_start
from .serve import address

if TYPE_CHECKING:
    from ..learn.ranks import Alone
    from ..learn.run import Run
    from .live import Page

EXAMPLES = """
elman train                            on Python's library
elman train poems.txt -o poems.safetensors --minutes 10
elman train src/ --tokens byte --cell lstm --num-layers 2
elman train names.txt --lines          each line is a name
elman train --resume poems.safetensors       after a crash
elman train more.txt --from poems.safetensors    fine-tune
elman train poems.txt --cell ngram     a Markov chain
elman train poems.txt --live           shown in a browser
elman train mail.tsv --task classify   text and label
elman train names/ --task classify     a file per class
elman train reviews/ --task classify   a folder per class
elman train news.conll --task tag      a word, its label
"""
NOTES = """
Counts like --eval-every are in steps (updates). Losses are in nats; displayed figures are
in bits per character. Ctrl-C saves and stops; --resume continues.
"""
ESSENTIALS = {
    "--minutes X": "How long the whole run may take.",
    "-o FILE": "Model file to write.",
    "--lines": "Each line is a text of its own, such as a name.",
    "--task classify": "Learn the label of a text, not how to write.",
    "--resume FILE": "Continue after a stop or a crash.",
}
GROUPS = ("Text", "Network", "Learning", "Labels", "Run and files", "Machine", "Page")


@click.command(cls=Together, examples=EXAMPLES, notes=NOTES, essentials=ESSENTIALS, groups=GROUPS)
@click.argument("corpus", nargs=-1, shell_complete=completion.texts)
@option(
    "-o", "--output", metavar="FILE", group="Run and files",
    help="Model file; it is replaced atomically.  "
    "[default: named after the corpus; never replaces a file]",
)  # fmt: skip
@option("--resume", metavar="FILE", group="Run and files", shell_complete=completion.models,
        help="Continue a run that was stopped.")  # fmt: skip
@option("--from", "start_from", metavar="FILE", group="Run and files",
        shell_complete=completion.models,
        help="Start from the weights of a model.")  # fmt: skip
@option("--json", "as_json", is_flag=True, group="Run and files",
        help="One JSON object per event on stdout.")  # fmt: skip
@option("--dry-run", is_flag=True, group="Run and files",
        help="Report how the data are understood, without training.")  # fmt: skip
@setting_options
@option("--ranks", type=click.IntRange(1), group="Machine",
        help="Processes that train together on this host; at most --shards.")  # fmt: skip
@option("--live", is_flag=True, group="Page",
        help="Watch and steer the training in the browser.")  # fmt: skip
@address
@click.pass_context
def train(
    ctx: click.Context,
    /,
    corpus: tuple[str, ...],
    output: str | None,
    resume: str | None,
    start_from: str | None,
    as_json: bool,
    dry_run: bool,
    ranks: int | None,
    live: bool,
    host: str,
    port: int,
    browser: bool,
    **settings: Any,
) -> None:
    """Train a model on CORPUS: files, folders, names (see `elman corpora`) or - (stdin).

    Without CORPUS it trains for one minute on the Python standard library.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    from .live import Page, claim_address, refuse_without_live

    if resume is not None and start_from is not None:
        raise UsageError("give --resume or --from, not both")
    if start_from is not None and not corpus:
        again = f"elman train TEXT --from {shlex.quote(start_from)}"
        raise UsageError(f"--from needs a text to train on: {again}; --resume continues with the "
                         "text of the model")  # fmt: skip
    if not live:
        refuse_without_live(ctx)
    elif given.get("cell") == "ngram":
        raise UsageError("--live shows how a network learns; a Markov chain is only counted")
    together: Alone = ctx.obj
    if dry_run:
        if live or output is not None or (ranks, together.size) != (None, 1):
            raise UsageError("--dry-run trains nothing: leave --live, several ranks and -o out")
        run = _prepare(corpus, given, None, resume, start_from)
        ctx.exit(_show(run, run.outline(), as_json))
    if to_start(ranks):
        ctx.exit(launch(ranks or 1, as_json))
    signal.signal(STOP, signal.default_int_handler)  # as Ctrl-C: while there is nothing to save
    refuse_another_number(ranks, together)
    together.refuse_unlike("another -o", str(output), "start all ranks with the same command")
    listening = claim_address(host, port) if live and together.rank == 0 else None
    run = _prepare(corpus, given, output, resume, start_from, together)
    if together.rank:
        ctx.exit(_train_along(run, together))
    page = Page(run, listening, host, browser, as_json) if listening is not None else None
    ctx.exit(_follow(run, page, as_json, together))


def _prepare(
    corpus: tuple[str, ...],
    given: dict[str, Any],
    output: str | None,
    resume: str | None,
    start_from: str | None,
    ranks: "Alone | None" = None,
) -> "Run":
    """A run; without ranks one that is only looked at."""
    from .. import tasks

    if resume is not None:
        if ranks is None:
            raise UsageError("--dry-run is for a new training; leave --resume out")
        return tasks.resume(resume, given, corpus, output, ranks)
    tasks.make(given)  # every wrong flag is found before a large corpus is read
    if ranks is None:
        return tasks.begin(corpus, given, None, start_from)
    target = ranks.by_the_first(
        lambda: tasks.default_output(corpus) if output is None else OutputFile(model_path(output))
    )
    say_waiting(corpus)
    command = shlex.join(["elman", *sys.argv[1:]])
    try:
        with _saying("reading the text …"):
            return tasks.begin(corpus, given, target, start_from, command, ranks)
    except BaseException:
        if target is not None:
            target.close()
        raise


@contextmanager
def _saying(text: str) -> Iterator[None]:
    """On a terminal a line that is there as long as something takes."""
    shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    if shown:
        click.echo(text, err=True, nl=False)
    try:
        yield
    finally:
        if shown:
            click.echo("\r\x1b[K", err=True, nl=False)


def _show(run: "Run", events: Iterable[dict[str, Any]], as_json: bool) -> int:
    """Show events, nothing else."""
    from ..tasks import display_of

    with display_of(run.settings) as display:
        for event in events:
            if as_json:
                print_json(event)
            display.show(event)
    return 0


def _train_along(run: "Run", ranks: "Alone") -> int:
    """What a rank does that prints nothing; the exit code."""
    with _stopping(run) as stopped_by:
        run.follow()
        ranks.leave()  # rank 0 has its final figures to work out
    for number in SIGNALS:  # one that comes now is not about this rank, which has ended
        signal.signal(number, signal.SIG_IGN)
    return 128 + stopped_by[0] if stopped_by and not run.learner.finished else 0


def _follow(run: "Run", page: "Page | None", as_json: bool, ranks: "Alone") -> int:
    """Train, and show the progress; the exit code."""
    from ..errors import ElmanError
    from ..tasks import display_of

    failure: ElmanError | None = None
    event: dict[str, Any] = {"event": "none"}
    with _stopping(run) as stopped_by:
        try:
            with display_of(run.settings) as display:
                for event in page.events() if page is not None else run.events():
                    if as_json:
                        print_json(event)
                    display.show(event)
        except KeyboardInterrupt:
            output = run.output
            written = output is not None and output.path.exists()
            kept = f"; {output.path} is as it was last saved" if output and written else ""
            click.echo(f"stopped{kept}", err=True)
        except ElmanError as error:
            if page is None:
                raise
            failure = error
            click.echo(f"elman: error: {error}", err=True)
        except BaseException:
            if page is not None:
                page.close()
            raise
    ranks.leave(ranks.PATIENCE)  # the page may stay, they need not
    if page is not None:
        page.close() if stopped_by else page.stay()
    if failure is not None:
        return failure.exit_code
    return 128 + stopped_by[0] if stopped_by and event["event"] != "done" else 0


@contextmanager
def _stopping(run: "Run") -> Iterator[list[int]]:
    """The first Ctrl-C, SIGTERM or SIGUSR1 lets the run save and end, the second ends it at once.

    Batch systems announce the end of a job's time by one of the last two.
    """
    stopped_by: list[int] = []

    def stop(number: int, frame: object) -> None:
        first = not stopped_by
        stopped_by.append(number)
        if not first:
            raise KeyboardInterrupt
        run.stop()

    before = {s: signal.signal(s, stop) for s in SIGNALS}
    try:
        yield stopped_by
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
