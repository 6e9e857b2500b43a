from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.action import Announce, SetRoute
from rollout.model.finding import Finding, Severity
from rollout.model.observation import SeenAutoscaler, SeenTraffic
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import BlueGreen, Canary, Dark, OnFailure, Step, Strategy, Workload
from rollout.model.status import Draining, Pause, Phase, Rejected, Revision, Stage
from rollout.model.traffic import Split
from rollout.reconcile import stages
from tests import make
from tests.make import MINUTE, START
from tests.play import Play, World

HALF = make.canary_spec(5, 50)
BAKED = make.spec(
    Strategy(canary=Canary((Step(weight=50, bake=MINUTE),), bake_after_promotion=10 * MINUTE))
)


def test_at_rest_git_may_not_be_able_to_say_what_it_asks() -> None:
    idle = make.at_step(stage=Stage.IDLE, canary=None)
    for problem, because in (("", "git names no revision"), ("no template", "no template")):
        turn = stages.advance(make.look(idle, asked=None, problem=problem))
        assert (turn.because, turn.waits_for) == (because, WaitsFor.OBJECTS)


def test_a_stable_without_pods_is_not_called_healthy() -> None:
    play = Play(HALF)
    play.world.unready["v1"] = 4
    play.look()
    assert (play.status.phase, play.status.because) == (
        Phase.PAUSED,
        "v1 has everyone and no ready pods",
    )


@pytest.mark.parametrize("paused", [False, True])
def test_requests_to_a_stable_without_pods_are_said_before_anything_else(paused: bool) -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    if paused:
        play.request("pause")
    play.world.unready["v1"] = 4
    play.after(seconds=5).gives(v1=95, v2=5)
    because = "v1 has 95% and no ready pods: mend it, or promote"
    assert play.world.told[-1] == Announce("StableDown", because, warning=True)
    play.world.unready.clear()
    play.after(seconds=5)
    assert play.status.because == ("paused by a person" if paused else "baking for 1m")


def test_nobody_is_promoted_whose_pods_are_all_gone_also_where_stable_has_none() -> None:
    play = Play(BAKED).push("v2").until(Phase.PROGRESSING, Stage.BAKING)
    play.world.unready.update(v1=4, v2=4)
    play.after(minutes=11).gives(v2=100)
    assert play.status.stage.name is Stage.BAKING
    assert play.status.because == "v2 has everyone and no ready pods"
    play.world.unready.clear()
    play.until(Phase.HEALTHY).gives(v2=100)
    assert play.status.stable is not None
    assert play.status.stable.name == "v2"


def test_subset_stable_follows_no_promotion_while_nobody_knows_its_pods() -> None:
    """The route would go back to it, and the one before still stands there."""
    v2 = Revision("v2")
    moved = make.at_step(stage=Stage.REPOINTING, split=Split(0, 100), stable=v2)
    look = make.look(moved)
    workloads = {**look.seen.workloads, "v2": make.workload("v2", 0, 0)}
    workloads["v2"] = replace(workloads["v2"], exists=False, labels={})
    turn = stages.advance(replace(look, seen=replace(look.seen, workloads=workloads)))
    assert (turn.status.stage, turn.waits_for) == (moved.stage, WaitsFor.SUBSETS)
    assert turn.because == "v2 has no deployment: subset stable stays as it is"


def test_at_rest_a_host_is_not_narrowed_to_pods_that_cannot_carry_it() -> None:
    play = Play(HALF, World(author="", pods={"v1": 4}, unready={"v1": 2}))
    play.world.pods["v2"] = 4
    play.look()
    assert (play.world.home, play.status.phase) == ("", Phase.HEALTHY)
    play.world.unready.clear()
    assert play.look().world.home == "stable"


def test_a_push_narrows_no_host_to_pods_that_cannot_carry_it() -> None:
    """Law 8: other revisions' pods serve it, too, and stable's subset has half of its own."""
    play = Play(HALF, World(author="", pods={"v1": 4}, unready={"v1": 2}))
    play.world.pods["v3"] = 4
    play.push("v2")
    because = "other revisions' pods serve, too: stable has 2 of 3 pods"
    assert (play.world.home, play.status.because) == ("", because)
    assert (play.status.phase, play.status.waits_for) == (Phase.PAUSED, WaitsFor.STABLE)
    play.world.unready.clear()
    assert play.look().world.home == "stable"


