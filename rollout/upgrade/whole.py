"""What a control plane still lacks before anything may be moved to it, or taken back to it."""

from collections.abc import Iterator

from rollout.model.inventory import Inventory
from rollout.model.mesh import MeshRevision
from rollout.model.reasons import Reason
from rollout.model.units import counted


def lacks(inventory: Inventory, name: str, least: int) -> Iterator[Reason]:
    """Why ``name`` cannot inject and serve as it must; ``least``: ready pods of its istiod.

    Source: Istio, "Canary Upgrades": a revision is its Deployment, Service, injection webhook and
    validator, each of its own.
    """
    revision = inventory.revision(name)
    if revision is None:
        yield Reason(f"there is no control plane {name} yet")
        return
    yield from _istiod(revision, least)
    yield from _webhooks(inventory, revision)


def _istiod(revision: MeshRevision, least: int) -> Iterator[Reason]:
    istiod = revision.istiod
    if istiod is None:
        yield Reason(f"istiod of {revision.name} has no Deployment")
        return
    if istiod.ready < least:
        yield Reason(f"{istiod.name} has {counted(istiod.ready, 'ready pod')}, {least} are wanted")
    elif not istiod.updated:
        yield Reason(f"{istiod.name} is being replaced")
    if revision.endpoints is None:
        yield Reason(f"istiod of {revision.name} has no Service")
    elif not revision.endpoints:
        yield Reason(f"Service {revision.service} of {revision.name} has no ready endpoints")


def _webhooks(inventory: Inventory, revision: MeshRevision) -> Iterator[Reason]:
    if len(revision.injectors) != 1:
        found = len(revision.injectors) or "no"
        yield Reason(f"{revision.name} has {found} injection webhooks, one is wanted")
    elif not revision.ca_bundle:
        yield Reason(f"{revision.injectors[0]} has no CA bundle yet")
    if not revision.validator and inventory.default != revision.name:
        yield Reason(f"{revision.name} has no validator of its own")


def default(inventory: Inventory) -> str:
    """The revision that the default's validator belongs to; empty: none, or several disagree."""
    found = {validator.revision for validator in inventory.default_validators}
    return found.pop() if len(found) == 1 else ""


def roots_differ(inventory: Inventory, old: str, new: str) -> Reason | None:
    """That two control planes would not trust each other's proxies; None: they would."""
    roots = {each.ca_bundle for each in inventory.revisions if each.name in (old, new)} - {""}
    if len(roots) < 2:
        return None
    return Reason(f"{new} has another root of trust than {old}: their proxies could not talk")
