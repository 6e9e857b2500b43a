"""The tables of phases and stages, held against turns."""

from rollout.model.reasons import WaitsFor
from rollout.model.status import Phase, Stage
from rollout.model.traffic import Split
from rollout.model.turn import Notice
from rollout.reconcile import transitions
from rollout.reconcile.look import Turn
from tests import make

STEPPING = make.at_step(1, phase=Phase.PROGRESSING)
TOLD = Notice("ForbiddenTransition", warning=True)


def test_what_the_tables_allow_is_done_as_it_is() -> None:
    turn = Turn(make.changed(STEPPING, stage=Stage.SWITCHING, split=Split(0, 100)), "why")
    assert transitions.lawful(make.look(STEPPING), turn) is turn
    stays = Turn(STEPPING, "why")
    assert transitions.lawful(make.look(STEPPING), stays) is stays


def test_a_stage_that_may_not_follow_is_not_entered_and_that_is_told() -> None:
    turn = Turn(make.changed(STEPPING, stage=Stage.RETURNING, split=Split(0, 100)), "why")
    found = transitions.lawful(make.look(STEPPING), turn)
    because = "a fault of ours, so nothing is done: stage Returning may not follow Stepping"
    assert (found.status, found.because) == (STEPPING, because)
    assert (found.waits_for, found.notice) == (WaitsFor.OBJECTS, TOLD)


def test_no_fault_of_ours_stops_a_way_back() -> None:
    for stage in (Stage.CLEANING, Stage.IDLE, Stage.WITHDRAWING):
        back = make.changed(STEPPING, stage=stage, split=Split(100, 0))
        at = make.changed(STEPPING, stage=Stage.REPOINTING)
        found = transitions.lawful(make.look(at), Turn(back, "it fails"))
        assert found.status == back
        because = f"a fault of ours: stage {stage} may not follow Repointing; it fails"
        assert (found.because, found.notice) == (because, TOLD)


def test_a_phase_that_may_not_follow_is_told_and_moves_nothing() -> None:
    healthy = make.changed(STEPPING, phase=Phase.HEALTHY, stage=Stage.WITHDRAWING)
    found = transitions.lawful(make.look(healthy), Turn(healthy, "why"))
    assert found.status == healthy
    because = "a fault of ours: phase RollingBack may not follow Healthy; why"
    assert (found.because, found.notice) == (because, TOLD)
