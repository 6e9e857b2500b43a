"""The canary strategy: a rising share of ordinary requests."""

from rollout.model.spec import Canary, Finish
from rollout.strategies.plan import Plan, stops


def plan(canary: Canary) -> Plan:
    """One stop a step, then everyone."""
    return Plan(stops(canary.steps), Finish.PROMOTE, canary.bake_after_promotion)
