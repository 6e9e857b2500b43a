import pytest

from rollout.errors import ConflictError
from rollout.istio import memory, virtualservice
from rollout.istio.routes.listing import ManagedRoute
from rollout.model.traffic import STABLE_ONLY, Route, Split, VirtualServiceRef
from tests.istio.objects import TARGET, Json, applied, pair, target, to, vs


def asked(obj: Json, canary: int = 10, **more: object) -> Json:
    route = Route(Split.giving_canary(canary), **more)  # type: ignore[arg-type]
    return applied(obj, virtualservice.patch(obj, TARGET, route, 3))


def test_a_pair_gets_the_weights_asked_for_and_nothing_else_changes() -> None:
    obj = vs({"route": pair(), "timeout": "3s"})
    after = asked(obj, 10)
    assert after["spec"] == vs({"route": pair(90, 10), "timeout": "3s"})["spec"]


def test_a_single_destination_without_subset_becomes_the_pair() -> None:
    after = asked(vs({"route": [to()]}), 5)
    assert after["spec"]["http"] == [{"route": pair(95, 5)}]


def test_a_single_destination_with_the_stable_subset_becomes_the_pair() -> None:
    after = asked(vs({"route": [to(subset="stable")]}), 5)
    assert after["spec"]["http"] == [{"route": pair(95, 5)}]


def test_the_canary_destination_is_a_copy_of_the_stable_one() -> None:
    headers = {"request": {"set": {"x": "1"}}}
    after = asked(vs({"route": [to(headers=headers)]}), 5)
    assert [e["headers"] for e in after["spec"]["http"][0]["route"]] == [headers, headers]


def test_foreign_destinations_keep_their_share() -> None:
    after = asked(vs({"route": [to("other", weight=50), to(weight=50)]}), 10)
    rest = [to(subset="stable", weight=45), to(subset="canary", weight=5)]
    assert after["spec"]["http"][0]["route"] == [to("other", weight=50), *rest]


def test_the_patch_tests_what_was_read_before_it_writes() -> None:
    obj = vs({"name": "web", "route": pair()})
    ops = virtualservice.patch(obj, TARGET, Route(Split(90, 10)), 3)
    assert ops[:3] == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "test", "path": "/spec/http/0/route/0/weight", "value": 100},
        {
            "op": "test",
            "path": "/spec/http/0/route/0/destination",
            "value": pair()[0]["destination"],
        },
    ]
    assert {"op": "test", "path": "/spec/http/0/name", "value": "web"} in ops


def test_asking_twice_changes_nothing_more() -> None:
    after = asked(vs({"route": [to()]}), 10)
    assert virtualservice.patch(after, TARGET, Route(Split(90, 10)), 4) == []
    assert virtualservice.differences(after, TARGET, Route(Split(90, 10))) == ()


@pytest.mark.parametrize("canary", [0, 10])
def test_an_empty_subset_is_none_and_stays_as_a_chart_writes_it(canary: int) -> None:
    """Our own write was taken for somebody else's edit, "no subset, wanted no subset"."""
    empty = {"destination": {"host": "shop", "subset": ""}, "weight": 0}
    obj = vs({"route": [*pair(), empty]})
    after = asked(obj, canary)
    assert after["spec"]["http"][0]["route"] == [*pair(100 - canary, canary), empty]
    route = Route(Split.giving_canary(canary))
    assert virtualservice.patch(after, TARGET, route, 4) == []
    assert virtualservice.differences(after, TARGET, route) == ()
    assert applied(after, virtualservice.release(after, TARGET, 4))["spec"] == obj["spec"]


def test_differences_name_the_route_and_both_splits() -> None:
    found = virtualservice.differences(vs({"route": pair(80, 20)}), TARGET, Route(Split(90, 10)))
    assert found == ("virtualservice shop/shop http[0]: 80/20, wanted 90/10",)


def test_release_gives_the_author_his_own_words_back() -> None:
    obj = vs({"route": [to()]})
    after = asked(obj, 10)
    assert applied(after, virtualservice.release(after, TARGET, 4)) == obj


