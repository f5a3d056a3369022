"""A client that stands still is given up, and with it what it holds; a slow one is not."""

import json
import socket
import time

import pytest

from elman.web import calls, connection
from elman.web.guard import HEADERS
from elman.web.models import Models

PATIENCE = 0.4
LARGE = {
    "model": "wide.safetensors",
    "text": ("the cat sees the dog.\n" * 200)[:4000],
    "part": "hidden",
}  # 11 MB of JSON
LONG = {"model": "gru.safetensors", "length": 20_000, "prime": "the "}


@pytest.fixture
def server(models, monkeypatch):
    """A server in this process, of little patience."""
    from elman.web.server import Server, bind

    monkeypatch.setattr(connection, "PATIENCE", PATIENCE)
    server = Server(Models(models), "127.0.0.1", bind("127.0.0.1", 0))
    server.start()
    yield server
    server.stop()


def ask(server, path: str, arguments: dict) -> socket.socket:
    """Send a call."""
    body = json.dumps(arguments).encode()
    client = socket.socket()
    client.settimeout(20)
    client.connect(server.socket.getsockname())
    client.sendall(
        f"POST /api/{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Elman-Token: {server.token}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return client


def connections(server) -> int:
    return len(server._uvicorn.server_state.connections)


def until(true, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("sent", [b"", b"GET /api/mo", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"])
def test_one_that_asks_for_nothing(server, sent):
    with socket.create_connection(server.socket.getsockname(), timeout=90) as client:
        client.sendall(sent)
        until(lambda: connections(server) == 1)
        until(lambda: connections(server) == 0)


def test_one_that_takes_nothing_of_an_answer(server):
    with ask(server, "states", LARGE) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        until(lambda: connections(server) == 0)


def test_one_that_takes_nothing_of_a_stream(server, monkeypatch):
    ended = []
    write = calls.write

    def chunks(*arguments):
        try:
            yield from write(*arguments)
            ended.append("at its end")
        finally:
            ended.append("ended")

    monkeypatch.setattr(calls, "write", chunks)
    with ask(server, "sample", LONG) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        until(lambda: ended == ["ended"])
        until(lambda: connections(server) == 0)


def test_one_that_is_slow_gets_all(server, monkeypatch):
    patience = 1.0  # the kernel takes megabytes at a time
    monkeypatch.setattr(connection, "PATIENCE", patience)
    with ask(server, "states", LARGE) as client:
        received, began = bytearray(), time.monotonic()
        while piece := client.recv(1 << 16):
            received += piece
            if received.endswith(b"}"):
                break
            time.sleep(max(0.0, began + len(received) / 4e6 - time.monotonic()))
    assert time.monotonic() - began > 2 * patience
    head, body = received.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(body)["values"]["shape"] == [4000, 512]


def test_one_that_waits_for_its_answer(server, monkeypatch):
    monkeypatch.setattr(calls.reading, "score", lambda *_: time.sleep(3 * PATIENCE) or {"a": 1})
    with ask(server, "score", {"model": "gru.safetensors", "text": "the"}) as client:
        assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_mistake_of_ours_is_one_sentence_with_the_headers(server, monkeypatch, caplog):
    def wrong(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(calls.reading, "score", wrong)
    with ask(server, "score", {"model": "gru.safetensors", "text": "the"}) as client:
        received = b""
        while not received.endswith(b"}}") and (piece := client.recv(4096)):
            received += piece
    head, body = received.decode().split("\r\n\r\n")
    assert " 500 " in head.split("\r\n")[0]
    assert all(name.lower() in head.lower() for name in HEADERS)
    assert "secret" not in body and json.loads(body)["error"]["status"] == 500
