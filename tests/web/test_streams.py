"""Streams end with their client, get equal shares, and give back what they hold.

These call the application in this process, so that a client can vanish or stall at will.
"""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from elman.web import calls
from elman.web.calls import Api
from elman.web.models import Models

LONG = {"model": "gru.safetensors", "length": 20_000, "prime": "the "}


class Client:
    """One request to the application, without a network between.

    Without a body it says that one will come, and sends none.
    """

    def __init__(self, app, path: str, body: dict | None):
        self.received = bytearray()
        self.status = 0
        self.left = asyncio.Event()  # set: the client is gone
        self.reading = asyncio.Event()  # cleared: the client takes nothing
        self.reading.set()
        self.some = asyncio.Event()  # set when something of the body has arrived
        self._body = None if body is None else json.dumps(body).encode()
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
            "query_string": b"", "http_version": "1.1", "scheme": "http",
            "headers": [(b"host", b"127.0.0.1"), (b"x-elman-token", b"t")],
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self):
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        await self.reading.wait()
        self.status = message.get("status", self.status)
        self.received += message.get("body", b"")
        if message.get("body"):
            self.some.set()

    @property
    def events(self) -> list[tuple[str, dict]]:
        found = []
        for block in self.received.decode().split("\n\n")[:-1]:
            name, data = block.split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
        return found

    @property
    def symbols(self) -> int:
        return self.received.count(b"event: symbol")


@pytest.fixture
def api(models, monkeypatch):
    """The calls, and the application around them."""
    made: list[Api] = []

    class Kept(Api):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr("elman.web.app.Api", Kept)
    from elman.web.app import make_app

    app = make_app(Models(models), "t")
    yield made[0], app
    made[0].close()


async def until(true, seconds: float = 90.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def watched(monkeypatch) -> list[str]:
    """What becomes of the generators that write: "begun", "ended"."""
    happened: list[str] = []
    write = calls.write

    def chunks(*arguments):
        happened.append("begun")
        try:
            yield from write(*arguments)
        finally:
            happened.append("ended")

    monkeypatch.setattr(calls, "write", chunks)
    return happened


def run(coroutine) -> None:
    """In a thread of its own: a browser test before may have left a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, coroutine).result()


def free(api: Api) -> bool:
    """Whether nothing is held any more."""
    return api.streams.free == api.streams.most and api.writing.slots.free == api.writing.slots.most


def test_a_client_that_goes_frees_its_stream(api, monkeypatch):
    api, app = api
    happened = watched(monkeypatch)

    async def go():
        client = Client(app, "/api/sample", LONG)
        await client.some.wait()
        assert api.streams.free == api.streams.most - 1
        client.left.set()
        async with asyncio.timeout(5):
            await client.task
        del client
        await until(lambda: free(api) and happened == ["begun", "ended"], 5)

    run(go())


def test_a_slow_client_loses_nothing(api):
    _, app = api

    async def go():
        client = Client(app, "/api/sample", LONG | {"length": 200})
        for _ in range(5):
            await asyncio.sleep(0.02)
            client.reading.clear()
            await asyncio.sleep(0.1)
            client.reading.set()
        await client.task
        assert client.symbols == 200
        assert client.events[-1][0] == "done"

    run(go())


def test_a_stream_ends_when_its_time_is_over(api, monkeypatch):
    api, app = api
    monkeypatch.setattr(calls, "SECONDS", 0.1)

    async def go():
        client = Client(app, "/api/sample", LONG)
        await client.task
        name, data = client.events[-1]
        assert (name, data["reason"]) == ("done", "time")
        assert data["symbols"] == client.symbols < LONG["length"]
        assert free(api)

    run(go())


def test_streams_get_equal_shares(api):
    _, app = api

    async def go():
        clients = [Client(app, "/api/sample", LONG | {"seed": n}) for n in range(16)]
        await until(lambda: sum(client.symbols for client in clients) > 16 * 400)
        written = [client.symbols for client in clients]
        for client in clients:
            client.left.set()
        await asyncio.gather(*(client.task for client in clients))
        # They are written 32 at a time and do not begin together: a few chunks apart.
        assert max(written) - min(written) <= 6 * 32, written

    run(go())


def test_one_stream_more_than_there_may_be_is_refused(api):
    api, app = api

    async def go():
        clients = [Client(app, "/api/sample", LONG) for _ in range(api.streams.most)]
        for client in clients:  # whoever has begun takes no more, so that this costs nothing
            await client.some.wait()
            client.reading.clear()
        late = Client(app, "/api/sample", LONG)
        await late.task
        assert late.status == 503
        assert "streams" in json.loads(late.received)["error"]["message"]
        assert {client.status for client in clients} == {200}
        clients[0].left.set()
        await clients[0].task
        again = Client(app, "/api/sample", LONG | {"length": 3})
        await again.task
        assert again.status == 200 and again.symbols == 3
        for client in clients:
            client.left.set()
        await asyncio.gather(*(client.task for client in clients))
        await until(lambda: free(api), 5)

    run(go())


def test_calculations_wait_in_a_queue_that_ends(api, monkeypatch):
    api, app = api

    async def go():
        body = {"model": "gru.safetensors", "text": "the dog " * 500}
        clients = [Client(app, "/api/score", body) for _ in range(2 * api.calculating.slots.most)]
        await asyncio.gather(*(client.task for client in clients))
        statuses = [client.status for client in clients]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= api.calculating.slots.most
        assert api.calculating.slots.free == api.calculating.slots.most

    run(go())


def test_nothing_is_computed_for_clients_that_have_gone(api, monkeypatch):
    api, app = api
    begun, end = [], threading.Event()

    def score(model, text):
        begun.append(text)
        end.wait(10)
        return {}

    monkeypatch.setattr(calls.reading, "score", score)

    async def go():
        body = {"model": "gru.safetensors", "text": "the dog"}
        clients = [Client(app, "/api/score", body) for _ in range(6)]
        await until(lambda: begun, 5)
        for client in clients:
            client.left.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*(client.task for client in clients))
        assert api.calculating.slots.free == api.calculating.slots.most
        end.set()
        await asyncio.sleep(0.1)
        assert len(begun) == 1  # what was running; the five that waited never began

    run(go())


def test_an_error_in_a_stream_is_its_last_event(api, monkeypatch):
    _, app = api
    from elman.errors import ElmanError

    def failing(*arguments):
        yield [("symbol", {"text": "a"})]
        raise ElmanError("the model has been eaten")

    monkeypatch.setattr(calls, "write", failing)

    async def go():
        client = Client(app, "/api/sample", LONG)
        await client.task
        assert client.events[-1] == (
            "error", {"error": {"status": 400, "message": "the model has been eaten"}}
        )  # fmt: skip

    run(go())


def test_a_body_that_does_not_come_is_not_waited_for(api, monkeypatch):
    _, app = api
    monkeypatch.setattr("elman.web.arguments.BODY_SECONDS", 0.2)

    async def go():
        client = Client(app, "/api/score", None)
        async with asyncio.timeout(5):
            await client.task
        assert client.status == 408

    run(go())
