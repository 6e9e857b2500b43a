"""The proxies of a pod: which revision injected them, which image, how many, whom they ask.

Sources: istio/istio, ``manifests/charts/istio-control/istio-discovery/files/
injection-template.yaml``; ``pkg/kube/inject/inject.go``, ``SidecarInjectionStatus``.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rollout import lenient
from rollout.model.mesh import INJECT, REV, MeshPod
from rollout.model.ref import Ref

Obj = Mapping[str, Any]

PROXY = "istio-proxy"
STATUS = "sidecar.istio.io/status"
OWN_IMAGE = "sidecar.istio.io/proxyImage"
TEMPLATES = "inject.istio.io/templates"
NATIVE = "sidecar.istio.io/nativeSidecar"
NAMES_NODE = ("PROXY_CONFIG", "CA_ADDR")
_META = ("name", "namespace", "uid", "labels", "ownerReferences", "deletionTimestamp")
_SPEC = ("nodeName", "hostNetwork", "restartPolicy")
_STOCK_TEMPLATES = ("", "sidecar", "gateway")


def pod(obj: Obj) -> MeshPod:
    """A pod and its proxies; ``workload`` is its direct owner, which the inventory looks through.

    A native sidecar is an init container that is started again for ever.
    """
    meta, spec = lenient.meta(obj), lenient.mapping(obj.get("spec"))
    status = lenient.mapping(obj.get("status"))
    notes = lenient.texts(meta.get("annotations"))
    found = list(proxies(spec))
    chief = found[0] if found else lenient.NONE
    return MeshPod(
        lenient.text(meta.get("namespace")),
        lenient.text(meta.get("name")),
        injected_by(notes) if found else "",
        lenient.text(chief.get("image")),
        len(found),
        bool(found) and chief.get("restartPolicy") == "Always",
        discovery(chief),
        _ready(status),
        status.get("phase") in ("Succeeded", "Failed"),
        meta.get("deletionTimestamp") is not None,
        owned_by(meta),
        lenient.text(spec.get("nodeName")),
        OWN_IMAGE in notes,
        notes.get(TEMPLATES, "") if notes.get(TEMPLATES, "") not in _STOCK_TEMPLATES else "",
        spec.get("restartPolicy", "Always") != "Never",
        lenient.text(meta.get("uid")),
    )


def slim(obj: Obj) -> Obj:
    """A pod with what ``pod`` and an inventory read of it, so that very many can be held."""
    meta, spec = lenient.meta(obj), lenient.mapping(obj.get("spec"))
    status = lenient.mapping(obj.get("status"))
    notes = lenient.texts(meta.get("annotations"))
    kept = {key: notes[key] for key in (REV, STATUS, OWN_IMAGE, TEMPLATES, INJECT) if key in notes}
    return {
        "metadata": {**{key: meta[key] for key in _META if key in meta}, "annotations": kept},
        "spec": {
            **{key: spec[key] for key in _SPEC if key in spec},
            **{
                key: [_slim(each) for each in lenient.mappings(spec.get(key))]
                for key in ("containers", "initContainers")
            },
        },
        "status": {
            "phase": status.get("phase"),
            "conditions": [
                {"type": each.get("type"), "status": each.get("status")}
                for each in lenient.mappings(status.get("conditions"))
                if each.get("type") == "Ready"
            ],
        },
    }


def _slim(container: Obj) -> Obj:
    kept = {key: container[key] for key in ("name", "image", "restartPolicy") if key in container}
    if container.get("name") != PROXY:
        return {"name": container.get("name")}
    env = [e for e in lenient.mappings(container.get("env")) if e.get("name") in NAMES_NODE]
    return {**kept, "env": env}


def proxies(spec: Obj) -> Iterator[Obj]:
    """The containers that are proxies, native ones last."""
    for each in lenient.mappings(spec.get("containers")):
        if each.get("name") == PROXY:
            yield each
    for each in lenient.mappings(spec.get("initContainers")):
        if each.get("name") == PROXY and each.get("restartPolicy") == "Always":
            yield each


def injected_by(annotations: Mapping[str, str]) -> str:
    """The revision that injected a pod: annotation ``istio.io/rev``, else the older status."""
    if annotations.get(REV):
        return annotations[REV]
    try:
        return lenient.text(lenient.under(json.loads(annotations.get(STATUS, "")), "revision"))
    except (ValueError, RecursionError):
        return ""


def discovery(container: Obj) -> str:
    """The istiod that a proxy asks: of its own configuration, else where it has certificates."""
    entries = {
        lenient.text(each.get("name")): lenient.text(each.get("value"))
        for each in lenient.mappings(container.get("env"))
        if each.get("name") in NAMES_NODE
    }
    try:
        config = json.loads(entries.get("PROXY_CONFIG") or "null")
    except (ValueError, RecursionError):
        config = None
    address = lenient.text(lenient.under(config, "discoveryAddress"))
    return address or entries.get("CA_ADDR", "")


def owned_by(meta: Obj) -> Ref | None:
    """The controller that made the object, in its namespace; None: nobody did."""
    for each in lenient.mappings(meta.get("ownerReferences")):
        if each.get("controller") is True:
            kind, name = lenient.text(each.get("kind")), lenient.text(each.get("name"))
            return Ref(kind, lenient.text(meta.get("namespace")), name)
    return None


def _ready(status: Obj) -> bool:
    return any(
        each.get("type") == "Ready" and each.get("status") == "True"
        for each in lenient.mappings(status.get("conditions"))
    )
