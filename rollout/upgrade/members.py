"""Which namespaces a wave has: those that it names and that still are at the old revision."""

from collections.abc import Sequence
from math import ceil

from rollout.model.inventory import Inventory
from rollout.model.mesh import MeshNamespace, Resolution, Way
from rollout.model.ref import Ref
from rollout.model.upgrade import Wave
from rollout.model.upgrading import NamespaceStatus, Standing
from rollout.upgrade.look import Look


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


def left_since(look: Look, space: NamespaceStatus) -> str:
    """Why the namespace is none of its wave's any more; empty: it is.

    Which namespaces a wave has is settled when it begins; who has said since that one is not to be
    moved, or is to go elsewhere, is right.
    """
    there = look.seen.inventory.space(space.name)
    if there is None:
        return "is gone"
    if there.terminating:
        return "is being deleted"
    if there.ambient:
        return "is in ambient mode now, and left there"
    resolution = there.resolution
    if resolution.way is Way.NONE:
        return "asks for no proxies any more, and is left as it is"
    known = {look.old, look.new}
    elsewhere = resolution.label if resolution.way is Way.DANGLING else resolution.revision
    astray = elsewhere not in known and resolution.way is not Way.SEVERAL
    if astray or _put_elsewhere(look, space, resolution):
        return f"names {resolution.label or elsewhere} now, and is left there"
    return ""


def _put_elsewhere(look: Look, space: NamespaceStatus, resolution: Resolution) -> bool:
    """Whether it is at the old revision by somebody's edit, which was asked about and stays."""
    attempt, wave = look.status.attempt, look.stop.wave
    done = space.standing is not Standing.WAITING and attempt.landed == len(attempt.changes)
    if not done or resolution.revision != look.old or look.old == look.new:
        return False
    tag = look.stop.tag or (wave.tag if wave else None)
    ours = any(each.ref == Ref("Namespace", "", space.name) for each in attempt.changes)
    return not ours and (not tag or resolution.label != tag)


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