def test_proxies_that_have_not_the_subset_are_waited_for() -> None:
    play = Play(HALF)
    play.world.taken = False
    play.world.subsets.clear()
    play.look().after(seconds=1)
    assert play.status.because == "waiting for the proxies to take the change"
    play.push("v2").after(seconds=1)
    assert play.status.because == "waiting for the proxies to take the change"
    play.after(seconds=15).after(seconds=15).gives(v1=95, v2=5)


def test_a_subset_that_was_not_written_is_asked_for_until_it_is() -> None:
    status = make.at_step(stage=Stage.PREPARING, step=None, asked_at=None, confirmed_at=None)
    assert stages.advance(make.look(status)).because == "preparing the subset"


def test_the_routes_name_subset_stable_before_a_pod_of_ours_starts() -> None:
    template = make.canary_spec(50, workload=Workload(template={"replicas": 4}))
    play = Play(template, World(author="", pods={"v1": 4}))
    play.rollout = make.rollout(template, "v2")
    kinds = [[type(a).__name__ for a in play.look_once().actions] for _ in range(6)]
    assert kinds == [
        ["Announce"],
        ["PointSubset"],
        ["ReleaseRoutes"],
        ["EnsureWorkload"],
        ["PointSubset"],
        ["EnsureWorkload", "SetRoute", "Announce"],
    ]


def test_the_subset_follows_the_promotion_before_anybody_is_sent_there() -> None:
    status = make.at_step(stage=Stage.REPOINTING, stable=Revision("v2"), split=Split(0, 100))
    turn = stages.advance(make.look(status))
    assert (turn.status, turn.because) == (status, "subset stable follows the promotion")


def test_no_step_begins_with_fewer_pods_than_the_least() -> None:
    few = replace(HALF, workload=replace(HALF.workload, min_canary_pods=5))
    play = Play(few).push("v2").gives(v1=100)
    assert play.status.because == "canary pods: 4 of 5 ready"


def test_why_pods_do_not_come_up_is_said() -> None:
    pods = {"v1": make.workload("v1"), "v2": replace(make.workload("v2", 0), problem="ImagePull")}
    status = make.at_step(stage=Stage.PREPARING, step=None)
    seen = SeenTraffic(subsets={"stable": {"version": "v1"}, "canary": {"version": "v2"}})
    turn = stages.advance(make.look(status, workloads=pods, traffic=seen))
    assert turn.because == "5% needs 1 canary pod, 0 ready; ImagePull"


def test_no_step_begins_on_a_subset_that_nobody_could_make() -> None:
    nameless = replace(make.workload("v2"), labels={})
    status = make.at_step(stage=Stage.PREPARING, step=None)
    seen = SeenTraffic(subsets={"stable": {"version": "v1"}})
    pods = {"v1": make.workload("v1"), "v2": nameless}
    turn = stages.advance(make.look(status, workloads=pods, traffic=seen))
    assert turn.because == "no labels tell the pods of v2 apart"


@pytest.mark.parametrize("author", ["", "stable", "v1"])
def test_a_blocking_finding_stops_a_journey_before_anything_is_written(author: str) -> None:
    names = {"": {}, "stable": {"stable": "v1"}, "v1": {"v1": "v1", "v2": "v2"}}[author]
    subsets: dict[str, Mapping[str, str]] = {n: {"version": v} for n, v in names.items()}
    before = dict(subsets)
    play = Play(make.MANAGED, World(author=author, subsets=subsets, pods={"v1": 4, "v2": 0}))
    play.world.findings = (Finding("ROL-003", Severity.BLOCK, "two claim this route"),)
    play.push("v2").after(minutes=1)
    assert (play.world.subsets, play.world.home) == (before, author)
    assert play.world.pods == {"v1": 4, "v2": 0}
    play.world.findings = ()
    play.after(seconds=5).after(seconds=5).gives(v1=95, v2=5)


