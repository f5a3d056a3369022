"""Results for other programs, on stdout."""

import json
from math import isfinite
from typing import Any

import click


def print_json(values: dict[str, Any]) -> None:
    """One object on one line of stdout; what is infinite or no number becomes null."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(item) for name, item in value.items()}
        return None if isinstance(value, float) and not isfinite(value) else value

    click.echo(json.dumps(plain(values), ensure_ascii=False, allow_nan=False))
