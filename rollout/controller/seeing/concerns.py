"""Which objects matter to which rollouts: one index, for reading and for waking alike.

An object has concerns (``of``), a rollout has concerns (``for_rollout``); where they meet, the
object's change wakes the rollout, and the rollout finds the object without a search.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.controller.seeing import choosing
from rollout.istio import hosts
from rollout.lenient import items, mapping, texts, under
from rollout.model.ref import KINDS as DRIVEN
from rollout.model.ref import Ref
from rollout.model.spec import Rollout
from rollout.model.traffic import full_host
from rollout.workloads import deployment as workloads

Json = Mapping[str, Any]
MESH = "mesh"
KINDS = (
    "VirtualService",
    "DestinationRule",
    "Service",
    "EndpointSlice",
    "Deployment",
    "Pod",
    "AnalysisTemplate",
)
"""Kinds that every look reads; a look is possible once they are known."""


def of(obj: Json) -> frozenset[str]:
    """The concerns of one API object; empty for a kind that wakes nobody.

    Whatever its shape: the watch's cache asks this of every object there is.
    """
    find = _BY_KIND.get(str(obj.get("kind")))
    return frozenset(find(obj)) if find else frozenset()


def for_rollout(rollout: Rollout, pods: frozenset[str] = frozenset()) -> frozenset[str]:
    """The concerns of a rollout, with those of its ``pods``."""
    names = {rollout_itself(rollout.namespace, rollout.name), host(rollout.host), *pods}
    for use in rollout.spec.analysis.templates:
        names.add(named("AnalysisTemplate", rollout.namespace, use.name))
    if rollout.spec.workload.autoscaler is not None:
        scaler = rollout.spec.workload.autoscaler.name
        names.add(named("HorizontalPodAutoscaler", rollout.namespace, scaler))
    for ref in rollout.spec.traffic.virtual_services:
        names.add(named("VirtualService", ref.namespace or rollout.namespace, ref.name))
    return frozenset(names)


class Interests:
    """Which rollouts, by key, have which concerns now."""

    def __init__(self) -> None:
        self._by_key: dict[str, frozenset[str]] = {}
        self._by_concern: dict[str, set[str]] = {}

    def put(self, key: str, concerns: frozenset[str]) -> None:
        """The rollout ``key`` has exactly ``concerns``."""
        before = self._by_key.get(key, frozenset())
        if concerns == before:
            return
        self._by_key[key] = concerns
        for concern in concerns - before:
            self._by_concern.setdefault(concern, set()).add(key)
        for concern in before - concerns:
            self._discard(concern, key)

    def drop(self, key: str) -> None:
        """The rollout ``key`` is gone."""
        for concern in self._by_key.pop(key, frozenset()):
            self._discard(concern, key)

    def whom(self, concerns: Iterable[str]) -> set[str]:
        """The rollouts that any of ``concerns`` matters to."""
        return {key for concern in concerns for key in self._by_concern.get(concern, ())}

    def _discard(self, concern: str, key: str) -> None:
        self._by_concern[concern].discard(key)
        if not self._by_concern[concern]:
            del self._by_concern[concern]


def itself(touched: Iterable[str]) -> Iterator[str]:
    """The keys of the Rollouts among what a changed Rollout touched."""
    return (one.removeprefix("rollout ") for one in touched if one.startswith("rollout "))


def driven(kind: str, touched: Iterable[str]) -> Iterator[Ref]:
    """The objects among what a changed one of ``kind`` touched, if that is a kind we drive."""
    before = "rollout" if kind == "Rollout" else kind
    if kind not in DRIVEN:
        return
    for one in touched:
        if one.startswith(f"{before} "):
            namespace, _, name = one.removeprefix(f"{before} ").partition("/")
            yield Ref(kind, namespace, name)


def rollout_itself(namespace: str, name: str) -> str:
    """The concern of a Rollout and of what it owns."""
    return f"rollout {namespace}/{name}"


def host(full_name: str) -> str:
    """The concern of everything that sends to, or stands behind, a service's full name."""
    return f"host {full_name}"


def deployment(namespace: str, name: str) -> str:
    """The concern of a Deployment and of its pods."""
    return f"deployment {namespace}/{name}"


def named(kind: str, namespace: str, name: str) -> str:
    """The concern of one object that a rollout names."""
    return f"{kind} {namespace}/{name}"


def scaling(namespace: str, name: str) -> str:
    """The concern of whatever scales a Deployment; it wakes nobody."""
    return f"scaling {namespace}/{name}"


def _metadata(obj: Json) -> tuple[str, str, Json]:
    meta = mapping(obj.get("metadata"))
    return str(meta.get("namespace", "")), str(meta.get("name", "")), meta


def _rollout(obj: Json) -> Iterator[str]:
    """Itself, and its service: whoever waits for that hears when it is given up."""
    namespace, name, _ = _metadata(obj)
    yield rollout_itself(namespace, name)
    service = mapping(obj.get("spec")).get("service")
    if isinstance(service, str):
        yield host(f"{service}.{namespace}.svc.cluster.local")


def _itself(obj: Json) -> Iterator[str]:
    namespace, name, _ = _metadata(obj)
    yield named(str(obj["kind"]), namespace, name)


