"""Subsets of a DestinationRule: seen, pointed, made and removed; all other policy is its author's.

A subset that we made is remembered in our annotation, so that only such a one is ever removed.
"""

from collections.abc import Collection, Iterable, Mapping
from copy import deepcopy
from typing import Any

from rollout.istio import hosts, memory
from rollout.istio import patch as jsonpatch
from rollout.istio.memory import ObjectMemory
from rollout.istio.patch import Json, ListElement, Op, Rows
from rollout.istio.routes.listing import namespace, spec
from rollout.model.traffic import Target

Obj = Mapping[str, Any]
Labels = Mapping[str, str]

ROOT = "istio-system"
"""The namespace whose rules hold where nobody nearer has one."""

MADE = "rollout.dev/rollout"
"""The label of an object that we made; its value is the rollout's name."""


def governs(obj: Obj, target: Target) -> bool:
    """Whether ``obj`` is a DestinationRule for the target's service and for all who call it.

    Source: Istio API, DestinationRule: looked up in the caller's, the service's and the root
    namespace; ours lives in the service's. One with a ``workloadSelector`` is for some callers.
    """
    here = namespace(obj, target)
    host = str(spec(obj).get("host"))
    mine = here == target.namespace and hosts.means(host, here, target.host)
    return mine and not spec(obj).get("workloadSelector")


def governing(objs: Iterable[Obj], target: Target) -> tuple[Obj, ...]:
    """Those that govern the service together, in the order in which Istio merges them.

    The oldest comes first, of one second by name. Rules with another ``exportTo`` than the first,
    or than the one that the target names, are not merged with it.
    Source: istio/istio, pilot/pkg/model/destination_rule.go, ``mergeDestinationRule``.
    """
    found = sorted((o for o in objs if governs(o, target)), key=_age)
    named = [o for o in found if o["metadata"]["name"] == target.destination_rule]
    shown = [_shown(o) for o in (*named, *found)]
    return tuple(o for o in found if _shown(o) == shown[0])


def chosen(objs: Iterable[Obj], target: Target, subset: str = "") -> Obj | None:
    """The rule to write: the first that has ``subset``, since that one is in force.

    If none has it, the one that the target names, else the oldest; None: make one.
    """
    found = governing(objs, target)
    holding = [o for o in found if subset in subsets(o)]
    named = [o for o in found if o["metadata"]["name"] == target.destination_rule]
    return next(iter((*holding, *named, *found)), None)


def maker(objs: Iterable[Obj], target: Target, subset: str) -> Obj | None:
    """The rule in which this rollout made ``subset``, which alone may be removed."""
    return next((o for o in governing(objs, target) if subset in made(o, target)), None)


def in_force(objs: Iterable[Obj], target: Target) -> Obj | None:
    """By what callers without a rule of their own find the service now; None: there is none.

    Several rules of one host are one, as Istio merges them: of each name the first subset, and
    the first policy; it has the first one's metadata.
    Source: Istio, "Cross namespace configuration sharing" and ``DestinationRule.host``: the
    service's namespace comes before the root's, a name before a pattern, a longer pattern first.
    """
    everything = list(objs)
    if mine := governing(everything, target):
        return _merged(mine)
    found = [o for o in everything if _covers(o, target)]
    best = min((_rank(o, target) for o in found), default=None)
    alike = sorted((o for o in found if _rank(o, target) == best), key=_age)
    return _merged(o for o in alike if _shown(o) == _shown(alike[0])) if alike else None


def _merged(rules: Iterable[Obj]) -> Obj:
    first, *others = rules
    if not others:
        return first
    specs = [spec(o) for o in (first, *others)]
    entries: dict[str, Json] = {}
    for entry in (e for one in specs for e in one.get("subsets") or ()):
        entries.setdefault(entry["name"], entry)
    policies = [one["trafficPolicy"] for one in specs if one.get("trafficPolicy")]
    policy = {"trafficPolicy": policies[0]} if policies else {}
    return {**first, "spec": {**spec(first), **policy, "subsets": list(entries.values())}}


def _covers(obj: Obj, target: Target) -> bool:
    """Whether callers may find the service by it: by a pattern at home, by any name in the root."""
    here, host = namespace(obj, target), _host(obj, target)
    shown = here == target.namespace or "*" in _shown(obj)
    near = here in (target.namespace, ROOT) and "workloadSelector" not in spec(obj)
    return near and shown and hosts.covers(host, target.host)


def _rank(obj: Obj, target: Target) -> tuple[bool, bool, int]:
    host = _host(obj, target)
    return namespace(obj, target) == ROOT, host.startswith("*"), -len(host)


def _shown(obj: Obj) -> frozenset[str]:
    return frozenset(spec(obj).get("exportTo") or ["*"])


def _age(obj: Obj) -> tuple[str, str]:
    meta = obj["metadata"]
    return str(meta.get("creationTimestamp") or ""), str(meta["name"])


