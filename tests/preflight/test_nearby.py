"""Policies around the service: for whom each holds, and what it says where it is cut short."""

from typing import Any

import pytest

from rollout.preflight.snapshot import Case
from tests.preflight.test_rollouts import (
    Json,
    but,
    found,
    handed_over,
    healthy,
    meta,
    rule,
    strict,
    virtual_service,
    with_policy,
)

LABELLED = {"matchLabels": {"app": "shop"}}
OF_V1 = {"key": "version", "operator": "In", "values": ["v1"]}
PLAIN = {"tls": {"mode": "DISABLE"}}


def lines(case: Case, rule_id: str) -> list[str]:
    return [line for line in found(case) if line.startswith(rule_id)]


def an(kind: str, name: str = "x", namespace: str = "shop", **spec: Any) -> Case:
    return but(**{kind: ({"metadata": meta(name, namespace), "spec": spec},)})


def at_port(**policy: Any) -> Case:
    return with_policy(portLevelSettings=[{"port": {"number": 80}, **policy}])


def accepting(*policies: Json) -> Case:
    """Callers are told to speak plain text; these policies say what the pods take."""
    return but(destination_rules=(rule(trafficPolicy=PLAIN),), peer_authentications=policies)


def mtls(mode: str, namespace: str = "shop", **more: Any) -> Json:
    return {"metadata": meta("p", namespace), "spec": {"mtls": {"mode": mode}, **more}}


