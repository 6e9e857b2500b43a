"""The sample mesh for upgrades: namespaces full of small workloads, and a gateway in front of all.

Plain objects. A host names a namespace, a path names a workload in it.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rollout.lab.kube.client import Object
from rollout.lab.load import Ask
from rollout.lab.revisions.names import REV

EDGE, GATEWAY = "istio-ingress", "istio-ingressgateway"
"""The gateway's namespace, and the name of its Deployment and Service."""
STORE = "store"
"""The StatefulSet that visitors ask."""
_NETWORKING = "networking.istio.io/v1"


@dataclass(frozen=True, slots=True)
class Town:
    """``spaces`` namespaces of ``workloads`` Deployments, each of ``replicas`` pods.

    ``revision``: the namespaces' ``istio.io/rev``, a revision or a tag.
    ``sets``: the first namespace has a StatefulSet of two pods as well, which is visited, and a
    StatefulSet and a DaemonSet of one, which are moved by nobody but whoever deletes their pods.
    """

    revision: str
    spaces: int = 12
    workloads: int = 5
    replicas: int = 1
    sets: bool = False

    @property
    def namespaces(self) -> list[str]:
        return [f"team-{number:02}" for number in range(1, self.spaces + 1)]

    @property
    def names(self) -> list[str]:
        """Of the workloads, and of their Services; the same in every namespace."""
        return [f"app-{number}" for number in range(1, self.workloads + 1)]

    def _visited(self, space: str) -> tuple[str, ...]:
        return (STORE,) if self.sets and space == self.namespaces[0] else ()

    def objects(self) -> Iterator[Object]:
        """In the order in which they may be applied; pods need the injector to be there."""
        yield _namespace(EDGE, {})
        yield from _edge(self.revision)
        for space in self.namespaces:
            yield _namespace(space, {REV: self.revision})
            for name in self.names:
                yield _service(space, name)
            yield _routes(space, [*self.names, *self._visited(space)])
        for space in self.namespaces:
            for name in self.names:
                yield _deployment(space, name, self.replicas)
        if self.sets:
            yield from _sets(self.namespaces[0])

    def asks(self) -> Callable[[], Ask]:
        """Each workload in its turn."""
        every = [
            Ask(host=f"{space}.example", path=f"/{name}")
            for space in self.namespaces
            for name in (*self.names, *self._visited(space))
        ]
        turns = itertools.cycle(every)
        return lambda: next(turns)


def _sets(space: str) -> Iterator[Object]:
    yield _service(space, STORE)
    for kind, name, replicas, way in (
        ("StatefulSet", STORE, 2, "RollingUpdate"),
        ("StatefulSet", "ledger", 1, "OnDelete"),
        ("DaemonSet", "agent", 1, "OnDelete"),
    ):
        made = _deployment(space, name, replicas)
        spec = {**made["spec"], "updateStrategy": {"type": way}}
        if kind == "DaemonSet":
            del spec["replicas"]
        else:
            spec["serviceName"] = name
        yield {**made, "kind": kind, "spec": spec}


def gateway(revision: str, name: str = GATEWAY, replicas: int = 2) -> Object:
    """An injected gateway's Deployment, as the gateway chart writes one: its pods name a revision.

    Source: istio/istio, manifests/charts/gateway/templates/deployment.yaml.
    """
    labels = {"app": GATEWAY, "istio": "ingressgateway"}
    box = {
        "name": "istio-proxy",
        "image": "auto",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1337},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": EDGE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {
                    "labels": labels | {"sidecar.istio.io/inject": "true", REV: revision},
                    "annotations": {"inject.istio.io/templates": "gateway"},
                },
                "spec": {"containers": [box], "terminationGracePeriodSeconds": 5},
            },
        },
    }


def _edge(revision: str) -> Iterator[Object]:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": GATEWAY, "namespace": EDGE, "labels": {"app": GATEWAY}},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": GATEWAY, "istio": "ingressgateway"},
            "ports": [{"name": "http2", "port": 80, "targetPort": 8080}],
        },
    }
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    yield _istio("Gateway", EDGE, "edge", spec)
    yield gateway(revision)


def _namespace(name: str, labels: dict[str, str]) -> Object:
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _service(space: str, name: str) -> Object:
    port = {"name": "http", "port": 80, "targetPort": 8080}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": space, "labels": {"app": name}},
        "spec": {"selector": {"app": name}, "ports": [port]},
    }


def _routes(space: str, names: list[str]) -> Object:
    http = [
        {
            "name": name,
            "match": [{"uri": {"prefix": f"/{name}"}}],
            "route": [{"destination": {"host": name}}],
        }
        for name in names
    ]
    spec = {"hosts": [f"{space}.example"], "gateways": [f"{EDGE}/edge"], "http": http}
    return _istio("VirtualService", space, "edge", spec)


def _deployment(space: str, name: str, replicas: int) -> Object:
    labels = {"app": name, "version": "v1"}
    box = {
        "name": "app",
        "image": "rollout.dev/lab/shop:v1",
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": space, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [box], "terminationGracePeriodSeconds": 5},
            },
        },
    }


def _istio(kind: str, space: str, name: str, spec: Object) -> Object:
    meta = {"name": name, "namespace": space}
    return {"apiVersion": _NETWORKING, "kind": kind, "metadata": meta, "spec": spec}
