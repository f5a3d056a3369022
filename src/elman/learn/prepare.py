"""Settings and a corpus to a prepared run; what does not fit together is refused here.

The command line goes through `begin` and `resume`, Python through `train`.
"""

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..errors import UsageError
from ..files import MODEL_SUFFIX, OutputFile, claim
from ..nn.engine import Engine, select
from ..nn.network import Network, NetworkConfig, initialise
from ..settings import NAMES, Settings, flag, resolve
from ..tasks.classify.model import Classifier
from ..tasks.language.model import Model, load
from ..tasks.language.ngram import NGram
from ..tasks.language.trainer import Event, Trainer
from ..tasks.loading import load as load_any
from ..text import corpora, corpus
from ..text.read import TextOptions
from . import batches, resuming
from .run import Run, TextRun, characters_per_symbol

NETWORK_SETTINGS = ("cell", "hidden_size", "num_layers", "embedding_size", "activation", "bias")
TEXT_SETTINGS = ("tokens", "lines", "lowercase", "normalize", "unknown")


def begin(
    names: Sequence[str],
    given: dict[str, Any],
    output: str | Path | OutputFile | None = None,
    start_from: str | Path | None = None,
    command: str = "",
) -> Run:
    """Prepare a new run; `given` holds the settings that the user named.

    Raises
    ------
    UsageError, CorpusError, ModelFileError, ElmanError : see there
    """
    names = list(names)
    if output is None:
        return _prepare(names, given, start_from, command)
    # Whether the model can be written is found out before a large corpus is read.
    file = output if isinstance(output, OutputFile) else OutputFile(output)
    try:
        _refuse_overwriting(names, file.path)
        run = _prepare(names, given, start_from, command)
        run.open(file)
    except BaseException:
        file.close()
        raise
    return run


