"""What git and people do in the middle of a switchover: survived, and told as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.action import LetGo
from rollout.model.finding import Finding, Severity
from rollout.model.reasons import Verb
from rollout.model.switching import SeenRecords, SwitchDecision
from rollout.model.switchover import Drain, ShiftStep, Side, SwitchoverStatus, SwitchStage
from rollout.model.traffic import Split
from rollout.upgrade.switchover.look import staged
from tests.upgrade.switchover.test_stories import rests
from tests.upgrade.switchover.world import PLACE, World, at, spec

GONE = SeenRecords(problems=(f"{PLACE} is not there",))


def halfway(*weights: int, reached: int) -> World:
    world = World(spec(*weights))
    world.run(at(Split.giving_canary(reached)))
    return world


def without_records(world: World) -> World:
    """Somebody has deleted the object that holds them."""
    world.records = lambda: GONE  # type: ignore[method-assign]
    return world


def looked(world: World, seconds: int) -> World:
    end = world.now + seconds
    while world.now < end:
        world.look()
        world.pass_time(5)
    return world


def test_steps_that_git_drops_in_the_middle_leave_the_one_we_are_at_and_then_everyone_goes() -> (
    None
):
    world = halfway(10, 50, reached=50)
    world.spec = replace(world.spec, steps=world.spec.steps[:1])
    world.run(lambda d: d.status.stage.name is SwitchStage.BAKING)
    assert world.written == [(90, 10), (50, 50), (0, 100)]


def test_the_next_weight_is_the_one_that_git_asks_for_now() -> None:
    """At 10 % the only step becomes 80 %: users do not go from 10 % to everyone past it."""
    world = halfway(10, 50, reached=10)
    world.spec = replace(world.spec, steps=(ShiftStep(80),))
    world.run(lambda d: d.status.stage.name is SwitchStage.BAKING)
    assert world.written == [(90, 10), (20, 80), (0, 100)]


def test_a_step_that_git_puts_below_where_users_are_takes_nobody_back_by_itself() -> None:
    world = halfway(10, 50, reached=50)
    world.spec = replace(world.spec, steps=(ShiftStep(5), ShiftStep(20), ShiftStep(90)))
    world.run(lambda d: d.status.stage.name is SwitchStage.BAKING)
    assert world.written == [(90, 10), (50, 50), (10, 90), (0, 100)]


def test_git_that_cannot_make_up_its_mind_ends_with_its_last_word() -> None:
    world = halfway(10, 50, reached=10)
    for serve in (Side.BLUE, Side.GREEN, Side.BLUE, Side.GREEN, Side.BLUE):
        world.spec = replace(world.spec, serve=serve)
        looked(world, 20)
    world.run(lambda d: d.status.stage.name is SwitchStage.SERVING)
    looked(world, 300)
    assert (world.status.serving, world.weights, world.status.rejected) == (
        Side.BLUE,
        (100, 0),
        None,
    )


def test_records_that_are_gone_are_named_and_written_as_soon_as_they_are_back() -> None:
    world = without_records(halfway(10, 50, reached=50))
    looked(world, 60)
    assert (world.status.stage.name, world.status.because) == (
        SwitchStage.SHIFTING,
        f"{PLACE} is not there",
    )
    world.ask(Verb.ABORT)
    looked(world, 60)
    assert (world.status.stage.name, world.status.because) == (
        SwitchStage.RETURNING,
        f"{PLACE} is not there",
    )
    del world.records
    world.run(lambda d: d.status.stage.name is SwitchStage.SERVING)
    assert (world.status.serving, world.weights) == (Side.BLUE, (100, 0))


def test_a_deletion_says_what_it_waits_for_and_ends_although_the_records_are_gone() -> None:
    world = without_records(halfway(10, 50, reached=50))
    world.deleting = True
    looked(world, 60)
    assert world.status.because == f"{PLACE} is not there"
    world.run(lambda d: LetGo() in d.actions)
    assert world.weights == (50, 50)


def test_a_deletion_takes_users_home_past_somebody_s_weights_and_says_that_it_was_one() -> None:
    world = halfway(10, 50, reached=50)
    world.edit(70, 30, "ann")
    looked(world, 30)
    world.deleting = True
    world.run(lambda d: LetGo() in d.actions)
    assert world.weights == (100, 0)
    assert world.status.because == "blue serves everyone again: the switchover is deleted"


def test_where_nobody_comes_any_more_it_waits_for_people_and_moves_nobody() -> None:
    world = World(spec(10, 50))
    world.run(lambda d: d.status.stage.name is SwitchStage.SHIFTING)
    world.rate = 0
    world.run(lambda d: d.status.attempt.pause is not None, seconds=20_000)
    assert world.weights == (90, 10)


def test_where_neither_gateway_has_a_pod_nobody_is_moved_either_way() -> None:
    world = halfway(10, 50, reached=50)
    world.pods = dict.fromkeys(Side, 0)
    world.probes_fail = set(Side)
    looked(world, 300)
    assert world.weights == (50, 50)
    assert world.status.because == ("blue has no ready gateway pod: nobody is sent there; holding")
    world.pods[Side.BLUE] = 4
    world.probes_fail.discard(Side.BLUE)
    world.run(lambda d: d.status.stage.name is SwitchStage.SERVING)
    assert world.weights == (100, 0)


def test_records_that_were_taken_apart_and_are_whole_again_are_served_and_judged_anew() -> None:
    """Resolvers may have been sent elsewhere meanwhile, so the next step waits for them again."""
    world = looked(without_records(halfway(10, 50, reached=10)), 60)
    apart = world.time
    del world.records
    world.look()
    assert world.status.stage.served_at == apart
    assert world.status.stage.confirmed_at is None
    world.run(at(Split(90, 10)))
    assert world.weights == (90, 10)


def test_rules_are_not_asked_every_few_seconds_while_the_records_cannot_be_read() -> None:
    """Each time they list all of two clusters."""
    world = World(spec(10), findings=(Finding("SW-001", Severity.BLOCK, "green has no shop"),))
    world.run(lambda d: d.status.stage.name is SwitchStage.CHECKING)
    blocked = world.look().look_again
    again = without_records(world).look().look_again
    assert again == blocked
    assert again is not None
    assert again >= timedelta(seconds=30)


def test_a_green_that_nobody_knows_where_to_try_is_not_one_that_answers_nobody() -> None:
    """As while its record is in a cluster whose API server is gone."""
    world = halfway(10, 50, reached=10)
    world.silent_records = True
    world.untried = {Side.GREEN}
    looked(world, 120)
    assert (world.status.stage.name, world.status.rejected) == (SwitchStage.SHIFTING, None)


def test_blue_is_not_let_go_while_a_person_has_it_stand_still() -> None:
    world = World(spec(10, drain=Drain(within=timedelta(hours=1))), stuck=0.03)
    world.run(lambda d: d.status.stage.name is SwitchStage.DRAINING)
    world.ask(Verb.PAUSE)
    world.stuck = 0.0
    looked(world, 300)
    assert world.status.stage.name is SwitchStage.DRAINING
    world.ask(Verb.RESUME)
    world.run(rests)
    assert world.status.serving is Side.GREEN


ASKED = dict.fromkeys(("asked_at", "written_at", "served_at", "confirmed_at"))
LOST: dict[str, Callable[[SwitchoverStatus], SwitchoverStatus]] = {
    "when its weights were asked for": lambda was: staged(was, **ASKED),
    "when its stage began": lambda was: staged(was, since=None),
    "its weights": lambda was: staged(was, split=Split(100, 0)),
    "who served": lambda was: replace(was, serving=None),
    "its step": lambda was: replace(was, attempt=replace(was.attempt, step=None)),
}


def journey(edited_at: int, lost: str) -> tuple[World, int]:
    """A switchover to green, and its looks; after so many of them somebody edits its status."""
    world, looks = World(spec(10, 50)), 0

    def ends(decision: SwitchDecision) -> bool:
        nonlocal looks
        looks += 1
        if looks == edited_at and decision.status.stage.name is not SwitchStage.SERVING:
            world.status = LOST[lost](world.status)
        return looks > edited_at and rests(decision)

    world.run(ends)
    return world, looks


@pytest.mark.parametrize("lost", LOST)
def test_what_was_edited_out_of_a_status_is_found_or_asked_for_anew_and_not_waited_for_for_ever(
    lost: str,
) -> None:
    _, whole = journey(0, lost)
    for edited_at in range(1, whole, 3):
        world, _ = journey(edited_at, lost)
        assert (world.status.serving, world.weights) == (Side.GREEN, (0, 100))
