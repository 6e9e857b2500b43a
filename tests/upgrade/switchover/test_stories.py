"""Whole switchovers, from the push to the last request on blue, and back."""

from dataclasses import replace
from datetime import datetime, timedelta

from rollout.model.reasons import PauseKind, Verb, WaitsFor
from rollout.model.spec import Approval, OnFailure
from rollout.model.status import Phase
from rollout.model.switching import SwitchDecision
from rollout.model.switchover import Side, SwitchoverStatus, SwitchStage
from rollout.model.traffic import Split
from tests.upgrade.switchover.world import World, at, spec


def rests(decision: SwitchDecision) -> bool:
    return (
        decision.status.stage.name is SwitchStage.SERVING
        and decision.status.attempt.number > 0
        and decision.look_again is None
    )


def test_a_good_green_gets_everyone_step_by_step() -> None:
    world = World(spec(10, 50))
    last = world.run(rests)
    assert world.written == [(90, 10), (50, 50), (0, 100)], "\n".join(world.story)
    assert last.status.serving is Side.GREEN
    assert last.status.phase is Phase.HEALTHY


def test_a_wall_clock_that_was_an_hour_ahead_for_a_while_costs_no_hour() -> None:
    """What it has written down is to come once it is right, and is of now then."""
    quiet = World(spec(10, 50))
    quiet.run(rests)
    for weights in (Split(90, 10), Split(50, 50), Split(0, 100)):
        world = World(spec(10, 50))
        world.run(at(weights))
        world.status = written_in(world.status, world.time + timedelta(hours=1))
        world.run(rests)
        assert world.status.serving is Side.GREEN
        assert world.now < quiet.now + 900, "\n".join(world.story)


def written_in(status: SwitchoverStatus, later: datetime) -> SwitchoverStatus:
    """``status`` as it is when everything of this stage was noted ``later``."""
    stage, step, ttl = status.stage, status.attempt.step, status.low_ttl
    noted = replace(
        stage,
        since=later,
        asked_at=later if stage.asked_at else None,
        written_at=later if stage.written_at else None,
        served_at=later if stage.served_at else None,
        confirmed_at=later if stage.confirmed_at else None,
    )
    status = replace(status, stage=noted)
    if ttl is not None:
        status = replace(status, low_ttl=replace(ttl, since=later))
    step = None if step is None else replace(step, entered_at=later)
    return replace(status, attempt=replace(status.attempt, step=step))


def test_a_bad_green_is_left_in_the_look_that_finds_it() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(50, 50)))
    world.bad[Side.GREEN] = 0.2
    last = world.run(rests)
    assert world.written == [(90, 10), (50, 50), (100, 0)]
    assert last.status.serving is Side.BLUE
    assert last.status.phase is Phase.DEGRADED
    assert last.status.rejected is not None
    assert "errors: canary" in last.status.rejected.because


def test_green_is_judged_from_its_first_request_not_only_once_requests_divide_as_asked() -> None:
    world = World(spec(10, 50), lag=600)
    world.bad[Side.GREEN] = 0.5
    world.lag = 0
    world.spec = replace(world.spec, dns=replace(world.spec.dns, safety=10))
    last = world.run(lambda d: d.status.stage.name is SwitchStage.RETURNING)
    assert last.status.stage.before == Split(90, 10)
    assert not any("certified" in line for line in world.story)


def test_the_next_weight_waits_for_every_name_server() -> None:
    world = World(spec(10, 50), stale={"ns2.example.com"})
    stuck = world.run(lambda d: d.status.attempt.pause is not None)
    assert stuck.status.attempt.pause is not None
    assert stuck.status.attempt.pause.kind is PauseKind.DEADLINE
    assert "ns2.example.com answered green 0 of" in stuck.because
    assert world.written == [(90, 10)]
    world.stale.clear()
    assert world.run(rests).status.serving is Side.GREEN


def test_requests_that_do_not_follow_are_not_converged_and_hold() -> None:
    world = World(spec(10, 50), lag=100_000)
    stuck = world.run(lambda d: "requests on green" in d.because)
    assert stuck.status.waits_for is WaitsFor.SHARE
    assert stuck.because.startswith("not converged: 0.0% of")
    late = world.run(lambda d: d.status.attempt.pause is not None)
    assert late.status.phase is Phase.PAUSED
    assert world.written == [(90, 10)]


def test_an_abort_sends_everyone_back_and_is_remembered() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.ask(Verb.ABORT)
    last = world.run(rests)
    assert world.written[-1] == (100, 0)
    assert (last.status.serving, last.status.phase) == (Side.BLUE, Phase.DEGRADED)
    world.ask(Verb.RETRY)
    assert world.run(at(Split(90, 10))).status.attempt.number == 2


