"""The stages of a switchover, one function each from a look to a turn."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from rollout.gate import Finding, Gate
from rollout.model import observation, units
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import OnFailure, Step
from rollout.model.status import Phase
from rollout.model.switching import RestartGateway
from rollout.model.switchover import (
    AHEAD,
    LowTtl,
    Side,
    SwitchAttempt,
    SwitchoverStatus,
    SwitchStage,
    SwitchStageStatus,
)
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.upgrade.switchover import asking, judging, progress
from rollout.upgrade.switchover.judging import Judged
from rollout.upgrade.switchover.look import (
    BLUE,
    GREEN,
    Look,
    Turn,
    attempted,
    enter,
    enter_bake,
    enter_step,
    go_back,
    pause,
    remember,
    staged,
)

HOUR = timedelta(minutes=2)
"""How long blue's last hour is asked for; without it blue, and green alone, are held to nothing."""

SPARE = 2
"""Blue keeps at least one in so many of the gateway pods that it began with, or is no way back."""


def advance(look: Look) -> Turn:
    """What the stage that we are in makes of the look."""
    paused = look.status.attempt.pause
    if look.status.stage.name in AHEAD and paused is not None and not paused.kind.may_pass:
        return replace(_paused(look), writes=False)
    return _STAGES[look.status.stage.name](look)


def adopt(look: Look) -> Turn:
    """The first look: who serves follows from the weights that are there; none is written."""
    records = look.seen.records
    for side, split in ((Side.BLUE, BLUE), (Side.GREEN, GREEN)):
        if records.divide(split):
            because = f"{side} serves everyone, as its records say"
            stage = SwitchStageStatus(since=look.now, split=split, before=split)
            status = replace(look.status, serving=side, stage=stage)
            return Turn(remember(status, look.now, because), because, AT_ONCE, writes=False)
    return blocked(look, "SW-002: the weights are of both clusters; give one of them all of it")


def blocked(look: Look, because: str, waits_for: WaitsFor = WaitsFor.OBJECTS) -> Turn:
    """The turn that stands, and writes nothing, until somebody has put something right."""
    notice = Notice("Blocked", warning=True)
    return Turn(look.status, because, SOON * 6, waits_for, notice, writes=False)


# At rest, and before anything moves


def _serving(look: Look) -> Turn:
    status, serve = look.status, look.switchover.spec.serve
    if status.serving is Side.GREEN:
        if serve is Side.GREEN:
            return Turn(status, "green serves everyone", writes=False)
        return blocked(
            look, "green serves for good: to go back, exchange blue and green in the spec"
        )
    if serve is Side.BLUE:
        if status.rejected is not None:  # git says something else than what failed
            return Turn(
                replace(status, rejected=None), "blue serves everyone", AT_ONCE, writes=False
            )
        return Turn(status, "blue serves everyone", writes=False)
    if status.rejected is not None:
        because = f"green was left: {status.rejected.because}"
        return Turn(status, because, writes=False)
    return _begin(look)


def _begin(look: Look) -> Turn:
    if not look.seen.records.divide(BLUE):
        return blocked(look, "SW-002: blue has not all of the weight; nothing is begun")
    status = replace(
        look.status,
        stage=SwitchStageStatus(SwitchStage.CHECKING, since=look.now),
        attempt=SwitchAttempt(number=look.status.attempt.number + 1),
    )
    because = "git asks for green: the rules are asked"
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Started"), writes=False)


def _checking(look: Look) -> Turn:
    """The rules; a blocking one that nobody has overruled stands in the way."""
    found = look.seen.findings
    status = attempted(look.status, warnings=tuple(str(one) for one in found)[:20])
    block = [f for f in found if f.severity is observation.Severity.BLOCK and not f.overruled]
    if block:
        more = f" (and {len(block) - 1} more)" if len(block) > 1 else ""
        return blocked(replace(look, status=status), f"{block[0]}{more}")
    stage = replace(status.stage, name=SwitchStage.VERIFYING, since=look.now)
    because = "no rule stands in the way: green is tried in the dark"
    status = remember(replace(status, stage=stage), look.now, because)
    return Turn(status, because, AT_ONCE, writes=False)


