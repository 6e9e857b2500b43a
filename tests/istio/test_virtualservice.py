import pytest

from rollout.errors import ConflictError
from rollout.istio import virtualservice
from rollout.istio.routes import ManagedRoute
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


def test_differences_name_the_route_and_both_splits() -> None:
    found = virtualservice.differences(vs({"route": pair(80, 20)}), TARGET, Route(Split(90, 10)))
    assert found == ("virtualservice shop/shop http[0]: 80/20, wanted 90/10",)


def test_release_gives_the_author_his_own_words_back() -> None:
    obj = vs({"route": [to()]})
    after = asked(obj, 10)
    assert applied(after, virtualservice.release(after, TARGET, 4)) == obj


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
