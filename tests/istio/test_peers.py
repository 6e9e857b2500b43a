"""Bugs that peers had, each as the story in which it would come back.

Those of the classes LOSS, STALE and MATH are shown to come back once their guard is taken out.
"""

import pytest

from rollout.istio import destinationrule, hosts, virtualservice
from rollout.istio import patch as jsonpatch
from rollout.istio.routes import listing, made, shares, wanted
from rollout.model.traffic import Cohort, Route, Split, StringMatch, VirtualServiceRef
from tests.guards import Guard, fails_without, named
from tests.istio.objects import TARGET, Json, applied, pair, target, to, vs

TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})


def asked(obj: Json, route: Route) -> Json:
    return applied(obj, virtualservice.patch(obj, TARGET, route, 1))


def weights(route: Json) -> list[int]:
    return [e.get("weight", 0) for e in route["route"]]


def test_argo_3467_foreign_shares_beyond_100_never_make_a_weight_negative() -> None:
    after = asked(vs({"route": [to("x", weight=130), to(weight=10)]}), Route(Split(50, 50)))
    assert weights(after["spec"]["http"][0]) == [130, 0, 0]


def test_argo_3141_no_route_of_ours_ever_has_a_total_weight_of_0() -> None:
    route = Route(Split(100, 0), (TESTERS,), mirror=0.1)
    after = asked(vs({"route": pair()}), route)
    assert [sum(weights(r)) for r in after["spec"]["http"]] == [100, 100, 100]


def test_argo_2266_retries_and_timeouts_stay_when_made_routes_go() -> None:
    obj = vs({"route": pair(), "retries": {"attempts": 3}, "timeout": "2s"})
    after = asked(asked(obj, Route(Split(100, 0), (TESTERS,))), Route(Split(100, 0)))
    assert after["spec"] == obj["spec"]


def test_argo_2769_no_route_is_doubled_however_often_it_is_asked_for() -> None:
    after = vs({"route": pair()}, {"route": pair()})
    for canary in (5, 5, 20, 40):
        after = asked(after, Route(Split.giving_canary(canary), (TESTERS,)))
    names = [r.get("name") for r in after["spec"]["http"]]
    assert names == ["rollout-shop-cohort-0", None, "rollout-shop-cohort-1", None]


def test_argo_4055_a_single_named_route_is_patched() -> None:
    assert weights(
        asked(vs({"name": "only", "route": pair()}), Route(Split(90, 10)))["spec"]["http"][0]
    ) == [90, 10]


def test_argo_4766_a_name_with_a_dot_is_a_name_and_not_another_tenant() -> None:
    ours = {"host": "shop.shop.svc.cluster.local", "subset": "stable"}
    obj = vs({"route": [{"destination": ours}]}, name="shop.secret", namespace="secret")
    assert virtualservice.managed(obj, target(VirtualServiceRef("shop.secret"))) == ()


def test_argo_first_label_only_a_service_of_another_namespace_is_not_ours() -> None:
    other = to("shop.web.svc.cluster.local")
    obj = vs({"route": [other | {"weight": 50}, to(weight=50)]})
    assert asked(obj, Route(Split(90, 10)))["spec"]["http"][0]["route"][0] == other | {"weight": 50}


def test_argo_drops_other_subsets_and_we_keep_them() -> None:
    rule = {
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"host": "shop", "subsets": [{"name": "legacy", "labels": {"version": "v0"}}]},
    }
    after = applied(rule, destinationrule.point(rule, TARGET, "canary", {"version": "v2"}, 1))
    assert list(destinationrule.subsets(after)) == ["legacy", "canary"]


def test_argo_849_a_weight_edited_by_hand_is_put_back() -> None:
    after = asked(vs({"route": pair()}), Route(Split(90, 10)))
    after["spec"]["http"][0]["route"][0]["weight"] = 50
    assert weights(asked(after, Route(Split(90, 10)))["spec"]["http"][0]) == [90, 10]


