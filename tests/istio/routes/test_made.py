import re
from dataclasses import replace
from datetime import timedelta

from rollout.istio.routes import made
from rollout.model.traffic import Cohort, Fault, Route, Split, Sticky, StringMatch
from tests.istio.objects import TARGET, Json, pair, to

TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})
STICKY = Sticky("who", "v2-1", timedelta(hours=1))
OTHER = to("other", weight=20)
COOKIE = "who=v2-1; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"


def routes(base: Json, canary: int = 10, **more: object) -> list[Json]:
    route = Route(Split.giving_canary(canary), **more)  # type: ignore[arg-type]
    return list(made.routes(base, 0, TARGET, route))


def test_a_cohort_route_is_a_copy_for_the_cohort_all_to_the_canary() -> None:
    base = {"name": "web", "route": pair(90, 10), "timeout": "3s", "retries": {"attempts": 1}}
    assert routes(base, cohorts=(TESTERS,)) == [
        {
            "name": "rollout-shop-cohort-0",
            "match": [{"headers": {"x-tester": {"exact": "1"}}}],
            "route": [to(subset="canary", weight=100)],
            "timeout": "3s",
            "retries": {"attempts": 1},
        }
    ]


def test_a_fault_is_for_the_cohort_alone() -> None:
    fault = Fault(delay=timedelta(seconds=1.5), abort=503, percent=0.125)
    found = routes({"route": pair()}, cohorts=(TESTERS,), fault=fault, mirror=0.5)
    share = {"value": 12.5}
    assert [r.get("fault") for r in found] == [
        {
            "delay": {"fixedDelay": "1500ms", "percentage": share},
            "abort": {"httpStatus": 503, "percentage": share},
        },
        None,
    ]


def test_a_fault_may_be_a_delay_or_an_abort_alone() -> None:
    for fault, key in ((Fault(delay=timedelta(seconds=1)), "delay"), (Fault(abort=500), "abort")):
        found = routes({"route": pair()}, cohorts=(TESTERS,), fault=fault)
        assert list(found[0]["fault"]) == [key]


def test_a_cohort_that_a_base_can_never_see_makes_no_route() -> None:
    base = {"route": pair(), "match": [{"uri": {"exact": "/a"}}]}
    assert routes(base, cohorts=(Cohort(path=StringMatch(exact="/b")),)) == []


def test_a_mirror_stands_on_a_copy_with_the_same_match_and_weights() -> None:
    base = {"route": pair(), "match": [{"uri": {"prefix": "/a"}}]}
    mirror = {"destination": {"host": "shop", "subset": "canary"}, "percentage": {"value": 10}}
    assert routes(base, 0, mirror=0.1) == [
        base | {"name": "rollout-shop-split-0", "mirrors": [mirror]}
    ]


def test_the_authors_mirrors_stay_beside_ours() -> None:
    old = {"route": pair(), "mirror": {"host": "spy"}, "mirrorPercent": 5}
    plain = {"route": pair(), "mirror": {"host": "spy"}}
    new = {"route": pair(), "mirrors": [{"destination": {"host": "spy"}}]}
    found = [routes(base, 0, mirror=0.1)[0]["mirrors"][0] for base in (old, plain, new)]
    spy = {"destination": {"host": "spy"}}
    assert found == [spy | {"percentage": {"value": 5}}, spy, spy]


def test_users_get_the_cookie_from_the_canary_and_come_back_to_it() -> None:
    base = {"route": pair(90, 10)}
    pinned, split = routes(base, sticky=STICKY)
    assert pinned["route"] == [to(subset="canary", weight=100)]
    assert [e.get("headers") for e in split["route"]] == [
        None,
        {"response": {"add": {"Set-Cookie": COOKIE}}},
    ]


def test_a_cookie_of_the_authors_is_not_written_over() -> None:
    headers = {"response": {"add": {"Set-Cookie": "a=1"}}}
    base = {
        "route": [to(subset="stable", weight=90), to(subset="canary", weight=10, headers=headers)]
    }
    added = routes(base, sticky=STICKY)[1]["route"][1]["headers"]["response"]["add"]
    assert added == {"Set-Cookie": "a=1", "set-cookie": COOKIE}
    assert headers == {"response": {"add": {"Set-Cookie": "a=1"}}}


def test_users_of_stable_stay_and_of_earlier_ones_some_move() -> None:
    base = {"route": [to(subset="stable", weight=60), to(subset="canary", weight=20), OTHER]}
    sticky = replace(STICKY, home="stable:1:1", earlier=(("stable:1:0", 25),))
    found = {r["name"].removeprefix("rollout-shop-"): r for r in routes(base, sticky=sticky)}
    assert {name: [e["weight"] for e in r["route"]] for name, r in found.items()} == {
        "sticky-0": [100],
        "home-0": [80, 0, 20],
        "moving-0-0": [60, 20, 20],
        "split-0": [60, 20, 20],
    }
    cookies = [e["headers"]["response"]["add"]["Set-Cookie"] for e in found["split-0"]["route"][:2]]
    assert cookies == [COOKIE.replace("v2-1", "stable:1:1"), COOKIE]
    regex = found["moving-0-0"]["match"][0]["headers"]["cookie"]["regex"]
    assert [re.fullmatch(regex, c) is not None for c in ("who=stable:1:0", "who=stable:1:1")] == [
        True,
        False,
    ]


def test_with_nobody_new_for_the_canary_no_cookie_is_handed_out() -> None:
    assert [r["name"] for r in routes({"route": pair()}, 0, sticky=STICKY)] == [
        "rollout-shop-sticky-0"
    ]


def test_preview_cohort_sticky_and_split_stand_in_this_order() -> None:
    found = routes(
        {"route": pair()}, cohorts=(TESTERS,), sticky=STICKY, mirror=0.1, preview_host="pre"
    )
    names = [r["name"].removeprefix("rollout-shop-") for r in found]
    assert names == ["preview-0", "cohort-0", "sticky-0", "split-0"]
