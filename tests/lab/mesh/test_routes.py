"""What the translator makes of VirtualServices: dict in, dict out."""

from typing import Any

import pytest

from rollout.lab import sample
from rollout.lab.kube.client import Object
from rollout.lab.mesh.admission import Admission
from rollout.lab.mesh.names import is_http
from rollout.lab.mesh.streams import Chain
from rollout.lab.mesh.translate import GATEWAY, translate
from tests.lab.objects import SHOP, to, world

V1, V2 = (f"outbound|80|{each}|{SHOP}" for each in ("v1", "v2"))


def routes(*http: Object, host: str = "shop.example") -> list[Object]:
    found = translate(world(*http)).routes[GATEWAY][host]["routes"]
    return list(found)


def test_weights_become_weighted_clusters_and_a_zero_is_left_out() -> None:
    (route,) = routes(sample.split(v1=90, v2=10))
    clusters = route["route"]["weighted_clusters"]["clusters"]
    assert clusters == [{"name": V1, "weight": 90}, {"name": V2, "weight": 10}]
    (route,) = routes(sample.split(v1=100, v2=0))
    assert [each["name"] for each in route["route"]["weighted_clusters"]["clusters"]] == [V1]


def test_a_single_destination_gets_everything_even_with_weight_zero() -> None:
    (route,) = routes(sample.split(v2=0))
    assert route["route"]["cluster"] == V2


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({"uri": {"exact": "/a"}}, {"path": "/a"}),
        ({"uri": {"prefix": "/a"}}, {"prefix": "/a"}),
        ({"uri": {"regex": "/a.*"}}, {"safe_regex": {"regex": "/a.*"}}),
        (
            {"headers": {"uri": {"exact": "/"}}},
            {"prefix": "/", "headers": [{"name": "uri", "string_match": {"exact": "/"}}]},
        ),
        (
            {"headers": {"method": {"exact": "GET"}, "authority": {"regex": "*"}}},
            {
                "prefix": "/",
                "headers": [
                    {"name": "method", "string_match": {"exact": "GET"}},
                    {"name": "authority", "present_match": True},
                ],
            },
        ),
        (
            {"headers": {"x": {}}},
            {"prefix": "/", "headers": [{"name": "x", "present_match": True}]},
        ),
        (
            {"withoutHeaders": {"x": {}}},
            {
                "prefix": "/",
                "headers": [{"name": "x", "present_match": True, "invert_match": True}],
            },
        ),
        (
            {"queryParams": {"beta": {"exact": "1"}}},
            {
                "prefix": "/",
                "query_parameters": [{"name": "beta", "string_match": {"exact": "1"}}],
            },
        ),
        (
            {"method": {"exact": "POST"}},
            {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "POST"}}]},
        ),
    ],
)
def test_matches_mean_what_istio_says(match: dict[str, Any], expected: Object) -> None:
    first, _ = routes(to("v2", match=[match]), to("v1"))
    assert first["match"] == expected


def test_several_matches_are_alternatives_and_keep_their_order() -> None:
    found = routes(to("v2", match=[{"uri": {"exact": "/a"}}, {"uri": {"exact": "/b"}}]), to("v1"))
    assert [each["match"] for each in found] == [{"path": "/a"}, {"path": "/b"}, {"prefix": "/"}]


def test_retries_default_to_two_and_can_be_switched_off() -> None:
    (route,) = routes(to("v1"))
    assert route["route"]["retry_policy"]["num_retries"] == 2
    assert route["route"]["retry_policy"]["retry_on"].startswith("connect-failure,")
    (route,) = routes(to("v1", retries={"attempts": 0}))
    assert "retry_policy" not in route["route"]


def test_beside_a_fault_retries_and_timeout_stay() -> None:
    fault = {"abort": {"httpStatus": 418, "percentage": {"value": 25}}}
    (route,) = routes(to("v1", fault=fault, timeout="2s"))
    filters = route["typed_per_filter_config"]["envoy.filters.http.fault"]
    assert filters["abort"]["percentage"] == {"numerator": 250_000, "denominator": "MILLION"}
    assert route["route"]["timeout"] == "2s"
    assert route["route"]["retry_policy"]["num_retries"] == 2


@pytest.mark.parametrize(
    ("percentage", "numerator"), [(None, 1_000_000), ({"value": 10}, 100_000), ({}, None)]
)
def test_a_mirror_without_percentage_gets_everything(
    percentage: Object | None, numerator: int | None
) -> None:
    mirror = {"destination": {"host": "shop", "subset": "v2"}, "percentage": percentage}
    (route,) = routes(to("v1", mirrors=[mirror]))
    policies = route["route"].get("request_mirror_policies", [])
    shares = [each["runtime_fraction"]["default_value"]["numerator"] for each in policies]
    assert shares == ([] if numerator is None else [numerator])


