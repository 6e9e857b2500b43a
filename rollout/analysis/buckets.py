"""Which histogram bounds a latency is judged at: real ones only; nothing is interpolated."""

import math
from collections.abc import Sequence
from datetime import timedelta

from rollout.model.units import words

TAILS = (0.5, 0.1, 0.01)  # shares slower than a bound that tell body, shoulder and tail


def above(wanted: timedelta, bounds: Sequence[timedelta]) -> timedelta | None:
    """The least real bound at or above ``wanted``; None beyond the last one."""
    return min((bound for bound in bounds if bound >= wanted), default=None)


def chosen(slow: Sequence[int], total: int, bounds: Sequence[timedelta]) -> tuple[timedelta, ...]:
    """The bounds nearest to stable's 50 %, 10 % and 1 % tails, and the next one up.

    ``slow``: requests slower than each of ``bounds``, which rise.
    Empty when there is nothing to choose by.  Source: facts of the pre-study, gating 2.5.
    """
    if total <= 0 or not bounds:
        return ()
    shares = [max(bad, 0.1) / total for bad in slow]
    nearest = {
        min(range(len(bounds)), key=lambda i: abs(math.log(shares[i] / tail))) for tail in TAILS
    }
    nearest.add(min(max(nearest) + 1, len(bounds) - 1))
    return tuple(bounds[index] for index in sorted(nearest))


def name(bound: timedelta) -> str:
    """``500ms``, ``1s``, ``0.5ms``: no two bounds have the same, however short."""
    milliseconds = bound / timedelta(milliseconds=1)
    return words(bound) if milliseconds.is_integer() else f"{milliseconds:g}ms"
