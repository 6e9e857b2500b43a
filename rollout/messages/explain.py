"""Why a rollout is not moving, and what would move it: one sentence from status, spec and clock."""

from collections.abc import Iterator
from datetime import datetime

from rollout.messages import clocks
from rollout.messages.terminal import age, known_as
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import BY_KUBERNETES, Rollout, Step
from rollout.model.status import Outcome, Phase, RolloutStatus, Stage


def explain(rollout: Rollout, status: RolloutStatus, now: datetime) -> str:
    """Why it is not moving, and what would move it, in one sentence."""
    return f"{rollout.name} {'; '.join(filter(None, _parts(rollout, status, now)))}"


def follows(rollout: Rollout, status: RolloutStatus, now: datetime) -> str:
    """The same without the sentence itself, for who shows that beside it; may be empty."""
    _, *others = _parts(rollout, status, now)
    return "; ".join(filter(None, others))


def ways_on(rollout: Rollout, status: RolloutStatus) -> str:
    """What a person has to decide, in commands; empty where nobody is asked."""
    there, stage = f"{rollout.name} -n {rollout.namespace}", status.stage.name
    if status.attempt.pause is not None:
        return f"`rollout resume {there}`, or promote, or abort"
    if stage is Stage.IDLE and status.rejected is not None:
        return f"push another revision, or `rollout retry {there}`"
    if stage is Stage.STEPPING and status.waits_for is WaitsFor.APPROVAL:
        return _answer(rollout, clocks.step_of(rollout, status), there)
    if stage is Stage.STEPPING and status.waits_for is WaitsFor.STABLE:
        return f"`rollout promote {there}` gives the canary everyone"
    return ""


def _parts(rollout: Rollout, status: RolloutStatus, now: datetime) -> Iterator[str]:
    stage, ways, later = status.stage.name, ways_on(rollout, status), status.attempt.pending
    if status.attempt.pause is not None:
        yield f"stands still: {_standing(status, now)}"
        yield from (*_more_trouble(status), later, ways)
    elif stage is Stage.IDLE:
        yield f"{_rest(status)}: {status.because}"
        yield ways
    elif stage is Stage.STEPPING and status.attempt.step is not None:
        yield f"is at {_place(status)}: {_newest(rollout, status, now)}"
        yield from (ways or _forecast(rollout, status, now), *_more_trouble(status), later)
    elif stage is Stage.BAKING:
        yield f"has everyone on {_canary(status)}: {status.because}"
        yield from (_until_the_old_go(rollout, status, now), later)
    else:
        yield f"is {stage.value.lower()}: {status.because}"
        yield from (_forecast(rollout, status, now), later)


def _rest(status: RolloutStatus) -> str:
    if status.rejected is not None:
        return f"stays on {status.stable.title if status.stable else 'nobody'}"
    return "stands still" if status.phase is Phase.PAUSED else "has nothing to do"


def _standing(status: RolloutStatus, now: datetime) -> str:
    """Why a paused rollout stands still now, and since when; a person's word stays as it was."""
    pause = status.attempt.pause
    if pause is None:
        return status.because
    since = age(now - pause.since)
    why = f"{pause.because}, {since} ago" if pause.by else f"paused for {since}: {pause.because}"
    trouble = status.waits_for in (WaitsFor.STABLE, WaitsFor.OBJECTS)
    return f"{why}; {status.because}" if trouble else why


def _more_trouble(status: RolloutStatus) -> list[str]:
    """What cannot be judged, but for the first: that is the sentence where data is waited for."""
    errors = [v.text for v in status.attempt.verdicts if v.outcome is Outcome.ERROR]
    pause = status.attempt.pause
    blind = pause is not None and pause.kind is PauseKind.BLIND
    return errors[1:] if blind or status.waits_for is WaitsFor.DATA else errors


def _newest(rollout: Rollout, status: RolloutStatus, now: datetime) -> str:
    """``because``, unless the clock tells that it is of the past: it is written once a minute."""
    step, since = clocks.step_of(rollout, status), status.stage.confirmed_at
    baked = step is not None and since is not None and now >= since + step.bake
    if baked and status.waits_for is WaitsFor.BAKE:
        return "it has baked; what else it waits for is told within a minute"
    return status.because


def _forecast(rollout: Rollout, status: RolloutStatus, now: datetime) -> str:
    """What time alone will do; empty where only an event can move it."""
    if status.stage.name is Stage.STEPPING and status.waits_for not in _CLOCKED:
        return ""
    first = next(iter(clocks.running(rollout, status, now)), None)
    if first is None or first.ends <= now:
        return ""
    left = age(first.ends - now)
    return f"in {left} {first.then}" if first.then else f"it bakes {left} more at least"


_CLOCKED = (WaitsFor.BAKE, WaitsFor.EVIDENCE, WaitsFor.DATA)
"""What a step's clock ends; all else would wait on, whatever the time."""


def _until_the_old_go(rollout: Rollout, status: RolloutStatus, now: datetime) -> str:
    there = f"{rollout.name} -n {rollout.namespace}"
    last = next((one.ends for one in clocks.running(rollout, status, now)), now)
    if last <= now:
        return ""
    return f"`rollout abort {there}` takes everyone back, for {age(last - now)} more"


def _answer(rollout: Rollout, step: Step | None, there: str) -> str:
    """How an answer is given: by a command, unless the step's list lets nobody in by that."""
    asked = step.approval if step is not None else None
    if asked is None or not asked.approvers or BY_KUBERNETES in asked.approvers:
        return f"say `rollout approve {there}` or `rollout reject {there}`"
    channel = asked.slack or rollout.spec.notify.slack
    return f"{' or '.join(asked.approvers)} must answer in Slack, {channel}"


def _place(status: RolloutStatus) -> str:
    step = status.attempt.step
    return f"{step.name if step else 'a step'} ({status.stage.split.canary}%)"


def _canary(status: RolloutStatus) -> str:
    return known_as(status.attempt.canary) or "the canary"
