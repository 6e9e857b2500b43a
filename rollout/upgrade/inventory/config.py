"""Istio's configuration and what surrounds it, as far as another control plane sees it anew.

Sources: istio/istio, ``pkg/config/analysis/analyzers/envoyfilter``; ``pkg/config/xds`` (names of
filters); Gateway API, ``bundle-version``; sail-operator, ``api/v1``.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from rollout import labels as selecting
from rollout import lenient
from rollout.istio.revisions import webhooks
from rollout.model.inventory import (
    Agent,
    Budget,
    Crd,
    EnvoyFilterUse,
    FilterTrouble,
    LabelledConfig,
    Machine,
    SailObject,
)
from rollout.model.mesh import REV
from rollout.model.ref import Ref

Obj = Mapping[str, Any]
Held = Mapping[str, tuple[Obj, ...]]

KINDS = (
    "VirtualService", "DestinationRule", "Gateway", "Sidecar", "ServiceEntry", "WorkloadEntry",
    "WorkloadGroup", "EnvoyFilter", "WasmPlugin", "ProxyConfig", "PeerAuthentication",
    "RequestAuthentication", "AuthorizationPolicy", "Telemetry",
)  # fmt: skip
"""Istio's own configuration; an object with ``istio.io/rev`` is read by that revision alone."""

_RELATIVE = frozenset({"INSERT_BEFORE", "INSERT_AFTER"})
_LISTED_FILTERS = frozenset({"HTTP_FILTER", "NETWORK_FILTER", "LISTENER_FILTER"})
_GRACE = 30
"""Seconds. Source: sail-operator, ``inactiveRevisionDeletionGracePeriodSeconds``."""
_OVER = frozenset({"", "Idle", "Done", "Returned"})
_PREFLIGHT = "Preflight"


def ref_of(kind: str, obj: Obj) -> Ref:
    """Which object ``obj``, one of ``kind``, is."""
    return Ref(kind, lenient.namespace(obj), lenient.name(obj))


def labelled(held: Held) -> tuple[LabelledConfig, ...]:
    """Configuration that one revision alone reads."""
    return tuple(
        LabelledConfig(ref_of(kind, each), revision)
        for kind in KINDS
        for each in held[kind]
        if (revision := lenient.labels(each).get(REV))
    )


def by_revision(held: Held) -> tuple[LabelledConfig, ...]:
    """What selects pods by the revision that they name: the next revision's pods it does not."""
    return tuple(
        LabelledConfig(ref_of(kind, each), revision)
        for kind in (*KINDS, "Service")
        for each in held[kind]
        if (revision := _selected(lenient.mapping(each.get("spec"))).get(REV))
        and lenient.labels(each).get("app") != "istiod"
    )


def _selected(spec: Obj) -> dict[str, str]:
    """The labels that an object asks pods for, in each of the ways that Istio writes it."""
    selector = lenient.mapping(spec.get("selector"))
    return {
        **lenient.texts(selector),
        **lenient.texts(selector.get("matchLabels")),
        **lenient.texts(lenient.under(spec, "workloadSelector", "labels")),
    }


def filters(objs: Iterable[Obj]) -> tuple[EnvoyFilterUse, ...]:
    """Every EnvoyFilter with what of it another Envoy may not understand."""
    return tuple(map(_filter, objs))


def _filter(obj: Obj) -> EnvoyFilterUse:
    spec = lenient.mapping(obj.get("spec"))
    patches = list(lenient.mappings(spec.get("configPatches")))
    asked = (lenient.under(each, "match", "proxy", "proxyVersion") for each in patches)
    versions = tuple(dict.fromkeys(filter(None, map(lenient.text, asked))))
    chosen = lenient.mapping(spec.get("workloadSelector")).get("labels")
    troubles = [trouble for each in patches for trouble in _troubles(each, spec.get("priority"))]
    return EnvoyFilterUse(
        ref_of("EnvoyFilter", obj),
        selecting.pairs(chosen),
        versions,
        tuple(dict.fromkeys(troubles)),
    )


def _troubles(patch: Obj, priority: object) -> Iterator[tuple[FilterTrouble, str]]:
    change = lenient.mapping(patch.get("patch"))
    operation = lenient.text(change.get("operation"))
    if operation in _RELATIVE and not lenient.number(priority):
        yield FilterTrouble.RELATIVE, operation
    value = lenient.mapping(change.get("value"))
    if "config" in value and "typed_config" not in value:
        yield FilterTrouble.UNTYPED, lenient.text(value.get("name"))
    if patch.get("applyTo") in _LISTED_FILTERS:
        for name in dict.fromkeys((*_names(patch.get("match")), lenient.text(value.get("name")))):
            if name.startswith("envoy.") and not name.startswith("envoy.filters."):
                yield FilterTrouble.DEPRECATED, name


def _names(match: object) -> Iterator[str]:
    """Filters that a match asks for: of a network chain, and of HTTP inside of it."""
    chain = lenient.under(match, "listener", "filterChain", "filter")
    yield lenient.text(lenient.under(chain, "name"))
    yield lenient.text(lenient.under(chain, "subFilter", "name"))


