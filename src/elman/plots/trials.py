"""How good the trials of a sweep were, and with which settings."""

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError
from ..sweeps import study
from .canvas import BLUE, GREY, ORANGE, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BESIDE = 3  # panels in a row
FAR = 1.5  # left out: a figure farther from the best than this many times the median


@styled
def trials(place: str) -> "Figure":
    """The held-out figure of each trial, by its number and by each setting.

    Dots are complete trials, crosses those that were stopped early, the line is the best so far.

    Parameters
    ----------
    place : the study of `elman sweep`, a file or the URL of a database

    Raises
    ------
    UsageError : a study without a finished trial
    ElmanError : no study, or Optuna is not installed
    """
    from .figure import Figure

    found = study.known(place)
    ended = [t for t in found.get_trials(deepcopy=False) if t.state.name in ("COMPLETE", "PRUNED")]
    whole = [t for t in ended if t.state.name == "COMPLETE"]
    if not whole:
        raise UsageError(f"no trial of {place} has finished yet; continue with elman sweep")
    better = np.maximum if found.direction.name == "MAXIMIZE" else np.minimum
    names = sorted({name for trial in ended for name in trial.params})
    rows = ceil(len(names) / BESIDE)
    figure = Figure(figsize=(10, 3 + 2.5 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, BESIDE)
    first = figure.add_subplot(grid[0, :])
    _scatter(first, ended, lambda trial: trial.number)
    best = better.accumulate([trial.value for trial in whole])
    first.step([t.number for t in whole], best, color=ORANGE, where="post", label="best so far")
    first.set_xlabel("trial")
    first.set_ylabel(found.user_attrs["compared"].removeprefix("validation_").replace("_", " "))
    first.legend()
    for i, name in enumerate(names):
        panel = figure.add_subplot(grid[1 + i // BESIDE, i % BESIDE], sharey=first)
        some = [trial for trial in ended if name in trial.params]
        space = next(trial.distributions[name] for trial in some)
        choices = list(getattr(space, "choices", ()))
        if choices:
            _scatter(panel, some, lambda t, n=name, c=choices: c.index(t.params[n]))
            panel.set_xticks(range(len(choices)), list(map(str, choices)))
        else:
            _scatter(panel, some, lambda t, n=name: t.params[n])
            panel.set_xscale("log" if space.log else "linear")
        panel.set_xlabel(name.replace("_", "-"))
    _look_at_the_good(first, np.array([_value(trial) for trial in ended]), best[-1])
    return figure


def _scatter(panel: Any, found: list[Any], place: Any) -> None:
    for state, marker, color, label in (("COMPLETE", "o", BLUE, "whole trials"),
                                        ("PRUNED", "x", GREY, "cut short")):  # fmt: skip
        some = [trial for trial in found if trial.state.name == state]
        panel.plot([place(t) for t in some], [_value(t) for t in some], marker, color=color,
                   label=label, linestyle="none")  # fmt: skip


def _value(trial: Any) -> float:
    """Its held-out figure; of one that was cut short the last one that was heard of."""
    return trial.value if trial.value is not None else np.nan


def _look_at_the_good(panel: Any, values: np.ndarray, best: float) -> None:
    """Trials that learned nearly nothing must not press the others together."""
    reach = FAR * float(np.nanmedian(values) - best)  # below 0 where more is better
    if np.nanmax(np.abs(values - best)) > 2 * abs(reach) > 0:
        panel.set_ylim(*sorted((best - 0.1 * reach, best + reach)))
