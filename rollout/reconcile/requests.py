"""What people ask for, handled once: each verb is one function from a look to a turn."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from rollout.model.action import Announce
from rollout.model.spec import Request
from rollout.model.status import Answer, RolloutStatus, Stage
from rollout.model.traffic import Split
from rollout.reconcile.look import (
    AT_ONCE,
    SOON,
    Look,
    Turn,
    enter,
    enter_step,
    lacking,
    pause,
    remember,
    short,
    withdraw,
)

UNDER_WAY = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING, Stage.BAKING)
"""The stages in which a person can still turn the journey round."""


def text(request: Request) -> str:
    """The request as the annotation wrote it; echoed in the status once it was handled."""
    return f"{request.verb}@{request.nonce}"


def is_new(look: Look) -> bool:
    """Whether a request is there that was not handled yet."""
    request = look.rollout.request
    return request is not None and text(request) != look.status.last_handled_request


def handle(look: Look, request: Request) -> Turn:
    """The turn that does what a person asked, or says why not; either way it is handled."""
    handled = replace(look.status, last_handled_request=text(request))
    look = replace(look, status=handled)
    do = _VERBS.get(request.verb)
    turn = do(look, request) if do else None
    if turn is None:
        because = short(f"{request.verb}: nothing to {request.verb} while {handled.stage.lower()}")
        return Turn(remember(handled, look.now, because), because, AT_ONCE)
    return turn


def _who(request: Request) -> str:
    return request.who or "a person"


def _promote(look: Look, request: Request) -> Turn | None:
    if look.status.stage is not Stage.STEPPING:
        return None
    because = f"promoted by {_who(request)}"
    return _unless_lacking(look, 100) or switch(look, because)


def _skip(look: Look, request: Request) -> Turn | None:
    if look.status.stage is not Stage.STEPPING or look.status.step is None:
        return None
    index = look.status.step.index + 1
    because = f"step skipped by {_who(request)}"
    if index == len(look.plan.stops):
        return _unless_lacking(look, 100) or switch(look, because)
    lack = _unless_lacking(look, look.plan.stops[index].route.split.canary)
    look = replace(look, status=replace(look.status, pause=None))
    return lack or enter_step(look, index, because)


def _unless_lacking(look: Look, percent: int) -> Turn | None:
    """The refusal, where pods are lacking: gates are a person's to skip, capacity is not."""
    lack = lacking(look, percent)
    return Turn(remember(look.status, look.now, lack), lack, SOON) if lack else None


def _pause(look: Look, request: Request) -> Turn | None:
    if look.status.stage not in UNDER_WAY:
        return None
    return pause(look, f"paused by {_who(request)}", _who(request))


def _resume(look: Look, request: Request) -> Turn | None:
    """Goes on; what the gate waited for is waited for anew, so it does not pause again at once."""
    status = look.status
    if status.pause is None:
        return None
    because = f"resumed by {_who(request)}"
    waits = look.now if status.confirmed_at is not None and not status.pause.by else None
    status = replace(
        status,
        pause=None,
        losses=0,
        stage_since=look.now,
        confirmed_at=waits or status.confirmed_at,
    )
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, Announce("Resumed", because))


def _abort(look: Look, request: Request) -> Turn | None:
    if look.status.stage not in UNDER_WAY:
        return None
    return withdraw(look, f"aborted by {_who(request)}", reject=True)


def _retry(look: Look, request: Request) -> Turn | None:
    if look.status.rejected is None:
        return None
    because = f"retry asked by {_who(request)}"
    status = remember(replace(look.status, rejected=None), look.now, because)
    return Turn(status, because, AT_ONCE)


def _answer(look: Look, request: Request) -> Turn | None:
    status = look.status
    if status.stage is not Stage.STEPPING or status.step is None:
        return None
    yes = request.verb == "approve"
    answer = Answer(request.who, yes, look.now, status.step.index, status.attempt, "annotation")
    because = f"{'approved' if yes else 'rejected'} by {_who(request)}"
    status = merge_answers(status, (answer,))
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def merge_answers(status: RolloutStatus, answers: tuple[Answer, ...]) -> RolloutStatus:
    """The status with these answers; each is counted once, those of past attempts are dropped."""
    known = tuple(a for a in status.approvals if a.attempt == status.attempt)
    new = tuple(a for a in answers if a.attempt == status.attempt and a not in known)
    merged = known + tuple(dict.fromkeys(new))
    return status if merged == status.approvals else replace(status, approvals=merged)


def switch(look: Look, because: str) -> Turn:
    """The turn that sends everyone to the canary: the beginning of promotion."""
    status = enter(look, Stage.SWITCHING, Split(0, 100), because)
    status = replace(status, pause=None, step=None)
    told = short(f"everyone to {status.canary.name if status.canary else ''}: {because}")
    return Turn(status, told, AT_ONCE, Announce("Promoting", told))


_VERBS: Mapping[str, Callable[[Look, Request], Turn | None]] = {
    "promote": _promote,
    "skip": _skip,
    "pause": _pause,
    "resume": _resume,
    "abort": _abort,
    "retry": _retry,
    "approve": _answer,
    "reject": _answer,
}
