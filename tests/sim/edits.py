"""What people and tools do to a mesh and to its upgrade in the middle; each says how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests import virtual
from tests.sim.listed import Listed
from tests.sim.listings import LISTED
from tests.sim.meshes import COMPONENT, api, budget, source
from tests.upgrade.cluster import (
    MUTATING,
    NEW,
    OLD,
    SYSTEM,
    VALIDATING,
    endpoints,
    injector,
    namespace,
    tag,
    validator,
    workload,
)
from tests.upgrade.rules.made import agent

if TYPE_CHECKING:
    from tests.sim.mesh import Upgrading
    from tests.sim.server import Json

Back = Callable[[], object]
Do = Callable[["Upgrading"], Back]


def _nothing() -> None:
    """What is never put back."""


def _as_marked(mesh: Upgrading, made: Json) -> Json:
    """The object with the annotations that it has now."""
    meta = made["metadata"]
    held = mesh.world.server.get(made["kind"], meta.get("namespace", ""), meta["name"])
    notes = (held or {"metadata": {}})["metadata"].get("annotations")
    return {**made, "metadata": {**meta, **({"annotations": notes} if notes else {})}}


def _labelled(name: str, **labels: str) -> Do:
    """Somebody gives a namespace other labels."""

    def done(mesh: Upgrading) -> Back:
        mesh.edited()
        mesh.mesh.put(_as_marked(mesh, namespace(name, **labels)))
        return _nothing

    return done


def _gone(kind: str, space: str, name: str) -> Do:
    """Somebody deletes an object, and makes it anew later as it was."""

    def done(mesh: Upgrading) -> Back:
        held = mesh.mesh.get(kind, space, name)
        mesh.edited()
        mesh.world.server.remove(kind, space, name)
        return lambda: mesh.mesh.put(_anew(held))

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


def _fewer(revision: str, pods: int = 0, **status: int) -> Do:
    """An istiod has so many ready pods, and says so; ``status``: what it says otherwise."""

    def done(mesh: Upgrading) -> Back:
        obj = mesh.mesh.get("Deployment", SYSTEM, f"istiod-{revision}")

        def back() -> None:
            if mesh.world.server.get("Deployment", SYSTEM, f"istiod-{revision}") is not None:
                mesh.mesh.put(obj, endpoints(f"istiod-{revision}", 2))

        told = {**obj["status"], "readyReplicas": pods, **status} if pods or status else {}
        mesh.mesh.put({**obj, "status": told}, endpoints(f"istiod-{revision}", pods))
        return back

    return done


def _rewritten(kind: str, space: str, name: str, change: Callable[[Any], object]) -> Do:
    """Somebody writes an object otherwise, and later as it was, if it is still there."""

    def done(mesh: Upgrading) -> Back:
        obj = mesh.mesh.get(kind, space, name)
        other = json.loads(json.dumps(obj))
        change(other)
        mesh.edited()
        mesh.mesh.put(other)

        def back() -> None:
            if mesh.world.server.get(kind, space, name) is not None:
                mesh.mesh.put(obj)

        return back

    return done


def _comes(*made: Json) -> Do:
    """Somebody writes objects, and takes them away later."""

    def done(mesh: Upgrading) -> Back:
        mesh.mesh.put(*made)

        def back() -> None:
            for each in made:
                meta = each["metadata"]
                mesh.world.server.remove(each["kind"], meta.get("namespace", ""), meta["name"])

        return back

    return done


def _beyond(mesh: Upgrading) -> Back:
    """A virtual machine's proxy is connected to the old istiod."""
    mesh.mesh.machines.add(OLD)
    return mesh.mesh.machines.clear


def _stopless(mesh: Upgrading) -> Back:
    """Somebody edits the stop out of the status."""
    held = mesh.object
    if held is not None:
        attempt = {k: v for k, v in held["status"]["attempt"].items() if k != "stop"}
        mesh.mesh.put({**held, "status": {**held["status"], "attempt": attempt}})
    return _nothing


def _one_pod(space: str) -> Do:
    """The last pod there is breaks, and no other."""

    def done(mesh: Upgrading) -> Back:
        pods = [one for one in mesh.mesh.kube.list("Pod") if one["metadata"]["namespace"] == space]
        broken = [{"type": "Ready", "status": "False"}]
        mesh.mesh.put({**pods[-1], "status": {**pods[-1]["status"], "conditions": broken}})
        return mesh.mesh.heal

    return done


def _named(labels: Any) -> Callable[[Any], object]:
    """Pods of a template have these labels."""
    return lambda obj: obj["spec"]["template"]["metadata"]["labels"].update(labels)


def _without_bundle(obj: Any) -> None:
    for hook in obj["webhooks"]:
        hook["clientConfig"]["caBundle"] = ""


def _selects_the_new(obj: Any) -> None:
    obj["metadata"]["labels"][_REV] = obj["spec"]["selector"][_REV] = NEW


def _both(one: Do, other: Do) -> Do:
    """Two things at once."""

    def done(mesh: Upgrading) -> Back:
        backs = [one(mesh), other(mesh)]
        return lambda: [back() for back in backs]

    return done


_REV = "istio.io/rev"
_OWN = f"istio-sidecar-injector-{NEW}"
_TAGGED = "istio-revision-tag-prod"
_TRACKED = {"argocd.argoproj.io/tracking-id": "mesh"}


