"""The state of a wave: its namespaces settled, moved one after the other, and judged together."""

from collections.abc import Iterable
from dataclasses import replace

from rollout.model.turn import AT_ONCE, Notice
from rollout.model.upgrading import Awaits, NamespaceStatus, Standing, WaveStatus
from rollout.upgrade import gating, tags, waves, wayback
from rollout.upgrade.look import (
    Look,
    Turn,
    attempted,
    blocked,
    changed,
    frozen,
    hold,
    namespaces,
    remember,
    wave,
    with_namespace,
    with_wave,
)
from rollout.upgrade.members import left_since, members
from rollout.upgrade.passing import LATE, confirm, go_on, judged


def moving(look: Look) -> Turn:
    """One wave: its namespaces settled, moved one after the other, and judged together."""
    name = gating.wave_name(look.stop, look.status)
    here = wave(look.status, name)
    if here is None:
        return _settle(look, name)
    if look.at.confirmed_at is not None:
        return judged(look)
    return moved_all(look, here)


def moved_all(look: Look, here: WaveStatus) -> Turn:
    """The next step of the first namespace that is not there yet; or the wave is confirmed."""
    for space in here.namespaces:
        if space.standing is not Standing.MOVED:
            return _move(look, here, space)
    ended = replace(here, ended_at=look.now)
    because = f"{here.name}: all of its proxies are at {look.new}"
    return confirm(look.having(with_wave(look.status, ended)), because)


def _settle(look: Look, name: str) -> Turn:
    """Which namespaces the wave has, now that it begins; one without any is passed by."""
    stop = look.stop
    if stop.wave is None:
        return go_on(look, f"git has no wave {stop.name} any more")
    begun = {each.name for each in namespaces(look.status)}
    chosen = [n for n in members(stop.wave, look.seen.inventory, look.old) if n not in begun]
    if stop.wave.one_at_a_time:
        chosen = chosen[:1]
    if not chosen:
        return go_on(look, f"wave {stop.name} has no namespace left to move")
    if turn := frozen(look) or released(look, chosen):
        return turn
    new = WaveStatus(name, tuple(NamespaceStatus(each) for each in chosen), look.now)
    status = attempted(look.status, waves=(*look.status.attempt.waves, new))
    because = f"wave {name} begins: {', '.join(chosen)}"
    if stop.wave.tag is not None:
        found = tags.changes(look.seen, stop.wave.tag, look.new, name)
        if not isinstance(found, tuple):
            return blocked(look, found)
        status = changed(look.having(status), found, because)
        return Turn(status, because, AT_ONCE, notice=Notice("Wave"))
    return Turn(remember(status, look.now, because), because, AT_ONCE, notice=Notice("Wave"))


def released(look: Look, names: Iterable[str], *, begun: bool = False) -> Turn | None:
    """The turn that waits for a Rollout of any tool in these namespaces; a restart would spoil it.

    ``begun``: their move is written down, so that ours that have moved no request wait for it.
    """
    for name in names:
        space = look.seen.inventory.space(name)
        active = space.active if space else ()
        left = [ref for ref in active if not (space and begun and ref in space.prepared)]
        if left:
            because = f"{left[0]} is under way in {name}"
            return hold(look, because, Awaits.ROLLOUTS, deadline=False)
    return None


def _move(look: Look, here: WaveStatus, space: NamespaceStatus) -> Turn:
    """The next step of one namespace."""
    if gone := left_since(look, space):
        kept = replace(here, namespaces=tuple(n for n in here.namespaces if n != space))
        because = f"namespace {space.name} {gone}"
        return Turn(remember(with_wave(look.status, kept), look.now, because), because, AT_ONCE)
    match space.standing:
        case Standing.WAITING:
            return _label(look, here, space)
        case Standing.LABELLED:
            return _try(look, space)
        case Standing.RESTARTING:
            most = look.stop.wave.max_concurrent if look.stop.wave else 1
            return _moved(look, waves.restarted(look, space, look.new, most))
        case _:
            return _moved(look, waves.verified(look, space, look.new, Standing.MOVED))


def _label(look: Look, here: WaveStatus, space: NamespaceStatus) -> Turn:
    if turn := frozen(look) or released(look, (space.name,)):
        return turn
    by_tag = look.stop.wave is not None and look.stop.wave.tag is not None
    inventory = look.seen.inventory
    found = () if by_tag else waves.relabelled(inventory, space.name, look.new, here.name)
    because = f"{space.name}: new pods are to come from {look.new}"
    labelled = replace(space, standing=Standing.LABELLED, since=look.now)
    status = changed(look.having(with_namespace(look.status, labelled)), found, because)
    return Turn(status, because, AT_ONCE)


def _try(look: Look, space: NamespaceStatus) -> Turn:
    """A pod is tried before any is restarted; what it would get, all would get."""
    if look.status.attempt.landed < len(look.status.attempt.changes):
        return hold(look, f"{space.name} is to be labelled", Awaits.OBJECTS)
    if turn := released(look, (space.name,), begun=True):
        return turn
    why, told = waves.injected(look, space.name, look.new)
    if why is not None:
        if told and space.since and look.now - space.since >= LATE:
            return wayback.failed(look, why)
        return hold(look, why, Awaits.INJECTION)
    on = replace(space, standing=Standing.RESTARTING, since=look.now, restart_at=look.now)
    because = f"{space.name}: a pod tried there comes from {look.new}; restarting"
    return Turn(remember(with_namespace(look.status, on), look.now, because), because, AT_ONCE)


def _moved(look: Look, move: waves.Move) -> Turn:
    """The turn that a namespace's step makes."""
    look = look.having(with_namespace(look.status, move.space))
    if move.failed is not None:
        return wayback.failed(look, move.failed)
    if move.awaits is not None:
        turn = hold(look, move.because, move.awaits)
        held = turn.status.attempt.pause is not None and not turn.status.attempt.pause.kind.may_pass
        return turn if held else replace(turn, actions=move.actions)
    because = f"{move.space.name}: {move.space.standing.lower()}"
    return Turn(remember(look.status, look.now, because), because, AT_ONCE)
