"""The application: the calls behind their guard, and one sentence for whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ..errors import ElmanError
from .calls import Api
from .errors import ApiError, from_elman, response
from .guard import Guard
from .live import Live
from .models import Models
from .starting import Starter
from .steering import Steering


async def refused(request: Request, error: Exception) -> Response:
    """One sentence for whatever is refused."""
    if isinstance(error, ElmanError):
        error = from_elman(error)
    elif isinstance(error, HTTPException):
        allowed = (error.headers or {}).get("Allow", "another one")
        what = {404: "there is nothing at this address",
                405: f"this address has another method: {allowed}"}  # fmt: skip
        error = ApiError(error.status_code, what.get(error.status_code, error.detail))
    assert isinstance(error, ApiError)
    return response(error)


async def gone(request: Request, error: Exception) -> Response:
    """The client left before its request was whole: nobody reads this."""
    return Response(status_code=400)


def make_app(models: Models | Live, token: str, bound: str = "127.0.0.1") -> Starlette:
    """The application: the calls behind their guard. `state.steering` has those of a training."""
    if isinstance(models, Live):
        steering = Steering(models)
    else:
        steering = Steering(None, Starter(models, bound))
    api = Api(models, token, steering)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        api.close()
        await asyncio.to_thread(steering.close)

    app = Starlette(
        routes=[*api.routes(), *steering.routes()],
        middleware=[Middleware(Guard, bound, token)],
        exception_handlers={
            ApiError: refused, ElmanError: refused, HTTPException: refused, ClientDisconnect: gone,
        },
        lifespan=lifespan,
    )  # fmt: skip
    app.router.redirect_slashes = False  # an address is one, or is none
    app.state.steering = steering
    return app
