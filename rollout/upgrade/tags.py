"""A tag, and the default: everything that says to which revision it belongs, in one step."""

from collections.abc import Iterator

from rollout.istio import moving
from rollout.model.inventory import Inventory
from rollout.model.mesh import DEFAULT, MeshRevision, Tag
from rollout.model.reasons import Reason
from rollout.model.ref import Ref
from rollout.model.upgradelook import MeshObservation, Object
from rollout.model.upgrading import Change

WEBHOOKS = "MutatingWebhookConfiguration"
VALIDATORS = "ValidatingWebhookConfiguration"


def carriers(inventory: Inventory, tag: str, revision: str) -> tuple[Ref, ...]:
    """Every object that must be read to move ``tag`` to ``revision``."""
    named, own = inventory.tag(tag), inventory.revision(revision)
    refs = []
    if named is not None and named.webhook:
        refs.append(Ref(WEBHOOKS, "", named.webhook))
    if named is not None and named.service:
        refs.append(Ref("Service", inventory.namespace, named.service))
    if own is not None:
        refs += [Ref(WEBHOOKS, "", name) for name in own.injectors]
        refs += [Ref("Service", own.namespace, own.service)] if own.service else []
    if tag == DEFAULT:
        refs += [Ref(VALIDATORS, "", each.name) for each in inventory.default_validators]
    return tuple(refs)


def changes(
    seen: MeshObservation, tag: str, revision: str, step: str
) -> tuple[Change, ...] | Reason:
    """The changes that point ``tag`` at ``revision``, both carriers and the default's validator.

    Half of it would make two istiods take the tag for theirs.
    Source: istio/istio, ``pkg/revisions/tag_watcher.go``: the union of webhooks and Services.
    """
    inventory = seen.inventory
    named, own = inventory.tag(tag), inventory.revision(revision)
    if named is None or not named.webhook:
        return _unmade(inventory, tag)
    if own is None or len(own.injectors) != 1:
        return Reason(f"{revision} has no webhook of its own to copy from")
    found: list[Change] = []
    try:
        for ref, leaves in _leaves(seen, named, own):
            if leaves.before != leaves.after:
                found.append(Change(step, ref, leaves.before, leaves.after))
    except LookupError as missing:
        return Reason(f"{missing.args[0]} cannot be read")
    return tuple(found)


def _unmade(inventory: Inventory, tag: str) -> Reason:
    if tag == DEFAULT and inventory.default == DEFAULT:
        return Reason("the default is an istiod without a revision: give it the tag default first")
    return Reason(f"there is no tag {tag}")


def _leaves(
    seen: MeshObservation, named: Tag, own: MeshRevision
) -> Iterator[tuple[Ref, moving.Leaves]]:
    inventory, revision = seen.inventory, own.name
    webhook, canonical = Ref(WEBHOOKS, "", named.webhook), Ref(WEBHOOKS, "", own.injectors[0])
    copied = _whole(seen, canonical)
    yield webhook, moving.tag(_whole(seen, webhook), copied, revision)
    if named.service:
        service, front = (
            Ref("Service", inventory.namespace, named.service),
            Ref("Service", own.namespace, own.service),
        )
        yield service, moving.tag_service(_whole(seen, service), revision, _whole(seen, front))
    if named.name == DEFAULT:
        for each in inventory.default_validators:
            ref = Ref(VALIDATORS, "", each.name)
            place = (own.namespace, own.service)
            yield ref, moving.validator(_whole(seen, ref), place, own.ca_bundle, revision)


def _whole(seen: MeshObservation, ref: Ref) -> Object:
    obj = seen.objects.get(ref)
    if obj is None:
        raise LookupError(str(ref))
    return obj


def members(inventory: Inventory, tag: str) -> tuple[str, ...]:
    """The namespaces that name the tag; ``default``: those that name nothing as well."""
    return tuple(
        space.name
        for space in inventory.namespaces
        if space.resolution.label == tag and space.resolution.injected
    )
