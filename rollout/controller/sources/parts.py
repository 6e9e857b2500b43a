"""A team's own objects: which of them a source may apply, in which order, and with which marks."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from rollout import lenient
from rollout.controller.ports import Json
from rollout.controller.sources.apply import FILE, label
from rollout.manifest import objects
from rollout.model.source import LABEL, Part, Problem, Reading, RolloutSource

SAFE = frozenset(
    {
        "Deployment.apps",
        "Service",
        "ConfigMap",
        "HorizontalPodAutoscaler.autoscaling",
        "PodDisruptionBudget.policy",
        "VirtualService.networking.istio.io",
        "DestinationRule.networking.istio.io",
    }
)
"""Kinds that every source with ``manifests: true`` may apply, as ``Kind.group``."""

_CRD = "CustomResourceDefinition.apiextensions.k8s.io"
_STAGES: tuple[frozenset[str], ...] = (
    frozenset({"Namespace"}),
    frozenset({_CRD}),
    frozenset(
        {
            *("ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "LimitRange"),
            *("ResourceQuota", "Role.rbac.authorization.k8s.io"),
            "RoleBinding.rbac.authorization.k8s.io",
        }
    ),
    frozenset({"Service"}),
    frozenset({"Deployment.apps", "StatefulSet.apps", "DaemonSet.apps", "Job.batch"}),
    frozenset(),  # whatever is not named here
    frozenset({"DestinationRule.networking.istio.io"}),
    frozenset({"VirtualService.networking.istio.io"}),
)
"""What comes before what: a pod finds its configuration, a route its subset, a subset its pods."""

_OTHERS = next(index for index, stage in enumerate(_STAGES) if not stage)

Ref = tuple[str, str, str, str]
"""apiVersion, kind, namespace (empty: none) and name."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where and what a source may apply.

    ``abroad``: namespaces besides its own. ``kinds``: besides ``SAFE``, as ``Kind.group``.
    ``cluster_wide``: apiVersion and kind of those that stand in no namespace.
    """

    abroad: Collection[str] = ()
    kinds: Collection[str] = ()
    cluster_wide: Collection[tuple[str, str]] = ()


def group_kind(api_version: str, kind: str) -> str:
    """``Deployment.apps``; the core's kinds have no group."""
    group = api_version.rpartition("/")[0]
    return f"{kind}.{group}" if group else kind


def stage(api_version: str, kind: str) -> int:
    """When a kind's turn is, beginning with 0; all of one stage may go at once."""
    name = group_kind(api_version, kind)
    return next((index for index, one in enumerate(_STAGES) if name in one), _OTHERS)


def ref(source: RolloutSource, part: Part, bounds: Bounds) -> Ref:
    """Which object the part is."""
    wide = (part.api_version, part.kind) in bounds.cluster_wide
    return (
        part.api_version,
        part.kind,
        "" if wide else part.namespace or source.namespace,
        part.name,
    )


def brought(reading: Reading) -> Mapping[tuple[str, str], bool]:
    """Kinds that the reading defines itself, as apiVersion and kind: whether in namespaces."""
    found = {}
    for part in reading.parts:
        if group_kind(part.api_version, part.kind) != _CRD:
            continue
        spec = lenient.mapping(part.body.get("spec"))
        kind, group = str(lenient.mapping(spec.get("names")).get("kind")), spec.get("group")
        for version in lenient.mappings(spec.get("versions")):
            found[f"{group}/{version.get('name')}", kind] = spec.get("scope") == "Namespaced"
    return found


def refusals(source: RolloutSource, reading: Reading, bounds: Bounds) -> tuple[Problem, ...]:
    """Why parts of the reading may not be applied; empty when all may."""
    first: dict[tuple[str, str, str], Part] = {}
    found = []
    for part in reading.parts:
        version, kind, namespace, name = ref(source, part, bounds)
        key = group_kind(version, kind), namespace, name
        why = _refusal(source, part, namespace, bounds)
        if not why and key in first:
            earlier = first[key]
            why = f"stands in {earlier.file}:{earlier.line} already; one definition is wanted"
        first.setdefault(key, part)
        if why:
            found.append(problem(part, why))
    return tuple(found)


