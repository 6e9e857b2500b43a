"""May this step end? Bake, analysis, webhook and people answer: open, hold or failed, and why.

The gate knows no traffic: it is told the step and when its route was confirmed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rollout import hook
from rollout.analysis import judge
from rollout.analysis.judge import Judgement, Standing, Window
from rollout.model import units
from rollout.model.observation import CountsQuestion, Observation, ValueQuestion
from rollout.model.reasons import PauseKind, Reason, WaitsFor
from rollout.model.spec import BY_KUBERNETES, Approval, Ending, Rollout, Step
from rollout.model.status import Answer, Opened, RolloutStatus, Verdict

__all__ = [
    "TIME_BOX",
    "Finding",
    "Gate",
    "Held",
    "Window",
    "answer",
    "answers",
    "approvers_so_far",
    "questions",
]

TIME_BOX = timedelta(minutes=20)
"""When a step without a time box stops waiting for evidence (facts/gating.md 2.6)."""

FIRST_COUNTS = 4
"""Intervals until counters of a new route must be there: two of them, their lag, one to spare."""


class Gate(StrEnum):
    """What holds a step says one of these."""

    OPEN = "open"
    HOLD = "hold"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The gate's answer.

    ``waits_for``: what a gate that holds waits for; ``APPROVAL``: people are to be asked now.
    ``pause``: the limit of waiting is reached: stand still and ask a person, for this reason.
    ``opened``: the HTTP gate has opened, to be remembered; None: as before.
    ``again``: when time alone could change the answer.
    """

    gate: Gate
    because: str
    verdicts: tuple[Verdict, ...] = ()
    checkpoint: Mapping[str, object] | None = None
    waits_for: WaitsFor | None = None
    pause: PauseKind | None = None
    opened: Opened | None = None
    again: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What the gate holds: a step, the window of its evidence, and the clocks.

    ``window``: None when no request reaches the canary; then nothing is judged.
    ``waited``: since the route was confirmed; negative never, None: not confirmed yet.
    """

    step: Step
    window: Window | None
    waited: timedelta | None


def questions(
    rollout: Rollout, held: Held, status: RolloutStatus, now: datetime
) -> tuple[tuple[CountsQuestion, ...], tuple[ValueQuestion, ...]]:
    """What Prometheus must be asked for this step; nothing before the route is confirmed."""
    if held.window is None or held.waited is None:
        return (), ()
    return judge.questions(rollout, held.step.analysis, held.window, status.attempt.checkpoint, now)


def answer(
    rollout: Rollout, held: Held, status: RolloutStatus, seen: Observation, now: datetime
) -> Finding:
    """Whether the step may end now.

    The order is the precedence: a failed analysis beats everything, a person's no beats waiting.
    """
    if held.waited is None:
        because = "waiting for the proxies to take the route"
        verdicts = status.attempt.verdicts
        return Finding(Gate.HOLD, because, verdicts, waits_for=WaitsFor.PROXIES)
    judgement = _judged(rollout, held, status, seen, now)
    found = _measured(rollout, held, judgement, held.waited)
    asked = hook.question(rollout, held.step, status)
    refusal = _refusal(status, held) or hook.refusal(asked, seen)
    if found.gate is not Gate.FAILED and refusal is not None:
        found = Finding(Gate.FAILED, refusal)
    opened = hook.opened(asked, seen, now)
    if found.gate is Gate.OPEN:
        shut = _shut(rollout, held, hook.holds(asked, seen))
        found = shut or _asked(rollout, held, status, now) or found
    again = _sooner(found.again, rollout.spec.analysis.interval if held.window else None)
    return replace(
        found,
        verdicts=(*judgement.verdicts, *hook.verdicts(asked, seen)),
        checkpoint=judgement.checkpoint,
        opened=opened,
        again=again,
    )


def _judged(
    rollout: Rollout, held: Held, status: RolloutStatus, seen: Observation, now: datetime
) -> Judgement:
    """What the numbers say; with no traffic on the canary there are none."""
    if held.window is None:
        return Judgement(Standing.NOTHING, (), status.attempt.checkpoint, "")
    return judge.judge(
        rollout, held.step.analysis, held.window, status.attempt.checkpoint, seen, now
    )


def _measured(rollout: Rollout, held: Held, judgement: Judgement, waited: timedelta) -> Finding:
    """Bake time and analysis together."""
    if judgement.standing is Standing.FAILED:
        return Finding(Gate.FAILED, judgement.because)
    if judgement.standing in (Standing.NO_DATA, Standing.ERROR):
        return _blind(rollout, held.step, judgement, waited)
    left = held.step.bake - waited
    if left > timedelta(0):
        return Finding(Gate.HOLD, _baking(held.step), waits_for=WaitsFor.BAKE, again=left)
    enough = {Standing.CERTIFIED, Standing.NOTHING}
    if held.window is not None and not held.window.comparing:
        enough |= {Standing.CLEAN, Standing.TOO_FEW}  # at 100 % there is nothing left to certify
    if judgement.standing in enough:
        return Finding(Gate.OPEN, judgement.because or "baked")
    return _boxed(rollout, held, judgement, waited)


def _blind(rollout: Rollout, step: Step, judgement: Judgement, waited: timedelta) -> Finding:
    """No gate passes on what it does not know: hold, and after the deadline ask a person.

    A policy to ask at once still gives the first counters the time to come, and until then their
    absence is no news.
    """
    analysis, patience = rollout.spec.analysis, rollout.spec.progress_deadline
    first, empty = FIRST_COUNTS * analysis.interval, judgement.standing is Standing.NO_DATA
    if analysis.on_no_data == "pause" and empty:
        patience = min(patience, max(step.bake, first))
    if waited >= patience:
        return Finding(Gate.HOLD, judgement.because, pause=PauseKind.BLIND)
    early = empty and waited < min(step.bake, first)
    left = patience - waited
    if early:
        return Finding(Gate.HOLD, _baking(step), waits_for=WaitsFor.BAKE, again=left)
    return Finding(Gate.HOLD, judgement.because, waits_for=WaitsFor.DATA, again=left)


def _baking(step: Step) -> str:
    return f"baking for {units.words(step.bake)}"


def _boxed(rollout: Rollout, held: Held, judgement: Judgement, waited: timedelta) -> Finding:
    """Waiting for evidence, until the time box is over and the policies decide."""
    box = _box(held.step)
    if waited < box:
        because = judgement.need or judgement.because
        return Finding(Gate.HOLD, because, waits_for=WaitsFor.EVIDENCE, again=box - waited)
    if judgement.standing is Standing.SUSPICIOUS:
        if rollout.spec.analysis.on_suspicious == "rollback":
            return Finding(Gate.FAILED, judgement.because)
        because = f"suspicious: {judgement.because}"
        return Finding(Gate.HOLD, because, pause=PauseKind.SUSPICIOUS)
    if judgement.standing is Standing.TOO_FEW:
        because = f"too little traffic: {judgement.because}"
        return Finding(Gate.HOLD, because, pause=PauseKind.LITTLE_TRAFFIC)
    return _uncertified(rollout.spec.analysis.on_inconclusive, judgement)


def _box(step: Step) -> timedelta:
    return step.time_box or max(TIME_BOX, step.bake)


def _uncertified(ending: Ending, judgement: Judgement) -> Finding:
    """Law 7's one exception: the box is over, nothing looks wrong, merely not certified."""
    because = f"time box over: {judgement.because}"
    if ending is Ending.ROLLBACK:
        return Finding(Gate.FAILED, because)
    if ending is Ending.HOLD:
        return Finding(Gate.HOLD, because, pause=PauseKind.UNCERTIFIED)
    return Finding(Gate.OPEN, because)