def _service(obj: Json) -> Iterator[str]:
    namespace, name, _ = _metadata(obj)
    yield host(full_host(name, namespace))
    if asked := mapping(obj.get("spec")).get("selector"):  # without one it chooses no pods
        yield from choosing.by_pairs("Service", namespace, asked)


def _workload_policy(obj: Json) -> Iterator[str]:
    """Of Istio, whose selectors are pairs alone."""
    asked = mapping(obj.get("spec")).get("selector")
    asked = asked.get("matchLabels") if isinstance(asked, Mapping) else asked
    return choosing.by_pairs(str(obj["kind"]), _metadata(obj)[0], asked)


def _budget(obj: Json) -> Iterator[str]:
    asked = mapping(obj.get("spec")).get("selector")
    return choosing.by_selector(str(obj["kind"]), _metadata(obj)[0], asked)


def _network_policy(obj: Json) -> Iterator[str]:
    asked = mapping(obj.get("spec")).get("podSelector")
    return choosing.by_selector(str(obj["kind"]), _metadata(obj)[0], asked)


def _scaler(obj: Json) -> Iterator[str]:
    yield from _itself(obj)
    yield scaling(_metadata(obj)[0], str(under(obj, "spec", "scaleTargetRef", "name")))


def _slice(obj: Json) -> Iterator[str]:
    namespace, _, meta = _metadata(obj)
    service = mapping(meta.get("labels")).get("kubernetes.io/service-name")
    if service:
        yield host(full_host(str(service), namespace))


def _deployment(obj: Json) -> Iterator[str]:
    namespace, name, _ = _metadata(obj)
    yield deployment(namespace, name)
    yield from _owners(obj)
    carried = texts(under(obj, "spec", "template", "metadata", "labels"))
    yield from (choosing.carried(namespace, key, value) for key, value in carried.items())


def _configuration(obj: Json) -> Iterator[str]:
    yield from _itself(obj)
    yield from _owners(obj)


def _owners(obj: Json) -> Iterator[str]:
    namespace, _, meta = _metadata(obj)
    for owner in map(mapping, items(meta.get("ownerReferences"))):
        if owner.get("kind") == "Rollout":
            yield rollout_itself(namespace, str(owner.get("name")))


def _pod(obj: Json) -> Iterator[str]:
    if name := workloads.runs(obj):
        yield deployment(_metadata(obj)[0], name)


def _virtual_service(obj: Json) -> Iterator[str]:
    """Too many hosts are fine, too few are not: which routes count is the translator's to say."""
    namespace, _, _ = _metadata(obj)
    yield from _itself(obj)
    yield from _marked(obj)
    spec = mapping(obj.get("spec"))
    for name in items(spec.get("hosts")):
        yield host(hosts.full(str(name), namespace))
    for protocol in ("http", "tls", "tcp"):
        for route in map(mapping, items(spec.get(protocol))):
            if delegate := mapping(route.get("delegate")):
                space = str(delegate.get("namespace") or namespace)
                yield named("VirtualService", space, str(delegate.get("name")))
            for destination in map(mapping, items(route.get("route"))):
                name = mapping(destination.get("destination")).get("host")
                if isinstance(name, str):
                    yield host(hosts.full(name, namespace))


def _marked(obj: Json) -> Iterator[str]:
    """Hosts of the rollouts that wrote on the object, whatever its routes say by now."""
    for key, value in mapping(_metadata(obj)[2].get("annotations")).items():
        if str(key).startswith("rollout.dev/") and '"host"' in str(value):
            with contextlib.suppress(ValueError, RecursionError):
                yield host(str(mapping(json.loads(str(value))).get("host")))


def _destination_rule(obj: Json) -> Iterator[str]:
    namespace, _, _ = _metadata(obj)
    name = mapping(obj.get("spec")).get("host")
    if isinstance(name, str):
        yield host(hosts.full(name, namespace))


def _mesh(_: Json) -> Iterator[str]:
    """Of the mesh as a whole: it wakes upgrades, which look at all of it."""
    yield MESH


_BY_KIND = {
    "Rollout": _rollout,
    "VirtualService": _virtual_service,
    "DestinationRule": _destination_rule,
    "Service": _service,
    "EndpointSlice": _slice,
    "Deployment": _deployment,
    "Pod": _pod,
    "ConfigMap": _configuration,
    "Secret": _configuration,
    "AnalysisTemplate": _itself,
    "HorizontalPodAutoscaler": _scaler,
    "AuthorizationPolicy": _workload_policy,
    "PeerAuthentication": _workload_policy,
    "PodDisruptionBudget": _budget,
    "NetworkPolicy": _network_policy,
    "Telemetry": _workload_policy,
    "RolloutSource": _itself,
    "ClusterSwitchover": _itself,
    "ControlPlaneUpgrade": _itself,
    "Namespace": _mesh,
    "StatefulSet": _mesh,
    "DaemonSet": _mesh,
    "ArgoRollout": _mesh,
    "MutatingWebhookConfiguration": _mesh,
    "ValidatingWebhookConfiguration": _mesh,
    "KubernetesGateway": _mesh,
    "SailIstio": _mesh,
    "SailTag": _mesh,
}
