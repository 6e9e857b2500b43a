"""May this step end? Bake, analysis, webhook and people answer: open, hold or failed, and why.

The gate knows no traffic: it is told the step and when its route was confirmed.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rollout import approvals, hook
from rollout.analysis import grid, judge, memory, steprule
from rollout.analysis.judge import Journey, Judgement, Window
from rollout.analysis.steprule import Do, Ruling, Terms, Why
from rollout.approvals import Asked, Lack
from rollout.model import units
from rollout.model.observation import CountsQuestion, Observation, ValueQuestion
from rollout.model.reasons import Cause, PauseKind, Reason, WaitsFor
from rollout.model.spec import Approval, Rollout, Step
from rollout.model.status import Answer, Opened, RolloutStatus, Standing, Verdict, of_step

__all__ = [
    "Finding",
    "Gate",
    "Held",
    "Window",
    "answer",
    "answers",
    "groups",
    "measured",
    "next_counts",
    "questions",
    "waiting",
]


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
    ``again``: when time alone could change the answer. ``cause``: of a gate that failed.
    """

    gate: Gate
    because: str
    verdicts: tuple[Verdict, ...] = ()
    checkpoint: Mapping[str, object] | None = None
    waits_for: WaitsFor | None = None
    pause: PauseKind | None = None
    opened: Opened | None = None
    again: timedelta | None = None
    cause: Cause = Cause.ANALYSIS_FAILED


@dataclass(frozen=True, slots=True)
class Held:
    """What the gate holds: a step, the window of its evidence, and the clocks.

    ``window``: None when no request reaches the canary; then nothing is judged.
    ``waited``: since the route was confirmed; negative never, None: not confirmed yet.
    ``patience``: how long any step of the journey may last: as long may it be suspicious.
    """

    step: Step
    window: Window | None
    waited: timedelta | None
    patience: timedelta = timedelta(0)


def questions(
    rollout: Rollout, held: Held, status: RolloutStatus, now: datetime
) -> tuple[tuple[CountsQuestion, ...], tuple[ValueQuestion, ...]]:
    """What Prometheus must be asked for this step; nothing before the route is confirmed."""
    if held.window is None:
        return (), ()
    return judge.questions(rollout, held.step.analysis, held.window, status.attempt.checkpoint, now)


def anew(checkpoint: Mapping[str, object], now: datetime) -> Mapping[str, object]:
    """The checkpoint after a person's word that what failed is mended: the counts begin at ``now``.

    What they are weighed by is kept.
    """
    return memory.anew(checkpoint, now)


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
    found = measured(rollout, held, judgement, held.waited)
    asked = hook.question(rollout, held.step, status)
    refusal = _refusal(status, held) or hook.refusal(asked, seen)
    if found.gate is not Gate.FAILED and refusal is not None:
        found = Finding(Gate.FAILED, refusal, cause=Cause.REJECTED)
    opened = hook.opened(asked, seen, now)
    if found.gate is Gate.OPEN:
        shut = _shut(rollout, held, hook.holds(asked, seen))
        found = shut or _asked(rollout, held, status, seen, now) or found
    again = _sooner(found.again, next_counts(rollout, now) if held.window else None)
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


def measured(journey: Journey, held: Held, judgement: Judgement, waited: timedelta) -> Finding:
    """Bake time and analysis together, by the rule that all who judge a step share."""
    terms = _terms(journey, held, judgement.standing)
    ruled = steprule.ruling(judgement.standing, waited, terms, judgement.certain_in)
    too_early = judgement.standing is Standing.NO_DATA and waited < _first_counts(journey)
    if too_early and waited < held.step.bake:
        ruled = replace(ruled, why=Why.BAKING)  # absent as yet, which is no news
    because = _because(held.step, judgement, ruled)
    return Finding(
        _GATES[ruled.do],
        because,
        waits_for=_WAITS_FOR.get(ruled.why) if ruled.do is Do.WAIT else None,
        pause=_PAUSES.get(ruled.why) if ruled.do is Do.ASK else None,
        again=ruled.left,
    )


_GATES = {Do.WAIT: Gate.HOLD, Do.OPEN: Gate.OPEN, Do.ASK: Gate.HOLD, Do.BACK: Gate.FAILED}

_WAITS_FOR = {
    Why.BAKING: WaitsFor.BAKE,
    Why.BLIND: WaitsFor.DATA,
    Why.GATHERING: WaitsFor.EVIDENCE,
}

_PAUSES = {
    Why.BLIND: PauseKind.BLIND,
    Why.SUSPICIOUS: PauseKind.SUSPICIOUS,
    Why.TOO_FEW: PauseKind.LITTLE_TRAFFIC,
    Why.UNCERTIFIED: PauseKind.UNCERTIFIED,
}


