"""The calls that watch a training and steer it: `docs/http.md`, "GET /api/train/events" on."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import encoding
from .arguments import Arguments, read_arguments
from .errors import ApiError
from .live import Live
from .streams import BEAT, EventStream, Slots

LOOK = 0.1  # seconds between two looks into the log
WATCHERS = 64
MOST = 1e6  # times the learning rate


class Steering:
    """The calls, over a training; without one they answer 404."""

    def __init__(self, live: Live | None):
        self.live = live
        self.slots = Slots(WATCHERS, "event streams")
        self.closed = False  # whether the streams are to end

    def routes(self) -> list[Route]:
        def post(name: str, call: Callable) -> Route:
            return Route(f"/api/train/{name}", call, methods=["POST"])

        return [
            Route("/api/train/events", self.events),
            post("pause", self.pause),
            post("resume", self.resume),
            post("stop", self.stop),
            post("learning-rate", self.learning_rate),
        ]

    async def events(self, request: Request) -> EventStream:
        live = self._training()
        if request.url.query:
            raise ApiError(400, "this address takes no arguments; Last-Event-ID is a header")
        number = live.log.number(request.headers.get("last-event-id"))
        if not self.slots.free:
            raise self.slots.refusal
        return EventStream(self._follow(live, number))

    async def _follow(self, live: Live, number: int) -> AsyncGenerator[bytes, None]:
        """What is in the log after a number, and what comes into it."""
        with self.slots.take():
            sent = time.monotonic()
            while not self.closed:
                events, number = live.log.after(number)
                if not events and time.monotonic() - sent > BEAT:
                    events = b": still here\n\n"
                if events:
                    yield events
                    sent = time.monotonic()
                await asyncio.sleep(LOOK)
            yield live.log.after(number)[0]

    async def pause(self, request: Request) -> Response:
        return await self._ask(request, Live.pause)

    async def resume(self, request: Request) -> Response:
        return await self._ask(request, Live.resume)

    async def stop(self, request: Request) -> Response:
        return await self._ask(request, Live.stop)

    async def learning_rate(self, request: Request) -> Response:
        live = self._training()
        arguments = await read_arguments(request)
        given = {
            unit: value
            for unit in ("factor", "learning_rate")
            if (value := arguments.number(unit, None)) is not None
        }
        arguments.end()
        if len(given) != 1:
            raise ApiError(400, "give either factor or learning_rate")
        for unit, value in given.items():
            if not 0 < value <= MOST:
                raise ApiError(
                    400, f"{unit} must be above 0 and at most {MOST:,.0f}, not {value:g}"
                )
            live.change_rate(unit, value)
        return answer(live)

    async def _ask(self, request: Request, what: Callable[[Live], None]) -> Response:
        live = self._training()
        arguments: Arguments = await read_arguments(request)
        arguments.end()
        what(live)
        return answer(live)

    def _training(self) -> Live:
        if self.live is None:
            raise ApiError(404, "no training runs here; elman train --live starts one")
        return self.live


def answer(live: Live) -> Response:
    return Response(encoding.dumps(live.state()), media_type="application/json")
