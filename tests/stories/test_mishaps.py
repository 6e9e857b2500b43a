"""Bad luck, told to the end: what traffic does, and the sentence that a tired person reads."""

from rollout.model.finding import Finding, Severity
from rollout.model.spec import Canary, OnFailure, Step, Strategy
from rollout.model.status import Phase, Stage
from rollout.model.traffic import STABLE_ONLY, Cohort, Route, Split, StringMatch
from tests import make
from tests.play import Play

HALF = make.canary_spec(5, 50)


def halfway() -> Play:
    return Play(HALF).push("v2").after(minutes=1).gives(v1=50, v2=50)


def test_two_rollouts_claim_one_route_and_the_second_is_refused() -> None:
    play = Play(HALF)
    play.world.broken = "virtualservice shop/shop: rollout shop/other manages http[0]"
    play.push("v2").gives(v1=100)
    assert (play.status.phase, play.status.because) == (Phase.PAUSED, play.world.broken)


def test_canary_pods_that_are_never_ready_pause_after_the_deadline_and_say_so() -> None:
    play = Play(HALF)
    play.world.unready["v2"] = 4
    play.push("v2").after(minutes=29)
    assert play.status.because == "5% needs 1 canary pod, 0 ready"
    play.after(minutes=1).gives(v1=100)
    assert play.status.because == "5% needs 1 canary pod, 0 ready"


def test_a_canary_that_crashes_three_times_is_asked_about() -> None:
    play = Play(HALF).push("v2")
    for _ in range(3):
        play.world.unready["v2"] = 4
        play.after(seconds=5).gives(v1=100)
        play.world.unready.clear()
        play.after(seconds=5)
    assert (play.status.phase, play.status.because) == (Phase.PAUSED, "v2 lost its pods 3 times")
    play.request("resume").gives(v1=95, v2=5)


def test_a_persons_pause_outlives_the_pods() -> None:
    play = Play(HALF).push("v2").request("pause")
    play.world.unready["v2"] = 4
    play.after(seconds=5).gives(v1=100)
    play.world.unready.clear()
    play.after(minutes=9)
    assert play.status.phase is Phase.PAUSED
    play.request("resume").until(Phase.HEALTHY).gives(v2=100)


def test_evicted_canary_pods_hold_the_next_step_until_they_are_back() -> None:
    play = Play(HALF).push("v2")
    play.world.unready["v2"] = 3
    play.after(minutes=1).gives(v1=95, v2=5)
    assert play.status.because == "50% needs 2 canary pods, 1 ready"
    play.world.unready.clear()
    play.after(seconds=5).gives(v1=50, v2=50)


def test_a_stable_that_breaks_under_a_healthy_canary_leaves_the_way_on_open() -> None:
    play = halfway()
    play.world.unready["v1"] = 4
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_when_both_sides_break_nothing_moves_and_it_is_said() -> None:
    play = halfway()
    play.world.unready.update(v1=4, v2=4)
    play.after(seconds=15).gives(v1=50, v2=50)
    assert play.status.because == "stable has 0 of 3 pods: holding at 50/50"
    play.world.unready.pop("v1")
    play.after(seconds=5).gives(v1=100)


def test_an_autoscaler_that_shrank_stable_makes_the_way_back_as_wide_as_its_pods() -> None:
    play = halfway()
    play.world.pods["v1"] = 2
    play.after(seconds=15, value=5).gives(v1=66, v2=34)
    assert play.status.because == "stable has 2 of 3 pods: holding at 66/34"
    play.world.pods["v1"] = 3
    play.after(seconds=5).gives(v1=100)


def test_a_stable_that_its_owner_made_smaller_takes_everyone_back_in_minutes() -> None:
    play = halfway()
    play.world.pods["v1"] = 1
    play.after(value=7.0, seconds=15)
    assert play.status.because == "stable has 1 of 3 pods: holding at 66/34"
    play.until(Phase.DEGRADED, limit=30).gives(v1=100)
    assert play.world.pods["v1"] == 1


