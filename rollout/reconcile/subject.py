"""What a rollout is about is remembered: where the spec names others, it goes home first."""

from dataclasses import replace

from rollout.model.reasons import WaitsFor
from rollout.model.spec import Rollout
from rollout.model.status import Attempt, RolloutStatus, Stage, Subject
from rollout.model.turn import AT_ONCE, SOON
from rollout.reconcile import leaving
from rollout.reconcile.look import PROXIES, Look, Turn, Writes, confirmed, remember

WHY = "git names other objects"


def moved(rollout: Rollout, status: RolloutStatus) -> bool:
    """Whether the spec is about something else than what was adopted."""
    return status.subject is not None and status.subject != Subject.of(rollout)


def in_force(rollout: Rollout, status: RolloutStatus) -> Rollout:
    """The rollout by the names that it was adopted with; by these it leaves once git has others."""
    if status.subject is None or status.subject == Subject.of(rollout):
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
    traffic = look.seen.traffic
    if traffic.fields_held and not traffic.problems and turn.status.stage.name is Stage.IDLE:
        return _held(look, turn.status)
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


def _held(look: Look, status: RolloutStatus) -> Turn:
    """The turn at rest while fields of the old objects are ours yet: nobody could free them later.

    As at any rest they are freed once the proxies have the routes without us (``actions``).
    """
    status = confirmed(replace(look, status=status))
    waits = status.stage.waits_for_proxies
    return Turn(
        status,
        f"{WHY}: giving the routes back",
        PROXIES if waits else SOON,
        WaitsFor.PROXIES if waits else None,
        writes=Writes.HOME,
    )
