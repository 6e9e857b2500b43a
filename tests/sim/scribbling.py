"""What somebody writes by hand where only controllers write: in Leases, and in marks on objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rollout.controller import rights
from rollout.controller.leader import SHARDS, WISHED
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
            notes[objects.mark(name)] = MARKS[mishap.on]
        world.laws.edited(name)
        world.server.put({**held, "metadata": {**held["metadata"], "annotations": notes}})


def routes(change: Callable[[Any], list[Any]]) -> Callable[[World, Mishap, Process | None], None]:
    """Somebody changes the routes that we made for a cohort, in one way."""

    def done(world: World, mishap: Mishap, _: Process | None) -> None:
        name, _subject = world.subjects[mishap.who]
        held = world.server.get("VirtualService", NAMESPACE, name)
        listed = held["spec"]["http"] if held else ()
        mine = [one for one in listed if str(one.get("name")).startswith(f"rollout-{name}-")]
        if held is not None and mine:
            after = [new for one in listed for new in (change(one) if one in mine else [one])]
            world.laws.edited(name)
            world.server.put({**held, "spec": {**held["spec"], "http": after}})

    return done


def ruled(world: World, mishap: Mishap, _: Process | None) -> None:
    """Somebody writes a DestinationRule, of their own or over the one that is there."""
    name, subject = world.subjects[mishap.who]
    subsets = [{"name": "stable", "labels": {"version": world.stable(name)}}]
    rule = obj("DestinationRule", name, {"host": name, "subsets": subsets})
    if subject.author == "role":
        world.laws.edited(name)
        world.server.put(rule)
