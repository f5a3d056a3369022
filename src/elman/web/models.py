"""The models that a server offers: those of one folder, by their names in it."""

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from ..errors import ElmanError, ModelFileError, UsageError
from ..files import MODEL_SUFFIX
from ..store import checkpoint
from ..store.modelfile import SavedModel
from ..tasks import load
from .errors import ApiError

KEPT = 4  # models in memory
KEPT_ARRAYS = ("training.state", "training.last_symbol", "training.history")


class Models:
    """The model files of a folder, or one file alone; read when they are asked for.

    A name from a client is looked up in the list of the folder, and never made part of
    a path. Links that lead out of the folder are not in the list.
    """

    def __init__(self, place: str | Path):
        place = Path(place)
        self.folder = (place if place.is_dir() else place.parent).resolve()
        self.only = None if place.is_dir() else place.name
        self._loaded: OrderedDict[str, tuple[tuple[int, ...], SavedModel]] = OrderedDict()
        self._lock = threading.Lock()
        if not place.exists():
            raise ElmanError(f"there is no file or folder {str(place)!r} to serve models from")
        if not self.names():
            raise UsageError(
                f"{place} holds no models (*{MODEL_SUFFIX}); train one with elman train, or name "
                "the folder or the file to serve"
            )

    def names(self) -> list[str]:
        """The names of the models, sorted."""
        if self.only is not None:
            return [self.only] if (self.folder / self.only).is_file() else []
        return sorted(entry.name for entry in os.scandir(self.folder) if self._offered(entry))

    def _offered(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a model file of this folder, and no link that leads out or in a ring."""
        if not entry.name.endswith(MODEL_SUFFIX) or entry.name.startswith("."):
            return False
        try:
            inside = Path(entry).resolve(strict=True).is_relative_to(self.folder)
            return entry.is_file() and inside
        except (OSError, RuntimeError):
            return False

    def get(self, name: str | None = None) -> tuple[str, SavedModel]:
        """A model and its name; without a name the first that can be read.

        Raises
        ------
        ApiError : no such model
        ModelFileError : damaged, or no model of ours
        """
        names = self.names()
        if name is not None:
            if name not in names:
                raise ApiError(404, f"there is no model of that name here; there are: "
                               f"{', '.join(names[:10])}")  # fmt: skip
            return name, self._read(name)
        if not names:
            raise ApiError(404, "there are no models here any more")
        failure: ElmanError | None = None
        for first in names:
            try:
                return first, self._read(first)
            except ElmanError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    def kinds(self) -> dict[str, str | None]:
        """Of every model what the page calls its kind; None: it cannot be read."""
        found: dict[str, str | None] = {}
        for name in self.names():
            try:
                found[name] = kind_of(checkpoint.config_of(self.folder / name))
            except ElmanError:
                found[name] = None
        return found

    def _read(self, name: str) -> SavedModel:
        """The model, read again if the file has changed since."""
        path = self.folder / name
        with self._lock:  # two requests for one model read it once
            try:
                found = path.stat()
            except OSError as error:
                raise ModelFileError(f"cannot read the model {name}: {error.strerror}") from None
            version = (found.st_ino, found.st_size, found.st_mtime_ns)
            if name in self._loaded and self._loaded[name][0] == version:
                self._loaded.move_to_end(name)
                return self._loaded[name][1]
            try:
                model = load(path, threads=1)  # the calls share the cores
            except ElmanError as error:
                raise type(error)(str(error).replace(f"{self.folder}{os.sep}", "")) from None
            lighten(model)
            self._loaded[name] = (version, model)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
            return model


def kind_of(config: dict[str, Any]) -> str:
    """What the page calls a model of this configuration, see `docs/http.md`."""
    kinds = {"classify": "classifier", "tag": "tagger"}
    return kinds.get(config.get("task", "lm"), "ngram" if config.get("cell") == "ngram" else "lm")


def lighten(model: SavedModel) -> None:
    """Let go of what only resuming needs: it is twice the size of the weights."""
    if model.training is not None:
        arrays, values = model.training
        model.training = ({name: arrays[name] for name in KEPT_ARRAYS if name in arrays}, values)
