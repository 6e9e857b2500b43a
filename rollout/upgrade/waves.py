"""Namespaces on their way from one control plane to another, in either direction.

Each goes: label, a pod that is tried, restarts, verification; nothing of a wave begins before the
namespace before it is done. Source: Istio, "Canary Upgrades": pods come to another revision by
being made anew, and in no other way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout import lenient
from rollout.istio import moving
from rollout.model.inventory import Inventory
from rollout.model.mesh import MeshPod, MeshWorkload, Restart, image_version
from rollout.model.reasons import Reason
from rollout.model.ref import Ref
from rollout.model.upgradelook import MeshAction, RemoveObject, RestartPods, Try
from rollout.model.upgrading import (
    Awaits,
    Change,
    Confidence,
    NamespaceStatus,
    Standing,
)
from rollout.upgrade.look import Look

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""As ``kubectl rollout restart`` marks a pod template."""


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of one namespace at this look.

    ``because``: why it is not there yet; ``failed``: why it must not go on.
    """

    space: NamespaceStatus
    because: str = ""
    awaits: Awaits | None = None
    failed: Reason | None = None
    actions: tuple[MeshAction, ...] = ()


def relabelled(inventory: Inventory, name: str, revision: str, step: str) -> tuple[Change, ...]:
    """The change of a namespace's labels; none where they name ``revision`` already."""
    space = inventory.space(name)
    before, after = moving.namespace(space.labels if space else {}, revision)
    if before == after:
        return ()
    return (Change(step, Ref("Namespace", "", name), before, after),)


def tries(name: str) -> Try:
    """The pod that is tried in a namespace: one that says nothing of its own."""
    return Try(name)


def injected(look: Look, name: str, target: str) -> tuple[Reason | None, bool]:
    """Why a pod tried in the namespace is not as it must be, and whether that was tried at all."""
    tried = look.seen.tried.get(tries(name))
    if tried is None:
        return Reason(f"a pod could not be tried in {name}"), False
    if tried.refused:
        return Reason(f"a pod tried in {name} is refused: {tried.refused}"), True
    if tried.proxies != 1:
        found = f"{tried.proxies} proxies" if tried.proxies else "no proxy"
        return Reason(f"a pod tried in {name} gets {found}"), True
    if tried.revision != target:
        return Reason(f"a pod tried in {name} is injected by {tried.revision or 'nobody'}"), True
    return None, True


def restarted(look: Look, space: NamespaceStatus, target: str, most: int) -> Move:
    """The restarts of a namespace's workloads, at most ``most`` at a time."""
    works = workloads(look, space.name)
    left = [work for work in works if not settled(look, work, target)]
    manual = _manual(look, space.name, target)
    space = replace(space, workloads=len(works), done=len(works) - len(left), left=manual)
    if wrong := wrong_pod(look, space.name, target) or _naked(look, space, left, target):
        return Move(space, failed=wrong)
    if not left:
        return Move(replace(space, standing=Standing.VERIFYING, since=look.now))
    at = space.restart_at or look.now
    begun = [work for work in left if asked(work, at)]
    actions: list[MeshAction] = []
    stuck: Reason | None = None
    for work in left[: most + len(begun)]:
        if work in begun:
            actions += _unstuck(look, work, target)
        elif len(begun) < most:
            if unstuck := [*_unstuck(look, work, target)]:
                begun.append(work)
                actions += unstuck
                continue
            stuck = guarded(look.seen.inventory, work)
            if stuck is not None:
                continue
            begun.append(work)
            actions += _restart(look, work, target, at)
    names = ", ".join(work.ref.name for work in begun) or left[0].ref.name
    because = f"{space.name}: {space.done} of {len(works)} workloads done, restarting {names}"
    if stuck is not None and not begun:
        return Move(space, stuck, Awaits.PODS)
    return Move(space, because, Awaits.PODS, actions=tuple(actions))


