"""What is odd about texts that a model reads: symbols that it does not know, texts that it cuts."""

from collections.abc import Iterable
from typing import Any

from ..text.unknown import Unknown
from .output import note, note_unknown


class Odd:
    """Counts what is odd, to say it at the end."""

    def __init__(self, model: Any):
        self._model = model
        # What has classes reads a limited number of symbols of a text, what has none reads all.
        self._longest = None if model.classes is None else model.config["seq_len"]
        self._unknown, self._cut = Unknown(model.vocabulary), 0

    def add(self, texts: Iterable[str]) -> None:
        """Count texts; blank ones are not read."""
        for text in filter(str.strip, texts):
            self._unknown.add(self._model.clean(text), self._longest)
            self._cut += bool(self.about(text)["cut"])

    def about(self, text: str) -> dict[str, Any]:
        """The share of unknown symbols in what is read of a text, and whether it is cut."""
        if not text.strip():
            return {"unknown": 0.0, "cut": False}
        v = self._model.vocabulary
        ids = v.look_up(self._model.clean(text))
        read = ids[: self._longest]
        return {"unknown": float((read < 0).mean()), "cut": len(read) < len(ids)}

    def say(self) -> None:
        """The notes at the end."""
        note_unknown(self._unknown)
        if self._cut:
            note(f"longer than the {self._longest} symbols that the model reads, and cut there: "
                 f"{self._cut:,}; training with a larger --seq-len reads more")  # fmt: skip
