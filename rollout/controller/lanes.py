"""Who goes first: a few looks think at a time, many write, and taking weight away never queues."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

THINKING = 2  # looks that think between two turns of the event loop: some 5 ms of one core
WRITING = 64  # ordinary writers at once; the API server's own queue is no better place to wait


@dataclass(slots=True)
class Lanes:
    """Two narrow places that every look passes."""

    _thinking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THINKING))
    _writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WRITING))

    @asynccontextmanager
    async def thinking(self) -> AsyncIterator[None]:
        """Within it nothing waits, and the place is free again in the event loop's next turn.

        Not at once: a thousand looks at one instant would all think within one turn, and what a
        verdict wants written would stand behind them all.
        """
        await self._thinking.acquire()
        try:
            yield
        finally:
            asyncio.get_running_loop().call_soon(self._thinking.release)

    @asynccontextmanager
    async def writing(self, urgent: bool) -> AsyncIterator[None]:
        """Within it objects are written; ``urgent`` does not wait for those that are not."""
        if urgent:
            yield
            return
        async with self._writing:
            yield
