"""The table of states, held against every turn before anything of it is done.

A turn that it does not allow is a fault of ours: it is told as a Warning, and nothing is done.
What goes back is done all the same, for no fault of ours may stop a way back.
"""

from rollout.model.turn import Notice
from rollout.model.upgrading import STATE_MAY_FOLLOW, Awaits, State
from rollout.upgrade.look import PATIENT, Look, Turn

NOTICE = Notice("ForbiddenTransition", warning=True)


def lawful(look: Look, turn: Turn) -> Turn:
    """``turn``, or the one that stays where we are, if the table does not allow it."""
    old, new = look.status.state, turn.status.state
    if new is old or new in STATE_MAY_FOLLOW[old] or new is State.RETURNING:
        return turn
    because = f"a fault of ours, so nothing is done: {new} may not follow {old}"
    return Turn(look.status, because, PATIENT, Awaits.OBJECTS, NOTICE)
