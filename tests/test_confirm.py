import math
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout import confirm
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    Observation,
    PodCount,
    ProxySync,
    SeenTraffic,
    Value,
    View,
)
from rollout.model.status import ConfirmedBy
from tests.make import START

S15 = timedelta(seconds=15)
PODS = {"v1": "shop-v1", "v2": "shop-v2"}


def at(seconds: int, **totals: int) -> Counts:
    """The requests of one pod a revision so far."""
    pods = tuple(PodCount(name, f"{name}-a", (0,), total) for name, total in totals.items())
    return Counts(confirm.METRIC, START + timedelta(seconds=seconds), pods)


def seen(*counts: Counts, sync: ProxySync | None = None, **traffic: tuple[str, ...]) -> Observation:
    return Observation(None, SeenTraffic(**traffic), counts=counts, sync=sync)  # type: ignore[arg-type]


def test_requests_are_asked_for_at_aligned_instants_after_the_change() -> None:
    since = START + timedelta(seconds=7)
    (found,) = confirm.question("shop", PODS, since, START + timedelta(seconds=31), S15)
    instants = (START + S15, START + 2 * S15)
    assert found == CountsQuestion(
        confirm.METRIC, Counting.ERRORS, View.DESTINATION, instants, "shop", PODS
    )


def test_nothing_is_asked_until_there_are_two_instants() -> None:
    assert confirm.question("shop", PODS, START, START + timedelta(seconds=14), S15) == ()


def test_istiod_says_when_every_proxy_has_it() -> None:
    found = confirm.confirmed(seen(sync=ProxySync(3, 3)), START, START, "v2", 5)
    assert found is ConfirmedBy.SYNCZ


@pytest.mark.parametrize("traffic", [{"differences": ("x",)}, {"refused": ("y",)}])
def test_what_is_not_even_in_the_objects_was_taken_by_nobody(
    traffic: dict[str, tuple[str, ...]],
) -> None:
    world = seen(sync=ProxySync(3, 3), **traffic)
    assert confirm.confirmed(world, START, START + timedelta(days=1), "v2", 5) is None


def test_requests_that_divide_as_asked_are_proof() -> None:
    world = seen(at(0, v1=100, v2=0), at(15, v1=1050, v2=50))
    assert confirm.confirmed(world, START, START, "v2", 5) is ConfirmedBy.SHARE


def test_with_nobody_to_ask_there_is_a_floor() -> None:
    looks = [START + timedelta(seconds=s) for s in (14, 15)]
    found = [confirm.confirmed(seen(), START, now, "v2", 5) for now in looks]
    assert found == [None, ConfirmedBy.FLOOR]


def test_proxies_that_a_change_does_not_concern_are_not_waited_for() -> None:
    world = seen(sync=ProxySync(3, 1))
    looks = [START + timedelta(seconds=s) for s in (14, 15)]
    found = [confirm.confirmed(world, START, now, "v2", 5) for now in looks]
    assert found == [None, ConfirmedBy.FLOOR]


def test_proxies_that_are_known_to_lag_are_waited_for_longer_but_not_for_ever() -> None:
    world = seen(sync=ProxySync(3, 2, behind=1))
    looks = [START + timedelta(seconds=s) for s in (15, 119, 120)]
    found = [confirm.confirmed(world, START, now, "v2", 5) for now in looks]
    assert found == [None, None, ConfirmedBy.FLOOR]


def test_the_floor_is_twice_what_a_push_is_known_to_take() -> None:
    told = [Value(confirm.CONVERGENCE, START, s) for s in (1.0, 20.0, math.nan, 99.0)]
    floors = [confirm.floor(v) / timedelta(seconds=1) for v in ((), *((one,) for one in told))]
    assert floors == [15, 15, 40, 15, 60]
    slow = replace(seen(), values=(told[1], Value("mine", START, 1e9)))
    looks = [START + timedelta(seconds=s) for s in (15, 39, 40)]
    found = [confirm.confirmed(slow, START, now, "v2", 5) for now in looks]
    assert found == [None, None, ConfirmedBy.FLOOR]


@pytest.mark.parametrize(
    ("before", "after", "percent", "agree"),
    [
        (at(0, v1=0, v2=0), at(15, v1=500, v2=500), 50, True),
        (at(0, v1=0, v2=0), at(15, v1=1000, v2=0), 50, False),
        (at(0, v1=0, v2=0), at(15, v1=1000, v2=0), 0, True),
        (at(0, v1=0, v2=0), at(15, v1=0, v2=1000), 100, True),
        (at(0, v1=0, v2=0), at(15, v1=999, v2=1), 1, False),  # the old split would look alike
        (at(0, v1=0, v2=0), at(15, v1=95, v2=5), 5, False),  # too few to say
        (at(0, v1=900, v2=0), at(15, v1=0, v2=0), 0, False),  # counters began anew
        (at(0, v1=0), at(15, v1=500, v2=500), 50, False),  # a scrape of v2 was missed
    ],
)
def test_shares_agree_only_where_enough_requests_say_so(
    before: Counts, after: Counts, percent: int, agree: bool
) -> None:
    assert confirm.shares_agree((after, before), "v2", percent) is agree


def test_one_instant_says_nothing() -> None:
    assert not confirm.shares_agree((at(0, v1=500, v2=500),), "v2", 50)


def test_gateways_are_counted_over_several_intervals() -> None:
    sides = {"blue": "blue/istio-system/gw", "green": "green/istio-system/gw"}
    every = timedelta(seconds=15)
    assert confirm.gateways(sides, START, START + 3 * every, every) == ()
    (asked,) = confirm.gateways(sides, START, START + 5 * every, every)
    assert asked.instants == (START + every, START + 5 * every)
    assert (asked.view, asked.workloads) == (View.GATEWAY, sides)


def test_pods_of_two_clusters_may_be_called_alike() -> None:
    def at(seconds: int, blue: int, green: int) -> Counts:
        pods = (PodCount("blue", "gw-0", (0,), blue), PodCount("green", "gw-0", (0,), green))
        return Counts(confirm.METRIC, START + timedelta(seconds=seconds), pods)

    assert confirm.requests((at(0, 9000, 10), at(60, 9300, 110)), "green") == (300, 100)
