"""Whose fields they are: what ``metadata.managedFields`` says of us, and how it says so no more.

``spec.http`` and ``spec.subsets`` are lists that an API server lets one writer have as a whole
(Istio's CRDs name no list-map keys). While we have one, a server-side apply of its author is
refused; at rest that would be about bytes that are the author's own.
Source: Kubernetes, "Server-Side Apply": Conflicts; Merge strategy; Clearing managedFields.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rollout.istio import destinationrule, memory, virtualservice
from rollout.istio import patch as jsonpatch
from rollout.istio.patch import Op
from rollout.model.spec import MANAGER
from rollout.model.traffic import Target

Obj = Mapping[str, Any]


def held(
    virtual_services: Iterable[Obj], destination_rules: Iterable[Obj], target: Target
) -> tuple[Obj, ...]:
    """Those objects of ``target`` that name us as the manager of what their authors write.

    Not so a rule with a subset of our making, as an apply would take that away under a route
    that names it, nor an object on which another rollout has its marks still.
    """
    routes = virtualservice.discover(virtual_services, target)
    rules = destinationrule.governing(destination_rules, target)
    ours = (*routes, *(rule for rule in rules if not destinationrule.made(rule, target)))
    return tuple(obj for obj in ours if _entries(obj) and not memory.others(obj, target))


def marked(virtual_services: Iterable[Obj], target: Target) -> tuple[Obj, ...]:
    """Those that carry our annotation still."""
    return tuple(obj for obj in virtual_services if memory.read(obj, target))


def release(obj: Obj) -> list[Op]:
    """The JSON Patch after which we manage nothing of ``obj``; whoever wrote first makes it fail.

    An empty list of managers would be read as none sent; one empty entry means none there are.
    """
    mine, entries = _entries(obj), obj["metadata"]["managedFields"]
    if len(mine) == len(entries):
        before = {"op": "test", "path": "/metadata/resourceVersion"}
        version = {**before, "value": obj["metadata"]["resourceVersion"]}
        return [version, {"op": "replace", "path": _PATH, "value": [{}]}]
    rows = [jsonpatch.ListElement(at, entry) for at, entry in enumerate(entries) if at not in mine]
    after = {**obj["metadata"], "managedFields": jsonpatch.Rows(tuple(rows), ("manager",))}
    return jsonpatch.steps(dict(obj), {**obj, "metadata": after})


def unmark(obj: Obj, target: Target) -> list[Op]:
    """The JSON Patch after which ``obj`` remembers nothing of us: nobody is left to read it."""
    return jsonpatch.steps(dict(obj), memory.written(obj, target, None))


_PATH = "/metadata/managedFields"


def _entries(obj: Obj) -> list[int]:
    """Which entries are of our patches, and speak of the spec."""
    return [
        at
        for at, entry in enumerate(obj["metadata"].get("managedFields") or ())
        if entry.get("manager") == MANAGER
        and entry.get("operation") == "Update"
        and "f:spec" in (entry.get("fieldsV1") or {})
    ]
