"""What people ask for, handled once: each verb is one function from a look to a turn."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from rollout.model.spec import Finish, Request
from rollout.model.status import Answer, Rejected, RolloutStatus, Stage
from rollout.reconcile import drift, journey, wanted
from rollout.reconcile.look import (
    AT_ONCE,
    SOON,
    Look,
    Turn,
    asked,
    lacking,
    named,
    remember,
    short,
)
from rollout.strategies import Stop


def text(request: Request) -> str:
    """The request as the annotation wrote it; echoed in the status once it was handled."""
    return f"{request.verb}@{request.nonce}"


def answered(look: Look) -> Turn | None:
    """The turn that does what a person asked, or says why not; None when nobody asked anew."""
    request = look.rollout.request
    if request is None or text(request) == look.status.last_handled_request:
        return None
    if _raises(look, request) and drift.paused(look.status):
        return _resume(look, request)  # decided: the foreign edit goes, then the weight rises
    if _waits(look, request):
        return None
    handled = replace(look.status, last_handled_request=text(request))
    look = replace(look, status=handled)
    do = _VERBS.get(request.verb)
    turn = do(look, request) if do else None
    if turn is None:
        because = f"{request.verb}: nothing to {request.verb} while {handled.stage.lower()}"
        return Turn(remember(handled, look.now, because), because, AT_ONCE)
    return turn


def _raises(look: Look, request: Request) -> bool:
    return request.verb in ("promote", "skip") and look.status.stage is Stage.STEPPING


def _waits(look: Look, request: Request) -> bool:
    """Whether a raise waits for what is on its way: proxies, a restored subset, pods of ours.

    Gates are a person's to skip, order and capacity are not; all else goes on meanwhile.
    """
    if not _raises(look, request):
        return False
    status, seen = look.status, look.seen
    foreign = seen.traffic.differences or wanted.wrong_subsets(status, seen)
    if status.confirmed_at is None or foreign:
        return True
    ours = wanted.ours_to_scale(look.rollout) and wanted.in_haste(look.rollout, status)
    return ours and bool(lacking(look, None))


def _who(request: Request) -> str:
    return request.who or "a person"


def _promote(look: Look, request: Request) -> Turn | None:
    """Everyone over, gates or not; also instead of going back to a stable that is not there."""
    status = look.status
    stuck = status.stage is Stage.WITHDRAWING and status.split.stable < 100
    if not stuck and status.stage is not Stage.STEPPING:
        return None
    if stuck and not (look.seen.asked and look.seen.asked.same(status.canary)):
        because = f"promote: git does not ask for {named(status.canary)}"
        return Turn(remember(status, look.now, because), because, AT_ONCE)
    return _unless_lacking(look, None) or journey.switch(look, f"promoted by {_who(request)}")


def _skip(look: Look, request: Request) -> Turn | None:
    if look.status.stage is not Stage.STEPPING or look.status.step is None:
        return None
    index = look.status.step.index + 1
    because = f"step skipped by {_who(request)}"
    if index < len(look.plan.stops):
        lack = _unless_lacking(look, look.plan.stops[index])
        return lack or journey.enter_step(look, index, because)
    if look.plan.finish is Finish.HOLD:
        because = "skip: this was the last step; promote or abort"
        return Turn(remember(look.status, look.now, because), because, AT_ONCE)
    return _unless_lacking(look, None) or journey.switch(look, because)


def _unless_lacking(look: Look, stop: Stop | None) -> Turn | None:
    """The refusal, where pods are lacking that nobody else would start."""
    lack = lacking(look, stop)
    return Turn(remember(look.status, look.now, lack), lack, SOON) if lack else None


def _pause(look: Look, request: Request) -> Turn | None:
    if look.status.stage not in journey.UNDER_WAY:
        return None
    return journey.pause(look, f"paused by {_who(request)}", _who(request))


def _resume(look: Look, request: Request) -> Turn | None:
    """Goes on; what the gate waited for is waited for anew, so it does not pause again at once."""
    status, pause = look.status, look.status.pause
    if pause is None:
        return None
    because = f"resumed by {_who(request)}"
    if drift.paused(status):
        status = asked(status, look.now)  # the foreign edit is overwritten
    elif not pause.by and status.confirmed_at is not None:
        status = replace(status, confirmed_at=look.now)
    status = replace(status, pause=None, losses=0, stage_since=look.now)
    return Turn(remember(status, look.now, because), because, AT_ONCE, "Resumed")


def _abort(look: Look, request: Request) -> Turn | None:
    """Everyone back; a canary that is on its way back already will not be tried again."""
    status, because = look.status, f"aborted by {_who(request)}"
    if status.stage in journey.UNDER_WAY:
        return journey.withdraw(look, because, reject=True)
    if status.stage is not Stage.WITHDRAWING or status.canary is None or status.rejected:
        return None
    status = replace(status, rejected=Rejected(status.canary, short(because), look.now))
    return Turn(remember(status, look.now, because), because, AT_ONCE)


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
    answer = Answer(request.who, yes, look.now, status.step.index, status.attempt)
    because = f"{'approved' if yes else 'rejected'} by {_who(request)}"
    status = merge_answers(status, (answer,))
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def merge_answers(status: RolloutStatus, answers: tuple[Answer, ...]) -> RolloutStatus:
    """The status with these answers: the newest of each person, step and kind of this attempt."""
    newest = {
        (a.who, a.step, a.yes): a
        for a in sorted((*status.approvals, *answers), key=lambda a: a.at)
        if a.attempt == status.attempt
    }
    merged = tuple(sorted(newest.values(), key=lambda a: a.at))
    return status if merged == status.approvals else replace(status, approvals=merged)


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