def _pointed(name: str, revision: str) -> Do:
    """Somebody moves a tag by hand, as ``istioctl tag set --overwrite`` does."""

    def done(mesh: Upgrading) -> Back:
        mesh.edited()
        mesh.mesh.put(*(_as_marked(mesh, each) for each in tag(name, revision)))
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
    mesh.mesh.put(budget(1))
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


def _shown(listed: Listed) -> Do:
    """The mesh is looked at."""

    def done(mesh: Upgrading) -> Back:
        mesh.shows(listed)
        return _nothing

    return done


LOOK = "looked at: "
EDITS: Mapping[str, Do] = {
    **{f"{LOOK}{name}": _shown(listed) for name, listed in LISTED.items()},
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
    "nobody validates": _gone(VALIDATING, "", "istiod-default-validator"),
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
        "Deployment", "ingress", "gw", "labels", **{COMPONENT: "IngressGateways"}
    ),
    "its namespace names a revision": _noted(
        "Namespace", "", "ingress", "labels", **{"istio.io/rev": OLD}
    ),
    "the old istiod is kept by its owner": _noted(
        "Deployment",
        SYSTEM,
        f"istiod-{OLD}",
        "annotations",
        **{"kustomize.toolkit.fluxcd.io/name": "mesh"},
    ),
    "the base is reset": _rewritten(
        VALIDATING,
        "",
        "istiod-default-validator",
        lambda o: o["metadata"]["labels"].update({_REV: NEW}),
    ),
    "the default is taken": _pointed("default", NEW),
    "the default is given back": _pointed("default", OLD),
    "a tag of the new one's own": _comes(*tag("next", NEW)),
    "the new istiod has one pod": _fewer(NEW, 1),
    "the old istiod is being replaced": _fewer(OLD, 2, updatedReplicas=1),
    "the new istiod is being replaced": _fewer(NEW, 2, updatedReplicas=1),
    "the new Service is gone": _gone("Service", SYSTEM, f"istiod-{NEW}"),
    "the new Deployment is gone": _gone("Deployment", SYSTEM, f"istiod-{NEW}"),
    "nobody is behind the new Service": _rewritten(
        "EndpointSlice", SYSTEM, f"istiod-{NEW}-x", lambda o: o.update(endpoints=[])
    ),
    "the new one has two webhooks": _comes(injector("istio-sidecar-injector-more", NEW)),
    "the new webhook has no CA yet": _rewritten(MUTATING, "", _OWN, _without_bundle),
    "Argo CD has shop2": _noted("Namespace", "", "shop2", "annotations", **_TRACKED),
    "Argo CD has prod": _noted(MUTATING, "", _TAGGED, "annotations", **_TRACKED),
    "the stop is edited out": _stopless,
    "pods name the old one": _comes(workload("ingress", "odd", 1, **{_REV: OLD})),
    "a Sidecar is for the old one alone": _comes(
        {"kind": "Sidecar", "metadata": {"name": "x", "namespace": "shop1", "labels": {_REV: OLD}}}
    ),
    "a machine is at the old one": _beyond,
    "a validator asks the old one": _comes(validator("istio-more-validator", OLD, default=True)),
    "prod has no Service": _gone("Service", SYSTEM, "istiod-revision-tag-prod"),
    "the gateway names the new one": _rewritten("Deployment", "ingress", "gw", _named({_REV: NEW})),
    "the old validator is made anew": _comes(validator(f"istio-validator-{OLD}-{SYSTEM}", OLD)),
    "the old Service is held": _rewritten(
        "Service", SYSTEM, f"istiod-{OLD}", lambda o: o["metadata"].update(finalizers=["x/y"])
    ),
    "shop2 names nobody": _labelled("shop2", **{_REV: "1-28-0"}),
    "a pod of shop2 breaks": _one_pod("shop2"),
    "a pod of the gateway breaks": _one_pod("ingress"),
    "prod is gone with its Service": _both(
        _gone(MUTATING, "", _TAGGED), _gone("Service", SYSTEM, "istiod-revision-tag-prod")
    ),
    "prod's Service is moved": _rewritten(
        "Service", SYSTEM, "istiod-revision-tag-prod", _selects_the_new
    ),
    "the nodes' agents are old": _comes(agent("1.28.0", ready=2) | {"apiVersion": "apps/v1"}),
    "the old Deployment is gone": _gone("Deployment", SYSTEM, f"istiod-{OLD}"),
    "the Sail object is gone": _gone("SailIstio", "", "default"),
    "a gateway of the API is at the old one": _comes(api(OLD)),
    "shop4 is unready": _unready("shop4"),
    "shop3 goes back": _labelled("shop3", **{_REV: OLD}),
    "shop3 fails": _fails("shop3"),
    "shop3 is unready": _unready("shop3"),
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
    "shop1 is unready": _unready("shop1"),
    "shop2 is unready": _unready("shop2"),
    "tagged is unready": _unready("tagged"),
    "the gateway is unready": _unready("ingress"),
    "shop2 refuses": _refuses("shop2"),
    "the gateway refuses": _refuses("ingress"),
}
"""What somebody does to the mesh or to its upgrade, by name; each says how it is put back."""
