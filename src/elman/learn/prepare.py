"""Settings and data to a prepared run, for any task; what does not fit together is refused."""

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError, flag, quoted
from ..files import MODEL_SUFFIX, OutputFile, model_path
from ..nn.engine import select
from ..nn.network import BaseNetwork
from ..settings import Settings
from ..store.modelfile import SavedModel
from ..version import __version__
from . import resuming
from .memory import refuse_too_large
from .pace import Pace
from .ranks import Alone, fewest_cores
from .run import Data, Run
from .shards import Shards
from .task import Task

PATIENCE = 10.0  # seconds for the processes of a run that was killed to end, before it continues


def begin(
    task: Task,
    source: Any,
    given: dict[str, Any],
    output: str | Path | OutputFile | None = None,
    older: SavedModel | None = None,
    start_from: str | Path = "",
    command: str = "",
    ranks: Alone | None = None,
) -> Run:
    """Prepare a new run.

    Parameters
    ----------
    source : names of files and the like, or rows in memory
    given : the settings that the user named
    older, start_from : the model whose weights and vocabulary it starts from, and its file
    command : how it was started, for the record
    ranks : the processes that train together; every one calls this, rank 0 alone with an output

    Raises
    ------
    UsageError, CorpusError, ElmanError : see there
    """
    ranks = ranks or Alone()
    # Whether the model can be written is found out before a large corpus is read.
    file = output
    if not (file is None or isinstance(file, OutputFile)):
        file = OutputFile(model_path(file))
    try:
        _refuse_unlike_ranks(ranks, source, given)
        if file is not None:
            _refuse_overwriting([name for name in source if isinstance(name, str)], file.path)
        run = _prepare(task, source, given, older, start_from, command, ranks)
        ranks.by_the_first(lambda: None if file is None else run.open(file))
    except BaseException:
        if file is not None:
            file.close()
        raise
    return run


def _refuse_unlike_ranks(ranks: Alone, names: Sequence[Any], given: dict[str, Any]) -> None:
    """What would go wrong later, and less clearly."""
    if ranks.size == 1:
        return
    ranks.refuse_unlike("another version of Elman", __version__, "install the same one everywhere")
    told = str([*map(str, names), sorted(given.items())])
    ranks.refuse_unlike("other settings", told, "start all ranks with the same command")
    if "-" in names:
        raise UsageError("only one rank gets standard input; write the text into a file that all "
                         "ranks can read")  # fmt: skip


def _prepare(
    task: Task,
    source: Any,
    given: dict[str, Any],
    older: SavedModel | None,
    start_from: str | Path,
    command: str,
    ranks: Alone,
) -> Run:
    started = time.monotonic()
    source, given = task.complete(source, given)
    if older is not None:
        given = _inherit(task, given, older, start_from)
    settings = task.settings(**given)
    shards = Shards(settings.shards, ranks)
    data = read_by_all(ranks, lambda: task.read(source, settings, older))
    engine = select(settings.engine, settings.threads or fewest_cores(ranks))
    ranks.refuse_unlike(
        "another engine", engine.name, "give --engine numpy, or install the same on all"
    )
    pace = Pace(task, settings, data, engine, ranks, older is None)
    paces = {size: pace.of(size) for size in settings.to_measure(data.symbols)}
    settings = _resolved(settings.filled(**data.decided), data, paces, started, ranks)
    learner = task.count(settings, data)
    if learner is not None and ranks.size > 1:
        raise UsageError(f"--cell {settings.cell} is counted by one process: start it without "
                         "--ranks, or mpiexec")  # fmt: skip
    if learner is None:
        config = task.config(settings, data)
        refuse_too_large(config, settings, task.kept_steps(settings, data), older is None)
        settings = replace(
            settings, precision=pace.precision((config.num_layers, config.hidden_size))
        )
        network = task.network(config, np.dtype(settings.dtype), engine)
        network.bf16 = settings.precision == "bf16"
        if older is None or config.shapes() != older.network.config.shapes():
            task.initialise(network, settings)
        if older is not None:
            _take_over(network, older.network)
        learner = task.trainer(network, data, settings)
        learner.shards = shards
    summary = {"command": command, "corpus": data.source.names, "sha256": data.source.sha256,
               "versions": versions()}  # fmt: skip
    run = task.run(settings, data, learner, summary, started)
    run.notes += task.notes(settings, data, learner)
    if settings.epochs is not None and "epochs" not in given:
        run.notes.append(f"training ends after {settings.epochs:g} passes, before its minutes are "
                         "over: more would not improve it; --epochs N trains longer")  # fmt: skip
    return run


