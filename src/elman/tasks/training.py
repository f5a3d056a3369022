"""`elman.train`: from files or from memory to a model that is trained, whatever interrupts it."""

import inspect
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload
from warnings import warn

from ..errors import CorpusError, UsageError, quoted, worded
from ..files import is_name
from ..learn.display import Display
from ..learn.loop import Loop
from ..learn.notebook import Notebook, in_notebook
from ..learn.run import Run
from ..text import memory
from ..text.finding import NoSuchCorpusError
from ..text.frames import is_frame
from . import TASKS, all_settings, begin, described, display_of, settings_of
from .options import ClassifyOptions, LanguageOptions, TagOptions

if TYPE_CHECKING:
    from .classify.model import Classifier
    from .language.model import Model
    from .tag.model import Tagger


@overload
def train(
    corpus: Any = (),
    *,
    text: Any = None,
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    on_event: Callable[[Any], object] | None = None,
    progress: bool | None = None,
    **settings: Unpack[LanguageOptions],
) -> "Model": ...


@overload
def train(
    corpus: Any = (),
    *,
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    on_event: Callable[[Any], object] | None = None,
    progress: bool | None = None,
    **settings: Unpack[ClassifyOptions],
) -> "Classifier": ...


@overload
def train(
    corpus: Any = (),
    *,
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    on_event: Callable[[Any], object] | None = None,
    progress: bool | None = None,
    **settings: Unpack[TagOptions],
) -> "Tagger": ...


def train(
    corpus: Any = (),
    *,
    text: Any = None,
    output: str | Path | None = None,
    start_from: str | Path | None = None,
    on_event: Callable[[Any], object] | None = None,
    progress: bool | None = None,
    **settings: Any,
) -> "Model | Classifier | Tagger":
    """Train a model of text, with `task="classify"` a classifier, with `task="tag"` a tagger.

    Parameters
    ----------
    corpus : files, folders or names of corpora (see `elman corpora`); by default the Python
        standard library, for one minute. For a classifier tables, JSON lines, one file or
        folder per class; or in memory a tuple (texts, labels), or rows (text, label). A
        frame of pandas or polars, whose columns `text_column` and `label_column` name. For
        a tagger columns (a token and its label per line), JSON lines, or in memory a tuple
        (sequences, labels); a sequence is a string or a list of words
    text : what a language model learns from, in memory instead of in files: a string or
        an open file is running text; in a list of strings, each string is a separate sequence,
        as a line with `lines=True`
    output : the model file, written while training and at the end; None: no file
    start_from : a model file whose weights and vocabulary training starts from
    on_event : called with every event of the training, a dict with the key "event" (see
        `elman.tasks.events`); its "snapshot" is a function that returns the model as it
        is then, to sample or to score with before training continues
    progress : whether to show progress: a line and a curve in a notebook, else what
        `elman train` shows, on stderr; None: in a notebook and in a terminal
    settings : the flags of `elman train` with underscores; all are listed under "Settings" below

    Returns
    -------
    model : the `Model`, `Classifier` or `Tagger` that was best on the held-out part, its figures in
        `model.summary`. Ctrl-C ends the training after the current step: the model is the
        best so far, and a warning says so

    Raises
    ------
    UsageError : a setting out of range
    CorpusError : a text that cannot be read or learned from
    DivergedError : the loss or the gradient became infinite or NaN
    KeyboardInterrupt : Ctrl-C before the first step, or a second time

    Example
    -------
    >>> model = elman.train("shakespeare.txt", cell="gru", minutes=3)  # doctest: +SKIP
    >>> names = elman.train(text=["Ada", "Grace", "Emmy"], steps=100)  # doctest: +SKIP
    """
    if on_event is not None and not callable(on_event):
        raise UsageError(f"on_event must be a function, not {quoted(on_event)}")
    if not (progress is None or isinstance(progress, bool)):
        raise UsageError(f"progress must be True, False or None, not {quoted(progress)}")
    given = {name: value for name, value in settings.items() if value is not None}
    source, given = _source(corpus, text, given)
    with memory.closing(source):
        try:
            run = begin(source, given, output, start_from, "elman.train(...)")
        except NoSuchCorpusError as error:
            raise CorpusError(f"{error}; text=... is for text itself") from None

    with _display(run, progress) as display:

        def show(event: dict[str, Any]) -> None:
            if event["event"] == "message":
                event = event | {"text": worded(event["text"])}
            if display is not None:
                display.show(event)
            if on_event is not None:
                on_event(event | {"snapshot": run.model})

        return trained(run, show)


def _with_settings(function: Callable[..., Any]) -> inspect.Signature:
    """Its signature with every setting by name, for `help` and completion.

    A setting that has another default in another task, or is worked out, shows None: what it
    is then stands in the docstring, see `described`.
    """
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    for name, fields in all_settings().items():
        default, kind = described.default(fields), described.annotation(fields)
        keyword = inspect.Parameter.KEYWORD_ONLY
        named.append(inspect.Parameter(name, keyword, default=default, annotation=kind))
    return signature.replace(parameters=named)