def _verifying(look: Look) -> Turn:
    """Green answers as it should, servers and caches are as known, counters are there."""
    look = replace(look, status=_with_hour(look))
    for unmet in (_untried, _unserved, _recent_ttl, _uncounted, _unknown_hour):
        turn = unmet(look)
        if turn is None:
            continue
        late = look.waited >= look.switchover.progress_deadline
        if late and turn.waits_for is not WaitsFor.CACHES:
            because = f"not within {units.words(look.switchover.progress_deadline)}: {turn.because}"
            return replace(pause(look, PauseKind.DEADLINE, because), writes=False)
        return turn
    return enter_step(look, 0, f"green answers in the dark: {_step(look, 0).name} to green")


def _with_hour(look: Look) -> SwitchoverStatus:
    attempt = look.status.attempt
    if attempt.before is not None:
        return look.status
    found = judging.before(look.switchover, look.seen)
    return look.status if found is None else attempted(look.status, before=found)


def _waits(look: Look, because: str, waits_for: WaitsFor, again: timedelta = SOON) -> Turn:
    return Turn(look.status, because, again, waits_for, writes=False)


def _untried(look: Look) -> Turn | None:
    probes = look.probes(Side.GREEN)
    wrong = [probe for probe in probes if probe.problem]
    if wrong:
        because = f"SW-005: green: {wrong[0].url}: {wrong[0].problem}"
        return _waits(look, because, WaitsFor.PODS)
    return None if probes else _waits(look, "green was not tried yet", WaitsFor.PODS, AT_ONCE)


def _unserved(look: Look) -> Turn | None:
    """The name servers must answer as the records say before anything can be seen to change."""
    if not look.seen.records.divide(BLUE):
        return blocked(look, "SW-002: blue has not all of the weight any more")
    stage = replace(look.status.stage, asked_at=look.now, written_at=look.now)
    at_blue = replace(look, status=replace(look.status, stage=stage))
    waiting = progress.waiting(at_blue)
    served = progress.advanced(at_blue).stage.served_at is not None
    if served or waiting is None:
        return None
    return _waits(look, waiting.because, WaitsFor.RECORDS)


def _recent_ttl(look: Look) -> Turn | None:
    """What the old TTL let resolvers keep must be forgotten, or one step would last as long."""
    known, dns = look.status.low_ttl, look.switchover.spec.dns
    if known is None:
        return _waits(look, "the records have no TTL yet", WaitsFor.CACHES)
    old = max(known.before, dns.previous_ttl)
    left = known.since + old - look.now
    if left <= timedelta(0):
        return None
    because = f"SW-004: the TTL was {units.words(old)} until lately: caches forget"
    return _waits(look, because, WaitsFor.CACHES, left)


def _uncounted(look: Look) -> Turn | None:
    why = judging.uncounted(look.seen)
    return _waits(look, f"SW-011: {why}", WaitsFor.DATA) if why else None


def _unknown_hour(look: Look) -> Turn | None:
    if look.status.attempt.before is not None or look.waited >= HOUR:
        return None
    return _waits(look, "reading blue's last hour", WaitsFor.DATA)


# While users are on both


def _step(look: Look, index: int) -> Step:
    """The step as the one step rule knows it."""
    step = look.switchover.spec.steps[index]
    return Step(name=step.name, weight=step.weight, bake=step.bake, time_box=step.time_box)


def _shifting(look: Look) -> Turn:
    step = look.status.attempt.step
    index = step.index if step else 0
    look, judged, back = judged_on(look)
    if back is not None:
        return back
    if held := _held(look, judged):
        return held
    if waiting := progress.waiting(look):
        return _late(look, waiting)
    found = judging.finding(look.switchover, look.status, _step(look, index), judged, look.now)
    look, turn = _ruled(look, found)
    if turn is None and (people := asking.waiting(look)):
        look, turn = _ruled(look, people)
    return turn or _passed(look, found, index)


