"""What to do now: ``ask`` says what must be looked at, ``decide`` what follows; both are pure.

A stage (``stages.py``) turns a look into a new status; what should be follows from the status
(``wanted.py``); what must be done is the difference to what is (``actions.py``).
"""

from dataclasses import replace
from datetime import datetime

from rollout import confirm, gate, hook
from rollout.model.action import Decision, PointSubset, ReleaseRoutes, SetRoute
from rollout.model.observation import (
    CountsQuestion,
    HookQuestion,
    Observation,
    Questions,
    ValueQuestion,
)
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus, Stage
from rollout.reconcile import (
    actions,
    adopt,
    drift,
    handover,
    holding,
    identity,
    journey,
    leaving,
    requests,
    stages,
    wanted,
)
from rollout.reconcile.look import SOON, Look, Turn, asked, short

__all__ = ["ask", "decide"]

_BACK = (Stage.WITHDRAWING, Stage.CLEANING)

_DIVIDING = (Stage.STEPPING, Stage.SWITCHING, Stage.BAKING, Stage.WITHDRAWING)
"""Stages entered by another split; only then do the requests show that it was taken."""


def ask(rollout: Rollout, status: RolloutStatus, now: datetime) -> Questions:
    """Everything the next ``decide`` at about ``now`` must see."""
    revisions = tuple(
        {r.name: r for r in (status.stable, status.canary, status.previous) if r}.values()
    )
    counts: tuple[CountsQuestion, ...] = ()
    values: tuple[ValueQuestion, ...] = ()
    if status.stage in (Stage.STEPPING, Stage.BAKING):
        held = holding.held(rollout, status, now)
        counts, values = gate.questions(rollout, held, status, now)
    return Questions(
        target=wanted.target(rollout, status),
        route=wanted.route(rollout, status),
        revisions=revisions,
        since=status.asked_at if status.confirmed_at is None else None,
        counts=counts + _shares(rollout, status, now),
        values=values,
        webhook=_webhook(rollout, status),
        preflight=status.stage is Stage.PREPARING,
        released=wanted.released(status),
    )


def decide(rollout: Rollout, status: RolloutStatus, seen: Observation, now: datetime) -> Decision:
    """What to remember and what to do, from one look."""
    if seen.traffic.epoch > status.epoch and status.stable is not None:
        because = f"epoch {seen.traffic.epoch} was written by somebody newer; nothing is done"
        return Decision(status, (), SOON, because)
    look = Look(rollout, status, seen, now)
    up = _brought_up(look)
    return _finish(look, _whole(up, _turn(up)))


def _brought_up(look: Look) -> Look:
    """The look with what is noted in any stage: answers, drained pods, a stable that grew."""
    status = holding.drained(look)
    status = requests.merge_answers(status, look.seen.answers)
    if status.stage in journey.UNDER_WAY:
        status = replace(status, pods=max(status.pods, look.pods(status.stable).wanted))
    return replace(look, status=handover.landed(replace(look, status=status)))


def _turn(look: Look) -> Turn:
    """The first of these that has something to say; most looks end at the stage's own."""
    if look.rollout.deleting:
        return leaving.leave(look)
    if look.seen.traffic.problems:
        return _unmanageable(look)
    if look.status.stable is None:
        return adopt.adopt(look)
    look = _same_release(identity.learned(look))
    return (
        identity.stable_rebuilt(look)
        or _overtaken(look)
        or _refused(look)
        or requests.answered(look)
        or drift.drifted(look)
        or stages.advance(look)
    )


def _unmanageable(look: Look) -> Turn:
    """The objects cannot be patched as they are: stand still; nothing measured now counts."""
    status, problem = look.status, look.seen.traffic.problems[0]
    if status.asked_at is not None:
        status = replace(status, confirmed_at=None, confirmed_by=None)
    return Turn(status, problem, SOON * 6, "Blocked", warn=True, stands=True)


