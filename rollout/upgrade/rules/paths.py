"""Rules about the way from one version to the other, and about our own means."""

from collections.abc import Iterator

from rollout.model.inventory import GatewayKind
from rollout.model.mesh import DEFAULT, MeshPod
from rollout.upgrade import versions
from rollout.upgrade.inventory import MUST
from rollout.upgrade.rules.case import Case, several

NAME = 40
"""How long a revision's name may be, so that ``istio-sidecar-injector-…`` stays a label's value."""


def unread(case: Case) -> Iterator[str]:
    """UPG-000, B: without these kinds nothing can be said of a mesh."""
    for each in case.mesh.unread:
        if each.what in MUST:
            yield f"{each.what.lower()}: could not be read ({each.because})"


def half_read(case: Case) -> Iterator[str]:
    """UPG-000, W: what is asked of these kinds is not known."""
    for each in case.mesh.unread:
        if each.what not in MUST:
            yield f"{each.what.lower()}: could not be read ({each.because})"


def old_kubernetes(case: Case) -> Iterator[str]:
    """UPG-001, B. Source: istio/istio, ``istioctl/pkg/install/k8sversion``; IST0142."""
    target, server = case.target, versions.version(case.mesh.kubernetes)
    least = versions.kubernetes(target.minor) if target else None
    if server and least and (server.major, server.minor) < (1, least):
        has = f"{server.major}.{server.minor}"
        yield f"kubernetes is {has}: Istio {target} needs 1.{least} or newer"


def not_allowed(case: Case) -> Iterator[str]:
    """UPG-002, B: half of an upgrade must not be found to be forbidden. IST0141."""
    for each in case.mesh.denied or ():
        yield f"the account may not {each}; rollout rbac prints what it needs"


def names(case: Case) -> Iterator[str]:
    """UPG-003, B. Sources: Istio, "Canary Upgrades"; istio#48643 (a default that is stolen)."""
    old, new = case.spec.from_, case.spec.to
    if case.old is None and not case.mesh.unread:
        there = several(each.name for each in case.mesh.revisions) or "none"
        yield f"revision {old}: is not there; there is {there}"
    if len(new) > NAME:
        yield f"revision {new}: the name has {len(new)} characters; {NAME} are the most"
    if case.mesh.tag(new) is not None and new != DEFAULT:
        yield f"revision {new}: a tag has that name already"


def in_place(case: Case) -> Iterator[str]:
    """UPG-004, B: there is no canary and no way back. Source: Istio, "In-place Upgrades".

    Where ``from`` and ``to`` are the same, and nobody has said that it may, no manifest is read.
    """
    spec = case.spec
    for each in case.mesh.sail:
        named = spec.install.sail is not None and spec.install.sail.istio == each.ref.name
        if named and each.in_place and not spec.allow_in_place:
            yield f"istio {each.ref.name}: updateStrategy is InPlace; RevisionBased is wanted"


def jump(case: Case) -> Iterator[str]:
    """UPG-005, B. Source: Istio, "Supported Releases", control and data plane skew; istio#35182."""
    current, target = case.current, case.target
    if not current or not target:
        return
    if target.release <= current.release and case.spec.from_ != case.spec.to:
        yield f"revision {case.spec.to}: is {target} and not newer than {current}"
    elif target.minor - current.minor > versions.MINORS:
        jumped = target.minor - current.minor
        yield f"revision {case.spec.to}: {current} to {target} jumps {jumped} minors, of 2 allowed"


def skew(case: Case) -> Iterator[str]:
    """UPG-005, B: no proxy may be newer than the target, or older than one minor of its istiod."""
    current, target = case.current, case.target
    newer: list[MeshPod] = []
    older: list[MeshPod] = []
    for pod in case.mesh.pods:
        runs = versions.version(pod.version) if pod.proxies and not pod.over else None
        if runs and target and runs.release > target.release:
            newer.append(pod)
        if runs and current and pod.revision == case.spec.from_ and runs.minor < current.minor - 1:
            older.append(pod)
    if newer:
        yield f"{several(p.ref for p in newer)}: newer than {target}, which serves no newer proxy"
    if older:
        yield f"{several(p.ref for p in older)}: more than one minor older than istiod {current}"


