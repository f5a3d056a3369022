"""The local page: a server of the models in a folder, or of a training in progress.

`docs/http.md` is the contract between the server and the page in `static/`.
"""

from importlib.util import find_spec

from ..errors import ElmanError, install, lacks


def require(what: str) -> None:
    """Raise ElmanError if the packages of the extra `web` are not installed."""
    if not all(find_spec(name) for name in ("starlette", "uvicorn")):
        raise ElmanError(lacks(what, "starlette and uvicorn", install("web")))