def test_headers_of_a_destination_stay_with_that_destination() -> None:
    rule = sample.split(v1=90, v2=10)
    rule["route"][1]["headers"] = {"response": {"add": {"set-cookie": "canary=1"}}}
    (route,) = routes(rule)
    stable, canary = route["route"]["weighted_clusters"]["clusters"]
    assert "response_headers_to_add" not in stable
    assert canary["response_headers_to_add"][0]["header"]["value"] == "canary=1"


def test_durations_are_given_in_seconds() -> None:
    (route,) = routes(to("v1", timeout="1m30s", retries={"attempts": 1, "perTryTimeout": "250ms"}))
    assert route["route"]["timeout"] == "90s"
    assert route["route"]["retry_policy"]["per_try_timeout"] == "0.25s"


def test_a_rule_without_mesh_in_its_gateways_is_not_for_callers_inside() -> None:
    snapshot = world(to("v2"))
    snapshot.virtual_services[0]["spec"]["gateways"] = ["shop"]
    inside = translate(snapshot).routes["mesh"][f"{SHOP}:80"]
    assert inside["routes"][0]["route"]["cluster"] == f"outbound|80||{SHOP}"


def test_a_gateway_lets_in_only_its_hosts_and_a_missing_one_nothing() -> None:
    gateway = sample.gateway()
    gateway["spec"]["servers"][0]["hosts"] = ["*.other"]
    assert not translate(world(to("v1"), gateways=[gateway])).routes[GATEWAY]
    assert not translate(world(to("v1"), gateways=[])).routes[GATEWAY]


