"""A team's own rules and routes in git, applied by their source beside a rollout that writes, too.

S50 of docs/simulation.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rollout.errors import ConflictError, OwnedError
from rollout.model.spec import MANAGER
from tests.controller.shop import NAMESPACE
from tests.mortal import Life
from tests.sim import objects

if TYPE_CHECKING:
    from tests.sim.plan import Mishap
    from tests.sim.process import Process
    from tests.sim.server import Commit, Json
    from tests.sim.world import World

GIT = "git"
"""How those are named who write what a source applies."""
API = "networking.istio.io/v1"
_POLICY = {"connectionPool": {"http": {"http2MaxRequests": 7}}}
_EU = {"name": "eu", "labels": {"region": "eu"}}
Change = Callable[[dict[str, Any]], None]


def _each(change: Change) -> Change:
    def done(spec: dict[str, Any]) -> None:
        spec["subsets"] = [{**one} for one in spec.get("subsets") or ()]
        for one in spec["subsets"]:
            change(one)

    return done


CHANGES: Mapping[str, tuple[str, Change]] = {
    "a policy": ("DestinationRule", lambda spec: spec.update(trafficPolicy=_POLICY)),
    "a policy of each subset": (
        "DestinationRule",
        _each(lambda one: one.update(trafficPolicy=_POLICY)),
    ),
    "another subset": ("DestinationRule", lambda spec: spec["subsets"].append(_EU)),
    "no subsets": ("DestinationRule", lambda spec: spec.pop("subsets")),
    "other labels": ("DestinationRule", _each(lambda one: one.update(labels={"version": "v0"}))),
    "another host": ("DestinationRule", lambda spec: spec.update(host="other")),
    "a timeout": ("VirtualService", lambda spec: spec["http"][-1].update(timeout="9s")),
    "another route": (
        "VirtualService",
        lambda spec: spec["http"].insert(0, {**spec["http"][0], "timeout": "2s"}),
    ),
}
"""What the team changes of its own objects: of which kind, and how."""


@dataclass(eq=False)
class Team:
    """``changes``: those that git has by now. ``last``: each object as it was applied last.

    ``writers``: who wrote which of an object's fields last, as the API server would tell.
    """

    world: World
    changes: list[tuple[str, str]] = field(default_factory=list)
    gone: set[tuple[str, str]] = field(default_factory=set)
    last: dict[tuple[str, str], Json] = field(default_factory=dict)
    writers: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.server.listen.append(self._committed)

    def files(self, name: str) -> Mapping[str, Json]:
        """The team's objects as git has them."""
        subject = dict(self.world.subjects)[name]
        found = {}
        for made in objects.mesh(name, subject):
            spec: dict[str, Any] = _copied(made["spec"])
            for of, what in self.changes:
                kind, change = CHANGES[what]
                if of == name and kind == made["kind"]:
                    change(spec)
            if (name, str(made["kind"])) not in self.gone:
                file = f"{name}-{made['kind'].lower()}.yaml"
                found[file] = {"apiVersion": API, **made, "spec": spec}
        return found

    def _committed(self, commit: Commit) -> None:
        """S50: what a source applies moves no request, and no subset that has any."""
        kind, name = commit.change.bucket, str(commit.new["metadata"]["name"])
        if kind not in ("VirtualService", "DestinationRule") or commit.old is None or commit.gone:
            return
        old, new = objects.written(commit.old), objects.written(commit.new)
        for key in {*old, *new}:
            if old.get(key) != new.get(key):
                self.writers[kind, name, key] = commit.actor
        if not commit.actor.startswith(GIT) or name not in dict(self.world.subjects):
            return
        laws = self.world.laws
        if kind == "VirtualService" and laws.shares(commit.old, name) != laws.shares(
            commit.new, name
        ):
            laws.broken("S50", f"{name}: git's routes divide otherwise")
        held = self.world.server.get("VirtualService", NAMESPACE, name)
        if kind == "DestinationRule" and held is not None:
            before, after = ({s["name"]: s.get("labels") for s in one.get("subsets") or ()}
                             for one in (old, new))  # fmt: skip
            for weights in objects.weights(held, name):
                lost = [s for s, w in weights.items() if w and before.get(s) != after.get(s)]
                if lost:
                    laws.broken("S50", f"{name}: git's rule has other pods for {lost}")

    def ended(self) -> None:
        """S50: at rest git's word of the team's own objects is in force, or it is told why not."""
        source = self.world.server.get("RolloutSource", NAMESPACE, "git") or {}
        if (source.get("status") or {}).get("rejected"):
            return
        for name, _ in self.world.subjects:
            for made in self.files(name).values():
                held = self.world.server.get(str(made["kind"]), NAMESPACE, name)
                wanted, found = made["spec"], objects.written(held)
                if why := _unlike(wanted, found, name):
                    self.world.laws.broken("S50", f"{made['kind']} {name}: {why}")

    def door(self, life: Life, actor: str) -> Applying:
        """How a process applies them."""
        return Applying(self, life, f"{GIT} by {actor}")


