"""What people ask for, handled once: each verb is one function from a look to a turn."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from rollout import approvals, gate, requests
from rollout.model.reasons import Cause, PauseKind, Verb
from rollout.model.spec import Finish, Request
from rollout.model.status import UNDER_WAY, Answer, Pause, Rejected, RolloutStatus, Stage
from rollout.model.turn import AT_ONCE, Notice, short
from rollout.reconcile import drift, holding, journey, wanted
from rollout.reconcile.look import (
    Look,
    Turn,
    asked,
    attempted,
    lacking,
    named,
    remember,
    waited_anew,
)

Done = Turn | str | None
"""The turn that does it, or why not; None where the stage has nothing to which it could be done."""


def answered(look: Look) -> tuple[Look, Turn | None]:
    """The turn that does what a person asked; None where nobody asked anew, or it is refused.

    A refusal is in the status of the look that is given back, which goes on by its stage.
    """
    request = requests.anew(look.rollout, look.status)
    if request is None:
        return look, None
    if _raises(look, request) and (pause := drift.paused(look.status)):
        # Decided: the foreign edit goes, then the weight rises.
        return look, _signed(look, _resumed(look, request, pause), request)
    if _waits(look, request):
        return look, None
    handled = replace(look.status, last_handled_request=request.text)
    done = _done(replace(look, status=handled), request)
    if isinstance(done, Turn):
        return look, _signed(look, done, request)
    why = done or f"nothing to {request.verb} while {handled.stage.name.lower()}"
    return replace(look, status=requests.refused(handled, request, why, look.now)), None


def _signed(look: Look, turn: Turn, request: Request) -> Turn:
    """The turn whose newest decision says who asked for it."""
    return replace(turn, status=requests.signed(look.status, turn.status, request))


def _done(look: Look, request: Request) -> Done:
    match request.verb:
        case Verb.PROMOTE:
            return _promote(look, request)
        case Verb.SKIP:
            return _skip(look, request)
        case Verb.PAUSE:
            return _pause(look, request)
        case Verb.RESUME:
            return _resume(look, request)
        case Verb.ABORT:
            return _abort(look, request)
        case Verb.RETRY:
            return _retry(look, request)
        case Verb.APPROVE | Verb.REJECT:
            return _answer(look, request)
    assert_never(request.verb)


def _raises(look: Look, request: Request) -> bool:
    return request.verb in (Verb.PROMOTE, Verb.SKIP) and look.status.stage.name is Stage.STEPPING


def _waits(look: Look, request: Request) -> bool:
    """Whether a raise waits for what is on its way: proxies, a restored subset, pods of ours.

    Gates are a person's to skip, order and capacity are not; all else goes on meanwhile.
    """
    if not _raises(look, request):
        return False
    status, seen = look.status, look.seen
    foreign = seen.traffic.differences or wanted.wrong_subsets(status, seen)
    if status.stage.confirmed_at is None or foreign:
        return True
    ours = wanted.ours_to_scale(look.rollout) and wanted.in_haste(look.rollout, status)
    return ours and bool(lacking(look, None))


def _promote(look: Look, request: Request) -> Done:
    """Everyone over, gates or not; also instead of going back to a stable that is not there."""
    status = look.status
    stuck = status.stage.name is Stage.WITHDRAWING and status.stage.split.stable < 100
    if not stuck and status.stage.name is not Stage.STEPPING:
        return None
    if stuck and not (look.seen.asked and look.seen.asked.same(status.attempt.canary)):
        return f"git does not ask for {named(status.attempt.canary)}"
    because = f"promoted{_unapproved(look)} by {request.story}"
    return lacking(look, None) or journey.switch(look, because)


def _skip(look: Look, request: Request) -> Done:
    if look.status.stage.name is not Stage.STEPPING or look.status.attempt.step is None:
        return None
    index = look.status.attempt.step.index + 1
    because = f"step skipped{_unapproved(look)} by {request.story}"
    stop = look.plan.stops[index] if index < len(look.plan.stops) else None
    if stop is None and look.plan.finish is Finish.HOLD:
        return "this was the last step; promote or abort"
    if lack := lacking(look, stop):  # of pods that nobody else would start
        return lack
    return (
        journey.switch(look, because) if stop is None else journey.enter_step(look, index, because)
    )


def _unapproved(look: Look) -> str:
    """A word for a step whose people are passed by: RBAC may do that, and not in silence."""
    status = look.status
    if status.stage.name is not Stage.STEPPING:
        return ""
    step = holding.stop(look.rollout, status).step
    passed_by = gate.unapproved(look.rollout, step, status, look.seen, look.now)
    return " unapproved" if passed_by else ""


def _pause(look: Look, request: Request) -> Done:
    if look.status.stage.name not in UNDER_WAY:
        return None
    if why := requests.paused_already(look.status.attempt.pause):
        return why
    because = f"paused by {request.story}"
    return journey.pause(look, PauseKind.PERSON, because, request.asker)


def _resume(look: Look, request: Request) -> Turn | None:
    pause = look.status.attempt.pause
    return None if pause is None else _resumed(look, request, pause)


def _resumed(look: Look, request: Request, pause: Pause) -> Turn:
    """Goes on; what the gate waited for is waited for anew, so it does not pause again at once.

    Nor does what a gate failed by fail it again: its counts and the noes are of the past.
    """
    status, because = look.status, f"resumed by {request.story}"
    if pause.kind is PauseKind.FAILED:
        checkpoint = gate.anew(status.attempt.checkpoint, look.now)
        status = attempted(requests.without_refusals(status), checkpoint=checkpoint)
    if drift.paused(status):
        status = asked(status, look.now)  # the foreign edit is overwritten
    elif not pause.by:
        status = waited_anew(status, look.now)
    status = attempted(status, pause=None, pod_losses=0)
    status = replace(status, stage=replace(status.stage, since=look.now))
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Resumed"))


def _abort(look: Look, request: Request) -> Turn | None:
    """Everyone back; a canary that is on its way back already will not be tried again."""
    status, because = look.status, f"aborted by {request.story}"
    if status.stage.name in UNDER_WAY:
        return journey.withdraw(look, because, Cause.ABORTED, reject=True)
    canary = status.attempt.canary
    if status.stage.name is not Stage.WITHDRAWING or canary is None or status.rejected:
        return None
    status = replace(status, rejected=Rejected(canary, short(because), look.now, Cause.ABORTED))
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def _retry(look: Look, request: Request) -> Turn | None:
    if look.status.rejected is None:
        return None
    because = f"retry asked by {request.story}"
    status = remember(replace(look.status, rejected=None), look.now, because)
    return Turn(status, because, AT_ONCE)


def _answer(look: Look, request: Request) -> Done:
    status = look.status
    if status.stage.name is not Stage.STEPPING or status.attempt.step is None:
        return None
    yes, approval = request.verb is Verb.APPROVE, holding.stop(look.rollout, status).step.approval
    if yes and approval is None:
        return f"{status.attempt.step.name} asks for no approval"
    index = status.attempt.step.index
    answer = requests.answer(request, index, status.attempt.number, look.now)
    if why := approvals.bar(approval, answer, look.rollout.author):
        return why
    status, because = requests.given(status, request, answer, remember)
    return Turn(status, because, AT_ONCE)


def answered_in_chat(
    status: RolloutStatus, answer: Answer, valid: timedelta = timedelta.max
) -> RolloutStatus:
    """The status with what somebody said in a chat; itself where no step takes answers now."""
    if status.stage.name is not Stage.STEPPING:
        return status
    return requests.answered(status, answer, valid, remember)
