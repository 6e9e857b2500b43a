"""What every stop has: it is confirmed, judged, and gone on from."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from rollout.gate import Finding, Gate
from rollout.model.reasons import Reason
from rollout.model.reasons import WaitsFor as GateWaits
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.model.upgrading import Awaits, State
from rollout.upgrade import gating, wayback
from rollout.upgrade.look import Look, Turn, at_stop, attempted, enter, paused, remember, wave
from rollout.upgrade.stops import Stop, following

LATE = timedelta(minutes=3)
"""How long a control plane may be ill, or refuse configuration, before what it has goes back."""


def brake(look: Look) -> Reason | None:
    """Why Istio's configuration could not be written now; None: it could.

    An upgrade must never take away what stops it.
    """
    found = look.seen.brake
    if found is None:
        return Reason("nobody can say whether a VirtualService could be written")
    if found.refused:
        return Reason(f"no VirtualService can be written: {found.refused}")
    if found.ahead:
        return Reason(f"the new control plane takes no VirtualService: {found.ahead}")
    if found.unguarded:
        return Reason("a bad VirtualService is taken: nobody validates Istio's configuration")
    return None


def confirm(look: Look, because: str) -> Turn:
    """All that the stop asked for is there: its bake and its evidence begin."""
    compared = gating.compared(look.upgrade, look.status, look.seen.inventory)
    status = attempted(at_stop(look.status, confirmed_at=look.now), compared=compared, pause=None)
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def judged(look: Look) -> Turn:
    """The gate of the stop: go on, hold, ask or go back."""
    found = gating.answer(look.upgrade, look.status, look.seen, look.now)
    status = attempted(look.status, verdicts=found.verdicts, checkpoint=found.checkpoint or {})
    look = look.having(status)
    if found.gate is Gate.FAILED:
        return wayback.failed(look, Reason(found.because))
    pause = status.attempt.pause
    if pause is not None and not pause.kind.may_pass:
        return Turn(status, pause.because, SOON)
    if found.gate is Gate.OPEN:
        return go_on(look, found.because)
    return held(look, found)


_AWAITS: Mapping[GateWaits, Awaits] = {
    GateWaits.BAKE: Awaits.BAKE,
    GateWaits.EVIDENCE: Awaits.EVIDENCE,
    GateWaits.DATA: Awaits.DATA,
    GateWaits.APPROVAL: Awaits.APPROVAL,
}


def held(look: Look, found: Finding) -> Turn:
    """The turn of a gate that holds: it says what it waits for, or asks people."""
    awaits = _AWAITS.get(found.waits_for, Awaits.EVIDENCE) if found.waits_for else None
    if found.pause is not None:
        turn = paused(look, found.pause, found.because, awaits=awaits)
        return replace(turn, again=found.again or SOON)
    status = attempted(look.status, pause=None)  # whoever is paused by a person never comes here
    return Turn(status, found.because, found.again or SOON, awaits or Awaits.EVIDENCE)


def go_on(look: Look, because: str) -> Turn:
    """The next stop; a wave whose namespaces go one at a time has as many as there are."""
    look = look.having(attempted(look.status, pause=None))
    stop, at = look.stop, look.at
    again = stop.wave is not None and stop.wave.one_at_a_time
    begun = again and wave(look.status, gating.wave_name(stop, look.status)) is not None
    if begun or _more_shares(stop, at.part):
        status = enter(look, stop, because, at.part + 1)
        return Turn(status, because, AT_ONCE)
    status = enter(look, following(look.upgrade.spec, look.status), because)
    return Turn(status, because, AT_ONCE)


def _more_shares(stop: Stop, part: int) -> bool:
    """Whether a gateway has another share to go; after the last it comes home."""
    move = stop.gateway
    return move is not None and move.deployment is not None and part < len(move.shares)


def finish(look: Look, because: str) -> Turn:
    """The end of the way there."""
    status = enter(look, Stop(State.DONE, "done"), because)
    return Turn(status, because, AT_ONCE, notice=Notice("Upgraded"))
