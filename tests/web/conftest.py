"""Small trained models, the server through the real command line, and a real browser."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import elman

from .look import PATIENCE, Look

pytest.importorskip("starlette", reason="needs the extra web")
pytest.importorskip("uvicorn", reason="needs the extra web")
httpx = pytest.importorskip("httpx", reason="needs httpx, of the extra test")

TEXT = "the cat sees the dog.\nthe dog finds the old river, and the bird sings.\n" * 60
HTML = 40 * (
    '<b onclick="alert(1)">bold</b> & <i>thin</i>\n'
    "<img src=x onerror=alert(2)> &amp; <script>alert(3)</script>\n"
)


# -- models -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A folder of small models, each trained for a moment: one of every kind.

    gru, lstm (two layers), rnn, embedded (a GRU without bias), lines (a GRU on lines), ngram,
    classifier (bidirectional), forward (a classifier that reads in one direction), words and
    bytes; html and markup (a classifier) and tagger (of words), whose texts and labels would be
    tags if anything took them for HTML.
    Their corpora stand beside them.
    """
    folder = tmp_path_factory.mktemp("models")
    (folder / "text.txt").write_text(TEXT)
    names(folder)
    common = {"steps": 30, "seq_len": 32, "batch_size": 8, "eval_every": 10, "threads": 1}

    def train(name: str, corpus: str = "text.txt", **settings) -> None:
        path = folder / f"{name}.safetensors"
        elman.train(folder / corpus, output=path, **{**common, "hidden_size": 24, **settings})

    train("gru", cell="gru")
    train("lstm", cell="lstm", num_layers=2)
    train("rnn", cell="rnn", hidden_size=8)
    train("embedded", cell="gru", hidden_size=12, embedding_size=5, bias=False)
    train("lines", lines=True)
    train("words", tokens="word")
    train("bytes", tokens="byte")
    elman.train(folder / "text.txt", output=folder / "ngram.safetensors", cell="ngram")
    train("classifier", "names", task="classify", hidden_size=12)
    train("forward", "names", task="classify", hidden_size=12, bidirectional=False)
    (folder / "html.txt").write_text(HTML)
    (folder / "markup.tsv").write_text(markup(folder / "names"))
    train("html", "html.txt", hidden_size=48, steps=120)
    train("wide", cell="rnn", hidden_size=512, steps=2)
    train("markup", "markup.tsv", task="classify", hidden_size=12)
    (folder / "people.conll").write_text(people())
    train("tagger", "people.conll", task="tag", hidden_size=12, steps=60, learning_rate=0.02)
    return folder


def names(folder: Path) -> None:
    """Two classes of made-up names, one file for each."""
    draw = random.Random(1)
    (folder / "names").mkdir()
    for label, letters in (("soft", "aelmno"), ("hard", "agkrtz")):
        made = sorted({"".join(draw.choices(letters, k=draw.randint(3, 8))) for _ in range(150)})
        (folder / "names" / f"{label}.txt").write_text("\n".join(made) + "\n")


def markup(folder: Path) -> str:
    """A table of the same names, with labels that look like HTML."""
    rows = [
        f"{name}\t<b>{path.stem}</b>"
        for path in sorted(folder.glob("*.txt"))
        for name in path.read_text().split()
    ]
    return "\n".join(["text\tlabel", *rows, ""])


def people() -> str:
    """Columns: made-up names in sentences, with a label that looks like HTML."""
    draw = random.Random(2)
    rows = []
    for _ in range(120):
        name = "".join(draw.choices("aeiou", k=5)).title()
        verb = draw.choice(["sees", "finds"])
        rows += [f"{name}\tB-<b>x</b>", f"{verb}\tO", "the\tO", "cat\tO", ""]
    return "\n".join(rows)


# -- the server ---------------------------------------------------------------------


@dataclass
class Served:
    """A running server: its address, its token, its process, and what that has printed."""

    url: str
    token: str
    process: subprocess.Popen
    stdout: list[str]
    stderr: list[str]

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal; the exit status, and everything printed is in `stdout`, `stderr`."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=90)

    def client(self, **options) -> httpx.Client:
        headers = {"X-Elman-Token": self.token}
        return httpx.Client(base_url=self.url, headers=headers, timeout=90, **options)

    def post(self, path: str, **arguments) -> httpx.Response:
        """A call of the interface, with the token: `post("score", text="abc")`."""
        with self.client() as client:
            return client.post(f"/api/{path}", json=arguments)

    def get(self, path: str, **arguments) -> httpx.Response:
        with self.client() as client:
            return client.get(path, params=arguments)


@contextmanager
def serving(*arguments: str | Path, cwd: Path | None = None, **options) -> Iterator[Served]:
    """`elman ARGUMENTS --port 0 --no-browser --json` in a process of its own, ended at the end.

    The first line of stdout says where the server is: of `serve`, and of `train --live`.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "elman", *map(str, arguments),
         "--port", "0", "--no-browser", "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
        env={**os.environ, "NO_COLOR": "1"}, text=True, **options,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    lines: tuple[list[str], list[str]] = ([], [])
    first = process.stdout.readline()
    # Somebody has to read, or a training waits for the pipe to have room.
    readers = [
        threading.Thread(target=kept.extend, args=(stream,))
        for kept, stream in zip(lines, (process.stdout, process.stderr), strict=True)
    ]
    for reader in readers:
        reader.start()
    try:
        if not first.startswith("{"):
            process.wait(timeout=90)
            readers[1].join()
            raise AssertionError(f"the server did not start:\n{''.join(lines[1])}")
        where = json.loads(first)
        yield Served(where["url"], where["token"], process, *lines)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=90)
        except subprocess.TimeoutExpired:
            process.kill()
        for reader in readers:
            reader.join()


@pytest.fixture(scope="session")
def server(models) -> Iterator[Served]:
    """`elman serve` of the folder of models, for all tests that change nothing in it."""
    with serving("serve", models) as served:
        yield served


def events(response: httpx.Response) -> Iterator[dict]:
    """The server-sent events of a streaming response: {"event", "data", "id"}."""
    event: dict = {}
    for line in response.iter_lines():
        if not line:
            if event:
                yield event
            event = {}
            continue
        name, _, value = line.partition(": ")
        if name:  # else a comment
            event[name] = json.loads(value) if name == "data" else value


# -- the browser --------------------------------------------------------------------


def pytest_collection_modifyitems(items) -> None:
    """Whatever opens a browser is slow: a third of the time of all tests."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Debian's Chromium, driven by Playwright; skips where either is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra browser")
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("needs the command chromium")
    with sync_api.sync_playwright() as playwright:
        # As root, as in a container, Chromium starts only without its sandbox.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        launched = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def page(browser) -> Iterator:
    """A fresh page; the test fails if a script fails or the policy blocks anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: (
            wrong.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    yield page
    context.close()
    assert not wrong, f"errors in the page: {wrong}"


@pytest.fixture
def new_look(browser) -> Iterator:
    """new_look(server, **options of the browser context) -> Look; no complaint may be left."""
    opened = []

    def new(served: Served, **options) -> Look:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(1000 * PATIENCE)
        look = Look(context.new_page(), served.url)
        opened.append((context, look))
        return look

    yield new
    for context, look in opened:
        context.close()
        assert not look.complaints, "the browser's console: " + "; ".join(look.complaints)


@pytest.fixture
def look(new_look, server) -> Look:
    return new_look(server)
