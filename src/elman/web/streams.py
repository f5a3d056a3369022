"""Streams of server-sent events that end with their client, and the work behind them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

import anyio
from starlette.types import Receive, Scope, Send

from ..errors import ElmanError
from . import encoding
from .errors import OURS, ApiError, body, from_elman

R = TypeVar("R")
BEAT = 15.0  # seconds of silence after which a comment is sent, which finds lost connections


class Slots:
    """How many of a kind there may be at once; one more is refused, not queued."""

    def __init__(self, most: int, what: str):
        self.free, self.most, self.what = most, most, what

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold a slot. Raises ApiError (503) if none is free."""
        if not self.free:
            raise self.refusal
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1

    @property
    def refusal(self) -> ApiError:
        return ApiError(503, f"there are {self.most} {self.what} already; try again in a moment")


class Workers:
    """Threads for calculations, so that the server goes on answering meanwhile.

    Waiting work is done in the order in which it came. A stream hands in one short chunk
    at a time, so streams that want more than there is get equal shares.
    """

    def __init__(self, threads: int, waiting: int, what: str):
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix=f"elman-{what}")
        self.slots = Slots(threads + waiting, what)

    async def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """The result of a function, computed in a thread."""
        with self.slots.take():
            return await asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


class EventStream:
    """A response whose events end, and are closed, when the client goes."""

    def __init__(self, events: AsyncGenerator[bytes, None]):
        self.events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            async with aclosing(self.events):
                await send({
                    "type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
                })  # fmt: skip
                async for events in reporting(self.events):
                    await send({"type": "http.response.body", "body": events, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()


async def reporting(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events; an error is the last of them."""
    try:
        async for event in events:
            yield event
    except ApiError as error:
        yield encoding.event("error", body(error))
    except ElmanError as error:
        yield encoding.event("error", body(from_elman(error)))
    except Exception:
        yield encoding.event("error", body(ApiError(500, OURS)))
        raise
