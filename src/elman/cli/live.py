"""The page of `elman train --live`: served in the background while the run trains."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import click

from ..errors import UsageError
from ..learn.run import Run
from ..web import require
from .output import print_json
from .serve import announce


def claim_address(host: str, port: int) -> socket.socket:
    """Where the page will be, found out before a large corpus is read."""
    require("elman train --live")
    from ..web.server import bind

    return bind(host, port)


class Page:
    """The page of one run.

    `events` trains as `Run.events` does; `close` ends the page at once, `stay` when the
    user says so.
    """

    def __init__(self, run: Run, listening: socket.socket, host: str, browser: bool, as_json: bool):
        from ..web.live import Live
        from ..web.server import Server

        name = "model" if run.output is None else run.output.path.name
        self._live = Live(run, name)
        self._server = Server(self._live, host, listening)
        self._server.start()
        if as_json:
            print_json({"event": "serving", "url": self._server.url, "token": self._server.token})
        else:
            click.echo(self._server.url)
        announce(self._server, browser)

    def events(self) -> Iterator[dict[str, Any]]:
        return self._live.events()

    def close(self) -> None:
        self._server.stop()

    def stay(self) -> None:
        """Leave the page open until Ctrl-C."""
        click.echo(f"the page stays at {self._server.url} until Ctrl-C", err=True)
        try:
            self._server.wait()
        except KeyboardInterrupt:
            click.echo("", err=True)
        self.close()


def refuse_without_live(ctx: click.Context) -> None:
    """Options of the page mean nothing without it."""
    for name in ("host", "port", "browser"):
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            flag = "--no-browser" if name == "browser" else f"--{name}"
            raise UsageError(f"{flag} is for the page and needs --live")
