"""What every strategy comes down to: stops in order, and what follows the last."""

from dataclasses import dataclass, replace
from datetime import timedelta

from rollout.model.spec import Finish, Step
from rollout.model.traffic import STABLE_ONLY, Cohort, Route, Split


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop of a journey: where requests go, and the step whose gate ends it."""

    name: str
    route: Route
    step: Step


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole journey; ``stops`` is never empty.

    ``keep_old``: how long the old pods stay, and gates judge, once everyone is on the canary.
    """

    stops: tuple[Stop, ...]
    finish: Finish
    keep_old: timedelta

    def at(self, index: int) -> Stop:
        """The stop of a step that was begun; git may have fewer by now, then it is the last."""
        return self.stops[min(index, len(self.stops) - 1)]


def stops(steps: tuple[Step, ...]) -> tuple[Stop, ...]:
    """A stop for each step: weights hold until changed, cohorts stay on the canary for good.

    A mirror and a fault belong to their own step only.
    """
    answer: list[Stop] = []
    weight = 0
    cohorts: tuple[Cohort, ...] = ()
    for number, step in enumerate(steps, 1):
        weight = weight if step.weight is None else step.weight
        cohorts += tuple(c for c in step.cohorts if c not in cohorts)
        route = Route(Split.giving_canary(weight), cohorts, step.mirror, step.fault)
        answer.append(Stop(step.name or f"step {number}", route, step))
    return tuple(answer)


def everyone(route: Route = STABLE_ONLY) -> Route:
    """The route on which every request goes to the canary."""
    return replace(route, split=Split(0, 100))
