"""A cluster in memory, as the controller's port has it: patches are applied, pods come up at once.

What ``plan`` rehearses in. Nothing here decides anything.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout import jsonpatch
from rollout.controller.seeing import concerns
from rollout.errors import ConflictError, RefusedError
from rollout.messages.change import PlannedChange

Json = Mapping[str, Any]
Key = tuple[str, str, str]


@dataclass(slots=True)
class MemoryCluster:
    """The objects, and what was written since they were given.

    ``unready``: Deployments whose pods never come up.
    """

    written: list[PlannedChange] = field(default_factory=list)
    unready: frozenset[str] = frozenset()
    _objects: dict[Key, Json] = field(default_factory=dict)
    _versions: Iterable[int] = field(default_factory=itertools.count)

    def put(self, *objs: Json) -> None:
        """``objs`` are there as given; pods and endpoints are made, not taken."""
        for obj in objs:
            if obj.get("kind") not in ("Pod", "EndpointSlice"):
                self._objects[key_of(obj)] = self._versioned(obj)
        self._start_pods()

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        return self._objects.get((kind, namespace, name))

    def list(self, kind: str, concern: str = "") -> Sequence[Json]:
        keys = sorted(key for key in self._objects if key[0] == kind)
        found = [self._objects[key] for key in keys]
        return [obj for obj in found if not concern or concern in concerns.of(obj)]

    def some(self, kind: str) -> Json | None:
        return next(iter(self.list(kind)), None)

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        before = self.get(kind, namespace, name)
        if before is None:
            raise RefusedError(f"{kind.lower()} {namespace}/{name}: not found")
        try:
            after = self._versioned(jsonpatch.apply(before, list(ops)))
        except jsonpatch.PatchFailedError as error:
            raise ConflictError(f"{kind.lower()} {namespace}/{name}: {error}") from error
        self._write((kind, namespace, name), after, tuple(ops))
        return after

    async def create(self, obj: Json) -> Json:
        key = key_of(obj)
        if key in self._objects:
            raise ConflictError(f"{key[0].lower()} {key[1]}/{key[2]}: it is there already")
        made = self._versioned(obj)
        self._write(key, made, ())
        return made

    async def delete(self, kind: str, namespace: str, name: str, uid: str = "") -> None:
        obj = self._objects.get((kind, namespace, name))
        if obj is not None and (not uid or obj["metadata"].get("uid") == uid):
            self._write((kind, namespace, name), None, ())

    def _write(self, key: Key, after: Json | None, ops: tuple[Json, ...]) -> None:
        self.written.append(PlannedChange(*key, self._objects.get(key), after, ops))
        if after is None:
            del self._objects[key]
        else:
            self._objects[key] = after
        if key[0] in ("Deployment", "Service"):
            self._start_pods()

    def _versioned(self, obj: Json) -> Json:
        version = str(next(iter(self._versions)))
        kept = {"namespace": "default", **obj["metadata"], "resourceVersion": version}
        return {**obj, "metadata": kept}

    def _start_pods(self) -> None:
        """What a cluster would do within a minute: a ready pod for each that is wanted."""
        for key in [key for key in self._objects if key[0] in ("Pod", "EndpointSlice")]:
            del self._objects[key]
        pods = [pod for obj in self.list("Deployment") for pod in _pods(obj)]
        for obj in pods + [self._slice(service, pods) for service in self.list("Service")]:
            self._objects[key_of(obj)] = obj

    def _slice(self, service: Json, pods: Iterable[Json]) -> Json:
        meta, selector = service["metadata"], service["spec"].get("selector") or {}
        behind = [
            pod["metadata"]
            for pod in pods
            if pod["metadata"]["namespace"] == meta["namespace"]
            and selector.items() <= pod["metadata"]["labels"].items()
        ]
        return {
            "kind": "EndpointSlice",
            "metadata": {
                "name": meta["name"],
                "namespace": meta["namespace"],
                "labels": {"kubernetes.io/service-name": meta["name"]},
            },
            "endpoints": [
                {
                    "addresses": ["192.0.2.1"],
                    "conditions": {"ready": self._is_ready(pod)},
                    "targetRef": {"kind": "Pod", "name": pod["name"]},
                }
                for pod in behind
            ],
        }

    def _is_ready(self, pod: Json) -> bool:
        return pod["ownerReferences"][0]["name"].removesuffix("-0") not in self.unready


def key_of(obj: Json) -> Key:
    """Kind, namespace and name; no namespace is ``default``, as kubectl has it."""
    meta = obj["metadata"]
    return str(obj["kind"]), str(meta.get("namespace", "default")), str(meta["name"])


def _pods(deployment: Json) -> list[Json]:
    meta, spec = deployment["metadata"], deployment["spec"]
    labels = spec["template"]["metadata"].get("labels") or {}
    owner = {"kind": "ReplicaSet", "name": f"{meta['name']}-0", "controller": True}
    return [
        {
            "kind": "Pod",
            "metadata": {
                "name": f"{meta['name']}-0-{number}",
                "namespace": meta["namespace"],
                "labels": {**labels, "pod-template-hash": "0"},
                "ownerReferences": [owner],
            },
            "spec": _with_proxy(spec["template"].get("spec") or {}),
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        for number in range(int(spec.get("replicas", 1)))
    ]


def _with_proxy(spec: Json) -> Json:
    """The pod as the mesh's injector would make it; whether it is on, no file says."""
    if spec.get("hostNetwork"):
        return spec
    return {**spec, "containers": [*(spec.get("containers") or ()), {"name": "istio-proxy"}]}
