"""Foreign edits of our leaves: restored, or asked about; never raised on top of."""

from dataclasses import replace
from datetime import timedelta

from rollout.model.reasons import PauseKind, Reason, WaitsFor
from rollout.model.spec import OnDrift
from rollout.model.status import UNDER_WAY, Drift, Pause, RolloutStatus, Stage
from rollout.model.turn import SOON, Notice
from rollout.reconcile import handover, journey, wanted
from rollout.reconcile.look import Look, Turn, Writes, attempted, named, remember

FLAPPING = 5
"""Restorations in an hour after which somebody else is clearly writing, too."""

TRUCE = timedelta(seconds=10)
"""Between two restorations when somebody keeps writing: two controllers never race."""


def drifted(look: Look) -> Turn | None:
    """The turn that answers a foreign edit; None when there is none, or the stage knows better."""
    status, what = look.status, _foreign(look)
    if what is None or paused(status):
        return None
    if status.stage.split.canary and look.pods(status.attempt.canary).down:
        return None  # its stage takes everyone back
    if status.stage.split.stable and look.pods(status.stable).down:
        because = f"{named(status.stable)} has no ready pods, so this stays: {what}"
        return Turn(status, because, SOON, WaitsFor.STABLE, writes=Writes.NO_ROUTES)
    if look.rollout.spec.on_drift is OnDrift.PAUSE and status.stage.name in UNDER_WAY:
        return journey.pause(look, PauseKind.DRIFT, f"drift: {what}")
    return _restored(look, what)


def paused(status: RolloutStatus) -> Pause | None:
    """The pause that asks a person about a foreign edit, which stays until that is decided."""
    pause = status.attempt.pause
    return pause if pause is not None and pause.kind is PauseKind.DRIFT else None


def _foreign(look: Look) -> Reason | None:
    """What somebody else wrote of ours."""
    return _edited(look) or handover.foreign(look)


def _edited(look: Look) -> Reason | None:
    """The mesh's object that is not as asked, though our own last write was there.

    While preparing nothing has any weight, and what is missing is merely made.
    """
    status, traffic = look.status, look.seen.traffic
    wrong = wanted.wrong_subsets(status, look.seen)
    found = (*traffic.differences, *(f"subset {name}" for name in wrong))
    landed = status.stage.confirmed_at is not None or 0 < traffic.epoch == status.epoch
    if found and landed and status.stage.name is not Stage.PREPARING:
        return Reason(found[0])
    return None


def _restored(look: Look, what: Reason) -> Turn:
    count, since = _before(look)
    count += 1
    because = f"restored {what}"
    if count >= FLAPPING:
        because = f"{_writer(look)} ({count}x): see rollout plan"
    if count > FLAPPING and since < TRUCE:
        left = TRUCE - since
        return Turn(look.status, because, left, WaitsFor.TRUCE, writes=Writes.NO_ROUTES)
    told = count in (1, FLAPPING)
    status = attempted(look.status, drift=Drift(count, look.now, what))
    status = remember(status, look.now, because) if told else _fenced(status)
    return Turn(status, because, SOON, notice=Notice("Drift", warning=True) if told else None)


def _before(look: Look) -> tuple[int, timedelta]:
    """How many restorations there were within the hour, and how long ago the last one was."""
    before = look.status.attempt.drift
    if before is None or look.now - before.last >= timedelta(hours=1):
        return 0, timedelta.max
    return before.count, look.now - before.last


def _writer(look: Look) -> str:
    """Who keeps writing what of ours, in words."""
    found = None if _edited(look) else look.seen.autoscaler
    if found is not None:
        return f"{found.owner or 'somebody'} keeps writing autoscaler {found.name}"
    return f"{look.seen.traffic.owner or 'somebody'} keeps writing our weights"


def _fenced(status: RolloutStatus) -> RolloutStatus:
    """The next epoch without a line of history: fifty fights would push out all else."""
    return replace(status, epoch=status.epoch + 1)
