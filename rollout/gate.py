"""May this step end? Bake, analysis, webhook and people answer: open, hold or failed, and why.

The gate knows no traffic: it is told the step and when its route was confirmed.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rollout import hook
from rollout.analysis import grid, judge, steprule
from rollout.analysis.judge import Journey, Judgement, Window
from rollout.analysis.steprule import Do, Ruling, Terms, Why
from rollout.model import units
from rollout.model.chat import PROOF
from rollout.model.observation import CountsQuestion, Observation, ValueQuestion
from rollout.model.reasons import Cause, PauseKind, Reason, WaitsFor
from rollout.model.spec import BY_KUBERNETES, KUBERNETES_USER, Approval, Rollout, Step
from rollout.model.status import Answer, Opened, RolloutStatus, Standing, Verdict

__all__ = [
    "Finding",
    "Gate",
    "Held",
    "Window",
    "answer",
    "answers",
    "approvers_so_far",
    "measured",
    "next_counts",
    "questions",
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
    if ruled.why is Why.BLIND and too_early and waited < held.step.bake:
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


MEMBERS = timedelta(seconds=15)  # until it is asked again who is in a user group
SPREAD = 3  # of an interval a third: so long do the looks of all rollouts share one instant


def next_counts(journey: Journey, now: datetime) -> timedelta:
    """How long until the counters of the next instant are there to be asked for.

    Evidence does not wait for half an interval on the average, then; each rollout has a moment of
    its own, so that they do not all come at once.
    """
    interval = journey.analysis.interval
    share = zlib.crc32(journey.key.encode()) / 2**32
    late = grid.lag(interval) + share * interval / SPREAD
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
    waited = held.waited or timedelta(0)
    approval = held.step.approval
    if approval is None:
        return None
    unknown = [
        one for one in groups(approval, status, rollout.author, now) if one not in seen.members
    ]
    given = _given(approval, status, rollout.author, now)
    yes = len({one.who for one in given if not unknown and _is_still_in(approval, one, seen)})
    if yes >= approval.quorum:
        return None
    if waited >= approval.expires:
        return Finding(Gate.HOLD, "nobody approved in time", pause=PauseKind.UNAPPROVED)
    because, left = f"waiting for approval: {yes} of {approval.quorum}", approval.expires - waited
    if unknown:
        because = f"waiting for approval: slack does not say who is in {unknown[0]} now"
        left = min(left, MEMBERS)
    elif seen.unasked is not None and (approval.slack or rollout.spec.notify.slack):
        because = f"{because}; {seen.unasked}"
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
    return frozenset(one.who for one in _given(approval, status, author, now))


def groups(
    approval: Approval, status: RolloutStatus, author: str, now: datetime
) -> tuple[str, ...]:
    """The user groups whose members must be known, since people were let in as one of them.

    Asked for once their answers would open the step: whoever has left the group since then is not
    on the list any more. Before that there is nothing to know.
    """
    given = _given(approval, status, author, now)
    if len({one.who for one in given}) < approval.quorum:
        return ()
    return tuple(dict.fromkeys(one.entry for one in given if _is_by_group(approval, one)))


def _given(
    approval: Approval, status: RolloutStatus, author: str, now: datetime
) -> tuple[Answer, ...]:
    """The yeses that are in time, of people who may."""
    return tuple(
        a
        for a in answers(status)
        if a.yes and now - a.at <= approval.expires and _may(approval, a, author)
    )


def _is_by_group(approval: Approval, given: Answer) -> bool:
    """Whether a user group alone let this person in."""
    return given.entry.startswith("S") and _user(given) not in approval.approvers


def _is_still_in(approval: Approval, given: Answer, seen: Observation) -> bool:
    if not _is_by_group(approval, given):
        return True
    return _user(given) in seen.members.get(given.entry, frozenset())


def _user(given: Answer) -> str:
    return given.who.removeprefix(PROOF)


def _may(approval: Approval, given: Answer, author: str) -> bool:
    """Whether this person's yes counts: on the list, and surely not the author where asked."""
    return _listed(approval, given) and (not approval.not_author or _is_another(given, author))


def _is_another(given: Answer, author: str) -> bool:
    """Whether somebody else than ``author`` said it: a chat's user is told apart at the door.

    A user of Kubernetes has a name there and no address, so nobody can tell whose commits they are.
    """
    if given.who.startswith(PROOF):
        return given.unlike == author
    return given.who not in ("", author) and not given.who.startswith(KUBERNETES_USER)


def _listed(approval: Approval, given: Answer) -> bool:
    """Whether the list names this person, or the proof by which they were let in.

    Nobody's name is proved to us by an annotation, only that Kubernetes' RBAC let it be written;
    at the page's login it is, and RBAC has let them write it as well.
    """
    by_kubernetes = not given.who or given.who.startswith(KUBERNETES_USER)
    proofs = {BY_KUBERNETES} if by_kubernetes else {_user(given), given.entry}
    return not approval.approvers or not proofs.isdisjoint(approval.approvers)


def _refusal(status: RolloutStatus, held: Held) -> Reason | None:
    """The no of somebody who may say it, the author too; None when nobody said it."""
    approval = held.step.approval
    for given in answers(status):
        if not given.yes and (approval is None or _listed(approval, given)):
            why = f": {given.reason}" if given.reason else ""
            return Reason(f"rejected by {given.who or 'a person'}{why}")
    return None


def _sooner(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    known = [t for t in (one, other) if t is not None]
    return min(known) if known else None