def test_a_delegate_gives_its_rules_to_the_root() -> None:
    snapshot = world({"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "inner"}})
    meta = {"name": "inner", "namespace": "shop", "uid": "2"}
    inner = to("v2", match=[{"uri": {"prefix": "/a/b"}}, {"uri": {"exact": "/a/c"}}])
    snapshot.virtual_services.append({"metadata": meta, "spec": {"http": [inner]}})
    two = translate(snapshot).routes[GATEWAY]["shop.example"]["routes"]
    assert [route["match"] for route in two] == [{"prefix": "/a/b"}, {"path": "/a/c"}]
    assert {route["route"]["cluster"] for route in two} == {V2}


DELEGATES: list[Object] = [
    {"http": [to("v2", match=[{"uri": {"prefix": "/a/b"}}, {"uri": {"prefix": "/c"}}])]},
    {"http": [to("v2")], "hosts": ["inner"], "gateways": ["elsewhere"]},
    {"http": [to("v2")], "exportTo": ["elsewhere"]},
]


@pytest.mark.parametrize("spec", DELEGATES)
def test_a_delegate_gives_nothing_that_istio_would_drop(spec: Object) -> None:
    handed = {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "inner"}}
    snapshot = world(handed, to("v1"))
    meta = {"name": "inner", "namespace": "shop", "uid": "2"}
    snapshot.virtual_services.append({"metadata": meta, "spec": spec})
    (route,) = translate(snapshot).routes[GATEWAY]["shop.example"]["routes"]
    assert (route["match"], route["route"]["cluster"]) == ({"prefix": "/"}, V1)


def test_a_delegate_has_what_it_does_not_say_of_its_root() -> None:
    root = {"name": "edge", "timeout": "3s", "fault": None, "delegate": {"name": "inner"}}
    snapshot = world(root)
    meta = {"name": "inner", "namespace": "shop", "uid": "2"}
    snapshot.virtual_services.append({"metadata": meta, "spec": {"http": [to("v2", name="all")]}})
    (route,) = translate(snapshot).routes[GATEWAY]["shop.example"]["routes"]
    assert (route["name"], route["route"]["timeout"]) == ("edge-all", "3s")


def test_a_broken_object_counts_as_it_last_was_and_leaves_the_others_alone() -> None:
    def version(obj: Object, number: str, **spec: Any) -> Object:
        uid = f"{obj['kind']}/{obj['metadata']['name']}"
        meta = {**obj["metadata"], "uid": uid, "resourceVersion": number}
        return {**obj, "metadata": meta, "spec": {**obj["spec"], **spec}}

    def seen(*objects: Object) -> dict[str, Object]:
        gateways = [version(sample.gateway(), "1")]
        snapshot = world(virtual_services=list(objects), destination_rules=[], gateways=gateways)
        return translate(admission.sound(snapshot)).routes[GATEWAY]

    admission = Admission()
    shop = version(sample.virtual_service(to("v1")), "1")
    other = version(sample.virtual_service(to("v2"), name="other"), "1", hosts=["other.example"])
    good = seen(shop, other)
    assert seen(shop, version(other, "2", http=[{"route": [{"weight": 1}]}])) == good
    assert seen(shop, version(other, "3", hosts=7)) == good
    assert set(good) - set(seen(shop)) == {"other.example"}


def test_server_names_come_before_the_route_for_everybody_else() -> None:
    service = sample.service()
    service["spec"]["ports"][0]["name"] = "tls"
    shop = sample.virtual_service()
    sni = {"match": [{"port": 80, "sniHosts": ["a.example"]}], "route": to("v2")["route"]}
    shop["spec"] = {"hosts": ["shop"], "tls": [sni], "tcp": [to("v1")]}
    chains = translate(world(services=[service], virtual_services=[shop])).streams[f"tcp|80|{SHOP}"]
    assert chains == [Chain(("a.example",), {"cluster": V2}), Chain((), {"cluster": V1})]


def test_callers_inside_may_use_every_form_of_the_name() -> None:
    domains = translate(world()).routes["mesh"][f"{SHOP}:80"]["domains"]
    assert {"shop", "shop.shop", "shop.shop.svc", SHOP, f"{SHOP}:80"} <= set(domains)


def test_a_redirect_and_a_direct_response_need_no_destination() -> None:
    away, here = routes(
        {"match": [{"uri": {"exact": "/old"}}], "redirect": {"uri": "/new", "redirectCode": 308}},
        {"directResponse": {"status": 418, "body": {"string": "tea"}}},
    )
    assert away["redirect"] == {"path_redirect": "/new", "response_code": "PERMANENT_REDIRECT"}
    assert here["direct_response"] == {"status": 418, "body": {"inline_string": "tea"}}


def test_a_fault_without_a_percentage_is_nobodys() -> None:
    shares = []
    asked: list[Object] = [{}, {"percent": 5}, {"percentage": {}}, {"percentage": {"value": 25}}]
    for said in asked:
        (route,) = routes(to("v1", fault={"delay": {"fixedDelay": "1s", **said}}))
        fault = route["typed_per_filter_config"]["envoy.filters.http.fault"]
        shares.append(fault["delay"]["percentage"]["numerator"])
    (route,) = routes(to("v1", fault={"abort": {"httpStatus": 418}}))
    fault = route["typed_per_filter_config"]["envoy.filters.http.fault"]
    assert shares == [0, 50_000, 0, 250_000]
    assert fault["abort"]["percentage"]["numerator"] == 0


def test_a_mirror_of_the_old_spelling_counts_beside_the_new_ones() -> None:
    both = {"mirror": {"host": "shop"}, "mirrorPercent": 5, "mirrorPercentage": {}}
    (none,) = routes(to("v1", **both))
    assert "request_mirror_policies" not in none["route"]
    more = {"mirror": {"host": "shop"}, "mirrors": [{"destination": {"host": "far.shop"}}]}
    (route,) = routes(to("v1", **more))
    assert len(route["route"]["request_mirror_policies"]) == 2


def test_a_host_is_rewritten_and_no_header_of_the_proxys_own_is_changed() -> None:
    request = {"set": {"Host": "b", ":path": "/x", "y": "1"}, "remove": [":method", "z"]}
    (route,) = routes(to("v1", headers={"request": request}))
    assert route["route"]["host_rewrite_literal"] == "b"
    assert [h["header"]["key"] for h in route["request_headers_to_add"]] == ["y"]
    assert route["request_headers_to_remove"] == ["z"]
    (both,) = routes(to("v1", headers={"request": request}, rewrite={"authority": "a"}))
    assert both["route"]["host_rewrite_literal"] == "a"


@pytest.mark.parametrize(
    ("port", "split"),
    [
        ({"name": "http", "port": 80}, True),
        ({"name": "web", "port": 80}, True),
        ({"name": "web", "port": 3306}, False),
        ({"name": "http-db", "port": 3306}, True),
        ({"name": "http", "port": 80, "appProtocol": "kubernetes.io/wss"}, False),
        ({"name": "tcp", "port": 80, "appProtocol": "kubernetes.io/ws"}, True),
        ({"name": "http", "port": 80, "appProtocol": "tcp-x"}, False),
    ],
)
def test_a_port_is_split_if_istio_takes_it_for_http(port: Object, split: bool) -> None:
    assert is_http(port) is split
