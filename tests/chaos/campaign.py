"""Many journeys side by side, again and again, under replicas that are struck dead.

The first time without strikes says how each scenario ends; under them it must end so.
"""

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from rollout.cli.manifests import rbac
from rollout.controller.sharing import shard
from tests.chaos import numbers
from tests.chaos.fleet import Fleet
from tests.chaos.journey import Journey, Newest
from tests.chaos.judge import Judge, Wrong
from tests.chaos.mishaps import ROLLOUTS, ROUTES, decided, unverified
from tests.chaos.nursery import nursery
from tests.chaos.plane import Commit, commits
from tests.chaos.scenarios import Scenario
from tests.chaos.striker import Strike, Striker
from tests.chaos.tap import Side, Tap, Write
from tests.chaos.world import world
from tests.cluster.conftest import Control, serving
from tests.realkube import RealKube

RULES = "/registry/networking.istio.io/destinationrules/"
End = tuple[str, list[str]]
"""A scenario's name, and how it ended."""
WRITTEN = 60.0  # seconds in which the last decisions are in the audit log


@dataclass(frozen=True, slots=True)
class Terms:
    """``replicas`` share so many ``shards``; ``pause``: seconds at most between two strikes.

    ``kills``: how many; the seed is for their moments.
    ``beside``: how many journeys at once.
    """

    seed: int
    kills: int
    replicas: int = 4
    shards: int = 3
    pause: float = 1.0
    beside: int = 14


@dataclass
class Played:
    """What became of all. ``clean``, ``ends``: of each scenario, as ``Journey.ends``.

    ``clean``: without kills; ``ends``: one for each time that it was played under them.
    ``broken``: laws, with the scenario. ``wrong``: each time that requests divided otherwise than
    decided. ``lost``, ``doubled``: decisions that no audit log has, or one has twice.
    """

    shards: int
    strikes: list[Strike] = field(default_factory=list)
    clean: dict[str, list[str]] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    wrong: Sequence[Wrong] = ()
    decisions: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    versions: int = 0

    def led_wrong(self, wrong: Wrong) -> float:
        """Seconds of ``wrong`` after which nobody was struck, and somebody led."""
        place, since = shard(wrong.scenario.space, self.shards), wrong.since
        for strike in self.strikes:
            if place in strike.led and strike.at < wrong.until:
                since = max(since, strike.again or wrong.until)
        return max(0.0, wrong.until - since)

    @property
    def otherwise(self) -> list[str]:
        """Journeys that did not end as they end without kills."""
        return [
            f"{name}: L3: it ended as {end}, and without kills as {self.clean[name]}"
            for name, end in self.ends
            if end != self.clean[name]
        ]


def played(
    folder: Path,
    scenarios: Sequence[Scenario],
    terms: Terms,
    known: Path | None = None,
) -> Played:
    """All ``scenarios`` again and again, until there were kills enough.

    ``folder``: for all that programs write. ``known``: a file with how they end without kills; if
    there is none, each is played so first, and it is written.
    """
    known = known or folder / "ends.json"
    made = Played(terms.shards, clean=json.loads(known.read_text()) if known.exists() else {})
    for real, audit in serving(folder):
        asyncio.run(_whole(made, (real, audit), scenarios, terms, folder, known))
    return made


async def _whole(
    made: Played,
    server: tuple[RealKube, Path],
    scenarios: Sequence[Scenario],
    terms: Terms,
    folder: Path,
    known: Path,
) -> None:
    async with world(*server, folder) as control, _stage(control, made, terms, folder) as stage:
        stage.bad.update({scenario.called: 0.0 for scenario in scenarios})
        if not made.clean:
            for name, end in await stage.once(scenarios, terms):
                made.clean[name] = end
            known.write_text(json.dumps(made.clean))
        await stage.struck(scenarios, terms)
        await stage.judged()


