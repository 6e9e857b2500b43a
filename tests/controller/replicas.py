"""Replicas that share the namespaces by Leases, each on a wire of its own to one API server."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout.controller.ports import Json
from rollout.controller.shards import Shards
from rollout.controller.sharing import Mine, shard
from rollout.errors import OutsideError
from tests import virtual
from tests.fakes import FakeKube

SPACE = "rollout-system"


def space(place: int, count: int) -> str:
    """A namespace of that shard."""
    return next(f"team-{n}" for n in range(1000) if shard(f"team-{n}", count) == place)


@dataclass
class Wire:
    """One replica's way to the API server.

    ``cut``: nothing comes through. ``waits``: seconds from the first to the second number that a
    request takes to come there, and its answer to come back. ``at_work``: not set while the
    process stands still: what it asked is answered, and the answer is read when it goes on.
    """

    kube: FakeKube
    cut: bool = False
    waits: tuple[float, float] = (0.005, 0.005)
    drawn: random.Random = field(default_factory=lambda: random.Random(0))
    at_work: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.at_work.set()

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        await self._there()
        lease = await self.kube.fetch(kind, namespace, name)
        await self._back()
        return lease

    async def create(self, obj: Json) -> Json:
        await self._there()
        made = await self.kube.create(obj)
        await self._back()
        return made

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        await self._there()
        lease = await self.kube.patch(kind, namespace, name, ops, subresource)
        await self._back()
        return lease

    async def _there(self) -> None:
        await self.at_work.wait()
        await self._passes()

    async def _back(self) -> None:
        await self._passes()
        await self.at_work.wait()

    async def _passes(self) -> None:
        await asyncio.sleep(self.drawn.uniform(*self.waits))
        if self.cut:
            raise OutsideError("no answer")


@dataclass
class Fleet:
    """Replicas by name, and what was ever wrong with how they lead."""

    kube: FakeKube = field(default_factory=FakeKube)
    replicas: dict[str, Shards] = field(default_factory=dict)
    wires: dict[str, Wire] = field(default_factory=dict)
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    told: list[bool] = field(default_factory=list)

    def start(self, *names: str, count: int, **wire: Any) -> None:
        for name in names:
            self.wires[name] = Wire(self.kube, **wire)
            made = self.replicas[name] = Shards(
                self.wires[name], SPACE, name, virtual.clock, self._changed, self._idle, count
            )
            self.tasks[name] = asyncio.create_task(made.run())

    async def kill(self, name: str) -> None:
        """As ``kill -9``: it renews nothing, and gives nothing back."""
        del self.replicas[name]
        task = self.tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def end(self, name: str) -> None:
        """As SIGTERM."""
        made = self.replicas[name]
        await self.kill(name)
        await made.release()

    async def stop(self) -> None:
        for name in [*self.tasks]:
            await self.kill(name)

    def leaders(self, namespace: str) -> list[str]:
        """Who acts for ``namespace`` now."""
        return [name for name, made in self.replicas.items() if made.leads(namespace)]

    def held(self) -> list[int]:
        return sorted(made.held for made in self.replicas.values())

    async def led(self, count: int) -> float:
        """Seconds until every shard of ``count`` has somebody."""
        began = virtual.passed()
        while not all(self.leaders(space(place, count)) for place in range(count)):
            await asyncio.sleep(0.05)
        return virtual.passed() - began

    async def watched(self, seconds: float, count: int) -> int:
        """The most that acted for one namespace at once in the next ``seconds``."""
        most, ends = 0, virtual.passed() + seconds
        while virtual.passed() < ends:
            spaces = [space(place, count) for place in range(count)]
            most = max(most, *(len(self.leaders(one)) for one in spaces))
            await asyncio.sleep(0.05)
        return most

    def _changed(self, _: Mine, leading: bool) -> None:
        self.told.append(leading)

    async def _idle(self, _: Mine) -> None:
        await asyncio.sleep(0.5)
