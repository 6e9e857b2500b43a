"""DNSEndpoints read and patched: only weights of our records, and what rises comes first."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import jsonpatch
from rollout.dns import endpoint
from rollout.lab.twin import records
from rollout.model.switchover import RecordObject
from rollout.model.traffic import Split
from tests.upgrade.switchover.world import spec

PLACE = "dnsendpoint shop/shop"
Obj = dict[str, Any]


def stored(ttl: int = 60) -> Obj:
    obj = records(ttl)
    obj["metadata"]["resourceVersion"] = "7"
    return obj


def problems(obj: Obj) -> str:
    found = endpoint.found(spec(10), {PLACE: obj})
    _, wrong = endpoint.pairs(spec(10), found.records)
    return "; ".join(filter(None, (*found.problems, wrong)))


def entry(obj: Obj, index: int) -> Obj:
    found: Obj = obj["spec"]["endpoints"][index]
    return found


def test_a_whole_set_is_read() -> None:
    obj = stored()
    found = endpoint.found(spec(10), {PLACE: obj})
    (pair,), wrong = endpoint.pairs(spec(10), found.records)
    assert wrong == ""
    assert (pair.name, pair.type, pair.blue, pair.green) == ("shop.example.com", "A", 100, 0)


def test_what_is_no_weighted_set_of_two_says_why() -> None:
    bare = stored()
    entry(bare, 0)["providerSpecific"] = []
    assert "shop.example.com of blue has no aws/weight" in problems(bare)
    odd = stored()
    entry(odd, 1)["providerSpecific"][0]["value"] = "256"
    assert "shop.example.com of green has weight '256'; 0 to 255 is wanted" in problems(odd)
    third = stored()
    third["spec"]["endpoints"].append({**entry(third, 0), "setIdentifier": "red"})
    assert "shop.example.com A has red; only blue's and green's may be in the set" in problems(
        third
    )
    uneven = stored()
    entry(uneven, 1)["recordTTL"] = 61
    assert problems(uneven) == "SW-002: shop.example.com A has two TTLs; a set has one"
    lone = stored()
    lone["spec"]["endpoints"].pop()
    assert problems(lone) == "SW-002: shop.example.com A has no record of green"
    twice = stored()
    twice["spec"]["endpoints"].append(copy.deepcopy(entry(twice, 0)))
    assert problems(twice) == "SW-003: shop.example.com A of blue stands twice: one writer"
    assert (
        problems({"spec": {"endpoints": []}})
        == "SW-002: shop.example.com is in none of the objects"
    )


@pytest.mark.parametrize(
    "odd", [{}, {"spec": None}, {"spec": {"endpoints": [1, None, {"dnsName": 3}]}}]
)
def test_odd_objects_raise_nothing(odd: Obj) -> None:
    assert problems(odd)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 100))
def test_a_patch_changes_the_weights_and_not_one_byte_more(
    blue: int, green: int, asked: int
) -> None:
    obj = stored()
    entry(obj, 0)["providerSpecific"][0]["value"] = str(blue)
    entry(obj, 1)["providerSpecific"][0]["value"] = str(green)
    found = endpoint.found(spec(10), {PLACE: obj})
    split = Split.giving_canary(asked)
    ops = endpoint.patches(found.records, {PLACE: obj}, split).get(PLACE, [])
    after = jsonpatch.apply(obj, ops)
    expected = copy.deepcopy(obj)
    entry(expected, 0)["providerSpecific"][0]["value"] = str(split.stable)
    entry(expected, 1)["providerSpecific"][0]["value"] = str(split.canary)
    assert after == expected
    assert not ops or ops[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


@given(st.integers(0, 100), st.integers(0, 100))
def test_of_two_objects_the_one_that_rises_is_written_first(before: int, asked: int) -> None:
    given_ = spec(10)
    endpoints = (RecordObject("blue", cluster="blue"), RecordObject("green", cluster="green"))
    given_ = replace(given_, dns=replace(given_.dns, endpoints=endpoints))
    blue, green = stored(), stored()
    blue["spec"]["endpoints"] = [entry(blue, 0)]
    green["spec"]["endpoints"] = [entry(green, 1)]
    entry(blue, 0)["providerSpecific"][0]["value"] = str(100 - before)
    entry(green, 0)["providerSpecific"][0]["value"] = str(before)
    objs = {"blue": blue, "green": green}
    found = endpoint.found(given_, objs)
    order = list(endpoint.patches(found.records, objs, Split.giving_canary(asked)))
    assert order == (
        [] if asked == before else ["green", "blue"] if asked > before else ["blue", "green"]
    )


def test_whoever_wrote_last_is_named_but_for_us_and_for_status() -> None:
    obj = stored()
    obj["metadata"]["managedFields"] = [
        {"manager": "kubectl", "time": "2026-03-01T10:00:00Z"},
        {"manager": "argocd-controller", "time": "2026-03-01T11:00:00Z"},
        {"manager": "rollout", "time": "2026-03-01T12:00:00Z"},
        {"manager": "external-dns", "time": "2026-03-01T13:00:00Z", "subresource": "status"},
    ]
    assert endpoint.editor({PLACE: obj}) == "argocd-controller"
    assert endpoint.editor({}) == ""


@pytest.mark.parametrize("weight", ["²", "1_0", "-1", "", "9" * 5000])
def test_a_weight_that_is_no_number_is_told_as_one_that_is_too_large(weight: str) -> None:
    """The kind's schema says of it that it is text, and anybody may write the object."""
    odd = stored()
    entry(odd, 1)["providerSpecific"][0]["value"] = weight
    assert f"green has weight {weight[:20]!r}; 0 to 255 is wanted" in problems(odd)
