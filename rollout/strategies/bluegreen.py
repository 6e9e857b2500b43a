"""Blue-green: a preview, then everyone at once, the old kept warm for a while."""

from rollout.model.spec import BlueGreen, Finish, Step
from rollout.model.traffic import Route, Split
from rollout.strategies.plan import Plan, Stop


def plan(blue_green: BlueGreen) -> Plan:
    """One stop, the preview; the switch that follows is by weight, so connections live on."""
    step = Step(
        name="preview",
        weight=0,
        cohorts=blue_green.preview,
        bake=blue_green.bake,
        time_box=blue_green.time_box,
        analysis=blue_green.analysis,
        approval=blue_green.approval,
        webhook=blue_green.webhook,
    )
    route = Route(Split(100, 0), blue_green.preview, preview_host=blue_green.preview_host)
    return Plan((Stop(step.name, route, step),), Finish.PROMOTE, blue_green.keep_warm)
