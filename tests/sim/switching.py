"""Two clusters and a switchover between them, beside everything else in a world.

Home is the controller's own API server and, but for one shape, blue's; green has one of its own,
whose connections fail by themselves. What DNS and users make of the weights is ``zones.py``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rollout.controller.switching.following import Beyond
from rollout.edges.kube.remote import Remote
from rollout.errors import ManifestError, RefusedError
from rollout.lab import twin
from rollout.manifest import switchovers
from rollout.manifest.switchovers import KIND
from rollout.model.chat import Press, Ticket
from rollout.model.reasons import PauseKind
from rollout.model.status import Phase
from rollout.model.switchover import Side, SwitchoverStatus, SwitchStage
from tests import virtual
from tests.fakes_chat import buttons
from tests.sim import switches
from tests.sim.beyond import Past
from tests.sim.measured import SOUND
from tests.sim.server import Commit, Json, Server
from tests.sim.switchlaws import SwitchLaws
from tests.sim.wire import Trap, Wire
from tests.sim.zones import QUICK, RATE, Doors, Users, Zone, weights

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.world import World

SPACE, NAME = "edge", "edge"
SYSTEM, GATEWAY = twin.SYSTEM, twin.GATEWAY
RECORD = "DNSEndpoint"
DNS = "external-dns"
UNREAD = SwitchoverStatus(phase=Phase.PAUSED, because="its status cannot be read")
PODS = 4
"""Of either gateway."""
READ, WRITTEN = 1.0, 1.0
"""Seconds until external-dns has read an object, and has told the zone."""


def running(obj: Json, ready: int, replicas: int) -> Json:
    """A Deployment with so many pods ready of so many."""
    status = {"replicas": replicas, "readyReplicas": ready}
    return {**obj, "spec": {**obj["spec"], "replicas": replicas}, "status": status}


def twins() -> Iterator[Json]:
    """What each cluster runs for the users: a shop, its routes and a gateway, all pods ready."""
    for obj in twin.objects():
        meta = obj["metadata"]
        space = SYSTEM if meta["namespace"] == SYSTEM else SPACE
        made = {**obj, "metadata": {**meta, "namespace": space}}
        pods = PODS if space == SYSTEM else 2
        yield running(made, pods, pods) if made["kind"] == "Deployment" else made


@dataclass(eq=False)
class Switching:
    """``sides``: each cluster's API server. ``places``: where the records stand, by name.

    ``traps``: what becomes of requests to a cluster that is not home. ``away``: until when a
    cluster's API server told nothing. ``ready``: the pods of each gateway ever since.
    ``deaf_at``: when a probe last took too long. ``pressed_at``: when somebody last pressed.
    """

    world: World
    sides: dict[Side, Server] = field(default_factory=dict)
    places: dict[str, Server] = field(default_factory=dict)
    traps: dict[Side, list[Trap]] = field(default_factory=lambda: {side: [] for side in Side})
    ready: dict[Side, Past] = field(default_factory=dict)
    away: dict[Side, float] = field(default_factory=dict)
    deaf_at: float = -1e9
    pressed_at: float = -1e9

    def __post_init__(self) -> None:
        world = self.world
        self.shape = switches.SHAPES[world.plan.setup.switching]
        self.sides[Side.GREEN] = Server(world.plan.setup.page)
        self.sides[Side.BLUE] = Server() if self.shape.abroad else world.server
        self.zone = Zone(switches.TTL, alias=self.shape.alias)
        self.users = Users(self.zone, self.shape.stuck)
        self.doors = Doors(self.users)
        self.laws = SwitchLaws(self)
        self.ready = {side: Past([-1e9], [float(PODS)]) for side in Side}
        world.numbers.gateways = self.users.reply
        for name, server in {"home": world.server, **self.others()}.items():
            server.listen.append(partial(self._committed, name))
            if name != "home":
                server.unchanged.append(world.laws.pace.unchanged)
        for name in self.records():
            cluster = self.shape.spec()["dns"]["endpoints"]
            of = next(one.get("cluster", "home") for one in cluster if one["name"] == name)
            self.places[name] = world.server if of == "home" else self.sides[Side(of)]

    def others(self) -> dict[str, Server]:
        """The API servers of the two clusters, but for the controller's own."""
        mine = self.world.server
        return {str(side): one for side, one in self.sides.items() if one is not mine}

    def records(self) -> dict[str, Json]:
        """The objects of the record set by name, all of the weight on blue."""
        return {one["metadata"]["name"]: one for one in self.shape.records()}

    def begin(self) -> None:
        """Both clusters run the same, and git asks for green."""
        for server in dict.fromkeys(self.sides.values()):
            server.put(*twins())
        for name, obj in self.records().items():
            self.places[name].put(obj)
        self.world.server.put(*(switches.secret(side) for side in Side))
        self.shape.prepare(self)
        meta = {"name": NAME, "namespace": SPACE}
        self.world.server.put({"kind": KIND, "metadata": meta, "spec": self.shape.spec()})
        self.laws.begin()

    # What a process is given

    def beyond(self, process: Process) -> Beyond:
        """Every edge of a switchover, for one process."""
        made = process.made
        assert made is not None
        clusters = Clusters(self, process)
        return Beyond(made.outside.kube, clusters, made.outside.metrics, self.zone, self.doors)

    def wire(self, side: Side, process: Process) -> Wire:
        """Connections of a process to a cluster that is not home."""
        world = self.world
        if self.sides[side] is world.server:
            return process.wire
        made = world.wire(process.wire.actor, process.wire.life)
        made.server, made.traps = self.sides[side], self.traps[side]
        made.told = lambda line: world.say(f"{side}: {line}")
        return made

    # What is there now

    @property
    def object(self) -> Json | None:
        """The switchover, if there is one."""
        return self.world.server.get(KIND, SPACE, NAME)

    @property
    def status(self) -> SwitchoverStatus:
        try:
            return switchovers.status(self.object or {})
        except ManifestError:
            return UNREAD

    @property
    def stands(self) -> str:
        """Where it is, for whoever waits for its end."""
        status = self.status
        return f"switchover: {status.stage.name} {status.stage.split} {status.because}"

    def end(self) -> str:
        """Where it ended, and how the records are."""
        found = {str(side): weight for side, weight in weights([*self.now().values()]).items()}
        if self.object is None:
            return f"switchover is gone, {found}"
        status = self.status
        return f"switchover {status.phase} {status.stage.name} {status.serving} {found}"

    def now(self) -> dict[str, Json]:
        """The objects of the record set as they are, by name."""
        found = {name: at.get(RECORD, SPACE, name) for name, at in self.places.items()}
        return {name: one for name, one in found.items() if one is not None}

    def gateway(self, side: Side) -> Json | None:
        return self.sides[side].get("Deployment", SYSTEM, GATEWAY)

    # What happens

    def _committed(self, cluster: str, commit: Commit) -> None:
        meta, kind = commit.new["metadata"], commit.change.bucket
        if cluster != "home":
            self.world.say(
                f"{cluster}: {commit.actor} {commit.change.type} {kind} {meta['name']} "
                f"{meta['resourceVersion']}"
            )
        if commit.actor.startswith("controller"):
            self.laws.committed(commit, cluster)
        elif kind == RECORD and commit.actor != DNS:
            self.laws.edited()
        if kind == RECORD and commit.actor != DNS:
            asyncio.get_running_loop().call_later(READ, self._read)
        if kind == "Deployment" and meta["name"] == GATEWAY:
            self._restarted(commit)

    def _read(self) -> None:
        """External-dns reads all objects, says so in each, and tells the zone."""
        if self.zone.stuck or self.world.stopping:
            return
        for name, server in self.places.items():
            obj = server.get(RECORD, SPACE, name)
            if obj is not None:
                seen = {"observedGeneration": obj["metadata"]["generation"]}
                server.put({**obj, "status": seen}, actor=DNS)
        objs = [*self.now().values()]
        ttls = [one.get("recordTTL", 300) for obj in objs for one in obj["spec"]["endpoints"]]
        found = weights(objs)
        loop = asyncio.get_running_loop()
        loop.call_later(WRITTEN, self.zone.program, found, max(ttls, default=self.zone.ttl))

    def unstuck(self) -> None:
        """External-dns goes on."""
        self.zone.stuck = False
        self._read()

    def _restarted(self, commit: Commit) -> None:
        marks = [_restart(obj) for obj in (commit.old, commit.new)]
        if marks[0] != marks[1]:
            asyncio.get_running_loop().call_later(4.0, self.users.freed)

    async def settles(self) -> None:
        """Laws that are asked of every second."""
        while not self.world.stopping:
            await asyncio.sleep(1.0)
            self.laws.each_second()

    def pods(self, side: Side, ready: int) -> None:
        """So many of a gateway's pods are ready; with none it answers nobody."""
        held = self.gateway(side)
        if held is not None:
            self.sides[side].put(running(held, ready, PODS), actor="kubelet")
        self.ready[side].now(float(ready))
        self.users.open[side].now(float(ready > 0))

    def calm(self) -> None:
        """All faults are over."""
        for traps in self.traps.values():
            traps.clear()
        self.away.clear()
        self.laws.active = 0
        self.zone.silent.clear()
        self.zone.behind.clear()
        self.zone.strange = ""
        self.users.uncounted.clear()
        self.doors.slow.clear()
        self.users.rate.now(RATE)
        for side in Side:
            self.users.flows[side].bad.now(SOUND)
            self.users.slow[side].bad.now(QUICK)
            self.pods(side, PODS)
        self.zone.mended()
        self.unstuck()
        switches.whole(self)
        self.laws.troubled()

    # People

    def ask(self, verb: str) -> None:
        """Somebody annotates the switchover."""
        held = self.object
        if held is not None:
            request = f"{verb}@{self.world.server.ledger.revision}"
            notes = {**(held["metadata"].get("annotations") or {})}
            notes["rollout.dev/request"] = request
            ops = [{"op": "add", "path": "/metadata/annotations", "value": notes}]
            self.world.server.change(KIND, SPACE, NAME, ops)
            self.laws.asked(request)

    def ask_for(self, **changes: Any) -> None:
        """Git says something else in the spec; None: nothing."""
        held = self.object
        if held is not None:
            spec = {**held["spec"], **changes}
            spec = {key: one for key, one in spec.items() if one is not None}
            self.world.server.put({**held, "spec": spec})
            self.laws.respecified()

    def buttons(self) -> dict[Press, Ticket]:
        """What can be pressed on the newest message about it."""
        tops = [words for words in self.world.chat.tops() if f"{SPACE}/{NAME}" in words.text]
        return buttons(tops[-1].blocks if tops else ())

    def press(self, press: str, who: str) -> None:
        """Somebody presses it, or sends the form that it opens."""
        ticket = self.buttons().get(Press(press))
        self.pressed_at = virtual.passed()
        if ticket is None:
            self.world.say(f"{press} is not there to be pressed")
        elif press == Press.REJECT:
            self.world.refuse(who, ticket)
        else:
            self.world.press(who, Press(press), ticket)

    @property
    def rests(self) -> bool:
        """L1: one cluster serves everyone, and git asks for nothing else, or it is gone."""
        held = self.object
        if held is None:
            return True
        status = self.status
        if status is UNREAD:
            return True  # which is for people to mend
        if held["metadata"].get("deletionTimestamp") or status.serving is None:
            return False
        wanted = held["spec"].get("serve", "blue") == status.serving
        over = wanted or status.serving is Side.GREEN or status.rejected is not None
        return status.stage.name is SwitchStage.SERVING and over

    def patience(self) -> None:
        """A patient person lets it go on."""
        status = self.status
        if "give one of them all of it" in status.because or "not all of" in status.because:
            switches.EDITS["the weights are put home"](self)
        if self.laws.unanswered:
            return
        paused = status.attempt.pause
        if paused is not None:
            late = paused.kind is PauseKind.DEADLINE and status.stage.name is SwitchStage.DRAINING
            if late:
                self.users.freed()
            self.ask("resume" if paused.kind is not PauseKind.FAILED else "abort")
        elif status.waits_for == "Approval":
            self.ask("approve")

    def quiet(self) -> None:
        """At rest the status says where users are."""
        self.laws.ended()


def _restart(obj: Json | None) -> str:
    template = ((obj or {}).get("spec") or {}).get("template", {})
    notes = (template.get("metadata") or {}).get("annotations") or {}
    return str(notes.get("kubectl.kubernetes.io/restartedAt", ""))


@dataclass(eq=False)
class Clusters:
    """The clusters as one process reaches them."""

    switching: Switching
    process: Process

    @property
    def home(self) -> Remote:
        return Remote(self.process.wire)  # type: ignore[arg-type]

    async def connect(self, kubeconfig: bytes) -> Remote:
        side = next((side for side in Side if side.encode() in kubeconfig), None)
        if side is None:
            raise RefusedError("kubeconfig: names no cluster")
        return Remote(self.switching.wire(side, self.process))  # type: ignore[arg-type]
