"""Bugs that Argo Rollouts and Flagger have had, as scenarios; each fails without its guard.

Each names what a peer did wrong. A guard is taken out by putting
something careless in its place.
"""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from rollout.analysis import steprule
from rollout.model.spec import (
    BlueGreen,
    Canary,
    OnDrift,
    Step,
    Stickiness,
    Strategy,
    Traffic,
    Workload,
)
from rollout.model.status import Phase, Revision
from rollout.model.traffic import STABLE_ONLY, Cohort, Route, Split, StringMatch
from rollout.reconcile import (
    actions,
    drift,
    holding,
    journey,
    leaving,
    requests,
    serving,
    stages,
    wanted,
)
from tests import make
from tests.guards import Guard, fails_without, named
from tests.play import World
from tests.properties.watched import Watched

HALF = make.canary_spec(5, 50)
TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})


def begun(spec: Any = HALF, world: World | None = None) -> Watched:
    return Watched(spec, world).push("v2")  # type: ignore[return-value]


def halfway() -> Watched:
    return begun().after(minutes=1)  # type: ignore[return-value]


def early_weight_before_pods() -> None:
    """2, 4: the next weight was set although the canary was sized for the last one."""
    play = begun()
    play.world.pods["v2"] = 1
    play.after(minutes=2).gives(v1=95, v2=5)


def subset_switched_under_weight() -> None:
    """3: the canary subset was re-pointed before its weight was lowered."""
    play = halfway()
    play.world.taken = False
    play.push("v3").after(seconds=5)
    assert play.world.subsets["canary"] == {"version": "v2"}


def abort_with_least_pods() -> None:
    """5, 6: an abort never came back to 0 while a least number of pods was asked for."""
    managed = Workload("shop-{revision}", scale="managed", min_canary_pods=3)
    play = begun(make.canary_spec(5, 50, workload=managed)).request("abort").gives(v1=100)
    play.after(seconds=31).after(seconds=1)
    assert (play.status.phase, play.world.pods["v2"]) == (Phase.DEGRADED, 0)


def sticky_users_forgotten() -> None:
    """11: after an abort users with a cookie stayed on the canary."""
    sticky = make.canary_spec(50, traffic=Traffic(stickiness=Stickiness("shop")))
    play = begun(sticky)
    cookie = play.world.route.sticky if play.world.route else None
    play.request("abort").request("retry")
    anew = play.world.route.sticky if play.world.route else None
    assert cookie is not None
    assert anew is not None
    assert anew.value != cookie.value


def cohorts_of_the_overtaken() -> None:
    """12: header routes stayed on an empty service when a newer push came."""
    spec = make.spec(Strategy(canary=Canary((Step("testers", cohorts=(TESTERS,)),))))
    play = begun(spec)
    play.rollout = make.rollout(spec, "v3")
    play.look_once()
    assert play.world.route == STABLE_ONLY


def first_deployment_without_pods() -> None:
    """13: at the first deployment the subset selected no pods."""
    world = World(author="", pods={"v0": 4})
    play = Watched(HALF, world)
    play.rollout = make.rollout(HALF, "v1")
    assert play.look().status.stable == Revision("v0")


def first_rollout_of_several() -> None:
    """Of a service that two revisions served the new one had everyone at once, with no step."""
    play = Watched(HALF, World(author="", pods={"v0": 4, "v1": 1}))
    play.rollout = make.rollout(HALF, "v1")
    assert play.look().status.stable is None
    assert play.world.epoch == 0


def own_write_not_seen_yet() -> None:
    """24, 56: what was not written yet, or not seen yet, was taken for somebody else's edit."""
    play = begun(make.canary_spec(5, 50, on_drift=OnDrift.PAUSE))
    play.now += timedelta(minutes=1)
    while play.status.attempt.step is not None and play.status.attempt.step.index == 0:
        play.look_once(stop_after=0)
    play.look().gives(v1=50, v2=50)
    assert (play.status.attempt.drift, play.status.attempt.pause) == (None, None)


