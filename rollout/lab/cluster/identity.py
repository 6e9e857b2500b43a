"""Who a pod is to Istio: workload, version and service, as its metrics' labels say."""

from collections.abc import Iterable

from rollout.lab.cluster import pods
from rollout.lab.kube.client import Object

DOMAIN = "svc.cluster.local"


def series(pod: Object, services: Iterable[Object]) -> dict[str, str]:
    """The ``destination_*`` labels of requests to ``pod``; source: "Istio Standard Metrics"."""
    labels, namespace = pods.labels(pod), pod["metadata"]["namespace"]
    name = _service(pod, services)
    return {
        "destination_workload": pods.workload(pod),
        "destination_workload_namespace": namespace,
        "destination_app": labels.get("app", "unknown"),
        "destination_version": labels.get("version", "unknown"),
        "destination_canonical_service": canonical_service(pod),
        "destination_canonical_revision": canonical_revision(pod),
        "destination_service": f"{name}.{namespace}.{DOMAIN}" if name else "unknown",
        "destination_service_name": name or "unknown",
        "destination_service_namespace": namespace if name else "unknown",
        "destination_cluster": "Kubernetes",
        "source_workload": "unknown",
        "source_workload_namespace": "unknown",
        "connection_security_policy": "none",
    }


def canonical_service(pod: Object) -> str:
    """Source: Istio, "Canonical Service": the first of these labels, else the workload."""
    labels = pods.labels(pod)
    names = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
    return next((labels[name] for name in names if name in labels), pods.workload(pod))


def canonical_revision(pod: Object) -> str:
    """Source: Istio, "Canonical Service": the first of these labels, else ``latest``."""
    labels = pods.labels(pod)
    names = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
    return next((labels[name] for name in names if name in labels), "latest")


def _service(pod: Object, services: Iterable[Object]) -> str:
    namespace, labels = pod["metadata"]["namespace"], pods.labels(pod)
    names = (
        str(each["metadata"]["name"])
        for each in services
        if each["metadata"]["namespace"] == namespace
        and pods.selected(labels, each["spec"].get("selector") or {})
    )
    return min(names, default="")
