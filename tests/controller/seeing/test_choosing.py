"""Nothing that chooses our pods is missed, and what the rules find needs none of the others."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rollout import reconcile
from rollout.controller.ports import Json
from rollout.controller.seeing import choosing, concerns, mesh, preflight
from rollout.labels import selector
from rollout.manifest import objects
from rollout.model.status import Revision, RolloutStatus
from rollout.preflight import rollouts
from tests.controller.shop import NAMESPACE, a_rollout
from tests.controller.shop import objects as shop_objects
from tests.fakes import FakeKube
from tests.make import START

WORDS = st.sampled_from(["app", "shop", "v1", "v2", "version", "a,b=c", ""])
LABELS = st.dictionaries(WORDS, WORDS, max_size=5)
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.just([]), st.just("app"), st.dictionaries(WORDS, st.just(7))
)
ASKED = st.fixed_dictionaries(
    {
        "key": WORDS,
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Near"]),
        "values": st.one_of(st.lists(WORDS, max_size=3), ODD),
    }
)
SELECTORS = st.one_of(
    ODD,
    st.fixed_dictionaries(
        {},
        optional={
            "matchLabels": st.one_of(LABELS, ODD),
            "matchExpressions": st.one_of(st.lists(ASKED, max_size=2), ODD),
        },
    ),
)


@given(SELECTORS, LABELS)
def test_whatever_chooses_a_pod_is_found_by_what_the_pod_carries(
    asked: Any, carried: dict[str, str]
) -> None:
    met = {*choosing.by_selector("K", "ns", asked)} & {*choosing.pods("K", "ns", carried)}
    assert met or not selector(asked).matches(carried)


@given(LABELS, LABELS)
def test_whatever_asks_for_pairs_that_a_pod_carries_is_found(
    asked: dict[str, str], carried: dict[str, str]
) -> None:
    met = {*choosing.by_pairs("K", "ns", asked)} & {*choosing.pods("K", "ns", carried)}
    assert met or not asked.items() <= carried.items()


@given(ODD)
def test_pairs_that_nobody_can_read_may_choose_whatever_there_is(asked: Any) -> None:
    met = {*choosing.by_pairs("K", "ns", asked)} & {*choosing.pods("K", "ns", {})}
    assert met or asked == {}


def test_what_asks_for_another_name_is_not_read() -> None:
    ours = {"app": "shop", "tier": "web", "part-of": "store"}
    named = {*choosing.pods("K", "ns", ours)}
    assert not named & {*choosing.by_pairs("K", "ns", {**ours, "app": "some-other-shop"})}


def neighbour(kind: str, namespace: str, number: int, spec: Any) -> Json:
    return {"kind": kind, "metadata": {"name": f"n{number}", "namespace": namespace}, "spec": spec}


PAIRS = st.sampled_from(
    [{}, {"app": "shop"}, {"app": "shop", "version": "v1"}, {"version": "v2"}, {"app": "other"}]
)
SPACES = st.sampled_from([NAMESPACE, "istio-system", "elsewhere"])
CHOSEN = st.one_of(st.none(), PAIRS.map(lambda pairs: {"matchLabels": pairs}), SELECTORS)
PORTS = st.lists(st.fixed_dictionaries({"port": st.sampled_from([80, 81])}), max_size=2)
MODES = st.sampled_from([None, {"mode": "STRICT"}, {"mode": "DISABLE"}])
OFF = [{"overrides": [{"disabled": True}]}]
NEIGHBOURS = st.lists(
    st.one_of(
        *(
            st.tuples(st.just(kind), SPACES, st.fixed_dictionaries(spec))
            for kind, spec in (
                ("Service", {"selector": PAIRS, "ports": PORTS}),
                ("PeerAuthentication", {"selector": CHOSEN, "mtls": MODES}),
                ("AuthorizationPolicy", {"selector": CHOSEN}),
                ("NetworkPolicy", {"podSelector": CHOSEN}),
                ("PodDisruptionBudget", {"selector": CHOSEN}),
                ("Telemetry", {"selector": CHOSEN, "metrics": st.just(OFF)}),
                ("Gateway", {"servers": st.just([{"hosts": ["*"]}])}),
            )
        ),
        st.tuples(
            st.just("HorizontalPodAutoscaler"),
            SPACES,
            st.sampled_from(["shop-v1", "shop-v2", "other-v1"]).map(
                lambda name: {"scaleTargetRef": {"kind": "Deployment", "name": name}}
            ),
        ),
    ),
    max_size=8,
)
WHOLE = {
    "services": "Service",
    "gateways": "Gateway",
    "peer_authentications": "PeerAuthentication",
    "authorization_policies": "AuthorizationPolicy",
    "hpas": "HorizontalPodAutoscaler",
    "pdbs": "PodDisruptionBudget",
    "network_policies": "NetworkPolicy",
    "telemetries": "Telemetry",
}


@given(NEIGHBOURS, st.sampled_from([["mesh"], ["n0", "mesh"], ["elsewhere/n1"]]), st.booleans())
def test_the_rules_find_the_same_in_what_is_near_as_in_all_there_is(
    neighbours: list[tuple[str, str, Any]], gateways: list[str], strict: bool
) -> None:
    obj = a_rollout(strategy={"canary": {"steps": [{"weight": 20}]}})
    kube = FakeKube()
    kube.put(*shop_objects(), obj)
    route = [{"destination": {"host": "shop"}}]
    spec = {"hosts": ["shop"], "gateways": gateways, "http": [{"route": route}]}
    kube.put({**kube.objects["VirtualService", NAMESPACE, "shop"], "spec": spec})
    mode = {"trafficPolicy": {"tls": {"mode": "DISABLE" if strict else "SIMPLE"}}}
    kube.put(neighbour("DestinationRule", NAMESPACE, 0, {"host": "shop", **mode}))
    kube.put(*(neighbour(k, space, n, s) for n, (k, space, s) in enumerate(neighbours)))
    rollout, status = objects.rollout(obj), RolloutStatus(stable=Revision("v1"))
    target = reconcile.ask(rollout, status, START).target
    near = preflight.case(kube, rollout, target, Revision("v1"), Revision("v2"))
    every: Any = {name: tuple(map(mesh.mended, kube.list(kind))) for name, kind in WHOLE.items()}
    whole = replace(near, snapshot=replace(near.snapshot, **every))
    assert {*rollouts.findings(near)} == {*rollouts.findings(whole)}


def test_what_chooses_pods_wakes_nobody() -> None:
    service = neighbour("Service", NAMESPACE, 0, {"selector": {"app": "shop"}})
    assert concerns.of(service) == {
        "host n0.shop.svc.cluster.local",
        "Service in shop for app=shop",
    }
