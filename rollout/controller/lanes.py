"""Who goes first: a few looks think at a time, many write, and taking weight away never queues.

While weight is taken away nobody else begins to think, nor to tell: it needs some turns of the
event loop, which are short then.  No more than a tenth of the time goes for it, so that where a
thousand are taken back at once these do not stand behind one another.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

THINKING = 2  # looks that think between two turns of the event loop: some 5 ms of one core
WRITING = 64  # ordinary writers at once; the API server's own queue is no better place to wait
TELLING = 4  # of those that only tell: a thousand began together, and are refreshed together
GIVES_WAY = 0.25  # seconds in which whoever is not urgent gives way to those who are
GIVEN_AGAIN = 2.5  # seconds from the beginning of one such time to that of the next
PATIENCE = 5.0  # seconds that one of these waits for its turn; then the API server is what is slow


@dataclass(slots=True)
class _Urgent:
    """How many take weight away now; others give way to them from ``since`` on."""

    count: int = 0
    since: float = -math.inf
    none: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> None:
        now = _now()
        if now - self.since >= GIVEN_AGAIN:
            self.since = now
        self.count += 1
        self.none.clear()

    async def __aexit__(self, *_: object) -> None:
        self.count -= 1
        if not self.count:
            self.none.set()

    async def passed(self, lane: asyncio.Semaphore) -> None:
        """A place in ``lane`` is taken, and nobody is to be given way to."""
        await lane.acquire()
        while self.count and (left := self.since + GIVES_WAY - _now()) > 0:
            lane.release()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self.none.wait()
            await lane.acquire()


@dataclass(frozen=True, slots=True)
class _Turn:
    """A place that is given back with the event loop's next turn."""

    lane: asyncio.Semaphore
    urgent: _Urgent

    async def __aenter__(self) -> None:
        await self.urgent.passed(self.lane)

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().call_soon(self.lane.release)


@dataclass(slots=True)
class Lanes:
    """Narrow places that every look passes."""

    _thinking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THINKING))
    _telling: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TELLING))
    _writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WRITING))
    _urgent: _Urgent = field(default_factory=_Urgent)

    def thinking(self, urgent: bool) -> AbstractAsyncContextManager[None]:
        """Within it nothing waits, and the place is free again in the event loop's next turn.

        Not at once: a thousand looks at one instant would all think within one turn, and what a
        verdict wants written would stand behind them all.  ``urgent`` stands behind nobody.
        """
        return nullcontext() if urgent else _Turn(self._thinking, self._urgent)

    def writing(self, urgent: bool) -> AbstractAsyncContextManager[None]:
        """Within it objects are written; ``urgent`` does not wait for those that are not."""
        return self._urgent if urgent else self._writing

    @property
    def crowded(self) -> bool:
        """Whether those that only tell have to wait now."""
        return self._telling.locked()

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[None]:
        """Within it a status is written that says only what was gathered, and moves nothing.

        So few that what moves somebody finds the API server, and ourselves, with time for it.
        """
        lane = self._telling
        try:
            async with asyncio.timeout(PATIENCE):
                await self._urgent.passed(lane)
        except TimeoutError:
            lane = self._writing
            await lane.acquire()
        try:
            yield
        finally:
            lane.release()


def _now() -> float:
    return asyncio.get_running_loop().time()