def small_shares_of_many_pods() -> None:
    """7: many replicas times a weight overflowed, and fewer pods than none were wanted."""
    spec = make.canary_spec(33, workload=Workload("shop-{revision}", scale="managed"))
    for pods, least in ((1, 1), (20, 7), (3000, 990)):
        play = begun(spec, World(subsets={"stable": {"version": "v1"}}, pods={"v1": pods, "v2": 0}))
        assert play.world.pods["v2"] >= least


def weights_of_others() -> None:
    """14: weights that somebody else wrote were not put right."""
    play = begun()
    play.world.route = Route(Split(0, 100))
    play.after(seconds=15).gives(v1=95, v2=5)


def inconclusive_is_no_pass() -> None:
    """17, 18, 38: promoted on an analysis that was inconclusive, in error or NaN."""
    play = begun()
    play.world.provider_down = True
    play.after(minutes=25).gives(v1=95, v2=5)


def pods_never_come_up() -> None:
    """22: neither abort nor deadline when pods never come up."""
    play = Watched(HALF)
    play.world.unready["v2"] = 4
    play.push("v2").after(minutes=30)
    assert play.status.phase is Phase.PAUSED


def second_push_in_mid_journey() -> None:
    """26, 36: a push in mid-analysis got stuck, or took over the old one's analysis."""
    play = halfway().push("v3").gives(v1=95, v3=5)
    assert (
        play.status.attempt.number,
        play.status.attempt.step and play.status.attempt.step.index,
    ) == (2, 0)


def slept_through() -> None:
    """30: hot loops and missed wake-ups once paused: a pause is still judged."""
    play = begun().request("pause")
    assert play.decision is not None
    assert play.decision.look_again is not None
    assert play.decision.look_again > timedelta(0)


def broken_stable() -> None:
    """35, 41: a rollback sent everyone to broken or missing pods of stable."""
    play = halfway()
    play.world.unready["v1"] = 4
    play.after(seconds=15, value=5).gives(v1=50, v2=50)


def promoted_without_pods() -> None:
    """37: whoever skips the analysis promoted zero ready pods."""
    play = begun()
    play.world.pods["v2"] = 1
    play.request("promote").gives(v1=95, v2=5)


def status_says_what_is() -> None:
    """40: the status said 0 while requests were still divided."""
    play = begun()
    play.world.route = Route(Split(0, 100))
    play.after(seconds=15)
    route = play.world.route or STABLE_ONLY
    assert (play.status.stage.split, play.status.stage.confirmed_at) == (route.split, play.now)


def step_edited_in_mid_journey() -> None:
    """42: a spec that changed in mid-analysis left status and routes apart."""
    play = halfway()
    play.rollout = make.rollout(make.canary_spec(5, 10), "v2")
    play.look().gives(v1=95, v2=5)
    assert play.status.attempt.number == 2


def wedged_in_failed() -> None:
    """44: after a failure later revisions never began."""
    begun().after(seconds=15, value=5).after(seconds=1).push("v3").gives(v1=95, v3=5)


def two_leaders() -> None:
    """1: a leader that had lost its lease kept writing."""
    play = begun()
    play.world.epoch = play.status.epoch + 1
    play.now += timedelta(minutes=5)
    assert play.look_once().actions == ()


def user_takes_the_subset_away() -> None:
    """Issue 3: a deleted DestinationRule must not leave routes that name nothing."""
    play = Watched(HALF)
    play.world.subsets.clear()
    play.after(seconds=15)
    assert play.world.subsets == {"stable": {"version": "v1"}}


def drift_is_asked_about() -> None:
    """S12: a raise on top of somebody's edit, though people were to be asked."""
    play = begun(make.canary_spec(5, 50, on_drift=OnDrift.PAUSE))
    play.world.route = Route(Split(70, 30))
    play.after(hours=1).gives(v1=70, v2=30)


def deleted_without_capacity() -> None:
    """27, 43: objects taken away before the traffic was."""
    play = halfway()
    play.world.unready["v1"] = 4
    play.delete().gives(v1=50, v2=50)
    assert not play.world.let_go


