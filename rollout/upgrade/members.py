"""Which namespaces a wave has: those that it names and that still are at the old revision."""

from collections.abc import Sequence
from math import ceil

from rollout.model.inventory import Inventory
from rollout.model.mesh import MeshNamespace
from rollout.model.upgrade import Wave


def members(wave: Wave, inventory: Inventory, old: str) -> tuple[str, ...]:
    """The namespaces of ``wave`` at this moment, in the order in which they move.

    Unless it names them itself the smallest goes first: what breaks there breaks least.
    """
    left = {s.name: s for s in inventory.namespaces if is_at(s, old) and not s.terminating}
    sizes = _sizes(inventory)
    ordered = sorted(left, key=lambda name: (sizes.get(name, 0), name))
    if wave.namespaces:
        return tuple(name for name in wave.namespaces if name in left)
    if wave.selector:
        wanted = wave.selector.items()
        return tuple(name for name in ordered if wanted <= left[name].labels.items())
    if wave.tag is not None:
        return tuple(name for name in ordered if left[name].resolution.label == wave.tag)
    if wave.percentage is not None:
        return _share(ordered, sizes, wave.percentage)
    return tuple(ordered)


def is_at(space: MeshNamespace, revision: str) -> bool:
    """Whether pods of the namespace come to this control plane."""
    return space.resolution.injected and space.resolution.revision == revision


def _sizes(inventory: Inventory) -> dict[str, int]:
    """Workloads in the mesh by namespace."""
    found: dict[str, int] = {}
    for work in inventory.workloads:
        if work.resolution.injected:
            found[work.ref.namespace] = found.get(work.ref.namespace, 0) + 1
    return found


def _share(ordered: Sequence[str], sizes: dict[str, int], share: float) -> tuple[str, ...]:
    """The smallest namespaces that have that share of all workloads together; at least one."""
    most = ceil(sum(sizes.get(name, 0) for name in ordered) * share)
    chosen: list[str] = []
    for name in ordered:
        if chosen and sum(sizes.get(one, 0) for one in (*chosen, name)) > most:
            break
        chosen.append(name)
    return tuple(chosen)
