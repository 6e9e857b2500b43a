"""The mesh of the upgrades' own tests on the simulated API server, and what may never become of it.

``tests/upgrade/cluster.py`` says what Kubernetes and two istiods make of objects; here those
objects are the server's, so that faults of requests, watches and processes meet an upgrade, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollout.controller.ports import Answers, Json, Metrics
from rollout.controller.upgrading import trials
from rollout.errors import RefusedError
from rollout.manifest import upgrades
from rollout.manifest.upgrades import KIND
from rollout.model.observation import CountsQuestion, ValueQuestion
from rollout.model.upgrading import State, UpgradeStatus
from rollout.upgrade.inventory import KINDS
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim import meshes
from tests.sim.meshlaws import MeshLaws
from tests.sim.server import Commit, Server
from tests.upgrade import cluster, play
from tests.upgrade.cluster import MUTATING, NEW, OLD, SYSTEM, VALIDATING, Mesh

if TYPE_CHECKING:
    from tests.sim.listed import Listed
    from tests.sim.world import World

MADE_BY = "mesh"
_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ArgoRollout", "Pod"})
_BRAKE = frozenset({MUTATING, VALIDATING, "Service", "Deployment", "Namespace"})


class Objects:
    """The server's objects by key, as ``FakeKube.objects`` has them."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def get(self, key: tuple[str, str, str]) -> Json | None:
        return self._server.get(*key)

    def __getitem__(self, key: tuple[str, str, str]) -> Json:
        held = self._server.get(*key)
        if held is None:
            raise KeyError(key)
        return held

    def __contains__(self, key: tuple[str, str, str]) -> bool:
        return self._server.get(*key) is not None

    def items(self) -> Iterator[tuple[tuple[str, str, str], Json]]:
        """Those of the kinds that say which control plane something is at."""
        for kind in ("Namespace", MUTATING, VALIDATING, "Service"):
            for obj in self._server.all(kind):
                meta = obj["metadata"]
                if meta.get("namespace") != NAMESPACE:
                    yield (kind, meta.get("namespace", ""), meta["name"]), obj

    def __delitem__(self, key: tuple[str, str, str]) -> None:
        self._server.remove(*key, MADE_BY)


class Ground:
    """What ``Mesh`` needs of a ``FakeKube``, on the server; the rollouts' own pods are not its."""

    def __init__(self, server: Server) -> None:
        self._server, self.objects = server, Objects(server)

    @property
    def admit(self) -> Any:
        return self._server.admit

    @admit.setter
    def admit(self, admit: Any) -> None:
        self._server.admit = admit

    @property
    def _version(self) -> int:
        return self._server.ledger.revision

    def put(self, *objs: Json) -> None:
        self._server.put(*objs, actor=MADE_BY)

    def every(self, kind: str) -> Sequence[Json]:
        """Those of the rollouts, too."""
        return self._server.all(kind)

    def list(self, kind: str) -> Sequence[Json]:
        found = self.every(kind)
        if kind not in _PODS:
            return found
        return [obj for obj in found if obj["metadata"]["namespace"] != NAMESPACE]


