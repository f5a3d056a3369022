"""Settings and data to a prepared run, for any task; what does not fit together is refused."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError, quoted
from ..files import MODEL_SUFFIX, OutputFile, model_path
from ..nn.engine import Engine, select
from ..nn.network import BaseNetwork, NetworkConfig
from ..settings import Settings, flag
from ..store.modelfile import SavedModel
from ..version import __version__
from . import resuming
from .run import Data, Run
from .task import Task

FEW_SYMBOLS = 20_000  # words that are a large vocabulary still
TRIALS = 4  # steps that are timed, of which the fastest counts


def begin(
    task: Task,
    source: Any,
    given: dict[str, Any],
    output: str | Path | OutputFile | None = None,
    older: SavedModel | None = None,
    start_from: str | Path = "",
    command: str = "",
) -> Run:
    """Prepare a new run.

    Parameters
    ----------
    source : names of files and the like, or rows in memory
    given : the settings that the user named
    older, start_from : the model whose weights and vocabulary it starts from, and its file
    command : how it was started, for the record

    Raises
    ------
    UsageError, CorpusError, ElmanError : see there
    """
    if output is None:
        return _prepare(task, source, given, older, start_from, command)
    # Whether the model can be written is found out before a large corpus is read.
    file = output if isinstance(output, OutputFile) else OutputFile(model_path(output))
    try:
        _refuse_overwriting([name for name in source if isinstance(name, str)], file.path)
        run = _prepare(task, source, given, older, start_from, command)
        run.open(file)
    except BaseException:
        file.close()
        raise
    return run


def _prepare(
    task: Task,
    source: Any,
    given: dict[str, Any],
    older: SavedModel | None,
    start_from: str | Path,
    command: str,
) -> Run:
    started = time.monotonic()
    source, given = task.complete(source, given)
    if older is not None:
        given = _inherit(task, given, older, start_from)
    settings = task.settings(**given)
    data = task.read(source, settings, older)
    engine = select(settings.engine, settings.threads)
    paces = {
        size: _pace(task, settings, data, size, engine)
        for size in settings.to_measure(data.symbols)
    }
    settings = settings.filled(**data.decided).resolved(data.symbols, paces)
    learner = task.count(settings, data)
    if learner is None:
        config = task.config(settings, data)
        _refuse_too_large(config, settings, task.kept_steps(settings, data), older is None)
        network = task.network(config, np.dtype(settings.dtype), engine)
        if older is None or config.shapes() != older.network.config.shapes():
            task.initialise(network, settings)
        if older is not None:
            _take_over(network, older.network)
        learner = task.trainer(network, data, settings)
    summary = {"command": command, "corpus": data.source.names, "sha256": data.source.sha256,
               "versions": versions()}  # fmt: skip
    run = task.run(settings, data, learner, summary, started)
    run.notes += task.notes(settings, data, learner)
    return run


def resume(
    task: Task,
    model: SavedModel,
    path: str | Path,
    given: dict[str, Any],
    names: Sequence[str] = (),
    output: str | Path | None = None,
) -> Run:
    """Prepare to continue the run that wrote the file of a model.

    Raises
    ------
    ModelFileError : no checkpoint, or a damaged one
    UsageError : a setting that contradicts the file
    CorpusError : the data have changed or are gone
    """
    started = time.monotonic()
    if not isinstance(model.network, BaseNetwork):
        raise UsageError(f"{path} was counted in one go, so nothing can go on; train it again")
    stopped = resuming.read(task.settings, model, path, given, names)
    data = task.read(stopped.names, stopped.settings, model, stopped.corpus)
    data.source.names = list(model.summary.get("corpus", data.source.names))
    trainer = task.trainer(model.network, data, stopped.settings)
    notes = resuming.restore(trainer, stopped)
    run = task.run(stopped.settings, data, trainer, model.summary, started)
    run.notes += notes
    run.open(OutputFile(path if output is None else model_path(output)))
    return run


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
        del fixed["normalize"]  # text in another normal form may be made alike
    for name, value in fixed.items():
        if name in given and given[name] != value:
            raise UsageError(
                f"{flag(name, given[name])} contradicts {path}, which has {quoted(value)}; leave "
                "it out"
            )
    return {name: older.config[name] for name in ("dropout", "dtype")} | given | fixed


def _take_over(network: BaseNetwork, older: BaseNetwork) -> None:
    """The weights of a model; new symbols and classes come behind its own, and stay as they are."""
    for name, values in network.parameters.items():
        weights = older.parameters[name]
        values[tuple(slice(size) for size in weights.shape)] = weights


def _pace(
    task: Task, settings: Settings, data: Data, size: tuple[int, int], engine: Engine
) -> float:
    """Symbols a second that this machine trains at a number of layers and units."""
    settings = replace(settings, num_layers=size[0], hidden_size=size[1])
    network = task.network(task.config(settings, data), np.dtype(settings.dtype), engine)
    paces = []
    with network.limit_threads():
        for _ in range(TRIALS):
            start = time.perf_counter()
            symbols = task.try_step(network, settings)
            paces.append(symbols / (time.perf_counter() - start))
    return max(paces)


def _refuse_too_large(
    config: NetworkConfig, settings: Settings, steps: int, own_vocabulary: bool
) -> None:
    """Refuse a network that does not fit into memory, before trying.

    Parameters
    ----------
    steps : how many steps of all sequences of a batch are kept for the backward pass
    own_vocabulary : whether its size may be chosen
    """
    itemsize = np.dtype(settings.dtype).itemsize
    copies = 3 + {"adam": 2, "sgd": int(bool(settings.momentum))}.get(settings.optimizer, 1)

    def needs(config: NetworkConfig) -> float:
        per_step = config.vocabulary_size * 2 + 12 * config.hidden_size * config.num_layers
        return itemsize * (copies * config.num_parameters() + steps * per_step)

    needed, available = needs(config), _available_memory()
    if needed <= available:
        return
    way_out = "lower --hidden-size, --num-layers, --seq-len or --batch-size"
    small = replace(config, vocabulary_size=min(config.vocabulary_size, FEW_SYMBOLS))
    if own_vocabulary and needs(small) < 0.5 * needed:
        way_out = (
            f"it has {config.vocabulary_size:,} symbols, of which --vocabulary-size {FEW_SYMBOLS} "
            "keeps the most frequent and --min-count those that are not rare"
        )
    raise UsageError(
        f"such a network needs about {needed / 1e9:,.1f} GB of memory "
        f"({config.num_parameters():,} parameters), {available / 1e9:,.1f} GB are there; {way_out}"
    )


def _available_memory() -> float:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return float("inf")


def versions() -> dict[str, str]:
    return {"elman": __version__, "python": platform.python_version(), "numpy": np.__version__}
