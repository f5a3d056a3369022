"""From a corpus and settings to a trained model: everything around the training loop.

`begin` and `resume` prepare a `Run`; its `events()` trains, saves and ends with a
"done" event. The command line and `elman.train` both go through here.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__, batches, corpora, corpus, scoring
from .engine import select
from .errors import CorpusError, ElmanError, ModelFileError, UsageError
from .files import OutputFile, free_name
from .model import Model, load
from .network import Network, NetworkConfig, initialise
from .ngram import NGram
from .settings import NAMES, Settings, flag, resolve
from .text import TextOptions
from .training import Event, Trainer, limit
from .vocabulary import Vocabulary

BASELINE_ORDER = 4
BASELINE_SYMBOLS = 5_000_000  # more text hardly helps a chain of order 4, and takes its time
STREAM = 1_000_000  # symbols of held-out text from which a final figure uses several streams

# What a resumed run may be told anew: how far to go, and what does not touch the numbers.
CHANGEABLE = {"epochs", "steps", "minutes", "engine", "threads",
              "log_every", "save_every", "sample_every"}  # fmt: skip
NETWORK_SETTINGS = ("cell", "hidden_size", "num_layers", "embedding_size", "activation", "bias")
TEXT_SETTINGS = ("tokens", "lines", "lowercase", "normalize", "unknown")


class Run:
    """A prepared training run."""

    def __init__(
        self,
        settings: Settings,
        text: corpus.Corpus,
        parts: tuple[corpus.Part, corpus.Part, corpus.Part],
        learner: Trainer | NGram,
        summary: dict[str, Any],
        started: float,
    ):
        self.settings, self.text, self.learner = settings, text, learner
        self.train, self.validation, self.test = parts
        self.summary = summary
        self.notes = list(text.notes)
        self.output: OutputFile | None = None
        self._started = started

    def open(self, path: str | Path) -> None:
        """Take the model file for this run alone, and see early that it can be written."""
        self.output = OutputFile(path)
        try:
            self.output.reserve(2 * len(self.model().pack()))
        except BaseException:
            self.output.close()
            raise

    def model(self) -> Model:
        """The model as it is now, with what is needed to go on training it."""
        s, vocabulary = self.settings, self.text.vocabulary
        config: dict[str, Any] = {
            "task": s.task, "cell": s.cell, "vocabulary_size": len(vocabulary),
            "tokens": s.tokens, "lines": s.lines, "lowercase": s.lowercase,
            "normalize": s.normalize, "unknown": s.unknown,
            "characters_per_symbol": _characters_per_symbol(self.text),
        }  # fmt: skip
        training: dict[str, Any] = {
            "settings": s.to_json(),
            "corpus": {"paths": [_lasting(n) for n in self.text.names], "sha256": self.text.sha256},
        }
        if isinstance(self.learner, NGram):
            return Model(self.learner, vocabulary, config | {"order": s.order}, self.summary)
        network = self.learner.trained()
        config |= {name: getattr(network.config, name) for name in NetworkConfig.__dataclass_fields__}
        config["dtype"] = network.dtype.name
        engine = network.engine
        training["state"] = self.learner.scalars()
        training["machine"] = {
            "engine": engine.name, "threads": engine.threads, "platform": platform.machine(),
            "numpy": np.__version__,
        }  # fmt: skip
        return Model(network, vocabulary, config, self.summary, (self.learner.tensors(), training))

    def save(self) -> None:
        """Write the model file, if there is one."""
        if self.output is not None:
            self.output.write(self.model().pack())

    def stop(self) -> None:
        """Ask the run to end after the step that it is in."""
        if isinstance(self.learner, Trainer):
            self.learner.stop_requested = True

    def events(self) -> Iterator[Event]:
        """Train, evaluate, save. Raises DivergedError, ElmanError if a save fails."""
        try:
            yield self._start_event()
            for note in self.notes:
                yield {"event": "message", "text": note}
            if isinstance(self.learner, NGram):
                self.learner.train(training_stream(self.train, self.text.vocabulary))
            else:
                yield from self._train(self.learner)
                if self.learner.stop_requested:
                    return
            yield self._finish()
        finally:
            if self.output is not None:
                self.output.close()

    def _train(self, trainer: Trainer) -> Iterator[Event]:
        if trainer.finished and trainer.step:  # a finished run was resumed
            return
        try:
            if trainer.step == 0:
                trainer._before = time.monotonic() - self._started
                self._add_baselines()
                if trainer.limit[0] == "minutes":
                    trainer.reserve = self._evaluation_seconds(trainer)
                self.save()
            yield from trainer.events(self.save)
        except ElmanError as error:
            kept = ""
            if self.output is not None and self.output.path.exists():
                kept = f"; the model file {self.output.path} stands as it was last saved"
            raise type(error)(f"{error}{kept}") from None
        if trainer.stop_requested:
            self.summary["steps"] = trainer.step
            self.save()
            yield {"event": "interrupted", "step": trainer.step, "model": self._path()}

    def _finish(self) -> Event:
        """Final figures over all held-out text, the last save, the "done" event."""
        learner = self.learner
        if not (self.summary.get("finished") and self._already_finished()):
            figures: dict[str, Any] = {}
            network: scoring.LanguageModel
            if isinstance(learner, Trainer):
                network = learner.trained()
                if learner.step:
                    figures["steps"] = learner.step
                    figures["seconds"] = learner.seconds
                    figures["characters_per_second"] = learner.characters_per_second
                    figures["train_bits_per_character"] = learner.bits(learner.smoothed or 0.0)
                    figures["best_step"] = learner.best_step if learner.best else learner.step
            else:
                network = learner
                seconds = time.monotonic() - self._started
                score = self._score(network, self.train)
                figures |= {
                    "seconds": seconds,
                    "characters_per_second": self.train.predictions / max(1e-9, seconds),
                    "train_bits_per_character": score.bits_per_character,
                }
            for name, part in (("validation", self.validation), ("test", self.test)):
                if part.predictions:
                    score = self._score(network, part)
                    figures[f"{name}_nats_per_character"] = score.nats_per_character
                    figures[f"{name}_bits_per_character"] = score.bits_per_character
                    figures[f"{name}_perplexity"] = score.perplexity
            self._add_baselines()
            self.summary |= {"steps": 0} | figures | {"finished": True}
            self.save()
        parameters = (
            learner.network.config.num_parameters()
            if isinstance(learner, Trainer)
            else learner.num_parameters()
        )
        keys = ("steps", "seconds", "characters_per_second", "train_bits_per_character",
                "validation_bits_per_character", "validation_nats_per_character",
                "validation_perplexity", "test_bits_per_character", "test_perplexity",
                "best_step", "baselines")  # fmt: skip
        done: Event = {"event": "done"} | {k: self.summary.get(k) for k in keys}
        return done | {"parameters": parameters, "model": self._path()}

    def _already_finished(self) -> bool:
        learner = self.learner
        return isinstance(learner, Trainer) and self.summary.get("steps") == learner.step

    def _score(self, model: scoring.LanguageModel, part: corpus.Part) -> scoring.Score:
        parallel = max(1, part.predictions // STREAM)
        per_symbol = _characters_per_symbol(self.text)
        if isinstance(model, Network):
            with model.engine.limit_threads():
                return scoring.evaluate(model, part, self.text.vocabulary, per_symbol, parallel)
        return scoring.evaluate(model, part, self.text.vocabulary, per_symbol, max(64, parallel))

    def _add_baselines(self) -> None:
        """Held-out bits per character of the models that a network has to beat."""
        if "baselines" in self.summary or not self.validation.predictions:
            return
        v, per_symbol = self.text.vocabulary, _characters_per_symbol(self.text)
        chain = NGram(len(v), BASELINE_ORDER, v.begin)
        chain.train(training_stream(self.train, v)[-BASELINE_SYMBOLS:])
        score = self._score(chain, self.validation)
        uniform = float(np.log2(len(v)) / per_symbol)
        self.summary["baselines"] = {
            "uniform": {"bits_per_character": uniform, "perplexity": float(len(v))},
            f"chain of order {BASELINE_ORDER}": {
                "bits_per_character": score.bits_per_character, "perplexity": score.perplexity,
            },
        }  # fmt: skip

    def _evaluation_seconds(self, trainer: Trainer) -> float:
        """How long the last evaluation will take, at most 40 % of the time there is."""
        wanted = self.validation.predictions + self.test.predictions
        if not wanted:
            return 0.0
        start, tried = time.perf_counter(), min(1024, self.validation.predictions or 1)
        scoring.evaluate(trainer.network, self.validation, self.text.vocabulary, limit=tried)
        needed = (time.perf_counter() - start) * wanted / tried
        return min(needed, 0.4 * trainer.limit[1] * 60)

    def _start_event(self) -> Event:
        s = self.settings
        event: Event = {
            "event": "start", "corpus": self.text.names, "characters": self.text.characters,
            "vocabulary_size": len(self.text.vocabulary), "cell": s.cell,
            "train_symbols": self.train.predictions,
            "validation_symbols": self.validation.predictions, "model": self._path(),
        }  # fmt: skip
        if isinstance(self.learner, Trainer):
            config, engine = self.learner.network.config, self.learner.network.engine
            event |= {
                "hidden_size": config.hidden_size, "num_layers": config.num_layers,
                "parameters": config.num_parameters(), "engine": engine.name,
                "threads": engine.threads, "step": self.learner.step, "settings": s.to_json(),
            }  # fmt: skip
        return event

    def _path(self) -> str | None:
        return None if self.output is None else str(self.output.path)


def begin(
    names: Sequence[str],
    given: dict[str, Any],
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    command: str = "",
) -> Run:
    """Prepare a new run; `given` holds the settings that the user named.

    Raises
    ------
    UsageError, CorpusError, ModelFileError, ElmanError : see there
    """
    started = time.monotonic()
    names = list(names)
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
    settings = resolve(settings, parts[0].predictions, None)
    learner: Trainer | NGram
    if settings.cell == "ngram":
        learner = NGram(len(text.vocabulary), settings.order, text.vocabulary.begin)
    else:
        config = network_config(settings, len(text.vocabulary))
        _refuse_too_large(config, settings)
        network = Network(config, np.dtype(settings.dtype), select(settings.engine, settings.threads))
        if source is not None and isinstance(source.network, Network):
            network.parameters.flat[:] = source.network.parameters.flat
        else:
            rng = np.random.default_rng([settings.seed, 3])
            initialise(network.parameters, config, settings.init, settings.init_scale, rng)
        learner = Trainer(network, text.vocabulary, settings, parts[0], parts[1],
                          _characters_per_symbol(text))  # fmt: skip
    summary = {"command": command, "corpus": names, "sha256": text.sha256,
               "versions": _versions()}  # fmt: skip
    run = Run(settings, text, parts, learner, summary, started)
    if isinstance(learner, Trainer):
        _note_shrunken(run, learner)
    if not parts[1].predictions and settings.validation != 0:
        run.notes.append("the text is too short to hold a part out: no held-out figures")
    if output is not None:
        run.open(output)
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
    model = load(path, engine=given.get("engine", "auto"), threads=given.get("threads"))
    if model.training is None or not isinstance(model.network, Network):
        raise ModelFileError(
            f"{path} holds no training state, so it cannot be resumed; --from {path} starts a new "
            "training from its weights"
        )
    tensors, training = model.training
    try:
        settings = Settings(**training["settings"])
        sha256 = training["corpus"]["sha256"]
        stored_names = list(training["corpus"]["paths"])
    except (KeyError, TypeError) as error:
        raise ModelFileError(f"{path} has a training state that cannot be read: {error}") from None
    _refuse_contradictions(given, settings, path)
    names = list(names) or stored_names
    if names == ["-"] and not given.get("stdin"):
        raise UsageError(
            f"{path} was trained on standard input; give the same text again: "
            f"elman train - --resume {path}"
        )
    text = corpus.load(names, corpus_options(settings), model.vocabulary)
    if text.sha256 != sha256:
        raise CorpusError(
            f"the corpus {', '.join(names)} has changed since {path} was trained on it; restore it, "
            f"or start a new training with --from {path}"
        )
    text.names = list(model.summary.get("corpus", names))
    settings = replace(settings, **{k: v for k, v in given.items() if k in CHANGEABLE})
    parts = corpus.split(text, settings.validation, settings.test, settings.seed)
    trainer = Trainer(model.network, model.vocabulary, settings, parts[0], parts[1],
                      _characters_per_symbol(text))  # fmt: skip
    try:
        trainer.restore(tensors, training["state"])
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise ModelFileError(f"{path} has a training state that cannot be read: {error}") from None
    if limit(settings)[1] != trainer.limit[1]:
        trainer.limit = limit(settings)
        trainer.stopped_early = False
    run = Run(settings, text, parts, trainer, model.summary, started)
    run.notes += _machine_differences(training.get("machine", {}), trainer)
    run.open(output or path)
    return run


def train(
    corpus: str | Path | Sequence[str | Path] = (),
    *,
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    on_event: Callable[[Event], object] | None = None,
    **settings: Any,
) -> Model:
    """Train a model of text.

    Parameters
    ----------
    corpus : files, folders or names of corpora (see `elman corpora`); nothing is
        the Python standard library, for one minute
    output : the model file, written while training and at the end; None: no file
    start_from : a model file whose weights and vocabulary training starts from
    on_event : called with every event of the training, a dict with the key "event"
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
    names = [corpus] if isinstance(corpus, (str, Path)) else list(corpus)
    run = begin([str(name) for name in names], settings, output, start_from, "elman.train(...)")
    for event in run.events():
        if on_event is not None:
            on_event(event)
    return run.model()


