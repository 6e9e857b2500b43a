"""Pods and what makes them anew: how each is restarted, and what a restart costs.

Sources: Kubernetes, "Deployments", "StatefulSets", "DaemonSet" (update strategies, defaults);
Argo Rollouts, "Restarting Rollout Pods"; Flagger, ``Canary`` (``targetRef``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from rollout import lenient
from rollout.istio import owner
from rollout.istio.revisions import proxies
from rollout.istio.revisions.selection import Selection, opts_out
from rollout.model.mesh import NOBODY, MeshPod, MeshWorkload, Resolution, Restart
from rollout.model.ref import Ref

Obj = Mapping[str, Any]
Held = Mapping[str, tuple[Obj, ...]]

LISTED = ("Deployment", "StatefulSet", "DaemonSet", "ArgoRollout")
_HASHES = (("pod-template-hash", "Deployment"), ("rollouts-pod-template-hash", "ArgoRollout"))
"""Labels of a ReplicaSet's pods, and what made the ReplicaSet; its name ends in the hash."""
_MANUAL = frozenset({"Job", "Pod", "Node"})
_DEFAULT = "25%"


class Fleet:
    """The mesh's pods, taken one by one, and the workloads that they belong to."""

    def __init__(
        self, selection: Selection, spaces: Mapping[str, Mapping[str, str]], held: Held
    ) -> None:
        self._selection = selection
        self._spaces = spaces
        self._objs = {
            Ref(kind, lenient.namespace(each), lenient.name(each)): each
            for kind in LISTED
            for each in held[kind]
        }
        self._runners = dict(_runners(held))
        self._pods: list[MeshPod] = []
        self._istiods: dict[tuple[str, str], set[str]] = {}

    def take(self, pods: Iterable[Obj]) -> None:
        """The pods that have a proxy, and those that should have one."""
        for each in pods:
            read = proxies.pod(each)
            read = read._replace(workload=_made_by(each, read.workload))
            labels = lenient.labels(each)
            notes = lenient.annotations(each)
            if labels.get("app") == "istiod" and read.ready and read.workload is not None:
                at = read.namespace, read.workload.name
                self._istiods.setdefault(at, set()).add(read.node)
            out = read.over or opts_out(labels, notes)
            if read.proxies or (not out and self._wants(each, labels)):
                self._pods.append(read)

    def _wants(self, pod: Obj, labels: Mapping[str, str]) -> bool:
        """Whether a webhook would have injected it; what uses the host's network is passed by.

        Source: istio/istio, ``pkg/kube/inject/inject.go``, ``injectRequired``.
        """
        if lenient.under(pod, "spec", "hostNetwork") is True:
            return False
        space = self._spaces.get(lenient.namespace(pod))
        return space is not None and self._selection.resolve(space, labels).injected

    def nodes(self, namespace: str) -> dict[str, int]:
        """How many nodes the ready pods of each istiod in ``namespace`` are on."""
        return {name: len(on) for (space, name), on in self._istiods.items() if space == namespace}

    @property
    def pods(self) -> tuple[MeshPod, ...]:
        """By namespace and name."""
        return tuple(sorted(self._pods, key=lambda pod: (pod.namespace, pod.name)))

    def obj(self, ref: Ref) -> Obj | None:
        """The workload's object; None: it is none of a kind that is listed."""
        return self._objs.get(ref)

    def resolution(self, namespace: str, labels: Mapping[str, str]) -> Resolution:
        """Where a pod with these labels would be injected."""
        return self._selection.resolve(self._spaces.get(namespace, {}), labels)

    def workloads(self, left_out: frozenset[Ref]) -> tuple[MeshWorkload, ...]:
        """All that have pods in the mesh, or will have with their next pod.

        ``left_out``: gateways, which are moved in another way.
        """
        mine: dict[Ref, list[MeshPod]] = {}
        for pod in self._pods:
            ref = pod.workload or pod.ref
            if not pod.over and ref not in left_out:
                mine.setdefault(ref, []).append(pod)
        objs = ((ref, obj) for ref, obj in self._objs.items() if ref not in left_out)
        made = (self._listed(ref, obj, bool(mine.get(ref))) for ref, obj in objs)
        listed = [each for each in made if each is not None]
        others = [_unlisted(ref, pods) for ref, pods in mine.items() if ref not in self._objs]
        return tuple(sorted((*listed, *others), key=lambda each: each.ref))

    def _listed(self, ref: Ref, obj: Obj, used: bool) -> MeshWorkload | None:
        spec = lenient.mapping(obj.get("spec"))
        template = lenient.mapping(spec.get("template"))
        labels = lenient.labels(template)
        resolution = self.resolution(ref.namespace, labels)
        alone = lenient.under(template, "spec", "hostNetwork") is True
        if alone or opts_out(labels, lenient.annotations(template)):
            resolution = NOBODY
        if not (used or resolution.injected or resolution.label):
            return None
        pods = _replicas(ref.kind, obj)
        moves = _moves(ref.kind, spec, pods)
        pod_spec = lenient.mapping(template.get("spec"))
        return MeshWorkload(
            ref,
            pods,
            _ready(ref.kind, obj),
            labels,
            lenient.annotations(template),
            moves.restart,
            moves.unavailable,
            moves.surge,
            timedelta(seconds=lenient.number(spec.get("minReadySeconds"))),
            timedelta(seconds=lenient.number(pod_spec.get("terminationGracePeriodSeconds"), 30)),
            _probed(pod_spec),
            self._runners.get(ref),
            resolution,
            owner.owner(obj),
            owner.is_put_back(obj) and not owner.is_left_alone(obj),
        )


