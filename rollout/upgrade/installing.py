"""Who installs the new revision is asked, or waited for; nothing is rendered or applied here."""

from rollout import lenient
from rollout.model.reasons import Reason
from rollout.model.ref import Ref
from rollout.model.turn import AT_ONCE
from rollout.model.upgrade import Manifests
from rollout.model.upgradelook import Object
from rollout.model.upgrading import Awaits
from rollout.upgrade import wayback
from rollout.upgrade.look import Look, Turn, blocked, changed, frozen, hold


def asked(look: Look) -> Turn | None:
    """The Sail Operator is told the version, once; whoever else installs is waited for."""
    sail = look.upgrade.spec.install.sail
    if sail is None or look.status.attempt.changes:
        return None
    from_operator = look.seen.objects.get(Ref("SailIstio", "", sail.istio))
    if from_operator is None:
        return blocked(look, f"there is no Istio {sail.istio} of the Sail Operator")
    if turn := frozen(look):
        return turn
    changes = wayback.sail_changes(look, sail, from_operator)
    because = f"the Sail Operator is asked for {sail.version}"
    return Turn(changed(look, changes, because), because, AT_ONCE)


def awaited(look: Look, lack: Reason) -> Turn:
    """The turn that waits for what the new revision lacks, and says what its source says."""
    manifests = look.upgrade.spec.install.manifests
    if manifests is None:
        return hold(look, lack, Awaits.INSTALLER)
    ref = source(manifests)
    if ref in look.seen.unread:
        return hold(look, f"{ref} cannot be read", Awaits.INSTALLER)
    obj = look.seen.objects.get(ref)
    if obj is None:
        return blocked(look, f"there is no {ref}, which was to apply {look.new}")
    if lenient.under(obj, "spec", "manifests") is not True:
        return blocked(look, f"{ref} has no manifests: true, and so applies no {look.new}")
    trouble = _trouble(lenient.mapping(obj.get("status")))
    return hold(look, f"{ref}: {trouble}" if trouble else lack, Awaits.INSTALLER)


def source(manifests: Manifests) -> Ref:
    """The RolloutSource that applies the new revision."""
    namespace, _, name = manifests.source.partition("/")
    return Ref("RolloutSource", namespace, name)


def _trouble(status: Object) -> str:
    """What a source says it could not read, or not apply; empty: nothing."""
    rejected = lenient.mappings(status.get("rejected"))
    told = (lenient.text(each.get("message")) for each in rejected)
    return lenient.text(status.get("problem")) or next(told, "")