@dataclass(eq=False)
class Upgrading:
    """One mesh, its upgrade, and S28.

    ``refused``: why a good VirtualService could not be written after the last commit.
    ``still``: nothing moves in it: it is looked at, and ``shown`` is what is looked at now.
    ``told``: when people asked for the plan of an upgrade, and each line that they were shown.
    """

    world: World
    refused: str = ""
    shown: Listed | None = None
    told: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ground: Any = Ground(self.world.server)
        self.still = self.world.plan.setup.upgrade == meshes.STILL
        if self.still:
            self.mesh, self.world.server.admit = Mesh(ground), lambda obj: obj
        else:
            self.mesh = cluster.built(spaces=2, works=1, on=ground)
            changes, prepare = meshes.SHAPES[self.world.plan.setup.upgrade]
            prepare(self.mesh)
            ground.put(play.manifest(**{**meshes.BAKES, **changes}))
        self.laws = MeshLaws(self)
        self.world.server.listen.append(self._committed)

    async def settles(self) -> None:
        """Every controller of Kubernetes does its next thing once a second."""
        while not self.world.stopping and not self.still:
            await asyncio.sleep(1.0)
            self.mesh.settle()
            self.laws.each_second()

    def shows(self, listed: Listed) -> None:
        """The mesh is this one from now on; a moment later an upgrade of it is asked for."""
        assert self.object is None
        before, after = (one.objects if one else {} for one in (self.shown, listed))
        for key in sorted(before.keys() - after.keys()):
            free = {**before[key]["metadata"], "finalizers": []}
            self.world.server.put({**before[key], "metadata": free}, actor=MADE_BY)
            self.world.server.remove(*key, MADE_BY)
        self.mesh.put(*(obj for key, obj in after.items() if before.get(key) != obj))
        self.shown = listed
        self.world.later(1.0, self.mesh.put, play.manifest(**listed.asked))
        self.world.later(2.0, self._planned, listed)

    def _planned(self, listed: Listed) -> None:
        held = {kind: self.world.server.all(kind) for kind in KINDS}
        assert self.object is not None
        for line in listed.plan(held, self.object, virtual.clock()):
            self.told.append((virtual.passed(), f"plan: {line}"))

    @property
    def object(self) -> Json | None:
        """The upgrade, if there is one."""
        return self.world.server.get(KIND, "", "mesh")

    @property
    def status(self) -> UpgradeStatus:
        return upgrades.status(self.object or {})

    @property
    def stands(self) -> str:
        """Where it is, for whoever waits for its end."""
        return f"upgrade: {self.status.state} {self.status.because}"

    def refusal(self) -> str:
        if self.still:
            return ""
        try:
            self.mesh.admitted(trials.virtual_service(SYSTEM, good=True))
        except RefusedError as error:
            return str(error)
        return ""

    def _committed(self, commit: Commit) -> None:
        """S28: no write of ours takes away that routes can be written."""
        if commit.change.bucket == KIND and not commit.gone:
            self.world.laws.edges[f"upgrade {self.status.state}"] += 1
        if commit.actor.startswith("controller"):
            self.laws.committed(commit)
        if commit.change.bucket not in _BRAKE:
            return
        before, self.refused = self.refused, self.refusal()
        if commit.actor.startswith("controller") and self.refused and not before:
            what = f"{commit.change.bucket} {commit.new['metadata']['name']}"
            self.world.laws.broken("S28", f"{what} was written: {self.refused}")

    def looked_again(self) -> None:
        """Somebody else changed what istiods answer."""
        self.refused, self.laws.troubled_at = self.refusal(), virtual.passed()

    def edited(self) -> None:
        """Somebody edits what is to be as it was once an upgrade is taken back."""
        self.laws.edited = True

    def ask_for(self, field: str, value: Any) -> None:
        """Git says something else in the spec; None: nothing."""
        if (held := self.object) is not None:
            spec = {key: one for key, one in held["spec"].items() if key != field}
            spec |= {} if value is None else {field: value}
            self.world.server.put({**held, "spec": spec})

    def calm(self) -> None:
        if self.still:
            return
        for troubled in (
            self.mesh.unready,
            self.mesh.deaf,
            self.mesh.refusing,
            self.mesh.naked,
        ):
            troubled.clear()
        self.mesh.rejects = self.mesh.convergence = 0.0
        self.mesh.silent = False
        self.mesh.broken.clear()
        self.mesh.heal()
        self.looked_again()

    @property
    def rests(self) -> bool:
        """L1: it is done or returned, or it is gone."""
        return self.object is None or self.status.state in (State.DONE, State.RETURNED)

    def patience(self) -> None:
        """A patient person lets it go on."""
        status = self.status
        if status.awaits == "Approval":
            self.ask("approve")
        elif status.attempt.pause is not None:
            self.ask("resume")
        elif status.awaits == "Users":
            self._move_the_rest()

    def _move_the_rest(self) -> None:
        """People move what no wave has, and make anew what nobody else does."""
        self.edited()
        if self.world.server.get(MUTATING, "", "istio-revision-tag-prod") is not None:
            self.mesh.put(*cluster.tag("prod", NEW))
        for space in self.mesh.kube.list("Namespace"):
            labels = space["metadata"].get("labels") or {}
            if labels.get("istio.io/rev") == OLD:
                self.mesh.put(cluster.namespace(space["metadata"]["name"], **{"istio.io/rev": NEW}))
        rev = "/spec/template/metadata/labels/istio.io~1rev"
        home = [{"op": "replace", "path": rev, "value": NEW}]
        self.world.server.change("Deployment", "ingress", "gw", home)
        for pod in self.mesh.kube.list("Pod"):
            if OLD in cluster.revisions_of(pod):
                meta = pod["metadata"]
                self.world.server.remove("Pod", meta["namespace"], meta["name"])

    def ask(self, verb: str) -> None:
        """Somebody annotates the upgrade."""
        held = self.object
        if held is not None:
            self.laws.asked(verb)
            notes = {**(held["metadata"].get("annotations") or {})}
            notes["rollout.dev/request"] = f"{verb}@{self.world.server.ledger.revision}"
            ops = [{"op": "add", "path": "/metadata/annotations", "value": notes}]
            self.world.server.change(KIND, "", "mesh", ops)

    def quiet(self) -> None:
        """S27 of the mesh: every proxy is where its upgrade says that it is."""
        if self.still:
            return
        state = self.status.state
        there = {one for found in self.mesh.proxies().values() for one in found}
        self.laws.ended(self.status)
        kept = state is State.DONE and not self.status.attempt.removing
        wanted = {State.DONE: {NEW}, State.RETURNED: {OLD}}.get(state)
        if wanted is not None and there != wanted and not kept:
            self.world.laws.broken("S27", f"upgrade {state}, and its proxies are {sorted(there)}")
        odd = [pod for pod, found in self.mesh.proxies().items() if len(found) != 1]
        if odd and not self.laws.edited:
            self.world.laws.broken("S27", f"pods without one proxy: {odd[:3]}")


@dataclass(frozen=True, slots=True)
class Istiods:
    """Every istiod's page; none while nobody can be asked."""

    world: World
    mesh: Mesh

    async def pages(
        self, revisions: Sequence[tuple[str, str, str]]
    ) -> Sequence[tuple[str, object]] | None:
        await asyncio.sleep(0.01)
        upgrading = self.world.upgrading
        if upgrading is not None and upgrading.still:
            return upgrading.shown.told if upgrading.shown else None
        return None if self.world.istiod.silent else await self.mesh.pages(revisions)


@dataclass(frozen=True, slots=True)
class Both:
    """Prometheus for rollouts and for upgrades: numbers of the mesh are the mesh's own."""

    rollouts: Metrics
    world: World
    mesh: Mesh

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        if not any(one.sides for one in counts) and any("errors_" in v.promql for v in values):
            return await self.rollouts.ask(counts, values)
        if counts and not any(one.sides for one in counts):
            return await self.rollouts.ask(counts, values)
        await asyncio.sleep(self.world.numbers.latency)
        self.mesh.nothing_counted = self.world.numbers.trouble not in ("", "slow")
        return await self.mesh.ask(counts, values)
