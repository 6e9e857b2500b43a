"""What no sequence of routes and foreign edits may bring about."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.istio import memory, virtualservice
from rollout.istio.routes.listing import is_made
from rollout.model.traffic import (
    STABLE_ONLY,
    Cohort,
    Fault,
    Route,
    Split,
    Sticky,
    StringMatch,
    Target,
)
from tests.istio.objects import TARGET, Json, applied, samples, to, vs

EXACT = StringMatch(exact="1")
COHORTS = st.sampled_from(
    [
        Cohort(headers={"x-tester": EXACT}),
        Cohort(cookies={"beta": EXACT, "lab": StringMatch(present=True)}),
        Cohort(query={"test-v2": StringMatch(exact="true")}, method=StringMatch(exact="GET")),
        Cohort(path=StringMatch(prefix="/new")),
    ]
)
ROUTES = st.builds(
    Route,
    split=st.integers(0, 100).map(Split.giving_canary),
    cohorts=st.lists(COHORTS, max_size=2).map(tuple),
    mirror=st.sampled_from([None, 0.1, 0.125]),
    fault=st.sampled_from([None, Fault(delay=timedelta(seconds=1), abort=503)]),
    sticky=st.sampled_from(
        [
            None,
            Sticky("who", "v2-1", timedelta(days=1)),
            Sticky("who", "v2-1", timedelta(days=1), "stable:1:1", (("stable:1:0", 16),)),
        ]
    ),
    preview_host=st.sampled_from([None, "preview.shop"]),
)

HOSTS = st.sampled_from(["shop", "shop.shop", "shop.shop.svc.cluster.local"])
ENTRIES = st.one_of(
    st.builds(lambda h: [to(h)], HOSTS),
    st.builds(lambda h: [to(h, "stable", headers={"request": {"set": {"a": "b"}}})], HOSTS),
    st.builds(lambda h: [to(h, "stable", 100), to(h, "canary", 0)], HOSTS),
    st.builds(
        lambda h, w: [to("other", weight=100 - w), to(h, weight=w)], HOSTS, st.integers(2, 99)
    ),
    st.builds(
        lambda h, w: [to(h, "stable", w), to("other", weight=100 - w), to(h, "canary")],
        HOSTS,
        st.integers(2, 100),
    ),
)
FOREIGN = st.sampled_from(
    [
        {"route": [to("other")]},
        {"redirect": {"uri": "/"}, "match": [{"uri": {"exact": "/old"}}]},
        {"name": "pinned", "route": [to(subset="canary")], "match": [{"headers": {"x": {}}}]},
        {"route": [to(subset="legacy")], "timeout": "1s"},
        {"name": "rollout-neighbour-cohort-0", "route": [to("other", "canary", 100)]},
    ]
)
MORE = st.sampled_from(
    [
        {},
        {"match": [{"uri": {"prefix": "/"}}, {"uri": {"exact": "/new"}, "gateways": ["mesh"]}]},
        {"timeout": "3s", "retries": {"attempts": 3}, "corsPolicy": {"maxAge": "1d"}},
        {"mirror": {"host": "spy"}, "mirrorPercentage": {"value": 5}},
        {"fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 1}}}},
    ]
)
MANAGED = st.builds(lambda entries, more: {"route": entries, **more}, ENTRIES, MORE)
NAMES = st.sampled_from([{}, {"name": "web"}])


@st.composite
def virtual_services(draw: st.DrawFn) -> Json:
    http = [
        deepcopy({**draw(st.one_of(MANAGED, FOREIGN)), **more})
        for more in draw(st.lists(NAMES, min_size=1, max_size=4))
    ]
    http.append(deepcopy(draw(MANAGED)))
    tcp = draw(st.lists(st.builds(lambda e: {"route": e}, ENTRIES), max_size=1))
    more: Json = {"tcp": deepcopy(tcp)} if tcp else {}
    obj = vs(*http, **more)
    if draw(st.booleans()):
        obj["metadata"]["annotations"] = {"team": "shop"}
    return obj


def step(obj: Json, route: Route, epoch: int, target: Target = TARGET) -> Json:
    return applied(obj, virtualservice.patch(obj, target, route, epoch))


def routes_of(obj: Json) -> list[Json]:
    return [r for kind in ("http", "tls", "tcp") for r in obj["spec"].get(kind) or []]


def unweighed(obj: Json) -> Any:
    """The object without anything that we may write."""
    obj = deepcopy(obj)
    annotations = obj["metadata"].get("annotations", {})
    annotations.pop(memory.key(TARGET), None)
    if not annotations:
        obj["metadata"].pop("annotations", None)
    for kind in ("http", "tls", "tcp"):
        kept = [r for r in obj["spec"].get(kind) or [] if not is_made(r, TARGET.rollout)]
        for route in kept:
            if any(e["destination"]["host"].startswith("shop") for e in route.get("route") or []):
                route["route"] = [e for e in route["route"] if e["destination"]["host"] == "other"]
        obj["spec"][kind] = kept
    return obj


@given(virtual_services(), ROUTES)
def test_after_the_patch_traffic_is_as_asked_and_twice_is_once(obj: Json, route: Route) -> None:
    after = step(obj, route, 1)
    assert virtualservice.differences(after, TARGET, route) == ()
    assert virtualservice.patch(after, TARGET, route, 2) == []


@given(virtual_services(), st.lists(ROUTES, max_size=4))
def test_release_restores_every_byte_after_any_routes(obj: Json, routes: list[Route]) -> None:
    now = obj
    for epoch, route in enumerate(routes, start=1):
        now = step(now, route, epoch)
    assert applied(now, virtualservice.release(now, TARGET, 9)) == obj
    assert bool(virtualservice.release(now, TARGET, 9)) == (now != obj)


@given(virtual_services(), st.lists(ROUTES, min_size=1, max_size=3))
def test_foreign_bytes_never_change(obj: Json, routes: list[Route]) -> None:
    now = obj
    for epoch, route in enumerate(routes, start=1):
        now = step(now, route, epoch)
        assert unweighed(now) == unweighed(obj)


@given(virtual_services(), ROUTES)
def test_weights_are_whole_and_sum_to_100_on_every_managed_route(obj: Json, route: Route) -> None:
    after = step(obj, route, 1)
    places = {(p.kind, p.index) for p in virtualservice.managed(after, TARGET)}
    mine = [after["spec"][kind][index] for kind, index in places]
    made = [r for r in routes_of(after) if is_made(r, TARGET.rollout)]
    for found in (*mine, *made):
        weights = [e.get("weight", 0) for e in found["route"]]
        assert sum(weights) == 100
        assert all(type(w) is int and 0 <= w <= 100 for w in weights)


@given(virtual_services(), ROUTES)
def test_a_side_that_is_asked_for_gets_something_and_one_that_is_not_nothing(
    obj: Json, route: Route
) -> None:
    for split in virtualservice.splits(step(obj, route, 1), TARGET):
        stable, canary = (int(side) for side in split.split("/"))
        assert bool(canary) == bool(route.split.canary)
        assert bool(stable) == bool(route.split.stable)


@given(virtual_services(), ROUTES, ROUTES)
def test_the_way_there_does_not_matter(obj: Json, before: Route, route: Route) -> None:
    direct, round_about = step(obj, route, 2), step(step(obj, before, 1), route, 2)
    assert round_about["spec"] == direct["spec"]


@given(virtual_services(), ROUTES, st.data())
def test_a_foreign_edit_of_our_leaves_is_seen_and_mended(
    obj: Json, route: Route, data: st.DataObject
) -> None:
    asked = step(obj, route, 1)
    edited = deepcopy(asked)
    spoil(edited, data)
    mended = step(edited, route, 2)
    assert meaning(mended) == meaning(asked)
    if meaning(edited) != meaning(asked):
        assert virtualservice.differences(edited, TARGET, route)


def meaning(obj: Json) -> Json:
    """The spec with every missing weight written out: beside others it is 0."""
    spec: Json = deepcopy(obj["spec"])
    for route in routes_of({"spec": spec}):
        for entry in route.get("route") or []:
            entry.setdefault("weight", 0)
    return spec


def spoil(obj: Json, data: st.DataObject) -> None:
    """Reweigh our destinations, or delete, move, double or change a made route."""
    http = obj["spec"]["http"]
    made = [r for r in http if is_made(r, TARGET.rollout)]
    deed = data.draw(st.sampled_from(["weights", "delete", "first", "last", "double", "change"]))
    if deed == "weights":
        reweigh(obj, data)
    elif made:
        one = data.draw(st.sampled_from(made))
        if deed in ("delete", "first", "last"):
            http.remove(one)
        if deed == "first":
            http.insert(0, one)
        elif deed in ("last", "double"):
            http.append(deepcopy(one))
        elif deed == "change":
            one["timeout"] = "99s"


def reweigh(obj: Json, data: st.DataObject) -> None:
    for place in virtualservice.managed(obj, TARGET):
        for entry in obj["spec"][place.kind][place.index]["route"]:
            if entry["destination"]["host"] != "other":
                entry["weight"] = data.draw(st.integers(0, 100))


@given(virtual_services(), ROUTES.filter(lambda r: r.split.canary), st.integers(0, 98), st.data())
def test_whoever_comes_beside_us_in_mid_journey_leaves_us_the_rest_for_good(
    obj: Json, route: Route, theirs: int, data: st.DataObject
) -> None:
    asked = step(obj, route, 1)
    now = deepcopy(asked)
    for place in virtualservice.managed(asked, TARGET):
        entries = now["spec"][place.kind][place.index]["route"]
        entries[:] = [e for e in entries if e["destination"]["host"] != "other"]
        at = data.draw(st.integers(0, len(entries)))
        entries.insert(at, to("other", weight=theirs))
    after = applied(now, virtualservice.release(now, TARGET, 2))
    for place in virtualservice.managed(after, TARGET):
        entries = after["spec"][place.kind][place.index]["route"]
        total = sum(e.get("weight", 0) for e in entries)
        assert total == 100 or (total and not theirs)  # of nobody's part any sum is all
        assert [e["weight"] for e in entries if e["destination"]["host"] == "other"] == [theirs]


@given(virtual_services(), ROUTES)
def test_the_authors_own_apply_in_mid_journey_is_drift_and_not_a_new_base(
    obj: Json, route: Route
) -> None:
    asked = step(obj, route, 1)
    reverted = deepcopy(asked) | {"spec": deepcopy(obj["spec"])}
    assert step(reverted, route, 2)["spec"] == asked["spec"]
    assert applied(reverted, virtualservice.release(reverted, TARGET, 2)) == obj


@given(virtual_services(), ROUTES)
def test_every_write_is_guarded_by_what_was_read(obj: Json, route: Route) -> None:
    ops = virtualservice.patch(obj, TARGET, route, 1)
    changes = [op["op"] for op in ops].count("test")
    assert all(op["op"] == "test" for op in ops[:changes])
    assert not ops or ops[0]["path"] == "/metadata/resourceVersion"


@given(virtual_services(), ROUTES)
def test_what_is_not_touched_is_never_mutated(obj: Json, route: Route) -> None:
    copy = deepcopy(obj)
    step(obj, route, 1)
    assert obj == copy


@given(virtual_services(), st.lists(ROUTES, min_size=1, max_size=3))
@settings(max_examples=50)
def test_kept_apart_a_release_never_leaves_the_service_without_subset(
    obj: Json, routes: list[Route]
) -> None:
    apart = replace(TARGET, apart=True)
    now = obj
    for epoch, route in enumerate(routes, start=1):
        now = step(now, route, epoch)
    now = applied(now, virtualservice.release(now, apart, 8))
    assert virtualservice.release(now, apart, 9) == []
    assert virtualservice.differences(now, apart, None) == ()
    places = {(p.kind, p.index) for p in virtualservice.managed(now, apart)}
    for kind, index in places:
        for entry in now["spec"][kind][index]["route"]:
            if entry["destination"]["host"].startswith("shop"):
                assert entry["destination"].get("subset") in ("stable", "canary", "legacy")
    assert applied(now, virtualservice.release(now, TARGET, 9)) == obj


def _samples() -> list[Json]:
    found = [d for f in samples() for d in yaml.safe_load_all(f.read_text())]
    return [d for d in found if d and d["kind"] == "VirtualService"]


@pytest.mark.parametrize("obj", _samples(), ids=lambda o: o["metadata"]["name"])
@pytest.mark.parametrize("canary", [0, 1, 33, 50, 100])
def test_istios_own_samples_come_back_byte_for_byte(obj: Json, canary: int) -> None:
    for host in ("reviews", "ratings", "details", "productpage", "helloworld"):
        target = Target("x", "bookinfo", f"{host}.bookinfo.svc.cluster.local", "v1", "v9")
        route = Route(Split.giving_canary(canary), (Cohort(headers={"x": EXACT}),), mirror=0.1)
        after = step(obj, route, 1, target)
        assert virtualservice.differences(after, target, route) == ()
        back = applied(after, virtualservice.release(after, target, 2))
        assert yaml.safe_dump(back) == yaml.safe_dump(obj)


def test_stable_only_is_what_a_fresh_pair_already_is() -> None:
    obj = vs({"route": [to(subset="stable", weight=100), to(subset="canary", weight=0)]})
    assert virtualservice.patch(obj, TARGET, STABLE_ONLY, 1) == []
