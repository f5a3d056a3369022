"""The connection under HTTP: uvicorn's, which also gives up a client that stands still."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 30.0  # seconds


class Connection(H11Protocol):
    """Dropped when for so long it asks for nothing, or takes nothing of what was sent.

    uvicorn ends a connection that is silent after an answer. It waits without end for a
    first request, for the rest of one that has begun, and for a client that stops reading:
    each holds a place, and the last an answer in memory or a stream.
    """

    _asking: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request(None)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._asking, self._taking):
            if timer is not None:
                timer.cancel()

    def _await_request(self, last: Any) -> None:
        self._asking = self.loop.call_later(PATIENCE, self._look_for_request, last)

    def _look_for_request(self, last: Any) -> None:
        """Go on if there was one after `last`, or if that is still being answered."""
        if self.cycle is last and (last is None or last.response_complete):
            self.transport.abort()
        else:
            self._await_request(self.cycle)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._taking is not None:
            self._taking.cancel()

    def _await_reading(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(PATIENCE, self._look_for_reading, left)

    def _look_for_reading(self, left: int) -> None:
        """Go on if any of what was left has been taken: slow is not gone."""
        if self.transport.get_write_buffer_size() >= left:
            self.transport.abort()
        else:
            self._await_reading()
