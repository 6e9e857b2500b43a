"""What somebody writes by hand where only controllers write: in Leases, and in marks on objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rollout.controller import rights
from rollout.controller.leader import SHARDS, WISHED
from rollout.manifest import former as shapes
from tests import virtual
from tests.controller.shop import NAMESPACE, obj
from tests.sim import objects
from tests.sim.process import SYSTEM

if TYPE_CHECKING:
    from tests.sim.plan import Mishap
    from tests.sim.process import Process
    from tests.sim.server import Json
    from tests.sim.world import World

STRANGER = "somebody-else"
Change = Callable[[Any, dict[str, Any]], Any]


def _annotated(name: str, text: str) -> Change:
    def change(_: Any, meta: dict[str, Any]) -> None:
        meta["annotations"] = {**(meta.get("annotations") or {}), name: text}

    return change


def _bare(_: Any, meta: dict[str, Any]) -> None:
    meta.pop("annotations", None)


def _with(**fields: Any) -> Change:
    return lambda spec, _: spec.update(fields)


def _without(field: str) -> Change:
    return lambda spec, _: spec.pop(field, None)


LEASES: Mapping[str, Change] = {
    "digits": _annotated(SHARDS, "1²"),
    "words": _annotated(SHARDS, "many"),
    "another number": _annotated(SHARDS, "7"),
    "wished": _annotated(WISHED, STRANGER),
    "bare": _bare,
    "nobody": _with(holderIdentity=""),
    "no turns": _without("leaseTransitions"),
    "no time": _without("acquireTime"),
}
"""What a Lease says afterwards, or says no more."""
MARKS: Mapping[str, Any] = {
    "words": "not yours",
    "other": json.dumps({"epoch": "first", "host": 5}),
    "negative": json.dumps({"epoch": -3, "host": "shop"}),
    "far": json.dumps({"epoch": 2**60, "host": "shop"}),
    "no text": {"epoch": 3},
}
"""What stands afterwards where a rollout remembers what it wrote."""


def _lease(world: World, mishap: Mishap) -> Json | None:
    return world.server.get("Lease", SYSTEM, rights.leases(9)[int(mishap.value)])


def taken(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another holder writes itself into a Lease, and is not heard of again."""
    held = _lease(world, mishap)
    if held is not None:
        now = virtual.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        turns = int(held["spec"].get("leaseTransitions") or 0) + 1
        spec = {**held["spec"], "holderIdentity": STRANGER, "renewTime": now}
        world.server.put({**held, "spec": {**spec, "leaseTransitions": turns}})