def judged_on(look: Look) -> tuple[Look, Judged, Turn | None]:
    """The look with what its counters taught, and the way back where green has failed.

    Whatever else stands in the way, users on green are judged on.
    """
    judged = judging.judged(look.switchover, look.status, look.seen, look.now)
    status = attempted(
        look.status,
        verdicts=judged.verdicts,
        checkpoint=judged.green.checkpoint,
        blue_checkpoint=judged.blue.checkpoint,
    )
    look = replace(look, status=status)
    return look, judged, _failed(look, judged)


def _failed(look: Look, judged: Judged) -> Turn | None:
    """Green is worse than it may be, or does not answer at all: back, in this look."""
    because = ""
    if judged.failed:
        because = judged.green.because
    elif look.down(Side.GREEN):
        because = f"green answers no probe: {look.probes(Side.GREEN)[0].problem}"
    if not because:
        return None
    if look.switchover.spec.on_failure is OnFailure.HOLD and not look.down(Side.GREEN):
        return pause(look, PauseKind.FAILED, because)
    return go_back(look, because, reject=True)


def _held(look: Look, judged: Judged) -> Turn | None:
    """What keeps weights where they are though green is fine: the way back, or a cluster unseen."""
    if judged.blue_failed:
        because = f"blue got worse than before: {judged.blue.because}"
        return pause(look, PauseKind.STABLE_WORSE, because)
    if look.down(Side.BLUE):
        because = f"blue answers no probe: {look.probes(Side.BLUE)[0].problem}"
        return _stays(look, because, WaitsFor.STABLE)
    for side in Side:
        if problem := look.cluster(side).problem:
            return _stays(look, f"{side}: {problem}", WaitsFor.CLUSTER)
    ready, began = look.cluster(Side.BLUE).ready, look.status.attempt.blue_pods
    if ready * SPARE < began:
        because = f"SW-008: blue has {ready} gateway pods of {began}: no way back, so holding"
        return _stays(look, because, WaitsFor.STABLE)
    return None


def _stays(look: Look, because: str, waits_for: WaitsFor) -> Turn:
    notice = Notice("Holding", warning=True)
    return Turn(look.status, because, SOON, waits_for, notice)


def _late(look: Look, waiting: progress.Waiting) -> Turn:
    """What comes by itself, or a person is asked once it is late."""
    since = look.status.stage.asked_at or look.now
    if look.status.stage.served_at is not None:
        since = look.now - max(timedelta(0), -progress.cached_for(look.status, look))
    late = look.now - since >= look.switchover.progress_deadline
    if late and waiting.waits_for is not WaitsFor.CACHES:
        return pause(look, PauseKind.DEADLINE, waiting.because)
    status = _unpaused(look.status, PauseKind.DEADLINE)
    if status.attempt.pause is not None:
        return _paused(look)
    return Turn(status, waiting.because, waiting.again, waiting.waits_for)


def _unpaused(status: SwitchoverStatus, *gone: PauseKind) -> SwitchoverStatus:
    """The status without a pause of these kinds, whose reason is gone."""
    paused = status.attempt.pause
    if paused is None or paused.kind not in gone:
        return status
    return attempted(status, pause=None)


def _paused(look: Look) -> Turn:
    paused = look.status.attempt.pause
    return Turn(look.status, paused.because if paused else "", SOON * 3)