def _shut(rollout: Rollout, held: Held, because: Reason | None) -> Finding | None:
    """The webhook that has not opened, once everything measured has; a person is asked if late."""
    if because is None:
        return None
    left = _box(held.step) + rollout.spec.progress_deadline - (held.waited or timedelta(0))
    if left <= timedelta(0):
        return Finding(Gate.HOLD, because, pause=PauseKind.UNOPENED)
    return Finding(Gate.HOLD, because, waits_for=WaitsFor.WEBHOOK, again=left)


def _asked(rollout: Rollout, held: Held, status: RolloutStatus, now: datetime) -> Finding | None:
    """The people, once everything else is open."""
    waited = held.waited or timedelta(0)
    approval = held.step.approval
    if approval is None:
        return None
    yes = len(approvers_so_far(approval, status, rollout.author, now))
    if yes >= approval.quorum:
        return None
    if waited >= approval.expires:
        return Finding(Gate.HOLD, "nobody approved in time", pause=PauseKind.UNAPPROVED)
    because, left = f"waiting for approval: {yes} of {approval.quorum}", approval.expires - waited
    return Finding(Gate.HOLD, because, waits_for=WaitsFor.APPROVAL, again=left)


def answers(status: RolloutStatus) -> tuple[Answer, ...]:
    """The answers that speak of this step of this attempt; others are of the past."""
    index = status.attempt.step.index if status.attempt.step else -1
    return tuple(
        a for a in status.attempt.approvals if (a.step, a.attempt) == (index, status.attempt.number)
    )


def approvers_so_far(
    approval: Approval, status: RolloutStatus, author: str, now: datetime
) -> frozenset[str]:
    """Who said yes in time and may; all who come without a name are one, and may be the author."""
    return frozenset(
        a.who
        for a in answers(status)
        if a.yes and now - a.at <= approval.expires and _may(approval, a.who, author)
    )


def _may(approval: Approval, who: str, author: str) -> bool:
    """Whether this person's yes counts: on the list, and surely not the author where asked."""
    return _listed(approval, who) and not (approval.not_author and who in ("", author))


def _listed(approval: Approval, who: str) -> bool:
    """Whether the list names this person, or the proof by which a nameless one was let in.

    Nobody's name is proved to us by an annotation, only that Kubernetes' RBAC let it be written.
    """
    return not approval.approvers or (who or BY_KUBERNETES) in approval.approvers


def _refusal(status: RolloutStatus, held: Held) -> Reason | None:
    """The no of somebody who may say it, the author too; None when nobody said it."""
    approval = held.step.approval
    for given in answers(status):
        if not given.yes and (approval is None or _listed(approval, given.who)):
            return Reason(f"rejected by {given.who or 'a person'}")
    return None


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    known = [t for t in (one, other) if t is not None]
    return min(known) if known else None