def test_an_author_who_wrote_fewer_destinations_anew_keeps_the_weights_of_now() -> None:
    after = asked(vs({"route": pair(70, 30)}), 10)
    anew = {**after, "spec": vs({"route": [to(subset="stable")]})["spec"]}
    assert applied(anew, virtualservice.release(anew, TARGET, 4))["spec"] == anew["spec"]


def test_a_destination_that_was_alone_has_what_one_beside_it_leaves() -> None:
    after = asked(vs({"route": [to(subset="stable")]}), 50)
    beside = [
        to(subset="stable", weight=45),
        to("other", weight=10),
        to(subset="canary", weight=45),
    ]
    anew = {**after, "spec": vs({"route": beside})["spec"]}
    released = applied(anew, virtualservice.release(anew, TARGET, 4))
    assert released["spec"]["http"][0]["route"] == [
        to(subset="stable", weight=90),
        to("other", weight=10),
    ]


def test_an_older_epoch_never_writes_over_a_newer_one() -> None:
    after = asked(vs({"route": [to()]}), 10)
    with pytest.raises(ConflictError, match="epoch 3 is written; ours is 2"):
        virtualservice.patch(after, TARGET, Route(Split(50, 50)), 2)


def test_named_routes_only_are_managed_where_the_spec_names_them() -> None:
    obj = vs({"name": "web", "route": pair()}, {"name": "rest", "route": pair()})
    ref = VirtualServiceRef("shop", routes=("rest",))
    assert virtualservice.managed(obj, target(ref)) == (ManagedRoute("http", 1, "rest"),)


def test_stable_only_on_an_idle_pair_asks_for_nothing() -> None:
    assert virtualservice.patch(vs({"route": pair()}), TARGET, STABLE_ONLY, 9) == []


def test_a_virtual_service_of_others_is_not_managed() -> None:
    obj = vs({"route": pair()})
    other = target(VirtualServiceRef("shop", "elsewhere"))
    assert virtualservice.managed(obj, other) == ()
    assert virtualservice.discover([obj, vs({"route": [to("x")]})], TARGET) == (obj,)


def test_what_we_wrote_is_taken_back_where_the_spec_no_longer_names_the_object() -> None:
    obj = vs({"route": [to()]})
    after = asked(obj, 10)
    elsewhere = target(VirtualServiceRef("elsewhere"))
    assert virtualservice.discover([after], elsewhere) == (after,)
    assert virtualservice.managed(after, elsewhere) == ()
    ops = virtualservice.patch(after, elsewhere, Route(Split(90, 10)), 4)
    assert applied(after, ops)["spec"] == obj["spec"]


def test_a_named_route_that_is_dropped_gets_its_authors_words_back() -> None:
    obj = vs({"name": "a", "route": [to()]}, {"name": "b", "route": [to()]})
    after = asked(obj, 10)
    only = target(VirtualServiceRef("shop", routes=("b",)))
    later = applied(after, virtualservice.patch(after, only, Route(Split(90, 10)), 4))
    assert [r["route"] for r in later["spec"]["http"]] == [[to()], pair(90, 10)]


def test_mirrors_count_as_references() -> None:
    spied = {"route": [to("x")], "mirror": {"host": "shop", "subset": "old"}}
    more = {"route": [to()], "mirrors": [{"destination": {"host": "shop", "subset": "new"}}]}
    assert virtualservice.referenced(vs(spied, more), TARGET) == ("old", "new")


def test_routes_that_go_elsewhere_are_not_managed() -> None:
    http: list[Json] = [
        {"redirect": {"uri": "/"}, "route": [to()]},
        {"directResponse": {"status": 404}},
        {"delegate": {"name": "b"}},
    ]
    assert virtualservice.managed(vs(*http), TARGET) == ()


def test_tls_routes_get_weights_and_no_made_routes() -> None:
    tls = [{"match": [{"sniHosts": ["shop"]}], "route": [to()]}]
    after = asked(vs(tls=tls), 10, mirror=0.1)
    assert after["spec"]["tls"] == [tls[0] | {"route": pair(90, 10)}]
    assert virtualservice.splits(after, TARGET) == ("90/10",)


