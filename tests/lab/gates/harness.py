"""The journeys' harness with a door before Prometheus, and what Prometheus itself has counted."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from rollout.analysis import grid
from rollout.cli.lab import up as lab
from rollout.lab.kube.client import DESTINATIONRULE, Object
from rollout.lab.load import Load
from rollout.lab.programs import processes
from rollout.lab.programs.processes import Child
from rollout.lab.world import World
from rollout.model.observation import View
from rollout.model.status import RolloutStatus, Stage, Verdict
from tests.lab.gates.door import Door
from tests.lab.journeys import harness
from tests.lab.journeys.shop import Shop, canary

INTERVAL = timedelta(seconds=1)
QUICK: Object = {"interval": "1s", "warmup": "1s"}
SIDES = re.compile(r"canary \S+ \((\d+)/(\d+)\) vs stable \S+ \((\d+)/(\d+)\)")


@dataclass(slots=True)
class Lab(harness.Lab):
    """The world, its controller, and the door through which that asks Prometheus."""

    door: Door

    async def restart(self) -> None:
        """The controller is killed, and another one takes over."""
        await self.controller.stop(0)
        self.controller = await controller(self.world, self.door)


async def controller(world: World, door: Door) -> Child:
    """The real one in a process of its own."""
    folder = world.kubeconfig.parent
    command = (
        *(sys.executable, "-m", "rollout", "--kubeconfig", world.kubeconfig, "run"),
        *("--prometheus", door.url, "--istiod", world.syncz_url),
        *("--cache", folder / "clones", "--policy", lab.local_policy(folder)),
    )
    return await processes.start("controller", command, log=folder / "controller.log")


@dataclass(slots=True)
class Gated(harness.Journey):
    """A journey whose gates are looked at."""

    lab: Lab

    @property
    def door(self) -> Door:
        return self.lab.door

    async def begin_judged(
        self, *objects: Object, steps: list[Object], analysis: Object | None = None, **spec: Any
    ) -> None:
        """The shop stands, with steps that are judged by ``analysis``."""
        judged = QUICK | (analysis or {})
        await self.begin(*objects, strategy=canary(*steps), analysis=judged, **spec)

    @asynccontextmanager
    async def visited(self, rate: float, seconds: float = 3) -> AsyncIterator[Load]:
        """People at the gateway, since a while already, so that stable has a history."""
        async with self.load(rate) as people:
            await asyncio.sleep(seconds)
            yield people

    async def pushed(self, revision: str) -> Callable[[], float]:
        """Its first step is confirmed; answers with a clock that says for how many seconds."""
        await self.push(revision)
        await self.at_step(0)
        clock = asyncio.get_running_loop().time
        began = clock()
        return lambda: clock() - began

    async def change_rule(self, patch: Object) -> None:
        """The DestinationRule is changed by its owner."""
        await self.patch(DESTINATIONRULE, patch)
        await self.world.pushed()

    async def withdrawn(self, revision: str = "v2", seconds: float = 900) -> RolloutStatus:
        """Sent back: the status at that moment, with the verdicts that led to it."""

        def back(status: RolloutStatus) -> bool:
            found = status.rejected
            return found is not None and found.revision.name == revision

        status = await self.until("sent back", back, seconds)
        await self.rejected(revision)
        return status

    async def passed(self, seconds: float = 400) -> RolloutStatus:
        """Every step has passed: the status when everyone is on the canary."""

        def on(status: RolloutStatus) -> bool:
            assert status.rejected is None, status.because
            assert status.stage.name is not Stage.WITHDRAWING, status.because
            return status.stage.split.canary == 100 or status.attempt.canary is None

        return await self.until("promoted", on, seconds)

    async def logged(self, text: str, seconds: float = 300) -> str:
        """The controller's line about this journey that has ``text`` in it.

        The status is refreshed once a minute only; the log says every change of mind.
        """
        file, found = self.world.kubeconfig.parent / "controller.log", list[str]()

        async def there() -> bool:
            lines = file.read_text(errors="replace").splitlines()
            found[:] = [line for line in lines if text in line and self.shop.namespace in line]
            return bool(found)

        await harness.until(f"logged {text!r}", there, seconds)
        return found[-1]

    def told(self, *statuses: RolloutStatus) -> str:
        """Everything said so far, for whoever runs the test."""
        verdicts = [f"   {v.outcome}: {v.text}" for s in statuses for v in s.attempt.verdicts]
        return "\n".join(["", *self.seen, *verdicts])

    async def confirm(
        self, verdict: Verdict, view: View = View.SOURCE, behind: timedelta = timedelta(0)
    ) -> None:
        """``verdict`` says what Prometheus itself has counted: nothing is lost, nothing is twice.

        Its first counters may be of the scrape before: where the machine is busy, the newest
        one has not landed yet when they are read. ``behind``: how late its last ones may be.
        """
        least = await self.counted(verdict, view, late=behind)
        most = await self.counted(verdict, view, early=INTERVAL)
        told = sides(verdict)
        print(f"told {told}, prometheus has counted {least}")
        assert all(a <= b <= c for a, b, c in zip(least, told, most, strict=True)), most

    async def counted(
        self,
        verdict: Verdict,
        view: View,
        early: timedelta = timedelta(0),
        late: timedelta = timedelta(0),
    ) -> tuple[int, ...]:
        """Bad and all requests of canary and stable, over the verdict's window.

        It begins ``early``; its last counters are ``late``.
        """
        assert verdict.since is not None
        assert verdict.until is not None
        first = grid.first(verdict.since, INTERVAL) - early
        found: list[int] = []
        for workload in ("shop-v2", "shop-v1"):
            for code in ("5..", ".*"):
                labels = (
                    f'reporter="{view.value}",destination_workload="{workload}",'
                    f'destination_workload_namespace="{self.shop.namespace}",'
                    f'response_code=~"{code}"'
                )
                promql = f"sum(istio_requests_total{{{labels}}})"
                ends = [await self._value(promql, at) for at in (first, verdict.until - late)]
                found.append(round(ends[1] - ends[0]))
        return tuple(found)

    async def _value(self, promql: str, at: datetime) -> float:
        url = f"{self.world.prometheus_url}/api/v1/query"
        params = {"query": promql, "time": str(at.timestamp())}
        async with aiohttp.ClientSession() as http, http.get(url, params=params) as answer:
            found = (await answer.json())["data"]["result"]
        return float(found[0]["value"][1]) if found else 0.0


def verdict(status: RolloutStatus, metric: str) -> Verdict:
    """The verdict of one metric."""
    return next(v for v in status.attempt.verdicts if v.metric == metric)


def sides(told: Verdict) -> tuple[int, ...]:
    """The counts in a verdict's text: bad and all, canary and stable."""
    found = SIDES.search(told.text)
    assert found is not None, told.text
    return tuple(map(int, found.groups()))


__all__ = ["Gated", "Lab", "Shop", "controller", "sides", "verdict"]
