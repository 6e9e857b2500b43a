"""What istiod makes of several objects for one host; seen with istiod 1.29.6 and 1.30.3."""

from itertools import permutations
from typing import Any

import pytest

from rollout.lab import sample
from rollout.lab.kube.client import Object
from rollout.lab.mesh.clusters import clusters
from rollout.lab.mesh.destination import in_force
from rollout.lab.mesh.matches import Listener, visible
from rollout.lab.mesh.translate import GATEWAY, translate
from tests.lab.objects import SHOP, to, world

ROOT = "istio-system"


def made(kind: str, name: str, spec: Object, second: int = 0, namespace: str = "shop") -> Object:
    meta = {"name": name, "namespace": namespace, "uid": f"{kind}/{namespace}/{name}"}
    meta["creationTimestamp"] = f"2026-01-01T00:00:{second:02}Z"
    return {"kind": kind, "metadata": meta, "spec": spec}


def virtual(name: str, *http: Object, second: int = 0, **spec: Any) -> Object:
    usual = {"hosts": [sample.HOST], "gateways": ["shop/shop"], "http": list(http)}
    return made("VirtualService", name, usual | spec, second, spec.pop("namespace", "shop"))


def named(name: str, *match: Object) -> Object:
    return to(name=name) | ({"match": list(match)} if match else {})


def order(*objects: Object, **more: Any) -> list[str]:
    """The names of the routes of the gateway's host, first tried first."""
    hosts = translate(world(virtual_services=list(objects), **more)).routes[GATEWAY]
    return [route["name"] for route in hosts[sample.HOST]["routes"]]


PATH = {"uri": {"prefix": "/pages"}}
HEADER = {"headers": {"x": {"exact": "1"}}}


def test_virtual_services_of_one_host_are_merged_oldest_first() -> None:
    old = virtual("z", named("old", PATH), second=1)
    young = virtual("a", named("young", PATH), second=2)
    assert order(young, old) == ["old", "young"]


def test_of_one_second_the_name_decides_and_then_the_namespace() -> None:
    every = [
        virtual("a", named("a in z", PATH), namespace="z"),
        virtual("b", named("b in a", PATH), namespace="a"),
        virtual("b", named("b in z", PATH), namespace="z"),
    ]
    for some in permutations(every):
        assert order(*some) == ["a in z", "b in a", "b in z"]


@pytest.mark.parametrize("match", [[], [{"uri": {"prefix": "/"}}], [{"uri": {"regex": ".*"}}]])
def test_what_matches_everything_goes_behind_the_younger_ones_routes(match: list[Object]) -> None:
    everyone = virtual("web", named("everyone", *match), second=1)
    assert order(everyone, virtual("pages", named("pages", PATH), second=2)) == [
        "pages",
        "everyone",
    ]


@pytest.mark.parametrize(
    "match",
    [
        HEADER,
        {"uri": {"prefix": "/"}, "queryParams": {"q": {"exact": "1"}}},
        {"uri": {"regex": "/.*"}},
        {"method": {"exact": "GET"}},
        {"withoutHeaders": {"x": {}}},
    ],
)
def test_a_copy_with_any_condition_stands_before_all_younger_ones(match: Object) -> None:
    web = virtual("web", named("cohort", match), named("everyone"), second=1)
    pages = virtual("pages", named("pages", PATH), second=2)
    assert order(web, pages) == ["cohort", "pages", "everyone"]


def test_nothing_stands_behind_the_first_catch_all_of_its_own_object() -> None:
    web = virtual("web", named("either", PATH, {"uri": {"prefix": "/"}}, HEADER), named("dead"))
    assert order(web) == ["either", "either"]
    assert order(virtual("web", named("everyone"), named("dead", PATH))) == ["everyone"]


def test_hosts_of_which_one_is_wider_meet_at_the_narrower() -> None:
    gateway = sample.gateway() | {"metadata": {"name": "shop", "namespace": "shop"}}
    gateway["spec"]["servers"][0]["hosts"] = [sample.HOST, "other/*.only", "*.wide"]
    anybody = virtual("any", named("any", PATH), second=1, hosts=["*"])
    web = virtual("web", named("web"), second=2)
    both = world(virtual_services=[anybody, web], gateways=[gateway])
    found = translate(both).routes[GATEWAY]
    assert {host: [r["name"] for r in each["routes"]] for host, each in found.items()} == {
        sample.HOST: ["any", "web"],
        "*.wide": ["any"],
    }


