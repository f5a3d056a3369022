"""The socket, and uvicorn on it."""

import secrets
import socket
import threading

import uvicorn

from ..errors import ElmanError
from .app import make_app
from .connection import Connection
from .guard import LOCAL
from .live import Live
from .models import Models

GRACE = 2  # seconds that open streams have when the server ends


class Server:
    """A server of models, or of a training, on a socket that is bound.

    Attributes
    ----------
    url : where its page is
    token : what a POST has to send
    """

    def __init__(self, models: Models | Live, host: str, listening: socket.socket):
        self.socket = listening
        self.token = secrets.token_urlsafe(24)
        self.open_to_others = host not in LOCAL
        self.url = f"http://{shown(host)}:{self.socket.getsockname()[1]}/"
        self._app = make_app(models, self.token, host)
        config = uvicorn.Config(
            self._app, http=Connection, log_level="error", access_log=False,
            ws="none", server_header=False, timeout_graceful_shutdown=GRACE, limit_concurrency=512,
        )  # fmt: skip
        self._uvicorn = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM, which are raised again at the end."""
        self._uvicorn.run(sockets=[self.socket])

    def start(self) -> None:
        """Serve in a thread of the background."""
        self._thread = threading.Thread(target=self.run, name="elman-server", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until what `start` began has ended."""
        while self._thread.is_alive():  # a join without end would not hear Ctrl-C everywhere
            self._thread.join(1)

    def stop(self) -> None:
        """End what `start` began; streams of events get the last of them."""
        self._app.state.steering.closed = True
        self._uvicorn.should_exit = True
        self._thread.join(2 * GRACE)


def shown(host: str) -> str:
    """A host as it stands in an address for the browser of this machine."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"
    return f"[{host}]" if ":" in host else host


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises ElmanError, and says what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(512)
    except socket.gaierror:
        raise ElmanError(f"there is no address {host!r} on this machine to serve on") from None
    except OSError as error:
        raise ElmanError(
            f"cannot serve on {host}, port {port}: {error.strerror}; "
            "--port names another one, and --port 0 takes one that is free"
        ) from None
    bound.set_inheritable(False)
    return bound