def test_a_match_edited_in_mid_journey_flows_through_and_the_base_is_remembered() -> None:
    obj = vs({"match": [{"uri": {"prefix": "/a"}}], "route": [to()]})
    after = asked(obj, 10)
    edited = [{"uri": {"prefix": "/b"}}]
    after["spec"]["http"][0]["match"] = edited
    back = applied(after, virtualservice.release(after, TARGET, 4))
    assert back["spec"]["http"] == [{"match": edited, "route": [to()]}]


def test_two_routes_with_one_match_are_told_apart() -> None:
    obj = vs({"route": [to()]}, {"route": [to("shop.shop")]})
    after = asked(obj, 10)
    assert applied(after, virtualservice.release(after, TARGET, 4)) == obj


def test_a_scribbled_annotation_is_as_good_as_none() -> None:
    obj = vs({"route": pair()})
    obj["metadata"]["annotations"] = {"rollout.dev/shop.shop": "[" * 9999}
    assert memory.epoch(obj, TARGET) == 0
    assert memory.epoch(asked(vs({"route": pair()}), 10), TARGET) == 3
    assert asked(obj, 10)["spec"]["http"][0]["route"] == pair(90, 10)
    obj["metadata"]["annotations"] = {"rollout.dev/shop.shop": 7}
    assert memory.epoch(obj, TARGET) == 0


def test_a_very_long_name_still_has_a_short_annotation() -> None:
    long = target(rollout="x" * 70)
    obj = vs({"route": pair()})
    after = applied(obj, virtualservice.patch(obj, long, Route(Split(90, 10)), 1))
    (key,) = after["metadata"]["annotations"]
    assert len(key) == len("rollout.dev/") + 63
    assert applied(after, virtualservice.release(after, long, 2)) == obj


def test_by_version_git_names_the_past_and_stable_has_everyone() -> None:
    git = vs({"route": [to(subset="v1", weight=100), to(subset="v2", weight=0)]})
    journey = target(stable="v1", canary="v2")
    there = applied(git, virtualservice.patch(git, journey, Route(Split(0, 100)), 1))
    promoted = target(stable="v2", canary="canary")
    after = applied(there, virtualservice.release(there, promoted, 2))
    assert [e["weight"] for e in after["spec"]["http"][0]["route"]] == [0, 100]
    assert virtualservice.release(after, promoted, 3) == []
    reverted = after | {"spec": git["spec"]}
    assert virtualservice.differences(reverted, promoted, None) == (
        "virtualservice shop/shop http[0]: 0/0, wanted 100/0",
    )
    assert applied(reverted, virtualservice.release(reverted, promoted, 3))["spec"] == after["spec"]


def test_kept_apart_a_released_route_must_name_the_stable_subset() -> None:
    apart = target(apart=True)
    assert virtualservice.differences(vs({"route": [to()]}), apart, None) == (
        "virtualservice shop/shop http[0]: no subset, wanted subset stable",
    )


def test_by_version_the_next_journey_starts_beside_what_git_still_names() -> None:
    git = vs({"route": [to(subset="v1")]})
    first = target(stable="v1", canary="v2")
    on_v2 = applied(git, virtualservice.patch(git, first, Route(Split(0, 100)), 1))
    rest = applied(on_v2, virtualservice.release(on_v2, target(stable="v2", canary=""), 2))
    assert rest["spec"]["http"] == [{"route": [to(subset="v2")]}]
    second = target(stable="v2", canary="v3")
    after = applied(rest, virtualservice.patch(rest, second, Route(Split(90, 10)), 3))
    wanted = [to(subset="v2", weight=90), to(subset="v3", weight=10)]
    assert after["spec"]["http"] == [{"route": wanted}]


def test_by_version_the_way_leads_back_to_the_very_version_that_git_names() -> None:
    git = vs({"route": [to(subset="v1")]})
    first = target(stable="v1", canary="v2")
    on_v2 = applied(git, virtualservice.patch(git, first, Route(Split(0, 100)), 1))
    rest = applied(on_v2, virtualservice.release(on_v2, target(stable="v2", canary=""), 2))
    home = target(stable="v2", canary="v1")
    half = applied(rest, virtualservice.patch(rest, home, Route(Split(50, 50)), 3))
    wanted = [to(subset="v2", weight=50), to(subset="v1", weight=50)]
    assert half["spec"]["http"] == [{"route": wanted}]
    assert virtualservice.differences(half, home, Route(Split(50, 50))) == ()
    all_v1 = applied(half, virtualservice.patch(half, home, Route(Split(0, 100)), 4))
    last = applied(all_v1, virtualservice.release(all_v1, target(stable="v1", canary=""), 5))
    assert last["spec"] == git["spec"]


