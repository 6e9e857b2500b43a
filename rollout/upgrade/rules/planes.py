"""Rules about the two control planes: strength, configuration, root of trust."""

from collections.abc import Iterator

from rollout.istio.revisions import config, trust
from rollout.istio.revisions.config import Difference
from rollout.model.inventory import FilterTrouble
from rollout.model.mesh import MeshRevision
from rollout.upgrade import versions
from rollout.upgrade.matching import applies
from rollout.upgrade.rules.case import Case, count, several
from rollout.upgrade.versions import NATIVE, Version

BREAKING = frozenset({"trustDomain", "trustDomainAliases", "rootNamespace", "discoverySelectors"})
"""Fields of the mesh configuration in which the two must agree."""
BREAKING_PATHS = ("defaultConfig.proxyMetadata.ISTIO_META_NETWORK",)
LARGE = 0.5
FEW = 20


def weak(case: Case) -> Iterator[str]:
    """UPG-022, B: injection fails closed; without istiod no pod starts. Source: istio#29599."""
    for each in case.both:
        if each.istiod is None:
            yield f"revision {each.name}: has webhooks and no istiod"
        elif each.istiod.ready < case.spec.min_replicas:
            ready = f"{each.istiod.ready} ready of {each.istiod.desired}"
            yield f"deployment {each.namespace}/{each.istiod.name}: {ready}; {_wanted(case)}"


def _wanted(case: Case) -> str:
    return f"{case.spec.min_replicas} are wanted (minReplicas)"


def unguarded(case: Case) -> Iterator[str]:
    """UPG-022, W: what one drained node would take away."""
    for each in case.both:
        istiod = each.istiod
        if istiod is None or istiod.ready < 1:
            continue
        name = f"deployment {each.namespace}/{istiod.name}"
        if not istiod.guarded and case.saw("PodDisruptionBudget"):
            yield f"{name}: no PodDisruptionBudget guards it"
        if istiod.nodes == 1 and istiod.ready > 1:
            yield f"{name}: all its pods are on one node"


def heavy_wave(case: Case) -> Iterator[str]:
    """UPG-023, W: many proxies that connect at once are a storm of pushes.

    Sources: istio#39652, istio#54970.
    """
    total = case.plan.pods
    for wave in case.plan.waves:
        alone = len(wave.spaces) < 2 or total < FEW
        if not alone and wave.pods > LARGE * total:
            yield f"wave {wave.name}: restarts {wave.pods} of {count(total, 'pod')} at a time"


def filters_of_others(case: Case) -> Iterator[str]:
    """UPG-030, B: the filter is for other versions alone, and is silently not there any more.

    Source: istio/istio, ``pilot/pkg/model/envoyfilter.go``, ``proxyVersion``.
    """
    target, current = case.target, case.current
    for each in case.mesh.filters:
        lost = [v for v in each.versions if current and applies(v, current) is True]
        if target and lost and not any(applies(v, target) for v in each.versions):
            yield f"{each.ref}: is for proxyVersion {lost[0]!r} and not for {target}"


def fragile_filters(case: Case) -> Iterator[str]:
    """UPG-030, W: the commonest reason for a refused configuration. IST0151 to IST0155.

    Sources: istio#49764, istio#52673, istio#38214.
    """
    for each in case.mesh.filters:
        for trouble, detail in each.troubles:
            yield f"{each.ref}: {_FILTERS[trouble].format(detail or 'a filter')}"


_FILTERS = {
    FilterTrouble.VERSION: "is for proxies of {} alone",
    FilterTrouble.RELATIVE: "{} without a priority; where it lands depends on other filters",
    FilterTrouble.DEPRECATED: "{} is an old name; Envoy knows it no more",
    FilterTrouble.UNTYPED: "{} has config and no typed_config",
}


def labelled(case: Case) -> Iterator[str]:
    """UPG-031, B: the new revision does not read them; to a label a tag's name means nothing.

    Source: istio/istio, ``pkg/config/labels.go``; istio#44047, istio#51582.
    """
    for each in case.mesh.labelled:
        if each.revision == case.spec.to:
            continue
        tag = case.mesh.tag(each.revision)
        known = case.mesh.revision(each.revision)
        if each.revision == case.spec.from_:
            yield f"{each.ref}: istio.io/rev={each.revision} hides it from {case.spec.to}"
        elif tag is not None and known is None:
            yield f"{each.ref}: istio.io/rev={each.revision} is a tag, and no istiod reads it"


def other_root(case: Case) -> Iterator[str]:
    """UPG-032, B: old and new proxies would not trust each other. Source: istio#46600."""
    old, new = _root(case.old), _root(case.new)
    if old and new and not set(old) & set(new):
        yield f"revision {case.spec.to}: signs by another root than {case.spec.from_}"
    known = set(old) | set(new)
    for root in case.mesh.roots:
        if root.where.startswith("secret ") and known and not set(root.fingerprints) & known:
            yield f"{root.where}: is not the root that the webhooks carry"
    strange = [
        space.name
        for space in case.scope
        if space.root and old and not set(space.root) & set(old) and space.name in case.moving
    ]
    if strange:
        yield f"namespace {several(strange)}: istio-ca-root-cert is not {case.spec.from_}'s root"


