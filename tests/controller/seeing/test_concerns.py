from typing import Any

import pytest

from rollout.controller.ports import Json
from rollout.controller.seeing import concerns
from rollout.controller.seeing.concerns import Interests
from tests.make import canary_spec, rollout

SHOP = "host shop.shop.svc.cluster.local"


def obj(kind: str, spec: object = None, name: str = "x", **meta: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": "shop", **meta}, "spec": spec}


def sends_to(*hosts: str) -> object:
    return {"http": [{"route": [{"destination": {"host": host}}]} for host in hosts]}


OWNER: dict[str, Any] = {"ownerReferences": [{"kind": "ReplicaSet", "name": "shop-v1-abc"}]}
POD: dict[str, Any] = {**OWNER, "labels": {"pod-template-hash": "abc"}}
MARK: dict[str, Any] = {
    "annotations": {"rollout.dev/shop.shop": '{"epoch":1,"host":"shop.shop.svc.cluster.local"}'}
}


@pytest.mark.parametrize(
    ("one", "concern"),
    [
        (obj("Rollout"), "rollout shop/x"),
        (obj("Rollout", {"service": "shop"}), SHOP),
        (obj("Service", name="shop"), SHOP),
        (obj("EndpointSlice", labels={"kubernetes.io/service-name": "shop"}), SHOP),
        (obj("VirtualService", sends_to("shop")), SHOP),
        (obj("VirtualService", sends_to("a.b", "shop.shop.svc")), SHOP),
        (obj("VirtualService", sends_to("shop.shop.svc.cluster.local")), SHOP),
        (obj("VirtualService", {}, **MARK), SHOP),
        (obj("VirtualService", {}), "VirtualService shop/x"),
        (obj("DestinationRule", {"host": "shop"}), SHOP),
        (obj("Deployment", name="shop-v1"), "deployment shop/shop-v1"),
        (obj("Pod", **POD), "deployment shop/shop-v1"),
        (obj("ConfigMap"), "ConfigMap shop/x"),
        (obj("AnalysisTemplate"), "AnalysisTemplate shop/x"),
    ],
)
def test_an_object_says_whom_it_concerns(one: Json, concern: str) -> None:
    assert concern in concerns.of(one)


@pytest.mark.parametrize(
    "one",
    [
        obj("Unheard"),
        {},
        obj("VirtualService", {"http": [{"route": None}, {}], "tcp": None}),
        obj("VirtualService", {"http": [{"route": [{"destination": {"host": 7}}]}]}),
        obj("VirtualService", {}, annotations={"rollout.dev/x": '{"host"'}),
        obj("DestinationRule", None),
        obj("Pod"),
        obj("EndpointSlice"),
    ],
)
def test_an_odd_object_concerns_no_host(one: Json) -> None:
    assert not any(concern.startswith("host ") for concern in concerns.of(one))


def test_a_rollout_cares_for_itself_its_host_and_its_pods() -> None:
    found = concerns.for_rollout(rollout(canary_spec()), frozenset({"deployment shop/shop-v1"}))
    assert found == {"rollout shop/shop", SHOP, "deployment shop/shop-v1"}


def test_interests_meet_concerns_and_are_forgotten() -> None:
    interests = Interests()
    interests.put("a", frozenset({"host 1", "host 2"}))
    interests.put("b", frozenset({"host 2"}))
    assert interests.whom(frozenset({"host 2", "host 3"})) == {"a", "b"}
    interests.put("a", frozenset({"host 1"}))
    interests.drop("b")
    interests.drop("nobody")
    assert interests.whom(frozenset({"host 1", "host 2"})) == {"a"}


def test_a_changed_rollout_is_told_from_its_service() -> None:
    assert list(concerns.itself((SHOP, "rollout shop/x"))) == ["shop/x"]
