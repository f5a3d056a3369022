"""Who may call: this machine's own page and programs, not a page from elsewhere.

A page of another site can send requests to 127.0.0.1 too, and can give its own name our
address (DNS rebinding). The first carry a foreign `Origin`, the second a foreign `Host`.
"""

import ipaddress
import secrets
import socket

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import OURS, ApiError, response

TOKEN_HEADER = "X-Elman-Token"
LOCAL = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses foreign hosts and origins, and a POST without the token; adds the headers."""

    def __init__(self, app: ASGIApp, bound: str, token: str):
        self.app, self.bound, self.token = app, bound, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope["method"], Headers(scope=scope))
        except ApiError as error:
            await response(error)(scope, receive, send_with_headers)
            return
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:  # a mistake of ours: one sentence here, the rest to the terminal
            if not begun:
                await response(ApiError(500, OURS))(scope, receive, send_with_headers)
            raise

    def _check(self, method: str, headers: Headers) -> None:
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self._ours(host):
            raise ApiError(403, "the header Host names another server than this one")
        if any(origin.lower() != f"http://{host}".lower() for origin in headers.getlist("origin")):
            raise ApiError(403, "the header Origin names another site than this one")
        if method in ("GET", "HEAD"):
            return
        token = headers.get(TOKEN_HEADER, "").encode("utf-8", "surrogateescape")
        if not token:
            raise ApiError(401, f"the header {TOKEN_HEADER} is missing: the token that was shown "
                           "when the server started")  # fmt: skip
        if not secrets.compare_digest(token, self.token.encode()):
            raise ApiError(401, f"the token in {TOKEN_HEADER} is not that of this server; it "
                           "changes at every start, so reload the page")  # fmt: skip

    def _ours(self, host: str) -> bool:
        """Whether a Host header is one that leads here.

        A server for all addresses has many; but a name that was rebound is never an
        address in numbers.
        """
        name, port = host, ""
        if ":" in host and not host.endswith("]"):
            name, port = host.rsplit(":", 1)
        if port.strip("0123456789"):
            return False
        name = name.strip("[]").lower()
        if name in LOCAL or name == self.bound.lower():
            return True
        if self.bound not in ("0.0.0.0", "::"):
            return False
        if name == socket.gethostname().lower():
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True
