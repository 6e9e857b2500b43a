from dataclasses import replace

import pytest

from rollout.model.observation import SeenTraffic
from rollout.model.reasons import Cause, PauseKind
from rollout.model.status import Draining, Pause, Rejected, Revision, Stage, StepStatus
from rollout.model.traffic import Split
from rollout.model.turn import Notice
from rollout.reconcile import journey
from tests import make
from tests.make import START

V2, V3 = Revision("v2"), Revision("v3")


def test_a_journey_begins_with_nothing_of_the_one_before() -> None:
    old = make.at_step(
        1, stage=Stage.IDLE, canary=None, pod_losses=2, draining=Draining(V2), checkpoint={"k": 1}
    )
    status = journey.start(make.look(old), V2, "v2 was pushed").status
    assert (status.stage.name, status.attempt.canary, status.attempt.number) == (
        Stage.PREPARING,
        V2,
        2,
    )
    assert (status.stage.split, status.attempt.step, status.stage.confirmed_at) == (
        Split(100, 0),
        None,
        None,
    )
    assert (
        status.attempt.pod_losses,
        status.draining,
        dict(status.attempt.checkpoint),
        status.attempt.stable_pods,
    ) == (
        0,
        None,
        {},
        4,
    )


@pytest.mark.parametrize(("serving", "apart"), [("stable", True), ("", False)])
def test_a_route_that_names_the_stable_subset_keeps_the_revisions_apart(
    serving: str, apart: bool
) -> None:
    idle = make.at_step(stage=Stage.IDLE, revisions_isolated=False)
    look = make.look(idle, traffic=SeenTraffic(serving=(serving,)))
    assert journey.start(look, V2, "why").status.revisions_isolated is apart


def test_a_step_begins_with_its_split_and_says_why() -> None:
    turn = journey.enter_step(make.look(make.at_step()), 1, "within limits")
    assert turn.status.attempt.step == StepStatus(1, "step 2", START)
    assert (turn.status.stage.split, turn.because) == (
        Split(50, 50),
        "step 2: 50% to v2; within limits",
    )


def test_promotion_sends_everyone_over_and_forgets_what_stood_in_its_way() -> None:
    paused = make.at_step(pause=Pause(PauseKind.BLIND, "why", START))
    status = journey.switch(make.look(paused), "within limits").status
    assert (status.stage.name, status.stage.split, status.attempt.pause) == (
        Stage.SWITCHING,
        Split(0, 100),
        None,
    )


def test_a_failed_revision_is_remembered_with_the_reason() -> None:
    look = make.look(make.at_step())
    status = journey.withdraw(look, "too slow", Cause.ANALYSIS_FAILED, reject=True).status
    assert (status.stage.name, status.stage.split) == (Stage.WITHDRAWING, Split(100, 0))
    assert status.rejected == Rejected(V2, "too slow", START, Cause.ANALYSIS_FAILED)


def test_a_way_back_that_is_too_narrow_is_said_so() -> None:
    weak = {"v1": make.workload("v1", 2), "v2": make.workload("v2")}
    look = make.look(make.at_step(1), workloads=weak)
    turn = journey.withdraw(look, "too slow", Cause.ANALYSIS_FAILED, reject=True)
    assert turn.because == "too slow; stable has 2 of 3 pods: holding at 66/34"


def test_before_the_first_step_there_is_nobody_to_take_back() -> None:
    preparing = make.at_step(stage=Stage.PREPARING, split=Split(100, 0))
    found = [
        journey.withdraw(
            make.look(preparing, asked=asked), "why", Cause.SUPERSEDED, reject=reject
        ).status
        for asked, reject in ((V2, True), (Revision("v1"), False), (V3, False))
    ]
    assert [s.stage.name for s in found] == [Stage.CLEANING, Stage.CLEANING, Stage.PREPARING]
    assert [s.draining for s in found] == [Draining(V2, START)] * 3


def test_whoever_leaves_begins_nothing_new() -> None:
    look = make.look(make.at_step(stage=Stage.WITHDRAWING), asked=V3, deleting=True)
    assert journey.withdrawn(look).status.stage.name is Stage.CLEANING


@pytest.mark.parametrize(("losses", "paused"), [(2, False), (3, True)])
def test_a_canary_that_keeps_losing_its_pods_is_asked_about(losses: int, paused: bool) -> None:
    lost = make.at_step(stage=Stage.WITHDRAWING, pod_losses=losses)
    status = journey.withdrawn(make.look(lost)).status
    assert (status.stage.name, status.attempt.pause is not None) == (Stage.PREPARING, paused)
    other = journey.withdrawn(make.look(lost, asked=V3)).status
    assert (other.attempt.pod_losses, other.attempt.pause) == (0, None)


def test_a_pause_names_whoever_asked_for_it_and_warns_when_nobody_did() -> None:
    look = make.look(make.at_step())
    ours = journey.pause(look, PauseKind.BLIND, "why")
    theirs = journey.pause(look, PauseKind.PERSON, "why", "bob")
    assert [t.status.attempt.pause for t in (ours, theirs)] == [
        Pause(PauseKind.BLIND, "why", START),
        Pause(PauseKind.PERSON, "why", START, "bob"),
    ]
    notice = Notice("Paused", warning=True)
    assert [t.notice for t in (ours, theirs)] == [notice, Notice("Paused")]
    assert replace(ours, status=theirs.status, notice=theirs.notice) == theirs
