"""The way there: each state is one function from a look to a turn."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from rollout.model.finding import Severity, warned
from rollout.model.mesh import DEFAULT
from rollout.model.reasons import Reason
from rollout.model.status import Phase
from rollout.model.turn import AT_ONCE, Notice
from rollout.model.units import counted
from rollout.model.upgradelook import Try
from rollout.model.upgrading import (
    Attempt,
    Awaits,
    State,
    UpgradeStatus,
)
from rollout.upgrade import ending, gateways, herding, installing, wayback, whole
from rollout.upgrade.look import (
    Look,
    Turn,
    attempted,
    blocked,
    enter,
    hold,
    remember,
)
from rollout.upgrade.passing import brake, go_on
from rollout.upgrade.stops import stops


def advance(look: Look) -> Turn:
    """The turn of the state we are in."""
    return _STATES[look.status.state](look)


# At rest


def _idle(look: Look) -> Turn:
    return begin(look, f"an upgrade from {look.upgrade.spec.from_} to {look.upgrade.spec.to}")


def begin(look: Look, because: str) -> Turn:
    """A new attempt, from preflight on."""
    spec, before = look.upgrade.spec, look.status.attempt
    attempt = Attempt(number=before.number + 1, asked_from=spec.from_, asked_to=spec.to)
    status = replace(look.status, attempt=attempt, refused=None)
    status = enter(look.having(status), stops(spec)[0], because)
    return Turn(status, because, AT_ONCE, notice=Notice("Started"))


def _resting(look: Look) -> Turn:
    """Done or given up: anew once git asks for another revision."""
    attempt, spec = look.status.attempt, look.upgrade.spec
    if (attempt.asked_from, attempt.asked_to) != (spec.from_, spec.to):
        return begin(look, f"git asks for {spec.from_} to {spec.to} now")
    if look.status.state is State.DONE:
        return Turn(look.status, f"the upgrade to {attempt.asked_to} is done")
    if look.status.refused is None:
        return begin(look, "tried again")
    return Turn(look.status, f"back at {attempt.asked_from}: {look.status.refused.because}")


# Before anything moves


def _preflight(look: Look) -> Turn:
    """Every blocking finding is put right or overruled, and the way back is written down."""
    blocking = [f for f in look.seen.findings if f.severity is Severity.BLOCK and not f.overruled]
    look = look.having(attempted(look.status, warnings=warned(look.seen.findings)))
    if blocking:
        more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
        return blocked(look, f"{blocking[0]}{more}", Awaits.FINDINGS)
    if look.seen.inventory.unread:
        what = look.seen.inventory.unread[0]
        return blocked(look, f"{what.what}: {what.because}")
    if lack := next(whole.lacks(look.seen.inventory, look.old, 1), None):
        return blocked(look, lack, Awaits.CONTROL_PLANE)
    if ill := brake(look):
        return blocked(look, ill, Awaits.BRAKE)
    if look.upgrade.spec.default is not None and look.seen.inventory.tag(DEFAULT) is None:
        because = "there is no tag default to move: istioctl tag set default gives it one"
        return blocked(look, because, Awaits.FINDINGS)
    if look.seen.recorded is None:
        return hold(look, f"the objects of {look.old} are not all read yet", Awaits.OBJECTS)
    status = attempted(look.status, recorded=look.seen.recorded)
    for finding in look.seen.findings:
        if finding.overruled:
            because = f"{finding.rule} overruled: {finding.overruled}"
            status = remember(status, look.now, because)
    return go_on(look.having(status), "preflight found nothing that stands in the way")


def _base(look: Look) -> Turn:
    """CRDs are new, and the default is where it was: somebody else upgrades ``istio/base``."""
    at = whole.default(look.seen.inventory)
    if look.seen.inventory.default_validators and at != look.old and look.old == _default(look):
        because = f"the default validator is at {at or 'two revisions'}, not at {look.old}"
        return hold(look, f"{because}: base was reset?", Awaits.INSTALLER)
    return go_on(look, "the base is as it must be")


def _default(look: Look) -> str:
    return look.seen.inventory.default


def _install(look: Look) -> Turn:
    """Until the new control plane is whole, and has taken nothing to itself."""
    if turn := installing.asked(look):
        return turn
    inventory, spec = look.seen.inventory, look.upgrade.spec
    lacking = [*whole.lacks(inventory, look.new, spec.min_replicas)]
    if lacking:
        return installing.awaited(look, lacking[0])
    if differ := whole.roots_differ(inventory, look.old, look.new):
        return blocked(look, differ, Awaits.CONTROL_PLANE)
    if inventory.default == look.new and look.old != look.new:
        because = f"installing {look.new} has moved the default to it"
        return wayback.failed(look, Reason(because))
    moved = [t.name for t in inventory.tags if look.new in t.revisions and look.old != look.new]
    if moved and not _known_tag(look, moved[0]):
        return blocked(look, f"tag {moved[0]} points to {look.new} already", Awaits.OBJECTS)
    if (why := _probe(look)) is not None:
        return hold(look, why, Awaits.INJECTION)
    revision = inventory.revision(look.new)
    name = revision.istiod.name if revision and revision.istiod else ""
    look = look.having(attempted(look.status, istiod=name))
    return go_on(look, f"{look.new} is whole and has taken nothing yet")


def _known_tag(look: Look, name: str) -> bool:
    """Whether the tag is none that this upgrade moves: one of the new revision's own."""
    spec = look.upgrade.spec
    moving = {tag.name for tag in spec.tags} | {w.tag for w in spec.groups}
    return name != DEFAULT and name not in moving


