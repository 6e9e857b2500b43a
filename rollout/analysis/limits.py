"""Readings against limits: the style of Argo Rollouts and Flagger, with their strikes counted.

A reading is one number at one instant; no reading is no strike and no pass either.
"""

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


def text(metric: Metric, strikes: Strikes) -> str:
    """``queue: 120 is above 100 (2 of 3 in a row)``."""
    if strikes.last is None:
        return f"{metric.name}: no reading yet"
    found = f"{metric.name}: {strikes.last:.6g}"
    if not strikes.total:
        return f"{found} is within its limits"
    return f"{found} {_place(metric, strikes.last)} ({count(metric, strikes)})"


def _place(metric: Metric, value: float) -> str:
    if metric.max is not None and value > metric.max:
        return f"is above {metric.max:g}"
    if metric.min is not None and value < metric.min:
        return f"is below {metric.min:g}"
    return "is within its limits again"


def count(metric: Metric, strikes: Strikes) -> str:
    """``2 of 3 in a row``, ``4 of 5 in all``; both where both count."""
    parts = [
        f"{found} of {limit} {how}"
        for found, limit, how in (
            (strikes.consecutive, metric.failures.consecutive, "in a row"),
            (strikes.total, metric.failures.total, "in all"),
        )
        if limit is not None
    ]
    return ", ".join(parts) or f"{strikes.total} in all"