def problem(part: Part, why: str) -> Problem:
    """``why`` completes the sentence that the object's kind and name begin."""
    message = f"{part.file}:{part.line}: {part.kind.lower()} {part.name} {why}"
    return Problem(part.file, part.line, message)


def _refusal(source: RolloutSource, part: Part, namespace: str, bounds: Bounds) -> str:
    name = group_kind(part.api_version, part.kind)
    if name not in SAFE and name not in bounds.kinds:
        return f"is no kind that sources may apply; {name} under manifests in the policy allows it"
    inside = {source.namespace, *bounds.abroad}
    if name == "Namespace":
        namespace = part.name
    if namespace and namespace not in inside:
        return f"wants namespace {namespace}; this source writes into {source.namespace} only"
    return ""


def body(part: Part, at: Ref, mark: str = "") -> Json:
    """What is applied; ``mark``: the source's label, on what it made and may prune."""
    metadata = dict(part.body["metadata"])
    annotations = {
        **(metadata.get("annotations") or {}),
        objects.COMMIT: part.commit,
        objects.AUTHOR: part.author,
        FILE: part.file,
    }
    metadata |= {"annotations": annotations}
    if at[2]:
        metadata["namespace"] = at[2]
    else:
        metadata.pop("namespace", None)
    whole = _with_protocols(part.body)
    if mark:
        metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: mark}
    return {**whole, "metadata": metadata}


def _with_protocols(obj: Json) -> Json:
    """``obj`` whose ports say TCP where they say nothing.

    The protocol is a part of a port's key, and servers before 1.20 refuse an apply without it.
    Source: kubernetes/kubernetes #92332; others that apply from git do the same.
    """
    spec = obj.get("spec")
    if not isinstance(spec, Mapping):
        return obj
    if obj["kind"] == "Service":
        return {**obj, "spec": _ported(spec)}
    template = spec.get("template")
    pod = template.get("spec") if isinstance(template, Mapping) else None
    if not isinstance(template, Mapping) or not isinstance(pod, Mapping):
        return obj
    lists = {
        key: [_ported(one) if isinstance(one, Mapping) else one for one in pod[key]]
        for key in ("containers", "initContainers")
        if isinstance(pod.get(key), list)
    }
    return {**obj, "spec": {**spec, "template": {**template, "spec": {**pod, **lists}}}}


def _ported(value: Json) -> Json:
    ports = value.get("ports")
    if not isinstance(ports, list):
        return value
    made = [{"protocol": "TCP", **one} if isinstance(one, Mapping) else one for one in ports]
    return {**value, "ports": made}


def mark(source: RolloutSource, live: Json | None) -> str:
    """The label's value on what a source made; empty on what was there before there was one.

    ``live`` belongs to no other source that there is.
    """
    return label(source) if live is None or owner(live) else ""


def owner(live: Json) -> str:
    """Whose label an object has; empty: nobody's."""
    return str((live["metadata"].get("labels") or {}).get(LABEL, ""))


def digest(part: Part) -> str:
    """Another one where anything of the object in git is another."""
    text = json.dumps([part.body, part.commit, part.file], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def kinds(parts: Iterable[Part]) -> tuple[str, ...]:
    """apiVersions and kinds, ``apps/v1 Deployment``: where to look for what goes."""
    return tuple(sorted({f"{part.api_version} {part.kind}" for part in parts}))


def gone(
    present: Iterable[Json], source: RolloutSource, kept: Collection[tuple[str, str, str]]
) -> Iterator[Json]:
    """What the source made and git has no more, in the order in which it goes: routes first."""
    mine = [obj for obj in present if owner(obj) == label(source)]
    lost = [obj for obj in mine if identity(obj) not in kept]
    yield from sorted(lost, key=lambda obj: -stage(str(obj["apiVersion"]), str(obj["kind"])))


def identity(obj: Json) -> tuple[str, str, str]:
    """Kind and group, namespace, name: the same in every version of the kind."""
    metadata = obj["metadata"]
    name = group_kind(str(obj["apiVersion"]), str(obj["kind"]))
    return name, str(metadata.get("namespace", "")), str(metadata["name"])


def file(obj: Json) -> str:
    """The file that the object came from."""
    annotations: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    return str(annotations.get(FILE, ""))