def _terms(journey: Journey, held: Held, standing: Standing) -> Terms:
    """What the step was given, in the rule's own words.

    A policy to ask at once where there is no data still gives the first counters time to come.
    """
    analysis, blind = journey.analysis, journey.progress_deadline
    if analysis.on_no_data == "pause" and standing is Standing.NO_DATA:
        blind = min(blind, max(held.step.bake, _first_counts(journey)))
    return Terms(
        bake=held.step.bake,
        time_box=held.step.box,
        longest=held.step.longest,
        patience=held.patience,
        blind=blind,
        comparing=held.window is None or held.window.comparing,
        on_inconclusive=analysis.on_inconclusive,
        on_suspicious=analysis.on_suspicious,
    )


SPREAD = 3  # of an interval a third: so long do the looks of all rollouts share one instant
_TICK = timedelta(milliseconds=1)  # of the clock by which looks go


def next_counts(journey: Journey, now: datetime) -> timedelta:
    """How long until the counters of the next instant are there to be asked for.

    Evidence does not wait for half an interval on the average, then; each rollout has a moment of
    its own, so that they do not all come at once. It is one that the clock can show: a look that
    comes at it must not be followed by another for what is left of a millisecond.
    """
    interval = journey.analysis.interval
    share = zlib.crc32(journey.key.encode()) / 2**32
    late = -(-(grid.lag(interval) + share * interval / SPREAD) // _TICK) * _TICK
    return interval - (now - grid.EPOCH - late) % interval


def _first_counts(journey: Journey) -> timedelta:
    return FIRST_COUNTS * journey.analysis.interval


def _because(step: Step, judgement: Judgement, ruled: Ruling) -> str:
    """The ruling in words."""
    match ruled.why:
        case Why.BAKING:
            return f"baking for {units.words(step.bake)}"
        case Why.CERTIFIED | Why.UNJUDGED:
            return judgement.because or "baked"
        case Why.GATHERING:
            return judgement.need or judgement.because
        case Why.SUSPICIOUS if ruled.do is Do.ASK:
            return f"suspicious: {judgement.because}"
        case Why.TOO_FEW:
            return f"too little traffic: {judgement.because}"
        case Why.UNCERTIFIED:
            return f"time box over: {judgement.because}"
    return judgement.because


def _shut(rollout: Rollout, held: Held, because: Reason | None) -> Finding | None:
    """The webhook that has not opened, once everything measured has; a person is asked if late."""
    if because is None:
        return None
    left = held.step.box + rollout.spec.progress_deadline - (held.waited or timedelta(0))
    if left <= timedelta(0):
        return Finding(Gate.HOLD, because, pause=PauseKind.UNOPENED)
    return Finding(Gate.HOLD, because, waits_for=WaitsFor.WEBHOOK, again=left)


def _asked(
    rollout: Rollout, held: Held, status: RolloutStatus, seen: Observation, now: datetime
) -> Finding | None:
    """The people, once everything else is open."""
    if held.step.approval is None:
        return None
    asked = _asking(rollout, held.step.approval, status)
    return waiting(approvals.lack(asked, held.waited or timedelta(0), seen, now))


def unapproved(
    rollout: Rollout, step: Step, status: RolloutStatus, seen: Observation, now: datetime
) -> bool:
    """Whether the step asks people who have not said yes: whoever goes on does so without them."""
    if step.approval is None:
        return False
    asked = _asking(rollout, step.approval, status)
    return approvals.lack(asked, timedelta(0), seen, now) is not None


def waiting(lack: Lack | None) -> Finding | None:
    """The finding of a gate that only people hold; None: they do not."""
    if lack is None:
        return None
    if lack.late:
        return Finding(Gate.HOLD, lack.because, pause=PauseKind.UNAPPROVED)
    return Finding(Gate.HOLD, lack.because, waits_for=WaitsFor.APPROVAL, again=lack.left)


def _asking(rollout: Rollout, approval: Approval, status: RolloutStatus) -> Asked:
    channel = approval.slack or rollout.spec.notify.slack
    return Asked(approval, answers(status), rollout.author, channel)


def answers(status: RolloutStatus) -> tuple[Answer, ...]:
    """The answers that speak of this step of this attempt; others are of the past."""
    index = status.attempt.step.index if status.attempt.step else -1
    return of_step(status.attempt.approvals, index, status.attempt.number)


def groups(
    rollout: Rollout, approval: Approval, status: RolloutStatus, now: datetime
) -> tuple[str, ...]:
    """The user groups whose members must be known now; as ``approvals.groups``."""
    return approvals.groups(_asking(rollout, approval, status), now)


def _refusal(status: RolloutStatus, held: Held) -> Reason | None:
    """The no of somebody who may say it; None when nobody said it."""
    return approvals.refusal(held.step.approval, answers(status))


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    known = [t for t in (one, other) if t is not None]
    return min(known) if known else None
