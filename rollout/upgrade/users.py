"""Who still uses a control plane: it may go when nobody does, and not before.

Source: Istio, "Canary Upgrades", "Uninstall old control plane"; and what came of removing one that
was in use: istio/istio #28880 (validators), #47423 (tags), #35182 (proxies).
"""

from collections.abc import Iterator

from rollout.model.inventory import Inventory
from rollout.model.reasons import Reason
from rollout.model.units import counted


def users(inventory: Inventory, revision: str) -> Iterator[Reason]:
    """Everything that would be lost with ``revision``, the most first; nothing: it may go."""
    yield from _defaults(inventory, revision)
    yield from _namespaces(inventory, revision)
    yield from _pods(inventory, revision)
    yield from _gateways(inventory, revision)
    for config in inventory.labelled:
        if config.revision == revision:
            yield Reason(f"{config.ref} is read by {revision} alone")
    connected = [p for p in inventory.proxies or () if p.revision == revision]
    if connected:
        first = f"{connected[0].pod} of {connected[0].namespace}"
        yield Reason(f"{revision} still has {counted(len(connected), 'proxy', 'proxies')}: {first}")


def _defaults(inventory: Inventory, revision: str) -> Iterator[Reason]:
    own = inventory.revision(revision)
    service = own.service if own else f"istiod-{revision}"
    if inventory.default == revision:
        yield Reason(f"{revision} is the default revision")
    for validator in inventory.default_validators:
        if validator.revision == revision or validator.calls.service == service:
            yield Reason(f"{validator.name} asks {revision} about every object of Istio's")
    for tag in inventory.tags:
        if revision in tag.revisions:
            yield Reason(f"tag {tag.name} points to {revision}")


def _namespaces(inventory: Inventory, revision: str) -> Iterator[Reason]:
    for space in inventory.namespaces:
        if space.resolution.revision == revision and not space.terminating:
            yield Reason(f"namespace {space.name} is injected by {revision}")
    for work in inventory.workloads:
        if work.resolution.injected and work.resolution.revision == revision:
            yield Reason(f"{work.ref} is injected by {revision}")


def _pods(inventory: Inventory, revision: str) -> Iterator[Reason]:
    pods = [pod for pod in inventory.served(revision) if not pod.leaving]
    if pods:
        more = f" and {len(pods) - 1} more" if len(pods) > 1 else ""
        yield Reason(f"{pods[0].ref}{more} have proxies of {revision}")


def _gateways(inventory: Inventory, revision: str) -> Iterator[Reason]:
    for gateway in inventory.gateways:
        if revision in (gateway.revision, gateway.resolution.revision):
            yield Reason(f"{gateway.ref} is a gateway of {revision}")
