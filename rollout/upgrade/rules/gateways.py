"""Rules about gateways: never in place, never by the revision in a selector."""

from collections.abc import Iterator
from datetime import timedelta

from rollout.model.inventory import GatewayKind, MeshGateway
from rollout.model.mesh import INJECTION, REV, Way
from rollout.model.ref import Ref
from rollout.upgrade.rules.case import Case, several

DRAIN = timedelta(seconds=30)
_API = (GatewayKind.API, GatewayKind.WAYPOINT)


def bundled(case: Case) -> Iterator[str]:
    """GW-001, B: upgraded in place with istiod, and deleted with it on the way back.

    Sources: istio#26019, istio#33822; Istio, "Installing Gateways".
    """
    for each in case.gateways(GatewayKind.BUNDLED):
        move = case.move(each)
        if move is None or not move.allow_in_place:
            yield f"{each.ref}: came with istiod and has no canary; install gateways apart"


def not_injected(case: Case) -> Iterator[str]:
    """GW-002, W: no revision injects it, so that it cannot be canaried by one. IST0146."""
    known = {f"{g.ref.namespace}/{g.ref.name}" for g in case.mesh.gateways}
    for move in case.spec.gateways:
        if move.name not in known:
            yield f"gateway {move.name}: is no gateway of this mesh (not injected, no Gateway API)"


def scaled(case: Case) -> Iterator[str]:
    """GW-003, W: the autoscaler counts the canary's pods, too. Source: k8s#112011, istio#47425."""
    for each in _canaried(case):
        low, high = each.bounds
        if low != high:
            yield f"{each.ref}: hpa {each.autoscaler} ({low} to {high}) is pinned meanwhile"


def unselected(case: Case) -> Iterator[str]:
    """GW-004, B: a second Deployment gets requests by the Service and listeners by the Gateway.

    Source: Istio, "Installing Gateways", canary upgrade.
    """
    pinned = {each.ref for each in case.mesh.by_revision if each.ref.kind == "Service"}
    for each in _canaried(case):
        if not each.services:
            yield f"{each.ref}: no Service sends to its pods, so a canary would get no request"
        for name in each.services:
            if Ref("Service", each.ref.namespace, name) in pinned:
                where = f"service {each.ref.namespace}/{name}"
                yield f"{where}: selects by istio.io/rev and skips a canary"


def unguarded(case: Case) -> Iterator[str]:
    """GW-005, B: policies that select by the revision are silently absent from the canary."""
    for each in case.mesh.by_revision:
        if each.ref.kind not in ("Service", "Gateway"):
            yield f"{each.ref}: selects pods by istio.io/rev={each.revision}; a canary escapes it"


def one_owner(case: Case) -> Iterator[str]:
    """GW-006, B: a Gateway object belongs to one revision; pods of another get no routes.

    Source: istio#56321.
    """
    for each in case.gateways(*_API):
        named = [m for m in case.spec.gateways if m.deployment and _made_for(m.deployment, each)]
        if named:
            yield f"{each.ref}: is of the Gateway API; name it as gateway, not as deployment"
    for each in _canaried(case):
        for manual in case.gateways(*_API):
            if _sends_by(manual, each):
                yield f"{each.ref}: {manual.ref} is one revision's; a canary gets no routes"


def _sends_by(manual: MeshGateway, deployment: MeshGateway) -> bool:
    """Whether a Gateway with addresses of its own names a Service of the Deployment."""
    space = deployment.ref.namespace
    hosts = {f"{name}.{space}" for name in deployment.services}
    return any(".".join(address.split(".")[:2]) in hosts for address in manual.addresses)


def _made_for(deployment: str, gateway: MeshGateway) -> bool:
    space, _, name = deployment.partition("/")
    own = (gateway.ref.name, f"{gateway.ref.name}-istio", f"{gateway.ref.name}-istio-waypoint")
    return space == gateway.ref.namespace and name in own


def follows_the_default(case: Case) -> Iterator[str]:
    """GW-007, B: it restarts at once when what it follows is moved. Source: istio#59959."""
    moved = {tag.name for tag in case.spec.tags} | {w.tag for w in case.plan.waves if w.tag}
    for each in case.gateways(*_API):
        if each.revision or case.move(each) is not None:
            continue
        way, label = each.resolution.way, each.resolution.label
        if way is Way.DEFAULT and case.spec.default is not None:
            yield f"{each.ref}: names no revision; it restarts at once when the default moves"
        elif way is Way.TAG and label in moved:
            yield f"{each.ref}: follows tag {label}; it restarts at once when the tag moves"
        elif each.ref.namespace in case.relabelled:
            yield f"{each.ref}: follows its namespace's label; it restarts at once when that moves"


def alone(case: Case) -> Iterator[str]:
    """GW-008, W: nobody takes over while its one pod restarts."""
    for each in case.gateways(*_API):
        if not each.addresses and (each.replicas < 2 or not each.budget):
            lacks = "one replica" if each.replicas < 2 else "no PodDisruptionBudget"
            yield f"{each.ref}: has {lacks}"


def deaf_to_the_pod(case: Case) -> Iterator[str]:
    """GW-009, B: the namespace's label goes before the pod's. Source: istio#37088."""
    for each in _canaried(case):
        space = case.mesh.space(each.ref.namespace)
        labels = space.labels if space else {}
        asked = [f"{key}={labels[key]}" for key in (INJECTION, REV) if key in labels]
        if asked:
            yield f"{each.ref}: namespace has {several(asked)}; a pod's own revision is ignored"


def moved_in_place(case: Case) -> Iterator[str]:
    """GW-009, W: a wave moves the label of a namespace that gateways stand in."""
    for wave in case.plan.waves:
        for space in wave.spaces:
            if space.gateways:
                what = several(space.gateways)
                yield f"wave {wave.name}: {what} would move in place with namespace {space.name}"


def cut_off(case: Case) -> Iterator[str]:
    """GW-010, W: what a load balancer still sends. Sources: istio#35964, istio#54905."""
    for each in case.gateways(GatewayKind.INJECTED, *_API):
        if case.move(each) is None:
            continue
        if each.local:
            yield f"{each.ref}: externalTrafficPolicy is Local; nodes without its pod drop requests"
        if each.grace < DRAIN:
            seconds = int(each.grace.total_seconds())
            yield f"{each.ref}: has {seconds}s to drain; load balancers need 30s and more"


def by_revision(case: Case) -> Iterator[str]:
    """GW-011, B: the other revision's pods lose their listeners at the switch. istio#46052."""
    for each in case.mesh.by_revision:
        if each.ref.kind == "Gateway":
            yield f"{each.ref}: its selector has istio.io/rev={each.revision}"


def follows_a_wave(case: Case) -> Iterator[str]:
    """GW-013, B: pods that come meanwhile are the new revision's unasked, and stay so on the way
    back, which begins with gateways.
    """
    waves = {wave.tag: wave.name for wave in case.spec.groups if wave.tag}
    for each in case.gateways(GatewayKind.INJECTED):
        tag = each.labels.get(REV, "")
        if tag in waves and each.resolution.label == tag:
            yield (
                f"{each.ref}: its pods name tag {tag}, which wave {waves[tag]} moves before "
                "gateways; name the revision, or move the tag in spec.tags"
            )


def _canaried(case: Case) -> Iterator[MeshGateway]:
    """Injected gateways that a second Deployment is to stand beside."""
    for each in case.gateways(GatewayKind.INJECTED):
        if case.move(each) is not None:
            yield each
