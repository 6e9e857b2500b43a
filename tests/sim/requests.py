"""Istio's counters of requests, as Prometheus has them: who got how many, and how many were bad.

Requests divide as the proxies have it, which is later than the API's objects, and copies and
cohorts count, too. Nothing ticks: a counter is worked out for the instant that is asked for.
"""

from __future__ import annotations

import asyncio
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.model.observation import Reply, Series
from tests.controller.shop import NAMESPACE
from tests.make import START
from tests.sim import objects
from tests.sim.beyond import Past
from tests.sim.server import Commit, Json

if TYPE_CHECKING:
    from tests.sim.world import World

RATE = 400.0
"""Requests a second of each service."""
BEGAN = -7200.0
"""Seconds of the play in which stable began to be counted."""
TESTERS = 0.05
"""The share of all requests that a cohort of headers makes."""
SOUND, WORSE, BAD = 0.002, 0.008, 0.3
"""The share of bad requests of a sound revision, of one that is worse, of one that is broken."""
_NAMES = re.compile(r'destination_(?:workload|service)=~"([^"]*)"')


@dataclass
class Flow:
    """What one revision of a service gets and makes of it.

    ``share``: of the ordinary requests; ``copies``: of all of them on top, which only the server
    counts; ``bad``: the share of its answers that are bad.
    """

    share: Past = field(default_factory=Past)
    copies: Past = field(default_factory=Past)
    bad: Past = field(default_factory=Past)


@dataclass(eq=False)
class Counters:
    """Of every service whose rollout counts requests; ``rate``: how many come at all."""

    world: World
    flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    rate: dict[str, Past] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, subject in self.world.subjects:
            self.rate[name] = Past([-1e9, BEGAN], [0.0, RATE])
            for called in objects.REVISIONS:
                first = 1.0 if called == "v1" else 0.0
                flow = Flow(Past([-1e9], [first]), Past(), Past([-1e9], [SOUND]))
                self.flows[name, objects.revision(name, subject, called)] = flow
        self.world.server.listen.append(self._committed)
        self.world.numbers.counters = self.reply

    def lull(self, name: str, rate: float) -> None:
        self.rate[name].now(rate)

    def answers(self, name: str, share: float) -> None:
        """So many requests are bad of every revision but stable."""
        stable = self.world.stable(name)
        for (service, revision), flow in self.flows.items():
            if service == name and (share == SOUND or revision != stable):
                flow.bad.now(share)

    def share(self, name: str, revision: str) -> float:
        """Percent of ordinary requests that the proxies send there now."""
        return 100 * self.flows[name, revision].share.values[-1]

    def suspect(self, name: str, since: float) -> bool:
        """Whether any revision of it was worse than sound lately."""
        mine = [flow.bad for (service, _), flow in self.flows.items() if service == name]
        return any(max(past.lately(since)) > SOUND for past in mine)

    def hindered(self, name: str, since: float) -> bool:
        """Whether a gate that counts has reason to wait for more."""
        return self.quiet(name, since) or self.suspect(name, since)

    def quiet(self, name: str, since: float) -> bool:
        return min(self.rate[name].lately(since)) < RATE

    # What the proxies have

    def _committed(self, commit: Commit) -> None:
        if commit.new["metadata"].get("namespace") != NAMESPACE:
            return
        if commit.change.bucket in ("VirtualService", "DestinationRule"):
            delay = self.world.istiod.delay
        elif commit.change.bucket == "EndpointSlice":
            delay = 0.0
        else:
            return
        name = str(commit.new["metadata"]["name"]).removesuffix("-1")
        asyncio.get_running_loop().call_later(delay, self._taken, name)

    def _taken(self, name: str) -> None:
        if self.world.stopping:
            return
        if self.world.istiod.behind:
            asyncio.get_running_loop().call_later(1.0, self._taken, name)
            return
        vs = self.world.server.get("VirtualService", NAMESPACE, name) or {"spec": {}}
        shares = self._whole(name, self.world.laws.shares(vs, name))
        copies = dict(self._copies(name, vs))
        for (service, revision), flow in self.flows.items():
            if service == name:
                flow.share.now(shares.get(revision, 0) / 100)
                flow.copies.now(copies.get(revision, 0.0))

    def _whole(self, name: str, shares: Mapping[str, int]) -> Mapping[str, float]:
        """``shares``, with what goes to the whole service divided by its ready pods."""
        if not shares:
            shares = {"": 100}
        ready = {rev: self._ready(name, rev).values[-1] for svc, rev in self.flows if svc == name}
        every = sum(ready.values()) or 1
        spread = shares.get("", 0) / every
        return {rev: shares.get(rev, 0) + spread * pods for rev, pods in ready.items()}

    def _copies(self, name: str, vs: Json) -> Iterator[tuple[str, float]]:
        rule = self.world.server.get("DestinationRule", NAMESPACE, name) or {"spec": {}}
        means = {
            one["name"]: objects.means(one) for one in objects.written(rule).get("subsets") or ()
        }
        for route in objects.written(vs).get("http") or ():
            for mirror in (*(route.get("mirrors") or ()), *filter(None, [route.get("mirror")])):
                to = mirror.get("destination", mirror)
                percent = mirror.get("percentage") or route.get("mirrorPercentage") or {}
                yield means.get(to.get("subset", ""), ""), percent.get("value", 100) / 100
            if str(route.get("name", "")).startswith("rollout-"):
                for dest in route.get("route") or ():
                    yield means.get(dest["destination"].get("subset", ""), ""), TESTERS

    # What is counted

    def reply(self, promql: str, instants: Sequence[datetime]) -> Reply:
        """The answer to one of the queries of ``rollout/analysis/query.py``."""
        found = _NAMES.search(promql)
        names = found[1].replace("\\\\", "").replace("\\", "").split("|") if found else []
        if "destination_service=" in promql:
            return Reply(tuple(s for host in names for s in self._of_service(host, instants)))
        copies = 'reporter="destination"' in promql
        # Counters are summed by the labels that tell them apart: one more label makes no other sum.
        if self.world.numbers.trouble in ("", "slow", "two series"):
            self._read(promql, names, _seconds(instants[-1]))
        at = {f"{name}-{revision}": (name, revision) for name, revision in self.flows}
        known = [(one, *at[one]) for one in names if one in at]
        return Reply(tuple(s for one in known for s in self._of(*one, instants, copies=copies)))

    def _read(self, promql: str, names: Sequence[str], newest: float) -> None:
        """Whose requests were told up to when; shares alone are asked of the server."""
        read = self.world.numbers.read
        for name, revision in self.flows:
            if f"{name}-{revision}" in names and self.rate.get(name):
                read[name] = max(newest, read.get(name, 0.0))

    def _of(
        self, workload: str, name: str, revision: str, instants: Sequence[datetime], *, copies: bool
    ) -> Iterator[Series]:
        """What a revision's pod has counted; one that is not there tells nothing."""
        ready = self._ready(name, revision)
        there = [at for at in instants if ready.at(_seconds(at))]
        whose = {"destination_workload": workload, "destination_workload_namespace": NAMESPACE}
        counted = Sum(self.rate[name], self.flows[name, revision], ready, copies)
        yield from _series(counted, there, f"{workload}-h-0", whose)

    def _of_service(self, host: str, instants: Sequence[datetime]) -> Iterator[Series]:
        """All requests to a service, and those whose revision has no pods."""
        name = host.partition(".")[0]
        if name in self.rate:
            whole = Flow(Past([-1e9], [1.0]), Past(), self._unreached(name))
            counted = Sum(self.rate[name], whole, Past([-1e9], [1.0]), copies=False)
            whose = {"destination_service": host}
            yield from _series(counted, instants, f"{name}-clients", whose)

    def _unreached(self, name: str) -> Past:
        """The share of requests that find no endpoint, ever since."""
        mine = [
            (flow.share, self._ready(service, revision))
            for (service, revision), flow in self.flows.items()
            if service == name
        ]
        times = sorted({at for pair in mine for past in pair for at in past.times})
        dead = [sum(share.at(t) for share, ready in mine if not ready.at(t)) for t in times]
        return Past(times, dead)

    def _ready(self, name: str, revision: str) -> Past:
        """Its ready pods ever since; the first revision's were there before the play."""
        past = self.world.pods.ready.get((name, revision)) or Past()
        first = objects.revision(name, dict(self.world.subjects)[name], "v1")
        before = 1.0 if revision == first else 0.0
        return Past([-1e9, *past.times[1:]], [before, *past.values[1:]])