def dead_green() -> None:
    """20, 35: a promoted canary that died kept everyone."""
    play = begun(make.spec(Strategy(blue_green=BlueGreen()))).after(minutes=1).gives(v2=100)
    play.world.unready["v2"] = 4
    play.after(seconds=1).gives(v1=100)


def rejected_again() -> None:
    """Law 6: a revision that failed was tried again and again."""
    play = begun().after(seconds=15, value=5).after(hours=3, value=0.0).gives(v1=100)
    assert play.status.attempt.number == 1


DECIDE = import_module("rollout.reconcile.decide")  # its name is also its function's
WAIT = "    if status.stage.confirmed_at is None:\n        return _proxies(status)\n"
BACK = "    return journey.withdrawn(look)"
SAME_ROUTE = "and wanted.route(rollout, before) == wanted.route(rollout, after)"
FAILED_BEFORE = "if status.rejected is not None and revision.same(status.rejected.revision):"
GUARDS = [
    Guard(two_leaders, DECIDE, "look.seen.traffic.epoch > status.epoch and", "False and"),
    Guard(
        early_weight_before_pods,
        stages,
        "if lack := lacking(look, None if",
        "if lack := '' and (None if",
    ),
    Guard(subset_switched_under_weight, stages, WAIT + BACK, BACK),
    Guard(abort_with_least_pods, actions, "if over and pods", "if False and pods"),
    Guard(
        sticky_users_forgotten,
        wanted,
        "{status.attempt.canary.name}-{status.attempt.number}",
        "everybody",
    ),
    Guard(cohorts_of_the_overtaken, actions, SAME_ROUTE, ""),
    Guard(first_deployment_without_pods, serving, "asked if run.revision.name ==", "asked if 0 !="),
    Guard(first_rollout_of_several, serving, "if len(serve) == 1", "if len(serve) >= 1"),
    Guard(own_write_not_seen_yet, drift, "0 < traffic.epoch == status.epoch", "True"),
    Guard(small_shares_of_many_pods, wanted, "-(-split.canary * pods // 100)", "0"),
    Guard(weights_of_others, actions, "(same and not look.seen.traffic.differences)", "same"),
    Guard(inconclusive_is_no_pass, steprule, "standing in BLIND:", "False:"),
    Guard(
        pods_never_come_up,
        holding,
        "if left > timedelta(0):\n        every",
        "if 1:\n        every",
    ),
    Guard(second_push_in_mid_journey, DECIDE, "    if not revision.same(", "    if not bool("),
    Guard(
        slept_through,
        stages,
        "Turn(status, pause.because, again)",
        "Turn(status, pause.because)",
    ),
    Guard(broken_stable, journey, "split = way_back(look)", "split = Split(100, 0)"),
    Guard(promoted_without_pods, requests, "lacking(look, None) or ", ""),
    Guard(status_says_what_is, DECIDE, "status = asked(status, look.now)", "pass"),
    Guard(step_edited_in_mid_journey, DECIDE, "if step and (", "if False and ("),
    Guard(wedged_in_failed, stages, FAILED_BEFORE, "if status.rejected is not None:"),
    Guard(rejected_again, stages, FAILED_BEFORE, "if False:"),
    Guard(user_takes_the_subset_away, wanted, "if name in here or missed", "if name in here"),
    Guard(drift_is_asked_about, drift, "pause.kind is PauseKind.DRIFT", "False"),
    Guard(deleted_without_capacity, leaving, "return held and since", "return True or since"),
    Guard(
        dead_green,
        stages,
        "return look.pods(look.status.attempt.canary).down and",
        "return False and",
    ),
]


@pytest.mark.parametrize("guard", GUARDS, ids=named)
def test_the_scenario_holds(guard: Guard) -> None:
    guard.scenario()


@pytest.mark.parametrize("guard", GUARDS, ids=named)
def test_the_scenario_fails_once_its_guard_is_taken_out(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_without(guard, monkeypatch)