def test_a_push_that_wants_fewer_pods_takes_none_from_stable() -> None:
    spec = make.canary_spec(50, workload=Workload(template={"replicas": 4}))
    play = Play(spec, World(author="", pods={"v1": 4}))
    play.world.findings = (Finding("ROL-003", Severity.BLOCK, "two claim this route"),)
    play.spec = make.canary_spec(50, workload=Workload(template={"replicas": 1}))
    play.rollout = make.rollout(play.spec, "v1")
    play.push("v2").after(minutes=5)
    assert play.world.pods == {"v1": 4}


def test_a_blocking_finding_stops_a_journey_before_the_first_request() -> None:
    play = Play(HALF)
    play.world.findings = (Finding("ROL-003", Severity.BLOCK, "two claim this route"),)
    play.push("v2").gives(v1=100)
    assert (play.status.phase, play.status.because) == (
        Phase.PAUSED,
        "ROL-003: two claim this route",
    )
    play.world.findings = ()
    play.after(seconds=5).gives(v1=95, v2=5)


def test_whoever_pauses_before_the_first_step_is_obeyed() -> None:
    play = Play(HALF)
    play.world.unready["v2"] = 4
    play.push("v2").request("pause")
    play.world.unready.clear()
    play.after(minutes=5).gives(v1=100)
    assert play.status.because == "paused by a person"
    play.request("resume").gives(v1=95, v2=5)


def test_a_failure_that_is_to_be_held_freezes_and_is_told_over_any_other_pause() -> None:
    play = Play(make.canary_spec(5, 50, on_failure=OnFailure.HOLD)).push("v2").request("pause")
    play.after(seconds=15, value=5).gives(v1=95, v2=5)
    assert play.status.because.startswith("failed, held as asked: errors-limit: 5 is above 1")
    said = len(play.world.told)
    play.after(seconds=15, value=5)
    assert (len(play.world.told), play.status.phase) == (said, Phase.PAUSED)
    play.request("abort").gives(v1=100)


def test_proxies_that_never_take_a_route_end_in_a_pause() -> None:
    play = Play(HALF)
    play.push("v2").world.taken = False
    status = make.changed(play.status, confirmed_at=None, asked_at=play.now + timedelta(days=1))
    look = replace(make.look(status), rollout=play.rollout, now=play.now + timedelta(hours=1))
    turn = stages.advance(look)
    assert turn.because == "waiting for the proxies to take the route"


def test_a_dark_release_that_is_held_waits_for_a_person_and_is_still_judged() -> None:
    play = Play(make.spec(Strategy(dark=Dark((Step(mirror=0.5),)))))
    play.push("v2").after(minutes=1).gives(v1=100)
    assert play.status.because == "all steps passed; promote or abort, as you wish"
    assert play.decision is not None
    assert play.decision.look_again is not None
    play.after(minutes=1, value=5)
    assert play.status.phase is Phase.DEGRADED


@pytest.mark.parametrize("unready", [4, 3])
def test_a_promoted_canary_that_dies_goes_back_at_once(unready: int) -> None:
    play = Play(BAKED).push("v2").after(minutes=1).gives(v2=100)
    play.world.unready["v2"] = unready
    play.after(seconds=1)
    play.gives(**({"v1": 100} if unready == 4 else {"v2": 100}))


def test_a_canary_that_dies_while_everyone_moves_over_goes_back_at_once() -> None:
    play = Play(HALF).push("v2")
    play.world.taken = False
    play.status = make.changed(play.status, stage=Stage.SWITCHING, split=Split(0, 100), step=None)
    play.look().gives(v2=100)
    assert play.status.because == "waiting for the proxies to take the change"
    play.world.unready["v2"] = 4
    play.after(seconds=1).gives(v1=100)


def test_after_promotion_a_failure_goes_back_in_one_patch() -> None:
    play = Play(BAKED).push("v2").after(minutes=1).gives(v2=100)
    play.world.value = 5.0
    play.now += timedelta(seconds=15)
    decision = play.look_once()
    splits = [a.route.split for a in decision.actions if isinstance(a, SetRoute)]
    assert splits == [Split(100, 0)]


def test_after_promotion_a_failure_stays_where_no_old_pods_are_left() -> None:
    play = Play(BAKED).push("v2").after(minutes=1)
    play.world.unready["v1"] = 4
    play.after(seconds=15, value=5).gives(v2=100)
    assert play.status.because.startswith("errors-limit: 5 is above 1")


