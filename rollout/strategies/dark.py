"""The dark release: cohorts and mirrored requests only; ordinary users see stable."""

from rollout.model.spec import Dark
from rollout.strategies.plan import Plan, stops


def plan(dark: Dark) -> Plan:
    """One stop a step, then what ``finish`` says."""
    return Plan(stops(dark.steps), dark.finish, dark.bake_after_promotion)