def test_argo_4716_a_deleted_made_route_is_put_back() -> None:
    route = Route(Split(90, 10), (TESTERS,))
    after = asked(vs({"route": pair()}), route)
    spoiled = after | {"spec": after["spec"] | {"http": after["spec"]["http"][1:]}}
    assert asked(spoiled, route)["spec"] == after["spec"]


def test_flagger_a_cohort_by_query_alone_leaves_ordinary_users_on_stable() -> None:
    cohort = Cohort(query={"test-v2": StringMatch(exact="true")})
    obj = vs({"match": [{"uri": {"prefix": "/"}}], "route": [to()]})
    made, base = asked(obj, Route(Split(100, 0), (cohort,)))["spec"]["http"]
    assert made["match"] == [
        {"uri": {"prefix": "/"}, "queryParams": {"test-v2": {"exact": "true"}}}
    ]
    assert base["route"] == pair(100, 0)


def test_a_concurrent_reorder_makes_the_patch_fail_and_loses_nothing() -> None:
    theirs = [to("x", "stable", 100), to("x", "canary", 0)]
    obj = vs({"name": "a", "route": theirs}, {"name": "b", "route": pair()})
    obj["metadata"].pop("resourceVersion")
    ops = virtualservice.patch(obj, TARGET, Route(Split(90, 10)), 1)
    reordered = obj | {"spec": obj["spec"] | {"http": obj["spec"]["http"][::-1]}}
    try:
        applied(reordered, ops)
    except (AssertionError, IndexError, KeyError):
        return
    raise AssertionError("the patch was applied to another route")


ROUTED = 'value = value | {"route": Rows(rows, ("destination",))}  # noqa: PLW2901'
GUARDS = [
    Guard(
        test_argo_3467_foreign_shares_beyond_100_never_make_a_weight_negative,
        shares,
        "max(0, 100 - base.foreign)",
        "100 - base.foreign",
    ),
    Guard(
        test_argo_3141_no_route_of_ours_ever_has_a_total_weight_of_0,
        made,
        'deepcopy(_canary(base, target)) | {"weight": 100}',
        "deepcopy(_canary(base, target))",
    ),
    Guard(
        test_argo_2266_retries_and_timeouts_stay_when_made_routes_go,
        wanted,
        ROUTED,
        ROUTED.replace("value | ", "", 1),
    ),
    Guard(
        test_argo_2769_no_route_is_doubled_however_often_it_is_asked_for,
        wanted,
        "if index in ours:",
        "if False:",
    ),
    Guard(
        test_argo_4055_a_single_named_route_is_patched,
        listing,
        "return ref is not None\n    return place",
        "return ref is not None and not place.name\n    return place",
    ),
    Guard(
        test_argo_4766_a_name_with_a_dot_is_a_name_and_not_another_tenant,
        listing,
        "(r for r in mine if (r.namespace or target.namespace) == space)",
        "mine",
    ),
    Guard(
        test_argo_first_label_only_a_service_of_another_namespace_is_not_ours,
        hosts,
        "return written in _spellings(host, namespace)",
        "return short(written) == short(host)",
    ),
    Guard(
        test_argo_drops_other_subsets_and_we_keep_them,
        destinationrule,
        "rows = [ListElement(i, e) for i, e in enumerate(entries)]\n    ours",
        "rows = []\n    ours",
    ),
    Guard(
        test_argo_849_a_weight_edited_by_hand_is_put_back,
        shares,
        'value if value.get("weight") == share else',
        'value if value.get("weight") else',
    ),
    Guard(
        test_argo_4716_a_deleted_made_route_is_put_back,
        wanted,
        "                    yield row\n",
        "                    if row.origin is not None:\n                        yield row\n",
    ),
    Guard(
        test_a_concurrent_reorder_makes_the_patch_fail_and_loses_nothing,
        jsonpatch,
        "place.tests.append(_test(there.read, before[origin][key]))",
        "pass",
    ),
]


@pytest.mark.parametrize("guard", GUARDS, ids=named)
def test_the_bug_comes_back_once_its_guard_is_taken_out(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_without(guard, monkeypatch)