def unknown_version(case: Case) -> Iterator[str]:
    """UPG-005, W: what cannot be told cannot be compared."""
    for name, known in ((case.spec.from_, case.current), (case.spec.to, case.target)):
        if known is None:
            yield f"revision {name}: neither image nor name tells its version; skew is not judged"


def young(case: Case) -> Iterator[str]:
    """UPG-006, W: the first release of a minor version, and what comes before it."""
    target = case.target
    if target and target.pre:
        yield f"revision {case.spec.to}: {target} is a pre-release"
    elif target and target.patch == 0:
        yield f"revision {case.spec.to}: {target} is the first of its minor version"


def definitions(case: Case) -> Iterator[str]:
    """UPG-024, B: the kinds of Istio must be there before its control plane."""
    if not case.saw("CustomResourceDefinition"):
        return
    known = {each.name: each for each in case.mesh.crds}
    for name in ("virtualservices.networking.istio.io", "peerauthentications.security.istio.io"):
        if name not in known:
            yield f"customresourcedefinition {name}: is not there; istio/base goes first"


def adoption(case: Case) -> Iterator[str]:
    """UPG-024, W. Source: Istio 1.24 upgrade notes: CRDs that Helm did not make it must adopt."""
    alone = [c.name for c in case.mesh.crds if c.name.endswith(".istio.io") and not c.release]
    by_helm = any(each.istiod and each.istiod.owner == "Helm" for each in case.both)
    if by_helm and alone and case.target and case.target.minor >= 24:
        yield (
            f"customresourcedefinition {several(alone)}: no Helm release has it; istio/base must "
            "adopt it (label managed-by and two annotations)"
        )


def told(case: Case) -> Iterator[str]:
    """UPG-038, I: what changed in between, which is written nowhere else."""
    if case.current and case.target:
        for note in versions.notes(case.current, case.target):
            yield f"since 1.{note.minor}: {note.text}"
        if case.target.minor > case.current.minor:
            kept = f"1.{case.current.minor}"
            yield f"compatibilityVersion={kept} keeps the defaults of {kept} for a while"


def gateway_api(case: Case) -> Iterator[str]:
    """UPG-039, W: kinds of the Gateway API that istiod reads as v1. IST0156, IST0172, IST0176."""
    used = any(case.gateways(GatewayKind.API, GatewayKind.WAYPOINT))
    known = {each.name: each for each in case.mesh.crds}
    for kind in ("gateways", "httproutes"):
        crd = known.get(f"{kind}.gateway.networking.k8s.io")
        if used and crd is not None and "v1" not in crd.served:
            bundle = f" (bundle {crd.bundle})" if crd.bundle else ""
            yield f"customresourcedefinition {crd.name}{bundle}: does not serve v1; it is too old"


def others(case: Case) -> Iterator[str]:
    """UPG-066, B: two upgrades would take each other's labels for drift."""
    for name in case.mesh.upgrades:
        yield f"upgrade {name}: is under way, and one at a time is the most"


def frozen(case: Case) -> Iterator[str]:
    """UPG-065, B: nothing new begins in a freeze."""
    for each in case.spec.freezes:
        if each.holds(case.now):
            yield f"freeze {each}"


def no_metrics(case: Case) -> Iterator[str]:
    """UPG-062, W: a gate that sees nothing promotes nothing. Source: istio#42428."""
    if case.metrics is False:
        yield "prometheus: does not answer; no wave would get past its gate"


def no_debug(case: Case) -> Iterator[str]:
    """UPG-063, W: annotations say what was injected, and not what is connected.

    Source: Istio 1.27 release notes, debug endpoints want a token of istiod's namespace.
    """
    if case.mesh.proxies is None:
        yield "istiod: /debug/syncz is out of reach; only annotations tell who serves which pod"
