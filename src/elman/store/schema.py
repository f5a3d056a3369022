"""What the metadata of a model file must be: every value by its type, before it is used.

A form is a type, a tuple of forms of which one must fit, `[form]` for a list of such,
`{str: form}` for an object with any names (and those that are listed next to it), or an
object with the names that are listed, of which those that end in "?" may be missing;
others are let alone.
"""

from dataclasses import fields
from typing import Any

from ..errors import ModelFileError, UsageError, quoted
from ..settings import Settings, checked

Form = Any
NUMBER = float  # whole ones too

# Of the summary: what the figures of a task mean is up to their reader, but they are figures.
_PART: Form = {"accuracy": NUMBER, "macro_f1": NUMBER, "nats?": (NUMBER, None),
               "calibration_error?": NUMBER, "static_calibration_error?": NUMBER,
               "temperature?": NUMBER,
               "classes": {str: {str: NUMBER}}, "confusion": [[int]]}  # fmt: skip
_SPAN: Form = dict.fromkeys(("precision", "recall", "f1", "support"), NUMBER)
OF_A_TAGGER: dict[str, Form] = {  # in its reports; None where there is nothing to say
    "sequences": int, "sequence_accuracy": NUMBER,
    "unseen": {"accuracy": NUMBER, "symbols": NUMBER}, "spans": {"all spans": _SPAN, str: _SPAN},
}  # fmt: skip
SUMMARY: Form = {
    "command?": str, "corpus?": [str], "sha256?": str, "versions?": {str: str},
    "baselines?": {str: {str: NUMBER}}, "validation?": _PART, "test?": _PART,
    "rate_changes?": [[NUMBER]],
}  # fmt: skip
SUMMARY_FIGURES: Form = (NUMBER, None)  # whatever else it holds

STATE: Form = {
    "step": int, "epoch": int, "index": int, "optimizer_steps": int, "predictions": int,
    "seconds": NUMBER, "smoothed": (NUMBER, None), "best_value": (NUMBER, None),
    "best_step": int, "best_figures?": {str: (NUMBER, None)}, "stale": int,
    "plateau_factor": NUMBER, "rate_changes?": [[NUMBER]], "table_rate?": NUMBER,
    "stopped_early": bool, "horizon": [(str, NUMBER)], "limit": [(str, NUMBER)],
    "reserve": NUMBER, "finished": bool, "history_columns?": [str], "evaluation_limit?": int,
    "written?": [{"step": int, "text": str}],
}  # fmt: skip
COUNTS = ("step", "epoch", "index", "optimizer_steps", "predictions", "seconds", "best_step",
          "stale", "reserve", "evaluation_limit", "plateau_factor", "table_rate")  # fmt: skip

METADATA: Form = {
    "config": {"cell": str, "vocabulary_size": int, "dtype?": str, "task?": str},
    "vocabulary": {"kind": str, "symbols": [(str, int)], "words?": str},
    "summary?": SUMMARY,
    "training?": {
        "settings": {str: (str, bool, NUMBER, None)},
        "corpus": {"paths": [str], "sha256": str, "rule?": str},
        "state?": STATE,
        "machine?": {str: (str, NUMBER)},
    },
}

NULLABLE = ("normalize", "separator")  # of a configuration: not asked for

# Of a configuration besides the settings of its task.
CONFIG: Form = {
    "vocabulary_size": int, "characters_per_symbol?": NUMBER, "num_classes?": int,
    "classes?": [str], "strip?": bool, "temperature?": NUMBER,
    "num_letters?": int, "wide_ngrams?": int, "letters?": [str], "scheme?": str,
}  # fmt: skip


def check_metadata(metadata: dict[str, Any], settings: type[Settings]) -> None:
    """Raise ModelFileError if a value is of another type than ours, or out of its range.

    `settings` are those of the task of the model, whose ranges hold for what its
    configuration repeats of them.
    """
    check(metadata, METADATA, "the metadata")
    _check_config(metadata["config"], settings)
    for name, value in metadata.get("summary", {}).items():
        if name not in SUMMARY and f"{name}?" not in SUMMARY:
            check(value, SUMMARY_FIGURES, f"{name} of the summary")
    for part in ("validation", "test"):
        if part in metadata.get("summary", {}):
            _check_report(metadata["summary"][part], part)
    state = metadata.get("training", {}).get("state")
    if state is None:
        return
    for name in COUNTS:
        if name in state and not 0 <= state[name] < 1e18:
            raise ModelFileError(f"the training state has {name} {quoted(state[name])}")
    for name in ("horizon", "limit"):
        unit, amount = state[name] if len(state[name]) == 2 else ("", 0)
        known = unit in ("steps", "epochs", "minutes") and not isinstance(amount, str)
        if not known or not 0 <= amount < 1e18:
            raise ModelFileError(f"the training state has {name} {quoted(state[name])}")
    for change in state.get("rate_changes", []):
        if len(change) != 2 or not all(0 <= x < 1e18 for x in change):
            raise ModelFileError(f"the training state has a change of rate {quoted(change)}")


def _check_report(report: dict[str, Any], part: str) -> None:
    """The confusion matrix of a part has a row and a column for each class."""
    size = len(report["classes"])
    if not size or [len(row) for row in report["confusion"]] != [size] * size:
        raise ModelFileError(f"the report on the {part} part has no square confusion matrix")
    for name, form in OF_A_TAGGER.items():
        if report.get(name) is not None:
            check(report[name], form, f"{name} of the report on the {part} part")


def _check_config(config: dict[str, Any], settings: type[Settings]) -> None:
    check(config, CONFIG, "the configuration")
    known = {f.name: f for f in fields(settings)}
    del known["vocabulary_size"]  # of a network that has one whatever its symbols are
    for name, value in config.items():
        if name in known and not (value is None and name in NULLABLE):
            try:
                checked(known[name], value)
            except UsageError as error:
                raise ModelFileError(f"in the configuration {error}") from None


def check(value: Any, form: Form, where: str) -> None:
    """Raise ModelFileError if a value of JSON does not have a form; `where` names it."""
    if isinstance(form, tuple):
        if not any(_fits(value, one) for one in form):
            raise ModelFileError(f"{where} is {_shown(value)}")
    elif isinstance(form, list):
        if not isinstance(value, list):
            raise ModelFileError(f"{where} is {_shown(value)}, not a list")
        for item in value:
            check(item, form[0], f"an item of {where}")
    elif isinstance(form, dict):
        if not isinstance(value, dict):
            raise ModelFileError(f"{where} is {_shown(value)}, not a JSON object")
        if str in form:
            for name in form:
                if isinstance(name, str) and name not in value:
                    raise ModelFileError(f"{where} has no {name}")
            for name, item in value.items():
                check(item, form[str], f"{name} of {where}")
            return
        for name, item_form in form.items():
            known = name.removesuffix("?")
            if known in value:
                check(value[known], item_form, f"{known} of {where}")
            elif known == name:
                raise ModelFileError(f"{where} has no {name}")
    elif not _fits(value, form):
        raise ModelFileError(f"{where} is {_shown(value)}")


def _fits(value: Any, form: type | None) -> bool:
    if form is None or form is bool:
        return value is None if form is None else isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if form is NUMBER:
        return isinstance(value, (int, float))  # a figure may be infinite
    return isinstance(value, form)


def _shown(value: Any) -> str:
    return quoted(value)
