"""The clocks of a step, from status, spec and the time alone: what ends when, and what then.

A status is written once a minute at most; these are true to the second whoever reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
    Ending.PROMOTE: "goes on, unless something looks worse or too few requests came",
    Ending.HOLD: "asks a person",
    Ending.ROLLBACK: "goes back",
}
_GIVEN_UP = "pauses and asks a person"


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock that runs: what it is of, when it ends, how long it is, and what follows."""

    what: str
    ends: datetime
    whole: timedelta
    then: str = ""

    def words(self, now: datetime) -> str:
        """The clock as a line."""
        then = f"; then {self.then}" if self.then else ""
        return f"{self.what}: {age(self.ends - now)} left of {words(self.whole)}{then}"


def lines(rollout: Rollout, status: RolloutStatus, now: datetime) -> list[str]:
    """What runs now, a line each, the next clock to end first; empty where nothing does."""
    said = [clock.words(now) for clock in running(rollout, status, now)]
    if status.attempt.pause is None and status.stage.name is Stage.STEPPING:
        return [*_standing(status, now), *said]
    return said


def running(rollout: Rollout, status: RolloutStatus, now: datetime) -> list[Clock]:
    """The clocks that run now, the next to end first."""
    stage = status.stage
    if status.attempt.pause is not None or stage.name is Stage.IDLE:
        return []
    if stage.name is Stage.STEPPING:
        return list(_stepping(rollout, status, now))
    if stage.name is Stage.BAKING and stage.confirmed_at is not None:
        keeps = strategies.plan(rollout.spec.strategy).keep_old
        return [Clock("the old pods stay", stage.confirmed_at + keeps, keeps, "they go")]
    if stage.name is Stage.PREPARING and stage.since is not None:
        deadline = rollout.spec.progress_deadline
        return [Clock("progress deadline", stage.since + deadline, deadline, f"it {_GIVEN_UP}")]
    return []


def step_of(rollout: Rollout, status: RolloutStatus) -> Step | None:
    """The spec of the step that a rollout is at; None between steps."""
    at = status.attempt.step
    return strategies.plan(rollout.spec.strategy).at(at.index).step if at else None


def route_of(rollout: Rollout, status: RolloutStatus) -> Route | None:
    """The route of the step that a rollout is at, as its spec has it; None between steps."""
    at = status.attempt.step
    return strategies.plan(rollout.spec.strategy).at(at.index).route if at else None


def _standing(status: RolloutStatus, now: datetime) -> Iterator[str]:
    at = status.attempt.step
    if at is None:
        return
    counted = evidence.requests(status.attempt.verdicts)
    so_far = f"; {evidence.number(counted)} canary requests in this attempt" if counted else ""
    yield f"in {at.name} for {age(now - at.entered_at)}{so_far}"
    if status.stage.confirmed_at is None:
        yield "the proxies have not confirmed its route yet; then its clocks start"


def _stepping(rollout: Rollout, status: RolloutStatus, now: datetime) -> Iterator[Clock]:
    step, since = step_of(rollout, status), status.stage.confirmed_at
    if step is None or since is None:
        return
    if now < since + step.bake:
        yield Clock("bake", since + step.bake, step.bake)
    if status.waits_for is WaitsFor.APPROVAL and step.approval is not None:
        expires = step.approval.expires
        yield Clock("approval", since + expires, expires, f"it {_GIVEN_UP}")
    elif status.waits_for is WaitsFor.DATA:
        yield from _blind(rollout, since, now)
    elif now < since + step.box:
        then = _ENDED[rollout.spec.analysis.on_inconclusive]
        yield Clock("time box", since + step.box, step.box, f"it {then}")


def _blind(rollout: Rollout, since: datetime, now: datetime) -> Iterator[Clock]:
    """Nothing is known, and no time box lets a step go on that knows nothing."""
    deadline = rollout.spec.progress_deadline
    if rollout.spec.analysis.on_no_data != "pause" and now < since + deadline:
        yield Clock("no data", since + deadline, deadline, f"it {_GIVEN_UP}")