def workloads(look: Look, name: str) -> tuple[MeshWorkload, ...]:
    """The workloads of a namespace whose pods are, or shall be, in the mesh, in a fixed order."""
    inventory = look.seen.inventory
    mine = {pod.workload for pod in look.pods(name) if pod.proxies}
    return tuple(
        sorted(
            (
                work
                for work in inventory.workloads
                if work.ref.namespace == name
                and work.restart is not Restart.MANUAL
                and (work.resolution.injected or work.ref in mine)
            ),
            key=lambda work: (work.replicas, work.ref),
        )
    )


def settled(look: Look, work: MeshWorkload, target: str) -> bool:
    """Whether all pods of ``work`` are of ``target``, with their one proxy, ready, and enough."""
    pods = look.pods_of(work.ref)
    ready = sum(pod.ready for pod in pods)
    return ready >= work.replicas and all(_is_at(look, pod, target) and pod.ready for pod in pods)


def _is_at(look: Look, pod: MeshPod, target: str) -> bool:
    """Whether the pod has its one proxy, made by ``target`` and of its version."""
    if pod.proxies != 1 or pod.revision != target:
        return False
    revision = look.revision(target)
    config = revision.injection if revision else None
    wanted = image_version(config.image) if config else ""
    return not wanted or pod.own_image or not pod.version or pod.version == wanted


def asked(work: MeshWorkload, at: datetime) -> bool:
    """Whether the restart of ``at`` was asked for already, as far as its template shows it."""
    return work.annotations.get(RESTARTED_AT) == mark(at)


def mark(at: datetime) -> str:
    """The moment of a restart as it stands in the annotation."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def guarded(inventory: Inventory, work: MeshWorkload) -> Reason | None:
    """The PodDisruptionBudget that lets no pod of ``work`` go now; None: it may be restarted.

    A rolling update asks no budget; we do. One that first makes the new pod takes none away.
    """
    if work.unavailable == 0 and work.surge > 0:
        return None
    for budget in inventory.budgets:
        mine = budget.ref.namespace == work.ref.namespace and budget.selector.matches(work.labels)
        if mine and budget.allowed < 1:
            return Reason(f"{budget.ref} lets no pod of {work.ref.name} go now")
    return None


def _restart(look: Look, work: MeshWorkload, target: str, at: datetime) -> Iterator[MeshAction]:
    if work.restart is Restart.POD_BY_POD:
        yield from _pod_by_pod(look, work, target)
    else:
        yield RestartPods(work.ref, work.restart, at)


def _pod_by_pod(look: Look, work: MeshWorkload, target: str) -> Iterator[MeshAction]:
    """The next pod to go, once all others are ready."""
    pods = look.pods_of(work.ref)
    old = sorted((p for p in pods if not _is_at(look, p, target)), key=_ordinal)
    if old and sum(pod.ready for pod in pods) >= work.replicas:
        yield RemoveObject(old[-1].ref, old[-1].uid)


def _unstuck(look: Look, work: MeshWorkload, target: str) -> Iterator[MeshAction]:
    """A pod to go that serves nobody, and that its controller would wait for, or never move.

    A StatefulSet waits for a pod that is not ready before it makes the next anew, also where that
    pod itself is to be made anew; so does whoever moves pods one by one.
    Source: Kubernetes, "StatefulSets", "Forced rollback".
    """
    by_itself = work.restart is Restart.ANNOTATION and work.ref.kind == "StatefulSet"
    if not by_itself and work.restart is not Restart.POD_BY_POD:
        return
    pods = look.pods_of(work.ref)
    broken = [pod for pod in pods if not pod.ready and not _is_at(look, pod, target)]
    for pod in sorted(broken, key=_ordinal)[-1:]:
        yield RemoveObject(pod.ref, pod.uid)


def _ordinal(pod: MeshPod) -> tuple[int, str]:
    """The number in the name of a StatefulSet's pod: the highest goes first, as it does there."""
    found = lenient.whole(pod.name.rpartition("-")[2], 9)
    return (-1 if found is None else found, pod.name)


