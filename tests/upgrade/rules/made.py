"""Meshes with one thing otherwise, for the rules that speak of it."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rollout.model.inventory import Inventory, Unread
from rollout.model.upgrade import (
    ControlPlaneUpgradeSpec,
    DefaultMove,
    GatewayMove,
    Wave,
)
from rollout.upgrade.inventory import Beside, inventory
from rollout.upgrade.rules.case import Case
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import Json, meta
from tests.upgrade.mesh import (
    NEW,
    OLD,
    SYSTEM,
    World,
    app,
    budget,
    deployment,
    healthy,
    joined,
    named,
    pods,
    root,
    seen,
    spaced,
    synced,
)

NOW = datetime(2018, 1, 1, tzinfo=UTC)
"""While the root of the tests is valid, until 20 October 2018."""
EVERYTHING = Wave("all", one_at_a_time=True)
SPEC = ControlPlaneUpgradeSpec(OLD, NEW, waves=(EVERYTHING,), default=DefaultMove())
OTHER_ROOT = b64encode(b"another root").decode()


def case(world: World | None = None, mesh: Inventory | None = None, **spec: Any) -> Case:
    """The upgrade of this world, as ``spec`` changes it."""
    known = mesh or seen(world or healthy())
    return Case.of("mesh", replace(SPEC, **spec), known, NOW)


def but(**more: list[Json]) -> World:
    """The healthy world and these objects, by kind."""
    return joined(healthy(), more)


def edited(kind: str, name: str, change: Callable[[Json], Any]) -> World:
    world = healthy()
    change(named(world[kind], name))
    return world


def without(kind: str, name: str) -> World:
    world = healthy()
    world[kind] = [each for each in world[kind] if each["metadata"]["name"] != name]
    return world


def labelled_space(name: str, **labels: str) -> World:
    return edited("Namespace", name, lambda o: o["metadata"].update(labels=labels))


def config(kind: str, name: str = "x", **more: Any) -> Json:
    labels = more.pop("labels", {})
    return {"kind": kind, "metadata": meta(name, "shop", labels=labels), "spec": more}


def envoy_filter(**more: Any) -> Json:
    patch = {
        "applyTo": "HTTP_FILTER",
        "match": {"proxy": {"proxyVersion": more.get("version", "")}},
        "patch": {
            "operation": more.get("operation", "INSERT_FIRST"),
            "value": {"name": more.get("name", "envoy.filters.http.lua"), **more.get("value", {})},
        },
    }
    return config("EnvoyFilter", configPatches=[patch], **more.get("spec", {}))


def mesh_texts(old: str, new: str) -> World:
    world = healthy()
    named(world["ConfigMap"], "istio-1-29-6")["data"]["mesh"] = old
    named(world["ConfigMap"], "istio-1-30-3")["data"]["mesh"] = new
    return world


def with_pod(change: Callable[[Json], Any]) -> World:
    return edited("Pod", "cart-7f9-0", change)


def image(text: str) -> World:
    return with_pod(lambda o: o["spec"]["containers"][1].update(image=text))


def note(key: str, value: str) -> World:
    return with_pod(lambda o: o["metadata"]["annotations"].update({key: value}))


def bundle(kind: str, name: str, text: str) -> World:
    def change(obj: Json) -> None:
        for hook in obj["webhooks"]:
            hook["clientConfig"]["caBundle"] = text

    return edited(kind, name, change)


def refusing(error: str = "bad filter", **more: Any) -> Inventory:
    world = healthy()
    pages = [*synced(world), (OLD, [istio.client("edge.x", "1.29.6", error=error)])]
    if more.get("waiting"):
        pages[-1][1][0]["resources"]["type.googleapis.com/envoy.config.listener.v3.Listener"] = {  # type: ignore[index]
            "sent": "b",
            "acked": "a",
        }
    return seen(world, pages=pages)


def moved(kind: str, name: str, space: str = "shop", phase: str = "Progressing") -> Json:
    return {"kind": kind, "metadata": meta(name, space), "status": {"phase": phase}, "spec": {}}


def flagger(phase: str = "Succeeded") -> Json:
    spec = {"targetRef": {"kind": "Deployment", "name": "web"}}
    return moved("Canary", "web", phase=phase) | {"spec": spec}


FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps"}
ARGO = {"argocd.argoproj.io/instance": "apps"}


def owned(marks: Json, **more: str) -> World:
    return edited(
        "Namespace", "cart", lambda o: o["metadata"].update(annotations={**marks, **more})
    )


def edge(space: str = "ingress", **more: Any) -> World:
    """An injected gateway in a namespace of its own, with what belongs to it."""
    notes = {"inject.istio.io/templates": "gateway"}
    labels = {"istio": "edge", "istio.io/rev": more.get("tag", OLD)}
    obj = deployment("edge", space, 2, labels=labels, annotations=notes)
    obj["metadata"] |= more.get("meta", {})
    obj["spec"]["template"]["spec"] |= more.get("pod", {})
    service = {
        "kind": "Service",
        "metadata": meta("edge", space),
        "spec": {"selector": {"istio": "edge"}, **more.get("service", {})},
    }
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("edge", space),
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "edge"}, **more.get("hpa", {})},
    }
    made: World = {
        "Namespace": [spaced(space, more.get("labels", {}))],
        "ConfigMap": [root(space)],
        "Deployment": [obj],
        "Service": [service] if more.get("served", True) else [],
        "HorizontalPodAutoscaler": [scaler] if "hpa" in more else [],
        "Pod": pods("edge", space, OLD, istio="edge"),
    }
    return joined(healthy(), made)


EDGE: Any = {"gateways": (GatewayMove(deployment="ingress/edge"),)}


def api_gateway(labels: Json | None = None, **more: Any) -> World:
    """A Gateway of the Gateway API with the Deployment that istiod made for it."""
    space = more.get("space", "plain")
    mark = {"gateway.networking.k8s.io/gateway-name": "front"}
    made = deployment("front-istio", space, more.get("replicas", 2), labels=mark)
    made["metadata"]["labels"] = mark
    spec: Json = {"gatewayClassName": more.get("of", "istio")}
    if "address" in more:
        spec["addresses"] = [{"type": "Hostname", "value": more["address"]}]
    obj = {
        "kind": "KubernetesGateway",
        "metadata": meta("front", space, labels=labels or {}),
        "spec": spec,
    }
    guards = [budget("front", space, mark)] if more.get("guarded", True) else []
    return joined(
        more.get("world") or healthy(),
        {"KubernetesGateway": [obj], "Deployment": [made], "PodDisruptionBudget": guards},
    )


def bundled() -> World:
    world = edge()
    mark = {"operator.istio.io/component": "IngressGateways"}
    named(world["Deployment"], "edge")["metadata"]["labels"] = mark
    return world


def definition(name: str, *versions: str, **notes: str) -> Json:
    served = [{"name": each, "served": True} for each in versions]
    made = {"metadata": meta(name, annotations=notes), "spec": {"versions": served}}
    return {"kind": "CustomResourceDefinition", **made}


def by_helm(world: World, *, adopted: bool) -> World:
    mark = {"meta.helm.sh/release-name": "istiod"}
    named(world["Deployment"], "istiod-1-29-6")["metadata"]["annotations"] = mark
    for each in world["CustomResourceDefinition"] if adopted else ():
        each["metadata"]["annotations"] = {"meta.helm.sh/release-name": "istio-base"}
    return world


def agent(version: str, ready: int = 3) -> Json:
    container = {"name": "install-cni", "image": f"docker.io/istio/install-cni:{version}"}
    return {
        "kind": "DaemonSet",
        "metadata": meta("istio-cni-node", SYSTEM, labels={"istio.io/dataplane-mode": "none"}),
        "spec": {
            "template": {
                "metadata": {"labels": {"sidecar.istio.io/inject": "false"}},
                "spec": {"containers": [container]},
            }
        },
        "status": {"desiredNumberScheduled": 3, "numberReady": ready},
    }


def sail(seconds: int, kind: str = "RevisionBased") -> Json:
    strategy = {"type": kind, "inactiveRevisionDeletionGracePeriodSeconds": seconds}
    return {
        "kind": "SailIstio",
        "metadata": meta("default"),
        "spec": {"updateStrategy": strategy},
    }


def sail_tag(kind: str) -> Json:
    spec = {"targetRef": {"kind": kind, "name": "default"}}
    return {"kind": "SailTag", "metadata": meta("prod"), "spec": spec}


def values(**more: Any) -> World:
    world = healthy()
    world["ConfigMap"] = [
        istio.injector_config("1.30.3", NEW, **more)
        if each["metadata"]["name"] == "istio-sidecar-injector-1-30-3"
        else each
        for each in world["ConfigMap"]
    ]
    return world


def replicas(name: str, ready: int) -> World:
    return edited("Deployment", name, lambda o: o["status"].update(readyReplicas=ready))


def job_pod(phase: str = "Running") -> Json:
    pod = istio.injected("sum-x", "shop")
    pod["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "sum", "controller": True}]
    pod["status"]["phase"] = phase
    return pod


def istio_ca(pem: str) -> Json:
    data = {"ca-cert.pem": b64encode(pem.encode()).decode()}
    return {"kind": "Secret", "metadata": meta("istio-ca-secret", SYSTEM), "data": data}


def other_upgrade(state: str) -> Json:
    status = {"state": state}
    return {"kind": "ControlPlaneUpgrade", "metadata": meta("another"), "status": status}


def half_moved(tag: str) -> World:
    def change(obj: Json) -> None:
        obj["metadata"]["labels"]["istio.io/rev"] = NEW

    return edited("Service", f"istiod-revision-tag-{tag}", change)


def several_workloads() -> World:
    return joined(healthy(), *(app(f"a{n}", "shop") for n in range(10)))


def not_read(*kinds: str) -> Inventory:
    world = {kind: objs for kind, objs in healthy().items() if kind not in kinds}
    return inventory(world, SYSTEM, Beside("1.33", synced(healthy()), ()))


def native(version: str = "1.26.8", *, already: bool = False) -> Case:
    world = healthy()
    name = "istiod-1-29-6"
    containers = named(world["Deployment"], name)["spec"]["template"]["spec"]["containers"]
    containers[0]["image"] = f"istio/pilot:{version}"
    if already:
        world["Pod"] = [each for each in world["Pod"] if each["metadata"]["namespace"] == SYSTEM]
        world["Pod"] += pods("cart", "cart", OLD, native=True)
    return case(world)


AMBIENT = {"istio.io/dataplane-mode": "ambient"}
APP = {"app": "web"}
UNREAD = Unread("Secret", "403")


def rootless(space: str) -> World:
    world = healthy()
    world["ConfigMap"] = [o for o in world["ConfigMap"] if o["metadata"]["namespace"] != space]
    return world


def machine(**notes: str) -> Json:
    return config("WorkloadEntry") | {"metadata": meta("vm", "shop", annotations=notes)}


def on_delete(name: str) -> Json:
    obj = deployment(name, "shop", more={"updateStrategy": {"type": "OnDelete"}})
    return obj | {"kind": "StatefulSet"}


def web(**spec: Any) -> World:
    return edited("Deployment", "web", lambda o: o["spec"].update(spec))


def istios(kind: str, *specs: Json) -> World:
    """Objects of one of Istio's kinds in namespace plain."""
    made = [{"metadata": meta(f"x{n}", "plain"), "spec": s} for n, s in enumerate(specs)]
    return but(**{kind: made})


