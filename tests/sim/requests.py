"""Istio's counters of requests, as Prometheus has them: who got how many, and how many were bad.

Requests divide as the proxies have it, which is later than the API's objects, and copies and
cohorts count, too. Nothing ticks: a counter is worked out for the instant that is asked for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rollout.analysis import buckets
from rollout.analysis.query import DURATIONS
from rollout.model.observation import Reply, Series
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim import objects
from tests.sim.beyond import Past
from tests.sim.measured import (
    BEGAN,
    BOUNDS,
    WAYS,
    Flow,
    Scraped,
    Scrapes,
    Sum,
    Way,
    seconds,
)
from tests.sim.server import Commit, Json

if TYPE_CHECKING:
    from tests.sim.plan import Mishap
    from tests.sim.world import World

RATE = 400.0
"""Requests a second of each service."""
TESTERS = 0.05
"""The share of all requests that a cohort of headers makes."""
WORSE, BAD = 0.008, 0.3
"""The share of bad requests of a revision that is worse, and of one that is broken."""
SLOW, INCIDENT = 4.0, 30.0
"""By how much longer a broken revision takes; for so many seconds it may be an incident."""
_CALLED = [buckets.name(timedelta(milliseconds=bound)) for bound in BOUNDS]
_OWN = "own_total"
_NAMES = re.compile(rf'(?:destination_(?:workload|service)=~|{_OWN}{{workload=)"([^"]*)"')
"""Whose counters are asked for: Istio's, or a team's own, which it says with the workload."""


@dataclass(eq=False)
class Counters:
    """Of every service whose rollout counts requests; ``rate``: how many come at all.

    ``scrapes``: what is wrong with the counters of a revision; ``behind``: by how many seconds
    those of a service are, ever since; ``lost``: the share of all requests to it that no endpoint
    gets, though all are ready.
    """

    world: World
    flows: dict[tuple[str, str], Flow] = field(default_factory=dict)
    rate: dict[str, Past] = field(default_factory=dict)
    scrapes: dict[tuple[str, str], Scrapes] = field(default_factory=dict)
    behind: dict[str, Past] = field(default_factory=dict)
    lost: dict[str, Past] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, subject in self.world.subjects:
            self.rate[name], self.behind[name] = Past([-1e9, BEGAN], [0.0, RATE]), Past()
            self.lost[name] = Past()
            self.ways[name] = way = WAYS[subject.measured]
            for called in objects.REVISIONS:
                first = 1.0 if called == "v1" else 0.0
                flow = Flow(Past([-1e9], [first]), Past(), Past([-1e9], [way.sound]))
                place = name, objects.revision(name, subject, called)
                self.flows[place], self.scrapes[place] = flow, Scrapes()
        self.world.server.listen.append(self._committed)
        self.world.numbers.counters = self.reply

    def of(self, world: World, mishap: Mishap) -> Scrapes:
        """The counters that a mishap is about."""
        name, _subject = world.subjects[mishap.who]
        return self.scrapes[name, world.named(name, mishap.on)]

    def lull(self, name: str, rate: float) -> None:
        self.rate[name].now(rate)

    def sound(self, name: str) -> None:
        """Everybody is as ever again."""
        for flow in self._flows(name):
            flow.bad.now(self.ways[name].sound)
            flow.slow.now(1.0)
        self.lost[name].now(0.0)

    def answers(self, name: str, share: float) -> None:
        """So many requests are bad of every revision but stable."""
        for flow in self._others(name):
            flow.bad.now(share)

    def slows(self, name: str, longer: float) -> None:
        """So many times as long takes every revision but stable."""
        for flow in self._others(name):
            flow.slow.now(longer)

    def trouble(self, name: str, share: float) -> None:
        """So many requests are bad of everybody."""
        for flow in self._flows(name):
            flow.bad.now(share)

    def loses(self, name: str, percent: float) -> None:
        """So many of all requests find no endpoint, as where a proxy has ejected them."""
        self.lost[name].now(percent / 100)

    def scraped(self, name: str) -> None:
        """Nothing is wrong any more with what is told."""
        self.behind[name].now(0.0)
        for (service, _), scrapes in self.scrapes.items():
            if service == name:
                scrapes.unseen.now(0.0)
                scrapes.unread.now(0.0)

    def _flows(self, name: str) -> list[Flow]:
        return [flow for (service, _), flow in self.flows.items() if service == name]

    def _others(self, name: str) -> list[Flow]:
        """Of every revision but stable."""
        stable = self.flows.get((name, self.world.stable(name)))
        return [flow for flow in self._flows(name) if flow is not stable]

    def truly(
        self, name: str, revision: str, outcome: str, when: tuple[float, float], *, copies: bool
    ) -> tuple[float, float]:
        """Bad requests and all that came to a revision between two seconds, by what is bad."""
        _, _, slow = outcome.partition(">")
        place = 2 + _CALLED.index(slow) if slow else 1
        bad, every, way = 0.0, 0.0, self.ways[name]
        for pod in range(way.pods):
            counted = self._counted(name, revision, pod, copies=copies, bounds=BOUNDS)
            before, after = (counted.at(at) for at in when)
            bad, every = bad + after[place] - before[place], every + after[0] - before[0]
        return bad, every

    def share(self, name: str, revision: str) -> float:
        """Percent of ordinary requests that the proxies send there now."""
        return 100 * self.flows[name, revision].share.values[-1]

    def suspect(self, name: str, since: float) -> bool:
        """Whether any revision of it was worse than sound lately, or all are bad anyhow."""
        sound = self.ways[name].sound
        if sound > WORSE or max(self.lost[name].lately(since)) > 0:
            return True
        return any(
            max(flow.bad.lately(since)) > sound or max(flow.slow.lately(since)) > 1
            for flow in self._flows(name)
        )

    def hindered(self, name: str, since: float) -> bool:
        """Whether a gate that counts has reason to wait for more."""
        quiet = self.quiet(name, since) or self.unclear(name, since)
        return quiet or self.suspect(name, since)

    def quiet(self, name: str, since: float) -> bool:
        return min(self.rate[name].lately(since)) < RATE

    def unclear(self, name: str, since: float) -> bool:
        """Whether anything was wrong with its counters lately, or stable's were not there yet."""
        if self.ways[name].began > since:
            return True
        mine = [one for (service, _), one in self.scrapes.items() if service == name]
        return max(self.behind[name].lately(since)) > 0 or any(
            one.last(virtual.passed()) > since
            or max(one.unseen.lately(since)) > 0
            or max(one.unread.lately(since)) > 0
            for one in mine
        )

    def unread(self, name: str, since: float) -> bool:
        """Whether failures of any of its pods were not told for a while since then."""
        mine = [one for (service, _), one in self.scrapes.items() if service == name]
        return any(max(one.unread.lately(since)) > 0 for one in mine)

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
        # Counters are summed by the labels that tell them apart: one more label makes no other sum.
        if self.world.numbers.trouble in ("", "slow", "two series"):
            self._read(promql, names, seconds(instants[-1]))
        at = {f"{name}-{revision}": (name, revision) for name, revision in self.flows}
        known = [at[one] for one in names if one in at]
        return Reply(tuple(s for place in known for s in self._of(promql, place, instants)))

    def _read(self, promql: str, names: Sequence[str], newest: float) -> None:
        """Whose requests were told up to when; shares alone are asked of the server."""
        read = self.world.numbers.read
        for name, revision in self.flows:
            if f"{name}-{revision}" in names and self.rate.get(name):
                read[name] = max(newest, read.get(name, 0.0))

    def _of(
        self, promql: str, place: tuple[str, str], instants: Sequence[datetime]
    ) -> Iterator[Series]:
        """What a revision's pods have counted; those that are not there tell nothing."""
        name, revision = place
        ready, way, workload = self._ready(*place), self.ways[name], f"{name}-{revision}"
        if 'reporter="source"' in promql and not way.clients:
            return
        there = [at for at in instants if ready.at(seconds(at))]
        whose = {"destination_workload": workload, "destination_workload_namespace": NAMESPACE}
        copies = 'reporter="destination"' in promql or _OWN in promql
        bounds = BOUNDS if DURATIONS in promql else ()
        for pod in range(way.pods):
            yield from Scraped(
                self._counted(*place, pod, copies=copies, bounds=bounds),
                self.scrapes[place],
                self.behind[name],
                f"{workload}-h-{pod}",
                whose,
                dated=_OWN not in promql,
            ).series(there)

    def _counted(
        self, name: str, revision: str, pod: int, *, copies: bool, bounds: tuple[int, ...]
    ) -> Sum:
        rate, flow, ready = self.rate[name], self.flows[name, revision], self._ready(name, revision)
        odd, began = self._before(name, revision, pod)
        return Sum(rate, flow, ready, copies, 1 / self.ways[name].pods, odd, began, bounds)

    def _before(self, name: str, revision: str, pod: int) -> tuple[Past, float]:
        """How odd a pod ever was, and since when it counts: stable's as it is said."""
        odd, way = Past([-1e9], [1.0]), self.ways[name]
        if revision != objects.revision(name, dict(self.world.subjects)[name], "v1"):
            return odd, BEGAN
        for one in way.odd:
            if one.pod == pod:
                odd.times += [one.since, one.until]
                odd.values += [one.times, 1.0]
        return odd, way.began

    def _of_service(self, host: str, instants: Sequence[datetime]) -> Iterator[Series]:
        """All requests to a service, and those whose revision has no pods."""
        name = host.partition(".")[0]
        if name in self.rate and self.ways[name].clients and self.ways[name].whole:
            whole = Flow(Past([-1e9], [1.0]), Past(), self._unreached(name))
            counted = Sum(self.rate[name], whole, Past([-1e9], [1.0]))
            whose = {"destination_service": host}
            yield from Scraped(
                counted, Scrapes(), self.behind[name], f"{name}-clients", whose
            ).series(instants)

    def _unreached(self, name: str) -> Past:
        """The share of requests that find no endpoint, ever since."""
        mine = [
            (flow.share, self._ready(service, revision))
            for (service, revision), flow in self.flows.items()
            if service == name
        ]
        lost = self.lost[name]
        pasts = (*(past for pair in mine for past in pair), lost)
        times = sorted({at for past in pasts for at in past.times})
        dead = [
            lost.at(t) + sum(share.at(t) for share, ready in mine if not ready.at(t)) for t in times
        ]
        return Past(times, dead)

    def _ready(self, name: str, revision: str) -> Past:
        """Its ready pods ever since; the first revision's were there before the play."""
        past = self.world.pods.ready.get((name, revision)) or Past()
        first = objects.revision(name, dict(self.world.subjects)[name], "v1")
        before = 1.0 if revision == first else 0.0
        return Past([-1e9, *past.times[1:]], [before, *past.values[1:]])
