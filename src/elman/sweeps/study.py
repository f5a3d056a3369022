"""The study of a sweep: the trials that were, in a file or a database, shared by processes.

Optuna keeps them. A trial knows the host and the process that runs it, so one whose process was
killed is told from one that runs. What was killed or interrupted counts for nothing: another
takes its place.
"""

import os
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import ElmanError, UsageError, install, lacks

NAME = "elman"  # of the study in a file or a database
JOURNAL = b'{"op_code"'  # how its file begins
UNMARKED = 60.0  # seconds after which a trial that says nothing of its process is none
COUNTED = "counted"  # a trial that failed and has this attribute is no wrong start


def optuna() -> Any:
    """Optuna, silent; ElmanError if it is not installed."""
    try:
        import optuna
    except ImportError:
        raise ElmanError(lacks("a sweep", "Optuna", install("sweep"))) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def opened(place: str | None, maximize: bool, about: dict[str, Any]) -> Any:
    """The study in a file or at a database URL, a new one if there is none; None: in memory.

    Parameters
    ----------
    maximize : whether more is better
    about : plain values that must be the same when the study is continued

    Raises
    ------
    UsageError : a study of something else
    ElmanError : a place that cannot be read or written, or Optuna is not installed
    """
    library = optuna()
    # The first quarter of a trial and the first trials of a study are never cut short.
    pruner = library.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=5)
    try:
        study = library.create_study(
            storage=_storage(library, place), study_name=NAME, load_if_exists=True, pruner=pruner,
            direction="maximize" if maximize else "minimize",
        )  # fmt: skip
        known = study.user_attrs
        for name, value in about.items():
            if name not in known:
                study.set_user_attr(name, value)
    except UsageError:
        raise
    except Exception as error:  # of any database
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ElmanError(f"cannot use the study {place}: {reason}") from None
    other = [name for name, value in about.items() if known.get(name, value) != value]
    if other:
        raise UsageError(f"{place} is the study of a sweep with a different {' and '.join(other)}; "
                         "continue with the original command, or name another --study")  # fmt: skip
    return study


def is_study(place: str) -> bool:
    """Whether a name is that of a study: the URL of a database, or a journal, which is JSON."""
    if "://" in place:
        return not place.startswith("hf://")
    return Path(place).is_file() and _begins_with(place, b"{")


def _begins_with(place: str, start: bytes) -> bool:
    with open(place, "rb") as file:
        return file.read(len(start)) == start


def known(place: str) -> Any:
    """The study that `opened` made; ElmanError if there is none."""
    library = optuna()
    try:
        return library.load_study(storage=_storage(library, place), study_name=NAME)
    except Exception as error:  # of any database
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ElmanError(f"{place} holds no study of a sweep: {reason}") from None


def _storage(library: Any, place: str | None) -> Any:
    if place is None or "://" in place:
        return place
    if not place:
        raise UsageError("--study is empty; it takes a file or the URL of a database")
    if Path(place).is_dir():
        raise UsageError(f"{place} is a folder; --study takes a file or the URL of a database")
    if Path(place).is_file() and Path(place).stat().st_size and not _begins_with(place, JOURNAL):
        # Optuna would append to what is in it.
        raise UsageError(f"{place} is not the study of a sweep; name another --study")
    from optuna.storages.journal import JournalFileBackend

    with open(place, "ab"):  # whether it can be written, with a sentence of ours
        pass
    return library.storages.JournalStorage(JournalFileBackend(place))


def marks() -> dict[str, Any]:
    """What a trial knows of the process that runs it; the host last: it says that all is there."""
    pid = os.getpid()
    return {"pid": pid, "began": _began(pid), "host": socket.gethostname()}


def bury(study: Any) -> list[int]:
    """Tell the study which trials of this host were killed; their numbers."""
    killed = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name == "RUNNING" and _dead(trial):
            study.tell(trial.number, state=type(trial.state).FAIL, skip_if_finished=True)
            killed.append(trial.number)
    return killed


def _dead(trial: Any) -> bool:
    """Whether the process of a trial was killed: one of this host, or one before it had marks."""
    found = trial.user_attrs
    if "host" not in found:
        return (datetime.now() - trial.datetime_start).total_seconds() > UNMARKED
    return found["host"] == socket.gethostname() and not _alive(found["pid"], found.get("began"))


def counted(study: Any) -> list[Any]:
    """The trials that count: those that run, that ended, that failed for a reason of their own."""
    return [trial for trial in study.get_trials(deepcopy=False)
            if trial.state.name != "FAIL" or COUNTED in trial.user_attrs]  # fmt: skip


def running_here(study: Any) -> int:
    """How many trials run on this host."""
    host = socket.gethostname()
    return sum(trial.state.name == "RUNNING" and trial.user_attrs.get("host") == host
               for trial in study.get_trials(deepcopy=False))  # fmt: skip


def _alive(pid: int, began: str | None) -> bool:
    """Whether a process is there, and not another one that has got its number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return began is None or _began(pid) in (None, began)


def _began(pid: int) -> str | None:
    """When a process began: the start of the machine, and the ticks since; None: unknown here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return f"{boot} {stat.rpartition(')')[2].split()[19]}"