train.__signature__ = _with_settings(train)  # type: ignore[attr-defined]
train.__doc__ = (
    f"{inspect.cleandoc(train.__doc__ or '')}\n\nSettings\n--------\n{described.all_described()}\n"
)


def _source(corpus: Any, text: Any, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """What is learned from, as the task reads it, and the settings that go with it."""
    if text is not None:
        return _texts(corpus, text, given)
    if isinstance(corpus, str | Path):
        if "\n" in str(corpus) or not is_name(str(corpus)):
            raise UsageError(f"{quoted(str(corpus))} is not the name of a file; text=... is for "
                             "text itself")  # fmt: skip
        return [str(corpus)], given
    labelled = given.get("task") == "classify"
    if given.get("task") == "tag" and not _are_names(corpus):
        return memory.sequences(corpus), given
    if is_frame(corpus):  # a column may be called by a number
        given = given | {name: str(given[name]) for name in ("text_column", "label_column")
                         if isinstance(given.get(name), Integral)}  # fmt: skip
    if is_frame(corpus) and not labelled:
        return [memory.rows(corpus, given.get("text_column"))], given
    if not (isinstance(corpus, Sequence) or hasattr(corpus, "__array__")
            or is_frame(corpus)) or isinstance(corpus, bytes):  # fmt: skip
        raise UsageError("corpus must be a path, a name or a list of them, not "
                         f"{quoted(corpus)}; text=... is for text itself")  # fmt: skip
    if _are_names(corpus) and len(corpus):
        return [str(item) for item in corpus], given
    if not labelled:
        return list(corpus), given  # refused with what to do
    columns = settings_of("classify")(task="classify")
    names = [given.get(f"{what}_column", getattr(columns, f"{what}_column"))
             for what in ("text", "label")]  # fmt: skip
    return memory.pairs(corpus, *names), given


def _are_names(corpus: Any) -> bool:
    """Whether what is learned from are names of files and the like; none are names, too."""
    listed = isinstance(corpus, Sequence) or hasattr(corpus, "__array__")
    if not listed or isinstance(corpus, bytes) or is_frame(corpus):
        return False
    return all(isinstance(item, str | Path) for item in corpus)


def _texts(corpus: Any, text: Any, given: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The text in memory of a language model; several are records."""
    if not isinstance(corpus, tuple) or corpus:
        raise UsageError("give a corpus or text=..., not both")
    task = given.get("task", "lm")
    if isinstance(task, str) and task in TASKS and task != "lm":  # another one is refused as such
        learner = "a tagger learns from a tuple (sequences, labels)" if task == "tag" else (
            "a classifier learns from a tuple (texts, labels)"
        )  # fmt: skip
        raise UsageError(f"text=... is for a language model; {learner}")
    found = memory.running(text)
    if found is None:
        if "separator" not in given:
            given = given | {"lines": True}
        found = memory.records(text, str(given.get("separator", "\n")))
    return [found], given


def _display(run: Run, progress: bool | None) -> AbstractContextManager[Display | Notebook | None]:
    """What shows a run; nothing where nobody looks."""
    if progress is False:
        return nullcontext()
    if in_notebook():
        return Notebook(display_of(run.settings))
    return display_of(run.settings) if progress or sys.stderr.isatty() else nullcontext()


def trained(run: Run, show: Callable[[dict[str, Any]], object] = lambda event: None) -> Any:
    """Train to the end, or until somebody interrupts; the best model so far.

    The warning about an interrupt names the place that called the caller of this function.
    """
    loop = run.learner if isinstance(run.learner, Loop) else None
    with _interrupts(run) as interrupted:
        try:
            for event in run.events():
                try:
                    show(event)
                except KeyboardInterrupt:
                    interrupted()
        except KeyboardInterrupt:
            # Between its steps the run has stopped by itself; here the final figures were cut off.
            if loop is None or not loop.step or loop.running or not loop.finished:
                raise
            run.keep_figures()
            _warn_interrupted(run, "before its final figures were there")
        else:
            if loop is not None and loop.stop_requested:
                _warn_interrupted(run, f"at step {loop.step:,}")
        return run.model()


@contextmanager
def _interrupts(run: Run) -> Iterator[Callable[[], None]]:
    """The first Ctrl-C lets the run save and end, the second ends it at once.

    Only where Ctrl-C would raise KeyboardInterrupt: who handles it otherwise still does. What
    is yielded does as Ctrl-C.
    """
    stopped = False

    def stop(*signal_and_frame: object) -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True
        run.stop()

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, stop)
    try:
        yield stop
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _warn_interrupted(run: Run, when: str) -> None:
    saved = "" if run.output is None else f", saved in {run.output.path}"
    warn(
        f"the training was interrupted {when}; this is the best model so far{saved}",
        stacklevel=4,
    )
