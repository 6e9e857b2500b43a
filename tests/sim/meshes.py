"""How a mesh may be, how git may ask for its upgrade, and what people do to it in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests import virtual
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    NODES,
    OLD,
    SYSTEM,
    VALIDATING,
    Mesh,
    endpoints,
    injector,
    injector_config,
    namespace,
    tag,
    workload,
)

if TYPE_CHECKING:
    from tests.sim.mesh import Upgrading
    from tests.sim.server import Json

BAKE = "30s"
_COMPONENT = "operator.istio.io/component"
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


def _budget(allowed: int) -> Json:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "db", "namespace": "shop2"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}, "minAvailable": NODES - 1},
        "status": {"disruptionsAllowed": allowed, "expectedPods": NODES, "desiredHealthy": NODES},
    }


def _with_sets(mesh: Mesh) -> None:
    """Pods that others make one after the other, and a budget that lets one go."""
    mesh.put(_set("StatefulSet", "db", type="OnDelete"), _set("StatefulSet", "log"))
    mesh.put(_set("DaemonSet", "agent"), _budget(1))
    mesh.settle(6)


def _held_up(mesh: Mesh) -> None:
    """A budget that lets no pod go, and Deployments that would not ask it first, or need not."""
    mesh.put(_set("StatefulSet", "db", type="OnDelete"), _budget(0))
    for name, strategy in (("db", {"type": "Recreate"}), ("free", {"type": "RollingUpdate"})):
        made = workload("shop1", name)
        mesh.put({**made, "spec": {**made["spec"], "strategy": strategy}})
    budget = _budget(0)
    mesh.put({**budget, "metadata": {"name": "db", "namespace": "shop1"}})
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
    "sail": (
        {**_BRIEF, "install": {"sail": {"istio": "default", "version": "v1.30.3"}}},
        _with_sail,
    ),
    "source": (
        {
            **_BRIEF,
            "install": {"manifests": {"source": "mesh/istio"}},
            "preflight": {"overrule": [{"rule": "UPG-022", "reason": "it is yet to come"}]},
        },
        lambda _: None,
    ),
}
"""What the spec says otherwise, and what else is in the mesh.

``people``: they are asked, and decide where something fails. ``one by one``: namespaces are.
``waves``: they alone. ``brief``: one wave and the default; ``rollback``: and a label that is put
back takes all back. ``gateway``: it alone; ``doors``: gateways of other kinds. ``sets``: pods that
others make one after the other. ``held up``: budgets that let no pod go. ``sail``, ``source``: who
installs.
"""

Back = Callable[[], object]
Do = Callable[["Upgrading"], Back]


def _nothing() -> None:
    """What is never put back."""


def _labelled(name: str, **labels: str) -> Do:
    """Somebody gives a namespace other labels."""

    def done(mesh: Upgrading) -> Back:
        mesh.edited()
        mesh.mesh.put(namespace(name, **labels))
        return _nothing

    return done


def _gone(kind: str, space: str, name: str) -> Do:
    """Somebody deletes an object, and makes it anew later as it was."""

    def done(mesh: Upgrading) -> Back:
        held = mesh.world.server.get(kind, space, name)
        mesh.edited()
        mesh.world.server.remove(kind, space, name)
        return lambda: mesh.mesh.put(*([_anew(held)] if held else []))

    return done


def _anew(held: Json) -> Json:
    meta = {k: v for k, v in held["metadata"].items() if k not in ("uid", "resourceVersion")}
    return {**held, "metadata": meta}


def _asks(field: str, value: Any) -> Do:
    """Git says something else in the upgrade's spec; later what it said before."""

    def done(mesh: Upgrading) -> Back:
        before = (mesh.object or {"spec": {}})["spec"].get(field)
        mesh.ask_for(field, value() if callable(value) else value)
        return lambda: mesh.ask_for(field, before)

    return done


def _freeze() -> list[dict[str, str]]:
    now = virtual.clock()
    times = {"from": now, "to": now + timedelta(seconds=40)}
    return [{**{key: at.isoformat() for key, at in times.items()}, "reason": "a holiday"}]


def _set_on_mesh(field: str, value: Any, after: Any) -> Do:
    """What istiods, or pods, do."""

    def done(mesh: Upgrading) -> Back:
        setattr(mesh.mesh, field, value)
        return lambda: setattr(mesh.mesh, field, after)

    return done


def _naked(mesh: Upgrading) -> Back:
    """Pods of ``shop2`` start without a proxy, whatever the webhooks say."""
    mesh.mesh.naked.add("shop2")
    return mesh.mesh.naked.clear


