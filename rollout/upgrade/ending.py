"""The last states: tags and the default, bake, the nodes' agents, and the removal, which asks."""

from rollout.gate import Gate
from rollout.model.reasons import Reason
from rollout.model.turn import AT_ONCE, SOON, Notice
from rollout.model.upgrade import Removal
from rollout.model.upgradelook import MeshAction, RemoveObject
from rollout.model.upgrading import (
    Awaits,
    NamespaceStatus,
    Recorded,
    Standing,
    WaveStatus,
    tag_wave,
)
from rollout.upgrade import gating, herding, tags, wayback
from rollout.upgrade.look import (
    Look,
    Turn,
    at_stop,
    attempted,
    blocked,
    changed,
    frozen,
    hold,
    namespaces,
    remember,
    wave,
)
from rollout.upgrade.passing import confirm, finish, go_on, held, judged
from rollout.upgrade.users import users


def moving_tags(look: Look) -> Turn:
    """One tag, or the default, in one step with all of its carriers."""
    if look.at.confirmed_at is not None:
        return judged(look)
    name = look.stop.tag or look.stop.name
    if look.at.asked_at is not None:
        if look.status.attempt.landed < len(look.status.attempt.changes):
            return hold(look, f"tag {name} is to point to {look.new}", Awaits.OBJECTS)
        return _followed(look, name)
    if turn := frozen(look) or herding.released(look, _followers(look, name)):
        return turn
    found = tags.changes(look.seen, name, look.new, f"tag {name}")
    if not isinstance(found, tuple):
        return blocked(look, found)
    because = f"tag {name} to {look.new}"
    return Turn(changed(look, found, because), because, AT_ONCE, notice=Notice("Tag"))


def _followed(look: Look, name: str) -> Turn:
    """The namespaces that came along with the tag: new pods are the new revision's by now."""
    here = wave(look.status, tag_wave(name))
    if here is not None:
        return herding.moved_all(look, here)
    came = _followers(look, name)
    if not came:
        return confirm(look, f"tag {name} points to {look.new}")
    standing = tuple(NamespaceStatus(each, Standing.LABELLED, look.now) for each in came)
    new = WaveStatus(tag_wave(name), standing, look.now)
    status = attempted(look.status, waves=(*look.status.attempt.waves, new))
    because = f"with tag {name} move {', '.join(came)}"
    return Turn(remember(status, look.now, because), because, AT_ONCE)


def _followers(look: Look, name: str) -> list[str]:
    """The namespaces that name the tag, or nothing, and have pods of the old revision still."""
    begun = {each.name for each in namespaces(look.status)}
    left = {pod.namespace for pod in look.seen.inventory.served(look.old)} - begun
    return [each for each in tags.members(look.seen.inventory, name) if each in left]


def baking(look: Look) -> Turn:
    """Nothing changes; the time counts from when nobody uses the old revision any more."""
    left = next(users(look.seen.inventory, look.old), None)
    keeps = look.upgrade.spec.remove is Removal.KEEP
    if left is not None and not keeps and look.old != look.new:
        status = attempted(at_stop(look.status, confirmed_at=None), users_gone_at=None)
        return hold(look.having(status), left, Awaits.USERS, deadline=False)
    if look.at.confirmed_at is not None:
        return judged(look)
    if left is not None:
        return confirm(look, f"{_reached(look, left)}; baking")
    status = attempted(look.status, users_gone_at=look.now)
    return confirm(look.having(status), f"nobody uses {look.old}; baking")


def _reached(look: Look, left: Reason | None) -> str:
    """What is where it was to go, and who uses the old revision still, which is kept."""
    if look.old == look.new:
        return f"the waves are at what {look.new} is now"
    if left is None:
        return f"all is at {look.new}; {look.old} is kept"
    return f"the waves are at {look.new}; {look.old} is kept, for {left}"


def nodes(look: Look) -> Turn:
    """CNI and ztunnel have no canary: they are another's to update, and are told of."""
    agents = [f for f in look.seen.findings if f.rule == "UPG-036"]
    if agents:
        look = look.having(attempted(look.status, warnings=tuple(map(str, agents))))
    if look.upgrade.spec.remove is Removal.KEEP or look.old == look.new:
        left = next(users(look.seen.inventory, look.old), None)
        return finish(look, _reached(look, left))
    return go_on(look, "the nodes' agents go with both revisions")


def removing(look: Look) -> Turn:
    """Everything is looked at once more, people are asked, and only what was recorded goes."""
    if look.status.attempt.removing:
        return _removing(look)
    left = next(users(look.seen.inventory, look.old), None)
    if left is not None:
        status = at_stop(look.status, confirmed_at=None)
        return hold(look.having(status), left, Awaits.USERS, deadline=False)
    if look.at.confirmed_at is None:
        return confirm(look, f"nobody uses {look.old}: may it be removed?")
    found = gating.answer(look.upgrade, look.status, look.seen, look.now)
    if found.gate is Gate.FAILED:
        return wayback.failed(look, Reason(found.because))
    if found.gate is Gate.HOLD:
        return held(look, found)
    if turn := frozen(look):
        return turn
    revision = look.revision(look.old)
    owner = revision.istiod if revision else None
    if owner is not None and owner.put_back:
        because = f"{owner.name} is kept by {owner.owner}: remove it there"
        return blocked(look, because, Awaits.OWNER)
    status = attempted(look.status, removing=True)
    because = f"{look.old} is removed, as was approved"
    status = remember(status, look.now, because)
    return Turn(status, because, AT_ONCE, notice=Notice("Removing", warning=True))


def _removing(look: Look) -> Turn:
    """Past the point of no return: what was recorded goes, in order; what is gone is gone."""
    left = [each for each in look.status.attempt.recorded if each.ref in look.seen.objects]
    left = [each for each in left if _same(look, each)]
    if not left:
        return finish(look, f"{look.old} is gone; all is at {look.new}")
    first = removal_order(tuple(left))[0]
    actions: tuple[MeshAction, ...] = tuple(
        RemoveObject(each.ref, each.uid) for each in removal_order(tuple(left))
    )
    because = f"removing {first.ref} of {look.old}, {len(left)} left"
    return Turn(look.status, because, SOON, Awaits.OBJECTS, actions=actions)


def _same(look: Look, each: Recorded) -> bool:
    metadata = look.seen.objects[each.ref]["metadata"]
    same = not each.uid or metadata.get("uid") == each.uid
    return bool(same and not metadata.get("deletionTimestamp"))


_FIRST = (
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Deployment",
    "Service",
)


def removal_order(recorded: tuple[Recorded, ...]) -> tuple[Recorded, ...]:
    """Webhooks first, so that nobody is asked who is about to go; then istiod, then the rest."""
    place = {kind: index for index, kind in enumerate(_FIRST)}
    return tuple(sorted(recorded, key=lambda each: (place.get(each.ref.kind, 99), each.ref)))
