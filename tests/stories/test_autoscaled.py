"""An autoscaler that follows the release: handed over, given back, and never the loser of pods."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from rollout.model.spec import Autoscaler, OnDrift, RolloutSpec, Workload
from rollout.model.status import Phase, Stage
from tests import make
from tests.play import Play, World

PLAIN = Workload(template={}, drain=timedelta(0), autoscaler=Autoscaler("shop"))


def spec(**changes: object) -> RolloutSpec:
    return make.spec(make.baked(), **{"workload": PLAIN} | changes)


def adopted(scaled: str | None = "shop", **changes: object) -> Play:
    """v1 serves with six pods, which the autoscaler wanted; nothing else runs."""
    subsets: dict[str, Mapping[str, str]] = {"stable": {"version": "v1"}}
    play = Play(spec(**changes), World(subsets=subsets, pods={"v1": 6}, scaled=scaled))
    return play.after(seconds=30)


def baking(play: Play) -> Play:
    return play.push("v2").until(Phase.PROGRESSING, Stage.BAKING)


def test_at_the_first_look_it_is_pointed_at_what_serves() -> None:
    play = adopted()
    assert (play.world.scaled, play.world.pods) == ("shop-v1", {"v1": 6})
    assert play.status.because == "v1 has everyone"


def test_it_is_handed_over_at_promotion_with_as_many_pods_and_the_old_ones_stay_warm() -> None:
    play = adopted().push("v2")
    assert play.world.scaled == "shop-v1"
    play.until(Phase.PROGRESSING, Stage.BAKING)
    assert (play.world.scaled, play.world.pods) == ("shop-v2", {"v1": 6, "v2": 6})
    play.until(Phase.HEALTHY, Stage.IDLE)
    assert (play.world.scaled, play.world.pods) == ("shop-v2", {"v1": 0, "v2": 6})


def test_pods_that_it_gave_stable_on_the_way_the_canary_gets_too() -> None:
    play = adopted().push("v2")
    play.world.autoscale(9)
    baking(play)
    assert play.world.pods == {"v1": 9, "v2": 9}


def test_what_it_scales_nobody_else_scales() -> None:
    play = adopted()
    for pods in (2, 9, 1):
        play.world.autoscale(pods)
        play.after(minutes=10)
        assert play.world.pods == {"v1": pods}
    baking(play)
    play.world.autoscale(3)
    play.after(minutes=1)
    assert (play.world.pods["v2"], play.status.stage.name) == (3, Stage.BAKING)


def test_a_failure_after_promotion_hands_it_back_with_the_pods_that_it_wanted_meanwhile() -> None:
    play = baking(adopted())
    play.world.autoscale(11)
    play.after(value=7.0, seconds=15).gives(v1=100)
    assert (play.world.scaled, play.world.pods["v1"]) == ("shop-v1", 11)
    play.world.autoscale(5)
    play.until(Phase.DEGRADED)
    assert (play.world.scaled, play.world.pods) == ("shop-v1", {"v1": 5, "v2": 0})


def test_a_failure_before_promotion_never_touches_it() -> None:
    play = adopted().push("v2").after(seconds=30)
    play.after(value=7.0, seconds=15).until(Phase.DEGRADED)
    assert (play.world.scaled, play.world.pods) == ("shop-v1", {"v1": 6, "v2": 0})


@pytest.mark.parametrize("stop_after", range(5))
def test_a_crash_at_the_hand_over_heals(stop_after: int) -> None:
    play = adopted().push("v2")
    while play.status.stage.name is not Stage.SWITCHING:
        play.now += timedelta(seconds=15)
        play.look_once()
    for _ in range(6):
        play.look_once(stop_after=stop_after)
    play.until(Phase.HEALTHY, Stage.IDLE)
    assert (play.world.scaled, play.world.pods) == ("shop-v2", {"v1": 0, "v2": 6})


def test_one_of_keda_is_not_fought_over_and_the_old_pods_stay() -> None:
    play = adopted()
    play.world.keda = "hpa shop is KEDA's, which takes a hand-over back"
    play.after(minutes=1)
    assert play.status.because.startswith("v1 has everyone; hpa shop is KEDA's")
    play.push("v2").until(Phase.PAUSED, limit=400)
    assert "KEDA" in play.status.because
    assert (play.world.scaled, play.world.pods) == ("shop-v1", {"v1": 6, "v2": 6})
    play.world.keda = ""
    play.request("resume").until(Phase.HEALTHY, Stage.IDLE)
    assert (play.world.scaled, play.world.pods["v1"]) == ("shop-v2", 0)


def test_one_that_is_gone_is_said_and_keeps_nobody_waiting() -> None:
    play = adopted(scaled=None)
    assert play.status.because == "v1 has everyone; hpa shop is missing"
    play.push("v2").until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_what_a_gitops_tool_writes_is_taken_back_and_said() -> None:
    play = adopted()
    play.world.owner, play.world.scaled = "Argo CD", "shop"
    play.look()
    assert play.world.scaled == "shop-v1"
    assert play.status.attempt.drift is not None
    assert play.status.attempt.drift.what == "autoscaler shop, which named shop"
    for _ in range(6):
        play.world.scaled = "shop"
        play.after(seconds=11)
    told = [one.because for one in play.world.told if one.reason == "Drift"]
    assert told == [
        "restored autoscaler shop, which named shop",
        "Argo CD keeps writing autoscaler shop (5x): see rollout plan",
    ]


def test_a_gitops_tool_that_keeps_pointing_back_costs_nobody_pods() -> None:
    play = baking(adopted())
    for _ in range(60):
        play.world.scaled = "shop-v1"
        play.after(seconds=15)
        assert play.world.pods["v2"] == 6
        assert play.world.scaled == "shop-v2"
    assert play.status.phase is Phase.HEALTHY


def test_with_on_drift_pause_a_person_is_asked_and_it_stays() -> None:
    play = adopted(on_drift=OnDrift.PAUSE).push("v2").after(seconds=30)
    play.world.scaled = "shop"
    play.look()
    assert (play.status.phase, play.world.scaled) == (Phase.PAUSED, "shop")
    assert play.status.because == "drift: autoscaler shop, which named shop"
    play.request("resume")
    assert play.world.scaled == "shop-v1"


def test_the_templates_replicas_are_for_the_first_pods_alone() -> None:
    play = adopted(workload=Workload(template={"replicas": 2}, autoscaler=Autoscaler("shop")))
    assert play.world.pods == {"v1": 6}


def gone(play: Play) -> Play:
    play.delete()
    for _ in range(20):
        play.after(seconds=15)
    assert play.world.let_go
    return play


def test_a_deleted_rollout_leaves_it_with_the_revision_that_has_everyone() -> None:
    assert gone(adopted()).world.scaled == "shop-v1"
    assert gone(adopted().push("v2").after(seconds=30)).world.scaled == "shop-v1"
    assert gone(baking(adopted())).world.scaled == "shop-v2"
    play = gone(adopted().push("v2").after(seconds=30).request("promote"))
    assert (play.world.scaled, play.world.pods) == ("shop-v2", {"v1": 0, "v2": 6})


def test_one_that_cannot_be_handed_over_keeps_no_deleted_rollout() -> None:
    play = adopted().push("v2").after(seconds=30)
    play.world.keda = "hpa shop is KEDA's, which takes a hand-over back"
    gone(play.request("promote"))
    assert (play.world.scaled, play.world.pods["v1"]) == ("shop-v1", 6)


def test_a_stable_that_it_made_smaller_since_the_peak_takes_everyone_back_in_minutes() -> None:
    play = adopted().push("v2").after(seconds=30)
    play.world.autoscale(9)
    play.look()
    play.world.autoscale(5)
    play.after(value=7.0, seconds=15)
    assert play.status.because == "stable has 5 of 7 pods: holding at 74/26"
    play.until(Phase.DEGRADED, limit=30).gives(v1=100)
    assert play.world.pods["v1"] == 5
