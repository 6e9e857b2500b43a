"""The rules by which Flagger, Argo Rollouts and Kayenta decide, stated again for plain counts.

From the documentation and source of flagger (15bd6ad5, pkg/controller), argo-rollouts (9f8d111d,
analysis/analysis.go, utils/evaluate) and kayenta (a69573be, kayenta-judge): not their code
and not their exact arithmetic, but their windows, limits, strikes, steps and defaults.  "Tuned"
forms get limits set with perfect knowledge of stable, which nobody has.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.holdout import Class, World
from benchmarks.scenarios import BOUNDS, Counted, Scenario, Traffic

Scene = Scenario | Class
Drawn = Traffic | World

PROMOTE, ROLLBACK, HOLD = "promote", "rollback", "hold"


@dataclass(frozen=True)
class Ended:
    """How a rollout ended, after how many seconds, and how many requests were worse till then.

    ``later``: those after the end, within the first hour.
    ``asked``: whether a person was, on the way.
    """

    how: str
    after: float
    harmed: float
    later: float = 0.0
    asked: bool = False


@dataclass(frozen=True)
class Limits:
    """The least share of good requests, and the highest p99 in milliseconds."""

    success: float
    p99: float


def tuned(scenario: Scene) -> Limits:
    """Limits a little beyond what stable is known to do."""
    beyond = scenario.latency.beyond()
    p99 = quantile(Counted(10**9, 0, [round(share * 10**9) for share in beyond]), 0.99)
    return Limits(1 - (scenario.errors * 1.5 + 0.002), p99 * 1.25)


TUTORIAL = Limits(0.99, 500.0)


def quantile(counted: Counted, share: float) -> float:
    """As ``histogram_quantile``: straight lines within the buckets."""
    rank = counted.every * share
    below, start = 0.0, 0.0
    for bound, slow in zip(BOUNDS, counted.slow, strict=True):
        upto = counted.every - slow
        if upto >= rank:
            width = upto - below
            return start + (bound - start) * ((rank - below) / width if width else 1.0)
        below, start = upto, float(bound)
    return float(BOUNDS[-1])


def within(counted: Counted, limits: Limits) -> bool:
    """Whether both metrics pass; no requests is NaN, which passes nothing."""
    if not counted.every:
        return False
    good = 1 - counted.errors / counted.every
    return good >= limits.success and quantile(counted, 0.99) <= limits.p99


def is_down(traffic: Drawn, second: float) -> bool:
    """Whether Prometheus does not answer at that time."""
    gap = traffic.scenario.nature.gap
    return gap is not None and gap[0] <= second < gap[1]


def flagger(traffic: Drawn, limits: Limits, threshold: int) -> Ended:
    """1m interval, weights 10 to 50 by 10, ``threshold`` failed checks in all, told a loop late."""
    weight, failed, second, harmed = 10, 0, 0.0, 0.0
    while True:
        canary, _ = traffic.draw(second, 60, weight / 100)
        harmed += canary.every * traffic.harm(second + 30)
        second += 60
        if failed >= threshold:
            return Ended(ROLLBACK, second, harmed)
        if is_down(traffic, second) or not within(canary, limits):
            failed += 1
        elif weight >= 50:
            return Ended(PROMOTE, second, harmed)
        else:
            weight += 10


@dataclass(frozen=True)
class ArgoPlan:
    """Minutes between measurements, failures that are still allowed, and minutes at each weight."""

    every: int
    failure_limit: int
    minutes: int
    weights: tuple[int, ...] = (20, 40, 60, 80)


def argo(traffic: Drawn, limits: Limits, plan: ArgoPlan) -> Ended:
    """A background AnalysisRun beside timed pauses; five errors in a row, 10 s apart, abort."""
    second, failed, harmed = 0.0, 0, 0.0
    window = Counted()
    for minute in range(plan.minutes * len(plan.weights)):
        weight = plan.weights[minute // plan.minutes]
        canary, _ = traffic.draw(second, 60, weight / 100)
        window = window.plus(canary)
        harmed += canary.every * traffic.harm(second + 30)
        second += 60
        if (minute + 1) % plan.every:
            continue
        if is_down(traffic, second) and is_down(traffic, second + 50):
            return Ended(ROLLBACK, second + 50, harmed)
        if not within(window, limits):
            failed += 1
        if failed > plan.failure_limit:
            return Ended(ROLLBACK, second, harmed)
        window = Counted()
    return Ended(PROMOTE, second, harmed)


def kayenta(traffic: Drawn) -> Ended:
    """One-minute points of canary and stable, Mann-Whitney at 98 %, judged every ten of fifty."""
    points: dict[str, list[tuple[float, float]]] = {"errors": [], "p99": []}
    harmed = 0.0
    for minute in range(50):
        second = minute * 60.0
        canary, stable = traffic.draw(second, 60, 0.2)
        harmed += canary.every * traffic.harm(second + 30)
        if canary.every and stable.every and not is_down(traffic, second + 60):
            rates = canary.errors / canary.every, stable.errors / stable.every
            points["errors"].append(rates)
            points["p99"].append((quantile(canary, 0.99), quantile(stable, 0.99)))
        if minute % 10 == 9 and any(is_high(pairs) for pairs in points.values()):
            return Ended(ROLLBACK, second + 60, harmed)
    return Ended(PROMOTE, 3000.0, harmed)


def is_high(pairs: Sequence[tuple[float, float]]) -> bool:
    """Whether the shift's confidence interval lies above a quarter of the shift itself."""
    if len(pairs) < 4 or [a for a, _ in pairs] == [b for _, b in pairs]:
        return False
    shifts = sorted(a - b for a, _ in pairs for _, b in pairs)
    count = len(pairs)
    deviation = math.sqrt(count * count * (2 * count + 1) / 12)
    low = max(0, round(count * count / 2 - 2.326 * deviation))
    middle = shifts[len(shifts) // 2]
    means = sum(a for a, _ in pairs) / count, sum(b for _, b in pairs) / count
    return shifts[low] > 0.25 * abs(middle) and means[0] >= means[1] and middle > 0


PEERS: dict[str, Callable[[Drawn], Ended]] = {
    "flagger": lambda t: flagger(t, TUTORIAL, 5),
    "flagger tuned, 2 strikes": lambda t: flagger(t, tuned(t.scenario), 2),
    "argo": lambda t: argo(t, Limits(0.95, 500), ArgoPlan(5, 3, 10)),
    "argo tuned": lambda t: argo(t, tuned(t.scenario), ArgoPlan(1, 2, 2)),
    "kayenta": kayenta,
}