def test_git_that_asks_for_blue_again_is_a_way_back_without_blame() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(50, 50)))
    world.spec = replace(world.spec, serve=Side.BLUE)
    last = world.run(rests)
    assert (last.status.serving, last.status.phase) == (Side.BLUE, Phase.HEALTHY)
    assert last.status.rejected is None


def test_a_revert_before_any_weight_moved_writes_nothing() -> None:
    world = World(spec(10))
    world.probes_fail.add(Side.GREEN)
    world.run(lambda d: d.status.stage.name is SwitchStage.VERIFYING)
    world.spec = replace(world.spec, serve=Side.BLUE)
    world.run(rests)
    assert world.written == []


def test_green_that_does_not_answer_in_the_dark_gets_no_weight() -> None:
    world = World(spec(10))
    world.probes_fail.add(Side.GREEN)
    stuck = world.run(lambda d: d.status.attempt.pause is not None)
    assert stuck.because.startswith("not within 30m: SW-005: green")
    assert world.written == []
    world.probes_fail.clear()
    assert world.run(rests).status.serving is Side.GREEN


def test_green_whose_gateway_is_gone_is_left_although_nobody_counts_its_requests() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.probes_fail.add(Side.GREEN)
    last = world.run(rests)
    assert last.status.rejected is not None
    assert last.status.rejected.because.startswith("green answers no probe")
    assert world.written[-1] == (100, 0)


def test_nobody_is_sent_back_to_a_blue_that_cannot_carry_them() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(50, 50)))
    world.pods[Side.BLUE] = 0
    world.ask(Verb.ABORT)
    stuck = world.run(lambda d: d.status.waits_for is WaitsFor.STABLE)
    assert stuck.because == "blue has no ready gateway pod: nobody is sent there; holding"
    world.pass_time(600)
    world.look()
    assert world.written[-1] == (50, 50)
    world.pods[Side.BLUE] = 4
    world.run(rests)
    assert world.written[-1] == (100, 0)


def test_a_blue_that_was_scaled_down_holds_since_the_way_back_would_not_be_real() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.pods[Side.BLUE] = 1
    world.pass_time(600)
    stuck = world.look()
    assert stuck.because == "SW-008: blue has 1 gateway pods of 4: no way back, so holding"
    assert world.written == [(90, 10)]


def test_a_blue_that_gets_worse_pauses_and_moves_nobody() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.bad[Side.BLUE] = world.bad[Side.GREEN] = 0.3
    stuck = world.run(lambda d: d.status.attempt.pause is not None)
    assert stuck.status.attempt.pause is not None
    assert stuck.status.attempt.pause.kind is PauseKind.STABLE_WORSE
    assert world.written == [(90, 10)]


def test_an_edit_of_the_weights_is_named_and_asked_about_not_fought() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.edit(30, 70, by="argocd-controller")
    stuck = world.run(lambda d: d.status.attempt.pause is not None)
    assert stuck.because == "the weights were changed by argocd-controller to 30/70, 90/10 asked"
    world.pass_time(300)
    world.look()
    assert world.weights == (30, 70)
    world.ask(Verb.RESUME)
    world.run(at(Split(90, 10)))
    assert world.weights == (90, 10)


def test_green_that_fails_under_foreign_weights_is_left_all_the_same() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.edit(30, 70, by="somebody")
    world.run(lambda d: d.status.attempt.pause is not None)
    world.bad[Side.GREEN] = 0.3
    assert world.run(rests).status.serving is Side.BLUE
    assert world.weights == (100, 0)


def test_whoever_put_the_weights_back_ends_the_pause() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.edit(30, 70)
    world.run(lambda d: d.status.attempt.pause is not None)
    world.edit(90, 10)
    assert world.run(rests).status.serving is Side.GREEN


def test_an_unreachable_cluster_holds_and_the_way_back_is_open() -> None:
    for side in Side:
        world = World(spec(10, 50))
        world.run(at(Split(90, 10)))
        world.unreachable.add(side)
        stuck = world.run(lambda d: d.status.waits_for is WaitsFor.CLUSTER)
        assert stuck.because == f"{side}: its API server does not answer"
        world.ask(Verb.ABORT)
        assert world.run(rests).status.serving is Side.BLUE
        assert world.weights == (100, 0)


def test_a_prometheus_that_is_gone_moves_nobody_forward_and_keeps_nobody_from_going_back() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.prometheus = False
    world.pass_time(3000)
    world.look()
    assert world.written == [(90, 10)]
    world.ask(Verb.ABORT)
    assert world.run(rests).status.serving is Side.BLUE


def test_a_failure_is_remembered_while_the_records_cannot_be_written() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(50, 50)))
    world.bad[Side.GREEN] = 0.3
    world.silent_records = True
    world.run(lambda d: d.status.stage.name is SwitchStage.RETURNING)
    assert world.weights == (50, 50)
    world.silent_records = False
    world.run(rests)
    assert world.weights == (100, 0)


