"""Revisions from a Deployment spec inside the Rollout: their hash, and the objects that run one.

A revision is the pod template and the content of the ConfigMaps and Secrets it names, so that a
change of configuration is a release, and a rollback restores configuration too.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from rollout import lenient
from rollout.model.spec import GROUP, VERSION, Rollout
from rollout.workloads import build, configuration
from rollout.workloads.deployment import REVISION

Obj = Mapping[str, Any]
Json = dict[str, Any]

OWNER = "rollout.dev/rollout"
_SETTLED_SECONDS = 5
"""A pod that dies within this time never counted as ready."""


def revision(template: Obj, configs: Iterable[Obj]) -> str:
    """The revision's hash, ten safe characters: same pods and configuration, same hash.

    ``template``: the Rollout's ``workload.template``, a Deployment spec; how many replicas it
    asks for is no part of a release.
    """
    pods = template.get("template") or {}
    said = {"pods": pods, "config": configuration.content(pods, configs)}
    return build.digest(said)


@dataclass(frozen=True, slots=True)
class Made:
    """The objects that run one revision; ``configs`` go first, so that pods find them."""

    configs: tuple[Json, ...]
    deployment: Json


def objects(rollout: Rollout, revision: str, configs: Iterable[Obj], replicas: int) -> Made:
    """The Deployment of ``revision`` and the copies of its configuration, owned by the Rollout.

    Its labels are the author's, ours, and ``version`` where the author set none
    (docs/facts.md and ROL-001: Istio's metrics tell versions by it).
    """
    spec = deepcopy(dict(rollout.spec.workload.template or {}))
    said = ",".join(_said(spec))
    marked = {"annotations": {SAID: said}} if said else {}
    pods = spec.get("template") or {}
    copied = configuration.copies(pods, configs, revision)
    pods = configuration.rewired(pods, copied, revision)
    ours = {OWNER: rollout.label, REVISION: revision}
    metadata = pods.get("metadata") or {}
    labels = {"version": revision} | (metadata.get("labels") or {}) | ours
    spec |= {
        "replicas": replicas,
        "selector": {"matchLabels": ours},
        "minReadySeconds": spec.get("minReadySeconds", _SETTLED_SECONDS),
        "revisionHistoryLimit": spec.get("revisionHistoryLimit") or 0,
        "template": pods | {"metadata": metadata | {"labels": labels}},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": rollout.deployment(revision)} | marked,
        "spec": spec,
    }
    owned = [_owned(c, rollout, ours) for c in (*copied, deployment)]
    return Made(tuple(owned[:-1]), owned[-1])


SAID = "rollout.dev/settings"
"""The annotation that names the settings that the author has said, so that one taken back shows."""

_SETTINGS: Json = {
    "minReadySeconds": _SETTLED_SECONDS,
    "progressDeadlineSeconds": 600,
    "revisionHistoryLimit": 0,
    "strategy": {},
}
"""Fields of a Deployment that are no part of a revision: they change without another pod.

With what holds where the author says nothing: ours, or Kubernetes' default.
Source: Kubernetes, "Deployments", "Updating a Deployment": only a change of the pod template
starts a rollout.
"""
_SHARE = "25%"  # of pods; Kubernetes' default of both


def _said(template: Obj) -> list[str]:
    return [name for name in _SETTINGS if template.get(name) is not None]


def outdated(deployment: Obj, template: Obj) -> tuple[str, ...]:
    """The settings that ``deployment`` has otherwise than its author says, or said before.

    What the API server, or whoever changes objects at its door, has added does not count.
    """
    wanted, stored = _whole(template), _whole(deployment["spec"])
    before = lenient.annotations(deployment).get(SAID, "").split(",")
    named = {*_said(template), *before, "minReadySeconds"}
    return tuple(n for n in _SETTINGS if n in named and stored[n] != wanted[n])


def _whole(spec: Obj) -> Json:
    """The settings of ``spec`` with every default, as the API server would store them."""
    said = _SETTINGS | {name: spec[name] for name in _said(spec)}
    strategy = {"type": "RollingUpdate"} | said["strategy"]
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.get("rollingUpdate") or {}
        strategy["rollingUpdate"] = {"maxSurge": _SHARE, "maxUnavailable": _SHARE} | rolling
    return said | {"strategy": strategy}


def settle(deployment: Obj, template: Obj) -> list[Json]:
    """The JSON Patch after which ``deployment`` has the template's settings; empty if it has."""
    names, whole = outdated(deployment, template), _whole(template)
    steps = [{"op": "add", "path": f"/spec/{name}", "value": whole[name]} for name in names]
    return [*steps, *_remembered(deployment, template)] if names else []


def _remembered(deployment: Obj, template: Obj) -> list[Json]:
    """Brings the annotation up to what the author says now; none where nothing is said."""
    mark, path = ",".join(_said(template)), f"/metadata/annotations/{SAID.replace('/', '~1')}"
    annotations = lenient.meta(deployment).get("annotations")
    if not mark:
        return [{"op": "remove", "path": path}] if SAID in (annotations or {}) else []
    if annotations is None:
        return [{"op": "add", "path": "/metadata/annotations", "value": {SAID: mark}}]
    return [{"op": "add", "path": path, "value": mark}]


def _owned(obj: Json, rollout: Rollout, labels: Mapping[str, str]) -> Json:
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Rollout",
        "name": rollout.name,
        "uid": rollout.uid,
        "controller": True,
    }
    more = {"namespace": rollout.namespace, "labels": dict(labels), "ownerReferences": [owner]}
    return obj | {"metadata": obj["metadata"] | more}


def is_ours(obj: Obj, rollout: Rollout) -> bool:
    """Whether this very Rollout owns ``obj``; a namesake that was deleted does not count."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(o.get("uid") == rollout.uid and o.get("controller") for o in owners)


def beyond(owned: Iterable[Obj], keep: Sequence[str], history: int) -> tuple[Obj, ...]:
    """What is to be deleted: all but ``keep`` and the ``history`` newest others.

    ``owned``: our Deployments and configuration copies; of a revision that goes, the Deployment
    goes first.
    """
    objs = [o for o in owned if (o["metadata"].get("labels") or {}).get(REVISION)]
    runs = [o for o in objs if o["kind"] == "Deployment" and _revision(o) not in keep]
    newest = sorted(runs, key=_age, reverse=True)
    stays = {*keep, *(_revision(o) for o in newest[:history])}
    gone = [o for o in objs if _revision(o) not in stays]
    return tuple(sorted(gone, key=lambda o: (o["kind"] != "Deployment", o["metadata"]["name"])))


def _revision(obj: Obj) -> str:
    return str(obj["metadata"]["labels"][REVISION])


def _age(obj: Obj) -> tuple[str, str]:
    return str(obj["metadata"].get("creationTimestamp", "")), str(obj["metadata"]["name"])
