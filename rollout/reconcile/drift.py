"""Foreign edits of our leaves: restored, or asked about; never raised on top of."""

from dataclasses import replace
from datetime import timedelta

from rollout.model.spec import OnDrift
from rollout.model.status import Drift, RolloutStatus, Stage
from rollout.reconcile import handover, journey, wanted
from rollout.reconcile.look import SOON, Look, Turn, named, remember

FLAPPING = 5
"""Restorations in an hour after which somebody else is clearly writing, too."""

TRUCE = timedelta(seconds=10)
"""Between two restorations when somebody keeps writing: two controllers never race."""


def drifted(look: Look) -> Turn | None:
    """The turn that answers a foreign edit; None when there is none, or the stage knows better."""
    status, what = look.status, _foreign(look)
    if not what or paused(status):
        return None
    if status.split.canary and look.pods(status.canary).down:
        return None  # its stage takes everyone back
    if status.split.stable and look.pods(status.stable).down:
        because = f"{named(status.stable)} has no ready pods, so this stays: {what}"
        return Turn(status, because, SOON, stands=True, leave=True)
    if look.rollout.spec.on_drift is OnDrift.PAUSE and status.stage in journey.UNDER_WAY:
        return journey.pause(look, f"drift: {what}")
    return _restored(look, what)


def paused(status: RolloutStatus) -> bool:
    """Whether a person is asked about a foreign edit, which stays until he decides."""
    return status.pause is not None and status.pause.because.startswith("drift")


def _foreign(look: Look) -> str:
    """What somebody else wrote, in words: not as asked, though our own last write was there.

    While preparing nothing has any weight, and what is missing is merely made.
    """
    status, traffic = look.status, look.seen.traffic
    wrong = wanted.wrong_subsets(status, look.seen)
    found = (*traffic.differences, *(f"subset {name}" for name in wrong))
    landed = status.confirmed_at is not None or 0 < traffic.epoch == status.epoch
    routes = found[0] if found and landed and status.stage is not Stage.PREPARING else ""
    return routes or handover.foreign(look)


def _restored(look: Look, what: str) -> Turn:
    before = look.status.drift
    recent = before is not None and look.now - before.last < timedelta(hours=1)
    count = (before.count if before and recent else 0) + 1
    because = f"restored {what}"
    if count >= FLAPPING:
        because = f"{_writer(look, what)} ({count}x): see rollout plan"
    if count > FLAPPING and before and look.now - before.last < TRUCE:
        return Turn(look.status, because, before.last + TRUCE - look.now, leave=True)
    told = count in (1, FLAPPING)
    status = replace(look.status, drift=Drift(count, look.now, what))
    status = remember(status, look.now, because) if told else _fenced(status)
    return Turn(status, because, SOON, "Drift" if told else "", warn=True)


def _writer(look: Look, what: str) -> str:
    """Who keeps writing what of ours, in words."""
    found = look.seen.autoscaler
    if found is not None and what == handover.foreign(look):
        return f"{found.owner or 'somebody'} keeps writing autoscaler {found.name}"
    return f"{look.seen.traffic.owner or 'somebody'} keeps writing our weights"


def _fenced(status: RolloutStatus) -> RolloutStatus:
    """The next epoch without a line of history: fifty fights would push out all else."""
    return replace(status, epoch=status.epoch + 1)
