"""What somebody else has made of our changes: named, held and asked about, never fought."""

from rollout.model.inventory import Inventory
from rollout.model.reasons import PauseKind, Reason
from rollout.model.ref import Ref
from rollout.model.upgrading import Awaits, Change, State
from rollout.upgrade import journal, wayback
from rollout.upgrade.journal import Now
from rollout.upgrade.look import UNDER_WAY, Look, Turn, attempted, paused

_SILENT = frozenset({State.RETURNING, State.REMOVE})


def standing(look: Look) -> int:
    """How many of the oldest changes are in the world, one after the other."""
    count, changes = 0, look.status.attempt.changes
    for place, change in enumerate(changes):
        if not journal.holds(changes, place, look.seen) and not _gone(look, change):
            break
        count += 1
    return count


def landed(look: Look) -> Look:
    """The look in which all changes that are in the world by now count as done."""
    attempt = look.status.attempt
    if look.status.state not in UNDER_WAY - _SILENT or attempt.landed >= len(attempt.changes):
        return look
    count = standing(look)
    if count <= attempt.landed:
        return look
    return look.having(attempted(look.status, landed=count))


def _gone(look: Look, change: Change) -> bool:
    """Whether the change was of a namespace that was deleted since: nobody misses it."""
    gone = journal.standing(change, look.seen) is Now.GONE
    return gone and change.ref.kind == "Namespace"


def drifted(look: Look) -> Turn | None:
    """The turn that stands where something of ours was put back, or edited; None: nothing was."""
    attempt = look.status.attempt
    if look.status.state not in UNDER_WAY - _SILENT:
        return None
    for place, change in enumerate(attempt.changes):
        if journal.superseded(attempt.changes, place):
            continue
        now = journal.standing(change, look.seen)
        if now is Now.FOREIGN or (place < attempt.landed and now in (Now.BEFORE, Now.GONE)):
            if _gone(look, change):
                continue
            return _turn(look, change, now)
    return None


def _turn(look: Look, change: Change, now: Now) -> Turn:
    owner = owned(look.seen.inventory, change.ref)
    by = f" ({owner})" if owner else ""
    if now is Now.FOREIGN:
        because = f"{change.ref} was edited{by}"
        return paused(look, PauseKind.DRIFT, because, awaits=Awaits.DRIFT)
    because = Reason(f"{change.ref} {'is gone' if now is Now.GONE else 'was put back'}{by}")
    if look.upgrade.spec.reverted == "rollback":
        return wayback.failed(look, because)
    return paused(look, PauseKind.DRIFT, because, awaits=Awaits.OWNER)


def owned(inventory: Inventory, ref: Ref) -> str:
    """The tool that owns the object, where it is known; empty: nobody's."""
    if ref.kind == "Namespace":
        space = inventory.space(ref.name)
        return space.owner if space else ""
    webhooks = {each.name: each.owner for each in inventory.injectors}
    validators = {each.name: each.owner for each in inventory.validators}
    return webhooks.get(ref.name, "") or validators.get(ref.name, "")