def _unlike(wanted: Json, found: Json, name: str) -> str:
    """What git says and a rollout never writes is otherwise; empty: nothing is."""
    plain, rest = ({k: v for k, v in one.items() if k not in _SHARED} for one in (wanted, found))
    routes = [[{k: v for k, v in route.items() if k != "route"} for route in one.get("http") or ()
               if not str(route.get("name", "")).startswith(f"rollout-{name}-")]
              for one in (wanted, found)]  # fmt: skip
    policies, live = ({one["name"]: one.get("trafficPolicy") for one in spec.get("subsets") or ()}
                      for spec in (wanted, found))  # fmt: skip
    own = {key: live.get(key) for key in live if key in policies or key not in _SIDES}
    if plain != rest or routes[0] != routes[1] or policies != own:
        return f"{rest} {routes[1]} {own}, and git has {plain} {routes[0]} {policies}"
    return ""


_SHARED = ("http", "subsets")
_SIDES = ("stable", "canary", *objects.REVISIONS)
"""Subsets that a rollout makes, or keeps as long as its routes name them."""


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Applying:
    """The port ``Objects`` on the simulated server: each field of a spec has one manager.

    So it is of Istio's kinds, whose lists are written as a whole.
    """

    team: Team
    life: Life
    actor: str

    async def in_namespaces(self, api_version: str, kind: str) -> bool:
        await self._way()
        return True

    async def read(self, api_version: str, kind: str, namespace: str, name: str) -> Json | None:
        await self._way()
        held = self.team.world.server.get(kind, namespace, name)
        return None if held is None else {"apiVersion": api_version, **held}

    async def marked(
        self, api_version: str, kind: str, namespace: str, label: str
    ) -> Sequence[Json]:
        await self._way()
        key, _, value = label.partition("=")
        return [
            {"apiVersion": api_version, **one}
            for one in self.team.world.server.all(kind)
            if one["metadata"].get("namespace") == namespace
            and (one["metadata"].get("labels") or {}).get(key) == value
        ]

    async def apply(self, obj: Json, *, force: bool = False, dry: bool = False) -> Json:
        await self._way()
        made = self._merged(obj, force=force)
        if not dry:
            kind, name = str(obj["kind"]), str(obj["metadata"]["name"])
            await self.life.effect(f"apply {kind}", lambda: self._put(made))
            self.team.last[kind, name] = obj
        return made

    async def _put(self, made: Json) -> None:
        self.team.world.server.put(made, actor=self.actor)

    def _merged(self, obj: Json, *, force: bool) -> Json:
        kind, meta = str(obj["kind"]), {**obj["metadata"]}
        name, version = str(meta["name"]), meta.pop("resourceVersion", None)
        held = self.team.world.server.get(kind, str(meta.get("namespace", "")), name)
        if held is None:
            return {**obj, "metadata": meta}
        if version not in (None, held["metadata"]["resourceVersion"]):
            raise ConflictError(f"{kind.lower()} {name}: somebody wrote it meanwhile")
        last, live = objects.written(self.team.last.get((kind, name))), objects.written(held)
        wanted = objects.written(obj)
        theirs = [
            (f".spec.{key}", self._manager(kind, name, key))
            for key, value in wanted.items()
            if key in live and live[key] != value and live[key] != last.get(key)
        ]
        if theirs and not force:
            raise OwnedError(f"{kind.lower()} {name}: conflicts", tuple(theirs))
        lost = last.keys() - wanted.keys()
        spec = {**{key: value for key, value in live.items() if key not in lost}, **wanted}
        noted = {
            part: {**(held["metadata"].get(part) or {}), **(meta.get(part) or {})}
            for part in ("labels", "annotations")
        }
        return {**held, "metadata": {**held["metadata"], **noted}, "spec": spec}

    def _manager(self, kind: str, name: str, key: str) -> str:
        writer = self.team.writers.get((kind, name, key), "kubectl")
        return MANAGER if writer.startswith("controller") else writer

    async def remove(self, obj: Json) -> None:
        await self._way()
        meta = obj["metadata"]
        where = str(obj["kind"]), str(meta.get("namespace", "")), str(meta["name"])
        self.team.world.server.remove(*where, self.actor)

    async def _way(self) -> None:
        await self.life.go_on()
        await asyncio.sleep(self.team.world.plan.setup.latency)


def _writes(world: World, mishap: Mishap, _: Process | None) -> None:
    """The team pushes other rules or routes, or (``gone``) has none of a kind any more."""
    name, _subject = world.subjects[mishap.who]
    assert world.team is not None
    if mishap.on == "as before":
        world.team.changes.clear()
    elif mishap.on.endswith(" gone"):
        world.team.gone.add((name, mishap.on.removesuffix(" gone")))
    else:
        world.team.changes.append((name, mishap.on))
    world.laws.edited(name)
    world.commit_files()


DO: Mapping[str, Callable[[World, Mishap, Process | None], None]] = {"team pushes": _writes}
