from dataclasses import replace

import pytest

from rollout.model.observation import SeenTraffic
from rollout.model.status import Pause, Rejected, Revision, Stage, StepStatus
from rollout.model.traffic import Split
from rollout.reconcile import journey
from tests import make
from tests.make import START

V2, V3 = Revision("v2"), Revision("v3")


def test_a_journey_begins_with_nothing_of_the_one_before() -> None:
    old = make.at_step(1, stage=Stage.IDLE, canary=None, losses=2, previous=V2, checkpoint={"k": 1})
    status = journey.start(make.look(old), V2, "v2 was pushed").status
    assert (status.stage, status.canary, status.attempt) == (Stage.PREPARING, V2, 2)
    assert (status.split, status.step, status.confirmed_at) == (Split(100, 0), None, None)
    assert (status.losses, status.previous, dict(status.checkpoint), status.pods) == (
        0,
        None,
        {},
        4,
    )


@pytest.mark.parametrize(("serving", "apart"), [("stable", True), ("", False)])
def test_a_route_that_names_the_stable_subset_keeps_the_revisions_apart(
    serving: str, apart: bool
) -> None:
    idle = make.at_step(stage=Stage.IDLE, apart=False)
    look = make.look(idle, traffic=SeenTraffic(serving=(serving,)))
    assert journey.start(look, V2, "why").status.apart is apart


def test_a_step_begins_with_its_split_and_says_why() -> None:
    turn = journey.enter_step(make.look(make.at_step()), 1, "within limits")
    assert turn.status.step == StepStatus(1, "step 2", START)
    assert (turn.status.split, turn.because) == (Split(50, 50), "step 2: 50% to v2; within limits")


def test_promotion_sends_everyone_over_and_forgets_what_stood_in_its_way() -> None:
    paused = make.at_step(pause=Pause("why", START))
    status = journey.switch(make.look(paused), "within limits").status
    assert (status.stage, status.split, status.pause) == (Stage.SWITCHING, Split(0, 100), None)


def test_a_failed_revision_is_remembered_with_the_reason() -> None:
    status = journey.withdraw(make.look(make.at_step()), "too slow", reject=True).status
    assert (status.stage, status.split) == (Stage.WITHDRAWING, Split(100, 0))
    assert status.rejected == Rejected(V2, "too slow", START)


def test_a_way_back_that_is_too_narrow_is_said_so() -> None:
    weak = {"v1": make.workload("v1", 2), "v2": make.workload("v2")}
    turn = journey.withdraw(make.look(make.at_step(1), workloads=weak), "too slow", reject=True)
    assert turn.because == "too slow; stable has 2 of 3 pods: holding at 66/34"


def test_before_the_first_step_there_is_nobody_to_take_back() -> None:
    preparing = make.at_step(stage=Stage.PREPARING, split=Split(100, 0))
    found = [
        journey.withdraw(make.look(preparing, asked=asked), "why", reject=reject).status
        for asked, reject in ((V2, True), (Revision("v1"), False), (V3, False))
    ]
    assert [s.stage for s in found] == [Stage.CLEANING, Stage.CLEANING, Stage.PREPARING]
    assert [s.previous for s in found] == [V2, V2, V2]


def test_whoever_leaves_begins_nothing_new() -> None:
    look = make.look(make.at_step(stage=Stage.WITHDRAWING), asked=V3, deleting=True)
    assert journey.withdrawn(look).status.stage is Stage.CLEANING


@pytest.mark.parametrize(("losses", "paused"), [(2, False), (3, True)])
def test_a_canary_that_keeps_losing_its_pods_is_asked_about(losses: int, paused: bool) -> None:
    lost = make.at_step(stage=Stage.WITHDRAWING, losses=losses)
    status = journey.withdrawn(make.look(lost)).status
    assert (status.stage, status.pause is not None) == (Stage.PREPARING, paused)
    other = journey.withdrawn(make.look(lost, asked=V3)).status
    assert (other.losses, other.pause) == (0, None)


def test_a_pause_names_whoever_asked_for_it_and_warns_when_nobody_did() -> None:
    look = make.look(make.at_step())
    ours, theirs = journey.pause(look, "why"), journey.pause(look, "why", "bob")
    assert [t.status.pause for t in (ours, theirs)] == [Pause("why", START, w) for w in ("", "bob")]
    assert [t.warn for t in (ours, theirs)] == [True, False]
    assert replace(ours, status=theirs.status, warn=False) == theirs
