"""The table of stages, held against every turn before anything of it is done.

A turn that it does not allow is a fault of ours: told, and not done, unless it takes weight off
green; no fault of ours may stop a way back.
"""

from dataclasses import replace

from rollout.model.reasons import WaitsFor
from rollout.model.switchover import SWITCH_MAY_FOLLOW, SwitchStage
from rollout.model.turn import SOON, Notice
from rollout.upgrade.switchover.look import Look, Turn

NOTICE = Notice("ForbiddenTransition", warning=True)


def lawful(look: Look, turn: Turn) -> Turn:
    """``turn``, or the one that stays where we are, if the table does not allow it."""
    old, new = look.status.stage, turn.status.stage
    if new.name is old.name or new.name in SWITCH_MAY_FOLLOW[old.name]:
        return turn
    why = f"stage {new.name} may not follow {old.name}"
    if new.split.canary < old.split.canary or new.name is SwitchStage.RETURNING:
        return replace(turn, because=f"a fault of ours: {why}; {turn.because}", notice=NOTICE)
    because = f"a fault of ours, so nothing is done: {why}"
    return Turn(look.status, because, SOON * 6, WaitsFor.OBJECTS, NOTICE, writes=False)