def _fewer(revision: str) -> Do:
    """An istiod has no ready pods."""

    def done(mesh: Upgrading) -> Back:
        obj = mesh.mesh.get("Deployment", SYSTEM, f"istiod-{revision}")

        def back() -> None:
            if mesh.world.server.get("Deployment", SYSTEM, f"istiod-{revision}") is not None:
                mesh.mesh.put(obj, endpoints(f"istiod-{revision}", 2))

        mesh.mesh.put({**obj, "status": {}}, endpoints(f"istiod-{revision}", 0))
        return back

    return done


def _pointed(name: str, revision: str) -> Do:
    """Somebody moves a tag by hand, as ``istioctl tag set --overwrite`` does."""

    def done(mesh: Upgrading) -> Back:
        mesh.edited()
        mesh.mesh.put(*tag(name, revision))
        return _nothing

    return done


def _scaled(mesh: Upgrading) -> Back:
    """Somebody scales the gateway."""
    obj = mesh.mesh.get("Deployment", "ingress", "gw")
    mesh.edited()
    mesh.mesh.put({**obj, "spec": {**obj["spec"], "replicas": 2}})
    return _nothing


def _budgeted(mesh: Upgrading) -> Back:
    """The budget lets a pod go."""
    mesh.mesh.put(_budget(1))
    return _nothing


def _ending(mesh: Upgrading) -> Back:
    """A namespace is being deleted."""
    obj = mesh.mesh.get("Namespace", "", "shop2")
    mesh.edited()
    mesh.mesh.put({**obj, "status": {"phase": "Terminating"}})

    def over() -> None:
        for work in mesh.mesh.kube.list("Deployment"):
            if work["metadata"]["namespace"] == "shop2":
                mesh.world.server.remove("Deployment", "shop2", work["metadata"]["name"])
        mesh.world.server.remove("Namespace", "", "shop2")

    return over


def _fails_everywhere(mesh: Upgrading) -> Back:
    mesh.mesh.broken |= dict.fromkeys(("shop1", "shop2", "tagged", "ingress"), virtual.clock())
    return mesh.mesh.broken.clear


def _fails(name: str) -> Do:
    def done(mesh: Upgrading) -> Back:
        mesh.mesh.broken[name] = virtual.clock()
        return mesh.mesh.broken.clear

    return done


def _unready(name: str) -> Do:
    def done(mesh: Upgrading) -> Back:
        mesh.mesh.unready.add(name)
        return mesh.mesh.heal

    return done


def _refuses(name: str) -> Do:
    def done(mesh: Upgrading) -> Back:
        mesh.mesh.refusing.add(name)
        return mesh.mesh.refusing.clear

    return done


def _release(mesh: Upgrading) -> Back:
    """A release of another tool is under way in a namespace."""
    made = {
        "kind": "Canary",
        "apiVersion": "flagger.app/v1beta1",
        "metadata": {"name": "web0", "namespace": "shop2"},
        "status": {"phase": "Progressing"},
    }
    mesh.world.server.put(made)
    return lambda: mesh.world.server.put({**made, "status": {"phase": "Succeeded"}})


