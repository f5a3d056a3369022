"""A page in the browser, as the tests look at it."""

from __future__ import annotations

import time

PATIENCE = 90.0  # seconds: beside trainings on several ranks a page may wait long for its turn


class Look:
    """A browser page that is watched: `complaints` are the errors that its console shows.

    The policy of the page forbids `eval`, and with it Playwright's wait_for_function: `until`
    asks again and again instead.
    """

    def __init__(self, page, url: str):
        self.page, self.url = page, url
        self.complaints: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)

    def open(self, view: str = "", model: str = "") -> None:
        """Load the page at a view, and wait until it stands."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}#{view}{'/' + model if model else ''}")
        self.until("window.__elman?.ready")

    def state(self, expression: str):
        """What is at window.__elman.EXPRESSION."""
        return self.page.evaluate(f"window.__elman.{expression}")

    def until(self, expression: str, seconds: float = PATIENCE):
        """Wait for a JavaScript expression to be true; its value."""
        end = time.monotonic() + seconds
        while not (value := self.page.evaluate(expression)):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {expression}\n{self._found()}")
            self.page.wait_for_timeout(20)
        return value

    def _found(self) -> str:
        """What the page shows instead, for whoever reads a failure."""
        page = self.page.evaluate(
            "[location.hash, ...window.__elman?.errors ?? [],"
            " ...Object.entries(window.__elman?.views ?? {}).map(([name, { status, text }]) =>"
            " `${name}: ${status}, text ${JSON.stringify(text)}`)]"
        )
        return "\n".join([*page, *self.complaints])

    def _console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _dialog(self, dialog) -> None:
        self.complaints.append(f"a dialog opened: {dialog.message}")
        dialog.dismiss()
