"""DNS in front of two clusters, the users behind it, and the counters of both gateways.

A weight in an object means nothing here: external-dns hears of it, name servers follow later, each
by itself, and resolvers keep what they were answered. Where users really are is what laws ask.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rollout.model.observation import Reply, Series
from rollout.model.switching import DnsQuestion, Probed, Served
from rollout.model.switchover import Probe, Side
from tests import virtual
from tests.make import START
from tests.sim.beyond import Past
from tests.sim.measured import BEGAN, SOUND, Flow, Sum

if TYPE_CHECKING:
    from tests.sim.server import Json

HOSTS = ("shop.example.com", "pay.example.com")
TARGETS = {Side.BLUE: "192.0.2.10", Side.GREEN: "198.51.100.10"}
SERVERS = ("ns1.example.org", "ns2.example.org")
RATE = 400.0
"""Requests a second of all users."""
TESTS = 0.02
"""Requests a second by which each gateway is tried, so that it is counted in the dark, too."""
FOLLOWS = {SERVERS[0]: 1.0, SERVERS[1]: 3.0}
"""Seconds in which each name server has what external-dns was told."""
COHORTS = 3
"""Resolvers ask again at as many moments within a TTL."""
WEIGHT = "aws/weight"
QUICK, SLOW = 0.01, 0.4
"""The share of requests that take longer than a tenth of a second, of a quick gateway and of one
that got slow."""
_BOUNDS = ("50", "100", "500")
_ASKED = re.compile(r'cluster=~"([^"]*)"')


def weights(objs: Sequence[Json], host: str = HOSTS[0]) -> dict[Side, int]:
    """The weights that the objects have of one host's records."""
    found: dict[Side, int] = {}
    for obj in objs:
        for entry in obj["spec"].get("endpoints") or ():
            side = entry.get("setIdentifier")
            if entry.get("dnsName") == host and side in ("blue", "green"):
                for one in entry.get("providerSpecific") or ():
                    if one.get("name") == WEIGHT and str(one.get("value")).isdigit():
                        found[Side(side)] = int(one["value"])
    return found


def share(found: Mapping[Side, int]) -> float:
    """Green's share of the answers; Route 53 takes weights that are all 0 for the same."""
    whole = sum(found.values())
    if not whole:
        return 0.5 if len(found) > 1 else float(Side.GREEN in found)
    return found.get(Side.GREEN, 0) / whole


@dataclass(eq=False)
class Zone:
    """The zone's name servers; ``stuck``: external-dns stands still. ``behind``: who follows no
    more. ``silent``: who does not answer. ``strange``: what all of them answer besides.

    ``told``: green's share that each has, ever since.
    """

    ttl: int
    moved: Any = lambda: None
    stuck: bool = False
    behind: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    strange: str = ""
    alias: bool = False
    told: dict[str, Past] = field(default_factory=dict)
    wanted: float = 0.0

    def __post_init__(self) -> None:
        self.told = {one: Past([-1e9], [0.0]) for one in SERVERS}

    def program(self, found: Mapping[Side, int], ttl: int) -> None:
        """External-dns has read the objects."""
        if found:
            self.wanted, self.ttl = share(found), ttl
            for server in SERVERS:
                self.follow(server)

    def follow(self, server: str) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(FOLLOWS[server], self._followed, server, self.wanted)

    def _followed(self, server: str, wanted: float) -> None:
        if server not in self.behind and not self.stuck:
            self.told[server].now(wanted)
            self.moved()

    def mended(self) -> None:
        """Everybody has what external-dns was told last."""
        for server in SERVERS:
            self.follow(server)

    async def ask(self, question: DnsQuestion, types: Mapping[str, str]) -> tuple[Served, ...]:
        await asyncio.sleep(0.2)
        return tuple(
            self._answered(server, name, question.times)
            for server in question.servers
            for name in question.names
        )

    def _answered(self, server: str, name: str, times: int) -> Served:
        if server in self.silent:
            return Served(server, name, problem="no answer")
        green = round(times * self.told[server].values[-1])
        counts = {Side.BLUE: times - green, Side.GREEN: green}
        named = {side: f"{side}.example.net." if self.alias else TARGETS[side] for side in Side}
        answers = {named[side]: count for side, count in counts.items() if count}
        if self.strange:
            answers[self.strange] = 1
        return Served(server, name, answers, timedelta(seconds=self.ttl))