def test_a_bake_can_be_paused_by_a_person_and_by_a_dead_prometheus() -> None:
    play = Play(BAKED).push("v2").after(minutes=1).request("pause").after(hours=1)
    assert (play.status.stage.name, play.status.phase) == (Stage.BAKING, Phase.PAUSED)
    play.request("resume").until(Phase.HEALTHY)
    play = Play(BAKED).push("v2").after(minutes=1)
    play.world.provider_down = True
    play.after(minutes=30)
    assert (play.status.stage.name, play.status.phase) == (Stage.BAKING, Phase.PAUSED)


def test_nothing_is_promoted_for_good_while_its_route_is_not_confirmed() -> None:
    status = make.at_step(stage=Stage.BAKING, split=Split(0, 100), confirmed_at=None)
    seen = SeenTraffic(differences=("x",))
    turn = stages.advance(make.look(status, traffic=seen))
    assert turn.status.stage.name is Stage.BAKING


def test_by_version_promotion_needs_no_subset_to_change() -> None:
    subsets = {name: {"version": name} for name in ("v1", "v2")}
    world = World(author="v1", subsets=dict(subsets), pods={"v1": 4, "v2": 4})
    play = Play(HALF, world).push("v2").until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    assert (play.world.home, play.world.subsets) == ("v2", subsets)


@pytest.mark.parametrize(
    "stage", [Stage.REPOINTING, Stage.RETURNING, Stage.RETIRING, Stage.WITHDRAWING]
)
def test_every_move_waits_for_the_proxies(stage: Stage) -> None:
    split = Split(0, 100) if stage is Stage.REPOINTING else Split(100, 0)
    status = make.at_step(stage=stage, split=split, confirmed_at=None)
    seen = SeenTraffic(subsets={"stable": {"version": "v1"}, "canary": {"version": "v2"}})
    turn = stages.advance(make.look(status, traffic=seen))
    assert (turn.status.stage.name, turn.because) == (stage, stages.WAITING)


def test_a_push_does_not_wait_for_the_old_pods_to_drain() -> None:
    managed = make.canary_spec(
        50, workload=replace(HALF.workload, scale="managed", drain=timedelta(hours=1))
    )
    play = Play(managed).push("v2").after(minutes=1).gives(v2=100)
    play.push("v3").gives(v2=50, v3=50)
    assert play.status.draining == Draining(Revision("v1", "c1"), play.now)


def test_a_phase_follows_from_the_stage_and_what_stands_in_its_way() -> None:
    bad = Rejected(Revision("v2"), "slow", START)
    idle = make.at_step(stage=Stage.IDLE)
    found = [
        stages.phase(make.at_step(stage=Stage.CLEANING), None),
        stages.phase(make.at_step(pause=Pause(PauseKind.BLIND, "why", START)), None),
        stages.phase(make.at_step(), WaitsFor.OBJECTS),
        stages.phase(idle, None),
        stages.phase(replace(idle, rejected=bad), None),
        stages.phase(make.at_step(), None),
    ]
    assert found == [
        Phase.ROLLING_BACK,
        Phase.PAUSED,
        Phase.PAUSED,
        Phase.HEALTHY,
        Phase.DEGRADED,
        Phase.PROGRESSING,
    ]


def test_blue_green_shows_a_preview_and_then_moves_everyone_at_once() -> None:
    play = Play(make.spec(Strategy(blue_green=BlueGreen()))).push("v2").gives(v1=100)
    play.after(minutes=1).gives(v2=100)
    assert play.status.stage.name is Stage.BAKING


def test_old_pods_that_the_autoscaler_still_scales_stay_and_why_is_said() -> None:
    retiring = make.at_step(
        stage=Stage.RETIRING, canary=None, draining=Draining(Revision("v2"), START)
    )
    there = SeenAutoscaler("shop", True, "shop-v2", problem="hpa shop is KEDA's")
    turn = stages.advance(make.look(retiring, asked=Revision("v1"), autoscaler=there))
    assert turn.because == "old pods stay: hpa shop is KEDA's"
