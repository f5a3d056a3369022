"""A training that the page of `elman serve` starts: a text, a name for its model, some minutes."""

import os
import re
import threading
from pathlib import Path
from typing import Any

from ..errors import ElmanError
from ..files import MODEL_SUFFIX
from ..learn.run import Run
from ..tasks import begin
from .errors import OURS, ApiError
from .guard import LOCAL
from .live import Live
from .models import Models

MINUTES = 10.0
NAME = re.compile(r"[^\W_][\w .-]{0,59}")
PATIENCE = 20.0  # seconds that a training has to save when the server ends


class Starter:
    """Starts trainings, one at a time, whose texts and models are files of the served folder."""

    def __init__(self, models: Models, bound: str):
        self.models, self.bound = models, bound
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    @property
    def allowed(self) -> bool:
        """Whether this server starts trainings: of a folder, on this machine."""
        return self.models.only is None and self.bound in LOCAL

    def start(self, name: str, text: str, minutes: float, lines: bool) -> Live:
        """Keep the text as NAME.txt, and train a model of it in a thread of its own.

        Raises
        ------
        ApiError : a name that is taken or not one, another training, a server that is open to
            other machines or serves one model
        ElmanError : a text that cannot be learned from
        """
        self._check(name, minutes)
        with self._lock:
            if self._live is not None and not self._live.ended:
                raise ApiError(409, "a training is in progress here; it has to end first")
            settings: dict[str, Any] = {"minutes": minutes}
            if lines:
                settings["lines"] = True
            run = self._begin(name, text, settings)
            self._live = live = Live(run, name + MODEL_SUFFIX)
            self._thread = threading.Thread(target=_train, args=(live,), name="elman-training")
            self._thread.start()
        return live

    def close(self) -> None:
        """Have a training that is in progress save, and wait for it."""
        if self._live is not None and self._thread is not None:
            self._live.loop.stop_requested = True
            self._thread.join(PATIENCE)

    def _check(self, name: str, minutes: float) -> None:
        if self.bound not in LOCAL:
            raise ApiError(403, "other machines can reach this server, so it starts no trainings")
        if self.models.only is not None:
            raise ApiError(409, "this server has one model; elman serve FOLDER can train others")
        if not NAME.fullmatch(name) or name.endswith((" ", ".")):
            raise ApiError(400, "name must begin with a letter or digit and have up to 60 letters, "
                           "digits, spaces, - _ and .")  # fmt: skip
        if not 0 < minutes <= MINUTES:
            raise ApiError(400, f"minutes must be above 0 and at most {MINUTES:g}, not {minutes:g}")

    def _begin(self, name: str, text: str, settings: dict[str, Any]) -> Run:
        output = self.models.folder / (name + MODEL_SUFFIX)
        source = Path(os.path.relpath(self.models.folder)) / f"{name}.txt"
        if os.path.lexists(output) or os.path.lexists(source):
            raise ApiError(409, f"there is a file {name}.txt or {output.name} already; choose "
                           "another name")  # fmt: skip
        try:
            data = text.encode("utf-8")
            file = source.open("xb")  # never through a link
        except (OSError, UnicodeEncodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise ApiError(422, f"the text cannot be kept in the served folder: {why}") from None
        try:
            with file:
                file.write(data)
            flags = " ".join(f"--{flag}" if value is True else f"--{flag} {value:g}"
                             for flag, value in settings.items())  # fmt: skip
            return begin([str(source)], settings, output, None, f"elman train {name}.txt {flags}")
        except BaseException as error:
            source.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise ApiError(422, f"the text cannot be kept: {error.strerror}") from None
            if isinstance(error, ElmanError) and "--" in str(error):
                raise ApiError(422, f"{error} (with elman train, in a terminal)") from None
            raise


def _train(live: Live) -> None:
    """To its end. What it could not do is in its log, a mistake of ours on the terminal too."""
    try:
        for _ in live.events():
            pass
    except ElmanError:
        pass
    except Exception:
        live.log.append({"event": "failed", "message": OURS})
        raise
