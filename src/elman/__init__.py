"""Elman: recurrent neural networks from first principles that people can use.

import elman
model = elman.train("shakespeare.txt", cell="gru", hidden_size=512, minutes=3)
print(model.sample(200, prime="ROMEO:", temperature=0.8, seed=1))
model.score("To be, or not to be").bits_per_character
model.save("shakespeare.safetensors")
model = elman.load("shakespeare.safetensors", task="lm")
"""

from typing import TYPE_CHECKING, Any

from .version import __version__

__all__ = ["Classifier", "ElmanError", "Model", "Score", "Tagger", "__version__", "import_weights",
           "load", "sweep", "train"]  # fmt: skip

if TYPE_CHECKING:
    from . import bulk as bulk
    from . import estimators as estimators
    from . import plots as plots
    from . import settings as settings
    from .errors import ElmanError
    from .share import exporting
    from .share.importing import import_weights
    from .sweeps.sweep import sweep
    from .tasks import load
    from .tasks.classify.model import Classifier
    from .tasks.language.model import Model
    from .tasks.language.scoring import Score
    from .tasks.tag.model import Tagger
    from .tasks.training import train

    _export = exporting.export

_HOME = {"Classifier": "tasks.classify.model", "ElmanError": "errors",
         "Model": "tasks.language.model", "Score": "tasks.language.scoring",
         "Tagger": "tasks.tag.model", "import_weights": "share.importing", "load": "tasks",
         "sweep": "sweeps.sweep", "train": "tasks.training"}  # fmt: skip
_MODULES = ("bulk", "estimators", "plots", "settings")  # they are there when they are named


def __getattr__(name: str) -> Any:
    # NumPy and the rest are imported at first use, so `elman --help` is instant.
    from importlib import import_module

    if name == "_export":
        return import_module(".share.exporting", __name__).export
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    if name in _MODULES:
        try:
            return import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            # `help(elman)` and `hasattr` go through all names, and expect no other error.
            raise AttributeError(str(error), name=name, obj=import_module(__name__)) from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *_MODULES]
