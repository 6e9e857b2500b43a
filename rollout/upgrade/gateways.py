"""Gateways, canaried beside the old: never in place, and no Gateway's selector is touched.

An injected gateway gets a twin Deployment behind the same Service. Its share of the pods rises,
until the original has none; then the original comes home: it gets its pods back, made by the new
control plane, and the twin none. A Gateway of the Gateway API gets a twin with an address of its
own, which people move their DNS to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from rollout.model.inventory import GatewayKind, Inventory, MeshGateway
from rollout.model.reasons import Reason
from rollout.model.ref import Ref
from rollout.model.turn import AT_ONCE, Notice
from rollout.model.units import counted
from rollout.model.upgrade import GatewayMove
from rollout.model.upgradelook import MeshObservation, Object
from rollout.model.upgrading import Awaits, Change, Recorded
from rollout.upgrade import journal, wayback
from rollout.upgrade.look import Look, Turn, attempted, blocked, changed, frozen, hold
from rollout.upgrade.passing import confirm, go_on, judged
from rollout.workloads import twin

REPLICAS = "/spec/replicas"
LEAST, MOST = "/spec/minReplicas", "/spec/maxReplicas"
REV = "/spec/template/metadata/labels/istio.io~1rev"


@dataclass(frozen=True, slots=True)
class Pair:
    """An injected gateway's own Deployment, its twin, and the autoscaler of the original."""

    original: Ref
    twin: Ref
    autoscaler: Ref | None

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All of it."""
        return (self.original, self.twin, *([self.autoscaler] if self.autoscaler else []))


def pair(move: GatewayMove, inventory: Inventory, new: str) -> Pair:
    """Whom a move is about, by name."""
    namespace, _, name = move.name.partition("/")
    found = gateway(move, inventory)
    scaler = found.autoscaler if found else ""
    return Pair(
        Ref("Deployment", namespace, name),
        Ref("Deployment", namespace, twin.name(name, new)),
        Ref("HorizontalPodAutoscaler", namespace, scaler) if scaler else None,
    )


def gateway(move: GatewayMove, inventory: Inventory) -> MeshGateway | None:
    """The gateway as it was seen; None: there is none of that name."""
    namespace, _, name = move.name.partition("/")
    return next(
        (
            each
            for each in inventory.gateways
            if (each.ref.namespace, each.ref.name) == (namespace, name)
        ),
        None,
    )


def objects(move: GatewayMove, inventory: Inventory, new: str) -> tuple[Ref, ...]:
    """What has to be read to move it."""
    return pair(move, inventory, new).refs if move.deployment is not None else ()


def moving(look: Look) -> Turn:
    """One share of one gateway: pods first, then the ratio, then the gate."""
    stop, move = look.at, look.stop.gateway
    if stop.confirmed_at is not None:
        return judged(look)  # also where git has dropped it: its pods are at the new revision
    if move is None:
        return go_on(look, f"git has no gateway {look.stop.name} any more")
    if refusal := _refused(look, move):
        return blocked(look, refusal, Awaits.FINDINGS)
    if stop.asked_at is None and (turn := frozen(look)):
        return turn
    if move.gateway is not None:
        return _approved_by_hand(look, move)
    return _injected(look, move, stop.part)


def _refused(look: Look, move: GatewayMove) -> Reason | None:
    found = gateway(move, look.seen.inventory)
    if found is None:
        return Reason(f"there is no gateway {move.name}")
    if found.kind is GatewayKind.BUNDLED:
        return Reason(
            f"{move.name} is installed with istiod: it changes in place, and has no canary"
        )
    if found.resolution.label and "istio.io/rev" not in found.labels:
        return Reason(f"namespace of {move.name} names a revision: its pods cannot name another")
    return None


def _approved_by_hand(look: Look, move: GatewayMove) -> Turn:
    """A Gateway API gateway: which revision serves it must be said by its owner, with a twin."""
    found = gateway(move, look.seen.inventory)
    if found is not None and found.resolution.revision == look.new:
        return confirm(look, f"{move.name} is served by {look.new}")
    because = f"{move.name} needs a twin at {look.new}, see docs/upgrade.md"
    return hold(look, because, Awaits.OBJECTS, deadline=False)


def _injected(look: Look, move: GatewayMove, part: int) -> Turn:
    """The next change of this share that is not in the world yet, each once the one before is."""
    if look.status.attempt.landed < len(look.status.attempt.changes):
        return hold(look, f"{move.name}: pods are asked for", Awaits.OBJECTS)
    here = pair(move, look.seen.inventory, look.new)
    original = look.seen.objects.get(here.original)
    if original is None:
        return blocked(look, f"{here.original} cannot be read")
    if refusal := _left_over(look, here):
        return blocked(look, refusal)
    there = journal.value(original, REV) == look.new != look.old
    if there and here.original not in _changed(look):
        return confirm(look, f"{move.name} names {look.new} already")
    share = move.shares[part] if part < len(move.shares) else None
    total = total_of(look, here, original)
    for step, changes in _steps(look, here, original, share, total):
        if changes:
            because = f"{move.name}: {step}"
            status = changed(look, changes, because)
            if any(change.made is not None for change in changes):
                twins = Recorded(here.twin)
                status = attempted(status, recorded=(*status.attempt.recorded, twins))
            return Turn(status, because, AT_ONCE, notice=Notice("Gateway"))
        if waiting := _unready(look, here):
            return hold(look, waiting, Awaits.PODS)
        if wrong := _wrong(look, here):
            return wayback.failed(look, wrong)
    words = f"{share}% of its pods at {look.new}" if share else f"all of its own pods at {look.new}"
    return confirm(look, f"{move.name}: {words}")


def _changed(look: Look) -> frozenset[Ref]:
    return frozenset(change.ref for change in look.status.attempt.changes)


def _left_over(look: Look, here: Pair) -> Reason | None:
    """A Deployment of the twin's name that is none of this upgrade's: who knows what it serves."""
    if here.twin not in look.seen.objects or here.twin in _changed(look):
        return None
    return Reason(f"{here.twin} is an earlier upgrade's: delete it")


def total_of(look: Look, here: Pair, original: Object) -> int:
    """How many pods the gateway had when its move began."""
    for change in look.status.attempt.changes:
        if change.ref == here.original and REPLICAS in change.before:
            return int(change.before[REPLICAS])
    return max(1, int((original.get("spec") or {}).get("replicas", 1)))


def _steps(
    look: Look, here: Pair, original: Object, share: int | None, total: int
) -> Iterator[tuple[str, tuple[Change, ...]]]:
    """What makes this share true, in order; pods come before others go."""
    name = f"gateway {here.original.namespace}/{here.original.name}"
    step = f"{name} {look.at.part + 1}"
    if share is not None or journal.value(original, REV) != look.new:
        all_of_it = share in (None, 100)  # at home, too: no pod is made anew where users are
        twins = total if all_of_it else ceil(total * (share or 0) / 100)
        rest = 0 if all_of_it else max(1, total - twins)
        more = _twin(look, here, original, twins, f"{step}a")
        yield f"{counted(twins, 'pod')} at {look.new}", more
        yield f"{counted(rest, 'pod')} at {look.old}", _scaled(look, here, rest, f"{step}b")
    if share is None:
        yield "its own template to the new revision", _home(look, here, f"{step}c")
        yield "its own pods again", _scaled(look, here, total, f"{step}d", home=True)
        yield "the twin's pods go", _replicas(look.seen, here.twin, 0, f"{step}e")


def _twin(look: Look, here: Pair, original: Object, replicas: int, step: str) -> tuple[Change, ...]:
    if here.twin not in look.seen.objects:
        made = twin.of(original, look.new, replicas)
        return (Change(step, here.twin, made=made),)
    return _replicas(look.seen, here.twin, replicas, step)


def _replicas(seen: MeshObservation, ref: Ref, replicas: int, step: str) -> tuple[Change, ...]:
    has = journal.value(seen.objects[ref], REPLICAS)
    if has == replicas:
        return ()
    before = {} if has is journal.ABSENT else {REPLICAS: has}
    return (Change(step, ref, before, {REPLICAS: replicas}),)


def _scaled(
    look: Look, here: Pair, replicas: int, step: str, *, home: bool = False
) -> tuple[Change, ...]:
    """The original has so many pods, and its autoscaler is held to them while it shares.

    At none of them an autoscaler stands still by itself (Kubernetes, "Horizontal Pod Autoscaling",
    "Implicit maintenance-mode deactivation"). At home it gets its own bounds back.
    """
    changes = list(_replicas(look.seen, here.original, replicas, step))
    scaler = look.seen.objects.get(here.autoscaler) if here.autoscaler else None
    if here.autoscaler is None or scaler is None:
        return tuple(changes)
    bounds = {path: journal.value(scaler, path) for path in (LEAST, MOST)}
    has = {path: bound for path, bound in bounds.items() if bound is not journal.ABSENT}
    first = [c for c in look.status.attempt.changes if c.ref == here.autoscaler]
    held = dict.fromkeys(bounds, max(1, replicas))
    if home and first:
        held = dict(first[0].before)
    if has != held:
        changes.insert(0, Change(step, here.autoscaler, has, held))
    return tuple(changes)


def _home(look: Look, here: Pair, step: str) -> tuple[Change, ...]:
    has = journal.value(look.seen.objects[here.original], REV)
    if has == look.new:
        return ()
    before = {} if has is journal.ABSENT else {REV: has}
    return (Change(step, here.original, before, {REV: look.new}),)


def _unready(look: Look, here: Pair) -> Reason | None:
    """Pods of either side that are asked for and do not serve yet."""
    for ref in (here.twin, here.original):
        obj = look.seen.objects.get(ref)
        wanted = int((obj.get("spec") or {}).get("replicas", 1)) if obj else 0
        pods = look.pods_of(ref)
        ready = sum(pod.ready for pod in pods)
        if ready < wanted:
            return Reason(f"{ref}: {ready} of {wanted} pods are ready")
        if ref == here.original and not wanted and pods:
            return Reason(f"{ref}: {counted(len(pods), 'pod')} on the way out")
    return None


def _wrong(look: Look, here: Pair) -> Reason | None:
    """A pod that was made otherwise than it must be, or refuses what it is sent."""
    home = journal.value(look.seen.objects[here.original], REV) == look.new
    refs = (here.original, here.twin) if home else (here.twin,)
    at = {(p.namespace, p.pod): p for p in look.seen.inventory.proxies or ()}
    for pod in look.pods(here.twin.namespace):
        if pod.workload not in refs:
            continue
        if pod.proxies != 1 or pod.revision != look.new:
            proxies = counted(pod.proxies, "proxy", "proxies")
            return Reason(f"{pod.ref} has {proxies} by {pod.revision or 'nobody'}")
        proxy = at.get((pod.namespace, pod.name))
        if proxy is not None and proxy.errors:
            return Reason(f"{pod.ref} refuses its config: {proxy.errors[0]}")
    return None
