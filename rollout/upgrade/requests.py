"""What people ask of an upgrade, handled once: each verb is one function from a look to a turn."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from rollout import approvals, requests
from rollout.model.reasons import PauseKind, Verb
from rollout.model.spec import Request
from rollout.model.status import Answer
from rollout.model.turn import AT_ONCE, Notice
from rollout.model.upgrading import State, UpgradeStatus
from rollout.upgrade import drift, passing, stages, watching, wayback
from rollout.upgrade.look import UNDER_WAY, Look, Turn, at_stop, attempted, paused, remember

Done = Turn | str | None
"""The turn that does it, or why not; None where the state has nothing to which it could be done."""


def answered(look: Look) -> tuple[Look, Turn | None]:
    """The turn that does what a person asked; None where nobody asked anew, or it is refused.

    A refusal is in the status of the look that is given back, which goes on by its state.
    """
    request = requests.anew(look.upgrade, look.status)
    if request is None:
        return look, None
    handled = replace(look.status, last_handled_request=request.text)
    done = _done(look.having(handled), request)
    if isinstance(done, Turn):
        return look, replace(done, status=requests.signed(look.status, done.status, request))
    why = done or _nothing(look, request)
    return look.having(requests.refused(handled, request, why, look.now)), None


def _nothing(look: Look, request: Request) -> str:
    return f"nothing to {request.verb} in {look.status.state.lower()}"


def _done(look: Look, request: Request) -> Done:
    match request.verb:
        case Verb.ABORT:
            return _abort(look, request)
        case Verb.PAUSE:
            return _pause(look, request)
        case Verb.RESUME:
            return _resume(look, request)
        case Verb.RETRY:
            return _retry(look, request)
        case Verb.SKIP:
            return _skip(look, request)
        case Verb.APPROVE | Verb.REJECT:
            return _answer(look, request)
        case Verb.PROMOTE:
            return None
    assert_never(request.verb)


def _abort(look: Look, request: Request) -> Turn | None:
    """Everything back; there is none once the old revision is being removed.

    On the way back already, it ends what holds it: a person's pause, or that it got worse by it.
    """
    pause = look.status.attempt.pause
    held = pause is not None and pause.kind in (PauseKind.PERSON, PauseKind.STABLE_WORSE)
    if look.status.state is State.RETURNING and held:
        return _resume(look, request)
    on_the_way = look.status.state in UNDER_WAY - {State.RETURNING}
    if not on_the_way or look.status.attempt.removing:
        return None
    return wayback.begin(look, f"aborted by {request.story}", refuse=True)


def _pause(look: Look, request: Request) -> Done:
    if look.status.state not in UNDER_WAY or look.status.attempt.removing:
        return None
    if why := requests.paused_already(look.status.attempt.pause):
        return why
    return paused(look, PauseKind.PERSON, f"paused by {request.story}", request.asker)


def _resume(look: Look, request: Request) -> Turn | None:
    """Goes on: an edit of somebody's is left as it is, what was put back is asked for once more."""
    pause = look.status.attempt.pause
    if pause is None:
        return None
    because = f"resumed by {request.story}"
    status = look.status
    if pause.kind is PauseKind.DRIFT:
        status = wayback.kept(look)
        status = attempted(status, landed=drift.standing(look.having(status)))
    if pause.kind is PauseKind.STABLE_WORSE:
        status = watching.unheeded(status)
    if pause.kind is PauseKind.FAILED:
        status = requests.without_refusals(status)
        status = attempted(status, landed=drift.standing(look))
    status = at_stop(attempted(status, pause=None, sick_since=None), asked_at=look.now)
    judged = look.at.confirmed_at is not None
    if not pause.by and judged and status.state is not State.RETURNING:
        # What had not come is waited for anew, and the time before that it is compared with moves.
        status = attempted(at_stop(status, confirmed_at=look.now), checkpoint={})
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Resumed"))


def _retry(look: Look, request: Request) -> Turn | None:
    if look.status.state is not State.RETURNED:
        return None
    return stages.begin(look, f"retry asked by {request.story}")


def _skip(look: Look, request: Request) -> Turn | None:
    """The rest of a bake or of a gate's waiting; never what is moved, nor a person's approval."""
    if look.status.state is State.RETURNING:
        return _skip_back(look, request)
    judged = look.stop.judged and look.at.confirmed_at is not None
    if not judged or look.stop.approval is not None:
        return None
    because = f"the rest of {look.stop.name} skipped by {request.story}"
    return passing.go_on(look, because)


def _skip_back(look: Look, request: Request) -> Turn | None:
    """The watch at the end of the way back, where everything is back already."""
    because = f"the watch was skipped by {request.story}"
    if look.at.part != watching.ALL:
        return None
    status = remember(watching.told(look.status, because), look.now, because)
    return Turn(status, because, AT_ONCE)


def _answer(look: Look, request: Request) -> Done:
    """A yes or a no to the stop; once the old revision is being removed a no would be no word."""
    if look.stop.approval is None or look.status.attempt.removing:
        return None
    answer = requests.answer(request, look.at.number, look.status.attempt.number, look.now)
    if why := approvals.bar(look.stop.approval, answer, look.upgrade.author):
        return why
    status, because = requests.given(look.status, request, answer, remember)
    return Turn(status, because, AT_ONCE)


def answered_in_chat(status: UpgradeStatus, answer: Answer, valid: timedelta) -> UpgradeStatus:
    """The status with what somebody said in a chat; itself where that stop is over."""
    stop = status.attempt.stop
    is_here = stop is not None and stop.number == answer.step and not status.attempt.removing
    if not is_here or status.state not in UNDER_WAY - {State.RETURNING}:
        return status
    return requests.answered(status, answer, valid, remember)
