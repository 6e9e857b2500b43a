import pytest

from rollout.istio import virtualservice
from rollout.istio.routes import problems
from rollout.model.traffic import Cohort, Route, Split, StringMatch, Target, VirtualServiceRef
from tests.istio.objects import TARGET, Json, applied, pair, target, to, vs

NAMED = target(VirtualServiceRef("shop"))
ROUTED = target(VirtualServiceRef("shop", routes=("web",)))
HOST = "shop.shop.svc.cluster.local"
WHERE = "virtualservice shop/shop"


def test_nothing_is_asked_of_one_that_the_rollout_does_not_name() -> None:
    """Any other team's whose routes go elsewhere, or nowhere, is not in its way."""
    for routes in ({"route": [to("x")]}, {}):
        assert problems.problems(vs(routes), TARGET) == ()


@pytest.mark.parametrize(
    ("obj", "who", "found"),
    [
        (
            vs({"route": [to("x")]}),
            NAMED,
            f"no route to {HOST}; a route with this service as destination is wanted",
        ),
        (
            vs({"delegate": {"name": "b"}}),
            NAMED,
            f"no route to {HOST}; its routes are in the delegate b, name that one",
        ),
        (
            vs({"route": pair()}),
            ROUTED,
            f"no http route 'web' to {HOST}; a route with this service as destination is wanted",
        ),
        (
            vs({"name": "web", "route": [to("x")]}),
            ROUTED,
            f"http route 'web' sends nothing to {HOST}; "
            "a route with this service as destination is wanted",
        ),
        (
            vs({"route": pair()}, hosts=[], gateways=["g"]),
            TARGET,
            "has no hosts, so it is a delegate, but has gateways; http only is wanted",
        ),
        (
            vs({"route": pair()}, {"delegate": {"name": "b"}}, hosts=[]),
            TARGET,
            "is a delegate that delegates again; one level is wanted",
        ),
        (
            vs({"route": [to("x", weight=1), to(weight=1)]}),
            TARGET,
            "http[0]: weights 1 and 1 sum to 2; 100 is wanted",
        ),
        (
            vs({"route": pair(0, 0)}),
            TARGET,
            "http[0]: weights 0 and 0 sum to 0; 100 is wanted",
        ),
        (
            vs({"route": pair(101, -1)}),
            TARGET,
            "http[0]: weight -1; whole numbers from 0 to 100 are wanted",
        ),
        (
            vs({"route": [to("x", weight=100), to(weight=0)]}),
            TARGET,
            "http[0]: foreign destinations take 100 of 100; a share for this service is wanted",
        ),
        (
            vs({"route": [to("x", weight=99), to(weight=1)]}),
            TARGET,
            "http[0]: foreign destinations take 99 of 100; "
            "at least 2 are wanted, one for each side",
        ),
        (
            vs({"route": [to(weight=50), to(weight=50)]}),
            TARGET,
            "http[0]: names this service twice with the same subset; once is wanted",
        ),
    ],
)
def test_what_cannot_be_managed_is_said_with_the_object_in_front(
    obj: Json, who: Target, found: str
) -> None:
    assert problems.problems(obj, who) == (f"{WHERE}: {found}",)


def test_without_foreign_shares_any_sum_will_do() -> None:
    obj = vs({"route": pair(1, 0)})
    assert problems.problems(obj, TARGET) == ()
    after = applied(obj, virtualservice.patch(obj, TARGET, Route(Split(90, 10)), 1))
    assert after["spec"]["http"][0]["route"] == pair(90, 10)
    assert applied(after, virtualservice.release(after, TARGET, 2)) == obj


@pytest.mark.parametrize("who", [TARGET, NAMED, target(VirtualServiceRef("other"))])
def test_nothing_is_said_of_what_is_well(who: Target) -> None:
    assert problems.problems(vs({"route": pair()}), who) == ()
    assert problems.problems(vs({"name": "web", "route": pair()}), ROUTED) == ()


def held(by: Target) -> Json:
    obj = vs({"route": pair()})
    return applied(obj, virtualservice.patch(obj, by, Route(Split(90, 10)), 1))


def test_a_route_held_by_another_rollout_is_not_ours() -> None:
    assert problems.problems(held(target(rollout="first")), TARGET) == (
        f"{WHERE}: rollout first.shop holds its routes to shop; one is wanted",
    )


def test_a_namesake_from_another_namespace_is_refused() -> None:
    obj = vs({"route": [to("b.web.svc.cluster.local")]}, {"route": pair()})
    other = Target("shop", "web", "b.web.svc.cluster.local", "stable", "canary")
    obj = applied(obj, virtualservice.patch(obj, other, Route(Split(90, 10)), 1))
    assert problems.problems(obj, TARGET) == (
        f"{WHERE}: rollout shop.web has the same name and writes here, too; another name is wanted",
    )


def test_rollouts_of_different_services_share_a_virtual_service() -> None:
    obj = vs({"route": [to("b.web.svc.cluster.local")]}, {"route": pair()})
    other = Target("b", "web", "b.web.svc.cluster.local", "stable", "canary")
    shared = applied(obj, virtualservice.patch(obj, other, Route(Split(90, 10)), 1))
    assert problems.problems(shared, TARGET) == ()
    both = applied(shared, virtualservice.patch(shared, TARGET, Route(Split(50, 50)), 1))
    alone = applied(both, virtualservice.release(both, other, 2))
    assert applied(alone, virtualservice.release(alone, TARGET, 2)) == obj


def test_only_one_of_two_services_that_share_a_route_may_have_routes_before_it() -> None:
    obj = vs({"route": [to("b", weight=50), to(weight=50)]}, {"route": pair()})
    other = Target("b", "shop", "b.shop.svc.cluster.local", "stable", "canary")
    testers = Route(Split(100, 0), (Cohort(headers={"x": StringMatch(exact="1")}),))
    shared = applied(obj, virtualservice.patch(obj, other, testers, 1))
    assert problems.unwritable(shared, TARGET, testers) == (
        f"{WHERE}: http[1]: routes of rollout b stand before it; one at a time is wanted",
    )
    assert problems.unwritable(shared, other, testers) == ()
    assert problems.unwritable(shared, TARGET, Route(Split(90, 10))) == ()


def test_weights_that_we_hold_ourselves_are_drift_and_no_problem() -> None:
    obj = held(TARGET)
    obj["spec"]["http"][0]["route"][0]["weight"] = 7
    assert problems.problems(obj, TARGET) == ()


def test_a_cohort_that_cannot_be_joined_is_said_before_it_is_asked_for() -> None:
    obj = vs({"route": pair(), "match": [{"uri": {"regex": "/a|/b"}}]})
    route = Route(Split(100, 0), (Cohort(path=StringMatch(regex="/b|/c")),))
    (found,) = problems.unwritable(obj, TARGET, route)
    assert found.startswith(f"{WHERE}: match on uri: regex '/a|/b' and regex '/b|/c'; RE2 cannot")
    assert problems.unwritable(obj, TARGET, Route(Split(100, 0))) == ()
    assert problems.problems(obj, TARGET) == ()
