"""What a plan adds up from its parts."""

from datetime import timedelta

from rollout.model.mesh import Restart
from rollout.model.ref import Ref
from rollout.model.upgradeplan import (
    PlannedSpace,
    PlannedStop,
    PlannedWave,
    PlannedWorkload,
    UpgradePlan,
)

MINUTE = timedelta(minutes=1)


def space(name: str, *pods: int) -> PlannedSpace:
    works = (
        PlannedWorkload(Ref("Deployment", name, str(n)), n, Restart.ANNOTATION, MINUTE)
        for n in pods
    )
    return PlannedSpace(name, "", tuple(works), takes=2 * MINUTE)


def test_a_plan_counts_every_pod_and_every_minute_once() -> None:
    waves = (
        PlannedWave("a", (space("x", 2, 3), space("y", 1)), bake=5 * MINUTE),
        PlannedWave("b", bake=MINUTE),
    )
    stops = (PlannedStop("g", "how", 10 * MINUTE),)
    plan = UpgradePlan("mesh", "old", "new", waves, stops, stops, bake=100 * MINUTE)
    assert [(wave.pods, wave.takes) for wave in waves] == [(6, 9 * MINUTE), (0, MINUTE)]
    assert (plan.pods, plan.takes) == (6, 130 * MINUTE)
