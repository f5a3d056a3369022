"""The calls that start, watch and steer a training: `docs/http.md`, "POST /api/train/start" on."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..learn.state import Event
from . import encoding
from .arguments import BODY, Arguments, read_arguments
from .errors import ApiError
from .live import Live
from .starting import Starter
from .streams import BEAT, EventStream, Slots

LOOK = 0.1  # seconds between two looks into the log
WATCHERS = 64
MOST = 1e6  # times the learning rate


class Steering:
    """The calls, over a training; without one they answer 404.

    Attributes
    ----------
    live : the training that is watched
    starter : what starts another, where a folder is served
    """

    def __init__(self, live: Live | None, starter: Starter | None = None):
        self.live, self.starter = live, starter
        self.slots = Slots(WATCHERS, "event streams")
        self.closed = False  # whether the streams are to end

    def routes(self) -> list[Route]:
        def post(name: str, call: Callable) -> Route:
            return Route(f"/api/train/{name}", call, methods=["POST"])

        return [
            post("start", self.start),
            Route("/api/train/events", self.events),
            post("pause", self.pause),
            post("resume", self.resume),
            post("stop", self.stop),
            post("learning-rate", self.learning_rate),
        ]

    def state(self) -> Event | None:
        """What `GET /api/model` says of the training, if there is one to watch."""
        if self.live is None or (self.starter is not None and self.live.ended):
            return None
        return self.live.state()

    @property
    def starts(self) -> bool:
        """Whether a training can be started here."""
        return self.starter is not None and self.starter.allowed

    def close(self) -> None:
        if self.starter is not None:
            self.starter.close()

    async def start(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        if self.starter is None:
            raise ApiError(409, "a training is in progress here; it has to end first")
        name, text = arguments.text("name"), arguments.text("text", most=BODY)
        minutes, lines = arguments.number("minutes", 2.0), arguments.flag("lines", False)
        arguments.end()
        self.live = await asyncio.to_thread(self.starter.start, name, text, minutes, lines)
        return answer(self.live)

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
            while not self.closed and (live is self.live or not live.ended):
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
            raise ApiError(404, "no training runs here; elman train --live starts one, or the "
                           "page of a folder")  # fmt: skip
        return self.live


def answer(live: Live) -> Response:
    return Response(encoding.dumps(live.state()), media_type="application/json")