def _root(revision: MeshRevision | None) -> tuple[str, ...]:
    return trust.fingerprints(revision.ca_bundle) if revision else ()


def short_lived(case: Case) -> Iterator[str]:
    """UPG-032, B: a certificate that signs must outlive the bake. Source: istio#47650."""
    for root in case.mesh.roots:
        if root.until is not None and root.until - case.now < case.plan.takes:
            yield f"{root.where}: ends {root.until:%Y-%m-%d %H:%M} UTC, before the upgrade does"


def rotating(case: Case) -> Iterator[str]:
    """UPG-032, W: several roots at once are a rotation under way. Source: istio#44932."""
    for root in case.mesh.roots:
        if len(root.fingerprints) > 1:
            yield f"{root.where}: holds {len(root.fingerprints)} roots; is the CA being rotated?"


def breaking_config(case: Case) -> Iterator[str]:
    """UPG-033, B: what breaks between old and new proxies. Source: istio#27828."""
    for each in _differences(case):
        if _breaks(each):
            yield f"mesh config of {case.spec.to}: {each}"


def other_config(case: Case) -> Iterator[str]:
    """UPG-033, W: what behaves otherwise and says nothing."""
    changed = [each for each in _differences(case) if not _breaks(each)]
    for each in changed[:8]:
        yield f"mesh config of {case.spec.to}: {each}"
    if len(changed) > 8:
        yield f"mesh config of {case.spec.to}: {len(changed) - 8} more differences"


def _breaks(each: Difference) -> bool:
    return each.field in BREAKING or each.path in BREAKING_PATHS


def _differences(case: Case) -> tuple[Difference, ...]:
    old, new = case.old, case.new
    if old is None or new is None or old.mesh_config is None or new.mesh_config is None:
        return ()
    return config.differences(old.mesh_config, new.mesh_config) or ()


def unread_config(case: Case) -> Iterator[str]:
    """UPG-033, W: mesh configurations that cannot be compared."""
    for each in case.both:
        if each.mesh_config is None and case.saw("ConfigMap"):
            yield f"revision {each.name}: its ConfigMap with the mesh config is not there"
        elif each.mesh_config is not None and config.differences("", each.mesh_config) is None:
            yield f"revision {each.name}: its mesh config cannot be read"


def strict(case: Case) -> Iterator[str]:
    """UPG-034, W: where injection fails, callers in plain text are refused."""
    inside = [r for r in case.mesh.strict if r.namespace in (*case.moving, case.mesh.namespace)]
    if inside:
        yield f"{several(inside)}: STRICT; a pod without a proxy is refused by its neighbours"


def no_root_in_namespace(case: Case) -> Iterator[str]:
    """UPG-035, B: pods would wait in Init for ever. Sources: istio#52988, istio#56594."""
    lacking = [s.name for s in case.scope if s.root is None and s.name in case.moving]
    if lacking and case.saw("ConfigMap"):
        yield f"namespace {several(lacking)}: ConfigMap istio-ca-root-cert is not there"


def node_agents(case: Case) -> Iterator[str]:
    """UPG-036, W: CNI stays at the target's minor or the one before. Source: Istio, "Upgrade"."""
    for each in case.mesh.agents:
        if each.ready < each.desired:
            yield f"{each.ref}: {each.ready} ready of {each.desired}; pods cannot start there"
        runs, target = versions.version(each.image.rpartition(":")[2]), case.target
        if runs and target and runs.minor not in (target.minor - 1, target.minor):
            yield f"{each.ref}: is {runs}; beside Istio {target} it may be one minor older at most"
    if len({each.injection.cni for each in case.both if each.injection}) > 1:
        yield f"revision {case.spec.to}: one of the two uses CNI and the other istio-init"


def other_shape(case: Case) -> Iterator[str]:
    """UPG-037, W: the proxy moves among the init containers. Source: Istio 1.27 release notes."""
    old, new = (_native(each, v) for each, v in ((case.old, case.current), (case.new, case.target)))
    plain = sum(1 for pod in case.pods if pod.proxies and not pod.native)
    if new and not old and plain:
        yield (
            f"{count(plain, 'pod')}: the proxy becomes a native sidecar; tools that look for it "
            "among containers miss it"
        )


def _native(revision: MeshRevision | None, version: Version | None) -> bool:
    told = revision.injection.native if revision and revision.injection else None
    return bool(version and version.minor >= NATIVE) if told is None else told


def kept_by_sail(case: Case) -> Iterator[str]:
    """UPG-064, W. Source: sail-operator, revision pruning, ``IstioRevisionTag``."""
    for each in case.mesh.sail:
        if each.grace is not None and each.grace < case.spec.bake and not each.in_place:
            seconds = int(each.grace.total_seconds())
            yield f"istio {each.ref.name}: prunes an unused revision after {seconds}s, in the bake"
        if each.follows:
            yield f"istiorevisiontag {each.ref.name}: follows its Istio and moves by itself"
