"""Going on with a run that was stopped: what a model file must hold, and what may change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any

from ..errors import CorpusError, ModelFileError, UsageError, flag, quoted
from ..nn.engine import conditions, select
from ..settings import Settings
from ..store.checkpoint import Tensors
from ..store.modelfile import SavedModel
from ..text import corpora
from ..text.finding import near
from .loop import Loop
from .pace import refuse_bf16
from .ranks import Alone, fewest_cores

# What goes wrong when a training state is not what it says.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)

# What a resumed run may change: how far to go, and what does not touch the numbers.
CHANGEABLE = {"epochs", "steps", "minutes", "engine", "threads", "precision",
              "log_every", "save_every", "sample_every"}  # fmt: skip
# What a new training from a model may change about its network.
LOOSE = ("dropout", "dtype")
# Files in addition to the text, which may have been moved: what they hold is compared.
FILES = ("labels", "validation", "test")


@dataclass(frozen=True)
class Stopped:
    """A stopped run as its model file tells of it, with what the user changes about it.

    Attributes
    ----------
    settings : those of the run, with the changes
    names : where its text is read again
    corpus : its sha256, and the rule by which it was divided
    tensors, state : the checkpoint of the training loop
    machine : the conditions it ran under
    """

    path: str | Path
    settings: Settings
    names: list[str]
    corpus: dict[str, Any]
    tensors: Tensors
    state: dict[str, Any]
    machine: dict[str, Any]


def read(
    kind: type[Settings],
    model: SavedModel,
    path: str | Path,
    given: dict[str, Any],
    names: Sequence[str],
    ranks: Alone,
) -> Stopped:
    """The stopped run of a model, whose network gets the engine that it ran on.

    Raises
    ------
    ModelFileError : no checkpoint, or one that cannot be read
    UsageError : a setting that contradicts the file
    CorpusError : the text is gone
    """
    if model.training is None or "state" not in model.training[1]:
        raise ModelFileError(
            f"{path} holds no training state, so it cannot be resumed; --from {quote(str(path))} "
            "starts a new training from its weights"
        )
    tensors, training = model.training
    try:
        settings = kind.from_json(training["settings"])
        stored_corpus = dict(training["corpus"])
        stored_names = list(training["corpus"]["paths"])
        machine = dict(training["machine"])
        threads = given.get("threads") or int(machine["threads"])
        if "threads" not in given and machine.get("ranks", 1) != ranks.size:
            threads = fewest_cores(ranks)
        model.network.engine = select(given.get("engine", settings.engine), threads)
    except UNREADABLE as error:
        raise ModelFileError(f"{path} has a training state that cannot be read: {error}") from None
    for name, value in model.config.items():
        known = hasattr(settings, name) and name != "vocabulary_size"
        if known and getattr(settings, name) != value:
            raise ModelFileError(
                f"{path} contradicts itself: its settings have {name} "
                f"{quoted(getattr(settings, name))}, its configuration {quoted(value)}"
            )
    _refuse_contradictions(given, settings, path, kept=set(model.config) - set(LOOSE))
    if given.get("precision") == "auto":
        raise UsageError(f"--precision auto is for a new training; {path} keeps its own unless "
                         "float32 or bf16 is given")  # fmt: skip
    settings = replace(settings, **{k: v for k, v in given.items() if k in (*CHANGEABLE, *FILES)})
    refuse_bf16(settings, model.network.engine)
    _refuse_gone(settings, path)
    again = _corpus_again(names, stored_names, path)
    return Stopped(path, settings, again, stored_corpus, tensors, training["state"], machine)


def restore(learner: Loop, stopped: Stopped) -> list[str]:
    """Take a training loop to where the run stopped; what the user must know about it.

    Raises ModelFileError for a checkpoint that does not fit.
    """
    try:
        learner.restore(stopped.tensors, stopped.state)
    except UNREADABLE as error:
        raise ModelFileError(
            f"{stopped.path} has a training state that cannot be read: {error}"
        ) from None
    end = stopped.settings.end
    if end[1] != learner.limit[1]:
        learner.limit = end
        learner.stopped_early = False
        if learner.step == 0:  # nothing was learned on the old schedule
            learner.horizon = end
    now = conditions(learner.network.engine)
    if now["engine"] == stopped.machine.get("engine") == "native":
        del now["threads"]  # they change no bit
    differences = [
        f"{k} {stopped.machine[k]} then, {v} now"
        for k, v in now.items()
        if stopped.machine.get(k, v) != v
    ]
    if not differences:
        return []
    return [f"resumed under different conditions ({'; '.join(differences)}): the numbers may "
            "differ in their last bits"]  # fmt: skip


def _corpus_again(names: Sequence[str], stored: list[str], path: object) -> list[str]:
    """What a resumed run reads: the names given now, else those stored in the file."""
    if not stored:
        raise UsageError(
            f"{path} was trained on texts in memory, not on files, so it cannot be "
            f"resumed; --from {quote(str(path))} starts a new training from its weights"
        )
    if names:
        return list(names)
    if "-" in stored:
        raise UsageError(
            f"{path} was trained on standard input; give the same text again: "
            f"elman train - --resume {quote(str(path))}"
        )
    for name in stored:
        if not Path(name).exists() and name not in corpora.DESCRIPTIONS:
            raise CorpusError(
                f"the corpus {name} that {path} was trained on cannot be found; if it was moved, "
                f"give its new path: elman train PATH --resume {quote(str(path))}"
            )
    return stored


def _refuse_gone(settings: Settings, path: object) -> None:
    """Raise CorpusError for a file in addition to the text that is not where it was."""
    for name in FILES:
        place = getattr(settings, name, None)
        if isinstance(place, str) and not Path(place).exists():
            raise CorpusError(
                f"{near(place)}, the file of {flag(name)} that {path} was trained with, cannot be "
                "found; if it was moved, give its new path: elman train --resume "
                f"{quote(str(path))} {flag(name)} PATH"
            )


def _refuse_contradictions(
    given: dict[str, Any], stored: Settings, path: object, kept: set[str]
) -> None:
    """Raise UsageError for settings other than those of the run; `kept` are those --from keeps."""
    unit = stored.end[0]
    for name, value in given.items():
        if name in ("epochs", "steps", "minutes") and name != unit:
            raise UsageError(f"--{name} contradicts {path}, whose run is counted in {unit}; give "
                             f"--{unit}")  # fmt: skip
        then = getattr(stored, name)
        moved = name in FILES and isinstance(then, str) and isinstance(value, str)
        if name not in CHANGEABLE and not moved and then != value:
            how = "with biases" if name == "bias" else f"with {quoted(then)}"
            if isinstance(then, bool) and name != "bias":
                how = f"{'with' if then else 'without'} {flag(name)}"
            if then is None:
                how = f"with the default of {flag(name)}"
            anew = "" if name in kept else " with --from"
            raise UsageError(
                f"{flag(name, value)} contradicts {path}, which was trained {how}; leave it out, "
                f"or start a new training{anew}"
            )
