"""The tasks, and what is done with any of them: begin, resume, load.

A task is a folder here; `TASKS` is the one place that lists them. Its modules are
imported when a task is used, so that `elman --help` is instant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import Field, fields
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ..errors import ARGUMENTS, ModelFileError, UsageError, either, flag, quoted
from ..files import OutputFile, claim, is_name
from ..settings import Settings

if TYPE_CHECKING:
    from ..learn.display import Display
    from ..learn.ranks import Alone
    from ..learn.run import Data, Run
    from ..learn.task import Task
    from ..store.modelfile import SavedModel
    from .classify.model import Classifier
    from .language.model import Model
    from .tag.model import Tagger

# What `--task` calls it: its folder, and the class of its settings.
TASKS = {
    "lm": ("language", "LanguageSettings"),
    "classify": ("classify", "ClassifySettings"),
    "tag": ("tag", "TagSettings"),
}

# What `elman.train` takes besides the settings: a misspelt name may be meant to be one of these.
TRAIN_ARGUMENTS = ("corpus", "text", "output", "start_from", "on_event", "progress")
LONGEST_SETTING = 40  # characters; what is longer is compared by its beginning


def find(name: str) -> "Task":
    """The task that `--task` calls so."""
    return import_module(f".{TASKS[name][0]}.task", __name__).TASK


def display_of(settings: Any) -> "Display":
    """What shows the events of a run of its task, in words."""
    folder, _ = TASKS[settings.task]
    return import_module(f".{folder}.display", __name__).TaskDisplay(settings)


def settings_of(name: str) -> type[Settings]:
    """The class of the settings of a task."""
    folder, kind = TASKS[name]
    return getattr(import_module(f".{folder}.settings", __name__), kind)


def all_settings() -> dict[str, dict[str, Field]]:
    """Every setting by name, with its field in every task that has it, in their order."""
    found: dict[str, dict[str, Field]] = {}
    for task in TASKS:
        for field in fields(settings_of(task)):
            found.setdefault(field.name, {})[task] = field
    return found


def make(given: dict[str, Any]) -> Settings:
    """The settings that the user gave, with the defaults of their task.

    Raises UsageError for one that is out of its range, or that the task does not have.
    """
    return settings_of(_task_of(given))(**given)


def _task_of(given: dict[str, Any]) -> str:
    """The task that is asked for; UsageError for a setting that it does not have."""
    task = given.get("task", "lm")
    known = all_settings()
    if not isinstance(task, str) or task not in TASKS:
        raise UsageError(f"--task must be one of {', '.join(TASKS)}, not {quoted(task)}")
    for name, value in given.items():
        if name not in known:
            meant = _nearest(name, known)
            raise UsageError(f"there is no setting {quoted(name)}{meant} elman.settings has them")
        if task not in known[name]:
            others = " or ".join(known[name])
            raise UsageError(f"{flag(name, value)} needs --task {others} (it is {task})")
    if given.get("cell") == "ngram" and task != "lm":
        raise UsageError(f"--cell ngram is a language model; --task {task} needs a network")
    return task


def _nearest(name: str, known: Iterable[str]) -> str:
    """What a misspelt setting was hardly meant otherwise than, in words; ";" if nothing is near."""
    if name in ARGUMENTS:  # a flag that is called otherwise in Python
        return f", did you mean {ARGUMENTS[name]!r}?"
    near = get_close_matches(name[:LONGEST_SETTING], [*known, *TRAIN_ARGUMENTS], 1)
    return f", did you mean {near[0]!r}?" if near else ";"


def _with_parts(given: dict[str, Any]) -> dict[str, Any]:
    """Settings whose parts are shares, or files that another working directory finds, too."""
    resolved = {"validation": _share_or_file, "test": _share_or_file, "labels": _file}
    return {n: resolved[n](value) if n in resolved else value for n, value in given.items()}


def _file(value: Any) -> Any:
    if not isinstance(value, str | Path) or not str(value) or not is_name(str(value)):
        return value  # who reads it says what is wrong
    return str(Path(value).resolve())


def _share_or_file(value: Any) -> Any:
    if not isinstance(value, str | Path) or str(value).strip() in ("", "-"):
        return value
    try:
        return float(str(value))
    except ValueError:
        return _file(value)


def begin(
    source: Any,
    given: dict[str, Any],
    output: str | Path | OutputFile | None = None,
    start_from: str | Path | None = None,
    command: str = "",
    ranks: "Alone | None" = None,
) -> "Run":
    """Prepare a new run; `given` holds the settings that the user named.

    Every one of several `ranks` calls it, rank 0 alone with an output.

    Raises
    ------
    UsageError, CorpusError, ModelFileError, ElmanError : see there
    """
    from ..learn import prepare

    given = _with_parts(given)
    name = _task_of(given)
    older = None if start_from is None else load(start_from)
    if older is not None and (its := older.config.get("task", "lm")) != name:
        way = f"give --task {its}" if its != "lm" else f"leave --task {name} out"
        raise UsageError(f"{start_from} is {older.NOUN}; to continue from it, {way}")
    return prepare.begin(find(name), source, given, output, older, start_from or "", command,
                         ranks)  # fmt: skip


def resume(
    path: str | Path,
    given: dict[str, Any],
    names: Sequence[str] = (),
    output: str | Path | None = None,
    ranks: "Alone | None" = None,
) -> "Run":
    """Prepare to continue the run that wrote a model file.

    Raises
    ------
    ModelFileError : no checkpoint, or a damaged one
    UsageError : a setting that contradicts the file
    CorpusError : the corpus has changed or is gone
    """
    from ..learn import prepare

    given = _with_parts(given)
    model = load(path)
    name = model.config.get("task", "lm")
    if given.get("task", name) != name:
        raise UsageError(f"--task contradicts {path}, which was trained with {quoted(name)}; leave "
                         "it out, or start a new training")  # fmt: skip
    _task_of(given | {"task": name})
    return prepare.resume(find(name), model, path, given, names, output, ranks)


@overload
def load(
    path: str | Path, *, task: Literal["lm"], engine: str = ..., threads: int | None = ...
) -> "Model": ...


@overload
def load(
    path: str | Path, *, task: Literal["classify"], engine: str = ..., threads: int | None = ...
) -> "Classifier": ...


@overload
def load(
    path: str | Path, *, task: Literal["tag"], engine: str = ..., threads: int | None = ...
) -> "Tagger": ...


@overload
def load(
    path: str | Path, *, engine: str = ..., threads: int | None = ..., task: str | None = ...
) -> "Model | Classifier | Tagger": ...


def load(
    path: str | Path, *, engine: str = "auto", threads: int | None = None, task: str | None = None
) -> Any:
    """Read a model file and check everything in it.

    Parameters
    ----------
    path : the file, a hub folder, or hf://user/name, optionally with @revision
    engine, threads : compute engine and number of threads, see `--engine` and `--threads`
    task : what the model must be for; None: anything

    Returns
    -------
    model : a `Model`, a `Classifier` or a `Tagger`; a type checker knows which one if `task`
        says it, else `isinstance` tells it

    Raises
    ------
    ModelFileError : missing, damaged, foreign, inconsistent, from a future version,
        or of another task
    ElmanError : huggingface_hub is not installed, or the hub cannot be reached

    Example
    -------
    >>> model = elman.load("shakespeare.safetensors")  # doctest: +SKIP
    """
    from ..nn.engine import select
    from ..store import checkpoint
    from ..store.places import model_file

    if task is not None and task not in TASKS:
        raise UsageError(f"task must be one of {', '.join(TASKS)}, not {quoted(task)}")
    tensors, metadata = checkpoint.unpack(model_file(path))
    config = metadata["config"]
    name = config.get("task", "lm") if isinstance(config, dict) else "lm"
    if not isinstance(name, str) or name not in TASKS:
        raise ModelFileError(
            f"{path} is for the task {quoted(str(name))}, which this version of Elman does not "
            "have; a newer one wrote it, or it is damaged"
        )
    kind = find(name).model
    if task not in (None, name):
        assert task is not None
        wanted = find(task).model
        way = either(f"use {kind.USE}", f"give task={name!r}, or leave task out")
        raise ModelFileError(f"{path} is {kind.NOUN}, not {wanted.NOUN}; {way}")
    return kind.from_file(path, tensors, metadata, select(engine, threads))


def training_texts(model: "SavedModel") -> list[Any]:
    """The texts that a model was trained on, read again, as `elman.inside.inspection` reads them.

    Of a language model without the held-out parts.

    Raises
    ------
    ModelFileError, CorpusError : see `training_data`
    """
    return find(model.config.get("task", "lm")).training_texts(training_data(model))


def training_data(model: "SavedModel") -> "Data":
    """The data that a model was trained on, read again.

    Raises
    ------
    ModelFileError : the file does not say where the text is, or it was standard input
    CorpusError : the text cannot be read any more, or has changed
    """
    if model.training is None:
        raise ModelFileError("the model file does not say where its training text is")
    training = model.training[1]
    paths = training["corpus"]["paths"]
    if not paths:
        raise ModelFileError("the model was trained on texts in memory, which cannot be read again")
    if "-" in paths:
        raise ModelFileError("the model was trained on standard input, which is gone")
    task = find(model.config.get("task", "lm"))
    settings = task.settings.from_json(training["settings"])
    return task.read(paths, settings, model, training["corpus"])


def default_output(names: Sequence[str]) -> OutputFile:
    """A model file with a name made from the corpus; it replaces nothing."""
    first = names[0] if names else "stdlib"
    path = Path(first)
    pipe = path.exists() and not path.is_file() and not path.is_dir()  # <(…) is called /dev/fd/63
    return claim("stdin" if first == "-" or pipe else path.stem or "model")