def default_output(names: Sequence[str]) -> Path:
    """A name for the model file, made from the corpus, that no file has yet."""
    first = names[0] if names else corpora.STDLIB
    return free_name("stdin" if first == "-" else Path(first).stem or "model")


def training_stream(part: corpus.Part, vocabulary: Vocabulary) -> np.ndarray:
    """The symbols of a part as one stream, lines with their borders: what a chain counts."""
    if part.offsets is None or part.rows is None:
        return part.ids
    assert vocabulary.begin is not None and vocabulary.end is not None
    pieces = []
    for row in part.rows:
        line = part.ids[part.offsets[row] : part.offsets[row + 1]]
        pieces.append(np.concatenate([[vocabulary.begin], line, [vocabulary.end]]))
    return np.concatenate(pieces)


def corpus_options(settings: Settings) -> corpus.CorpusOptions:
    return corpus.CorpusOptions(
        settings.tokens, settings.vocabulary_size, settings.lines, settings.unknown,
        TextOptions(settings.errors, settings.lowercase, settings.normalize,
                    settings.max_characters, raw=settings.tokens == "byte"),
    )  # fmt: skip


def network_config(settings: Settings, vocabulary_size: int) -> NetworkConfig:
    return NetworkConfig(
        vocabulary_size, settings.cell, settings.hidden_size or 0, settings.num_layers,
        settings.embedding_size, settings.activation, settings.bias, settings.dropout or 0.0,
    )  # fmt: skip


