"""What the translator makes of Services, DestinationRules and endpoints."""

from rollout.lab import sample
from rollout.lab.kube.client import Object
from rollout.lab.mesh.clusters import Cluster, clusters
from tests.lab.objects import SHOP, world


def addresses(found: Cluster) -> list[str]:
    groups = found.endpoints.get("endpoints", [])
    sockets = [
        each["endpoint"]["address"] for each in (groups[0]["lb_endpoints"] if groups else [])
    ]
    return [each["socket_address"]["address"] for each in sockets]


def rule(**policy: Object) -> Object:
    found = sample.destination_rule("v1", "v2")
    found["spec"]["trafficPolicy"] = policy
    return found


def test_every_subset_is_a_cluster_with_the_pods_that_carry_its_labels() -> None:
    found = clusters(world())
    assert {name: addresses(each) for name, each in found.items()} == {
        f"outbound|80||{SHOP}": ["127.16.1.1", "127.16.1.2"],
        f"outbound|80|v1|{SHOP}": ["127.16.1.1"],
        f"outbound|80|v2|{SHOP}": ["127.16.1.2"],
    }


def test_a_subset_whose_labels_no_pod_has_is_an_empty_cluster() -> None:
    found = clusters(world(rule=sample.destination_rule("v3")))
    assert "endpoints" not in found[f"outbound|80|v3|{SHOP}"].endpoints


def test_a_cluster_has_a_name_without_dots_in_the_metrics() -> None:
    cluster = clusters(world())[f"outbound|80|v1|{SHOP}"].cluster
    assert cluster["alt_stat_name"] == "outbound_80_v1_shop_shop_svc_cluster_local"


def test_an_endpoint_carries_who_it_is() -> None:
    group = clusters(world())[f"outbound|80|v2|{SHOP}"].endpoints["endpoints"][0]
    found = group["lb_endpoints"][0]["metadata"]["filter_metadata"]["istio"]["workload"]
    assert found == "b;shop;shop;v2;shop;v2"


def test_a_subset_overrides_field_by_field() -> None:
    policy = rule(
        outlierDetection={"consecutive5xxErrors": 3}, connectionPool={"tcp": {"maxConnections": 7}}
    )
    policy["spec"]["subsets"][1]["trafficPolicy"] = {"loadBalancer": {"simple": "ROUND_ROBIN"}}
    cluster = clusters(world(rule=policy))[f"outbound|80|v2|{SHOP}"].cluster
    assert cluster["lb_policy"] == "ROUND_ROBIN"
    assert cluster["outlier_detection"]["consecutive_5xx"] == 3
    assert cluster["circuit_breakers"]["thresholds"][0]["max_connections"] == 7


def test_settings_for_a_port_replace_all_others() -> None:
    ports = [{"port": {"number": 80}, "loadBalancer": {"simple": "RANDOM"}}]
    policy = rule(outlierDetection={"interval": "1s"}, portLevelSettings=ports)  # type: ignore[arg-type]
    cluster = clusters(world(rule=policy))[f"outbound|80||{SHOP}"].cluster
    assert cluster["lb_policy"] == "RANDOM"
    assert "outlier_detection" not in cluster


def test_consistent_hash_makes_a_ring() -> None:
    policy = rule(loadBalancer={"consistentHash": {"httpHeaderName": "x-user"}})
    cluster = clusters(world(rule=policy))[f"outbound|80|v1|{SHOP}"].cluster
    assert cluster["lb_policy"] == "RING_HASH"
