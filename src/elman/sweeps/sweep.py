"""A sweep: trials one after the other, each an ordinary training, and the best of them."""

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import file_digest, sha256
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from .. import tasks
from ..errors import DivergedError, ElmanError, UsageError, flag, flags_of, quoted
from ..files import OutputFile, is_pipe, model_path
from ..nn.engine import available_cores
from . import study as studies
from .space import CHAIN, space_of

Event = dict[str, Any]

# By what trials are compared, and whether more of it is better.
COMPARED = {
    "lm": ("validation_bits_per_character", False),
    "classify": ("validation_macro_f1", True),
    "tag": ("validation_loss", False),
}
STRETCHES = 20  # of a trial: in each the pruner hears once, whatever a trial does in a second
BUDGETS = ("minutes", "steps", "epochs")
UNCOMPARED = "a sweep compares trials by held-out text; give --validation a share"
MINUTES = 1.0  # of a trial, unless something else is given


def sweep(
    corpus: str | Path | Sequence[str | Path], *, trials: int, search: str | None = None,
    study: str | Path | None = None, output: str | Path | None = None,
    on_event: Callable[[Event], object] | None = None, **settings: Any,
) -> Event:  # fmt: skip
    """Train many times with different settings, as `elman sweep` does.

    Parameters
    ----------
    corpus : files, folders or names of corpora
    trials : total number of trials, those of other processes included
    search : what is tried, as in "learning-rate=1e-3..1e-2:log hidden-size=128,256"; None: the
        learning rate, the size and some more, see `docs/sweeps.md`
    study : where to keep the trials, a file or the URL of a database; None: nowhere
    output : the file of the best model; None: no file
    on_event : called with every event, a dict with the key "event"
    settings : of `elman.train`, the same in all trials

    Returns
    -------
    found : a dict, with the `settings` of the best trial, its `best_value`, the `command` that
        gives the same model, the `importance` of the settings, and how many `trials` there were

    Raises
    ------
    UsageError : wrong settings, or a study of something else
    CorpusError : a text that cannot be read or learned from
    ElmanError : a study that cannot be read or written, or Optuna is not installed

    Example
    -------
    >>> elman.sweep("poems.txt", trials=30, minutes=2)["settings"]  # doctest: +SKIP
    {'learning_rate': 0.00412, 'hidden_size': 256, ...}
    """
    names = [corpus] if isinstance(corpus, str | Path) else corpus
    given = {name: value for name, value in settings.items() if value is not None}
    place, file = (None if path is None else str(path) for path in (study, output))
    event: Event = {}
    for event in Sweep([str(name) for name in names], given, trials, search, place, file).events():
        if on_event is not None:
            on_event(event)
    return {name: value for name, value in event.items() if name != "event"}


