"""Whole journeys, told in pushes and minutes."""

from rollout.model.spec import Workload
from rollout.model.status import Phase, Stage
from tests import make
from tests.play import Play, World


def test_a_good_revision_reaches_everyone_and_leaves_the_routes_as_git_has_them() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").gives(v1=95, v2=5)
    play.after(minutes=1).gives(v1=50, v2=50)
    play.after(minutes=1).until(Phase.HEALTHY).gives(v2=100)
    assert play.world.route is None
    assert dict(play.world.subsets) == {"stable": {"version": "v2"}}


def test_what_serves_as_it_should_is_adopted_without_a_write() -> None:
    play = Play(make.canary_spec(5, 50))
    assert play.status.because == "v1 has everyone"
    assert play.status.stage.asked_at is None  # nothing is waited for: proxies were told nothing


def test_a_failing_metric_sends_everyone_back_before_the_bake_ends() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    play.after(seconds=15, value=5).gives(v1=100)
    assert play.status.phase is Phase.DEGRADED
    assert "errors-limit: 5 is above 1" in play.status.because


def test_a_rejected_revision_is_not_tried_again_until_a_person_says_retry() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(seconds=15, value=5)
    play.after(hours=2).gives(v1=100)
    play.request("retry").gives(v1=95, v2=5)


def test_a_rejected_revision_is_tried_again_after_git_said_something_else() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(seconds=15, value=5)
    play.push("v1").gives(v1=100)
    assert play.status.phase is Phase.HEALTHY
    play.after(seconds=1).push("v2").gives(v1=95, v2=5)


def test_a_revert_in_mid_canary_is_a_rollback_at_the_next_look() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").push("v1").gives(v1=100)
    assert play.status.phase is Phase.HEALTHY
    assert play.status.rejected is None


def test_a_newer_push_takes_the_old_canary_to_zero_and_starts_at_step_0() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(minutes=1).gives(v1=50, v2=50)
    play.push("v3").gives(v1=95, v3=5)
    assert play.status.attempt.number == 2


def test_an_author_who_names_no_subset_gets_his_host_back_once_alone() -> None:
    world = World(author="", pods={"v1": 4})
    play = Play(make.canary_spec(50), world)
    world.pods["v2"] = 4
    play.push("v2").gives(v1=50, v2=50)
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)
    assert (play.world.route, play.world.home) == (None, "stable")
    del play.world.pods["v1"]
    play.look()
    assert play.world.home == ""


def test_everyone_on_stable_is_where_a_paused_rollout_fails_to() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").request("pause")
    play.after(hours=1).gives(v1=95, v2=5)
    assert play.status.phase is Phase.PAUSED
    play.after(seconds=15, value=5).gives(v1=100)


def test_resume_goes_on_where_it_stood() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").request("pause").after(hours=1)
    play.request("resume").gives(v1=50, v2=50)


def test_promote_skips_every_gate_but_not_the_order() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").request("promote").gives(v2=100)
    assert play.status.phase is Phase.HEALTHY


def test_skip_ends_one_step_only() -> None:
    Play(make.canary_spec(5, 50)).push("v2").request("skip").gives(v1=50, v2=50)


def test_abort_brings_everyone_back_and_remembers() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").request("abort").gives(v1=100)
    assert play.status.because == "v2 was rejected: aborted by a person"


def test_a_dead_prometheus_holds_and_then_asks_a_person() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2")
    play.world.provider_down = True
    play.after(minutes=29).gives(v1=95, v2=5)
    assert play.status.phase is Phase.PROGRESSING
    play.after(minutes=1)
    assert (play.status.phase, play.status.stage.name) == (Phase.PAUSED, Stage.STEPPING)


def test_a_pause_for_want_of_data_ends_with_it_and_a_persons_does_not() -> None:
    asked, told = (Play(make.canary_spec(5, 50)).push("v2") for _ in range(2))
    told.request("pause")
    for play in (asked, told):
        play.world.provider_down = True
        play.after(minutes=31)
        assert play.status.phase is Phase.PAUSED
        play.world.provider_down = False
        play.after(minutes=1).after(minutes=1)  # what was blind bakes anew
    asked.gives(v1=50, v2=50)
    told.gives(v1=95, v2=5)


def test_a_canary_that_loses_its_pods_starts_anew_when_they_are_back() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(minutes=1).gives(v1=50, v2=50)
    play.world.pods["v2"] = 0
    play.after(seconds=1).gives(v1=100)
    play.world.pods["v2"] = 4
    play.after(seconds=1).gives(v1=95, v2=5)


def test_nobody_is_sent_back_to_a_stable_without_pods() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(minutes=1)
    play.world.pods["v1"] = 0
    play.after(seconds=15, value=5).gives(v1=50, v2=50)
    assert play.status.phase is Phase.ROLLING_BACK
    play.world.pods["v1"] = 2
    play.after(seconds=15).gives(v1=66, v2=34)
    play.world.pods["v1"] = 4
    play.after(seconds=15).gives(v1=100)


def test_a_foreign_edit_is_restored_and_counted() -> None:
    play = Play(make.canary_spec(5, 50)).push("v2").after(seconds=15)
    play.world.route = None
    play.after(seconds=1).gives(v1=95, v2=5)
    assert play.status.attempt.drift is not None
    assert play.status.attempt.drift.count == 1


def test_no_canary_pod_starts_before_the_proxies_tell_the_revisions_apart() -> None:
    workload = Workload(deployments="shop-{revision}", scale="managed")
    world = World(author="", pods={"v1": 4, "v2": 0})
    play = Play(make.canary_spec(50, workload=workload), world)
    play.world.taken = False
    play.push("v2")
    play.world.taken = True
    while not play.status.revisions_isolated:
        play.look_once()
    play.world.taken = False
    play.after(seconds=2)
    assert play.world.pods["v2"] == 0
    play.world.taken = True
    play.after(seconds=2)
    assert play.world.pods["v2"] > 0
