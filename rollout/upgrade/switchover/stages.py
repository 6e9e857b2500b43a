"""Which function makes a turn of a look, by the stage of the switchover; and its phase."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from rollout.model.reasons import WaitsFor
from rollout.model.status import Phase
from rollout.model.switchover import AHEAD, SwitchoverStatus, SwitchStage
from rollout.upgrade.switchover import before, ending, shifting
from rollout.upgrade.switchover.look import Look, Turn


def advance(look: Look) -> Turn:
    """What the stage that we are in makes of the look."""
    paused = look.status.attempt.pause
    if look.status.stage.name in AHEAD and paused is not None and not paused.kind.may_pass:
        return replace(shifting.stands(look), writes=False)
    return _STAGES[look.status.stage.name](look)


def phase(status: SwitchoverStatus, waits_for: WaitsFor | None) -> Phase:
    """The phase that people see, from the stage and what stands in its way."""
    stage = status.stage.name
    if stage is SwitchStage.RETURNING:
        return Phase.ROLLING_BACK
    stands = waits_for in (WaitsFor.OBJECTS, WaitsFor.STABLE, WaitsFor.CLUSTER)
    if status.attempt.pause is not None or stands:
        return Phase.PAUSED
    if stage is SwitchStage.SERVING:
        return Phase.DEGRADED if status.rejected else Phase.HEALTHY
    return Phase.PROGRESSING


_STAGES: Mapping[SwitchStage, Callable[[Look], Turn]] = {
    SwitchStage.SERVING: before.serving,
    SwitchStage.CHECKING: before.checking,
    SwitchStage.VERIFYING: before.verifying,
    SwitchStage.SHIFTING: shifting.shifting,
    SwitchStage.BAKING: ending.baking,
    SwitchStage.DRAINING: ending.draining,
    SwitchStage.RETURNING: ending.returning,
}
