"""`elman train` on several ranks: starting them on this host, and what only one of them says."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from ..errors import ElmanError, UsageError, install, lacks
from .help import Command
from .mistakes import sentence

if TYPE_CHECKING:
    from ..learn.ranks import Alone

STOP = getattr(signal, "SIGUSR1", signal.SIGTERM)  # every launcher hands it on to all ranks
SIGNALS = {signal.SIGINT, signal.SIGTERM, STOP}  # that let a run save and end
LEASH = "ELMAN_LEASH"  # set where standard input ends with the command that started the ranks


class Together(Command):
    """A verb that several ranks may run, which `ctx.obj` connects.

    They are connected before they read their flags: one that stumbles over those ends the others,
    which would wait for it for ever.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if set(args) & set(ctx.help_option_names):
            return super().parse_args(ctx, args)
        with one_voice(ctx, _connected(ctx)):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with one_voice(ctx, _connected(ctx)):
            return super().invoke(ctx)


def _connected(ctx: click.Context) -> "Alone":
    """The ranks that a launcher has started, of which this process is one."""
    from ..learn.ranks import connect

    if ctx.obj is None:
        ctx.obj = connect()
        if ctx.obj.rank == 0 and os.environ.pop(LEASH, None):
            Thread(target=_stop_with_the_starter, daemon=True).start()
    return ctx.obj


def _stop_with_the_starter() -> None:
    """Save and end once the command that started the ranks is gone, even if it was killed."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), STOP)


def refuse_another_number(asked: int | None, ranks: "Alone") -> None:
    """Raise UsageError where there are not as many ranks as were asked for."""
    if asked not in (None, ranks.size):
        raise UsageError(f"--ranks {asked} contradicts what started this, for {ranks.size}: leave "
                         "it out")  # fmt: skip


def to_start(asked: int | None) -> bool:
    """Whether ranks are to be started: several were asked for, and this is none of them."""
    from ..learn.ranks import started

    return asked is not None and asked > 1 and started()[1] < 2


def launch(count: int, as_json: bool) -> int:
    """The command of this process again, on this many ranks of this host; the exit code.

    With JSON what mpiexec itself has to say about a rank that was killed is left out. Ctrl-C,
    SIGTERM and SIGUSR1 let the ranks save and end, the second ends them at once.

    Raises
    ------
    ElmanError : there is no MPI to start them with
    """
    beside = Path(sys.executable).parent / "mpiexec"  # of the MPI that mpi4py was installed with
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        way = f"pip install mpich, and {install('mpi')}"
        raise ElmanError(lacks("--ranks", "mpiexec", way))
    command = [mpiexec, "-n", str(count), sys.executable, "-m", "elman", *sys.argv[1:]]
    # In a session of its own, so that Ctrl-C comes to it once: from here. mpiexec hands its
    # standard input to rank 0; nothing comes there, and it ends when this process does. The pipe
    # of its output does not: mpiexec, which a broken one ends at once, has the other end, too.
    lines, output = os.pipe() if as_json else (None, None)
    if lines is not None:
        os.set_inheritable(lines, True)
    job = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, start_new_session=True, close_fds=False,
        env={**os.environ, LEASH: "1"},
    )  # fmt: skip
    if output is not None:
        os.close(output)
    stopped_by: list[int] = []

    def stop(number: int, frame: object) -> None:
        stopped_by.append(number)
        job.send_signal(STOP if len(stopped_by) == 1 else signal.SIGTERM)

    for number in SIGNALS:
        signal.signal(number, stop)
    if lines is not None:
        with open(lines, "rb") as stream:
            for line in stream:
                if line.startswith(b"{"):
                    click.echo(line, nl=False)
    code = job.wait()
    saved = {128 + number for number in SIGNALS}
    if stopped_by and code not in {0, 1, UsageError.exit_code}:
        return 128 + stopped_by[0]  # before the first step there is nothing to save
    if code in {0, 1, UsageError.exit_code} | saved:  # a rank has said what there is to say
        return code
    click.echo("elman: error: a rank ended before the training did; the model file is as "
               "it was last saved, and --resume continues from there", err=True)  # fmt: skip
    return 1


@contextmanager
def one_voice(ctx: click.Context, ranks: "Alone") -> Iterator[None]:
    """What goes wrong on all ranks is said by rank 0, what goes wrong on another one by that."""
    try:
        yield
    except (ElmanError, click.UsageError) as error:
        if ranks.rank == 0:
            raise
        if ranks.leave(ranks.PATIENCE):
            ctx.exit(error.exit_code)
        said = sentence(error) if isinstance(error, click.UsageError) else error
        told = ElmanError(f"rank {ranks.rank}: {said}")
        told.exit_code = error.exit_code
        raise told from None