def _unlisted(ref: Ref, pods: Sequence[MeshPod]) -> MeshWorkload:
    """A workload of another kind, of which only its pods are known."""
    manual = ref.kind in _MANUAL or not all(pod.restarts for pod in pods)
    return MeshWorkload(
        ref,
        len(pods),
        sum(pod.ready for pod in pods),
        restart=Restart.MANUAL if manual else Restart.POD_BY_POD,
        unavailable=1,
        surge=0,
    )


@dataclass(frozen=True, slots=True)
class _Moves:
    restart: Restart
    unavailable: int
    surge: int


def _moves(kind: str, spec: Obj, pods: int) -> _Moves:
    """How the workload's controller changes its pods."""
    strategy = lenient.mapping(spec.get("strategy" if kind == "Deployment" else "updateStrategy"))
    rolling = lenient.mapping(strategy.get("rollingUpdate"))
    if kind == "ArgoRollout":
        return _Moves(Restart.RESTART_AT, 1, 0)
    if kind == "Deployment" and spec.get("paused") is True:
        return _Moves(Restart.POD_BY_POD, 1, 0)  # no template of it reaches a pod meanwhile
    if kind == "Deployment" and strategy.get("type") == "Recreate":
        return _Moves(Restart.ANNOTATION, pods, 0)
    if kind == "Deployment":
        surge = _count(rolling.get("maxSurge"), _DEFAULT, pods, up=True)
        missing = _count(rolling.get("maxUnavailable"), _DEFAULT, pods, up=False)
        return _Moves(Restart.ANNOTATION, missing or (0 if surge else 1), surge)
    stays = strategy.get("type") == "OnDelete" or lenient.number(rolling.get("partition")) > 0
    missing = _count(rolling.get("maxUnavailable"), 1, pods, up=True)
    surge = _count(rolling.get("maxSurge"), 0, pods, up=True)
    restart = Restart.POD_BY_POD if stays else Restart.ANNOTATION
    return _Moves(restart, 1 if stays else max(missing, 0 if surge else 1), 0 if stays else surge)


def _count(value: object, default: int | str, pods: int, *, up: bool) -> int:
    """A number of pods from ``2`` or ``25%``. Source: Kubernetes API, ``IntOrString``."""
    given = default if value is None else value
    if isinstance(given, int) and not isinstance(given, bool):
        return max(given, 0)
    share = pods * (lenient.whole(lenient.text(given).removesuffix("%")) or 0) / 100
    return ceil(share) if up else int(share)


def _replicas(kind: str, obj: Obj) -> int:
    if kind == "DaemonSet":
        return lenient.number(lenient.under(obj, "status", "desiredNumberScheduled"))
    return lenient.number(lenient.under(obj, "spec", "replicas"), 1)


def _ready(kind: str, obj: Obj) -> int:
    key = "numberReady" if kind == "DaemonSet" else "readyReplicas"
    return lenient.number(lenient.under(obj, "status", key))


def _probed(spec: Obj) -> bool:
    containers = [
        each
        for each in lenient.mappings(spec.get("containers"))
        if each.get("name") != proxies.PROXY
    ]
    return all("readinessProbe" in each for each in containers)


def _made_by(pod: Obj, direct: Ref | None) -> Ref | None:
    """What makes the pod anew: its owner, or what made that ReplicaSet."""
    if direct is None or direct.kind != "ReplicaSet":
        return direct
    labels = lenient.labels(pod)
    for label, kind in _HASHES:
        ending = f"-{labels.get(label)}"
        if label in labels and direct.name.endswith(ending):
            return Ref(kind, direct.namespace, direct.name.removesuffix(ending))
    return direct


def _runners(held: Held) -> Iterator[tuple[Ref, Ref]]:
    """Deployments whose restart somebody's canary would take for a release."""
    for kind, way in (("Canary", ("spec", "targetRef")), ("ArgoRollout", ("spec", "workloadRef"))):
        for each in held[kind]:
            target = lenient.mapping(lenient.under(each, *way))
            if target.get("kind") in LISTED:
                space, runner = lenient.namespace(each), lenient.name(each)
                name = lenient.text(target.get("name"))
                yield Ref(str(target["kind"]), space, name), Ref(kind, space, runner)
