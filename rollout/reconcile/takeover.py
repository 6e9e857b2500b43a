"""What was so before we wrote anything: a split is taken over as it is, and the status says so."""

from dataclasses import replace

from rollout.memo import changed
from rollout.model.status import Attempt, RolloutStatus, Stage, StageStatus
from rollout.model.traffic import Split
from rollout.model.turn import AT_ONCE, Notice
from rollout.reconcile import journey
from rollout.reconcile.look import Look, Turn, Writes, named, remember
from rollout.reconcile.serving import Clear

_UNWRITTEN = (Stage.IDLE, Stage.PREPARING)
"""Where everyone is to be on stable, though the routes may not say so yet."""


def begin(look: Look, clear: Clear) -> Turn:
    """The turn that goes on with a split between stable and the revision that git asks for.

    ``look``: its status has stable already. Nothing is written; first the rules are asked.
    """
    assert clear.canary is not None  # noqa: S101 - that is what makes it a split
    stable = look.pods(clear.stable)
    attempt = Attempt(
        number=look.status.attempt.number + 1,
        canary=clear.canary,
        subset=clear.canary_subset,
        taken_over=clear.split,
        stable_pods=max(stable.ready, stable.wanted),
    )
    stage = StageStatus(Stage.PREPARING, since=look.now, split=clear.split)
    status = replace(look.status, stage=stage, attempt=attempt)
    names = f"{named(clear.stable)} and {named(clear.canary)}"
    because = f"adopted: {names} have {clear.split} already; going on from there"
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("NewRevision"), writes=Writes.NO_ROUTES)


def enter(look: Look, found: Split) -> Turn:
    """The turn that enters the step with the nearest weight not above the split that was found.

    The split stays as it is there, and is judged; below the first step, that one is entered as in
    any journey.
    """
    weights = [stop.route.split.canary for stop in look.plan.stops]
    passed = [index for index, weight in enumerate(weights) if weight <= found.canary]
    if not passed:
        return journey.enter_step(look, 0, f"{found} was there already")
    return journey.enter_step(look, passed[-1], f"{found} was there already", found)


def holds(status: RolloutStatus) -> bool:
    """Whether the split is still the one that was taken over, whatever the step's weight is."""
    return status.attempt.taken_over == status.stage.split


def as_decided(status: RolloutStatus) -> RolloutStatus:
    """The status with the split that it stands for, whatever was seen before it is written."""
    if status.stage.name not in _UNWRITTEN:
        return status
    split = status.attempt.taken_over if status.stage.name is Stage.PREPARING else None
    return changed(status, stage=changed(status.stage, split=split or Split(100, 0)))


def as_seen(look: Look, status: RolloutStatus) -> RolloutStatus:
    """The status with the split that requests really have.

    While a route goes to the whole service, the pods of other revisions behind it get their part.
    """
    ready, others = look.pods(status.stable).ready, look.seen.strangers
    everyone = "" in look.seen.traffic.serving and status.attempt.taken_over is None
    if status.stage.name not in _UNWRITTEN or look.status.stable is None or not everyone:
        return status
    if not others:
        return status
    split = Split.giving_canary(max(1, round(100 * others / (ready + others))))
    return replace(status, stage=replace(status.stage, split=split))
