from rollout.istio.routes import divided
from rollout.model.observation import Division
from rollout.model.traffic import VirtualServiceRef
from tests.istio.objects import TARGET, pair, target, to, vs

HERE = "virtualservice shop/shop"
JASON = {"headers": {"end-user": {"exact": "jason"}}}


def test_every_route_tells_its_shares_as_they_are_written() -> None:
    obj = vs(
        {"match": [JASON], "route": [to(subset="v2")]},
        {"route": [to(subset="v1", weight=90), to(subset="v2", weight=10), to("x", weight=0)]},
        {"name": "rest", "route": [to()]},
        {"route": [to("elsewhere")]},
    )
    assert divided.divisions([obj], TARGET) == (
        Division(f"{HERE} http[0]", {"v2": 100}, ordinary=False),
        Division(f"{HERE} http[1]", {"v1": 90, "v2": 10}),
        Division(f"{HERE} http[2] rest", {"": 100}),
    )


def test_what_foreign_destinations_leave_is_the_whole() -> None:
    shares = [to(subset="v1", weight=60), to(subset="v2", weight=20), to("x", weight=20)]
    assert divided.divisions([vs({"route": shares})], TARGET) == (
        Division(f"{HERE} http[0]", {"v1": 75, "v2": 25}),
    )


def test_a_destination_without_weight_beside_others_has_nothing() -> None:
    shares = [to(subset="v1", weight=100), to(subset="v2")]
    assert divided.divisions([vs({"route": shares})], TARGET)[0].shares == {"v1": 100}


def test_only_routes_that_the_spec_names_count_and_none_of_a_rollouts() -> None:
    obj = vs(
        {"name": "rollout-shop-cohort-0", "route": [to(subset="canary")]},
        {"name": "main", "route": pair()},
        {"name": "other", "route": [to(subset="v2")]},
    )
    named = target(VirtualServiceRef("shop", routes=("main",)))
    assert [each.place for each in divided.divisions([obj], named)] == [f"{HERE} http[1] main"]
    assert divided.divisions([obj], target(VirtualServiceRef("edge"))) == ()
