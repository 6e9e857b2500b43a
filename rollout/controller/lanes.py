"""Who goes first: a few looks think at a time, many write, and taking weight away never queues."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field

THINKING = 2  # looks that think between two turns of the event loop: some 5 ms of one core
WRITING = 64  # ordinary writers at once; the API server's own queue is no better place to wait
TELLING = 4  # of those that only tell: a thousand began together, and are refreshed together
PATIENCE = 5.0  # seconds that one of these waits for its turn; then the API server is what is slow


@dataclass(frozen=True, slots=True)
class _Turn:
    """A place that is given back with the event loop's next turn."""

    lane: asyncio.Semaphore

    async def __aenter__(self) -> None:
        await self.lane.acquire()

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().call_soon(self.lane.release)


@dataclass(slots=True)
class Lanes:
    """Narrow places that every look passes."""

    _thinking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THINKING))
    _telling: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TELLING))
    _writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WRITING))

    def thinking(self) -> AbstractAsyncContextManager[None]:
        """Within it nothing waits, and the place is free again in the event loop's next turn.

        Not at once: a thousand looks at one instant would all think within one turn, and what a
        verdict wants written would stand behind them all.
        """
        return _Turn(self._thinking)

    def writing(self, urgent: bool) -> AbstractAsyncContextManager[None]:
        """Within it objects are written; ``urgent`` does not wait for those that are not."""
        return nullcontext() if urgent else self._writing

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
                await lane.acquire()
        except TimeoutError:
            lane = self._writing
            await lane.acquire()
        try:
            yield
        finally:
            lane.release()
