"""The tables of phases and stages, held against every turn before anything of it is done.

A turn that they do not allow is a fault of ours. It is told as a Warning, and where it would go
on, nothing is done: where we are is known and safe. What takes weight off the canary is done all
the same, for no fault of ours may stop a way back.
"""

from dataclasses import replace

from rollout.model.reasons import Reason, WaitsFor
from rollout.model.status import PHASE_MAY_FOLLOW, STAGE_MAY_FOLLOW, RolloutStatus, Stage
from rollout.model.turn import SOON, Notice
from rollout.reconcile.look import Look, Turn
from rollout.reconcile.stages import phase

_BACK = (Stage.WITHDRAWING, Stage.CLEANING)
NOTICE = Notice("ForbiddenTransition", warning=True)


def lawful(look: Look, turn: Turn) -> Turn:
    """``turn``, or the one that stays where we are, if the tables do not allow it."""
    wrong = _wrong_stage(look, turn.status)
    if wrong is not None and not _takes_weight(look.status, turn.status):
        because = f"a fault of ours, so nothing is done: {wrong}"
        return Turn(look.status, because, SOON * 6, WaitsFor.OBJECTS, NOTICE)
    wrong = wrong or _wrong_phase(look.status, turn)
    if wrong is None:
        return turn
    return replace(turn, because=f"a fault of ours: {wrong}; {turn.because}", notice=NOTICE)


def _wrong_stage(look: Look, after: RolloutStatus) -> Reason | None:
    """A deletion may come to rest from everywhere: without pods, or when its time is over."""
    old, new = look.status.stage.name, after.stage.name
    if new is old or new in STAGE_MAY_FOLLOW[old] or (look.rollout.deleting and new is Stage.IDLE):
        return None
    return Reason(f"stage {new} may not follow {old}")


def _wrong_phase(before: RolloutStatus, turn: Turn) -> Reason | None:
    """Only said: a phase is what people see, and moves nothing."""
    old, new = before.phase, phase(turn.status, turn.waits_for)
    if new is old or new in PHASE_MAY_FOLLOW[old]:
        return None
    return Reason(f"phase {new} may not follow {old}")


def _takes_weight(before: RolloutStatus, after: RolloutStatus) -> bool:
    less = after.stage.split.canary < before.stage.split.canary
    return less or after.stage.name in _BACK