def test_the_old_ttl_is_waited_for_before_the_first_step() -> None:
    world = World(spec(10))
    world.spec = replace(
        world.spec, dns=replace(world.spec.dns, previous_ttl=timedelta(minutes=20))
    )
    world.run(at(Split(90, 10)))
    first = next(line for line in world.story if "90/10" in line)
    assert int(first.split()[0]) >= 1200
    assert any("SW-004: the TTL was 20m until lately" in line for line in world.story)


def test_a_ttl_that_was_lowered_under_our_eyes_is_waited_for() -> None:
    world = World(spec(10, serve=Side.BLUE), ttl=600)
    world.look()
    world.ttl = 30
    world.spec = replace(world.spec, serve=Side.GREEN)
    world.run(at(Split(90, 10)))
    first = next(line for line in world.story if "90/10" in line)
    assert int(first.split()[0]) >= 600


def test_a_step_that_asks_people_waits_for_a_yes() -> None:
    world = World(spec(10, 50))
    steps = (replace(world.spec.steps[0], approval=Approval()), *world.spec.steps[1:])
    world.spec = replace(world.spec, steps=steps)
    stuck = world.run(lambda d: d.status.waits_for is WaitsFor.APPROVAL)
    assert stuck.because == "waiting for approval: 0 of 1"
    world.ask(Verb.APPROVE)
    assert world.run(rests).status.serving is Side.GREEN


def test_long_connections_are_ended_by_a_restart_of_blues_gateway_where_that_is_wanted() -> None:
    world = World(spec(50), stuck=0.03)
    drain = replace(world.spec.drain, within=timedelta(minutes=2), restart_gateway=True)
    world.spec = replace(world.spec, drain=drain)
    world.run(lambda d: d.status.stage.restarted_at is not None)
    assert world.status.because == "blue still has 3.0% of the requests: its gateway is restarted"
    assert world.run(rests).status.serving is Side.GREEN
    assert world.restarts == {Side.BLUE}


def test_blue_that_keeps_requests_for_too_long_is_asked_about() -> None:
    world = World(spec(50), stuck=0.03)
    world.spec = replace(world.spec, drain=replace(world.spec.drain, within=timedelta(minutes=2)))
    stuck = world.run(
        lambda d: d.status.stage.name is SwitchStage.DRAINING and d.status.phase is Phase.PAUSED
    )
    assert stuck.because == "blue still has 3.0% of the requests after 2m"


def test_a_deleted_switchover_goes_home_before_it_is_let_go() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.deleting = True
    world.run(lambda d: any(type(a).__name__ == "LetGo" for a in d.actions))
    assert world.weights == (100, 0)


def test_a_green_that_is_worse_than_blue_was_is_left_while_it_bakes() -> None:
    world = World(spec(50))
    world.run(lambda d: d.status.stage.name is SwitchStage.BAKING)
    world.bad[Side.GREEN] = 0.2
    assert world.run(rests).status.serving is Side.BLUE


def test_what_a_person_has_paused_already_is_not_paused_again() -> None:
    world = World(spec(10, 50))
    world.run(at(Split(90, 10)))
    world.ask(Verb.PAUSE)
    world.look()
    paused = world.status
    world.ask(Verb.PAUSE)
    world.look()
    assert world.status.refused_requests[-1].because == "pause: already paused by a person"
    assert (world.status.history, world.status.attempt.pause) == (
        paused.history,
        paused.attempt.pause,
    )


def test_a_no_that_was_said_while_a_failure_is_held_is_heard_once_another_person_resumes() -> None:
    world = World(replace(spec(10, 50), on_failure=OnFailure.HOLD))
    world.run(at(Split(90, 10)))
    world.bad[Side.GREEN] = 0.3
    world.run(lambda d: d.status.attempt.pause is not None)
    world.ask(Verb.REJECT)
    world.look()
    world.bad[Side.GREEN] = 0.001
    world.ask(Verb.RESUME)
    last = world.run(rests)
    assert world.written == [(90, 10), (100, 0)], "\n".join(world.story)
    assert last.status.rejected is not None
    assert last.status.rejected.because.startswith("rejected by ")


def test_a_failure_that_is_held_is_judged_anew_once_a_person_resumes() -> None:
    """What was counted before is read no more, though the weights were asked for before that."""
    world = World(replace(spec(10, 50), on_failure=OnFailure.HOLD))
    world.run(at(Split(90, 10)))
    world.bad[Side.GREEN] = 0.3
    stuck = world.run(lambda d: d.status.attempt.pause is not None)
    assert stuck.status.attempt.pause is not None
    assert stuck.status.attempt.pause.kind is PauseKind.FAILED
    world.bad[Side.GREEN] = 0.001
    world.ask(Verb.RESUME)
    world.run(rests)
    assert world.written == [(90, 10), (50, 50), (0, 100)], "\n".join(world.story)
    assert world.status.serving is Side.GREEN
