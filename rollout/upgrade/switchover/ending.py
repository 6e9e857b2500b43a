"""With everyone on green, until blue is let go; and the way back, whence it is taken."""

from dataclasses import replace

from rollout.model import units
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import Step
from rollout.model.switching import RestartGateway
from rollout.model.switchover import Side, SwitchoverStatus, SwitchStage
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.upgrade.switchover import judging, progress
from rollout.upgrade.switchover.look import (
    GREEN,
    Look,
    Turn,
    attempted,
    enter,
    pause,
    remember,
    staged,
)
from rollout.upgrade.switchover.shifting import judged_on, late, ruled, stands


def baking(look: Look) -> Turn:
    """Everyone is on green, which is judged by what blue was like."""
    look, judged, back = judged_on(look)
    if back is not None:
        return back
    if waiting := progress.waiting(look):
        return late(look, waiting)
    bake = Step(bake=look.switchover.spec.bake)
    found = judging.finding(look.switchover, look.status, bake, judged, look.now)
    look, turn = ruled(look, found)
    if turn is not None:
        return turn
    because = "baked: waiting for blue's last requests"
    status = remember(enter(look, SwitchStage.DRAINING, GREEN), look.now, because)
    return Turn(status, because, AT_ONCE)


def draining(look: Look) -> Turn:
    """Blue is let go once hardly a request is left there; long connections may need a restart.

    Not while a person has it stand still: with blue the way back is gone.
    """
    status, drain = look.status, look.switchover.spec.drain
    counted = progress.observed(look.seen.counts)
    if counted is None or sum(counted) == 0:
        return Turn(status, "no counters to see blue's last requests by", SOON, WaitsFor.DATA)
    share, paused = counted[0] / sum(counted), status.attempt.pause
    if paused is not None and not paused.kind.may_pass:
        return stands(look)
    if share < drain.below:
        return _done(look, f"green serves everyone; blue has {share:.2%} of the requests")
    because = f"blue still has {share:.1%} of the requests"
    since = status.stage.restarted_at or status.stage.since or look.now
    if look.now - since < drain.within:
        if paused is not None:
            return stands(look)
        return Turn(status, because, SOON * 3, WaitsFor.DRAIN)
    if drain.restart_gateway and status.stage.restarted_at is None:
        status = staged(status, restarted_at=look.now)
        because = f"{because}: its gateway is restarted"
        status = remember(status, look.now, because)
        return Turn(status, because, SOON, WaitsFor.DRAIN, Notice("GatewayRestarted"))
    late = f"blue still has {share:.1%} of the requests after {units.words(drain.within)}"
    return pause(look, PauseKind.DEADLINE, late)


def restarts(status: SwitchoverStatus) -> tuple[RestartGateway, ...]:
    """Blue's gateway as it should be: its pods begun anew, where that was decided."""
    at = status.stage.restarted_at
    if status.stage.name is not SwitchStage.DRAINING or at is None:
        return ()
    return (RestartGateway(Side.BLUE, at),)


def _done(look: Look, because: str) -> Turn:
    status = replace(
        look.status,
        serving=Side.GREEN,
        stage=replace(look.status.stage, name=SwitchStage.SERVING, since=look.now),
    )
    status = remember(attempted(status, pause=None, checkpoint={}), look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Switched"), writes=False)


def returning(look: Look) -> Turn:
    """Everyone back to blue: where blue can carry them. It waits for no metric, nor for a gate."""
    status = look.status
    written = status.stage.written_at is not None
    if not written and cannot_carry(look):
        because = f"{cannot_carry(look)}: nobody is sent there; holding"
        notice = Notice("NoWayBack", warning=True)
        return Turn(status, because, SOON, WaitsFor.STABLE, notice, writes=False)
    waiting = progress.waiting(look)
    if waiting is not None and waiting.waits_for is not WaitsFor.SHARE:
        return Turn(status, waiting.because, waiting.again, waiting.waits_for)
    over = -progress.cached_for(status, look) >= look.switchover.progress_deadline
    counted = progress.observed(look.seen.counts)
    seen = counted is not None and sum(counted) > 0
    if waiting is not None and seen and not over:
        return Turn(status, waiting.because, waiting.again, waiting.waits_for)
    return _home(look)


def cannot_carry(look: Look) -> str:
    """Why blue surely cannot carry everyone; empty where it can, or nobody knows."""
    blue = look.cluster(Side.BLUE)
    if not blue.problem and blue.ready == 0:
        return "blue has no ready gateway pod"
    if look.fails(Side.BLUE) and (blue.problem or look.down(Side.BLUE)):
        return "blue answers no probe"
    return ""


def _home(look: Look) -> Turn:
    asked = "the switchover is deleted" if look.switchover.deleting else "git asks for blue"
    why = look.status.rejected.because if look.status.rejected else asked
    because = f"blue serves everyone again: {why}"
    stage = replace(look.status.stage, name=SwitchStage.SERVING, since=look.now)
    status = replace(look.status, serving=Side.BLUE, stage=stage)
    status = remember(attempted(status, pause=None, checkpoint={}), look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Returned", warning=True), writes=False)
