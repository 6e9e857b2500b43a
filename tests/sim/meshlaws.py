"""What may never become of a mesh that is upgraded, asked of every commit and every second of it.

U1 to U9 are explained in docs/simulation.md.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rollout.controller.upgrading import trials
from rollout.errors import RefusedError
from rollout.manifest.upgrades import KIND
from rollout.model.upgradelook import Try
from rollout.model.upgrading import State, UpgradeStatus
from rollout.upgrade import waves
from tests import virtual
from tests.sim.server import Commit, Json, Request
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    OLD,
    SYSTEM,
    VALIDATING,
    carriers,
    is_ready,
    made_by,
    revisions_of,
)

if TYPE_CHECKING:
    from tests.sim.mesh import Upgrading

BAKE = 30.0
"""Seconds that every stop of these upgrades bakes."""
HOME_WITHIN = 150.0
"""Seconds in which what fails all the time since it moved is on its way back (U3)."""
FRESH = 4.0
"""Seconds that what a look has seen may be old."""
GATEWAY = "ingress"
_GO = (f"istiod-{OLD}", f"gw-{NEW}")
"""Deployments that an upgrade removes: the old istiod, and the twin that it has made."""
_RESTS = (State.IDLE, State.DONE, State.RETURNED)
_JUDGED = frozenset({State.CANARY, State.WAVES, State.GATEWAYS, State.TAGS, State.BAKE})


class MeshLaws:
    """``whole``: how the mesh was in the beginning. ``troubled_at``: when somebody else last
    changed what istiods and pods do. ``edited``: somebody edited what is taken back in the end.
    """

    def __init__(self, mesh: Upgrading) -> None:
        self._mesh, self._laws = mesh, mesh.world.laws
        self._before = UpgradeStatus()
        self._rested_at, self._whole_at = math.inf, virtual.passed()
        self._moved_at = self._approved_at = self._forced_at = self._harmed_at = -math.inf
        self.troubled_at, self.edited = -math.inf, False
        self._at_new: set[str] = set()
        self.whole = self._carried()
        self._counted_on = Counter(made_by(pod)[2] for pod in self._ready(GATEWAY))
        self._pods = sum(self._counted_on.values())

    def asked(self, verb: str) -> None:
        if verb == "approve":
            self._approved_at = virtual.passed()
        if verb in ("skip", "resume", "retry"):
            self._forced_at = virtual.passed()

    def committed(self, commit: Commit) -> None:
        """What the controller wrote."""
        kind = commit.change.bucket
        if kind == KIND and not commit.gone:
            self._told(self._mesh.status)
        elif kind == "Namespace":
            self._relabelled(commit)
        elif commit.gone and kind == "Deployment" and commit.new["metadata"]["name"] not in _GO:
            self._laws.broken("U1", f"{commit.new['metadata']['name']} is removed with {OLD}")
        elif kind in ("Deployment", "StatefulSet", "DaemonSet"):
            if commit.new["metadata"]["namespace"] == GATEWAY:
                self._shared(commit)
            elif not commit.gone:
                self._restarted(commit)

    def requested(self, request: Request) -> None:
        """U8: an upgrade at rest asks no webhook anything, however often it is looked at."""
        rests = virtual.passed() - self._rested_at > FRESH
        if rests and request.verb == "create" and request.query.get("dryRun"):
            self._laws.broken("U8", f"{self._before.state}, and a {request.kind} is tried")

    def _told(self, now: UpgradeStatus) -> None:
        """U1, U2 and U7, of what is decided."""
        before, self._before = self._before, now
        if now.state in _RESTS and before.state not in _RESTS:
            self._rested_at = virtual.passed()
        elif now.state not in _RESTS:
            self._rested_at = math.inf
        begins = before.state is State.PREFLIGHT and now.state not in (*_RESTS, State.PREFLIGHT)
        if begins and virtual.passed() - self._whole_at > FRESH and (lacks := [*self._lacks()]):
            self._laws.broken("U7", f"it begins, and {lacks[0]}")
        if now.attempt.removing and not before.attempt.removing:
            if why := self._used():
                self._laws.broken("U1", f"{OLD} is removed, and {why}")
            if self._approved_at < virtual.passed() - self._stood(now):
                self._laws.broken("U1", f"{OLD} is removed, and nobody has approved")
        self._gone_on(before, now)

    def _gone_on(self, before: UpgradeStatus, now: UpgradeStatus) -> None:
        """U2: whoever has moved bakes for as long as git asks, unless a person ends that."""
        one, next_one = before.attempt.stop, now.attempt.stop
        here = None if one is None else (one.name, one.part)
        there = None if next_one is None else (next_one.name, next_one.part)
        goes_back = now.state in (State.RETURNING, State.RETURNED)
        if before.state not in _JUDGED or goes_back or here == there:
            return
        baked = virtual.passed() - self._moved_at
        if baked < BAKE - 2.0 and virtual.passed() - self._forced_at > FRESH:
            self._laws.broken("U2", f"{before.state} is over {baked:.0f} s after pods moved")

    def _stood(self, now: UpgradeStatus) -> float:
        """Seconds since its stop was entered."""
        stop = now.attempt.stop
        return (virtual.clock() - stop.entered_at).total_seconds() if stop else 0.0

    def _used(self) -> str:
        """Who still uses the old control plane; empty: nobody."""
        mesh = self._mesh.mesh
        for pod, revisions in mesh.proxies().items():
            if OLD in revisions:
                return f"{pod} has its proxy"
        for kind in (MUTATING, VALIDATING):
            for obj in mesh.kube.list(kind):
                name = obj["metadata"]["name"]
                asks = obj["webhooks"][0]["clientConfig"]["service"]["name"]
                if asks == f"istiod-{OLD}" and OLD not in name:
                    return f"{name} asks it"
        return ""

    def _lacks(self) -> Iterator[str]:
        """What would stand in the way of anybody who began now, or went back later."""
        mesh = self._mesh.mesh
        istiod = mesh.kube.objects.get(("Deployment", SYSTEM, f"istiod-{OLD}"))
        told = (istiod or {}).get("status") or {}
        if told.get("readyReplicas", 0) < 1 or told["updatedReplicas"] < told["replicas"]:
            yield f"istiod of {OLD} is not whole"
        for good in (True, False):
            try:
                mesh.admitted(trials.virtual_service(SYSTEM, good=good))
            except RefusedError as error:
                if good:
                    yield str(error)
            else:
                if not good:
                    yield "a bad VirtualService is taken"
        for space in mesh.kube.list("Namespace"):
            if len(self._called(space)) > 1:
                yield f"pods of {space['metadata']['name']} get two proxies"
        spec = (self._mesh.object or {}).get("spec", {})
        held = [each for each in spec.get("freezes", ()) if _holds(each)]
        if held:
            yield f"there is a freeze: {held[0]['reason']}"

    def _called(self, space: Json) -> list[str]:
        """The control planes that inject a pod that says nothing, in this namespace."""
        labels = space["metadata"].get("labels") or {}
        return [hook.calls.service for hook in self._mesh.mesh.called(labels, {})]

    def _relabelled(self, commit: Commit) -> None:
        """U9: a namespace whose label we write was at one of the two, and is at the other then."""
        if commit.gone or commit.old is None or virtual.passed() - self.troubled_at < FRESH:
            return
        attempt = self._before.attempt
        sides = [f"istiod-{attempt.asked_from}", f"istiod-{attempt.asked_to}"]
        wanted = sides[::-1] if self._before.state is State.RETURNING else sides
        found = [self._called(obj) for obj in (commit.old, commit.new)]
        if not all(one in called for one, called in zip(wanted, found, strict=True)):
            name = commit.new["metadata"]["name"]
            self._laws.broken("U9", f"{name} was at {found[0]}, and is at {found[1]}")

    def _restarted(self, commit: Commit) -> None:
        """U5: pods are made anew only where a new one gets the one proxy that it is to have."""
        marks = [_mark(obj) for obj in (commit.old, commit.new)]
        state = self._before.state
        if marks[0] == marks[1] or virtual.passed() - self.troubled_at < FRESH:
            return
        space = str(commit.new["metadata"]["namespace"])
        wanted = OLD if state is State.RETURNING else NEW
        try:
            got = revisions_of(self._mesh.mesh.injected(trials.pod(Try(space))))
        except RefusedError as error:
            got = [str(error)]
        if got != [wanted]:
            self._laws.broken("U5", f"pods of {space} are made anew, and get {got}")

    def _shared(self, commit: Commit) -> None:
        """U4: whoever is scaled down loses these pods, however soon it is scaled up again."""
        name = str(commit.new["metadata"]["name"])
        left = 0 if commit.gone else int(commit.new["spec"].get("replicas", 1))
        self._counted_on[name] = min(self._counted_on.get(name, 0), left)
        self._enough()

    def _enough(self) -> None:
        """U4: the gateway has as many ready pods as in the beginning."""
        mesh, ready = self._mesh.mesh, sum(self._counted_on.values())
        calm = GATEWAY not in mesh.unready and virtual.passed() - self.troubled_at > BAKE
        if ready < self._pods and calm and not self.edited:
            self._laws.broken("U4", f"the gateway has {ready} ready pods of {self._pods}")

    def each_second(self) -> None:
        """U3 and U4, of how the mesh is now, and since when it lacks what U7 asks for."""
        proxies = self._mesh.mesh.proxies()
        at_new = {pod for pod, revisions in proxies.items() if NEW in revisions}
        if at_new - self._at_new:
            self._moved_at = virtual.passed()
        self._at_new = at_new
        if self._before.state in (State.IDLE, State.PREFLIGHT) and not [*self._lacks()]:
            self._whole_at = virtual.passed()
        self._harmed(proxies)
        self._counted_on = Counter(made_by(pod)[2] for pod in self._ready(GATEWAY))
        self._enough()

    def _harmed(self, proxies: dict[str, list[str]]) -> None:
        """U3: what fails since it moved, and nothing else does, is on its way back."""
        mesh, world, attempt = self._mesh.mesh, self._mesh.world, self._before.attempt
        spaces = {pod.partition("/")[0] for pod in self._at_new}
        fails = set(mesh.broken) & spaces and not set(mesh.broken) - spaces
        clear = not mesh.nothing_counted and not world.numbers.trouble and not mesh.deaf
        living = all(process.alive for process in world.processes.values())
        under_way = self._before.state in _JUDGED and attempt.pause is None
        if not (fails and clear and living and under_way):
            self._harmed_at = virtual.passed()
        elif virtual.passed() - self._harmed_at > HOME_WITHIN:
            self._laws.broken("U3", f"{sorted(mesh.broken)} fails, and it is {self._before.state}")

    def ended(self, status: UpgradeStatus) -> None:
        """U6: taken back all is as it was, and done nothing names the old control plane."""
        if status.state is State.RETURNED and not self.edited:
            now = self._carried()
            other = [name for name in {*now, *self.whole} if now.get(name) != self.whole.get(name)]
            if other:
                self._laws.broken("U6", f"taken back, and not as it was: {sorted(other)[:3]}")
        gone = status.state is State.DONE and status.attempt.removing
        if gone and (why := self._used()):
            self._laws.broken("U6", f"done, and {why}")

    def _carried(self) -> dict[str, object]:
        """Everything that says which control plane something is at, and the gateway's pods."""
        found = carriers(self._mesh.mesh)
        for obj in self._mesh.mesh.kube.list("Deployment"):
            if obj["metadata"]["namespace"] == GATEWAY:
                labels = obj["spec"]["template"]["metadata"]["labels"]
                found[obj["metadata"]["name"]] = obj["spec"].get("replicas"), labels
        return found

    def _ready(self, space: str) -> list[Json]:
        pods = self._mesh.mesh.kube.list("Pod")
        return [one for one in pods if one["metadata"]["namespace"] == space and is_ready(one)]


def _holds(freeze: Json) -> bool:
    begins, ends = (datetime.fromisoformat(freeze[key]) for key in ("from", "to"))
    return begins <= virtual.clock() < ends


def _mark(obj: Any) -> str:
    """What a restart is marked with; empty: none was."""
    notes = ((obj or {}).get("spec", {}).get("template", {}).get("metadata") or {}).get(
        "annotations"
    )
    return str((notes or {}).get(waves.RESTARTED_AT, ""))