def budgets(objs: Iterable[Obj]) -> tuple[Budget, ...]:
    """PodDisruptionBudgets. To policy/v1 an empty selector is every pod of the namespace."""
    return tuple(
        Budget(
            ref_of("PodDisruptionBudget", each),
            selecting.selector(lenient.mapping(lenient.under(each, "spec", "selector"))),
            lenient.number(lenient.under(each, "status", "disruptionsAllowed")),
            _never(lenient.mapping(each.get("spec")), lenient.mapping(each.get("status"))),
        )
        for each in objs
    )


def _never(spec: Obj, status: Obj) -> bool:
    """Whether no pod may go even while all are healthy."""
    if spec.get("maxUnavailable") in (0, "0%"):
        return True
    expected = lenient.number(status.get("expectedPods"))
    return 0 < expected <= lenient.number(status.get("desiredHealthy"))


def agents(objs: Iterable[Obj]) -> tuple[Agent, ...]:
    """Istio's DaemonSets on the nodes."""
    return tuple(
        Agent(
            ref_of("DaemonSet", each),
            next(
                (
                    lenient.text(c.get("image"))
                    for c in lenient.mappings(
                        lenient.under(each, "spec", "template", "spec", "containers")
                    )
                ),
                "",
            ),
            lenient.number(lenient.under(each, "status", "desiredNumberScheduled")),
            lenient.number(lenient.under(each, "status", "numberReady")),
        )
        for each in objs
        if lenient.name(each) in ("istio-cni-node", "ztunnel")
    )


def crds(objs: Iterable[Obj]) -> tuple[Crd, ...]:
    """Definitions of Istio's kinds and the Gateway API's."""
    return tuple(
        Crd(
            lenient.name(each),
            tuple(
                lenient.text(version.get("name"))
                for version in lenient.mappings(lenient.under(each, "spec", "versions"))
                if version.get("served") is True
            ),
            lenient.annotations(each).get(webhooks.RELEASE, ""),
            lenient.annotations(each).get("gateway.networking.k8s.io/bundle-version", ""),
        )
        for each in objs
        if lenient.name(each).endswith((".istio.io", ".gateway.networking.k8s.io"))
    )


def sail(istios: Iterable[Obj], tags: Iterable[Obj]) -> tuple[SailObject, ...]:
    """What the Sail Operator would do by itself."""
    return (
        *(_sail_istio(each) for each in istios),
        *(
            SailObject(
                ref_of("SailTag", each),
                follows=lenient.under(each, "spec", "targetRef", "kind") == "Istio",
            )
            for each in tags
        ),
    )


def _sail_istio(obj: Obj) -> SailObject:
    strategy = lenient.mapping(lenient.under(obj, "spec", "updateStrategy"))
    seconds = lenient.number(strategy.get("inactiveRevisionDeletionGracePeriodSeconds"), _GRACE)
    in_place = strategy.get("type", "InPlace") == "InPlace"
    grace = timedelta(seconds=min(max(seconds, 0), 10**9))
    return SailObject(ref_of("SailIstio", obj), in_place, grace)


def strict(objs: Iterable[Obj]) -> tuple[Ref, ...]:
    """PeerAuthentications that let nobody in without a certificate of the mesh."""
    return tuple(
        ref_of("PeerAuthentication", each)
        for each in objs
        if lenient.under(each, "spec", "mtls", "mode") == "STRICT"
    )


def machines(entries: Iterable[Obj]) -> tuple[Machine, ...]:
    """Virtual machines in the mesh, whose proxies nobody here can restart.

    Source: istio/istio, ``pilot/pkg/autoregistration``: annotation of who registered it.
    """
    mark = "istio.io/autoRegistrationController"
    return tuple(
        Machine(ref_of("WorkloadEntry", each), mark in lenient.annotations(each))
        for each in entries
    )


def remotes(secrets: Iterable[Obj]) -> tuple[Ref, ...]:
    """Secrets by which istiod reads other clusters.

    Source: Istio, "Install Multicluster", ``istioctl create-remote-secret``.
    """
    return tuple(
        ref_of("Secret", each)
        for each in secrets
        if lenient.labels(each).get("istio/multiCluster") == "true"
    )


def upgrades(objs: Iterable[Obj], mine: str) -> tuple[str, ...]:
    """Names of other upgrades that are under way, or stand in preflight since before this one.

    Two that began together would wait for each other for ever: the older one goes first.
    """
    known = {lenient.name(each): each for each in objs}
    own = known.pop(mine, None)
    return tuple(name for name, each in known.items() if _comes_first(each, own))


def _comes_first(other: Obj, own: Obj | None) -> bool:
    state = lenient.text(lenient.under(other, "status", "state"))
    if state != _PREFLIGHT or own is None:
        return state not in _OVER
    return _age(other) < _age(own)


def _age(obj: Obj) -> tuple[str, str]:
    """Sorts the older first; of two of one second, by name."""
    return lenient.text(lenient.meta(obj).get("creationTimestamp")), lenient.name(obj)
