"""What goes out with a model: how it was made, without the folders of the machine."""

import re
import shlex
from typing import Any

# Their values are texts, in which a slash is a slash.
TEXTS = ("--separator", "--delimiter", "--text-column", "--label-column")
SHORT = re.compile(r"-[A-Za-z].")  # a flag of one letter with its value right behind it


def without_folders(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary of a model in which every path is cut to its last part.

    Example
    -------
    >>> without_folders({"command": "elman train /home/ada/poems.txt -o m.safetensors"})
    {'command': 'elman train poems.txt -o m.safetensors'}
    """
    cut = dict(summary)
    if "command" in cut:
        cut["command"] = _command(cut["command"])
    if "corpus" in cut:
        cut["corpus"] = [_last(name) for name in cut["corpus"]]
    return cut


def _command(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:  # not ours: nothing is known of its quotes
        words = command.split()
    if not any("/" in word for word in words):
        return command
    before = ["", *words]
    return shlex.join(
        word if flag in TEXTS else _cut(word) for flag, word in zip(before, words, strict=False)
    )


def _cut(word: str) -> str:
    """A word of a command; of `--output=/home/ada/m` and `-o/home/ada/m` what follows the flag."""
    flag, sign, value = word.partition("=")
    if sign and flag.startswith("--"):
        return word if flag in TEXTS else f"{flag}={_last(value)}"
    if SHORT.match(word):
        return word[:2] + _last(word[2:])
    return _last(word)


def _last(path: str) -> str:
    return re.sub(r"(?s).*/(?=.)", "", path.rstrip("/")) or path
