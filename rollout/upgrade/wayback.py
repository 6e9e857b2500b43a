"""The way back: what was changed is taken back in reverse, and pods before their control plane.

By what was written down alone: neither git's words nor the inventory say what was before.
Source: istio/istio #35182 (a proxy newer than its istiod loses traffic), #43227 (validators left
on a revision that is gone).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from rollout.model.reasons import PauseKind, Reason
from rollout.model.ref import Ref
from rollout.model.spec import OnFailure
from rollout.model.turn import AT_ONCE, SOON, Notice, short
from rollout.model.units import counted
from rollout.model.upgrade import Sail
from rollout.model.upgradelook import Object
from rollout.model.upgrading import (
    Awaits,
    Change,
    NamespaceStatus,
    Refused,
    Standing,
    State,
    StopStatus,
    UpgradeStatus,
    WayBack,
)
from rollout.upgrade import journal, watching, waves, whole
from rollout.upgrade.journal import Now
from rollout.upgrade.look import (
    PATIENT,
    Look,
    Turn,
    attempted,
    hold,
    namespaces,
    paused,
    remember,
    wave,
    with_namespace,
)
from rollout.workloads import twin

BEGUN = frozenset(Standing) - {Standing.WAITING, Standing.RETURNED}
AGAIN = timedelta(minutes=3)
"""After so long pods that came back otherwise than they must be are made anew."""
AT_A_TIME = 5
"""Workloads restarted at a time on the way back, where git says nothing of the wave any more."""


def failed(look: Look, because: Reason) -> Turn:
    """All goes back, or stands where that was asked; past the point of no return it only shouts."""
    if look.upgrade.spec.on_failure is OnFailure.HOLD:
        return paused(look, PauseKind.FAILED, f"failed, held as asked: {because}")
    return begin(look, because, refuse=True)


def begin(look: Look, because: str, *, refuse: bool) -> Turn:
    """The first turn of the way back; ``refuse``: the new revision is not tried again by itself."""
    status, attempt = look.status, look.status.attempt
    if attempt.removing:
        told = f"{look.old} is being removed, there is no way back: {because}"
        return Turn(status, told, PATIENT, Awaits.OBJECTS, Notice("NoWayBack", warning=True))
    if refuse:
        status = replace(status, refused=Refused(look.new, short(because), look.now))
    well = look.at.entered_at
    back = WayBack(short(because), status.state, look.now, len(attempt.changes), well)
    stop = StopStatus("back", look.now, number=look.at.number + 1)
    to = State.RETURNED if status.state is State.PREFLIGHT else State.RETURNING
    status = replace(status, state=to, since=look.now)
    status = attempted(status, way_back=back, pause=None, stop=stop, sick_since=None)
    for space in namespaces(status):
        if space.standing in BEGUN:
            again = replace(space, standing=Standing.LABELLED, since=look.now, restart_at=None)
            status = with_namespace(status, again)
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("GoingBack", warning=True))


@dataclass(frozen=True, slots=True)
class Unit:
    """What is taken back together: changes, newest last, and the namespaces that follow them."""

    changes: tuple[Change, ...]
    spaces: tuple[str, ...]

    @property
    def words(self) -> str:
        """What it is, for people."""
        return self.changes[-1].step if not self.spaces else ", ".join(self.spaces[:2])


def unit(status: UpgradeStatus) -> Unit | None:
    """What is to be taken back next, by what is remembered alone; None: nothing is left."""
    back = status.attempt.way_back
    left = status.attempt.changes[: back.left if back else 0]
    if not left:
        return None
    last = left[-1]
    if last.ref.kind == "Namespace":
        return Unit((last,), (last.ref.name,))
    changes = _trailing(left, last.step)
    here = wave(status, last.step)
    return Unit(changes, tuple(each.name for each in reversed(here.namespaces)) if here else ())


def _trailing(changes: Sequence[Change], step: str) -> tuple[Change, ...]:
    """The newest of ``changes`` that one step has asked for."""
    first = len(changes)
    while first and changes[first - 1].step == step and changes[first - 1].ref.kind != "Namespace":
        first -= 1
    return tuple(changes[first:])


def go_back(look: Look) -> Turn:
    """The next unit back; at its end all is as it was."""
    if lack := next(whole.lacks(look.seen.inventory, look.old, 1), None):
        because = f"no way back to {look.old} yet: {lack}"
        notice = Notice("OldIsIll", warning=True)
        return Turn(look.status, because, SOON, Awaits.CONTROL_PLANE, notice)
    look, harm = watching.noted(look)
    if harm is not None:
        return harm
    pause = look.status.attempt.pause
    if pause is not None and not pause.kind.may_pass:
        return Turn(look.status, pause.because, SOON, look.status.awaits)
    now = unit(look.status)
    return _returned(look) if now is None else _unit_back(look, now)


def _unit_back(look: Look, now: Unit) -> Turn:
    """The next step back of one unit: its changes, the namespaces that follow them, its pods."""
    standings = [journal.standing(change, look.seen) for change in now.changes]
    if Now.UNKNOWN in standings:
        return hold(look, f"{now.words} cannot be read", Awaits.OBJECTS, deadline=False)
    if look.upgrade.deleting and (Now.FOREIGN in standings or _lost(look, now.changes)):
        because = f"{now.words}: what others edited stays as it is"
        return Turn(remember(kept(look), look.now, because), because, AT_ONCE)
    if Now.FOREIGN in standings:
        ref = now.changes[standings.index(Now.FOREIGN)].ref
        because = f"{ref} was edited meanwhile"
        return paused(look, PauseKind.DRIFT, because, awaits=Awaits.DRIFT)
    if Now.AFTER in standings:
        return hold(look, f"taking back {now.words}", Awaits.OBJECTS)
    for name in now.spaces:
        if turn := _space_back(look, name):
            return turn
    if waiting := unready(look, now.changes):
        return hold(look, waiting, Awaits.PODS)
    return _next(look, now)


def _next(look: Look, done: Unit) -> Turn:
    back = look.status.attempt.way_back
    left = (back.left if back else 0) - len(done.changes)
    status = attempted(look.status, way_back=back and replace(back, left=left), pause=None)
    because = f"{done.words}: as before"
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def unready(look: Look, changes: Sequence[Change]) -> Reason | None:
    """A Deployment whose pods do not yet serve as the change back has it; None: all do.

    Those that are there from before the change and are about to go are not counted: the next
    change would take away what stands in for them.
    """
    made = {change.ref for change in look.status.attempt.changes if change.made is not None}
    for change in changes:
        wanted = change.before.get("/spec/replicas")
        if wanted is None:
            continue
        if journal.standing(change, look.seen) is Now.GONE:
            return Reason(f"{change.ref} is gone, and what stands in for it stays until it is back")
        pods = look.pods_of(change.ref)
        if not wanted and pods:
            return Reason(f"{change.ref}: {counted(len(pods), 'pod')} on the way out")
        side = look.new if change.ref in made else look.old
        able = sum(pod.ready and pod.revision == side for pod in pods)
        if able < wanted:
            return Reason(f"{change.ref}: {able} of {wanted} pods are ready ({len(pods)} there)")
    return None


def _space_back(look: Look, name: str) -> Turn | None:
    """The next step back of one namespace; None: it is back, or was never begun, or is gone."""
    space = next((one for one in namespaces(look.status) if one.name == name), None)
    there = look.seen.inventory.space(name)
    if space is None or there is None or there.terminating or space.standing not in BEGUN:
        return None
    if space.standing is Standing.LABELLED:
        return _tried(look, space)
    if space.standing is Standing.RESTARTING:
        move = waves.restarted(look, space, look.old, _at_a_time(look, name))
    else:
        move = waves.verified(look, space, look.old, Standing.RETURNED)
    look = look.having(with_namespace(look.status, move.space))
    if move.failed is not None:
        return _remade(look, space, move.failed)
    if move.awaits is not None:
        return replace(hold(look, move.because, move.awaits), actions=move.actions)
    because = f"{name}: {move.space.standing.lower()}"
    return Turn(remember(look.status, look.now, because), because, AT_ONCE)


def _remade(look: Look, space: NamespaceStatus, wrong: Reason) -> Turn:
    """Pods that are not as they must be are made anew, once a pod that is tried there is.

    Whoever kept injection from them may be gone by now, and nobody else would make them anew.
    """
    asked = space.restart_at
    odd = space.standing is Standing.RESTARTING or waves.wrong_pod(look, space.name, look.old)
    if odd and asked is not None and look.now - asked >= AGAIN:
        again = replace(space, standing=Standing.LABELLED, since=look.now, restart_at=None)
        because = f"{wrong}; tried again"
        status = remember(with_namespace(look.status, again), look.now, because)
        return Turn(status, because, AT_ONCE)
    return Turn(look.status, wrong, SOON, Awaits.PODS, Notice("Blocked", warning=True))


def _tried(look: Look, space: NamespaceStatus) -> Turn:
    """A pod is tried at the old revision before any is restarted; the same as on the way there."""
    why, _ = waves.injected(look, space.name, look.old)
    if why is not None:
        return hold(look, why, Awaits.INJECTION)
    on = replace(space, standing=Standing.RESTARTING, since=look.now, restart_at=look.now)
    because = f"{space.name}: a pod tried there comes from {look.old}; restarting"
    return Turn(remember(with_namespace(look.status, on), look.now, because), because, AT_ONCE)


def _at_a_time(look: Look, name: str) -> int:
    groups = {each.name: each for each in look.upgrade.spec.groups}
    for one in look.status.attempt.waves:
        if any(each.name == name for each in one.namespaces):
            group = groups.get(one.group)
            return group.max_concurrent if group else AT_A_TIME
    return AT_A_TIME


def _returned(look: Look) -> Turn:
    found = look.seen.brake
    if found is None or found.refused:
        why = f": {found.refused}" if found else ""
        because = f"Istio's configuration cannot be written{why}"
        return hold(look, because, Awaits.BRAKE, deadline=False)
    if turn := watching.last(look):
        return turn
    back = look.status.attempt.way_back
    because = f"all is as before at {look.old}: {back.because if back else 'nothing was changed'}"
    left = [pod.ref for pod in look.seen.inventory.served(look.new) if not pod.leaving]
    if left and look.old != look.new:
        others = f"{counted(len(left), 'pod')} of others at {look.new}"
        because = f"back at {look.old}; {others}: {left[0]}"
    status = replace(look.status, state=State.RETURNED, since=look.now)
    status = attempted(status, stop=None, pause=None)
    notice = Notice("Returned", warning=status.refused is not None)
    return Turn(remember(status, look.now, because), because, AT_ONCE, notice=notice)


def kept(look: Look) -> UpgradeStatus:
    """The status without the changes that somebody else has edited: they stay as they are now.

    On the way there they are forgotten; on the way back they are passed by.
    """
    attempt = look.status.attempt
    if look.status.state is State.RETURNING:
        now, back = unit(look.status), attempt.way_back
        edited = {c.ref for c in now.changes} if now else set()
    else:
        back, edited = None, set()
    lost = _lost(look, attempt.changes) if look.upgrade.deleting else frozenset()
    stays = [
        change.ref in lost
        or (
            journal.standing(change, look.seen) is Now.FOREIGN
            and (back is None or change.ref in edited)
        )
        for change in attempt.changes
    ]
    changes = tuple(c for c, stay in zip(attempt.changes, stays, strict=True) if not stay)
    status = attempted(look.status, changes=changes, landed=min(attempt.landed, len(changes)))
    if back is not None:
        left = sum(not stay for stay in stays[: back.left])
        status = attempted(status, way_back=replace(back, left=left))
    return status


def _lost(look: Look, changes: Sequence[Change]) -> frozenset[Ref]:
    """Gateways' Deployments that somebody has deleted, and the twins that carry their requests."""
    gone = [
        change.ref
        for change in changes
        if change.ref.kind == "Deployment" and journal.standing(change, look.seen) is Now.GONE
    ]
    twins = (Ref(ref.kind, ref.namespace, twin.name(ref.name, look.new)) for ref in gone)
    return frozenset((*gone, *twins))


def sail_changes(look: Look, sail: Sail, istio: Object) -> tuple[Change, ...]:
    """What makes the Sail Operator install the new revision and keep the old one.

    It prunes a revision that nobody uses after 30 s, unless told otherwise: after the bake, and a
    week for people, at the earliest.
    Source: Sail Operator, API reference, ``IstioUpdateStrategy``.
    """
    grace = "/spec/updateStrategy/inactiveRevisionDeletionGracePeriodSeconds"
    seconds = round(look.upgrade.spec.bake.total_seconds()) + 7 * 24 * 3600
    after = {"/spec/version": sail.version, grace: seconds}
    before = {
        path: leaf for path in after if (leaf := journal.value(istio, path)) is not journal.ABSENT
    }
    return (Change("install", Ref("SailIstio", "", sail.istio), before, after),)