def eastwest() -> Json:
    """Another gateway beside the old control plane, which bears its label and is not its."""
    made = workload(SYSTEM, "istio-eastwest")
    made["metadata"]["labels"] = {"istio.io/rev": OLD, "app": "istio-eastwest"}
    made["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    return made


def _another_root(mesh: Upgrading) -> Back:
    """The new control plane has a root of its own."""
    obj = mesh.mesh.get(MUTATING, "", f"istio-sidecar-injector-{NEW}")
    other = json.dumps(obj).replace("cm9vdA==", "b3RoZXI=")
    mesh.mesh.put(json.loads(other))
    return lambda: mesh.mesh.put(obj)


def _puts(made: Callable[[], Json]) -> Do:
    """Somebody writes an object."""

    def done(mesh: Upgrading) -> Back:
        mesh.world.server.put(made())
        return _nothing

    return done


def _absent(mesh: Upgrading) -> Back:
    """Nobody has installed the new control plane yet."""
    held = []
    for kind in ("Deployment", "Service", "ConfigMap", "EndpointSlice", MUTATING, VALIDATING):
        for obj in mesh.world.server.all(kind):
            meta = obj["metadata"]
            if NEW in meta["name"]:
                held.append(_anew(obj))
                mesh.world.server.remove(kind, meta.get("namespace", ""), meta["name"])
    return lambda: mesh.mesh.put(*held)


def _noted(kind: str, space: str, name: str, part: str, **marks: str) -> Do:
    """An object has these labels or annotations for a while."""

    def done(mesh: Upgrading) -> Back:
        obj = mesh.mesh.get(kind, space, name)
        meta, before = obj["metadata"], obj["metadata"].get(part) or {}

        def back() -> None:
            held = mesh.world.server.get(kind, space, name)
            if held is not None:
                mesh.mesh.put({**held, "metadata": {**held["metadata"], part: before}})

        mesh.mesh.put({**obj, "metadata": {**meta, part: {**before, **marks}}})
        return back

    return done


def _twice(mesh: Upgrading) -> Back:
    """A webhook of the old control plane injects what names the new one, too."""
    mesh.mesh.put(injector("istio-extra", OLD, NEW))
    return lambda: mesh.world.server.remove(MUTATING, "", "istio-extra")


def _left_twin(mesh: Upgrading) -> Back:
    """An earlier upgrade has left its twin."""
    name = f"gw-{NEW}"
    mesh.mesh.put(workload("ingress", name, replicas=0))
    return lambda: mesh.world.server.remove("Deployment", "ingress", name)


EDITS: Mapping[str, Do] = {
    "shop1 goes back": _labelled("shop1", **{"istio-injection": "enabled"}),
    "shop2 goes back": _labelled("shop2", **{"istio.io/rev": OLD}),
    "shop2 opts out": _labelled("shop2"),
    "shop2 goes elsewhere": _labelled("shop2", **{"istio.io/rev": "prod"}),
    "shop2 is gone": _gone("Namespace", "", "shop2"),
    "shop2 is being deleted": _ending,
    "prod is moved back": _pointed("prod", OLD),
    "prod is moved": _pointed("prod", NEW),
    "prod is gone": _gone(MUTATING, "", "istio-revision-tag-prod"),
    "the gateway is gone": _gone("Deployment", "ingress", "gw"),
    "the gateway is scaled": _scaled,
    "the twin is gone": _gone("Deployment", "ingress", f"gw-{NEW}"),
    "the new webhook is gone": _gone(MUTATING, "", f"istio-sidecar-injector-{NEW}"),
    "the new validator is gone": _gone(VALIDATING, "", f"istio-validator-{NEW}-{SYSTEM}"),
    "nobody validates": _gone(VALIDATING, "", "istio-default-validator"),
    "the new istiod is down": _fewer(NEW),
    "the old istiod is down": _fewer(OLD),
    "another target": _asks("to", "1-31-0"),
    "no waves": _asks("waves", []),
    "no gateways": _asks("gateways", []),
    "a freeze": _asks("freezes", _freeze),
    "an odd spec": _asks("waves", "none"),
    "configuration is refused": _set_on_mesh("rejects", 5.0, 0.0),
    "configuration comes late": _set_on_mesh("convergence", 60.0, 0.0),
    "istiods are silent": _set_on_mesh("silent", True, False),
    "pods without a proxy": _naked,
    "the budget lets go": _budgeted,
    "a release in shop2": _release,
    "another root": _another_root,
    "what bears the old one's label": _puts(eastwest),
    "pods get two proxies": _twice,
    "an earlier twin is left": _left_twin,
    "the gateway is bundled": _noted(
        "Deployment", "ingress", "gw", "labels", **{_COMPONENT: "IngressGateways"}
    ),
    "its namespace names a revision": _noted(
        "Namespace", "", "ingress", "labels", **{"istio.io/rev": OLD}
    ),
    "the old istiod is kept by its owner": _noted(
        "Deployment",
        SYSTEM,
        f"istiod-{OLD}",
        "annotations",
        **{"argocd.argoproj.io/tracking-id": "mesh:apps/Deployment:istio-system/istiod"},
    ),
    "shop2 is in ambient mode": _noted(
        "Namespace", "", "shop2", "labels", **{"istio.io/dataplane-mode": "ambient"}
    ),
    "prod is at a revision that is not there": _pointed("prod", "1-28-0"),
    "the new istiod is not there": _absent,
    "a source": _puts(source),
    "a source that cannot": _puts(lambda: source("the policy names no Role", manifests=True)),
    "a source that can": _puts(lambda: source(manifests=True)),
    "the api gateway has moved": _puts(lambda: api(NEW)),
    "shop1 is new by itself": _labelled("shop1", **{"istio.io/rev": NEW}),
    "it fails everywhere": _fails_everywhere,
    "shop1 fails": _fails("shop1"),
    "shop2 fails": _fails("shop2"),
    "tagged fails": _fails("tagged"),
    "the gateway fails": _fails("ingress"),
    "shop2 is unready": _unready("shop2"),
    "tagged is unready": _unready("tagged"),
    "the gateway is unready": _unready("ingress"),
    "shop2 refuses": _refuses("shop2"),
    "the gateway refuses": _refuses("ingress"),
}
"""What somebody does to the mesh or to its upgrade, by name; each says how it is put back."""
