"""When a controller is killed: at random moments, some of them in the middle of a write."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self

from tests.lab.survival.arena import Arena


@dataclass
class Killer:
    """Kills ``kills`` times, each time starts another, and can tell when it did.

    ``longest``: seconds from a start to the next kill, at most.
    Half of the moments are a time, drawn evenly; the others are a commit of the controller's, drawn
    evenly from its next four: the answer has not left the API server when the process dies.
    """

    arena: Arena
    seed: int
    kills: int
    longest: float = 5.0
    moments: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[Self]:
        """Kills until the end of the block, or until all kills are done."""
        task = asyncio.create_task(self._work())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.arena.commits.on_commit = lambda _: None
            if self.arena.child is None or self.arena.child.ended:
                await self.arena.start()

    def told(self) -> str:
        """What was done and what it cost, for whoever runs it."""
        recovered = [f"{each:.2f}" for each in self.arena.recoveries[1:]]
        return (
            f"seed {self.seed}: killed {len(self.moments)} times: {'; '.join(self.moments)}\n"
            f"from start to first decision: {', '.join(recovered)} s; "
            f"routes behind the status for at most {self.arena.commits.wrong_for:.2f} s; "
            f"shares {[dict(shares) for _, shares in self.arena.commits.shares]}"
        )

    async def _work(self) -> None:
        chance = random.Random(self.seed)
        while len(self.moments) < self.kills:
            by_time, number = chance.random() < 0.5, chance.randint(1, 4)
            wait = chance.uniform(0.2, self.longest)
            if by_time:
                await asyncio.sleep(wait)
                moment = f"{wait:.2f} s after the last start"
            else:
                moment = f"at its commit {number}, of {await self._commit(number)}"
            self.moments.append(f"{moment}, {self.arena.status.get('stage')}")
            await self.arena.kill()
            await self.arena.start()

    async def _commit(self, number: int) -> str:
        """The ``number``-th commit from now has been made, and the controller died of it."""
        seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        left = number

        def count(bucket: str) -> None:
            nonlocal left
            left -= 1
            if left == 0 and not seen.done():
                self.arena.strike()
                seen.set_result(bucket.partition(".")[0])

        self.arena.commits.on_commit = count
        return await seen