def _inherit(given: dict[str, Any], source: Model, path: object) -> dict[str, Any]:
    """Settings of a fine-tuning: text and architecture are those of the model."""
    if not isinstance(source.network, Network):
        raise UsageError(f"{path} is a Markov chain; --from needs a network")
    fixed = {name: source.config[name] for name in (*TEXT_SETTINGS, *NETWORK_SETTINGS)}
    for name, value in fixed.items():
        if name in given and given[name] != value:
            raise UsageError(f"{flag(name)} contradicts {path}, which has {value!r}; leave it out")
    return {"dropout": source.config["dropout"], "dtype": source.config["dtype"]} | given | fixed


def _refuse_contradictions(given: dict[str, Any], stored: Settings, path: object) -> None:
    unit = limit(stored)[0]
    for name, value in given.items():
        if name in ("epochs", "steps", "minutes") and name != unit:
            raise UsageError(f"--{name} contradicts {path}, whose run is counted in {unit}")
        if name in NAMES and name not in CHANGEABLE and getattr(stored, name) != value:
            raise UsageError(
                f"{flag(name)} contradicts {path}, which was trained with "
                f"{getattr(stored, name)!r}; leave it out, or start a new training with --from"
            )


def _machine_differences(stored: dict[str, Any], trainer: Trainer) -> list[str]:
    engine = trainer.network.engine
    now = {"engine": engine.name, "threads": engine.threads, "platform": platform.machine(),
           "numpy": np.__version__}  # fmt: skip
    differences = [f"{k} {stored[k]} then, {v} now" for k, v in now.items() if stored.get(k, v) != v]
    if not differences:
        return []
    return [f"resumed under other conditions ({'; '.join(differences)}): the numbers may differ "
            "in their last bits"]  # fmt: skip


