"""How a mesh may be, and how git may ask for its upgrade."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.controller.shop import NAMESPACE
from tests.upgrade.cluster import (
    NEW,
    NODES,
    OLD,
    SYSTEM,
    Mesh,
    injector_config,
    namespace,
    root,
    workload,
)

if TYPE_CHECKING:
    from tests.sim.server import Json

BAKE = "30s"
COMPONENT = "operator.istio.io/component"
WAVES: list[dict[str, Any]] = [
    {"name": "rest", "selector": {"istio.io/rev": OLD}, "bake": BAKE},
    {"name": "by-tag", "tag": "prod", "bake": BAKE},
]
_CANARY: dict[str, Any] = {"name": "canary", "namespaces": ["shop1"], "bake": BAKE}
GATEWAY = {"deployment": "ingress/gw", "shares": [34, 100], "bake": BAKE}
BAKES: Mapping[str, Any] = {
    "canary": _CANARY,
    "waves": WAVES,
    "gateways": [GATEWAY],
    "default": {"bake": BAKE},
    "bake": BAKE,
}
_APPROVED: Mapping[str, Any] = {"approval": {"expires": "2m"}}
_BRIEF: Mapping[str, Any] = {"waves": None, "gateways": None, "remove": "keep"}
_NOBODY = [{"name": "nobody", "selector": {"no": "such"}, "bake": BAKE}]
_WAVES: Mapping[str, Any] = {"gateways": None, "default": None, "remove": "keep"}


def _set(kind: str, name: str, **strategy: Any) -> Json:
    made = workload("shop2", name, NODES, kind)
    made["spec"] |= {"updateStrategy": strategy} if strategy else {}
    return {**made, "status": {"desiredNumberScheduled": NODES, "numberReady": NODES}}


def budget(allowed: int) -> Json:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "db", "namespace": "shop2"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}, "minAvailable": NODES - 1},
        "status": {"disruptionsAllowed": allowed, "expectedPods": NODES, "desiredHealthy": NODES},
    }


def _with_sets(mesh: Mesh) -> None:
    """Pods that others make one after the other, and a budget that lets one go."""
    mesh.put(_set("StatefulSet", "db", type="OnDelete"), _set("StatefulSet", "log"))
    mesh.put(_set("DaemonSet", "agent"), budget(1))
    mesh.settle(6)


def _held_up(mesh: Mesh) -> None:
    """A budget that lets no pod go, and Deployments that would not ask it first, or need not."""
    mesh.put(_set("StatefulSet", "db", type="OnDelete"), budget(0))
    for name, strategy in (("db", {"type": "Recreate"}), ("free", {"type": "RollingUpdate"})):
        made = workload("shop1", name)
        mesh.put({**made, "spec": {**made["spec"], "strategy": strategy}})
    mesh.put({**budget(0), "metadata": {"name": "db", "namespace": "shop1"}})
    mesh.settle(6)


def _doors(mesh: Mesh) -> None:
    """A gateway with an autoscaler, one that names another revision, and one of the Gateway API."""
    bounds = {"scaleTargetRef": {"kind": "Deployment", "name": "gw"}, "maxReplicas": 5}
    scaler = {"kind": "HorizontalPodAutoscaler", "spec": bounds}
    mesh.put({**scaler, "metadata": {"name": "gw", "namespace": "ingress"}})
    mesh.put(api(OLD))


def api(revision: str) -> Json:
    """A Gateway of the Gateway API."""
    meta = {"name": "api", "namespace": "ingress", "labels": {"istio.io/rev": revision}}
    return {"kind": "KubernetesGateway", "metadata": meta, "spec": {"gatewayClassName": "istio"}}


def _in_place(mesh: Mesh) -> None:
    """Somebody has put another version into the revision itself."""
    config: Any = mesh.get("ConfigMap", SYSTEM, f"istio-sidecar-injector-{OLD}")
    mesh.put({**config, "data": {**config["data"], "values": injector_config(NEW)}})
    mesh.runs[OLD] = NEW.replace("-", ".")


def _with_sail(mesh: Mesh) -> None:
    spec = {"version": "v1.29.6", "updateStrategy": {"type": "RevisionBased"}}
    mesh.put({"kind": "SailIstio", "metadata": {"name": "default"}, "spec": spec})


def source(message: str = "", **spec: Any) -> Json:
    """The RolloutSource that applies the new control plane, and what it says."""
    rejected = [{"file": "a.yaml", "message": message}] if message else []
    meta = {"name": "istio", "namespace": "mesh"}
    status = {"rejected": rejected}
    return {"kind": "RolloutSource", "metadata": meta, "spec": spec, "status": status}


def _wide(mesh: Mesh) -> None:
    """Three namespaces in one wave, two that stay out, and pods that Argo Rollouts makes."""
    ambient = {"istio.io/dataplane-mode": "ambient"}
    ending = {**namespace("aa-ending"), "status": {"phase": "Terminating"}}
    mesh.put(namespace("aa-ambient", **ambient), ending)
    mesh.put(namespace("aa-off", **{"istio-injection": "disabled"}))
    for name in ("shop3", "shop4"):
        mesh.put(namespace(name, **{"istio.io/rev": OLD}), root(name))
        mesh.put(*(workload(name, f"web{n}", n) for n in range(1, 4)))
    argo = workload("shop3", "argo", kind="ArgoRollout")
    mesh.put({**argo, "spec": {**argo["spec"], "strategy": {"canary": {}}}})
    mesh.settle(6)


def _with_shop(mesh: Mesh) -> None:
    """The rollouts' own namespace is in the mesh, and their pods want no proxy."""
    server: Any = mesh.kube
    mesh.put(namespace(NAMESPACE, **{"istio.io/rev": OLD}), root(NAMESPACE))
    for each in server.every("Deployment"):
        if each["metadata"]["namespace"] == NAMESPACE:
            made = json.loads(json.dumps(each))
            made["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
            mesh.put(made)


def _bare_tag(mesh: Mesh) -> None:
    """A tag of former years, which has no Service."""
    del mesh.kube.objects["Service", SYSTEM, "istiod-revision-tag-prod"]


def _said(mesh: Mesh) -> None:
    """Every namespace says what it wants, and the gateway's that it wants nothing."""
    mesh.put(*(namespace(one, **{"istio-injection": "disabled"}) for one in (SYSTEM, "ingress")))


def _unlabelled(mesh: Mesh) -> None:
    """A gateway that names no revision, in a namespace that does."""
    made = json.loads(json.dumps(mesh.get("Deployment", "ingress", "gw")))
    del made["spec"]["template"]["metadata"]["labels"]["istio.io/rev"]
    mesh.put(namespace("ingress", **{"istio.io/rev": OLD}), made)
    mesh.settle(6)


def _unsaid(mesh: Mesh) -> None:
    """A gateway whose author leaves the number of pods to an autoscaler without a floor."""
    made = json.loads(json.dumps(mesh.get("Deployment", "ingress", "gw")))
    del made["spec"]["replicas"]
    mesh.put(made)
    _doors(mesh)
    mesh.settle(4)


_BY_SOURCE: Mapping[str, Any] = {
    "install": {"manifests": {"source": "mesh/istio"}},
    "preflight": {"overrule": [{"rule": "UPG-022", "reason": "it is yet to come"}]},
}
_ALL = {"name": "all", "namespaces": ["shop1", "shop2", "tagged"], "bake": BAKE}
SHAPES: Mapping[str, tuple[Mapping[str, Any], Callable[[Mesh], None]]] = {
    "": ({}, lambda _: None),
    "people": (
        {
            "canary": {**_CANARY, **_APPROVED},
            "waves": [{**WAVES[0], **_APPROVED, "maxConcurrent": 2}],
            "gateways": None,
            "remove": "keep",
            "tags": [{"name": "prod", "bake": BAKE, **_APPROVED}],
            "onFailure": "hold",
            "reverted": "rollback",
            "progressDeadline": "1m",
        },
        lambda _: None,
    ),
    "one by one": (
        {
            "canary": None,
            "waves": [{"name": "all", "oneAtATime": True, "bake": BAKE}],
            "gateways": [{**GATEWAY, "shares": [100]}],
            "tags": [{"name": "prod", "bake": BAKE}],
        },
        lambda _: None,
    ),
    "waves": (_WAVES, lambda _: None),
    "brief": (_BRIEF, lambda _: None),
    "rollback": ({**_BRIEF, "reverted": "rollback"}, lambda _: None),
    "gateway": (
        {**_BRIEF, "canary": None, "default": None, "gateways": [GATEWAY], "waves": _NOBODY},
        lambda _: None,
    ),
    "doors": (
        {
            **_BRIEF,
            "canary": None,
            "gateways": [GATEWAY, {"gateway": "ingress/api", "bake": BAKE}],
            "waves": _NOBODY,
            "default": None,
        },
        _doors,
    ),
    "sets": (_WAVES, _with_sets),
    "held up": (
        {**_WAVES, "waves": [{"name": "most", "percentage": "50%", "bake": BAKE}]},
        _held_up,
    ),
    "in place": (
        {**_BRIEF, "to": OLD, "allowInPlace": True, "default": None, "waves": WAVES[:1]},
        _in_place,
    ),
    "quick": (
        {
            "canary": None,
            "waves": [_ALL],
            "gateways": [{**GATEWAY, "shares": [100]}],
            "tags": [{"name": "prod", "bake": BAKE}],
        },
        lambda _: None,
    ),
    "wide": ({**_BRIEF, "canary": None, "waves": WAVES[:1], "default": None}, _wide),
    "with shop": (
        {**_WAVES, "canary": None, "waves": [{**_ALL, "namespaces": ["shop2", NAMESPACE]}]},
        _with_shop,
    ),
    "in place, and asked": (
        {
            "to": OLD,
            "allowInPlace": True,
            "canary": None,
            "gateways": None,
            "default": None,
            "waves": WAVES[:1],
        },
        _in_place,
    ),
    "a bare tag": ({**_WAVES, "canary": None, "waves": WAVES[1:]}, _bare_tag),
    "said": (_BRIEF, _said),
    "unlabelled": (
        {
            **_BRIEF,
            "canary": None,
            "gateways": [GATEWAY],
            "waves": _NOBODY,
            "default": None,
            "preflight": {"overrule": [{"rule": "GW-009", "reason": "it is known"}]},
        },
        _unlabelled,
    ),
    "quick, and kept": (
        {
            **_WAVES,
            "canary": None,
            "waves": [_ALL],
            "default": {"bake": BAKE},
            "gateways": [{**GATEWAY, "shares": [100]}],
            "tags": [{"name": "prod", "bake": BAKE}],
        },
        lambda _: None,
    ),
    "unsaid": (
        {**_BRIEF, "canary": None, "gateways": [GATEWAY], "waves": _NOBODY, "default": None},
        _unsaid,
    ),
    "sail": (
        {**_BRIEF, "install": {"sail": {"istio": "default", "version": "v1.30.3"}}},
        _with_sail,
    ),
    "source": ({**_BRIEF, **_BY_SOURCE}, lambda _: None),
    "source and waves": ({**_WAVES, **_BY_SOURCE, "default": {"bake": BAKE}}, lambda _: None),
}
"""What the spec says otherwise, and what else is in the mesh.

``people``: they are asked, and decide where something fails. ``one by one``: namespaces are.
``waves``: they alone. ``brief``: one wave and the default; ``rollback``: and a label that is put
back takes all back. ``gateway``: it alone; ``doors``: gateways of other kinds. ``sets``: pods that
others make one after the other. ``held up``: budgets that let no pod go. ``sail``, ``source``: who
installs. ``quick``: all of it with few stops, up to the removal. ``wide``: a wave of several
namespaces. ``with shop``: the rollouts' namespace is in it. ``a bare tag``: one without a Service.
``said``: every namespace says what it wants. ``unlabelled``: a gateway whose namespace speaks.
``unsaid``: one that says no number of pods.
"""

STILL = "still"
"""The shape of a mesh in which nothing moves: it is looked at, one of ``LISTED`` after another."""
