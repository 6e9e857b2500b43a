"""Envoy's access log -> Istio's client-side metrics; every number is Envoy's own."""

import json
from typing import Any

from rollout.lab.metrics.exposition import RequestMetrics, labels
from rollout.lab.programs.processes import Child

# Who asks, per listener: the labels Prometheus and Istio would give that proxy's series.
_SOURCES = {
    "gateway": {
        "source_workload": "istio-ingressgateway",
        "source_workload_namespace": "istio-system",
        "pod": "istio-ingressgateway-0",
        "namespace": "istio-system",
    },
    "mesh": {
        "source_workload": "visitors",
        "source_workload_namespace": "default",
        "pod": "visitors-0",
        "namespace": "default",
    },
}
_UNKNOWN = ";".join(["unknown"] * 6)


class Telemetry:
    """Counts requests as the proxies of callers see them (``reporter="source"``).

    ``sources``: who the proxy of each listener is, in the labels of its series.
    """

    def __init__(self) -> None:
        self.metrics = RequestMetrics()
        self.lines = 0
        self.sources = dict(_SOURCES)

    async def listen(self, envoy: Child) -> None:
        """For ever: each line of its access log is one request. Errors: as ``Child.lines``."""
        async for line in envoy.lines():
            if line.startswith(b"{"):
                self.count(json.loads(line))

    def count(self, line: dict[str, Any]) -> None:
        """One finished request, as logged by ``mesh.listeners``."""
        self.lines += 1
        micros = line["us"]
        milliseconds = line["ms"] if micros is None else micros / 1000
        self.metrics.count(labels(_series(line) | self.sources[line["at"]]), milliseconds)


def _series(line: dict[str, Any]) -> dict[str, str]:
    """Source: "Istio Standard Metrics"; without an endpoint the workload is ``unknown``."""
    to = (line["to"] or _UNKNOWN).split(";")
    service, name, namespace, _ = (line["service"] or _fallback(line)).split(";")
    grpc = line["grpc"] is not None and str(line["kind"]).startswith("application/grpc")
    found = {
        "reporter": "source",
        "destination_workload": to[0],
        "destination_workload_namespace": to[1],
        "destination_canonical_service": to[2],
        "destination_canonical_revision": to[3],
        "destination_app": to[4],
        "destination_version": to[5],
        "destination_service": service,
        "destination_service_name": name,
        "destination_service_namespace": namespace,
        "destination_cluster": "Kubernetes" if line["to"] else "unknown",
        "request_protocol": "grpc" if grpc else "http",
        "response_code": str(line["code"]),
        "response_flags": line["flags"] or "-",
        "connection_security_policy": "unknown",
    }
    if grpc:
        found["grpc_response_status"] = str(line["grpc"])
    return found


def _fallback(line: dict[str, Any]) -> str:
    """No cluster was found: a sidecar falls back to the Host header, a gateway does not."""
    if str(line["at"]).startswith("gateway"):
        return "unknown;unknown;unknown;"
    host = str(line["host"] or "unknown").partition(":")[0]
    return f"{host};{host};unknown;"
