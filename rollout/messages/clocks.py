"""The clocks of a step, from status, spec and the time alone: what ends when, and what then.

A status is written once a minute at most; these are true to the second whoever reads it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from rollout import strategies
from rollout.messages import evidence
from rollout.messages.terminal import age
from rollout.model.reasons import WaitsFor
from rollout.model.spec import Ending, Rollout, Step
from rollout.model.status import RolloutStatus, Stage
from rollout.model.traffic import Route
from rollout.model.units import words

_ENDED: Mapping[Ending, str] = {
    Ending.PROMOTE: "goes on unless something looks worse",
    Ending.HOLD: "asks a person",
    Ending.ROLLBACK: "goes back",
}
_GIVEN_UP = "pauses and asks a person"


def lines(rollout: Rollout, status: RolloutStatus, now: datetime) -> list[str]:
    """One line a clock that runs now, the next to end first; empty where none does."""
    if status.attempt.pause is not None or status.stage.name is Stage.IDLE:
        return []
    if status.stage.name is Stage.STEPPING:
        return list(_stepping(rollout, status, now))
    if status.stage.name is Stage.BAKING and status.stage.confirmed_at is not None:
        keeps = strategies.plan(rollout.spec.strategy).keep_old
        left = status.stage.confirmed_at + keeps - now
        return [f"the old pods stay: {_left(left, keeps)}; then they go"]
    if status.stage.name is Stage.PREPARING and status.stage.since is not None:
        deadline = rollout.spec.progress_deadline
        told = _left(status.stage.since + deadline - now, deadline)
        return [f"progress deadline: {told}; then it {_GIVEN_UP}"]
    return []


def step_of(rollout: Rollout, status: RolloutStatus) -> Step | None:
    """The spec of the step that a rollout is at; None between steps."""
    at = status.attempt.step
    return strategies.plan(rollout.spec.strategy).at(at.index).step if at else None


def route_of(rollout: Rollout, status: RolloutStatus) -> Route | None:
    """The route of the step that a rollout is at, as its spec has it; None between steps."""
    at = status.attempt.step
    return strategies.plan(rollout.spec.strategy).at(at.index).route if at else None


def _stepping(rollout: Rollout, status: RolloutStatus, now: datetime) -> Iterator[str]:
    at, step = status.attempt.step, step_of(rollout, status)
    if at is None or step is None:
        return
    counted = evidence.requests(status.attempt.verdicts)
    so_far = f"; {evidence.number(counted)} canary requests in this attempt" if counted else ""
    yield f"in {at.name} for {age(now - at.entered_at)}{so_far}"
    since = status.stage.confirmed_at
    if since is None:
        yield "the proxies have not confirmed its route yet; then its clocks start"
        return
    if now < since + step.bake:
        yield f"bake: {_left(since + step.bake - now, step.bake)}"
    if status.waits_for is WaitsFor.APPROVAL and step.approval is not None:
        expires = step.approval.expires
        yield f"approval: {_left(since + expires - now, expires)}; then it {_GIVEN_UP}"
    elif now < since + step.box:
        then = _ENDED[rollout.spec.analysis.on_inconclusive]
        yield f"time box: {_left(since + step.box - now, step.box)}; then it {then}"


def _left(left: timedelta, whole: timedelta) -> str:
    return f"{age(left)} left of {words(whole)}"