def _note_shrunken(run: Run, trainer: Trainer) -> None:
    s = run.settings
    if (trainer.seq_len, trainer.batch_size) != (s.seq_len, s.batch_size):
        run.notes.append(
            f"the text is too short for batches of {s.batch_size} × {s.seq_len} steps; "
            f"training with {trainer.batch_size} × {trainer.seq_len}"
        )


def _refuse_too_large(config: NetworkConfig, settings: Settings) -> None:
    """Refuse a network that does not fit into memory, before trying."""
    itemsize = np.dtype(settings.dtype).itemsize
    copies = 3 + {"adam": 2, "sgd": int(bool(settings.momentum))}.get(settings.optimizer, 1)
    steps = max(settings.seq_len, settings.bptt or 0) * settings.batch_size
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


def _characters_per_symbol(text: corpus.Corpus) -> float:
    """1 for characters and bytes; of words their mean length in this corpus."""
    return text.characters / max(1, len(text.ids)) if text.vocabulary.kind == "word" else 1.0


def _lasting(name: str) -> str:
    """A path that still leads to the corpus from another working directory."""
    return str(Path(name).resolve()) if name != "-" and Path(name).exists() else name


def _versions() -> dict[str, str]:
    return {"elman": __version__, "python": platform.python_version(), "numpy": np.__version__}