def _prepare(
    names: list[str], given: dict[str, Any], start_from: str | Path | None, command: str
) -> Run:
    if given.get("task") == "classify":
        from ..tasks.classify import prepare as prepare_classifier

        return prepare_classifier.begin(names, given, None, start_from, command)
    started = time.monotonic()
    if not names:
        names = [corpora.STDLIB]
        if not {"epochs", "steps", "minutes"} & set(given):
            given = given | {"minutes": 1.0}
    source = load(start_from) if start_from is not None else None
    if source is not None:
        given = _inherit(given, source, start_from)
    settings = Settings(**given)
    text = corpus.load(names, corpus_options(settings), source.vocabulary if source else None)
    parts = corpus.split(text, settings.validation, settings.test, settings.seed)
    engine = select(settings.engine, settings.threads)
    settings = resolve(
        settings,
        parts[0].predictions,
        lambda hidden_size: _pace(settings, hidden_size, len(text.vocabulary), engine),
    )
    learner: Trainer | NGram
    if settings.cell == "ngram":
        learner = NGram(len(text.vocabulary), settings.order, text.vocabulary.begin)
    else:
        config = network_config(settings, len(text.vocabulary))
        seq_len, batch_size = batches.fit(
            parts[0], settings.batching, settings.seq_len, settings.batch_size
        )
        reach = max(seq_len, min(settings.bptt or 0, parts[0].predictions // batch_size))
        refuse_too_large(config, settings, reach * batch_size)
        network = Network(config, np.dtype(settings.dtype), engine)
        if source is not None and isinstance(source.network, Network):
            network.parameters.flat[:] = source.network.parameters.flat
        else:
            rng = np.random.default_rng([settings.seed, 3])
            initialise(network.parameters, config, settings.init, settings.init_scale, rng)
        learner = Trainer(network, text.vocabulary, settings, parts[0], parts[1],
                          characters_per_symbol(text))  # fmt: skip
    summary = {"command": command, "corpus": names, "sha256": text.sha256,
               "versions": versions()}  # fmt: skip
    run = TextRun(settings, text, parts, learner, summary, started)
    if isinstance(learner, Trainer):
        _note_shrunken(run, learner)
    if not parts[1].predictions and settings.validation != 0:
        run.notes.append("the text is too short to hold a part out: no held-out figures")
    return run


def resume(
    path: str | Path,
    given: dict[str, Any],
    names: Sequence[str] = (),
    output: str | Path | None = None,
) -> Run:
    """Prepare to continue the run that wrote a model file.

    Raises
    ------
    ModelFileError : no checkpoint, or a damaged one
    UsageError : a setting that contradicts the file
    CorpusError : the corpus has changed or is gone
    """
    started = time.monotonic()
    model = load_any(path)
    if not isinstance(model, Model):
        from ..tasks.classify import prepare as prepare_classifier

        return prepare_classifier.resume(model, path, given, names, output)
    if isinstance(model.network, NGram):
        raise UsageError(f"{path} is a Markov chain: it was counted in one go, train it again")
    stopped = resuming.read(model, path, given, names)
    settings = stopped.settings
    text = corpus.load(stopped.names, corpus_options(settings), model.vocabulary, stopped.sha256)
    text.names = list(model.summary.get("corpus", text.names))
    parts = corpus.split(text, settings.validation, settings.test, settings.seed)
    trainer = Trainer(model.network, model.vocabulary, settings, parts[0], parts[1],
                      characters_per_symbol(text))  # fmt: skip
    notes = resuming.restore(trainer, stopped)
    run = TextRun(settings, text, parts, trainer, model.summary, started)
    run.notes += notes
    run.open(OutputFile(output or path))
    return run


def train(
    corpus: str | Path | Sequence[str | Path] | Sequence[tuple[str, str]] = (),
    *,
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    on_event: Callable[[Event], object] | None = None,
    **settings: Any,
) -> Model | Classifier:
    """Train a model of text, or with `task="classify"` a classifier of labelled texts.

    Parameters
    ----------
    corpus : files, folders or names of corpora (see `elman corpora`); nothing is
        the Python standard library, for one minute; for a classifier tables, one
        file per class, a folder of files, or rows (text, label) as they are
    output : the model file, written while training and at the end; None: no file
    start_from : a model file whose weights and vocabulary training starts from
    on_event : called with every event of the training, a dict with the key "event"; its
        "snapshot" is a function that returns the model as it is then, to sample or to
        score with before training goes on
    settings : the flags of `elman train` with underscores, see `elman.settings`

    Returns
    -------
    model : the best on the held-out part, its figures in `model.summary`

    Raises
    ------
    UsageError : a setting out of range
    CorpusError : a text that cannot be read or learned from
    DivergedError : training that left the finite numbers

    Example
    -------
    >>> model = elman.train("shakespeare.txt", cell="gru", minutes=3)  # doctest: +SKIP
    """
    unknown = set(settings) - set(NAMES)
    if unknown:
        raise UsageError(f"there is no setting {sorted(unknown)[0]!r}; see elman.settings.Settings")
    names = [corpus] if isinstance(corpus, (str, Path)) else corpus
    if isinstance(names, bytes) or not isinstance(names, Sequence):
        raise UsageError(f"corpus must be a path, a name or a list of them, not {corpus!r}")
    given = {name: value for name, value in settings.items() if value is not None}
    run: Run
    if names and isinstance(names[0], tuple):
        if given.get("task") != "classify":
            raise UsageError("rows (text, label) are for a classifier: give task='classify' too")
        from ..tasks.classify import prepare as prepare_classifier
        from ..text import labelled

        data = labelled.from_rows(names)
        run = prepare_classifier.begin(data, given, output, start_from, "elman.train(...)")
    else:
        run = begin([str(name) for name in names], given, output, start_from, "elman.train(...)")
    for event in run.events():
        if on_event is not None:
            on_event(event | {"snapshot": run.model})
    return run.model()


def default_output(names: Sequence[str]) -> OutputFile:
    """A model file with a name made from the corpus; it replaces nothing."""
    first = names[0] if names else corpora.STDLIB
    return claim("stdin" if first == "-" else Path(first).stem or "model")


def corpus_options(settings: Settings) -> corpus.CorpusOptions:
    return corpus.CorpusOptions(
        settings.tokens, settings.vocabulary_size, settings.lines, settings.unknown,
        TextOptions(settings.errors, settings.lowercase, settings.normalize,
                    settings.max_characters, raw=settings.tokens == "byte"),
    )  # fmt: skip


def network_config(settings: Settings, vocabulary_size: int) -> NetworkConfig:
    return NetworkConfig(
        vocabulary_size, settings.cell, settings.hidden_size or 0, settings.num_layers or 1,
        settings.embedding_size, settings.activation, settings.bias, settings.dropout or 0.0,
    )  # fmt: skip


def _refuse_overwriting(names: Sequence[str], output: Path) -> None:
    """The model must not replace the text that it is learned from."""
    if not Path(output).is_file():
        return
    for path in (Path(name) for name in names):
        inside = path.is_dir() and Path(output).resolve().is_relative_to(path.resolve())
        if (path.is_file() and path.samefile(output)) or (
            inside and Path(output).suffix != MODEL_SUFFIX
        ):
            raise UsageError(f"-o {output} would replace the corpus itself; name another file")


def _pace(settings: Settings, hidden_size: int, vocabulary_size: int, engine: Engine) -> float:
    """Symbols per second that this machine trains at a hidden size, from one short window."""
    config = network_config(replace(settings, hidden_size=hidden_size), vocabulary_size)
    network = Network(config, np.dtype(settings.dtype), engine)
    ids = np.zeros((16, settings.batch_size), np.int32)
    weights = np.full(ids.shape, 1 / ids.size, network.dtype)
    times = []
    with engine.limit_threads():
        for _ in range(3):
            start = time.perf_counter()
            network.loss_and_gradient(ids, ids, weights, network.zero_state(settings.batch_size))
            times.append(time.perf_counter() - start)
    return ids.size / min(times)


def _inherit(given: dict[str, Any], source: Model, path: object) -> dict[str, Any]:
    """Settings of a fine-tuning: text and architecture are those of the model."""
    if not isinstance(source.network, Network):
        raise UsageError(f"{path} is a Markov chain; --from needs a network")
    fixed = {name: source.config[name] for name in (*TEXT_SETTINGS, *NETWORK_SETTINGS)}
    for name, value in fixed.items():
        if name in given and given[name] != value:
            raise UsageError(f"{flag(name)} contradicts {path}, which has {value!r}; leave it out")
    return {"dropout": source.config["dropout"], "dtype": source.config["dtype"]} | given | fixed


def _note_shrunken(run: Run, trainer: Trainer) -> None:
    s = run.settings
    if (trainer.seq_len, trainer.batch_size) != (s.seq_len, s.batch_size):
        run.notes.append(
            f"the text is too short for batches of {s.batch_size} × {s.seq_len} steps; "
            f"training with {trainer.batch_size} × {trainer.seq_len}"
        )


def refuse_too_large(config: NetworkConfig, settings: Settings, steps: int) -> None:
    """Refuse a network that does not fit into memory, before trying.

    `steps` is how many steps of all sequences of a batch are kept for the backward pass.
    """
    itemsize = np.dtype(settings.dtype).itemsize
    copies = 3 + {"adam": 2, "sgd": int(bool(settings.momentum))}.get(settings.optimizer, 1)
    per_step = config.vocabulary_size * 2 + 12 * config.hidden_size * config.num_layers
    needed = itemsize * (copies * config.num_parameters() + steps * per_step)
    available = _available_memory()
    if needed > available:
        raise UsageError(
            f"such a network needs about {needed / 1e9:,.1f} GB of memory "
            f"({config.num_parameters():,} parameters), {available / 1e9:,.1f} GB are there; "
            "lower --hidden-size, --num-layers, --seq-len or --batch-size"
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
