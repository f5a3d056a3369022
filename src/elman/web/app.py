"""The calls of the interface: what `docs/http.md` describes, one function each."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ..classifier import Classifier
from ..engine import available_cores
from ..errors import ElmanError
from ..model import Model
from ..sampling import SamplingOptions
from . import encoding, reading
from .arguments import TEXT, Arguments
from .describe import describe
from .errors import ApiError, from_elman, response
from .guard import Guard
from .models import AnyModel, Models
from .streams import EventStream, Slots, Workers
from .writing import Chunks, Task, write

STATIC = Path(__file__).parent / "static"
TOKEN = 'name="elman-token" content=""'
BODY = 1 << 20  # bytes
BODY_SECONDS = 30.0
LENGTH = 20_000  # symbols that one call writes
SECONDS = 120.0  # that one call writes
STREAMS = 64
WAITING = 16  # calculations in the queue
CLASSIFY = 500  # characters: the network reads every prefix
LIMITS = {"text": TEXT, "classify": CLASSIFY, "length": LENGTH}


class Api:
    """The calls, over the models of one server."""

    def __init__(self, models: Models, token: str):
        self.models, self.token = models, token
        self.writing = Workers(available_cores(), STREAMS, "sample streams")
        self.calculating = Workers(1, WAITING, "calculations")
        self.streams = Slots(STREAMS, "sample streams")

    def routes(self) -> list[Route | Mount]:
        def post(path: str, call: Callable) -> Route:
            return Route(f"/api/{path}", call, methods=["POST"])

        return [
            Route("/", self.page),
            Route("/api/model", self.model),
            post("sample", self.sample),
            post("score", self.score),
            post("classify", self.classify),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    def close(self) -> None:
        self.writing.close()
        self.calculating.close()

    # -- the calls -----------------------------------------------------------------

    async def page(self, request: Request) -> Response:
        html = (STATIC / "index.html").read_text("utf-8")
        return HTMLResponse(html.replace(TOKEN, TOKEN.replace('""', f'"{self.token}"')))

    async def model(self, request: Request) -> Response:
        chosen = request.query_params.get("model")

        def work() -> dict[str, Any]:
            name, model = self.models.get(chosen)
            return {"models": self.models.names(), "limits": LIMITS, "training": None,
                    "model": describe(name, model, False)}  # fmt: skip

        return await self._answer(work)

    async def sample(self, request: Request) -> ASGIApp:
        arguments = await read_arguments(request)
        name, model = await self._model(arguments, Model)
        assert isinstance(model, Model)
        task = read_task(arguments, len(model.vocabulary))
        chunks = write(model, task)
        if not self.streams.free:
            raise self.streams.refusal
        return EventStream(self._written({"model": name, "prime": task.prime}, chunks))

    async def score(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._model(arguments, Model)
        text = arguments.text("text")
        arguments.end()
        return await self._answer(reading.score, model, text)

    async def classify(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._model(arguments, Classifier)
        text = arguments.text("text", most=CLASSIFY)
        arguments.end()
        return await self._answer(reading.classify, model, text)

    # -- what they share -----------------------------------------------------------

    async def _model(self, arguments: Arguments, kind: type[AnyModel]) -> tuple[str, AnyModel]:
        """The model that is named in the arguments, which has to be of this kind."""
        name, model = await self.calculating.run(self.models.get, arguments.text("model", None))
        if not isinstance(model, kind):
            what = "classifier" if isinstance(model, Classifier) else "language model"
            raise ApiError(400, f"{name} is a {what}, which does not do this")
        return name, model

    async def _answer(self, work: Callable[..., Any], *arguments: Any) -> Response:
        """The JSON of a result that is computed in a thread."""

        def whole() -> bytes:
            return encoding.dumps(work(*arguments))

        return Response(await self.calculating.run(whole), media_type="application/json")

    async def _written(self, start: dict[str, Any], chunks: Chunks) -> AsyncGenerator[bytes, None]:
        """The events of a sample stream."""
        with self.streams.take():
            yield encoding.event("start", start)
            started, symbols = time.monotonic(), 0

            def work() -> tuple[int, bytes, dict | None]:
                events = next(chunks)
                if events[0][0] == "done":
                    return 0, b"", events[0][1]
                written = sum(event == "symbol" for event, _ in events)
                return written, b"".join(encoding.event(*event) for event in events), None

            end = None
            while end is None:
                written, data, end = await self.writing.run(work)
                symbols += written
                if data:
                    yield data
                if end is None and time.monotonic() - started > SECONDS:
                    end = {"reason": "time"}
            seconds = time.monotonic() - started
            yield encoding.event("done", end | {"symbols": symbols, "seconds": seconds})


async def refused(request: Request, error: Exception) -> Response:
    """One sentence for whatever goes wrong."""
    if isinstance(error, ElmanError):
        error = from_elman(error)
    elif isinstance(error, HTTPException):
        allowed = (error.headers or {}).get("Allow", "another one")
        what = {404: "there is nothing at this address",
                405: f"this address has another method: {allowed}"}  # fmt: skip
        error = ApiError(error.status_code, what.get(error.status_code, error.detail))
    elif not isinstance(error, ApiError):
        error = ApiError(500, "the server failed at this request; its terminal shows where")
    return response(error)


async def gone(request: Request, error: Exception) -> Response:
    """The client left before its request was whole: nobody reads this."""
    return Response(status_code=400)


def make_app(models: Models, token: str, bound: str = "127.0.0.1") -> Starlette:
    """The application: the calls behind their guard."""
    api = Api(models, token)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        api.close()

    return Starlette(
        routes=api.routes(),
        middleware=[Middleware(Guard, bound, token)],
        exception_handlers={
            ApiError: refused, ElmanError: refused, HTTPException: refused,
            ClientDisconnect: gone, Exception: refused,
        },
        lifespan=lifespan,
    )  # fmt: skip


def read_task(arguments: Arguments, vocabulary_size: int) -> Task:
    """The arguments of `POST /api/sample`."""
    options = SamplingOptions(
        arguments.number("temperature", 1.0),
        arguments.integer("top_k", 0, 0, 10**9),
        arguments.number("top_p", 1.0),
        arguments.flag("greedy", False),
    )
    task = Task(
        prime=arguments.text("prime", ""),
        written=arguments.ids("written", vocabulary_size, LENGTH),
        length=arguments.integer("length", 200, 0, LENGTH),
        options=options,
        stop=arguments.text("stop", None),
        seed=arguments.integer("seed", 0, 0, 2**63),
    )
    arguments.end()
    return task


async def read_arguments(request: Request) -> Arguments:
    """The body, which may be neither too long nor too slow."""
    body = bytearray()
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY:
                    raise ApiError(413, f"the body is longer than {BODY:,} bytes")
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {BODY_SECONDS:g} seconds") from None
    return Arguments(bytes(body))
