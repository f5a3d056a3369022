"""Errors of the interface: a status, and one sentence."""

import re

from starlette.responses import Response

from ..errors import ElmanError, ModelFileError
from .encoding import dumps

OURS = "the server failed at this request; its terminal shows where"


class ApiError(Exception):
    """A request that is refused; `str()` is the sentence for the client."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def from_elman(error: ElmanError) -> ApiError:
    """What the package refuses. An option at the start loses the dashes of the command line."""
    message = re.sub(r"^--([a-z-]+)", lambda match: match[1].replace("-", "_"), str(error))
    return ApiError(422 if isinstance(error, ModelFileError) else 400, message)


def body(error: ApiError) -> dict[str, object]:
    return {"error": {"status": error.status, "message": str(error)}}


def response(error: ApiError) -> Response:
    headers = {"Retry-After": "2"} if error.status == 503 else {}
    return Response(dumps(body(error)), error.status, headers, "application/json")