def test_a_gitops_tool_that_reverts_every_ten_seconds_is_named_and_never_wins() -> None:
    play = Play(HALF).push("v2").request("pause")
    play.world.owner = "Argo CD"
    for _ in range(6):
        play.world.route = None
        play.after(seconds=10).gives(v1=95, v2=5)
    warned = [t.because for t in play.world.told if t.reason == "Drift"]
    assert warned[-1] == "Argo CD keeps writing our weights (5x): see rollout plan"


def test_a_made_route_that_somebody_deletes_is_made_again() -> None:
    play = halfway()
    play.world.route = STABLE_ONLY
    play.after(seconds=1).gives(v1=50, v2=50)


def test_a_deleted_destination_rule_is_made_again_before_the_weights_matter() -> None:
    play = halfway()
    play.world.subsets.clear()
    play.after(seconds=1).gives(v1=50, v2=50)


def test_an_edit_that_no_step_can_be_joined_with_brings_everyone_back_and_waits() -> None:
    testers = Cohort(headers={"x-tester": StringMatch(exact="1")})
    steps = Canary((Step(weight=5, cohorts=(testers,), bake=make.MINUTE),))
    play = Play(make.spec(Strategy(canary=steps))).push("v2").gives(v1=95, v2=5)
    play.world.unwritable = "virtualservice shop/shop: match on header 'x-tester': no"
    play.world.findings = (Finding("ROL-037", Severity.BLOCK, play.world.unwritable),)
    play.after(minutes=5).gives(v1=100)
    assert (play.status.phase, play.status.because[:9]) == (Phase.PAUSED, "ROL-037: ")
    assert play.status.rejected is None
    play.world.unwritable, play.world.findings = "", ()
    play.after(seconds=5).gives(v1=95, v2=5)


def test_a_revert_is_obeyed_while_a_step_cannot_be_written() -> None:
    testers = Cohort(headers={"x-tester": StringMatch(exact="1")})
    steps = Canary((Step(weight=5, cohorts=(testers,), bake=make.MINUTE),))
    play = Play(make.spec(Strategy(canary=steps))).push("v2")
    play.world.unwritable = "virtualservice shop/shop: match on header 'x-tester': no"
    play.push("v1").gives(v1=100)
    assert play.status.phase is Phase.HEALTHY


def test_a_failure_that_is_held_hears_a_newer_push_and_a_revert() -> None:
    held = make.canary_spec(5, 50, on_failure=OnFailure.HOLD)
    for revision, shares in (("v3", {"v1": 95, "v3": 5}), ("v1", {"v1": 100})):
        play = Play(held).push("v2").after(seconds=15, value=5).gives(v1=95, v2=5)
        assert play.status.because.startswith("failed, held as asked: ")
        play.push(revision).gives(**shares)
        assert play.status.attempt.pause is None


def test_a_deleted_service_stands_still_and_goes_on_when_it_is_back() -> None:
    play = halfway()
    play.world.broken = "service shop/shop: is gone"
    play.after(minutes=10)
    assert (play.status.phase, play.status.because) == (Phase.PAUSED, "service shop/shop: is gone")
    play.world.broken = ""
    play.until(Phase.HEALTHY, Stage.IDLE).gives(v2=100)


def test_a_revert_while_people_think_is_obeyed_before_they_answer() -> None:
    play = Play(make.spec(make.approved_at(5))).push("v2").after(minutes=1)
    play.push("v1").gives(v1=100)
    play.request("approve").gives(v1=100)


def test_an_approval_that_comes_too_late_needs_a_person_to_go_on() -> None:
    play = Play(make.spec(make.approved_at(5))).push("v2").after(hours=4).after(seconds=5)
    assert play.status.because == "nobody approved in time"
    play.request("approve").gives(v1=95, v2=5)
    play.request("resume").after(minutes=1).gives(v1=50, v2=50)


def test_a_push_while_the_promoted_revision_bakes_goes_back_to_stable_first() -> None:
    play = Play(make.spec(make.baked())).push("v2").after(minutes=1).gives(v2=100)
    play.push("v3").gives(v1=50, v3=50)


def test_somebody_who_writes_more_than_we_asked_is_put_right_before_anything_rises() -> None:
    play = Play(HALF).push("v2")
    play.world.route = Route(Split(0, 100))
    play.after(minutes=1).gives(v1=95, v2=5)
