"""Who may talk to far sides now: the slow wait for each other, and never in the others' way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

FAST, SLOW = 4, 8
PATIENCE = timedelta(seconds=10)  # a poll takes a second or less, a first clone maybe more


@dataclass
class FetchLanes:
    """Two queues. What is not done within ``patience`` goes on in the slow one.

    ``slow``: what was slow the last time, and waits there from the start. However many far sides
    hang, one that answers waits for them a few times ``patience`` once, and then no more.
    """

    patience: timedelta = PATIENCE
    slow: set[str] = field(default_factory=set)
    _fast_lane: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FAST))
    _slow_lane: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SLOW))

    async def run(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """What ``work`` gives; ``key``: who it is for.

        Where the slow lane is full, work that turns out slow is ended and begun anew there.
        """
        if key not in self.slow:
            done, answer = await self._quickly(key, work)
            if done:
                return answer
        async with self._slow_lane:
            return await self._timed(key, work)

    async def _quickly(self, key: str, work: Callable[[], Awaitable[Any]]) -> tuple[bool, Any]:
        """Whether it was done, and what it gave."""
        lane = self._fast_lane
        await lane.acquire()
        task = asyncio.ensure_future(work())
        try:
            done, _ = await asyncio.wait({task}, timeout=self.patience.total_seconds())
            if not done:
                self.slow.add(key)
                if self._slow_lane.locked():
                    return False, None
                await self._slow_lane.acquire()
                lane.release()
                lane = self._slow_lane
            return True, await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            lane.release()

    async def _timed(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Whoever is quick here is not slow any more."""
        begun = asyncio.get_running_loop().time()
        try:
            return await work()
        finally:
            if asyncio.get_running_loop().time() - begun < self.patience.total_seconds():
                self.slow.discard(key)