def routed(host: str, subset: str = "", gateways: list[str] | None = None) -> World:
    """A VirtualService of namespace shop, beside a Gateway and a subset that are there."""
    target = {"host": host, **({"subset": subset} if subset else {})}
    spec = {"http": [{"route": [{"destination": target}]}], "gateways": gateways or ["mesh"]}
    rule = {"host": "web", "subsets": [{"name": "v1"}]}
    return but(
        VirtualService=[{"metadata": meta("x", "shop"), "spec": spec}],
        DestinationRule=[{"metadata": meta("x", "shop"), "spec": rule}],
        Gateway=[{"metadata": meta("there", "plain"), "spec": {}}],
        Service=[{"metadata": meta("web", "shop")}],
    )


def listening(*servers: Json, apart: bool = False) -> World:
    """Gateways with a server each, for the pods of ``edge``; ``apart``: for pods of their own."""
    made = [
        {
            "metadata": meta(f"door{n}", "ingress"),
            "spec": {"selector": {"istio": f"edge{n if apart else ''}"}, "servers": [server]},
        }
        for n, server in enumerate(servers)
    ]
    ports = [{"port": 443, "targetPort": 8443}]
    return joined(edge(service={"ports": ports}), {"Gateway": made})


def unprobed() -> World:
    def change(obj: Json) -> None:
        del obj["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]

    return edited("Deployment", "web", change)


GAPI = "gateway.networking.k8s.io"
Worlds = tuple[list[Case], list[Case]]
