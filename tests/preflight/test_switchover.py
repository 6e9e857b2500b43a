"""The SW rules on worlds of both kinds: in which each finds something, or nothing."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rollout.lab.twin import objects, records
from rollout.model.finding import Severity
from rollout.model.spec import SecretRef
from rollout.model.switchover import OverruleSwitch, RecordObject, Side, Switchover
from rollout.preflight import switchover as rules
from rollout.preflight.switchover import Twin
from tests.upgrade.switchover.world import spec

Obj = dict[str, Any]
World = dict[Side, dict[str, list[Obj]]]


def subject(**changes: Any) -> Switchover:
    given = spec(10)
    given = replace(given, green=replace(given.green, kubeconfig=SecretRef("green")), **changes)
    return Switchover("edge", "shop", "u", 1, given)


def world() -> World:
    """Two clusters that are alike, and ready."""
    both: World = {}
    for side in Side:
        kinds: dict[str, list[Obj]] = {}
        for obj in copy.deepcopy(objects()):
            if obj["kind"] == "Deployment":
                obj["status"] = {"readyReplicas": obj["spec"]["replicas"]}
            kinds.setdefault(obj["kind"], []).append(obj)
        both[side] = kinds
    both[Side.BLUE]["DNSEndpoint"] = [records(60)]
    return both


def twin(of: World, **changes: Any) -> Twin:
    objs = {
        side: {kind: tuple(found) for kind, found in kinds.items()} for side, kinds in of.items()
    }
    given = Twin(objs, {}, {"dnsendpoint shop/shop": of[Side.BLUE]["DNSEndpoint"][0]})
    return replace(given, **changes)


def found(of: World, who: Switchover | None = None, **changes: Any) -> list[str]:
    return [str(one) for one in rules.findings(who or subject(), twin(of, **changes))]


def deployment(of: World, side: Side, name: str) -> Obj:
    return next(o for o in of[side]["Deployment"] if o["metadata"]["name"] == name)


def test_two_clusters_that_are_alike_and_ready_have_no_findings() -> None:
    assert found(world()) == []


def lacks(of: World) -> None:
    of[Side.GREEN]["Deployment"] = [deployment(of, Side.GREEN, "istio-ingressgateway")]


def other_image(of: World) -> None:
    pods = deployment(of, Side.GREEN, "shop-v1")["spec"]["template"]["spec"]
    pods["containers"][0]["image"] = "shop:old"


def unready(of: World) -> None:
    deployment(of, Side.GREEN, "shop-v1")["status"]["readyReplicas"] = 1


def under_way(of: World) -> None:
    meta = {"name": "shop", "namespace": "shop"}
    of[Side.BLUE]["Rollout"] = [{"metadata": meta, "status": {"phase": "Progressing"}}]


def no_gateway(of: World) -> None:
    of[Side.GREEN]["Deployment"].remove(deployment(of, Side.GREEN, "istio-ingressgateway"))


def argo(of: World) -> None:
    labels = {"argocd.argoproj.io/instance": "shop"}
    of[Side.BLUE]["DNSEndpoint"][0]["metadata"]["labels"] = labels


def second_writer(of: World) -> None:
    of[Side.GREEN]["DNSEndpoint"] = [records(60)]


def annotated(of: World) -> None:
    hostname = {"external-dns.alpha.kubernetes.io/hostname": "shop.example.com."}
    of[Side.GREEN]["Service"][0]["metadata"]["annotations"] = hostname


def long_ttl(of: World) -> None:
    of[Side.BLUE]["DNSEndpoint"][0] = records(300)


def no_host(of: World) -> None:
    of[Side.GREEN]["Gateway"][0]["spec"]["servers"][0]["hosts"] = ["*.example.org"]


def credential(of: World) -> None:
    of[Side.BLUE]["Gateway"][0]["spec"]["servers"][0]["tls"] = {"credentialName": "shop-cert"}


def small(of: World) -> None:
    name = {"name": "shop-v1", "namespace": "shop"}
    target = {"kind": "Deployment", "name": "shop-v1"}
    scaler = {"metadata": name, "spec": {"scaleTargetRef": target, "minReplicas": 1}}
    of[Side.GREEN]["HorizontalPodAutoscaler"] = [scaler]


def full_quota(of: World) -> None:
    status = {"hard": {"pods": "2"}, "used": {"pods": "2"}}
    meta = {"name": "q", "namespace": "shop"}
    of[Side.GREEN]["ResourceQuota"] = [{"metadata": meta, "status": status}]


def addresses(of: World) -> None:
    source = {"source": {"remoteIpBlocks": ["203.0.113.0/24"]}}
    meta = {"name": "office", "namespace": "shop"}
    policy = {"metadata": meta, "spec": {"rules": [{"from": [source]}]}}
    of[Side.BLUE]["AuthorizationPolicy"] = [policy]


def no_blue(of: World) -> None:
    deployment(of, Side.BLUE, "istio-ingressgateway")["status"]["readyReplicas"] = 0


def cron(of: World) -> None:
    for side in Side:
        of[side]["CronJob"] = [{"metadata": {"name": "bill", "namespace": "shop"}, "spec": {}}]


def streams(of: World) -> None:
    of[Side.BLUE]["Service"][0]["spec"]["ports"][0]["name"] = "grpc-api"


def locality(of: World) -> None:
    setting = {"loadBalancer": {"localityLbSetting": {"enabled": True}}}
    meta = {"name": "shop", "namespace": "shop"}
    rule = {"metadata": meta, "spec": {"trafficPolicy": setting}}
    of[Side.GREEN]["DestinationRule"] = [rule]


CASES: list[tuple[Callable[[World], None], str, Severity]] = [
    (lacks, "SW-001: green has no Deployment shop/shop-v1", Severity.BLOCK),
    (
        other_image,
        "SW-001: shop/shop-v1: green does not run rollout.dev/lab/shop:v1",
        Severity.BLOCK,
    ),
    (unready, "SW-001: shop/shop-v1: 1 of 2 pods are ready in green", Severity.BLOCK),
    (under_way, "SW-001: blue: rollout shop/shop is Progressing; let it end first", Severity.BLOCK),
    (
        no_gateway,
        "SW-001: green has no gateway Deployment istio-system/istio-ingressgateway",
        Severity.BLOCK,
    ),
    (
        argo,
        "SW-003: dnsendpoint shop/shop is Argo CD's: it must leave "
        "spec.endpoints[].providerSpecific alone, or it puts weights back",
        Severity.WARN,
    ),
    (
        second_writer,
        "SW-003: green: DNSEndpoint shop/shop writes the same name, too",
        Severity.BLOCK,
    ),
    (
        annotated,
        "SW-003: green: Service shop/shop asks external-dns for the name, too",
        Severity.BLOCK,
    ),
    (
        long_ttl,
        "SW-004: dnsendpoint shop/shop has a TTL of 5m: so slow is the way back",
        Severity.WARN,
    ),
    (no_host, "SW-005: no Gateway of green's lets shop.example.com in", Severity.BLOCK),
    (
        credential,
        "SW-005: green's Gateways do not name the credential shop-cert, as blue's do",
        Severity.WARN,
    ),
    (small, "SW-006: shop/shop-v1: green keeps 1 pods at least, blue has 2", Severity.BLOCK),
    (full_quota, "SW-006: green: quota shop/q has no pod left", Severity.WARN),
    (
        addresses,
        "SW-007: blue: AuthorizationPolicy shop/office goes by IP addresses: do they know green?",
        Severity.WARN,
    ),
    (
        no_blue,
        "SW-008: blue's gateway has no ready pod: there would be no way back",
        Severity.BLOCK,
    ),
    (cron, "SW-009: CronJob shop/bill runs in both clusters, so twice", Severity.WARN),
    (
        streams,
        "SW-010: service shop/shop speaks grpc-api: long connections stay on blue until they end",
        Severity.WARN,
    ),
    (
        locality,
        "SW-012: green: DestinationRule shop/shop has locality rules, which may lead back to blue",
        Severity.WARN,
    ),
]


@pytest.mark.parametrize(
    ("change", "said", "severity"), CASES, ids=lambda x: getattr(x, "__name__", "")
)
def test_a_rule_finds_what_it_is_for(
    change: Callable[[World], None], said: str, severity: Severity
) -> None:
    of = world()
    change(of)
    told = rules.findings(subject(), twin(of))
    assert [(str(one), one.severity) for one in told] == [(said, severity)]


def test_somebody_has_to_say_that_data_can_go_back() -> None:
    (said,) = found(world(), subject(data_can_go_back=False))
    assert said.startswith("SW-008: nobody said that data can go back")


def test_a_blocking_rule_may_be_let_pass_with_a_reason() -> None:
    passed = (OverruleSwitch("SW-008", "read-only shop"),)
    (one,) = rules.findings(subject(data_can_go_back=False, overrule=passed), twin(world()))
    assert one.overruled == "read-only shop"


def test_a_cluster_that_cannot_be_read_blocks_and_says_why() -> None:
    of = world()
    silent = {Side.GREEN: {"Deployment": "deployment: no answer", "CronJob": "cronjob: forbidden"}}
    told = found(of, unread=silent)
    assert "SW-001: green: deployment: no answer" in told
    assert "SW-009: green: cronjob: forbidden; not checked" in told


def test_what_cannot_be_read_is_told_in_one_order_whichever_answer_came_first() -> None:
    """A status that says the same in another order would be written, and looked at, for ever."""
    why = dict.fromkeys(("CronJob", "DestinationRule", "AuthorizationPolicy"), "forbidden")
    other = dict(reversed(why.items()))
    told = [found(world(), unread={Side.GREEN: one}) for one in (why, other)]
    assert told[0] == told[1]


def test_records_that_are_not_there_block() -> None:
    assert found(world(), lost=("dnsendpoint shop/shop: is not there",)) == [
        "SW-002: dnsendpoint shop/shop: is not there"
    ]


def test_another_switchover_of_the_same_name_blocks() -> None:
    meta = {"name": "other", "namespace": "shop"}
    other = {"metadata": meta, "spec": {"dns": {"names": ["shop.example.com"]}}}
    mine = {"metadata": {"name": "edge", "namespace": "shop"}, "spec": other["spec"]}
    assert found(world(), switchovers=(mine,)) == []
    assert found(world(), switchovers=(mine, other)) == [
        "SW-003: ClusterSwitchover shop/other moves shop.example.com, too"
    ]


def test_external_dns_of_one_owner_in_two_clusters_deletes_the_others_records() -> None:
    of = world()
    for side in Side:
        pods = {"containers": [{"image": "external-dns:v0.19", "args": ["--txt-owner-id=a"]}]}
        meta = {"name": "external-dns", "namespace": "dns"}
        spec_ = {"replicas": 1, "template": {"spec": pods}}
        of[side]["Deployment"].append({"metadata": meta, "spec": spec_})
    said = "SW-003: external-dns of both clusters has --txt-owner-id=a"
    one, two = RecordObject("shop"), RecordObject("shop", cluster="green")
    assert [f.severity for f in rules.findings(subject(), twin(of))] == [Severity.WARN]
    both = subject(dns=replace(spec(10).dns, endpoints=(one, two)))
    told = [f for f in rules.findings(both, twin(of)) if str(f) == said]
    assert [f.severity for f in told] == [Severity.BLOCK]


def test_names_whose_routes_lead_nowhere_have_to_say_what_must_be_the_same() -> None:
    of = world()
    of[Side.BLUE]["VirtualService"] = []
    assert found(of) == [
        "SW-001: no route of blue's leads to the names; spec.namespaces says what is"
    ]
    assert found(of, subject(namespaces=("shop",))) == []
