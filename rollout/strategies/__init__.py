"""Where requests go at each step; no clock, no metric, no person.

A new strategy is one file here, one case in ``plan`` and one story in the tests.
"""

from rollout.memo import remembered
from rollout.model.spec import Strategy
from rollout.strategies import bluegreen, canary, dark
from rollout.strategies.plan import Plan, Stop, everyone

__all__ = ["Plan", "Stop", "everyone", "plan"]


@remembered
def plan(strategy: Strategy) -> Plan:
    """The journey that ``strategy`` asks for; its constructor made sure that it names one."""
    if strategy.canary is not None:
        return canary.plan(strategy.canary)
    if strategy.dark is not None:
        return dark.plan(strategy.dark)
    assert strategy.blue_green is not None  # noqa: S101 - a promise between our own functions
    return bluegreen.plan(strategy.blue_green)
