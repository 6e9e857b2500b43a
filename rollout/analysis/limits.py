"""Readings against limits: the style of Argo Rollouts and Flagger, with their strikes counted.

A reading is one number at one instant; no reading is no strike and no pass either.
"""

from dataclasses import dataclass

from rollout.analysis.memory import Strikes
from rollout.model.spec import Failures, Metric


def is_beyond(metric: Metric, value: float) -> bool:
    """Whether ``value`` is outside ``min`` and ``max``; NaN is, should it ever get here."""
    above = metric.min is None or value >= metric.min
    below = metric.max is None or value <= metric.max
    return not (above and below)


def has_failed(strikes: Strikes, failures: Failures) -> bool:
    """Whether one of the two counts has reached its limit."""
    return (failures.consecutive is not None and strikes.consecutive >= failures.consecutive) or (
        failures.total is not None and strikes.total >= failures.total
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """The words for a metric's limits: ``at least 1``, ``at most 100``, or between."""

    metric: Metric

    def __str__(self) -> str:
        parts = [
            f"{word} {limit:g}"
            for word, limit in (("at least", self.metric.min), ("at most", self.metric.max))
            if limit is not None
        ]
        return " and ".join(parts) or "no limit"


def text(metric: Metric, strikes: Strikes) -> str:
    """``queue: 120, wanted at most 100; 2 in a row of 3``."""
    if strikes.last is None:
        return f"{metric.name}: no reading yet, wanted {Limits(metric)}"
    found = f"{metric.name}: {strikes.last:.6g}, wanted {Limits(metric)}"
    return f"{found}; {count(metric, strikes)}" if strikes.total else found


def count(metric: Metric, strikes: Strikes) -> str:
    """``beyond the limit 2 in a row of 3, 4 in all``."""
    row = f"{strikes.consecutive} in a row{_of(metric.failures.consecutive)}"
    return f"beyond the limit {row}, {strikes.total} in all{_of(metric.failures.total)}"


def _of(limit: int | None) -> str:
    return f" of {limit}" if limit is not None else ""
