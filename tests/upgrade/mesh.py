"""A mesh as a cluster would list it: two control planes, tags, namespaces, workloads, pods."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from rollout.model.inventory import Inventory
from rollout.upgrade.inventory import KINDS, Beside, inventory
from tests.istio.revisions import objects as istio
from tests.istio.revisions.objects import ROOT, Json, meta, suffix

OLD, NEW = "1-29-6", "1-30-3"
VERSIONS = {OLD: "1.29.6", NEW: "1.30.3", "default": "1.29.6"}
World = dict[str, list[Json]]
SYSTEM = "istio-system"


def namespace(name: str, **labels: str) -> Json:
    marked = {key.replace("__", "/").replace("_", "-"): word for key, word in labels.items()}
    return {"kind": "Namespace", "metadata": meta(name, labels=marked)}


def spaced(name: str, labels: Json) -> Json:
    return {"kind": "Namespace", "metadata": meta(name, labels=labels)}


def root(space: str, pem: str = ROOT) -> Json:
    return {
        "kind": "ConfigMap",
        "metadata": meta("istio-ca-root-cert", space),
        "data": {"root-cert.pem": pem},
    }


def deployment(name: str, space: str, replicas: int = 2, **template: Any) -> Json:
    """``template``: labels and annotations of its pods, and ``spec`` of more."""
    labels = {"app": name, **template.get("labels", {})}
    container = {"name": "app", "image": "web:1", "readinessProbe": {"httpGet": {"path": "/"}}}
    return {
        "kind": "Deployment",
        "metadata": meta(name, space, generation=1),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": template.get("annotations", {})},
                "spec": {"containers": [container], **template.get("spec", {})},
            },
            **template.get("more", {}),
        },
        "status": {
            "replicas": replicas,
            "readyReplicas": replicas,
            "updatedReplicas": replicas,
            "observedGeneration": 1,
        },
    }


def pods(name: str, space: str, revision: str, count: int = 2, **more: Any) -> list[Json]:
    """The pods of a Deployment, as ``revision`` injected them."""
    version = more.pop("version", VERSIONS.get(revision, ""))
    made = []
    for index in range(count):
        pod = istio.injected(f"{name}-7f9-{index}", space, revision, version, app=name, **more)
        pod["metadata"]["labels"]["pod-template-hash"] = "7f9"
        pod["metadata"]["ownerReferences"] = [
            {"kind": "ReplicaSet", "name": f"{name}-7f9", "controller": True}
        ]
        made.append(pod)
    return made


def budget(name: str, space: str, labels: Json, allowed: int = 1, **spec: Any) -> Json:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": meta(name, space),
        "spec": {"selector": {"matchLabels": labels}, "minAvailable": 1, **spec},
        "status": {"disruptionsAllowed": allowed, "expectedPods": 2, "desiredHealthy": 1},
    }


def control_plane(revision: str, replicas: int = 2) -> World:
    """All that an installation of istiod brings into a cluster."""
    name, version = f"istiod{suffix(revision)}", VERSIONS[revision]
    labels = {"app": "istiod", "istio.io/rev": revision, "operator.istio.io/component": "Pilot"}
    never = {"sidecar.istio.io/inject": "false"}
    istiod = deployment(name, SYSTEM, replicas, labels={**labels, **never})
    istiod["metadata"]["labels"] = {**labels, "istio": "pilot"}
    istiod["spec"]["template"]["spec"]["containers"] = [
        {"name": "discovery", "image": f"docker.io/istio/pilot:{version}"}
    ]
    own = [
        {
            "kind": "Pod",
            "metadata": meta(
                f"{name}-5d-{index}",
                SYSTEM,
                labels={**labels, **never, "pod-template-hash": "5d"},
                ownerReferences=[{"kind": "ReplicaSet", "name": f"{name}-5d", "controller": True}],
            ),
            "spec": {"nodeName": f"node-{index}", "containers": [{"name": "discovery"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
        for index in range(replicas)
    ]
    return {
        "Deployment": [istiod],
        "Pod": own,
        "PodDisruptionBudget": [budget(name, SYSTEM, {"app": "istiod", "istio.io/rev": revision})],
        "Service": [
            {
                "kind": "Service",
                "metadata": meta(name, SYSTEM, labels=labels),
                "spec": {"selector": {"app": "istiod", "istio.io/rev": revision}},
            }
        ],
        "EndpointSlice": [slice_of(name, replicas)],
        "ConfigMap": [
            istio.injector_config(version, revision),
            istio.mesh_config(revision),
        ],
        "MutatingWebhookConfiguration": [istio.canonical(revision)],
        "ValidatingWebhookConfiguration": [istio.validator(revision)],
    }


def slice_of(service: str, ready: int, space: str = SYSTEM) -> Json:
    return {
        "kind": "EndpointSlice",
        "metadata": meta(f"{service}-x", space, labels={"kubernetes.io/service-name": service}),
        "endpoints": [
            {"addresses": [f"10.0.0.{n}"], "conditions": {"ready": True}} for n in range(ready)
        ],
    }


def tag(name: str, revision: str) -> World:
    return {
        "MutatingWebhookConfiguration": [istio.tag_webhook(name, revision)],
        "Service": [istio.tag_service(name, revision)],
        "EndpointSlice": [slice_of(f"istiod-revision-tag-{name}", 2)],
    }


def app(name: str, space: str, revision: str = OLD, replicas: int = 2) -> World:
    """A Deployment and its pods."""
    return {
        "Deployment": [deployment(name, space, replicas)],
        "Pod": pods(name, space, revision, replicas),
    }


def joined(*worlds: World) -> World:
    whole: World = {kind: [] for kind in KINDS}
    for each in worlds:
        for kind, objs in each.items():
            whole[kind] = [*whole.get(kind, []), *deepcopy(objs)]
    return whole


SPACES = {
    "istio-system": {},
    "shop": {"istio.io/rev": "prod"},
    "cart": {"istio.io/rev": OLD},
    "legacy": {"istio-injection": "enabled"},
    "plain": {},
}


def crds() -> list[Json]:
    kinds = ("virtualservices.networking", "gateways.networking", "peerauthentications.security")
    return [
        {
            "kind": "CustomResourceDefinition",
            "metadata": meta(f"{kind}.istio.io"),
            "spec": {"versions": [{"name": "v1", "served": True}]},
        }
        for kind in kinds
    ]


def healthy() -> World:
    """Two revisions; tags prod and default at the older, and four namespaces that use it."""
    spaces: World = {
        "Namespace": [spaced(name, labels) for name, labels in SPACES.items()],
        "ConfigMap": [root(name) for name in SPACES],
        "CustomResourceDefinition": crds(),
        "ValidatingWebhookConfiguration": [istio.validator(OLD, default=True, tagged=True)],
    }
    plain: World = {"Deployment": [deployment("site", "plain")]}
    return joined(
        spaces,
        control_plane(OLD),
        control_plane(NEW),
        tag("prod", OLD),
        tag("default", OLD),
        app("web", "shop"),
        app("api", "shop"),
        app("cart", "cart"),
        app("old", "legacy"),
        plain,
    )


def synced(world: World) -> list[tuple[str, object]]:
    """What the istiods say of the world's pods: all is well."""
    pages: dict[str, list[Any]] = {OLD: [], NEW: []}
    for pod in world["Pod"]:
        revision = pod["metadata"].get("annotations", {}).get("istio.io/rev")
        if revision in pages:
            name = f"{pod['metadata']['name']}.{pod['metadata']['namespace']}"
            pages[revision].append(istio.client(name, VERSIONS[revision]))
    return list(pages.items())


def seen(world: World, **beside: Any) -> Inventory:
    """The inventory of this world; ``beside``: what the objects do not say."""
    known = {"kubernetes": "1.33", "pages": synced(world), "denied": (), **beside}
    return inventory(world, SYSTEM, Beside(**known))


def changed(change: Callable[[World], Any]) -> World:
    """The healthy world after ``change``."""
    world = healthy()
    change(world)
    return world


def named(objs: Iterable[Json], name: str) -> Json:
    """The object of that name."""
    return next(each for each in objs if each["metadata"]["name"] == name)
