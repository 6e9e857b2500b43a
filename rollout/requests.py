"""What people ask and answer, as a status keeps it; the same for every kind that we drive.

Which request a stage can fulfil, and what it does then, is each core's own.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from rollout.model.reasons import Verb
from rollout.model.spec import BY_KUBERNETES, Request, Rollout
from rollout.model.status import Answer, RefusedRequest, RolloutStatus
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


def refused(status: Status, request: Request) -> Status:
    """The status that says that it was not done; it is no decision of the history."""
    return replace(status, last_handled_request=request.text, last_refused_request=request.text)


def signed(
    before: "AnyStatus", status: Status, request: Request, because: str, now: datetime
) -> Status:
    """``status``, whose newest decision says who asked for it; or that remembers the refusal.

    ``before``: without what this request has brought about; ``because``: why it was refused.
    Once it is handled nobody is vouched for: whoever annotates that text again may be anyone.
    """
    by = request.who or BY_KUBERNETES
    if status.vouched is not None and status.vouched.text == status.last_handled_request:
        status = replace(status, vouched=None)
    if status.last_refused_request == request.text:
        refusal = RefusedRequest(request.text, by, now, short(because), request.claimed)
        return replace(status, refused_requests=(*status.refused_requests, refusal)[-REFUSALS:])
    if status.epoch == before.epoch:
        return status
    *earlier, newest = status.history
    newest = replace(
        newest, by=by, request=request.text, claimed=request.claimed, reason=request.reason
    )
    return replace(status, history=(*earlier, newest))


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
