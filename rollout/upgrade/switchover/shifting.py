"""While users are on both sides: green is judged, and goes on step by step, or back."""

from dataclasses import replace
from datetime import timedelta

from rollout.gate import Finding, Gate
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import OnFailure, Step
from rollout.model.switchover import Side, SwitchoverStatus
from rollout.model.turn import SOON, Notice
from rollout.upgrade.switchover import asking, judging, progress
from rollout.upgrade.switchover.judging import Judged
from rollout.upgrade.switchover.look import (
    Look,
    Turn,
    attempted,
    enter_bake,
    enter_step,
    go_back,
    pause,
)

SPARE = 2
"""Blue keeps at least one in so many of the gateway pods that it began with, or is no way back."""


def _step(look: Look, index: int) -> Step:
    """The step as the one step rule knows it; one that git has dropped goes by the last."""
    steps = look.switchover.spec.steps
    step = steps[min(index, len(steps) - 1)]
    return Step(name=step.name, weight=step.weight, bake=step.bake, time_box=step.time_box)


def shifting(look: Look) -> Turn:
    """Users are on both sides: green is judged first, whatever else stands in the way."""
    step = look.status.attempt.step
    index = step.index if step else 0
    look, judged, back = judged_on(look)
    if back is not None:
        return back
    if held := _held(look, judged):
        return held
    if waiting := progress.waiting(look):
        return late(look, waiting)
    found = judging.finding(look.switchover, look.status, _step(look, index), judged, look.now)
    look, turn = ruled(look, found)
    if turn is None and (people := asking.waiting(look)):
        look, turn = ruled(look, people)
    return turn or _passed(look, found)


def judged_on(look: Look) -> tuple[Look, Judged, Turn | None]:
    """The look with what its counters taught, and the way back where green has failed.

    Whatever else stands in the way, users on green are judged on.
    """
    judged = judging.judged(look.switchover, look.status, look.seen, look.now)
    status = attempted(
        look.status,
        verdicts=judged.verdicts,
        checkpoint=judged.green.checkpoint,
        blue_checkpoint=judged.blue.checkpoint,
    )
    look = replace(look, status=status)
    return look, judged, _failed(look, judged)


def _failed(look: Look, judged: Judged) -> Turn | None:
    """Green is worse than it may be, or does not answer at all: back, in this look."""
    because = ""
    if judged.failed:
        because = judged.green.because
    elif look.down(Side.GREEN):
        because = f"green answers no probe: {look.probes(Side.GREEN)[0].problem}"
    if not because:
        return None
    if look.switchover.spec.on_failure is OnFailure.HOLD and not look.down(Side.GREEN):
        return pause(look, PauseKind.FAILED, because)
    return go_back(look, because, reject=True)


def _held(look: Look, judged: Judged) -> Turn | None:
    """What keeps weights where they are though green is fine: the way back, or a cluster unseen."""
    if judged.blue_failed:
        because = f"blue got worse than before: {judged.blue.because}"
        return pause(look, PauseKind.STABLE_WORSE, because)
    if look.down(Side.BLUE):
        because = f"blue answers no probe: {look.probes(Side.BLUE)[0].problem}"
        return _stays(look, because, WaitsFor.STABLE)
    for side in Side:
        if problem := look.cluster(side).problem:
            return _stays(look, f"{side}: {problem}", WaitsFor.CLUSTER)
    ready, began = look.cluster(Side.BLUE).ready, look.status.attempt.blue_pods
    if ready * SPARE < began:
        because = f"SW-008: blue has {ready} gateway pods of {began}: no way back, so holding"
        return _stays(look, because, WaitsFor.STABLE)
    return None


def _stays(look: Look, because: str, waits_for: WaitsFor) -> Turn:
    notice = Notice("Holding", warning=True)
    return Turn(look.status, because, SOON, waits_for, notice)


def late(look: Look, waiting: progress.Waiting) -> Turn:
    """What comes by itself, or a person is asked once it is late."""
    since = look.status.stage.asked_at or look.now
    if look.status.stage.served_at is not None:
        since = look.now - max(timedelta(0), -progress.cached_for(look.status, look))
    late = look.now - since >= look.switchover.progress_deadline
    if late and waiting.waits_for is not WaitsFor.CACHES:
        return pause(look, PauseKind.DEADLINE, waiting.because)
    status = _unpaused(look.status, PauseKind.DEADLINE)
    if status.attempt.pause is not None:
        return stands(look)
    return Turn(status, waiting.because, waiting.again, waiting.waits_for)


def _unpaused(status: SwitchoverStatus, *gone: PauseKind) -> SwitchoverStatus:
    """The status without a pause of these kinds, whose reason is gone."""
    paused = status.attempt.pause
    if paused is None or paused.kind not in gone:
        return status
    return attempted(status, pause=None)


def stands(look: Look) -> Turn:
    """The turn of a pause: weights stay, with the reason that people were told."""
    paused = look.status.attempt.pause
    return Turn(look.status, paused.because if paused else "", SOON * 3)


def ruled(look: Look, found: Finding) -> tuple[Look, Turn | None]:
    """The step rule's answer, once weights, caches and requests are as asked; None: it is open.

    A pause that may pass does so as soon as the rule no longer asks for it.
    """
    if found.gate is Gate.FAILED:
        return look, go_back(look, found.because, reject=True)
    paused = look.status.attempt.pause
    if paused is not None and not (paused.kind.may_pass and paused.kind is not found.pause):
        return look, stands(look)
    look = replace(look, status=attempted(look.status, pause=None))
    if found.pause is not None:
        return look, pause(look, found.pause, found.because)
    if found.gate is Gate.HOLD:
        again = min(found.again or SOON * 3, judging.next_counts(look.switchover, look.now))
        asks = Notice("Approval") if found.waits_for is WaitsFor.APPROVAL else None
        return look, Turn(look.status, found.because, again, found.waits_for, asks)
    return look, None


def _passed(look: Look, found: Finding) -> Turn:
    """The gate is open, and so is everybody who was asked: the next step.

    That is the next weight that git asks for now, whatever the steps were when this one began.
    """
    index = look.switchover.spec.step_after(look.status.stage.split.canary)
    if index is not None:
        return enter_step(look, index, found.because)
    return enter_bake(look, f"{found.because}: everyone to green")
