"""How far the weights that were asked for have come: written, served, forgotten, seen.

The weights in an object say nothing (external-dns sets ``status.observedGeneration`` when it reads
the object, before the provider has heard of it: its ``source/crd.go``); the zone's name servers do.
What resolvers have cached ends after a TTL, or a few; where requests really go, gateways count.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from rollout import confirm
from rollout.model.observation import Counts
from rollout.model.reasons import WaitsFor
from rollout.model.switchover import Side, SwitchoverStatus
from rollout.model.traffic import Split
from rollout.model.turn import SOON
from rollout.model.units import counted
from rollout.upgrade.switchover import served
from rollout.upgrade.switchover.look import Look, staged


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the weights still wait for."""

    waits_for: WaitsFor
    because: str
    again: timedelta


def advanced(look: Look) -> SwitchoverStatus:
    """The status with how far its weights are known to have come, after this look."""
    status, stage = look.status, look.status.stage
    if stage.asked_at is None:
        return status
    if stage.written_at is None and look.seen.records.divide(stage.split):
        return staged(status, written_at=look.now)
    if stage.written_at is not None and stage.served_at is None:
        found = _agreement(look)
        if found.agrees:
            return staged(status, served_at=look.now, ttl=max(found.ttl, look.seen.records.ttl))
    if _forgotten(status, look) and stage.confirmed_at is None and _divides(look):
        return staged(status, confirmed_at=look.now)
    return status


def _agreement(look: Look) -> served.Agreement:
    stage, seen = look.status.stage, look.seen
    change = (stage.before, stage.split)
    return served.agreement(look.switchover.spec, seen.records, seen.served, change)


def cached_for(status: SwitchoverStatus, look: Look) -> timedelta:
    """How long resolvers may still answer what they were answered before; 0 or less: no more."""
    stage = status.stage
    if stage.served_at is None:
        return timedelta.max
    return stage.served_at + look.switchover.spec.dns.safety * stage.ttl - look.now


def _forgotten(status: SwitchoverStatus, look: Look) -> bool:
    return cached_for(status, look) <= timedelta(0)


def _divides(look: Look) -> bool:
    spec, asked = look.switchover.spec, look.status.stage.split.canary
    counts, green = look.seen.counts, Side.GREEN.value
    return confirm.shares_agree(counts, green, asked, spec.dns.share_tolerance)


def waiting(look: Look) -> Waiting | None:
    """What the weights wait for after this look; None: requests divide as asked."""
    status = look.status
    stage = status.stage
    if stage.confirmed_at is not None:
        return None
    if stage.written_at is None:
        return Waiting(WaitsFor.RECORDS, f"writing the weights {stage.split}", SOON)
    if stage.served_at is None:
        because = _agreement(look).because
        return Waiting(WaitsFor.RECORDS, because, SOON)
    left = cached_for(status, look)
    if left > timedelta(0):
        because = f"name servers answer {stage.split.canary}% green; caches forget"
        return Waiting(WaitsFor.CACHES, because, min(left, SOON * 3))
    return Waiting(WaitsFor.SHARE, _observed(look), SOON)


def _observed(look: Look) -> str:
    """Where requests go, beside where they should."""
    asked, requests = look.status.stage.split.canary, observed(look.seen.counts)
    if requests is None:
        return f"not converged: {asked}% asked, no counters to see it by"
    blue, green = requests
    if blue + green < confirm.ENOUGH:
        seen = counted(blue + green, "request")
        return f"not converged: {seen}, {confirm.ENOUGH} wanted to see it by"
    share = green / (blue + green)
    return f"not converged: {share:.1%} of {blue + green} requests on green, {asked}% asked"


def observed(counts: Iterable[Counts]) -> tuple[int, int] | None:
    """Blue's and green's requests between the last two instants; None: not known."""
    return confirm.requests(counts, Side.GREEN.value)


def asked_anew(status: SwitchoverStatus, look: Look) -> SwitchoverStatus:
    """The status whose weights are written and looked for again, whatever was found there."""
    found = _weights_found(look)
    stage = replace(status.stage.asked(look.now), before=found or status.stage.before)
    return replace(status, stage=stage)


def unserved(look: Look) -> SwitchoverStatus:
    """The status that knows no more what resolvers are told: records were taken apart.

    Who puts them back may have sent everybody elsewhere meanwhile.
    """
    status = look.status
    if status.stage.served_at is None:
        return status
    return staged(status, asked_at=look.now, served_at=None, confirmed_at=None)


def _weights_found(look: Look) -> Split | None:
    """The split that a foreign edit left, in whole percent; None where there is none."""
    pairs = look.seen.records.pairs
    if not pairs or pairs[0].blue + pairs[0].green == 0:
        return None
    whole = pairs[0].blue + pairs[0].green
    return Split.giving_canary(round(pairs[0].green * 100 / whole))
