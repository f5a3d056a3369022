"""The calls of the interface: what `docs/http.md` describes, one function each."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ..inside import inspection
from ..nn.engine import available_cores
from ..store.modelfile import SavedModel
from ..tasks.classify.model import Classifier
from ..tasks.language.model import Model
from ..tasks.language.sampling import SamplingOptions
from ..tasks.tag.model import Tagger
from . import encoding, inside, numbers, reading
from .arguments import BODY, REQUIRED, TEXT, Arguments, read_arguments, shown
from .describe import describe
from .errors import ApiError
from .live import Live
from .models import Models
from .steering import Steering
from .streams import EventStream, Slots, Workers
from .writing import Chunks, Task, prime_ids, write

M = TypeVar("M", bound=SavedModel)

STATIC = Path(__file__).parent / "static"
TOKEN = 'name="elman-token" content=""'
LENGTH = 20_000  # symbols that one call writes
BEAM, BEAM_LENGTH = 16, 2_000  # a search comes at its end, not in chunks
SECONDS = 120.0  # that one call writes
STREAMS = 64
WAITING = 16  # calculations in the queue
LOOK = 0.25  # seconds between two looks whether a waiting client is still there
CLASSIFY = 500  # characters: the network reads every prefix
TAG = 4_000  # characters: the likeliest labels of each are sent
STATES = 4_000  # characters: a number for each and every unit is sent
STEPS = 2_000  # characters
PATTERN = 200  # characters of a regular expression
LIMITS = {
    "text": TEXT, "states": STATES, "classify": CLASSIFY, "tag": TAG, "steps": STEPS,
    "length": LENGTH, "beam": BEAM, "beam_length": BEAM_LENGTH, "body": BODY,
    "corpus": inside.CORPUS,
}  # fmt: skip


class Api:
    """The calls, over the models of one server."""

    def __init__(self, models: Models | Live, token: str, steering: Steering):
        self.models, self.token, self.steering = models, token, steering
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
            post("tag", self.tag),
            post("states", self.states),
            post("unit", self.unit),
            post("similar", self.similar),
            post("following", self.following),
            post("steps", self.steps),
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
        given = request.query_params.multi_items()
        if any(name != "model" for name, _ in given) or len(given) > 1:
            raise ApiError(400, "this address has one argument: model, the name of one")
        chosen = given[0][1] if given else None

        def work() -> bytes:
            name, model = self.models.get(chosen)
            return encoding.dumps({"models": self.models.names(), "limits": LIMITS,
                    "kinds": self.models.kinds(),
                    "training": self.steering.state(), "starts": self.steering.starts,
                    "model": describe(name, model, isinstance(self.models, Live))})  # fmt: skip

        # Not behind the calculations: whoever opens the page gets it at once.
        return Response(await asyncio.to_thread(work), media_type="application/json")

    async def sample(self, request: Request) -> ASGIApp:
        arguments = await read_arguments(request)
        name, model = await self._model(arguments, Model)
        silent = read_silent(arguments, model)
        task = read_task(arguments, len(model.vocabulary))
        if silent is not None:
            model = await asyncio.to_thread(inspection.silenced, model, *silent)
        chunks = write(model, task)
        if not self.streams.free:
            raise self.streams.refusal
        start = {"model": name, "prime": task.prime, "ids": prime_ids(model, task.prime).tolist()}
        return EventStream(self._written(start, chunks))

    async def score(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._model(arguments, Model)
        text = arguments.text("text")
        arguments.end()
        return await self._answer(request, reading.score, model, text)

    async def classify(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._model(arguments, Classifier)
        text = arguments.text("text", most=CLASSIFY)
        arguments.end()
        return await self._answer(request, reading.classify, model, text)

    async def tag(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._model(arguments, Tagger)
        text = arguments.text("text", most=TAG)
        arguments.end()
        return await self._answer(request, reading.tag, model, text)

    async def states(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._network(arguments)
        text = read_text(arguments, model, "text", STATES)
        part = read_part(arguments, model)
        arguments.end()
        return await self._answer(request, inside.states, model, text, *part)

    async def unit(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._network(arguments)
        units = inspection.network_of(model).config.hidden_size
        part = read_part(arguments, model)
        unit = arguments.integer("unit", REQUIRED, 0, units - 1)
        sign = arguments.integer("sign", 1, -1, 1)
        if sign == 0:
            raise ApiError(400, "sign must be 1 or -1, not 0")
        corpus = read_text(arguments, model, "corpus", inside.CORPUS, None)
        arguments.end()
        return await self._answer(request, inside.unit, model, *part, unit, sign, corpus)

    async def similar(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._network(arguments)
        text = read_text(arguments, model, "text", STATES)
        selection = tuple(arguments.integer(n, REQUIRED, 0, STATES) for n in ("start", "end"))
        part = read_part(arguments, model)
        threshold = arguments.number("threshold", 0.3)
        if not threshold > 0:
            raise ApiError(400, f"threshold must be above 0, not {threshold:g}")
        contrast = arguments.flag("contrast", False)
        corpus = read_text(arguments, model, "corpus", inside.CORPUS, None)
        arguments.end()
        return await self._answer(
            request, inside.similar, model, text, selection, *part, threshold, contrast, corpus
        )

    async def following(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._network(arguments)
        part = read_part(arguments, model)
        pattern = arguments.text("pattern", most=PATTERN)
        corpus = read_text(arguments, model, "corpus", inside.CORPUS, None)
        arguments.end()
        return await self._answer(request, inside.following, model, *part, pattern, corpus)

    async def steps(self, request: Request) -> Response:
        arguments = await read_arguments(request)
        _, model = await self._network(arguments)
        text = read_text(arguments, model, "text", STEPS)
        start = arguments.integer("from", 0, 0, STEPS)
        count = arguments.integer("steps", 5, 1, numbers.STEPS)
        most = arguments.integer("units", 16, 1, numbers.MOST)
        change = numbers.Change(
            arguments.flag("untrained", False),
            arguments.number("rate", 0.1),
            arguments.integer("updates", 0, 0, numbers.UPDATES),
        )
        arguments.end()
        return await self._answer(request, numbers.steps, model, text, start, count, most, change)

    # -- what they share -----------------------------------------------------------

    async def _model(self, arguments: Arguments, kind: type[M]) -> tuple[str, M]:
        """The model that is named in the arguments, which has to be of this kind."""
        name, model = await asyncio.to_thread(self.models.get, arguments.text("model", None))
        if not isinstance(model, kind):
            raise ApiError(400, f"{name} is {model.NOUN}, which does not do this")
        return name, model

    async def _network(self, arguments: Arguments) -> tuple[str, SavedModel]:
        """The model that is named in the arguments, which has to have an inside."""
        name, model = await asyncio.to_thread(self.models.get, arguments.text("model", None))
        inspection.network_of(model)
        return name, model

    async def _answer(
        self, request: Request, work: Callable[..., Any], *arguments: Any
    ) -> Response:
        """The JSON of a result that is computed in a thread, unless its client goes before."""

        def whole() -> bytes:
            return encoding.dumps(work(*arguments))

        result = asyncio.ensure_future(self.calculating.run(whole))
        try:
            while not (await asyncio.wait([result], timeout=LOOK))[0]:
                if await request.is_disconnected():
                    raise ClientDisconnect
            return Response(result.result(), media_type="application/json")
        finally:
            result.cancel()  # what has not begun yet never will

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


def read_task(arguments: Arguments, vocabulary_size: int) -> Task:
    """The arguments of `POST /api/sample`."""
    beam = arguments.integer("beam", 0, 0, BEAM)
    drawn = [name for name in ("temperature", "top_k", "top_p", "greedy") if arguments.has(name)]
    if beam and drawn:
        raise ApiError(400, f"beam draws nothing: leave out {drawn[0]}, or beam")
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
        beam=beam,
        stop=arguments.text("stop", None),
        seed=arguments.integer("seed", 0, 0, 2**63),
    )
    arguments.end()
    if task.beam and task.length > BEAM_LENGTH:
        raise ApiError(400, f"with beam the length is {BEAM_LENGTH:,} at most")
    return task


def read_silent(arguments: Arguments, model: Model) -> tuple[int, int] | None:
    """The layer and the unit that is held at zero, if one is."""
    if not arguments.has("silent_unit"):
        return None
    config = inspection.network_of(model).config
    layer = arguments.integer("silent_layer", 0, 0, config.num_layers - 1)
    return layer, arguments.integer("silent_unit", REQUIRED, 0, config.hidden_size - 1)


def read_text(
    arguments: Arguments, model: SavedModel, name: str, most: int, default: Any = REQUIRED
) -> Any:
    """A text, or of a language model its ids: `NAME_ids` in place of `NAME`."""
    if isinstance(model, Model) and arguments.has(f"{name}_ids"):
        if arguments.has(name):
            raise ApiError(400, f"give {name} or {name}_ids, not both")
        return np.array(arguments.ids(f"{name}_ids", len(model.vocabulary), most), np.int32)
    return arguments.text(name, default, most)


def read_part(arguments: Arguments, model: SavedModel) -> tuple[int, str]:
    """Which layer and which of its parts `states`, `unit` and `similar` look at."""
    layers = inspection.network_of(model).config.num_layers
    layer = arguments.integer("layer", 0, 0, layers - 1)
    part = arguments.text("part", "hidden")
    known = inspection.parts_of(model)
    if part not in known:
        raise ApiError(400, f"part must be one of {', '.join(known)}, not {shown(part)}")
    return layer, part
