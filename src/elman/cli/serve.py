"""`elman serve`."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

import click

from . import completion
from .help import Command, Function, option
from .output import print_json

if TYPE_CHECKING:
    from ..web.server import Server

EXAMPLES = """
elman serve                     the models in this folder
elman serve poems.safetensors   one model
elman serve models/ --port 9000 --no-browser
"""

NOTES = """
The page writes, looks inside, classifies and tags; elman train --live shows it during a
training. The address goes to stdout. Other programs can use the same calls, with the token
that is printed at the start: see docs/http.md.
"""


def address(command: Function) -> Function:
    """The options that say where the page is, and whether to show it."""
    for decorate in (
        option(
            "--browser/--no-browser",
            default=True,
            help="Open the page in the browser.  [default: if there is a screen]",
            group="Page",
        ),
        option(
            "--port",
            type=click.IntRange(0, 65535),
            default=8765,
            show_default=True,
            help="Port to listen on; 0 takes a free one.",
            group="Page",
        ),
        option(
            "--host",
            metavar="ADDRESS",
            default="127.0.0.1",
            show_default=True,
            help="Address to listen on; any other is reachable from other machines.",
            group="Page",
        ),
    ):
        command = decorate(command)
    return command


@click.command(cls=Command, examples=EXAMPLES, notes=NOTES)
@click.argument("place", metavar="[MODEL|FOLDER]", default=".", shell_complete=completion.models)
@address
@option("--json", "as_json", is_flag=True, help="Address and token as one JSON object.",
        group="Output")  # fmt: skip
def serve(place: str, host: str, port: int, browser: bool, as_json: bool) -> None:
    """Open a page in the browser for a MODEL, or for those in a FOLDER."""
    from ..nn.engine import select
    from ..web import require

    require("elman serve")
    from ..web.models import Models
    from ..web.server import Server, bind

    models = Models(place)
    if models.only is not None:
        models.get()  # it had better be said here than on the page
    server = Server(models, host, bind(host, port))
    if as_json:
        print_json({"url": server.url, "token": server.token, "models": models.names()})
    else:
        click.echo(server.url)
        count = len(models.names())
        click.echo(f"{count} model{'s' if count != 1 else ''}; Ctrl-C ends the server", err=True)
    announce(server, browser)
    with select(threads=1).limit_threads():  # the calls share the cores
        server.run()


def announce(server: Server, browser: bool) -> None:
    """Say what other programs need, and show the page."""
    click.echo(f"for other programs: X-Elman-Token: {server.token}", err=True)
    if server.open_to_others:
        click.echo("note: anyone who can reach this port can use it", err=True)
    graphical = not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if browser and graphical:  # without a screen a browser would take the terminal
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
