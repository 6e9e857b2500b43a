"""One whole journey for every strategy, and for every way of naming and running revisions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.spec import (
    BlueGreen,
    Canary,
    Dark,
    Finish,
    Step,
    Stickiness,
    Strategy,
    Traffic,
    Workload,
)
from rollout.model.status import Phase, Stage
from rollout.model.traffic import Cohort, Fault, Route, Split, Sticky, StringMatch
from tests import make
from tests.make import MINUTE
from tests.play import Play, World
from tests.properties import worlds

TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})


def test_a_dark_release_shows_the_canary_to_its_cohort_alone() -> None:
    dark = Dark((Step(cohorts=(TESTERS,)), Step(mirror=0.1)), Finish.PROMOTE)
    play = Play(make.spec(Strategy(dark=dark))).push("v2").gives(v1=100)
    assert play.world.route == Route(Split(100, 0), (TESTERS,))
    play.after(minutes=1).gives(v1=100)
    assert play.world.route == Route(Split(100, 0), (TESTERS,), mirror=0.1)
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_a_dark_release_that_is_held_goes_on_when_a_person_says_so() -> None:
    play = Play(make.spec(Strategy(dark=Dark((Step(mirror=0.1),))))).push("v2")
    play.after(hours=5).gives(v1=100)
    play.request("promote").gives(v2=100)


def test_a_rehearsed_fault_is_gone_on_every_way_out() -> None:
    steps = (Step(cohorts=(TESTERS,), fault=Fault(abort=503)), Step(weight=5))
    play = Play(make.spec(Strategy(canary=Canary(steps)))).push("v2")
    assert play.world.route is not None
    assert play.world.route.fault == Fault(abort=503)
    play.after(seconds=15, value=5)
    assert play.world.route is None


def test_blue_green_keeps_the_old_warm_and_goes_back_in_one_patch() -> None:
    green = BlueGreen((TESTERS,), bake=MINUTE, keep_warm=10 * MINUTE)
    play = Play(make.spec(Strategy(blue_green=green))).push("v2").gives(v1=100)
    play.after(minutes=1).gives(v2=100)
    play.after(minutes=9).gives(v2=100)
    assert play.status.stage.name is Stage.BAKING
    play.after(seconds=15, value=5).gives(v1=100)


def test_users_stay_on_the_version_they_got_and_a_rollback_forgets_them() -> None:
    play = Play(make.canary_spec(5, 50, traffic=Traffic(stickiness=Stickiness("shop")))).push("v2")
    assert play.world.route is not None
    pinned = Sticky("shop", "v2-1", timedelta(days=1), "stable:1:0")
    assert play.world.route.sticky == pinned
    play.after(minutes=1)
    moving = (("stable:1:0", 47),)  # 5 + 95 * 47 % = 50
    assert play.world.route.sticky == replace(pinned, home="stable:1:1", earlier=moving)
    play.after(seconds=15, value=5)
    assert play.world.route is None


def test_subsets_by_version_keep_their_meaning_and_only_weights_move() -> None:
    play = worlds.begun(Play(make.canary_spec(5, 50), worlds.world("v1")))
    before = dict(play.world.subsets)
    play.push("v2").until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    play.push("v3").until(Phase.HEALTHY, Stage.IDLE).gives(v3=100)
    assert (play.world.subsets, play.world.home) == (before, "v3")


def test_a_template_needs_no_ceremony_to_begin_with() -> None:
    spec = make.canary_spec(50, workload=Workload(template={"replicas": 2}))
    play = Play(spec, World(author=""))
    assert (play.world.pods, play.status.phase) == ({"v1": 2}, Phase.HEALTHY)


@pytest.mark.parametrize("workload", ["managed", "template"])
def test_pods_of_ours_come_in_time_and_go_when_they_are_drained(workload: str) -> None:
    play = Play(worlds.spec("canary", workload, "plain"), World(author="", pods={"v1": 4}))
    if workload == "managed":
        play.world.pods["v2"] = 0
    play.push("v2").until(Phase.HEALTHY, Stage.IDLE).after(seconds=15)
    assert (play.world.pods["v1"], play.world.pods["v2"], play.world.home) == (0, 4, "")
