"""A manifest beside the object in the cluster: what an apply would change, asked in a dry run."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout import yamltext
from rollout.edges.kube.objects import Objects
from rollout.errors import Outside, OutsideError

Json = Mapping[str, Any]

KUBECTL = "kubectl"
"""Who ``kubectl apply --server-side`` is: what it wrote and no manifest has any more would go."""
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp")
_LAST = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One object before and after; ``before`` is None where there is none yet."""

    name: str
    before: Json | None
    after: Json

    @property
    def differs(self) -> bool:
        return self.before != self.after

    def text(self) -> str:
        """A unified diff of the two as YAML; empty where nothing would change."""
        old, new = (_lines(obj) for obj in (self.before, self.after))
        kept = "/dev/null" if self.before is None else f"cluster/{self.name}"
        return "".join(difflib.unified_diff(old, new, kept, f"install/{self.name}"))


async def with_cluster(objects: Objects, obj: Json) -> Comparison:
    """What ``kubectl apply --server-side --force-conflicts`` would make of ``obj``.

    Errors: ``RefusedError`` where that would be refused, ``OutsideError`` without an answer.
    """
    kind, meta = str(obj["kind"]), obj["metadata"]
    space, name = str(meta.get("namespace", "")), str(meta["name"])
    label = f"{kind.lower()}/{space}/{name}" if space else f"{kind.lower()}/{name}"
    there = await _there(objects, str(obj["apiVersion"]), kind, space, name)
    if there is None:
        return Comparison(label, None, obj)
    after = await objects.apply(obj, force=True, dry=True, manager=KUBECTL)
    return Comparison(label, _plain(there), _plain(after))


async def _there(objects: Objects, version: str, kind: str, space: str, name: str) -> Json | None:
    """The object as it is stored; None also where the API server does not know its kind."""
    try:
        return await objects.read(version, kind, space, name)
    except OutsideError as error:
        if error.kind is Outside.UNKNOWN_KIND:
            return None
        raise


def summary(found: Sequence[Comparison]) -> str:
    """How many would be made, changed and left."""
    made = sum(each.before is None for each in found)
    changed = sum(each.differs and each.before is not None for each in found)
    same = len(found) - made - changed
    return f"{made} to create, {changed} to change, {same} as they are"


def _plain(obj: Json) -> Json:
    """Without what the API server keeps for itself, and without the status, which is others'."""
    meta = {key: value for key, value in obj["metadata"].items() if key not in _BOOKKEEPING}
    if notes := {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k != _LAST}:
        meta["annotations"] = notes
    rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": meta}


def _lines(obj: Json | None) -> list[str]:
    if obj is None:
        return []
    return yamltext.document(dict(obj), by_name=True).splitlines(keepends=True)