def wrong_pod(look: Look, name: str, target: str) -> Reason | None:
    """A pod that no one may have: with two proxies, or new and without the one it should have.

    ``target``: where pods of this namespace are made now.
    """
    injected_works = {
        work.ref
        for work in look.seen.inventory.workloads
        if work.ref.namespace == name and work.resolution.injected
    }
    for pod in look.pods(name):
        if pod.proxies > 1:
            return Reason(f"{pod.ref} has {pod.proxies} proxies")
        if pod.proxies == 0 and pod.workload in injected_works and _is_new(look, pod, target):
            return Reason(f"{pod.ref} was made without a proxy")
    return None


SETTLING = timedelta(minutes=1)
"""How long pods from before a restart may still be there without anybody's proxy."""


def _naked(
    look: Look, space: NamespaceStatus, left: Sequence[MeshWorkload], target: str
) -> Reason | None:
    """A restarted workload of which no pod is of the other revision, and some have no proxy."""
    at = space.restart_at
    if at is None or look.now - at < SETTLING:
        return None
    for work in left:
        pods = look.pods_of(work.ref)
        others = any(pod.proxies and pod.revision != target for pod in pods)
        naked = [pod for pod in pods if not pod.proxies]
        if asked(work, at) and work.resolution.injected and naked and not others:
            return Reason(f"{naked[0].ref} was made without a proxy")
    return None


def _is_new(look: Look, pod: MeshPod, target: str) -> bool:
    """Whether the pod is of our restart: others of its workload are injected by ``target``."""
    return any(
        other.workload == pod.workload and other.revision == target and other.proxies
        for other in look.pods(pod.namespace)
    )


def _manual(look: Look, name: str, target: str) -> tuple[str, ...]:
    """Pods with a proxy of another revision that nobody makes anew."""
    manual = {work.ref for work in look.seen.inventory.workloads if work.restart is Restart.MANUAL}
    return tuple(
        str(pod.workload or pod.ref)
        for pod in look.pods(name)
        if pod.proxies
        and pod.revision != target
        and (pod.workload is None or pod.workload in manual)
    )[:20]


def verified(look: Look, space: NamespaceStatus, target: str, standing: Standing) -> Move:
    """Whether the proxies of a namespace are at the istiod of ``target``, as far as can be told.

    ``standing``: what the namespace is, once they are.
    """
    if wrong := wrong_pod(look, space.name, target):
        return Move(space, failed=wrong)
    left = [work for work in workloads(look, space.name) if not settled(look, work, target)]
    if left:
        because = f"{space.name}: {left[0].ref.name} is not ready at {target}"
        return Move(replace(space, standing=Standing.RESTARTING), because, Awaits.PODS)
    proxies = look.seen.inventory.proxies
    if proxies is None:
        there = replace(space, standing=standing, since=look.now)
        return Move(replace(there, confidence=Confidence.ANNOTATIONS))
    at = {(p.namespace, p.pod): p for p in proxies if p.revision == target}
    mine = [pod for pod in look.pods(space.name) if _is_at(look, pod, target)]
    for pod in mine:
        proxy = at.get((pod.namespace, pod.name))
        if proxy is None:
            return Move(
                space, f"{pod.name} of {pod.namespace} is not at {target} yet", Awaits.PROXIES
            )
        if proxy.errors:
            return Move(space, failed=Reason(f"{pod.ref} refuses its config: {proxy.errors[0]}"))
        if not proxy.synced:
            waiting = f"{pod.name} of {pod.namespace} has not taken its config yet"
            return Move(space, waiting, Awaits.PROXIES)
    there = replace(space, standing=standing, since=look.now, confidence=Confidence.SYNCZ)
    return Move(there)