def _whole(look: Look, turn: Turn) -> Turn:
    """Nothing goes on while one of several VirtualServices is gone; what goes back does so.

    The others still carry the split, so its gates judge on.
    """
    gone, before, after = look.seen.traffic.gone, look.status, turn.status
    if not gone or look.rollout.deleting or after.stage in _BACK:
        return turn
    at, to = (s.step.index if s.step else -1 for s in (before, after))
    stays = before.stable is not None and (before.stage, at) == (after.stage, to)
    status = after if stays else before
    return Turn(status, gone[0], turn.again or SOON * 6, "Blocked", warn=True, stands=True)


def _same_release(look: Look) -> Look:
    """The look with the newest commit of the canary: one that changes only words is no release."""
    status, revision = look.status, look.seen.asked
    if revision is None or not revision.same(status.canary) or status.stage is Stage.WITHDRAWING:
        return look
    return replace(look, status=replace(status, canary=revision.seen_as(status.canary)))


def _overtaken(look: Look) -> Turn | None:
    """Git asks for something else than the journey under way: everyone back at once.

    A revision back to stable is one such; so is a step that changes while we stand on it.
    """
    status, revision = look.status, look.seen.asked
    if status.stage not in journey.UNDER_WAY or revision is None:
        return None
    if not revision.same(status.canary):
        because = identity.rebuilt(status.canary, revision) or f"git asks for {revision.name} now"
        return journey.withdraw(look, because, reject=False)
    stop = holding.stop(look.rollout, status)
    if status.step and (stop.name, stop.route.split) != (status.step.name, status.split):
        return journey.withdraw(look, f"{status.step.name} was edited: anew", reject=False)
    return None


def _refused(look: Look) -> Turn | None:
    """Somebody's edit stands in the way of this step's route: everyone back, which can be written.

    The next attempt waits in preflight until it is put right.
    """
    refused = look.seen.traffic.refused
    if not refused or look.status.stage is not Stage.STEPPING:
        return None
    return journey.withdraw(look, refused[0], reject=False)


def _finish(look: Look, turn: Turn) -> Decision:
    """The turn as a decision: phase, sentence, warnings, and the actions that are due."""
    because = short(turn.because)
    status = replace(
        turn.status,
        phase=stages.phase(turn.status, stands=turn.stands),
        because=because,
        warnings=_warnings(look, turn.status),
        observed_generation=look.rollout.generation,
        observed_commit=look.rollout.commit,
    )
    due = actions.due(look, replace(turn, status=status))
    if any(isinstance(action, SetRoute | ReleaseRoutes | PointSubset) for action in due):
        status = asked(status, look.now)  # what the proxies should know changes: ask them anew
    return Decision(status, due, turn.again, because)


def _warnings(look: Look, status: RolloutStatus) -> tuple[str, ...]:
    """Preflight's findings while they are asked for; afterwards those of the start stay."""
    if look.status.stage is not Stage.PREPARING:
        return () if status.stage is Stage.IDLE else status.warnings
    return tuple(str(f) for f in look.seen.findings)[:20]


def _shares(rollout: Rollout, status: RolloutStatus, now: datetime) -> tuple[CountsQuestion, ...]:
    """What tells whether requests divide as asked; nothing where they divided so before, too."""
    waits = status.asked_at is not None and status.confirmed_at is None
    divided = status.split.canary > 0 or status.stage is Stage.WITHDRAWING
    if not waits or not divided or status.stage not in _DIVIDING:
        return ()
    names = [r.name for r in (status.stable, status.canary) if r]
    workloads = {name: rollout.deployment(name) for name in names}
    every = rollout.spec.analysis.interval
    return confirm.question(rollout.namespace, workloads, status.asked_at or now, now, every)


def _webhook(rollout: Rollout, status: RolloutStatus) -> HookQuestion | None:
    """What the HTTP gate of the step we are at is asked, once its route is confirmed."""
    if status.stage is not Stage.STEPPING or status.confirmed_at is None:
        return None
    return hook.question(rollout, holding.stop(rollout, status).step, status)
