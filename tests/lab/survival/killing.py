"""When a controller is killed: at a time, in the middle of a write, or between two of them."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.lab.survival.arena import Arena


@dataclass(frozen=True)
class After:
    """So many seconds after the last start."""

    seconds: float


@dataclass(frozen=True)
class Commit:
    """At the controller's commit of that number from now, before its answer has left."""

    number: int


@dataclass(frozen=True)
class Saved:
    """When the status first says ``stage`` and the canary's ``share``; its actions are not done."""

    stage: str
    share: int


Moment = After | Commit | Saved


def drawn(seed: int, kills: int, longest: float) -> list[Moment]:
    """Random moments, half of them times of up to ``longest`` seconds, half of them commits."""
    chance = random.Random(seed)
    moments: list[Moment] = []
    for _ in range(kills):
        if chance.random() < 0.5:
            moments.append(After(round(chance.uniform(0.2, longest), 2)))
        else:
            moments.append(Commit(chance.randint(1, 4)))
    return moments


@dataclass
class Killer:
    """Kills at each of ``moments`` in turn, and each time starts another controller."""

    arena: Arena
    moments: Sequence[Moment]
    done: list[str] = field(default_factory=list)

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
        recovered = ", ".join(f"{each:.2f}" for each in self.arena.recoveries[1:])
        commits = self.arena.commits
        return (
            f"killed {len(self.done)} times: {'; '.join(self.done)}\n"
            f"from start to first decision: {recovered} s; "
            f"routes behind the status for at most {commits.wrong_for:.2f} s; "
            f"shares {[dict(shares) for _, shares in commits.shares]}"
        )

    async def _work(self) -> None:
        for moment in self.moments:
            await self._comes(moment)
            self.done.append(f"{moment} in {self.arena.stage}")
            await self.arena.kill()
            await self.arena.start()

    async def _comes(self, moment: Moment) -> None:
        match moment:
            case After(seconds):
                await asyncio.sleep(seconds)
            case Commit(number):
                left = iter(range(number - 1, -1, -1))
                await self._struck(lambda: next(left) == 0)
            case Saved(stage, share):
                await self._struck(lambda: self._is(stage, share))

    def _is(self, stage: str, share: int) -> bool:
        if self.arena.stage != stage:
            return False
        return bool(self.arena.status["stage"]["split"]["canary"] == share)

    async def _struck(self, now: Callable[[], bool]) -> None:
        """A commit has been made at which ``now`` was true, and the controller died of it."""
        seen = asyncio.Event()

        def look(bucket: str) -> None:
            if not seen.is_set() and now():
                self.arena.strike()
                seen.set()

        self.arena.commits.on_commit = look
        await seen.wait()