def _host(obj: Obj, target: Target) -> str:
    return hosts.full(str(spec(obj).get("host")), namespace(obj, target))


def subsets(obj: Obj | None) -> dict[str, dict[str, str]]:
    """Subset name to its labels, in order; of a name that comes twice the first is in force."""
    found: dict[str, dict[str, str]] = {}
    for entry in spec(obj or {}).get("subsets") or ():
        found.setdefault(entry["name"], dict(entry.get("labels") or {}))
    return found


def point(
    obj: Obj, target: Target, name: str, labels: Labels, epoch: int, like: Obj | None = None
) -> list[Op]:
    """The JSON Patch after which subset ``name`` selects exactly ``labels``; made if missing.

    One that we make gets a copy of the stable subset's traffic policy, so that the canary's
    connections have the limits that stable's have; ``like``: the rule in force, if ``obj`` is not
    all of it.
    Errors: ``ConflictError`` when a newer epoch is written.
    """
    entries = list(spec(obj).get("subsets") or ())
    at = next((i for i, e in enumerate(entries) if e["name"] == name), None)
    rows = [ListElement(i, e) for i, e in enumerate(entries)]
    ours = made(obj, target)
    if at is not None:
        rows[at] = ListElement(at, entries[at] | {"labels": dict(labels)})
    else:
        known = list(spec(like or obj).get("subsets") or ())
        rows.append(ListElement(None, _subset(name, labels, _policy(known, target))))
        ours = (*ours, name)
    if at is not None and subsets(obj)[name] == dict(labels):
        return []
    return _steps(obj, target, rows, ObjectMemory(epoch, target.host, subsets=ours))


def remove(obj: Obj, target: Target, name: str, epoch: int) -> list[Op]:
    """The JSON Patch after which there is no subset ``name`` of our making; a user's one stays.

    Errors: ``ConflictError`` when a newer epoch is written.
    """
    ours = made(obj, target)
    entries = spec(obj).get("subsets") or ()
    rows = [ListElement(i, e) for i, e in enumerate(entries) if e["name"] != name]
    if name not in ours or len(rows) == len(entries):
        return []
    left = tuple(m for m in ours if m != name)
    mine = ObjectMemory(epoch, target.host, subsets=left) if left else None
    memory.fence(obj, target, epoch, where(obj, target))
    return _steps(obj, target, rows, mine)


def manifest(
    target: Target, subsets: Mapping[str, Labels], epoch: int, like: Obj | None = None
) -> Json:
    """A DestinationRule of our own for a service that has none, marked as ours.

    ``like``: the rule that was in force; ours hides it from all callers, so it has its policy and
    its other subsets.
    """
    found = spec(like or {})
    others = [e for e in found.get("subsets") or () if e["name"] not in subsets]
    policies = {e["name"]: e.get("trafficPolicy") for e in found.get("subsets") or ()}
    usual = policies.get(target.stable)
    mine = [_subset(n, labels, policies.get(n, usual)) for n, labels in subsets.items()]
    policy = {"trafficPolicy": deepcopy(found["trafficPolicy"])} if "trafficPolicy" in found else {}
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
            **policy,
            "subsets": [*deepcopy(others), *mine],
        },
    }
    return memory.written(obj, target, ObjectMemory(epoch, target.host, subsets=tuple(subsets)))


def is_made(obj: Obj, target: Target) -> bool:
    """Whether this rollout made the whole object, so that it may delete it once it is empty."""
    return (obj["metadata"].get("labels") or {}).get(MADE) == target.rollout


def where(obj: Obj, target: Target) -> str:
    """The object as it is named in every phrase: ``destinationrule shop/shop``."""
    return f"destinationrule {namespace(obj, target)}/{obj['metadata']['name']}"


def carried(obj: Obj, live: Obj, names: Collection[str]) -> Obj:
    """``obj`` with the labels of its subsets ``names`` as ``live`` has them, and those it lacks."""
    mine = {e["name"]: e for e in spec(live).get("subsets") or () if e["name"] in names}
    entries = list(spec(obj).get("subsets") or ())
    there = {entry["name"] for entry in entries}
    kept = [
        {**e, "labels": mine[e["name"]].get("labels") or {}} if e["name"] in mine else e
        for e in entries
    ]
    added = [entry for name, entry in mine.items() if name not in there]
    return {**obj, "spec": {**spec(obj), "subsets": [*kept, *added]}} if mine else obj


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


def _steps(
    obj: Obj, target: Target, rows: list[ListElement], mine: ObjectMemory | None
) -> list[Op]:
    if mine is not None:
        memory.fence(obj, target, mine.epoch, where(obj, target))
    inside = {k: v for k, v in spec(obj).items() if k != "subsets"}
    if rows and "subsets" in spec(obj):
        inside = {**spec(obj), "subsets": Rows(tuple(rows), ("name", "labels"))}
    elif rows:
        inside = inside | {"subsets": [row.value for row in rows]}
    return jsonpatch.steps(dict(obj), memory.written({**obj, "spec": inside}, target, mine))