@dataclass
class Sum:
    """A counter: how much there was of ``flow`` up to any moment, while pods were ``ready``."""

    rate: Past
    flow: Flow
    ready: Past
    copies: bool

    def __post_init__(self) -> None:
        pasts = (self.rate, self.flow.share, self.flow.copies, self.flow.bad, self.ready)
        times = {t for past in pasts for t in past.times if t > BEGAN}
        self.times, self.sums = [BEGAN, *sorted(times)], [(0.0, 0.0)]
        for before, at in zip(self.times, self.times[1:], strict=False):
            self.sums.append(self._on(before, at))

    def at(self, when: float) -> tuple[int, int]:
        """All requests until then, and the bad ones."""
        place = bisect_right(self.times, when) - 1
        if place < 0:
            return 0, 0
        every, bad = self._on(self.times[place], when, place)
        return int(every), int(bad)

    def _on(self, since: float, until: float, place: int = -1) -> tuple[float, float]:
        share = self.flow.share.at(since) + (self.flow.copies.at(since) if self.copies else 0.0)
        if not self.ready.at(since):
            share = 0.0
        more = self.rate.at(since) * share * (until - since)
        every, bad = self.sums[place]
        return every + more, bad + more * self.flow.bad.at(since)


def _series(
    counted: Sum, instants: Sequence[datetime], pod: str, whose: Mapping[str, str]
) -> Iterator[Series]:
    """The parts of the union; what was never counted has no series yet."""
    labels = {"pod": pod, "instance": f"{pod}:15020"}
    sums = [(at, *counted.at(_seconds(at))) for at in instants]
    for part, points in (
        ("total", [(at, float(every)) for at, every, _ in sums if every]),
        ("bad", [(at, float(bad)) for at, _, bad in sums if bad]),
    ):
        if points:
            yield Series({**labels, **whose, "rollout_part": part}, tuple(points))
    seen = [(at, at.timestamp() - 1) for at, every, _ in sums if every]
    if seen:
        yield Series({**labels, "rollout_part": "seen"}, tuple(seen))


def _seconds(at: datetime) -> float:
    return (at - START).total_seconds()
