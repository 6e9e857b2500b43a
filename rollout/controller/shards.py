"""Which replica acts for which objects: Leases that share them by namespace, shared evenly.

The first Lease says among how many the objects are shared, so that replicas of two minds, as while
a Deployment rolls out another number, do not act side by side for longer than a renewal. That
they may for a moment is no harm: each write is a compare-and-swap, and bears an epoch.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from rollout.controller import rights
from rollout.controller.leader import RENEW, Leader, number
from rollout.controller.ports import Leases
from rollout.controller.sharing import Mine, namespace_of, shard
from rollout.errors import RolloutError


@dataclass(slots=True)
class Shards:
    """``count`` Leases, of which this replica holds its share.

    ``changed``: told which shard we lead from now on, or no longer, and which objects those are.
    ``idle``: comes back once no look at these objects is under way, or has waited long enough.
    """

    kube: Leases
    namespace: str
    identity: str
    clock: Callable[[], datetime]
    changed: Callable[[Mine, bool], None]
    idle: Callable[[Mine], Awaitable[None]]
    count: int = 1
    leaders: tuple[Leader, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.leaders = tuple(map(self._leader, rights.leases(self.count), range(self.count)))

    def _leader(self, name: str, place: int) -> Leader:
        mine = partial(self._has, place)
        return Leader(
            self.kube,
            self.namespace,
            self.identity,
            self.clock,
            partial(self.changed, mine),
            name,
            self.count,
            self._agreed if place else lambda: True,
            partial(self._yields, place),
            partial(self.idle, mine),
        )

    def leads(self, namespace: str) -> bool:
        """Whether we may act for the objects of ``namespace`` at this very moment."""
        return self.leaders[shard(namespace, self.count)].leading

    @property
    def held(self) -> int:
        """For how many shards we may act now."""
        return sum(one.leading for one in self.leaders)

    def leaderless(self) -> str:
        """Why nobody acts for some objects, as far as we know; empty when all have somebody."""
        for one in self.leaders:
            if not (one.leading or one.following):
                what = "no replica leads" if self.count == 1 else f"no replica holds {one.name}"
                return f"{what}: {one.complaint or 'the lease is free'}"
        return ""

    async def run(self) -> None:
        """Takes and renews what is ours; ends only when cancelled."""
        async with asyncio.TaskGroup() as work:
            for one in self.leaders:
                work.create_task(one.run(), name=f"lease {one.name}")
            if self.count > 1:
                work.create_task(self._balance(), name="leases")

    async def release(self) -> None:
        """Somebody else may take over at once. Errors: as ``Leader.release``, once all were."""
        given = (one.release() for one in self.leaders)
        ended = await asyncio.gather(*given, return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _balance(self) -> None:
        """Whoever has two more than we is asked for one, again and again."""
        while True:
            await asyncio.sleep(RENEW)
            if (other := self._too_many()) is not None:
                with contextlib.suppress(RolloutError):  # somebody wrote first; asked anew
                    await other.wish()

    def _too_many(self) -> Leader | None:
        """A Lease of whoever holds most, if that is two more than we do; None: all is even."""
        holders = [one.holder for one in self.leaders]
        if not all(holders) or not self._agreed():
            return None
        most, many = Counter(holders).most_common(1)[0]
        if many < self.held + 2:
            return None
        return next(one for one in reversed(self.leaders) if one.holder == most)

    def _yields(self, place: int, wisher: str) -> bool:
        """Whether the Lease of that place, which is ours, is given to ``wisher``."""
        beside = [one for at, one in enumerate(self.leaders) if at != place]
        theirs = sum(one.holder == wisher for one in beside)
        return 1 + sum(one.leading for one in beside) >= theirs + 2

    def _agreed(self) -> bool:
        """Whether the first Lease says the number that we were told."""
        first = self.leaders[0].lease
        return first is not None and number(first) == self.count

    def _has(self, place: int, key: str) -> bool:
        return shard(namespace_of(key), self.count) == place