KINDS = (
    "sidecars",
    "peer_authentications",
    "authorization_policies",
    "hpas",
    "pdbs",
    "network_policies",
    "telemetries",
    "gateways",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spec", [{}, {"spec": None}, {"spec": {}}])
def test_an_object_that_says_nothing_stops_no_rule(kind: str, spec: Json) -> None:
    case = but(**{kind: ({"metadata": meta("x"), **spec},)})
    assert found(case) == found(healthy()) == []


def test_an_autoscaler_that_says_nothing_cannot_be_handed_over() -> None:
    assert lines(handed_over({"metadata": meta("shop")}), "ROL-051") == [
        "ROL-051 block hpa shop/shop: hpa shop names nothing to scale; take workload.autoscaler out"
    ]


@pytest.mark.parametrize(
    ("kind", "named", "spec"),
    [
        ("pdbs", "poddisruptionbudget", {"selector": LABELLED | {"matchExpressions": [OF_V1]}}),
        ("network_policies", "networkpolicy", {"podSelector": {"matchExpressions": [OF_V1]}}),
    ],
)
def test_a_policy_may_choose_pods_by_expressions(kind: str, named: str, spec: Json) -> None:
    assert lines(an(kind, **spec), "ROL-042") == [
        f"ROL-042 warn {named} shop/x: holds for shop-v1 and not for shop-v2"
    ]


def test_a_policy_of_the_root_namespace_chooses_pods_everywhere() -> None:
    by_version = {"selector": {"matchLabels": {"version": "v1"}}}
    assert lines(an("authorization_policies", "x", "istio-system", **by_version), "ROL-042") == [
        "ROL-042 warn authorizationpolicy istio-system/x: holds for shop-v1 and not for shop-v2"
    ]
    assert lines(an("authorization_policies", "x", "far", **by_version), "ROL-042") == []


def test_what_is_said_of_one_port_is_heard() -> None:
    case = at_port(connectionPool={"tcp": {"maxConnections": 1}})
    assert lines(case, "ROL-033") == [
        "ROL-033 warn destinationrule shop/shop port 80: connectionPool limits hold for each "
        "subset; are they sized for all?"
    ]
    locked = at_port(**PLAIN).snapshot.destination_rules
    told = lines(but(destination_rules=locked, peer_authentications=(strict(),)), "ROL-040")
    assert told == [
        "ROL-040 warn destinationrule shop/shop port 80: tls DISABLE, but the pods accept mTLS "
        "only (PeerAuthentication STRICT)"
    ]


STRICT_IN_THE_END = [
    (mtls("STRICT"),),
    (mtls("STRICT", "istio-system"),),
    (mtls("PERMISSIVE", "istio-system"), mtls("STRICT")),
    (mtls("PERMISSIVE"), mtls("STRICT", selector=LABELLED)),
    (mtls("STRICT"), mtls("UNSET", selector=LABELLED)),
    (mtls("STRICT", selector=LABELLED, portLevelMtls={"8080": {"mode": "STRICT"}}),),
]
OPEN_IN_THE_END = [
    (mtls("STRICT", "istio-system"), mtls("PERMISSIVE")),
    (mtls("STRICT"), mtls("DISABLE", selector=LABELLED)),
    (mtls("STRICT", selector=LABELLED, portLevelMtls={"8080": {"mode": "PERMISSIVE"}}),),
    (mtls("STRICT", "istio-system", selector=LABELLED),),
    (mtls("STRICT", "far"),),
    (mtls("STRICT", selector={"matchLabels": {"app": "other"}}),),
]


@pytest.mark.parametrize("policies", STRICT_IN_THE_END)
def test_the_nearest_policy_that_says_anything_counts(policies: tuple[Json, ...]) -> None:
    assert len(lines(accepting(*policies), "ROL-040")) == 1


@pytest.mark.parametrize("policies", OPEN_IN_THE_END)
def test_plain_text_is_no_trouble_where_the_pods_take_it(policies: tuple[Json, ...]) -> None:
    assert lines(accepting(*policies), "ROL-040") == []


def test_a_sidecar_of_the_root_namespace_is_read_in_each_callers() -> None:
    egress = [{"hosts": ["./*", "istio-system/*"]}]
    assert lines(an("sidecars", "default", "istio-system", egress=egress), "ROL-043") == [
        "ROL-043 warn sidecar istio-system/default: does not let callers outside shop see "
        "shop.shop.svc.cluster.local"
    ]


def test_whom_export_to_hides_it_from_is_named() -> None:
    hidden = [
        lines(but(virtual_services=(virtual_service(exportTo=to),)), "ROL-043")
        for to in (["."], ["shop", "web"], ["~"])
    ]
    told = "ROL-043 warn virtualservice shop/shop: exportTo hides it from"
    assert hidden == [
        [f"{told} callers outside shop"],
        [f"{told} callers outside shop, web"],
        [f"{told} everybody"],
    ]


def counted(selector: Json | None = None, **override: Any) -> Case:
    spec: Json = {"metrics": [{"overrides": [override]}]} | (
        {"selector": selector} if selector else {}
    )
    return an("telemetries", **spec)


def test_a_metric_that_no_gate_asks_for_may_be_switched_off() -> None:
    size, opened = {"metric": "REQUEST_SIZE"}, {"metric": "TCP_OPENED_CONNECTIONS"}
    no_code = {"response_code": {"operation": "REMOVE"}}
    quiet = [
        counted(match=size, disabled=True),
        counted(match=opened, disabled=True),
        counted(match=size, tagOverrides=no_code),
        counted({"matchLabels": {"app": "other"}}, disabled=True),
    ]
    assert [lines(case, "ROL-054") for case in quiet] == [[], [], [], []]
    heard = [
        counted(match={"metric": "REQUEST_DURATION"}, disabled=True),
        counted(match={"metric": "ALL_METRICS", "mode": "SERVER"}, tagOverrides=no_code),
        counted(LABELLED, disabled=True),
    ]
    assert [lines(case, "ROL-054") for case in heard] == [
        ["ROL-054 warn telemetry shop/x: switches off REQUEST_DURATION; the gates would be blind"],
        ["ROL-054 warn telemetry shop/x: takes label response_code away, which the analysis needs"],
        ["ROL-054 warn telemetry shop/x: switches off every metric; the gates would be blind"],
    ]


def test_only_rules_that_istio_reads_as_one_are_several() -> None:
    callers = {"matchLabels": {"app": "web"}}
    for other in (rule("b", workloadSelector=callers), rule("b", exportTo=["."])):
        assert lines(but(destination_rules=(rule(), other)), "ROL-012") == []
    shown = [rule("a", exportTo=["."]), rule("b", exportTo=["shop"])]
    assert lines(but(destination_rules=(*shown,)), "ROL-012") == [
        "ROL-012 warn destinationrules a, b: all are for shop.shop.svc.cluster.local, "
        "and the oldest wins; one is wanted"
    ]