@dataclass(eq=False)
class Users:
    """Whoever asks for the shop, and what each cluster's gateway makes of it.

    ``stuck``: the share of them whose connections stay at blue until its gateway is restarted.
    ``open``: whether a gateway answers at all; ``uncounted``: whose counters nobody collects.
    """

    zone: Zone
    stuck: float = 0.0
    flows: dict[Side, Flow] = field(default_factory=dict)
    slow: dict[Side, Flow] = field(default_factory=dict)
    open: dict[Side, Past] = field(default_factory=dict)
    rate: Past = field(default_factory=lambda: Past([-1e9, BEGAN], [0.0, RATE]))
    uncounted: set[Side] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.zone.moved = self._asked_again
        for side in Side:
            at = Past([-1e9], [float(side is Side.BLUE)])
            self.flows[side] = Flow(at, Past(), Past([-1e9], [SOUND]))
            self.slow[side] = Flow(at, Past(), Past([-1e9], [QUICK]))
            self.open[side] = Past([-1e9], [1.0])

    @property
    def share(self) -> float:
        """Green's share of the users now."""
        return self.flows[Side.GREEN].share.values[-1]

    def _asked_again(self) -> None:
        """Some resolvers ask at once, and the last of them a TTL later."""
        for cohort in range(1, COHORTS + 1):
            wait = self.zone.ttl * cohort / COHORTS
            asyncio.get_running_loop().call_later(wait, self.settle)

    def settle(self) -> None:
        """Where everybody is now."""
        now = virtual.passed() + 1e-6
        waits = [self.zone.ttl * cohort / COHORTS for cohort in range(1, COHORTS + 1)]
        told = [past.at(now - wait) for past in self.zone.told.values() for wait in waits]
        green = sum(told) / len(told) * (1 - self.stuck)
        self.flows[Side.GREEN].share.now(green)
        self.flows[Side.BLUE].share.now(1 - green)

    def freed(self) -> None:
        """Connections that stayed at blue have ended."""
        self.stuck = 0.0
        self.settle()

    def lost(self, since: float) -> bool:
        """Whether anybody was sent to a gateway that did not answer, all the time since then."""
        return any(
            not max(self.open[side].lately(since)) and min(self.flows[side].share.lately(since))
            for side in Side
        )

    # What is counted

    def reply(self, promql: str, instants: Sequence[datetime]) -> Reply:
        """The answer to a query of gateways (``rollout/analysis/query.py``)."""
        found = _ASKED.search(promql)
        asked = found[1].split("|") if found else []
        slow = "duration_milliseconds" in promql
        return Reply(tuple(
            one
            for side in Side
            if side.value in asked and side not in self.uncounted
            for one in self._counted(side, instants, slow=slow)
        ))  # fmt: skip

    def _counted(self, side: Side, instants: Sequence[datetime], *, slow: bool) -> Iterator[Series]:
        flow = self.slow[side] if slow else self.flows[side]
        counted = Sum(self.rate, flow, self.open[side], copies=False)
        seconds = [(at, (at - START).total_seconds()) for at in instants]
        told = ((at, when, counted.at(when)) for at, when in seconds)
        sums = [(at, _tests(when) + int(sums[0]), int(sums[1])) for at, when, sums in told]
        pod = {"pod": "gateway-0", "instance": "10.0.0.1:15020", "cluster": side.value}
        whose = {
            "source_workload": "istio-ingressgateway",
            "source_workload_namespace": "istio-system",
        }
        for named, points in _buckets(sums) if slow else _answers(sums):
            yield Series({**pod, **whose, **named}, tuple(points))
        yield Series(
            {**pod, "rollout_part": "seen"}, tuple((at, at.timestamp() - 1) for at, *_ in sums)
        )


def _tests(when: float) -> int:
    """Requests of those who try a gateway, whatever users do."""
    return int((when - BEGAN) * TESTS)


_Sums = Sequence[tuple[datetime, int, int]]
_Parts = Iterator[tuple[dict[str, str], list[tuple[datetime, float]]]]


def _answers(sums: _Sums) -> _Parts:
    yield {"rollout_part": "total"}, [(at, float(every)) for at, every, _ in sums]
    yield {"rollout_part": "bad"}, [(at, float(bad)) for at, _, bad in sums]


def _buckets(sums: _Sums) -> _Parts:
    """So many took up to each bound: the slow ones longer than the last."""
    for bound in (*_BOUNDS, "+Inf"):
        up_to = [(at, float(every if bound == "+Inf" else every - bad)) for at, every, bad in sums]
        yield {"rollout_part": "total", "le": bound}, up_to


@dataclass(eq=False)
class Doors:
    """Both gateways past DNS; ``slow``: whose answers take too long."""

    users: Users
    slow: set[Side] = field(default_factory=set)

    async def probe(self, side: Side, probe: Probe, address: str) -> Probed:
        await asyncio.sleep(20.0 if side in self.slow else 0.05)
        if address != TARGETS[side]:
            return Probed(side, probe.url, f"{address}: no such host")
        shut = not self.users.open[side].values[-1]
        return Probed(side, probe.url, "connection refused" if shut else "")
