"""Rules about which control plane a pod comes to, now and after the upgrade."""

from collections.abc import Iterator, Mapping

from rollout.istio.revisions import selection
from rollout.model.mesh import (
    DATAPLANE,
    DEFAULT,
    INJECTION,
    REV,
    Callee,
    MeshNamespace,
    Validator,
    Way,
)
from rollout.upgrade.rules.case import Case, several

_NEVER = "istio.io/deactivated"
"""By this label, which nothing has, ``istioctl tag set default`` takes a webhook out of use."""
SERVICE_SINCE = 28


def unreachable(case: Case) -> Iterator[str]:
    """UPG-010, B: a namespace whose control plane cannot answer; its pods are refused."""
    whole = {each.name: bool(each.endpoints) for each in case.mesh.revisions}
    if not case.saw("Service", "EndpointSlice"):
        return
    for name, spaces in _by_revision(case).items():
        if not whole.get(name, False):
            yield f"namespace {several(spaces)}: no ready istiod of {name} is behind its Service"


def _by_revision(case: Case) -> Mapping[str, list[str]]:
    by: dict[str, list[str]] = {}
    for space in case.mesh.namespaces:
        if space.resolution.revision:
            by.setdefault(space.resolution.revision, []).append(space.name)
    return by


def two_labels(case: Case) -> Iterator[str]:
    """UPG-011, B: one of them is ignored. Source: IST0123; istio.io#14597."""
    for space in case.mesh.namespaces:
        asked = [f"{key}={space.labels[key]}" for key in (INJECTION, REV) if key in space.labels]
        if space.ambient:
            asked.append(f"{DATAPLANE}=ambient")
        if len(asked) > 1:
            yield f"namespace {space.name}: has {' and '.join(asked)}; one of them is wanted"


def dangling(case: Case) -> Iterator[str]:
    """UPG-012, B: no webhook is called and the pod starts without a proxy, silently.

    Source: istio#50595.
    """
    used = {each.ref.namespace for each in case.mesh.workloads}
    for space in _dangling(case):
        if space.name in used:
            yield f"namespace {space.name}: {_no_such(space.resolution.label)}"
    lost = {space.name for space in _dangling(case)}
    for each in case.mesh.workloads:
        if each.resolution.way is Way.DANGLING and each.ref.namespace not in lost:
            yield f"{each.ref}: {_no_such(each.resolution.label)}"


def dangling_and_empty(case: Case) -> Iterator[str]:
    """UPG-012, W: as the block, of a namespace in which nothing runs yet."""
    used = {each.ref.namespace for each in case.mesh.workloads}
    for space in _dangling(case):
        if space.name not in used:
            yield f"namespace {space.name}: {_no_such(space.resolution.label)}"


def _dangling(case: Case) -> Iterator[MeshNamespace]:
    return (s for s in case.mesh.namespaces if s.resolution.way is Way.DANGLING)


def _no_such(name: str) -> str:
    return f"names {name or 'nothing'}, which is no revision and no tag; pods get no proxy"


def twice(case: Case) -> Iterator[str]:
    """UPG-013, B: pods of these labels would be injected twice. Source: IST0139; istio#43932.

    The new revision's webhooks are among those that are compared.
    """
    for each in selection.overlaps(case.injectors):
        if _NEVER in each.namespace or _NEVER in each.pod:
            continue
        space = _labels(each.namespace) or "no label"
        pod = _labels(each.pod) or "no label"
        pair = f"{each.one.configuration} and {each.other.configuration}"
        yield f"{pair}: both inject pods with {pod} where the namespace has {space}"


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())


def no_default(case: Case) -> Iterator[str]:
    """UPG-014, B: the leader is arbitrary, and Gateways that name nobody are nobody's.

    Sources: istio#49808, istio#55897.
    """
    if not case.mesh.default and case.saw("MutatingWebhookConfiguration"):
        yield "default: no revision is the default; tag one, so that the leader is known"


def split_default(case: Case) -> Iterator[str]:
    """UPG-014, B: what carries the default, or another tag, does not agree."""
    for tag in case.mesh.tags:
        if len(tag.revisions) > 1:
            yield (
                f"tag {tag.name}: its webhook says {tag.by_webhook} and its Service "
                f"{tag.by_service}; both revisions take it for theirs"
            )
    for each in case.mesh.default_validators:
        if case.mesh.default and each.revision != case.mesh.default:
            yield (
                f"validatingwebhookconfiguration {each.name}: judges by revision {each.revision}, "
                f"and the default is {case.mesh.default}"
            )