class Sweep:
    """Trials of one study.

    Parameters
    ----------
    corpus : files, folders or names of corpora
    given : settings that are the same in all trials
    trials : how many the study is to have, those of other processes included
    search : what is looked through, see `space.space_of`
    place : of the study, see `study.opened`
    output : the file of the best model; None: no file

    Raises
    ------
    UsageError : wrong settings, or a study of something else
    ElmanError : a study that cannot be read or written, or Optuna is not installed
    """

    def __init__(
        self, corpus: Sequence[str], given: Mapping[str, Any], trials: int,
        search: str | None = None, place: str | None = None, output: str | None = None,
    ):  # fmt: skip
        self.corpus, self.trials, self.output = list(corpus), checked_number(trials), output
        if output is not None:  # whether it can be written is known before anything is trained
            OutputFile(model_path(output)).close()
        self.given = {name: _plain(value) for name, value in given.items()}
        if self.given.get("cell") == "ngram":
            raise UsageError(CHAIN)
        if any(name == "-" or is_pipe(name) for name in self.corpus):
            raise UsageError(
                "a sweep reads its text in every trial, but standard input can be read only once"
            )
        if not any(name in self.given for name in BUDGETS):
            self.given["minutes"] = MINUTES
        task = tasks.make(self.given).task
        self.space = space_of(task, search, self.given)
        self.figure, self.maximize = COMPARED[task]
        if self.given.get("monitor") == "loss":
            self.figure, self.maximize = "validation_loss", False
        if self.given.get("validation") == 0:
            raise UsageError(UNCOMPARED)
        files = [str(self.given[name]) for name in ("validation", "test")
                 if isinstance(self.given.get(name), str)]  # fmt: skip
        about = {
            "compared": self.figure,
            "text": fingerprint([*self.corpus, *files]),
            "settings": {n: v for n, v in self.given.items() if n not in ("threads", "engine")},
            "search": repr(self.space),
        }
        self.study = studies.opened(place, self.maximize, about)
        self.place = place

    def events(self) -> Iterator[Event]:
        """Train until the study has its trials; a study that is stopped early can be continued.

        The events: "sweep", then "trial", "report" and "finished" of each trial, perhaps
        "again", then "done".
        """
        yield {"event": "sweep", "trials": self.trials, "search": list(self.space),
               "compared": self.figure, "study": self.place,
               "killed": studies.bury(self.study)}  # fmt: skip
        while (number := self._next()) is not None:
            yield from self._trial(number)
        yield from self._again()
        yield self._done()

    # -- one trial -----------------------------------------------------------------

    def _next(self) -> Any:
        """A new trial, if the study still needs one."""
        if len(studies.counted(self.study)) >= self.trials:
            return None
        trial = self.study.ask()
        for name, value in studies.marks().items():
            trial.set_user_attr(name, value)
        before = [t for t in studies.counted(self.study) if t.number < trial.number]
        if len(before) >= self.trials:  # others were faster
            self._tell(trial, "FAIL")
            return None
        return trial

    def _trial(self, trial: Any) -> Iterator[Event]:
        started = time.monotonic()
        outcome: Event = {"state": "complete", "value": None, "message": None}
        try:
            settings, threads = self._suggested(trial), self.given.get("threads")
            if threads is None:
                threads = max(1, available_cores() // max(1, studies.running_here(self.study)))
            yield {"event": "trial", "number": trial.number, "settings": settings,
                   "threads": threads}  # fmt: skip
            yield from self._train(trial, settings, threads, outcome)
        except DivergedError as error:
            outcome |= {"state": "failed", "message": str(error)}
            trial.set_user_attr(studies.COUNTED, str(error))
            self._tell(trial, "FAIL")
        except BaseException:  # Ctrl-C, a file that is gone: another trial takes its place
            self._tell(trial, "FAIL")
            raise
        yield {"event": "finished", "number": trial.number, **outcome,
               "seconds": time.monotonic() - started, **self.figures()}  # fmt: skip

    def _suggested(self, trial: Any) -> dict[str, Any]:
        """What the trial tries; its random numbers are its own, whoever runs it."""
        samplers = studies.optuna().samplers
        seed = 1000 * self.given.get("seed", 0) + trial.number
        self.study.sampler = samplers.TPESampler(seed=seed, n_startup_trials=8, multivariate=False)
        found = {name: values.suggest(trial, name) for name, values in self.space.items()}
        trial.set_user_attr("settings", found)
        return found

    def _train(
        self, trial: Any, settings: dict[str, Any], threads: int, outcome: Event
    ) -> Iterator[Event]:
        """An ordinary run; how it ended is told to the study, and put into `outcome`."""
        run, heard = self._run(settings, threads), 0
        events: Any = run.events()
        with closing(events):
            for event in events:
                value = event.get(self.figure)
                if event["event"] == "done":
                    outcome["value"] = value
                if event["event"] != "evaluation" or value is None:
                    continue
                share = run.learner.progress
                for stretch in range(heard, int(STRETCHES * share)):
                    trial.report(value, stretch)
                heard = max(heard, int(STRETCHES * share))
                yield {"event": "report", "number": trial.number, "value": value, "progress": share}
                if share < 1 and trial.should_prune():
                    outcome |= {"state": "pruned", "value": value}
                    self._tell(trial, "PRUNED")
                    return
        if outcome["value"] is None:
            raise UsageError(UNCOMPARED)
        self._tell(trial, "COMPLETE", outcome["value"])
        if self.output is not None and self.study.best_trial.number == trial.number:
            self._write(run)

    def _run(self, settings: dict[str, Any], threads: int) -> Any:
        return tasks.begin(self.corpus, self.given | settings | {"threads": threads}, None, None,
                           self.command(settings))  # fmt: skip

    def _write(self, run: Any) -> None:
        assert self.output is not None
        with OutputFile(model_path(self.output)) as file:
            file.write(run.model().pack())

    def _again(self) -> Iterator[Event]:
        """Train the best once more if the file is not its model: nobody could write it then."""
        best = self.figures()["best"]
        if self.output is None or best is None:
            return
        settings = self.study.best_trial.user_attrs["settings"]
        if _made_by(model_path(self.output)) == self.command(settings):
            return
        yield {"event": "again", "number": best, "model": self.output}
        run = self._run(settings, self.given.get("threads") or available_cores())
        for _ in run.events():
            pass
        self._write(run)

    def _tell(self, trial: Any, state: str, value: float | None = None) -> None:
        states = studies.optuna().trial.TrialState
        self.study.tell(trial.number, value, state=states[state], skip_if_finished=True)

    # -- what is known so far --------------------------------------------------------

    def figures(self) -> Event:
        """How many trials there are of each state, and the best so far."""
        trials = studies.counted(self.study)
        names = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
        counts = {n: sum(t.state.name == state for t in trials) for state, n in names.items()}
        done = [t for t in trials if t.state.name == "COMPLETE"]
        best = self.study.best_trial if done else None
        return {"trials": counts, "best": best and best.number, "best_value": best and best.value}

    def command(self, settings: Mapping[str, Any]) -> str:
        """The `elman train` that gives the model of a trial."""
        words = ["elman", "train", *self.corpus, *flags_of({**self.given, **settings})]
        return shlex.join([*words, *(["-o", self.output] if self.output else [])])

    def _done(self) -> Event:
        found = self.figures()
        best = None if found["best"] is None else self.study.best_trial.user_attrs["settings"]
        return {"event": "done", **found, "settings": best,
                "command": best and self.command(best), "importance": self._importance(),
                "model": self.output}  # fmt: skip

    def _importance(self) -> dict[str, float] | None:
        """How much each setting mattered, shares that add up to 1; None for too few trials."""
        done = [t for t in self.study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
        if len(done) < 8 or len({t.value for t in done}) < 2:
            return None
        importance = studies.optuna().importance
        try:
            found = importance.get_param_importances(
                self.study, evaluator=importance.PedAnovaImportanceEvaluator()
            )
        except (RuntimeError, ValueError):  # all trials equal in a setting
            return None
        return {name: float(share) for name, share in found.items()}


def checked_number(trials: int) -> int:
    """A number of trials; UsageError for what is none."""
    if isinstance(trials, bool) or not isinstance(trials, Integral) or trials < 1:
        raise UsageError(f"{flag('trials')} must be a whole number from 1 on, not {quoted(trials)}")
    return int(trials)


def fingerprint(names: Sequence[str]) -> str:
    """The SHA-256 of what files and folders hold; of the name of a corpus, its name."""
    sha = sha256()
    for name in names:
        path = Path(name)
        files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                with open(file, "rb") as content:
                    sha.update(file_digest(content, "sha256").digest())
            else:
                sha.update(name.encode("utf-8", "surrogateescape"))
    return sha.hexdigest()


def _plain(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, Path):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def _made_by(path: Path) -> str | None:
    """The command in a model file; None: there is no such file."""
    try:
        return tasks.load(path).summary.get("command")
    except ElmanError:
        return None
