"""The first look at a service: who is stable now, and how its subsets are named."""

from dataclasses import replace

from rollout.model.reasons import WaitsFor
from rollout.model.status import Subject
from rollout.model.traffic import STABLE, SubsetMode
from rollout.model.turn import AT_ONCE, Notice
from rollout.reconcile import naming, serving, takeover
from rollout.reconcile.look import Look, Turn, Writes, remember
from rollout.reconcile.serving import Unclear


def adopt(look: Look) -> Turn:
    """The turn that takes what serves now for stable, and moves no request.

    A split between stable and the revision that git asks for is gone on with as it is.
    """
    traffic, seen = look.seen.traffic, look.seen
    if seen.asked is None:
        because = seen.problem or "git names no revision"
        return Turn(look.status, because, waits_for=WaitsFor.OBJECTS)
    clear = serving.found(look, seen.asked)
    if isinstance(clear, Unclear):
        notice = Notice("Blocked", warning=True)
        return Turn(look.status, clear.because, waits_for=WaitsFor.OBJECTS, notice=notice)
    mode, canary = naming.mode(look, clear.subset)
    apart = mode is SubsetMode.VERSION or (bool(clear.subset) and seen.strangers > 0)
    status = replace(
        look.status,
        subject=Subject.of(look.rollout),
        stable=clear.stable,
        revisions_isolated=apart or clear.canary is not None,
        subset_mode=mode,
        stable_subset=clear.subset or STABLE,
        attempt=replace(look.status.attempt, subset=canary),
        epoch=max(look.status.epoch, traffic.epoch),  # an earlier Rollout may have written here
    )
    if clear.canary is not None:
        return takeover.begin(replace(look, status=status), clear)
    because = f"adopted: {clear.stable.title} is stable"
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, writes=Writes.NO_ROUTES)
