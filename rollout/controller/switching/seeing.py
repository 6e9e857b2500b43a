"""What a look sees of a record set, its name servers, two clusters and their gateways.

Each thing is asked by itself and within a time: what does not answer is said, and costs no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from rollout import lenient
from rollout.controller.guard import Guard
from rollout.controller.keeping.inbox import Inbox
from rollout.controller.ports import Gateways, Json, Metrics, NameServers, Remote
from rollout.controller.switching.clusters import Connections, Reached
from rollout.controller.switching.store import Held
from rollout.dns import endpoint
from rollout.errors import OutsideError
from rollout.istio import owner
from rollout.manifest import switchovers
from rollout.model.finding import Finding
from rollout.model.ref import Ref
from rollout.model.switching import (
    Probed,
    SeenCluster,
    SeenRecords,
    Served,
    Sighting,
    SwitchQuestions,
)
from rollout.model.switchover import Probe, RecordObject, Side, Switchover
from rollout.preflight import switchover as rules
from rollout.preflight.switchover import Twin

T = TypeVar("T")
SECONDS = 10.0  # for any one answer of a cluster
DNS_SECONDS = 20.0  # for all queries of a look
KIND = "DNSEndpoint"


@dataclass(frozen=True, slots=True)
class Places:
    """The objects of a record set by place, and why some could not be read."""

    objs: Mapping[str, Json]
    silent: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def place(switchover: Switchover, entry: RecordObject) -> str:
    """How people are told of one object: ``dnsendpoint shop/shop``, with its cluster if another."""
    where = f"{KIND.lower()} {entry.namespace or switchover.namespace}/{entry.name}"
    return where if entry.cluster == "home" else f"{entry.cluster}: {where}"


@dataclass(slots=True)
class Observer:
    """Questions to a sighting, through the ports.

    ``inbox``: whether people can be asked in a chat; None: nobody is to be asked at all.
    """

    connections: Connections
    metrics: Metrics
    servers: NameServers
    gateways: Gateways
    guard: Guard
    inbox: Inbox | None = None

    async def see(self, held: Held, questions: SwitchQuestions) -> Sighting:
        """What was asked, as it is now; never the end of a look."""
        switchover = held.switchover
        reached = {side: await self.connections.of(switchover, side) for side in Side}
        places = await self.places(switchover, reached)
        records = seen_records(switchover, places)
        clusters, served, probed, numbers, findings = await asyncio.gather(
            self._clusters(switchover, reached),
            self._served(questions, records),
            self._probed(switchover, questions, records),
            self.metrics.ask(questions.counts, questions.values),
            self._findings(switchover, reached, questions, places),
        )
        counts, values, no_answers = numbers
        seen = Sighting(records, clusters, served, probed, counts, values, no_answers, findings)
        if self.inbox is None:
            return seen
        members = self.inbox.members(questions.groups)
        return replace(
            seen,
            unasked=self.inbox.unasked(
                Ref(switchovers.KIND, switchover.namespace, switchover.name)
            ),
            members=await self._hear("slack", members, lambda _: {}),
        )

    async def places(self, switchover: Switchover, reached: Mapping[Side, Reached]) -> Places:
        """The objects that hold the records."""
        entries = switchover.spec.dns.endpoints
        answers = await asyncio.gather(*(self._object(switchover, reached, e) for e in entries))
        named = [(place(switchover, e), a) for e, a in zip(entries, answers, strict=True)]
        return Places(
            objs={name: found for name, found in named if isinstance(found, Mapping)},
            silent=tuple(str(found) for _, found in named if isinstance(found, str)),
            missing=tuple(f"{name}: is not there" for name, found in named if found is None),
        )

    async def _object(
        self, switchover: Switchover, reached: Mapping[Side, Reached], entry: RecordObject
    ) -> Json | str | None:
        remote = where(self.connections, reached, entry)
        name = place(switchover, entry)
        if isinstance(remote, str):
            return f"{name}: {remote}"
        namespace = entry.namespace or switchover.namespace
        fetched: Awaitable[Json | str | None] = remote.fetch(KIND, namespace, entry.name)
        return await self._hear(name, fetched, lambda why: why)

    async def _hear(self, what: str, answer: Awaitable[T], instead: Callable[[str], T]) -> T:
        return await self.guard.hear(what, timely(what, answer), instead)

    async def _clusters(
        self, switchover: Switchover, reached: Mapping[Side, Reached]
    ) -> dict[Side, SeenCluster]:
        seen = await asyncio.gather(*(self._cluster(switchover, s, reached[s]) for s in Side))
        return dict(zip(Side, seen, strict=True))

    async def _cluster(self, switchover: Switchover, side: Side, one: Reached) -> SeenCluster:
        gateway = switchover.spec.cluster(side).gateway
        if one.remote is None:
            return SeenCluster(side, problem=one.problem)
        name = f"deployment {gateway.namespace}/{gateway.workload}"

        async def read(remote: Remote) -> SeenCluster:
            obj = await remote.fetch("Deployment", gateway.namespace, gateway.workload)
            if obj is None:
                return SeenCluster(side, problem=f"{name}: is not there")
            ready = lenient.number(lenient.under(obj, "status", "readyReplicas"))
            return SeenCluster(side, ready, lenient.number(lenient.under(obj, "spec", "replicas")))

        return await self._hear(name, read(one.remote), lambda why: SeenCluster(side, problem=why))

    async def _served(self, questions: SwitchQuestions, records: SeenRecords) -> tuple[Served, ...]:
        asked = questions.dns
        if asked is None:
            return ()
        types = {pair.name: pair.type for pair in records.pairs}

        def silent(why: str) -> tuple[Served, ...]:
            return tuple(Served(s, n, problem=why) for s in asked.servers for n in asked.names)

        answer = timely("name servers", self.servers.ask(asked, types), DNS_SECONDS)
        return await self.guard.hear("name servers", answer, silent)

    async def _probed(
        self, switchover: Switchover, questions: SwitchQuestions, records: SeenRecords
    ) -> tuple[Probed, ...]:
        asked = [(side, probe) for side in questions.probes for probe in switchover.spec.probes]
        probes = (self._probe(switchover, side, probe, records) for side, probe in asked)
        return tuple(await asyncio.gather(*probes))

    async def _probe(
        self, switchover: Switchover, side: Side, probe: Probe, records: SeenRecords
    ) -> Probed:
        address = switchover.spec.cluster(side).address or _target(records, side)
        if not address:
            unknown = "its address is not known: no record has a target"
            return Probed(side, probe.url, unknown, tried=False)
        answer = self.gateways.probe(side, probe, address)
        return await self._hear(probe.url, answer, lambda why: Probed(side, probe.url, why))

    async def _findings(
        self,
        switchover: Switchover,
        reached: Mapping[Side, Reached],
        questions: SwitchQuestions,
        places: Places,
    ) -> tuple[Finding, ...]:
        if not questions.preflight:
            return ()
        return await self.findings(switchover, reached, places)

    async def findings(
        self, switchover: Switchover, reached: Mapping[Side, Reached], places: Places
    ) -> tuple[Finding, ...]:
        """What the rules say of both clusters as they are now."""
        both = await asyncio.gather(*(self._world(reached[side]) for side in Side))
        objs = {side: found for side, (found, _) in zip(Side, both, strict=True)}
        unread = {side: lacks for side, (_, lacks) in zip(Side, both, strict=True)}
        home = await self._others()
        twin = Twin(objs, unread, places.objs, (*places.silent, *places.missing), home)
        return rules.findings(switchover, twin)

    async def _world(self, one: Reached) -> tuple[dict[str, tuple[Json, ...]], dict[str, str]]:
        """Every object that the rules look at, by kind; and why some kinds are unread."""
        if one.remote is None:
            return {}, dict.fromkeys(rules.KINDS, one.problem)
        remote, lacks = one.remote, dict[str, str]()

        async def read(kind: str) -> tuple[Json, ...]:
            def instead(why: str) -> tuple[Json, ...]:
                lacks[kind] = why
                return ()

            async def listed() -> tuple[Json, ...]:
                return tuple(await remote.all(kind))

            return await self._hear(kind.lower(), listed(), instead)

        found = await asyncio.gather(*(read(kind) for kind in rules.KINDS))
        return dict(zip(rules.KINDS, found, strict=True)), lacks

    async def _others(self) -> tuple[Json, ...]:
        """The switchovers of the home cluster."""

        async def listed() -> tuple[Json, ...]:
            return tuple(self.connections.home.list("ClusterSwitchover"))

        return await self.guard.hear("clusterswitchovers", listed(), lambda _: ())


def where(
    connections: Connections, reached: Mapping[Side, Reached], entry: RecordObject
) -> Remote | str:
    """The cluster that holds ``entry``, or why it cannot be reached."""
    if entry.cluster == "home":
        return connections.clusters.home
    one = reached[Side(entry.cluster)]
    return one.remote or one.problem


async def timely(what: str, answer: Awaitable[T], seconds: float = SECONDS) -> T:
    """The answer, if it comes in time. Errors: ``OutsideError`` where it does not."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError as error:
        raise OutsideError(f"{what}: no answer within {seconds:g} s") from error


def seen_records(switchover: Switchover, places: Places) -> SeenRecords:
    """The record set as its objects say it."""
    found = endpoint.found(switchover.spec, places.objs)
    pairs, wrong = ((), "") if places.silent else endpoint.pairs(switchover.spec, found.records)
    problems = (*places.missing, *found.problems, *((wrong,) if wrong else ()))
    return SeenRecords(
        pairs=() if problems else pairs,
        problems=problems,
        silent=places.silent,
        editor=endpoint.editor(places.objs),
        owner=next((tool for obj in places.objs.values() if (tool := owner.owner(obj))), ""),
        versions={
            name: lenient.text(lenient.meta(obj).get("resourceVersion"))
            for name, obj in places.objs.items()
        },
    )


def _target(records: SeenRecords, side: Side) -> str:
    """Where the records say that the side is."""
    found = (target for pair in records.pairs for target in pair.targets.get(side, ()))
    return next((f"[{t}]" if ":" in t else t.rstrip(".") for t in found), "")
