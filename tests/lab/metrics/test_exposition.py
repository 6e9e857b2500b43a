"""Lines of Envoy's access log become Istio's series, and series become text."""

import json
from typing import Any

import pytest

from rollout.lab.metrics.exposition import RequestMetrics, labels, page
from rollout.lab.metrics.telemetry import Telemetry

SHOP = "shop.shop.svc.cluster.local;shop;shop;v2"
POD = "shop-v2;shop;shop;v2;shop;v2"


def counted(**line: Any) -> dict[str, str]:
    whole: dict[str, Any] = {"at": "gateway", "code": 200, "flags": None, "us": 1500, "ms": 1}
    whole |= {"to": POD, "service": SHOP, "host": "shop.example", "grpc": None, "kind": None}
    telemetry = Telemetry()
    telemetry.count(json.loads(json.dumps(whole | line)))
    ((series, _),) = telemetry.metrics.totals().items()
    return dict(series)


def test_a_request_is_named_after_the_pod_that_answered() -> None:
    found = counted()
    assert found["destination_workload"] == "shop-v2"
    assert found["destination_service"] == "shop.shop.svc.cluster.local"
    assert (found["response_flags"], found["pod"]) == ("-", "istio-ingressgateway-0")


def test_without_an_endpoint_the_service_is_known_and_the_workload_is_not() -> None:
    found = counted(to=None, code=503, flags="UH")
    assert found["destination_workload"] == "unknown"
    assert found["destination_service_name"] == "shop"


@pytest.mark.parametrize(
    ("at", "service"), [("gateway", "unknown"), ("mesh", "shop.shop.svc.cluster.local")]
)
def test_without_a_cluster_only_a_sidecar_trusts_the_host_header(at: str, service: str) -> None:
    host = "shop.shop.svc.cluster.local:80"
    found = counted(at=at, to=None, service=None, code=503, flags="NC", host=host)
    assert found["destination_service"] == service


def test_grpc_has_its_own_status() -> None:
    found = counted(grpc=14, kind="application/grpc+proto")
    assert (found["request_protocol"], found["grpc_response_status"]) == ("grpc", "14")


def test_buckets_are_cumulative_and_a_bound_counts_itself() -> None:
    metrics = RequestMetrics()
    for milliseconds in (0.4, 5, 5.1, 9e9):
        metrics.count(labels({"a": 'x"y'}), milliseconds)
    lines = page([({"pod": "p"}, metrics)]).splitlines()
    name = 'istio_request_duration_milliseconds_bucket{a="x\\"y",pod="p",le='
    found = {line.split('le="')[1].split('"')[0]: line for line in lines if name in line}
    assert [found[le].split()[-1] for le in ("0.5", "1", "5", "10", "+Inf")] == list("11234")
    assert 'istio_requests_total{a="x\\"y",pod="p"} 4' in lines
