"""What follows from one look: a new status first, then actions; the order here is what wins."""

from dataclasses import replace
from datetime import datetime

from rollout import requests as people
from rollout.memo import changed
from rollout.model.action import Decision, PointSubset, ReleaseRoutes, SetRoute
from rollout.model.finding import warned
from rollout.model.observation import Observation
from rollout.model.reasons import Cause, WaitsFor
from rollout.model.spec import Rollout
from rollout.model.status import (
    ROUTED,
    UNDER_WAY,
    Attempt,
    RolloutStatus,
    Stage,
    StageStatus,
    Subject,
)
from rollout.model.turn import AT_ONCE, SOON, Notice, short
from rollout.model.units import past
from rollout.reconcile import (
    actions,
    adopt,
    drift,
    handover,
    holding,
    identity,
    journey,
    leaving,
    naming,
    requests,
    stages,
    subject,
    takeover,
    transitions,
)
from rollout.reconcile.look import Look, Turn, asked, attempted, later_replicas

_BACK = (Stage.WITHDRAWING, Stage.CLEANING)
_OF_A_GATE = (WaitsFor.BAKE, WaitsFor.DATA, WaitsFor.EVIDENCE)
"""What is waited for only once the proxies have the route."""


def decide(rollout: Rollout, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """What to remember and what to do, from one look."""
    rollout, status = people.vouched_for(rollout, status), _known(status)
    look = Look(subject.in_force(rollout, status), status, seen, now)
    if _overwritten(look):
        return _reclaimed(look)
    if (whole := naming.found_again(look)) is not None:  # and asked by these, before anything
        return Decision(whole, (), AT_ONCE, "names that the status lacks are found again")
    up = _brought_up(look)
    turn = subject.go_home(up) if subject.moved(rollout, status) else _turn(up)
    return _finish(look, transitions.lawful(look, _whole(up, turn)))


def _known(status: RolloutStatus) -> RolloutStatus:
    """The status; one that has lost stable, as by somebody's edit, knows of no journey either.

    Nor is one promoted whose canary is not stable, whatever somebody wrote for its stage.
    """
    stable, attempt = status.stable, status.attempt
    if stable is None:
        fresh = Attempt(number=attempt.number)
        return replace(status, stage=StageStatus(), attempt=fresh, draining=None)
    canary = attempt.canary.name if attempt.canary else ""
    if status.stage.name in _PROMOTED and canary != stable.name:
        return replace(status, stage=StageStatus(Stage.WITHDRAWING))
    return status


def _overwritten(look: Look) -> bool:
    """Whether the objects have a newer epoch than our status."""
    status = look.status
    return look.seen.traffic.epoch > status.epoch and status.stable is not None


def _reclaimed(look: Look) -> Decision:
    """Nothing is done, and the status has the epoch that is written.

    A decision is saved before it is written. So if another replica has decided since, this cannot
    be saved, and nothing comes of it; if it can, nobody has, and the number is a stranger's, or
    of a time before the status was restored: our next decision is newer than it.
    """
    epoch = look.seen.traffic.epoch
    because = f"epoch {epoch} is written on the routes; nothing is done until that is known here"
    return Decision(replace(look.status, epoch=epoch), (), SOON, because)


def _brought_up(look: Look) -> Look:
    """The look with what is noted in any stage: a clock put right, drained pods, more of stable."""
    status = _set_right(takeover.as_decided(look.status), look.now)
    status = people.misread(status, look.rollout.misread, look.now)
    if status.stable is not None and status.subject is None:
        status = replace(status, subject=Subject.of(look.rollout))
    look = changed(look, status=status)
    status = holding.drained(look)
    if status.stage.name in UNDER_WAY:
        pods = max(status.attempt.stable_pods, look.pods(status.stable).wanted)
        status = attempted(status, stable_pods=pods)
        if status.stage.split.stable and look.pods(status.stable).down:
            status = attempted(status, stable_down_at=look.now)
    look = changed(look, status=status)
    return changed(look, status=handover.landed(look))


_PROMOTED = (Stage.REPOINTING, Stage.RETURNING)
"""Stages in which the canary is stable, and the routes may still name the pods of the past."""


def _set_right(status: RolloutStatus, now: datetime) -> RolloutStatus:
    """The status in which no stage, step or drain begins in time to come, as the clock has it.

    Nor does what somebody has edited away wait for ever: when a drain began, or when the proxies
    were asked, who are asked anew.
    """
    step, drain = status.attempt.step, status.draining
    if drain is not None:
        later = status.stage.name in _PROMOTED
        since = past(drain.since, now) or (None if later else now)
        status = changed(status, draining=changed(drain, since=since))
    if step is not None:
        status = attempted(status, step=step.set_right(now))
    if status.stage.name in ROUTED and status.stage.asked_at is None:
        status = asked(status, now)
    return changed(status, stage=status.stage.set_right(now))


def _turn(look: Look) -> Turn:
    """The first of these that has something to say; most looks end at the stage's own."""
    if look.rollout.deleting:
        return leaving.leave(look)
    if look.seen.traffic.problems:
        return _unmanageable(look)
    if look.status.stable is None:
        return adopt.adopt(look)
    if look.seen.traffic.strays:
        return _blocked(look.status, look.seen.traffic.strays[0])  # no write of ours would help
    look = _same_release(identity.learned(look))
    first = (
        identity.stable_rebuilt(look)
        or _overtaken(look)
        or identity.canary_edited(look)
        or _refused(look)
    )
    if first is not None:
        return first
    look, answered = requests.answered(look)
    return answered or drift.drifted(look) or stages.advance(look)


def _unmanageable(look: Look) -> Turn:
    """The objects cannot be patched as they are: stand still; nothing measured now counts."""
    stage = changed(look.status.stage, confirmed_at=None, confirmed_by=None)
    return _blocked(changed(look.status, stage=stage), look.seen.traffic.problems[0])


def _blocked(status: RolloutStatus, because: str) -> Turn:
    """The turn that stands until somebody has put an object right."""
    notice = Notice("Blocked", warning=True)
    return Turn(status, because, SOON * 6, WaitsFor.OBJECTS, notice)


def _whole(look: Look, turn: Turn) -> Turn:
    """Nothing goes on while one of several VirtualServices is gone; what goes back does so.

    The others still carry the split, so its gates judge on, also where the turn would have gone on
    at once.
    """
    gone, before, after = look.seen.traffic.gone, look.status, turn.status
    if not gone or look.rollout.deleting or after.stage.name in _BACK:
        return turn
    at, to = (s.attempt.step.index if s.attempt.step else -1 for s in (before, after))
    stays = before.stable is not None and (before.stage.name, at) == (after.stage.name, to)
    blocked = _blocked(after if stays else people.with_refusals(before, after), gone[0])
    again = blocked.again if turn.again is None else max(turn.again, SOON)
    return replace(blocked, again=again)


def _same_release(look: Look) -> Look:
    """The look with the newest commit of the canary: one that changes only words is no release."""
    status, revision = look.status, look.seen.asked
    withdrawing = status.stage.name is Stage.WITHDRAWING
    if revision is None or not revision.same(status.attempt.canary) or withdrawing:
        return look
    canary = revision.seen_as(status.attempt.canary)
    return changed(look, status=attempted(status, canary=canary))


def _overtaken(look: Look) -> Turn | None:
    """Git asks for something else than the journey under way: everyone back at once.

    A revision back to stable is one such; so is a step that changes while we stand on it.
    """
    status, revision = look.status, look.seen.asked
    if status.stage.name not in UNDER_WAY or revision is None:
        return None
    if not revision.same(status.attempt.canary):
        rebuilt = identity.rebuilt(status.attempt.canary, revision)
        because = rebuilt or f"{revision.title} is asked for now"
        cause = Cause.REBUILT if rebuilt else Cause.SUPERSEDED
        return journey.withdraw(look, because, cause, reject=False)
    step, stop = status.attempt.step, holding.stop(look.rollout, status)
    split = status.stage.split if takeover.holds(status) else stop.route.split
    if step and (stop.name, split) != (step.name, status.stage.split):
        because = f"{step.name} was edited: anew"
        return journey.withdraw(look, because, Cause.SUPERSEDED, reject=False)
    return None


def _refused(look: Look) -> Turn | None:
    """Somebody's edit stands in the way of this step's route: everyone back, which can be written.

    The next attempt waits in preflight until it is put right.
    """
    refused = look.seen.traffic.refused
    if not refused or look.status.stage.name is not Stage.STEPPING:
        return None
    return journey.withdraw(look, refused[0], Cause.UNWRITABLE, reject=False)


def _finish(look: Look, turn: Turn) -> Decision:
    """The turn as a decision: phase, sentence, warnings, and the actions that are due."""
    because, whole = short(turn.because), " ".join((turn.whole or turn.because).split())
    told = changed(turn, status=takeover.as_seen(look, turn.status))
    status = changed(
        attempted(told.status, warnings=_warnings(look, turn.status), pending=_pending(look, turn)),
        phase=stages.phase(turn.status, turn.waits_for),
        because=because,
        waits_for=turn.waits_for,
        observed_generation=look.rollout.generation,
        observed_commit=look.rollout.commit,
    )
    due = actions.due(look, changed(turn, status=status))
    if any(isinstance(action, SetRoute | ReleaseRoutes | PointSubset) for action in due):
        status = asked(status, look.now)  # what the proxies should know changes: ask them anew
        if turn.waits_for in _OF_A_GATE:
            because = whole = stages.WAITING
            status = changed(status, because=because, waits_for=WaitsFor.PROXIES)
    return Decision(status, due, turn.again, because, whole)


def _pending(look: Look, turn: Turn) -> str:
    """What git says by now and is applied when the release is over; empty when nothing."""
    over = turn.status.stage.name is Stage.IDLE
    return "" if over else later_replicas(look) or ""


def _warnings(look: Look, status: RolloutStatus) -> tuple[str, ...]:
    """Preflight's findings while they are asked for; afterwards those of the start stay."""
    if look.status.stage.name is not Stage.PREPARING:
        return () if status.stage.name is Stage.IDLE else status.attempt.warnings
    return warned(look.seen.findings)