def probe(look: Look) -> Try | None:
    """The pod that is tried at the new revision before any namespace names it.

    It must stand in a namespace that says nothing, for there a pod speaks for itself.
    """
    for space in look.seen.inventory.namespaces:
        plain = not {"istio.io/rev", "istio-injection"} & space.labels.keys()
        if plain and not space.terminating and not space.ambient:
            return Try(space.name, (("istio.io/rev", look.new),))
    return None


def _probe(look: Look) -> Reason | None:
    wanted = probe(look)
    if wanted is None:
        return None  # every namespace says something; the first wave tries its own
    tried = look.seen.tried.get(wanted)
    if tried is None:
        return Reason(f"a pod could not be tried at {look.new}")
    if tried.refused:
        return Reason(f"a pod tried at {look.new} is refused: {tried.refused}")
    if tried.proxies != 1 or tried.revision != look.new:
        by = tried.revision or "nobody"
        return Reason(
            f"a pod tried at {look.new} gets {counted(tried.proxies, 'proxy', 'proxies')} by {by}"
        )
    return None


def phase(status: UpgradeStatus, awaits: Awaits | None) -> Phase:
    """The phase that people see, from the state and what stands in its way."""
    stands = awaits in (Awaits.FINDINGS, Awaits.OBJECTS, Awaits.OWNER, Awaits.BRAKE, Awaits.DRIFT)
    if status.state is State.RETURNING:
        return Phase.ROLLING_BACK
    if status.state is State.RETURNED:
        return Phase.DEGRADED
    if status.state in (State.IDLE, State.DONE):
        return Phase.HEALTHY
    return Phase.PAUSED if status.attempt.pause is not None or stands else Phase.PROGRESSING


_STATES: Mapping[State, Callable[[Look], Turn]] = {
    State.IDLE: _idle,
    State.PREFLIGHT: _preflight,
    State.BASE: _base,
    State.INSTALL: _install,
    State.CANARY: herding.moving,
    State.WAVES: herding.moving,
    State.GATEWAYS: gateways.moving,
    State.TAGS: ending.moving_tags,
    State.BAKE: ending.baking,
    State.NODES: ending.nodes,
    State.REMOVE: ending.removing,
    State.DONE: _resting,
    State.RETURNING: wayback.go_back,
    State.RETURNED: _resting,
}