@dataclass
class _Stage:
    """A campaign under way. ``streams``: all versions of Rollouts and of routes, as etcd tells."""

    made: Played
    control: Control
    fleet: Fleet
    striker: Striker
    streams: Sequence[list[Commit]]
    newest: Newest
    bad: dict[str, float]
    foreign: set[int] = field(default_factory=set)
    journeys: list[Journey] = field(default_factory=list)

    async def once(self, scenarios: Sequence[Scenario], terms: Terms) -> list[End]:
        """How each ends."""
        ends: list[End] = []
        await self._all(iter(scenarios), terms, ends)
        return ends

    async def struck(self, scenarios: Sequence[Scenario], terms: Terms) -> None:
        """Replicas are struck until it is enough, and every journey that had begun is over."""
        async with asyncio.TaskGroup() as both:
            striking = both.create_task(self.striker.run(terms.pause))
            again = (
                replace(scenario, turn=turn)
                for turn in itertools.count(1)
                for scenario in scenarios
            )
            until = itertools.takewhile(lambda _: not striking.done(), again)
            both.create_task(self._all(until, terms, self.made.ends))

    async def _all(self, scenarios: Iterator[Scenario], terms: Terms, ends: list[End]) -> None:
        """One after the other, so many at once."""

        async def some() -> None:
            for scenario in scenarios:
                await self._goes(scenario, ends)

        async with asyncio.TaskGroup() as ways:
            for _ in range(terms.beside):
                ways.create_task(some())

    async def _goes(self, scenario: Scenario, ends: list[End]) -> None:
        journey = Journey(scenario, self.control, self.newest, self.bad, self.foreign)
        self.journeys.append(journey)
        self.bad[scenario.called] = 0.0
        try:
            await journey.begins()
            await journey.runs()
            ends.append((scenario.name, await journey.ends()))
            await journey.leaves()
        except (AssertionError, TimeoutError) as error:
            journey.home = True
            self.made.broken.append(f"{scenario.name}: L1: {error!r}")

    @property
    def under_way(self) -> int:
        return sum(journey.under_way for journey in self.journeys)

    async def judged(self) -> None:
        """How it ended, and which laws were broken on the way."""
        await self._written()
        made, judge = self.made, self._judge()
        judge.hear(*self.streams)
        judge.ended(asyncio.get_running_loop().time())
        made.strikes, made.wrong = self.striker.strikes, judge.wrong
        made.broken += judge.broken
        made.decisions, made.versions = len(judge.decided), sum(map(len, self.streams))
        counts = Counter(decided(self._logs()))
        made.lost = sorted(judge.decided - {*counts})
        made.doubled = sorted(each for each, count in counts.items() if count > 1)
        made.broken += [line async for line in unverified(self._logs())]

    async def _written(self) -> None:
        """The audit logs have had time to be whole."""
        judge = self._judge()
        judge.hear(self.streams[0])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WRITTEN):
                while not judge.decided <= {*decided(self._logs())}:
                    await asyncio.sleep(1)

    def _judge(self) -> Judge:
        return Judge({each.scenario.space: each.scenario for each in self.journeys}, self.foreign)

    def _logs(self) -> list[Path]:
        return sorted(self.fleet.audit.parent.glob("*.jsonl"))


@contextlib.asynccontextmanager
async def _stage(
    control: Control, made: Played, terms: Terms, folder: Path
) -> AsyncIterator[_Stage]:
    etcd, bad = control.real.etcd, {"nobody": 0.0}
    await control.granted(*rbac.manifests("", rbac.OWN))
    async with (
        numbers.told(folder, bad) as prometheus,
        commits(etcd, ROLLOUTS) as rollouts,
        commits(etcd, ROUTES) as routes,
        commits(etcd, RULES) as rules,
        _replicas(control, folder, terms, prometheus) as fleet,
    ):
        striker = Striker(fleet, Random(terms.seed), terms.kills)
        streams = (rollouts, routes, rules)
        stage = _Stage(made, control, fleet, striker, streams, Newest(rollouts), bad)
        striker.under_way = lambda: stage.under_way
        for name, pod in fleet.pods.items():
            _watched(pod.wire, striker, name)
        await fleet.settles()
        yield stage


def _watched(wire: object, striker: Striker, name: str) -> None:
    assert isinstance(wire, Tap)

    async def seen(write: Write, side: Side) -> bool:
        return await striker.seen(striker.fleet.pods[name], write, side)

    wire.seen = seen


@contextlib.asynccontextmanager
async def _replicas(
    control: Control, folder: Path, terms: Terms, prometheus: str
) -> AsyncIterator[Fleet]:
    """So many replicas, each on a wire on which its writes are seen."""
    (folder / "audit").mkdir()
    policy = folder / "policy.yaml"
    policy.write_text(json.dumps({"webhooks": [control.mesh]}))
    target = int(control.real.url.rpartition(":")[2])
    words = ("--policy", str(policy))
    async with contextlib.AsyncExitStack() as exits:
        born = await exits.enter_async_context(nursery(folder))
        made = Fleet(control, folder, terms.shards, prometheus, words, born)
        exits.push_async_callback(made.end)
        for place in range(terms.replicas):
            tap = Tap(target, tls=control.real.context())
            await made.add("abcdefgh"[place], await exits.enter_async_context(tap.running()))
        yield made