def test_an_object_with_tls_routes_only_makes_no_http_host() -> None:
    sni = {"match": [{"port": 443, "sniHosts": [sample.HOST]}], "route": to()["route"]}
    spec: Object = {"hosts": [sample.HOST, "shop"], "gateways": ["shop", "mesh"], "tls": [sni]}
    alone = made("VirtualService", "tls", spec)
    found = translate(world(virtual_services=[alone])).routes
    assert found[GATEWAY] == {}
    assert [r["match"] for r in found["mesh"][f"{SHOP}:80"]["routes"]] == [{"prefix": "/"}]
    http = virtual("http", named("http"), second=2, gateways=["mesh"], hosts=["shop"])
    inside = translate(world(virtual_services=[alone, http])).routes["mesh"]
    assert [r["name"] for r in inside[f"{SHOP}:80"]["routes"]] == ["http"]


def test_a_match_with_gateways_does_not_ask_who_calls() -> None:
    match = {"gateways": ["mesh"], "sourceLabels": {"app": "web"}, "sourceNamespace": "web"}
    assert visible(match, Listener("mesh", 80, {"app": "other"}), "shop")
    assert not visible(match | {"gateways": []}, Listener("mesh", 80, {"app": "other"}), "shop")
    assert not visible(match, Listener("shop/shop", 80, {"app": "web"}), "shop")


def rule(name: str, *subsets: Object, second: int = 0, **spec: Any) -> Object:
    space = spec.pop("namespace", "shop")
    usual = {"host": "shop", "subsets": list(subsets)} | spec
    return made("DestinationRule", name, usual, second, space)


V1, V2 = ({"name": each, "labels": {"version": each}} for each in ("v1", "v2"))
LEAST, RANDOM = ({"loadBalancer": {"simple": each}} for each in ("LEAST_REQUEST", "RANDOM"))


def test_destination_rules_of_one_host_are_merged_the_oldest_wins() -> None:
    old = rule("z", V1, second=1)
    young = rule("a", V2, V1 | {"labels": {"version": "v9"}}, second=2, trafficPolicy=RANDOM)
    last = rule("b", second=3, trafficPolicy=LEAST, host=SHOP)
    for some in permutations((old, young, last)):
        found = in_force(world(destination_rules=list(some)), SHOP)
        assert (found["subsets"], found["trafficPolicy"]) == ([V1, V2], RANDOM)


def test_every_subset_of_the_merged_rule_is_a_cluster() -> None:
    found = clusters(world(destination_rules=[rule("one", V1), rule("two", V2)]))
    assert set(found) == {f"outbound|80|{each}|{SHOP}" for each in ("", "v1", "v2")}


def test_a_pattern_holds_where_no_rule_names_the_host_and_the_longest_wins() -> None:
    wide = rule("wide", V1, host="*.svc.cluster.local", trafficPolicy=LEAST)
    narrow = rule("narrow", V2, host="*.shop.svc.cluster.local", trafficPolicy=RANDOM)
    mine = rule("mine", V1)
    assert in_force(world(destination_rules=[wide, narrow]), SHOP) == narrow["spec"]
    assert in_force(world(destination_rules=[wide, narrow, mine]), SHOP) == mine["spec"]


def test_the_root_namespaces_rule_holds_where_the_service_has_none() -> None:
    root = rule("root", V1, host=SHOP, namespace=ROOT)
    pattern = rule("pattern", V2, host="*.local")
    assert in_force(world(destination_rules=[root]), SHOP) == root["spec"]
    assert in_force(world(destination_rules=[root, pattern]), SHOP) == pattern["spec"]


def test_rules_of_others_are_not_in_force() -> None:
    elsewhere = rule("elsewhere", V1, host=SHOP, namespace="callers")
    private = rule("private", V1, host=SHOP, namespace=ROOT, exportTo=["."])
    some = rule("some", V1, workloadSelector={"matchLabels": {"app": "web"}})
    assert in_force(world(destination_rules=[elsewhere, private, some]), SHOP) == {}


def test_a_rule_that_is_exported_elsewhere_is_kept_apart() -> None:
    old = rule("old", V1, second=1)
    private = rule("private", V2, second=2, exportTo=["."])
    assert in_force(world(destination_rules=[private, old]), SHOP)["subsets"] == [V1]