def half_carried(case: Case) -> Iterator[str]:
    """UPG-014, W: what should carry a tag besides, and is not there."""
    for tag in case.mesh.tags:
        if not tag.by_webhook:
            yield f"tag {tag.name}: has a Service and no webhook; it injects nobody"
        elif not tag.by_service and case.current and case.current.minor >= SERVICE_SINCE:
            yield f"tag {tag.name}: has no Service (1.28 on); Gateways find it by the webhook alone"
    if not case.mesh.default_validators and case.saw("ValidatingWebhookConfiguration"):
        yield "istiod-default-validator: is not there; Istio objects of no revision are not judged"


def raw_labels(case: Case) -> Iterator[str]:
    """UPG-015, W. Source: Istio, "Canary Upgrades", stable revision labels."""
    raw = [s.name for s in case.scope if s.resolution.way is Way.DIRECT]
    if raw:
        yield f"namespace {several(raw)}: names the revision itself; a tag would save its edits"


def own_labels(case: Case) -> Iterator[str]:
    """UPG-015, W: the pods name the old revision themselves; no wave moves them."""
    for ref in case.plan.own:
        yield f"{ref}: its pods name {case.spec.from_} themselves; no namespace's label moves them"


def every_namespace(case: Case) -> Iterator[str]:
    """UPG-016, W: moving the default touches namespaces that never asked. IST0148."""
    for each in case.both:
        if each.injection is not None and each.injection.every_namespace:
            yield f"revision {each.name}: enableNamespacesByDefault injects all namespaces"


def deaf_webhooks(case: Case) -> Iterator[str]:
    """UPG-020, B: a webhook that fails closed and calls nobody refuses pods, or all of Istio.

    Source: istio#28880, istio#60596.
    """
    if not case.saw("Service", "EndpointSlice"):
        return
    for injector in case.mesh.injectors:
        hooks = [h for h in injector.hooks if h.fails_closed and _NEVER not in h.namespaces.keys]
        for calls in dict.fromkeys(hook.calls for hook in hooks):
            yield from _deaf(case, f"mutatingwebhookconfiguration {injector.name}", calls)
    for each in case.mesh.validators:
        if each.fails_closed:
            yield from _deaf(case, f"validatingwebhookconfiguration {each.name}", each.calls)


def _deaf(case: Case, who: str, calls: Callee) -> Iterator[str]:
    if not calls.url:
        ready = case.mesh.services.get((calls.namespace, calls.service))
        if ready is None:
            yield f"{who}: calls {calls}, which is not there"
        elif not ready:
            yield f"{who}: calls {calls}, which has no ready endpoint"


def judged_by_the_old(case: Case) -> Iterator[str]:
    """UPG-020, B: the validator would call what is going to be deleted; then no write passes."""
    for each in case.mesh.default_validators:
        if _by_old(case, each) and case.spec.default is None and case.plan.removal:
            yield (
                f"validatingwebhookconfiguration {each.name}: calls {case.spec.from_}, which is to "
                "be removed; add spec.default, or remove: keep"
            )


def _by_old(case: Case, each: Validator) -> bool:
    return case.spec.from_ == each.revision and case.spec.from_ != case.spec.to


def pruned_tags(case: Case) -> Iterator[str]:
    """UPG-021, W: removing the old revision takes the tag along. Source: istio#47423."""
    for tag in case.mesh.tags:
        if tag.pruned:
            yield f"tag {tag.name}: has label operator.istio.io/component; uninstall deletes it"
        elif tag.owner == "Helm":
            yield f"tag {tag.name}: belongs to a Helm release, and goes or comes back with it"


def reset_by_base(case: Case) -> Iterator[str]:
    """UPG-025, W: the chart's ``defaultRevision`` is ``default`` unless it is set.

    Source: istio/istio, ``manifests/charts/base/values.yaml``.
    """
    for each in case.mesh.default_validators:
        if each.base_release and case.mesh.default not in ("", DEFAULT):
            yield (
                f"helm release {each.base_release}: pass --set defaultRevision="
                f"{case.mesh.default}, or its upgrade points the validator at service istiod"
            )