def test_an_author_weight_on_the_canary_is_not_given_back() -> None:
    git = vs({"route": pair(80, 20)})
    after = applied(git, virtualservice.release(git, TARGET, 1))
    assert after["spec"]["http"] == [{"route": pair(100, 0)}]


def test_stable_may_be_pointed_to_where_neither_name_is_written() -> None:
    git = vs({"route": [to(subset="v1", weight=100), to(subset="v2", weight=0)]})
    first = target(stable="v1", canary="v2")
    held = applied(git, virtualservice.patch(git, first, Route(Split(90, 10)), 1))
    later = target(stable="v3", canary="v4")
    after = applied(held, virtualservice.patch(held, later, Route(Split(90, 10)), 2))
    shares = {e["destination"]["subset"]: e["weight"] for e in after["spec"]["http"][0]["route"]}
    assert shares == {"v3": 90, "v4": 10, "v2": 0}


def test_an_annotation_alone_is_left_over_once_all_is_released() -> None:
    obj = asked(vs({"route": pair()}), 10)
    obj["spec"]["http"][0]["route"] = pair()
    assert virtualservice.differences(obj, TARGET, None) == (
        "virtualservice shop/shop annotation rollout.dev/shop.shop is left over",
    )


def test_made_routes_that_are_wrong_are_named_one_by_one() -> None:
    route = Route(Split(90, 10), mirror=0.1)
    obj = asked(vs({"route": pair()}), 10, mirror=0.1)
    made, base = obj["spec"]["http"]
    where = "virtualservice shop/shop route rollout-shop-split-0"
    stories = {
        "is missing": [base],
        "stands in the wrong place": [base, made],
        "is not as asked": [made | {"timeout": "1s"}, base],
        "is left over": [made, made, base],
    }
    for told, http in stories.items():
        spoiled = obj | {"spec": obj["spec"] | {"http": http}}
        assert virtualservice.differences(spoiled, TARGET, route) == (f"{where} {told}",)
    assert virtualservice.differences(obj, TARGET, Route(Split(90, 10))) == (
        f"{where} is left over",
    )


def test_a_canary_copy_that_lost_a_header_is_a_difference() -> None:
    obj = asked(vs({"route": [to(headers={"request": {}})]}), 10)
    del obj["spec"]["http"][0]["route"][1]["headers"]
    assert virtualservice.differences(obj, TARGET, Route(Split(90, 10))) == (
        "virtualservice shop/shop http[0]: subset stable and subset canary, "
        "wanted subset stable and subset canary",
    )
    assert asked(obj, 10)["spec"]["http"][0]["route"][1]["headers"] == {"request": {}}


def test_an_object_without_a_spec_is_nobodys() -> None:
    bare = {"metadata": {"name": "shop"}}
    assert virtualservice.managed(bare, TARGET) == ()
    assert virtualservice.patch(bare, TARGET, STABLE_ONLY, 1) == []
    assert virtualservice.release(bare, TARGET, 1) == []


def test_by_version_a_single_destination_that_git_puts_back_is_still_ours() -> None:
    git = vs({"route": [to(subset="v1")]})
    journey = target(stable="v1", canary="v2")
    there = applied(git, virtualservice.patch(git, journey, Route(Split(0, 100)), 1))
    promoted = target(stable="v2", canary="canary")
    rest = applied(there, virtualservice.release(there, promoted, 2))
    reverted = rest | {"spec": git["spec"]}
    assert virtualservice.differences(reverted, promoted, None) == (
        "virtualservice shop/shop http[0]: subset v1, wanted subset v2",
    )
    assert applied(reverted, virtualservice.release(reverted, promoted, 3))["spec"] == rest["spec"]