def scribbled(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody edits a Lease, or deletes it."""
    held = _lease(world, mishap)
    if held is None:
        return
    if mishap.on == "gone":
        world.server.remove("Lease", SYSTEM, held["metadata"]["name"])
        return
    spec, meta = {**held["spec"]}, {**held["metadata"]}
    LEASES[mishap.on](spec, meta)
    world.server.put({**held, "spec": spec, "metadata": meta})


def _scribble(what: str, before: str) -> Any:
    """What stands there afterwards; a newer one is as another controller would have written it."""
    if what == "newer":
        made = json.loads(before)
        return json.dumps({**made, "epoch": made["epoch"] + 5})
    return MARKS[what]


def marked(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody edits a mark of ours, as one who copies an object or clears annotations does."""
    name, _subject = world.subjects[mishap.who]
    for kind in ("VirtualService", "DestinationRule"):
        held = world.server.get(kind, NAMESPACE, name)
        if held is None or objects.mark(name) not in (held["metadata"].get("annotations") or {}):
            continue
        notes = {**held["metadata"]["annotations"]}
        if mishap.do == "mark gone":
            del notes[objects.mark(name)]
        else:
            notes[objects.mark(name)] = _scribble(mishap.on, notes[objects.mark(name)])
        world.laws.edited(name)
        world.server.put({**held, "metadata": {**held["metadata"], "annotations": notes}})


def routes(change: Callable[[Any], list[Any]]) -> Callable[[World, Mishap, Process | None], None]:
    """Somebody changes the routes that we made for a cohort, in one way."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        held = world.server.get("VirtualService", NAMESPACE, name)
        listed = held["spec"]["http"] if held else ()
        mine = [one for one in listed if _is_made(one, name)]
        if held is not None and mine:
            after = [new for one in listed for new in (change(one) if one in mine else [one])]
            world.made[name] = mine
            world.laws.edited(name)
            world.server.put({**held, "spec": {**held["spec"], "http": after}})

    return done


def moved(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody puts the routes that we made behind all others."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        listed = held["spec"].get("http") or []
        world.made[name] = [one for one in listed if _is_made(one, name)] or world.made[name]
        order = sorted(listed, key=lambda one: _is_made(one, name))
        world.laws.edited(name)
        world.server.put({**held, "spec": {**held["spec"], "http": order}})


def put_back(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody applies an old copy, in which routes are that we made."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        listed = [*world.made[name], *(held["spec"].get("http") or ())]
        world.laws.edited(name)
        world.server.put({**held, "spec": {**held["spec"], "http": listed}})


def _is_made(route: Any, name: str) -> bool:
    return str(route.get("name")).startswith(f"rollout-{name}-")


def emptied(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody takes every route out of a VirtualService, and puts them in again."""
    name, subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        world.laws.edited(name)
        world.server.put({**held, "spec": {"hosts": held["spec"]["hosts"]}})
        made = objects.mesh(name, subject, world.stable(name))[-1]
        world.later(max(mishap.lasts, 0.5), _again, world, made)


def _again(world: World, made: Json) -> None:
    name = made["metadata"]["name"]
    if held := world.server.get("VirtualService", NAMESPACE, name):
        world.laws.edited(name)
        world.server.put({**held, "spec": made["spec"]})


def shaped(world: World, mishap: Mishap, _: Process | None) -> None:
    """Its author writes the VirtualService in another way; for a while, where that has an end."""
    name, subject = world.subjects[mishap.who]
    held = world.server.get("VirtualService", NAMESPACE, name)
    if held is not None:
        other = replace(subject, shape=mishap.on)
        made = objects.mesh(name, other, world.stable(name))[-1]
        world.laws.edited(name)
        world.server.put({**held, "spec": made["spec"]})
        if mishap.lasts:
            world.later(mishap.lasts, _undone, world, {**made, "spec": held["spec"]})


def _undone(world: World, made: Json) -> None:
    """It is as we had left it, so nobody's edit stands any more."""
    _again(world, made)
    world.laws.evidence.of(made["metadata"]["name"]).most = None


def pointed(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody writes the canary's subset by hand, as it is to be."""
    name, _subject = world.subjects[mishap.who]
    held = world.server.get("DestinationRule", NAMESPACE, name)
    if held is not None and held["spec"].get("subsets"):
        left = [one for one in held["spec"]["subsets"] if one["name"] != "canary"]
        mine = {"name": "canary", "labels": {"version": world.asked[name]}}
        world.laws.edited(name)
        world.server.put({**held, "spec": {**held["spec"], "subsets": [*left, mine]}})


def replaced(world: World, mishap: Mishap, _: Process | None) -> None:
    """The Rollout is deleted with all its finalizers; with a value, it is there again at once.

    ``unreadable``: for a while nobody can read what is there then.

    What was under way is forgotten with it: nobody is left who could take it home.
    """
    name, subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None:
        world.laws.forgotten(name)
        world.server.change("Rollout", NAMESPACE, name, _NO_FINALIZER)
        world.server.remove("Rollout", NAMESPACE, name)
        if mishap.value:
            made = objects.spec(name, subject, world.asked[name])
            odd = {"strategy": {"canary": {"steps": "none"}}} if mishap.on else {}
            world.server.put({**made, "spec": {**made["spec"], **odd}})
            if odd:
                back = {"op": "replace", "path": "/spec", "value": made["spec"]}
                world.later(mishap.lasts, world.server.change, "Rollout", NAMESPACE, name, [back])


_NO_FINALIZER = [{"op": "add", "path": "/metadata/finalizers", "value": []}]
OTHERS = "example.com/backup"


def held(world: World, mishap: Mishap, _: Process | None) -> None:
    """Another controller's finalizer is on the Rollout for a while; with a value, ours is not."""
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None:
        mine = [] if mishap.value else held["metadata"].get("finalizers") or []
        ops = [{"op": "add", "path": "/metadata/finalizers", "value": [*mine, OTHERS]}]
        world.laws.edited(name)
        world.server.change("Rollout", NAMESPACE, name, ops)
        world.later(mishap.lasts, _let_go, world, name)


def _let_go(world: World, name: str) -> None:
    held = world.rollout(name)
    if held is not None:
        left = [one for one in held["metadata"].get("finalizers") or () if one != OTHERS]
        ops = [{"op": "add", "path": "/metadata/finalizers", "value": left}]
        world.server.change("Rollout", NAMESPACE, name, ops)


STATUSES: Mapping[str, Any] = {
    "gone": {},
    "odd": {"stage": "on its way", "epoch": "many"},
    "under way": {"stage": {"name": "Stepping", "split": "half"}, "epoch": 3},
}


def status(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody edits a status by hand."""
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None:
        world.laws.forgotten(name)
        world.server.put({**held, "status": STATUSES[mishap.on]})


def former(world: World, mishap: Mishap, _: Process | None) -> None:
    """The status is as a version before this one wrote it: in the former shape."""
    name, _subject = world.subjects[mishap.who]
    held = world.rollout(name)
    if held is not None and held.get("status"):
        status = held["status"]
        flat = {field: value for field, value in status.items() if field not in _BY_LIFETIME}
        for field, path in shapes._MOVED.items():
            value = status
            for part in path:
                value = (value or {}).get(part)
            flat |= {} if value is None else {field: value}
        world.server.put({**held, "status": flat})


_BY_LIFETIME = {path[0] for path in shapes._MOVED.values()}


def template_gone(world: World, mishap: Mishap, _: Process | None) -> None:
    """The template that holds a rollout's metrics is deleted, and is there again later."""
    name, _subject = world.subjects[mishap.who]
    world.server.remove("AnalysisTemplate", NAMESPACE, name)
    world.later(max(mishap.lasts, 0.5), world.server.put, objects.template(name))


def measured(world: World, mishap: Mishap, _: Process | None) -> None:
    """The template by which some are judged is another for a while, or none."""
    world.server.remove("AnalysisTemplate", NAMESPACE, "measures")
    if (made := objects.MISTAKEN[mishap.on]) is not None:
        world.server.put(obj("AnalysisTemplate", "measures", made))
    right = obj("AnalysisTemplate", "measures", objects.MEASURES)
    world.later(max(mishap.lasts, 0.5), world.server.put, right)


def ruled(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody writes a DestinationRule, of their own or over the one that is there."""
    name, subject = world.subjects[mishap.who]
    subsets = [{"name": "stable", "labels": {"version": world.stable(name)}}]
    rule = obj("DestinationRule", name, {"host": name, "subsets": subsets})
    if subject.author == "role":
        world.laws.edited(name)
        world.server.put(rule)