def _resolved(
    settings: Settings,
    data: Data,
    paces: dict[tuple[int, int], float],
    started: float,
    ranks: Alone,
) -> Settings:
    """The settings filled in, for the part of the minutes that preparing has left."""
    resolved = settings.resolved(data.symbols, paces)
    unit, minutes = resolved.end
    if unit != "minutes":
        return resolved
    spent = ranks.figure(time.monotonic() - started)[0]
    left = max(0.0, 1 - spent / (60 * minutes))
    return settings.resolved(data.symbols, {size: left * pace for size, pace in paces.items()})


def resume(
    task: Task,
    model: SavedModel,
    path: str | Path,
    given: dict[str, Any],
    names: Sequence[str] = (),
    output: str | Path | None = None,
    ranks: Alone | None = None,
) -> Run:
    """Prepare to continue the run that wrote the file of a model, on any number of ranks.

    Raises
    ------
    ModelFileError : no checkpoint, or a damaged one
    UsageError : a setting that contradicts the file
    CorpusError : the data have changed or are gone
    """
    started, ranks = time.monotonic(), ranks or Alone()
    if not isinstance(model.network, BaseNetwork):
        raise UsageError(f"{path} is a Markov chain, which cannot be continued; train it again")
    _refuse_unlike_ranks(ranks, [path, *names], given)
    stopped = resuming.read(task.settings, model, path, given, names, ranks)
    shards = Shards(stopped.settings.shards, ranks)
    data = read_by_all(
        ranks, lambda: task.read(stopped.names, stopped.settings, model, stopped.corpus)
    )
    engine = model.network.engine
    ranks.refuse_unlike(
        "another engine", engine.name, "give --engine numpy, or install the same on all"
    )
    data.source.names = list(model.summary.get("corpus", data.source.names))
    model.network.bf16 = stopped.settings.precision == "bf16"
    trainer = task.trainer(model.network, data, stopped.settings)
    trainer.shards = shards
    notes = resuming.restore(trainer, stopped)
    run = task.run(stopped.settings, data, trainer, model.summary, started)
    run.notes += notes
    ranks.by_the_first(lambda: run.open(_file_of(path, output)))
    if "precision" in given:  # is recorded, whether or not there is anything left to train
        ranks.by_the_first(run.save)
    return run


def _file_of(path: str | Path, output: str | Path | None) -> OutputFile:
    """The file that a run continues from; those who wrote it may be about to end."""
    return OutputFile(path if output is None else model_path(output), PATIENCE)


def read_by_all(ranks: Alone, read: Callable[[], Data]) -> Data:
    """The data, read once a host; UsageError where they are not the same on all hosts."""
    data = ranks.once_a_host(read)
    ranks.refuse_unlike("another corpus", data.source.sha256, "give all hosts the same files")
    return data


def _refuse_overwriting(names: Sequence[str], output: Path) -> None:
    """The model must not replace the text that it is learned from."""
    if not Path(output).is_file():
        return
    for path in (Path(name) for name in names):
        inside = path.is_dir() and Path(output).resolve().is_relative_to(path.resolve())
        if (path.is_file() and path.samefile(output)) or (
            inside and Path(output).suffix != MODEL_SUFFIX
        ):
            raise UsageError(
                f"--output {output} would replace the corpus itself; name another file"
            )


def _inherit(task: Task, given: dict[str, Any], older: SavedModel, path: object) -> dict[str, Any]:
    """Settings of a fine-tuning: text and architecture are those of the model."""
    if not isinstance(older.network, BaseNetwork):
        raise UsageError(f"{path} holds counts and no network; --from needs a network")
    for name in ("vocabulary_size", "min_count"):
        if name in given:
            raise UsageError(f"{flag(name)} has no effect with --from: the vocabulary is that of "
                             f"{path}; leave it out")  # fmt: skip
    fixed = task.inherited(given, older, path)
    if older.config.get("normalize") is None and "normalize" in given:
        del fixed["normalize"]  # text in another normal form may be converted
    for name, value in fixed.items():
        if name in given and given[name] != value:
            raise UsageError(
                f"{flag(name, given[name])} contradicts {path}, which has {quoted(value)}; leave "
                "it out"
            )
    return {name: older.config[name] for name in resuming.LOOSE} | given | fixed


def _take_over(network: BaseNetwork, older: BaseNetwork) -> None:
    """The weights of a model; new symbols and classes come behind its own, and stay as they are."""
    for name, values in network.parameters.items():
        weights = older.parameters[name]
        values[tuple(slice(size) for size in weights.shape)] = weights


def versions() -> dict[str, str]:
    return {"elman": __version__, "python": platform.python_version(), "numpy": np.__version__}
