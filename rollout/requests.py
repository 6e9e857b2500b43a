"""What people ask and answer, as a status keeps it; the same for every kind that we drive.

Which request a stage can fulfil, and what it does then, is each core's own.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from rollout.model.reasons import Verb
from rollout.model.spec import BY_KUBERNETES, Request, Rollout
from rollout.model.status import Answer, Pause, RefusedRequest, RolloutStatus
from rollout.model.turn import short

if TYPE_CHECKING:  # whoever drives one kind needs no other kind's nouns
    from rollout.model.switchover import Switchover, SwitchoverStatus
    from rollout.model.upgrade import ControlPlaneUpgrade
    from rollout.model.upgrading import UpgradeStatus

    AnyStatus = RolloutStatus | UpgradeStatus | SwitchoverStatus
    AnyDriven = Rollout | ControlPlaneUpgrade | Switchover

Status = TypeVar("Status", RolloutStatus, "UpgradeStatus", "SwitchoverStatus")
Driven = TypeVar("Driven", Rollout, "ControlPlaneUpgrade", "Switchover")

REFUSALS = 10
"""Refused requests remembered, for whoever records them."""


def vouched_for(driven: Driven, status: "AnyStatus") -> Driven:
    """``driven`` whose request has its sender, where a chat has proved who that is."""
    request, vouched = driven.request, status.vouched
    if request is None or vouched is None or vouched.text != request.text:
        return driven
    return replace(driven, request=Request(request.verb, request.nonce, vouched.who))


def is_handled(status: "AnyStatus", text: str) -> bool:
    """Whether the request of that text was done or refused, whatever was asked since."""
    done = {one.request for one in status.history} | {
        one.request for one in status.refused_requests
    }
    return text in done | {status.last_handled_request}


def anew(driven: "AnyDriven", status: "AnyStatus") -> Request | None:
    """What is asked of ``driven`` and was not handled last; None: nothing."""
    request = driven.request
    return None if request is None or request.text == status.last_handled_request else request


def refused(status: Status, request: Request, why: str, now: datetime) -> Status:
    """The status that remembers that it was not done, and why; all else in it stays as it is.

    It is no decision of the history, and no sentence of where anything stands: ``because`` says
    the same before and after.
    """
    because = short(f"{request.verb}: {why}")
    refusal = RefusedRequest(request.text, _by(request), now, because, request.claimed)
    return _unvouched(replace(_refusing(status, refusal), last_handled_request=request.text))


def misread(status: Status, text: str, now: datetime) -> Status:
    """The status that remembers, once, that ``text`` is none of the requests."""
    if not text or status.last_refused_request == text:
        return status
    because = short(f"none of {', '.join(Verb)}")
    return _refusing(status, RefusedRequest(text, BY_KUBERNETES, now, because))


def _refusing(status: Status, refusal: RefusedRequest) -> Status:
    kept = (*status.refused_requests, refusal)[-REFUSALS:]
    return replace(status, last_refused_request=refusal.request, refused_requests=kept)


def paused_already(pause: Pause | None) -> str:
    """Why ``pause`` would change nothing now; empty where it would.

    A pause that may end by itself becomes a person's, which does not. As `kubectl rollout pause`
    has it, what stands still already is told, and is no decision.
    """
    if pause is None or pause.kind.may_pass:
        return ""
    return f"already paused by {pause.by}" if pause.by else f"already paused: {pause.because}"


def refusals_since(before: Status, after: Status) -> tuple[RefusedRequest, ...]:
    """What was refused between the two, for whoever tells of it; at most one in a look."""
    if after.refused_requests == before.refused_requests:
        return ()
    return after.refused_requests[-1:]


def with_refusals(before: Status, after: Status) -> Status:
    """``before``, for whoever takes back all else that ``after`` has brought about.

    What was done is taken back with the rest, and is asked anew.
    """
    if not refusals_since(before, after):
        return before
    return replace(
        before,
        last_handled_request=after.last_handled_request,
        last_refused_request=after.last_refused_request,
        refused_requests=after.refused_requests,
        vouched=after.vouched,
    )


def signed(before: "AnyStatus", status: Status, request: Request) -> Status:
    """``status``, whose newest decision says who asked for it.

    ``before``: without what this request has brought about.
    """
    status = _unvouched(status)
    if status.epoch == before.epoch:
        return status
    *earlier, newest = status.history
    newest = replace(
        newest,
        by=_by(request),
        request=request.text,
        claimed=request.claimed,
        reason=request.reason,
    )
    return replace(status, history=(*earlier, newest))


def _by(request: Request) -> str:
    return request.who or BY_KUBERNETES


def _unvouched(status: Status) -> Status:
    """Whose request was handled is vouched for no more: its text may be written again by anyone."""
    if status.vouched is not None and status.vouched.text == status.last_handled_request:
        return replace(status, vouched=None)
    return status


def answered(
    status: Status,
    answer: Answer,
    valid: timedelta,
    remember: Callable[[Status, datetime, str], Status],
) -> Status:
    """The status with what somebody said in a chat; itself where it says so, or is past that.

    ``valid``: how long an answer counts; only later may the same person give it anew.
    """
    again = any(
        _same(one, answer) and answer.at - one.at <= valid for one in status.attempt.approvals
    )
    kept = merged(status, answer)
    if again or kept is status:
        return status
    verb = Verb.APPROVE if answer.yes else Verb.REJECT
    because = f"{'approved' if answer.yes else 'rejected'} by {answer.who}"
    told = remember(kept, answer.at, because)
    *earlier, newest = told.history
    newest = replace(newest, by=answer.who, request=verb.value, evidence=_proof(answer))
    return replace(told, history=(*earlier, newest))


def answer(request: Request, step: int, attempt: int, now: datetime) -> Answer:
    """The yes or no that ``request`` gives to that step."""
    return Answer(
        *(request.verb is Verb.APPROVE, now, step, attempt),
        who=request.who,
        claimed=request.claimed,
        reason=request.reason,
    )


def given(
    status: Status,
    request: Request,
    answer: Answer,
    remember: Callable[[Status, datetime, str], Status],
) -> tuple[Status, str]:
    """The status with ``answer``, which is what ``request`` says, and the sentence of it."""
    because = f"{'approved' if answer.yes else 'rejected'} by {request.story}"
    return remember(merged(status, answer), answer.at, because), because


def merged(status: Status, answer: Answer) -> Status:
    """The status with ``answer``, the newest of this person, step and kind in this attempt."""
    if answer.attempt != status.attempt.number:
        return status
    kept: tuple[Answer, ...] = status.attempt.approvals
    others: list[Answer] = [one for one in kept if not _same(one, answer)]
    return replace(status, attempt=replace(status.attempt, approvals=(*others, answer)))


def without_refusals(status: Status) -> Status:
    """The status without the noes of its attempt, for whoever goes on where one had failed it.

    Every yes stays, and whoever has said no may say so again.
    """
    kept: tuple[Answer, ...] = tuple(one for one in status.attempt.approvals if one.yes)
    return replace(status, attempt=replace(status.attempt, approvals=kept))


def _same(one: Answer, other: Answer) -> bool:
    return (one.who, one.step, one.yes) == (other.who, other.step, other.yes)


def _proof(answer: Answer) -> str:
    """What let this answer in, and the reason that was given."""
    parts = (
        f"on the list as {answer.entry}" if answer.entry else "",
        f"told apart from {answer.unlike}" if answer.unlike else "",
        f"reason: {answer.reason}" if answer.reason else "",
    )
    return "; ".join(part for part in parts if part)
