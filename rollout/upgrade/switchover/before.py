"""At rest, and before anything moves: who serves, the rules, and green tried in the dark."""

from dataclasses import replace
from datetime import timedelta

from rollout.model import units
from rollout.model.finding import Severity, warned
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.switchover import (
    LowTtl,
    Side,
    SwitchAttempt,
    SwitchoverStatus,
    SwitchStage,
    SwitchStageStatus,
)
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.upgrade.switchover import judging, progress
from rollout.upgrade.switchover.look import (
    BLUE,
    GREEN,
    Look,
    Turn,
    attempted,
    blocked,
    enter_step,
    pause,
    remember,
)

HOUR_WITHIN = timedelta(minutes=2)
"""How long blue's last hour is asked for; without it blue, and green alone, are held to nothing."""


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


def serving(look: Look) -> Turn:
    """One side has everyone; git asking for the other begins a switchover."""
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


def checking(look: Look) -> Turn:
    """The rules; a blocking one that nobody has overruled stands in the way."""
    found = look.seen.findings
    status = attempted(look.status, warnings=warned(found))
    block = [f for f in found if f.severity is Severity.BLOCK and not f.overruled]
    if block:
        more = f" (and {len(block) - 1} more)" if len(block) > 1 else ""
        return blocked(replace(look, status=status), f"{block[0]}{more}")
    stage = replace(status.stage, name=SwitchStage.VERIFYING, since=look.now)
    because = "no rule stands in the way: green is tried in the dark"
    status = remember(replace(status, stage=stage), look.now, because)
    return Turn(status, because, AT_ONCE, writes=False)


def verifying(look: Look) -> Turn:
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
    return enter_step(
        look, 0, f"green answers in the dark: {look.switchover.spec.steps[0].name} to green"
    )


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
    if look.status.attempt.before is not None or look.waited >= HOUR_WITHIN:
        return None
    return _waits(look, "reading blue's last hour", WaitsFor.DATA)


def low_ttl(look: Look) -> LowTtl | None:
    """What is known of the records' TTL after this look: since when it is what it is."""
    known, ttl = look.status.low_ttl, look.seen.records.ttl
    if ttl <= timedelta(0) or (known is not None and known.ttl == ttl):
        return known
    return LowTtl(ttl, look.now, before=known.ttl if known else timedelta(0))
