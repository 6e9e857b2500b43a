"""Server-sent events: a reader gets what is newest when it is ready for it, and no queue grows.

Source: WHATWG, "HTML: Server-sent events".
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from rollout.messages.page.rows import stamp
from rollout.web.page.people import NO_STORE

MOST = 200  # readers at once; each is a browser's tab
STRANGERS = 150  # of them, who have not logged in; the rest is kept for who has
ONE = 100  # strangers from one address; behind a proxy all of them have one
TABS = 20  # readers of one session
BEAT = 10.0  # seconds without news after which a reader hears that we are alive
PATIENCE = 30.0  # seconds that a reader may take for one message
AGAIN = 1000  # milliseconds until a browser whose connection was lost asks again


News = Callable[[], str | None]
"""What this reader has not got yet, of now; empty: nothing. None: it may read no more."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Who reads: a session, by what tells it from others; of a stranger, by the address."""

    key: str
    stranger: bool


@dataclass(slots=True)
class Streams:
    """Those that are open. ``clock``: a reader's own may be minutes off, so it hears ours."""

    clock: Callable[[], datetime]
    _open: dict[asyncio.Task[object], Whose] = field(default_factory=dict)

    async def send(
        self,
        request: web.Request,
        whose: Whose,
        ticked: Callable[[], Awaitable[None]],
        news: News,
    ) -> web.StreamResponse:
        """Events until the reader goes, or ``news`` is None; 503 when too many read."""
        task = asyncio.current_task()
        if task is None or not self._has_room(whose):
            again = {"Retry-After": "5", **NO_STORE}
            return web.json_response({"problem": "too many readers"}, status=503, headers=again)
        self._open[task] = whose
        try:
            return await self._sent(request, ticked, news)
        finally:
            del self._open[task]

    def _has_room(self, whose: Whose) -> bool:
        every = list(self._open.values())
        if len(every) >= MOST:
            return False
        if not whose.stranger:
            return every.count(whose) < TABS
        return sum(one.stranger for one in every) < STRANGERS and every.count(whose) < ONE

    def drop(self) -> None:
        """Every reader is let go: no server waits for somebody who reads for ever."""
        for task in self._open:
            task.cancel()

    async def _sent(
        self, request: web.Request, ticked: Callable[[], Awaitable[None]], news: News
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        clock = asyncio.get_running_loop().time
        await _write(request, response, f"retry: {AGAIN}\n{self._beat()}")
        told = clock()
        while not _is_gone(request) and (text := news()) is not None:
            if text or clock() - told >= BEAT:
                await _write(request, response, f"data: {text}\n\n" if text else self._beat())
                told = clock()
            await ticked()
        return response

    def _beat(self) -> str:
        return f"event: beat\ndata: {stamp(self.clock())}\n\n"


_HEADERS = {
    "Content-Type": "text/event-stream",
    **NO_STORE,
    "X-Accel-Buffering": "no",
}


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _write(request: web.Request, response: web.StreamResponse, text: str) -> None:
    """Sent, or the reader is let go who takes nothing for so long."""
    try:
        async with asyncio.timeout(PATIENCE):
            await response.write(text.encode())
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("a reader took nothing") from None
