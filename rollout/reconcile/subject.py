"""What a rollout is about is remembered: where the spec names others, it goes home first."""

from dataclasses import replace

from rollout.model.spec import Rollout
from rollout.model.status import Attempt, RolloutStatus, Subject
from rollout.model.turn import AT_ONCE
from rollout.reconcile import leaving
from rollout.reconcile.look import Look, Turn, Writes, remember

WHY = "git names other objects"


def moved(rollout: Rollout, status: RolloutStatus) -> bool:
    """Whether the spec is about something else than what was adopted."""
    return status.subject is not None and status.subject != Subject.of(rollout)


def in_force(rollout: Rollout, status: RolloutStatus) -> Rollout:
    """The rollout by the names that it was adopted with; by these it leaves once git has others."""
    if status.subject is None or not moved(rollout, status):
        return rollout
    return replace(status.subject.named_by(rollout), deleting=True)


def go_home(look: Look) -> Turn:
    """The turn of a rollout whose spec names other objects: it leaves those it has, as if deleted.

    ``look``: by the old names. Once nothing of ours is left there, stable is forgotten, and the
    next look adopts what serves by the new ones.
    """
    turn = leaving.leave(look, WHY)
    if turn.writes is not Writes.LAST:
        return turn
    status = replace(
        turn.status,
        subject=None,
        stable=None,
        subset_mode=None,
        stable_subset="",
        revisions_isolated=False,
        autoscaler_target="",
        draining=None,
        attempt=Attempt(number=turn.status.attempt.number),
    )
    because = f"{WHY}: the old ones are given back"
    return Turn(remember(status, look.now, because), because, AT_ONCE, writes=Writes.NO_ROUTES)
