"""Subsets of a DestinationRule: seen, pointed, made and removed; all other policy is its author's.

A subset that we made is remembered in our annotation, so that only such a one is ever removed.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from rollout.istio import hosts, memory
from rollout.istio import patch as jsonpatch
from rollout.istio.memory import Memory
from rollout.istio.patch import Json, Op, Row, Rows
from rollout.istio.routes.listing import namespace, spec
from rollout.model.status import SubsetMode
from rollout.model.traffic import Target

Obj = Mapping[str, Any]
Labels = Mapping[str, str]

MADE = "rollout.dev/rollout"
"""The label of an object that we made; its value is the rollout's name."""


def governs(obj: Obj, target: Target) -> bool:
    """Whether ``obj`` is the DestinationRule in force for the target's service.

    Source: Istio API, DestinationRule: looked up in the caller's, the service's and the root
    namespace; ours lives in the service's.
    """
    here = namespace(obj, target)
    host = str(spec(obj).get("host"))
    return here == target.namespace and hosts.means(host, here, target.host)


def chosen(objs: Iterable[Obj], target: Target) -> Obj | None:
    """The rule to write: the one the target names, else the oldest in force; None: make one."""
    found = [o for o in objs if governs(o, target)]
    named = [o for o in found if o["metadata"]["name"] == target.destination_rule]
    oldest = sorted(found, key=lambda o: str(o["metadata"].get("creationTimestamp", "")))
    return next(iter((*named, *oldest)), None)


def subsets(obj: Obj | None) -> dict[str, dict[str, str]]:
    """Subset name to its labels, in order; of a name that comes twice the first is in force."""
    found: dict[str, dict[str, str]] = {}
    for entry in spec(obj or {}).get("subsets") or ():
        found.setdefault(entry["name"], dict(entry.get("labels") or {}))
    return found


def point(obj: Obj, target: Target, name: str, labels: Labels, epoch: int) -> list[Op]:
    """The JSON Patch after which subset ``name`` selects exactly ``labels``; made if missing.

    One that we make gets a copy of the stable subset's traffic policy, so that the canary's
    connections have the limits that stable's have.
    Errors: ``ConflictError`` when a newer epoch is written.
    """
    entries = list(spec(obj).get("subsets") or ())
    at = next((i for i, e in enumerate(entries) if e["name"] == name), None)
    rows = [Row(i, e) for i, e in enumerate(entries)]
    ours = made(obj, target)
    if at is not None:
        rows[at] = Row(at, entries[at] | {"labels": dict(labels)})
    else:
        rows.append(Row(None, _subset(name, labels, _policy(entries, target))))
        ours = (*ours, name)
    if at is not None and subsets(obj)[name] == dict(labels):
        return []
    return _steps(obj, target, rows, Memory(epoch, target.host, subsets=ours))


def remove(obj: Obj, target: Target, name: str, epoch: int) -> list[Op]:
    """The JSON Patch after which there is no subset ``name`` of our making; a user's one stays.

    Errors: ``ConflictError`` when a newer epoch is written.
    """
    ours = made(obj, target)
    entries = spec(obj).get("subsets") or ()
    rows = [Row(i, e) for i, e in enumerate(entries) if e["name"] != name]
    if name not in ours or len(rows) == len(entries):
        return []
    left = tuple(m for m in ours if m != name)
    mine = Memory(epoch, target.host, subsets=left) if left else None
    memory.fence(obj, target, epoch, where(obj, target))
    return _steps(obj, target, rows, mine)


def manifest(target: Target, subsets: Mapping[str, Labels], epoch: int) -> Json:
    """A DestinationRule of our own for a service that has none, marked as ours."""
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {
            "name": target.destination_rule or hosts.short(target.host),
            "namespace": target.namespace,
            "labels": {MADE: target.rollout},
        },
        "spec": {
            "host": target.host,
            "subsets": [_subset(name, labels) for name, labels in subsets.items()],
        },
    }
    return memory.written(obj, target, Memory(epoch, target.host, subsets=tuple(subsets)))


def is_made(obj: Obj, target: Target) -> bool:
    """Whether this rollout made the whole object, so that it may delete it once it is empty."""
    return (obj["metadata"].get("labels") or {}).get(MADE) == target.rollout


def where(obj: Obj, target: Target) -> str:
    """The object as it is named in every phrase: ``destinationrule shop/shop``."""
    return f"destinationrule {namespace(obj, target)}/{obj['metadata']['name']}"


def mode(obj: Obj | None, used: Iterable[str], revisions: Mapping[str, Labels]) -> SubsetMode:
    """How the rule names revisions.

    VERSION when each subset that routes use selects one of ``revisions`` and is no role.
    ``used``: subsets that ordinary requests go to. ``revisions``: name to singling-out labels.
    """
    names = {name for name in used if name}
    versions = {  # of a revision that several subsets select, the first counts
        revision: name
        for revision, labels in revisions.items()
        for name, selects in reversed(subsets(obj).items())
        if labels and name not in ("stable", "canary") and labels.items() <= selects.items()
    }
    return SubsetMode.VERSION if names and names <= {*versions.values()} else SubsetMode.ROLE


def made(obj: Obj, target: Target) -> tuple[str, ...]:
    """Names of the subsets that this rollout made."""
    known = memory.read(obj, target)
    return known.subsets if known else ()


def _subset(name: str, labels: Labels, policy: Json | None = None) -> Json:
    subset: Json = {"name": name, "labels": dict(labels)}
    return subset | ({"trafficPolicy": deepcopy(policy)} if policy else {})


def _policy(entries: list[Json], target: Target) -> Json | None:
    found = (e.get("trafficPolicy") for e in entries if e["name"] == target.stable)
    return next(found, None)


def _steps(obj: Obj, target: Target, rows: list[Row], mine: Memory | None) -> list[Op]:
    if mine is not None:
        memory.fence(obj, target, mine.epoch, where(obj, target))
    inside = {k: v for k, v in spec(obj).items() if k != "subsets"}
    if rows and "subsets" in spec(obj):
        inside = {**spec(obj), "subsets": Rows(tuple(rows), ("name", "labels"))}
    elif rows:
        inside = inside | {"subsets": [row.value for row in rows]}
    return jsonpatch.steps(dict(obj), memory.written({**obj, "spec": inside}, target, mine))
