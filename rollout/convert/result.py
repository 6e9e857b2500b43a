"""What a conversion gives: objects of ours, a note for each field, and the way over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.convert.fields import Fate, Log, Note

API_VERSION = "rollout.dev/v1alpha1"
GATED = "a step ends once the analysis has certified it, or by its timeBox (20m)"


@dataclass(frozen=True, slots=True)
class Conversion:
    """``objects``: ready to be written; ``handover``: who owns the routes when, in order."""

    objects: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Note, ...] = ()
    handover: tuple[str, ...] = ()

    def count(self, fate: Fate) -> int:
        """How many fields came out so."""
        return sum(note.fate is fate for note in self.notes)

    def plus(self, other: "Conversion") -> "Conversion":
        """Both, in order; a hand-over that both need is told once."""
        return Conversion(
            (*self.objects, *other.objects),
            (*self.notes, *other.notes),
            tuple(dict.fromkeys((*self.handover, *other.handover))),
        )


def ours(
    kind: str, name: str, namespace: str, spec: Mapping[str, Any], meta: Mapping[str, Any]
) -> dict[str, Any]:
    """An object of ours; without namespace where the original had none; ``meta``: the rest."""
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {}) | dict(meta)
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": dict(spec)}


def approval() -> dict[str, Any]:
    """The gate of a step that people end, by ``rollout approve``."""
    return {"approvers": ["kubernetes"]}


def names(obj: Mapping[str, Any]) -> tuple[str, str]:
    """Name and namespace of an object, as text."""
    metadata = obj.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return str(known.get("name") or ""), str(known.get("namespace") or "")


def told(lines: Sequence[str], name: str, namespace: str) -> tuple[str, ...]:
    """The steps of a hand-over: ``NAME`` by its name, ``OBJECT`` as a command's arguments."""
    arguments = f"{name} -n {namespace}" if namespace else name
    return tuple(line.replace("OBJECT", arguments).replace("NAME", name) for line in lines)


def neighbour(
    objs: Sequence[Mapping[str, Any]], kind: str, name: str, namespace: str
) -> Mapping[str, Any] | None:
    """The object of that kind and name among those given; one without namespace is at home."""
    for obj in objs:
        at_home = names(obj)[1] in (namespace, "") or not namespace
        if at_home and (obj.get("kind"), names(obj)[0]) == (kind, name):
            return obj
    return None


def running(spec: Mapping[str, Any], path: str, log: Log) -> dict[str, Any]:
    """A Deployment's spec, without the 0 replicas that it has while another's pods serve."""
    if spec.get("replicas") != 0 or isinstance(spec.get("replicas"), bool):
        return dict(spec)
    log.add(path, Fate.CHANGED, "its 0 replicas are left out: write how many shall serve")
    return {key: value for key, value in spec.items() if key != "replicas"}


def label(text: str) -> str:
    """A metric's name as ours may be: what a label of DNS may have, ``-`` for the rest."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in text.lower())
    return kept.strip("-.")[:63] or "metric"
