"""Which histogram bounds a latency is judged at: real ones only; nothing is interpolated."""

import math
from collections.abc import Sequence
from datetime import timedelta

from rollout.analysis import evidence
from rollout.analysis.evidence import Line
from rollout.model.units import words

TAILS = (0.5, 0.1, 0.01)  # shares slower than a bound that tell body, shoulder and tail


def above(wanted: timedelta, bounds: Sequence[timedelta]) -> timedelta | None:
    """The least real bound at or above ``wanted``; None beyond the last one."""
    return min((bound for bound in bounds if bound >= wanted), default=None)


def chosen(
    slow: Sequence[int], total: int, bounds: Sequence[timedelta], line: Line
) -> tuple[timedelta, ...]:
    """The bounds nearest to stable's 50 %, 10 % and 1 % tails, and the next one up.

    ``slow``: requests slower than each of ``bounds``, which rise.
    ``line``: what will be tolerated.  A bound that nearly every request exceeds leaves no room
    beyond it, so that no canary could be seen to be worse: it is chosen only where none leaves any.
    Of bounds that are as near it is the one beside the tail.
    Empty when there is nothing to choose by.
    """
    if total <= 0 or not bounds:
        return ()
    shares = [min(max(bad, 0.1), total - 0.1) / total for bad in slow]
    full = sum(line.at(share) > evidence.WORST_SHARE for share in shares)
    first = min(full, len(bounds) - 1)
    nearest = {first + _nearest(shares[first:], tail) for tail in TAILS}
    nearest.add(min(max(nearest) + 1, len(bounds) - 1))
    return tuple(bounds[index] for index in sorted(nearest))


def _nearest(shares: Sequence[float], tail: float) -> int:
    """The index of the share nearest to ``tail``, by log odds; shares fall."""
    far = [abs(_log_odds(share) - _log_odds(tail)) for share in shares]
    equals = [index for index, one in enumerate(far) if one == min(far)]
    return equals[-1] if shares[equals[0]] > tail else equals[0]


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def name(bound: timedelta) -> str:
    """``500ms``, ``1s``, ``0.5ms``: no two bounds have the same, however short."""
    milliseconds = bound / timedelta(milliseconds=1)
    return words(bound) if milliseconds.is_integer() else f"{milliseconds:g}ms"
