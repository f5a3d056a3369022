"""What `elman train` shows on stderr: a module for each task, under the name of its folder."""

from importlib import import_module
from typing import Any

from ...tasks import TASKS
from .common import Display


def display_of(settings: Any) -> Display:
    """What shows the events of a run of its task."""
    folder, _ = TASKS[settings.task]
    return import_module(f".{folder}", __name__).TaskDisplay(settings)
