"""Who goes first: a few looks think at a time, many write, and taking weight away never queues."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

THINKING = 4  # decisions between two turns of the event loop: some 10 ms of one core
WRITING = 64  # ordinary writers at once; the API server's own queue is no better place to wait


@dataclass(slots=True)
class Lanes:
    """Two narrow places that every look passes."""

    _thinking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(THINKING))
    _writing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(WRITING))

    @asynccontextmanager
    async def thinking(self) -> AsyncIterator[None]:
        """Within it nothing waits for the outside, so that it is soon free again."""
        async with self._thinking:
            yield

    @asynccontextmanager
    async def writing(self, urgent: bool) -> AsyncIterator[None]:
        """Within it objects are written; ``urgent`` does not wait for those that are not."""
        if urgent:
            yield
            return
        async with self._writing:
            yield