def _ruled(look: Look, found: Finding) -> tuple[Look, Turn | None]:
    """The step rule's answer, once weights, caches and requests are as asked; None: it is open.

    A pause that may pass does so as soon as the rule no longer asks for it.
    """
    if found.gate is Gate.FAILED:
        return look, go_back(look, found.because, reject=True)
    paused = look.status.attempt.pause
    if paused is not None and not (paused.kind.may_pass and paused.kind is not found.pause):
        return look, _paused(look)
    look = replace(look, status=attempted(look.status, pause=None))
    if found.pause is not None:
        return look, pause(look, found.pause, found.because)
    if found.gate is Gate.HOLD:
        again = min(found.again or SOON * 3, judging.next_counts(look.switchover, look.now))
        asks = Notice("Approval") if found.waits_for is WaitsFor.APPROVAL else None
        return look, Turn(look.status, found.because, again, found.waits_for, asks)
    return look, None


def _passed(look: Look, found: Finding, index: int) -> Turn:
    """The gate is open, and so is everybody who was asked: the next step."""
    steps = look.switchover.spec.steps
    if index + 1 < len(steps):
        return enter_step(look, index + 1, found.because)
    return enter_bake(look, f"{found.because}: everyone to green")


# With everyone on green


def _baking(look: Look) -> Turn:
    look, judged, back = judged_on(look)
    if back is not None:
        return back
    if waiting := progress.waiting(look):
        return _late(look, waiting)
    bake = Step(bake=look.switchover.spec.bake)
    found = judging.finding(look.switchover, look.status, bake, judged, look.now)
    look, turn = _ruled(look, found)
    if turn is not None:
        return turn
    because = "baked: waiting for blue's last requests"
    status = remember(enter(look, SwitchStage.DRAINING, GREEN), look.now, because)
    return Turn(status, because, AT_ONCE)


def _draining(look: Look) -> Turn:
    """Blue is let go once hardly a request is left there; long connections may need a restart."""
    status, drain = look.status, look.switchover.spec.drain
    counted = progress.observed(look.seen.counts)
    if counted is None or sum(counted) == 0:
        return Turn(status, "no counters to see blue's last requests by", SOON, WaitsFor.DATA)
    share = counted[0] / sum(counted)
    if share < drain.below:
        return _done(look, f"green serves everyone; blue has {share:.2%} of the requests")
    because = f"blue still has {share:.1%} of the requests"
    since = status.stage.restarted_at or status.stage.since or look.now
    if look.now - since < drain.within:
        paused = status.attempt.pause
        if paused is not None:
            return _paused(look)
        return Turn(status, because, SOON * 3, WaitsFor.DRAIN)
    if drain.restart_gateway and status.stage.restarted_at is None:
        status = staged(status, restarted_at=look.now)
        because = f"{because}: its gateway is restarted"
        status = remember(status, look.now, because)
        return Turn(status, because, SOON, WaitsFor.DRAIN, Notice("GatewayRestarted"))
    return pause(look, PauseKind.DEADLINE, f"{because} after {units.words(drain.within)}")


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


# The way back


def _returning(look: Look) -> Turn:
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
    why = look.status.rejected.because if look.status.rejected else "git asks for blue"
    because = f"blue serves everyone again: {why}"
    stage = replace(look.status.stage, name=SwitchStage.SERVING, since=look.now)
    status = replace(look.status, serving=Side.BLUE, stage=stage)
    status = remember(attempted(status, pause=None, checkpoint={}), look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Returned", warning=True), writes=False)


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


def low_ttl(look: Look) -> LowTtl | None:
    """What is known of the records' TTL after this look: since when it is what it is."""
    known, ttl = look.status.low_ttl, look.seen.records.ttl
    if ttl <= timedelta(0) or (known is not None and known.ttl == ttl):
        return known
    return LowTtl(ttl, look.now, before=known.ttl if known else timedelta(0))


_STAGES: Mapping[SwitchStage, Callable[[Look], Turn]] = {
    SwitchStage.SERVING: _serving,
    SwitchStage.CHECKING: _checking,
    SwitchStage.VERIFYING: _verifying,
    SwitchStage.SHIFTING: _shifting,
    SwitchStage.BAKING: _baking,
    SwitchStage.DRAINING: _draining,
    SwitchStage.RETURNING: _returning,
}
