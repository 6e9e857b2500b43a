"""What people ask of a switchover, handled once: each verb is one function from look to turn."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from rollout import approvals, gate, requests
from rollout.model.reasons import PauseKind, Verb
from rollout.model.spec import Request
from rollout.model.status import Answer
from rollout.model.switchover import AHEAD, MOVED, SwitchoverStatus, SwitchStage
from rollout.model.turn import AT_ONCE, Notice
from rollout.upgrade.switchover import asking, progress
from rollout.upgrade.switchover.look import (
    Look,
    Turn,
    attempted,
    enter_bake,
    enter_step,
    go_back,
    pause,
    remember,
    staged,
)

FORWARD = (Verb.PROMOTE, Verb.SKIP)


Done = Turn | str | None
"""The turn that does it, or why not; None where the stage has nothing to which it could be done."""


def answered(look: Look) -> tuple[Look, Turn | None]:
    """The turn that does what a person asked; None where nobody asked anew, or it is refused.

    A refusal is in the status of the look that is given back, which goes on by its stage.
    """
    request = requests.anew(look.switchover, look.status)
    if request is None:
        return look, None
    if request.verb in FORWARD and _on_its_way(look):
        return look, None  # gates are a person's to pass by, the order of weights is not
    handled = replace(look.status, last_handled_request=request.text)
    done = _done(replace(look, status=handled), request)
    if isinstance(done, Turn):
        return look, replace(done, status=requests.signed(look.status, done.status, request))
    why = done or _nothing(look, request)
    return replace(look, status=requests.refused(handled, request, why, look.now)), None


def _nothing(look: Look, request: Request) -> str:
    return f"nothing to {request.verb} while {look.status.stage.name.lower()}"


def _on_its_way(look: Look) -> bool:
    """Whether weights are still under way, or are found as nobody here asked for them."""
    stage = look.status.stage
    if stage.name is not SwitchStage.SHIFTING or drifted(look):
        return False
    return stage.served_at is None or not look.seen.records.divide(stage.split)


def outdated(look: Look, status: SwitchoverStatus) -> SwitchoverStatus:
    """The status in which a step forward that waits is refused: its asker knew less than is known.

    Whoever is asked about a foreign edit answers after the question, not before it.
    """
    request = requests.anew(look.switchover, status)
    if request is None or request.verb not in FORWARD:
        return status
    return requests.refused(
        status, request, "the weights were changed since it was asked", look.now
    )


def drifted(look: Look) -> bool:
    """Whether a person is asked about a foreign edit, which stays until that is decided."""
    paused = look.status.attempt.pause
    return paused is not None and paused.kind is PauseKind.DRIFT


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


def _promote(look: Look, request: Request) -> Turn | None:
    if look.status.stage.name is not SwitchStage.SHIFTING:
        return None
    return enter_bake(look, f"everyone to green{_unapproved(look)}, said by {request.story}")


def _skip(look: Look, request: Request) -> Turn | None:
    step = look.status.attempt.step
    if look.status.stage.name is not SwitchStage.SHIFTING or step is None:
        return None
    because = f"step skipped{_unapproved(look)} by {request.story}"
    if step.index + 1 < len(look.switchover.spec.steps):
        return enter_step(look, step.index + 1, because)
    return enter_bake(look, because)


def _unapproved(look: Look) -> str:
    """A word for a step whose people are passed by: RBAC may do that, and not in silence."""
    return " unapproved" if asking.waiting(look) is not None else ""


def _pause(look: Look, request: Request) -> Done:
    if look.status.stage.name not in (*AHEAD, *MOVED):
        return None
    if why := requests.paused_already(look.status.attempt.pause):
        return why
    return pause(look, PauseKind.PERSON, f"paused by {request.story}", request.asker)


def _resume(look: Look, request: Request) -> Turn | None:
    """Goes on; what was waited for is waited for anew, and a foreign edit is overwritten."""
    status, paused = look.status, look.status.attempt.pause
    if paused is None:
        return None
    because = f"resumed by {request.story}"
    if drifted(look):
        status = progress.asked_anew(status, look)
    elif status.stage.confirmed_at is not None and not paused.by:
        status = staged(status, confirmed_at=look.now)
    if paused.kind in (PauseKind.FAILED, PauseKind.STABLE_WORSE):
        green, blue = status.attempt.checkpoint, status.attempt.blue_checkpoint
        status = attempted(
            status,
            checkpoint=gate.anew(green, look.now),
            blue_checkpoint=gate.anew(blue, look.now),
        )
    status = attempted(staged(status, since=look.now), pause=None)
    return Turn(remember(status, look.now, because), because, AT_ONCE, notice=Notice("Resumed"))


def _abort(look: Look, request: Request) -> Turn | None:
    if look.status.stage.name not in (*AHEAD, *MOVED):
        return None
    return go_back(look, f"aborted by {request.story}", reject=True)


def _retry(look: Look, request: Request) -> Turn | None:
    if look.status.rejected is None or look.status.stage.name is not SwitchStage.SERVING:
        return None
    because = f"retry asked by {request.story}"
    status = remember(replace(look.status, rejected=None), look.now, because)
    return Turn(status, because, AT_ONCE)


def _answer(look: Look, request: Request) -> Done:
    """Kept for the gate: a yes may be enough to go on, a no goes back at once."""
    status, step = look.status, look.status.attempt.step
    if status.stage.name is not SwitchStage.SHIFTING or step is None:
        return None
    approval = asking.approval(look.switchover, status)
    if request.verb is Verb.APPROVE and approval is None:
        return None
    answer = requests.answer(request, step.index, status.attempt.number, look.now)
    if why := approvals.bar(approval, answer, look.switchover.author):
        return why
    status, because = requests.given(status, request, answer, remember)
    return Turn(status, because, AT_ONCE)


def answered_in_chat(
    status: SwitchoverStatus, answer: Answer, valid: timedelta
) -> SwitchoverStatus:
    """The status with what somebody said in a chat; itself where that step is over."""
    step = status.attempt.step
    is_here = step is not None and step.index == answer.step
    if not is_here or status.stage.name is not SwitchStage.SHIFTING:
        return status
    return requests.answered(status, answer, valid, remember)
