"""What is wrong with Istio's own configuration before anything is upgraded: old, broken, clashing.

Only what the objects say of each other; names that may be somebody else's are passed by.
Sources: istio/api, ``annotation/annotations.yaml`` (``deprecated: true``) and the fields that its
API marks ``deprecated``; istio/istio, ``pkg/config/analysis/msg/messages.yaml`` (IST0002, IST0101,
IST0110, IST0111, IST0135, IST0138, IST0145, IST0159 to IST0162).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rollout import labels as selecting
from rollout import lenient
from rollout.istio import hosts
from rollout.model.inventory import Remark
from rollout.model.ref import Ref
from rollout.upgrade.inventory.config import ref_of
from rollout.upgrade.inventory.gateways import selects

Obj = Mapping[str, Any]
Held = Mapping[str, tuple[Obj, ...]]

_SIDECAR = "sidecar.istio.io/"
OLD_ANNOTATIONS: Mapping[str, str] = {
    "alpha.istio.io/kubernetes-serviceaccounts": "",
    "alpha.istio.io/canonical-serviceaccounts": "",
    "alpha.istio.io/identity": "",
    f"{_SIDECAR}controlPlaneAuthPolicy": "",
    f"{_SIDECAR}discoveryAddress": "proxy.istio.io/config",
    f"{_SIDECAR}statsInclusionPrefixes": "proxyStatsMatcher in proxy.istio.io/config",
    f"{_SIDECAR}statsInclusionSuffixes": "proxyStatsMatcher in proxy.istio.io/config",
    f"{_SIDECAR}statsInclusionRegexps": "proxyStatsMatcher in proxy.istio.io/config",
}
"""Deprecated annotations, and what to write in their place."""

OLD_FIELDS: Mapping[str, Mapping[str, str]] = {
    "VirtualService": {
        "http.fault.delay.percent": "percentage",
        "http.mirrorPercent": "mirrorPercentage",
        "http.mirror_percent": "mirrorPercentage",
        "http.corsPolicy.allowOrigin": "allowOrigins",
    },
    "DestinationRule": {
        "trafficPolicy.loadBalancer.warmupDurationSecs": "warmup",
        "trafficPolicy.loadBalancer.consistentHash.minimumRingSize": "ringHash",
        "trafficPolicy.outlierDetection.consecutiveErrors": "consecutive5xxErrors",
        "subsets.trafficPolicy.loadBalancer.warmupDurationSecs": "warmup",
        "subsets.trafficPolicy.loadBalancer.consistentHash.minimumRingSize": "ringHash",
        "subsets.trafficPolicy.outlierDetection.consecutiveErrors": "consecutive5xxErrors",
    },
    "Sidecar": {"outboundTrafficPolicy.egressProxy": ""},
}
"""Deprecated fields by kind, lists passed through, and what to write in their place."""

_CARRIERS = ("Deployment", "StatefulSet", "DaemonSet", "ArgoRollout")
MESH = "mesh"
"""The name by which a VirtualService means every sidecar in place of a gateway."""


# UPG-040: what a later version may not know any more


def old(held: Held) -> tuple[Remark, ...]:
    """Objects with annotations or fields that Istio has deprecated."""
    return (*_annotated(held), *_fielded(held))


def _annotated(held: Held) -> Iterator[Remark]:
    for kind in (*_CARRIERS, "Service"):
        for each in held[kind]:
            templates = (each, lenient.under(each, "spec", "template"))
            keys = {key for one in templates for key in lenient.annotations(one)}
            for key in sorted(keys & OLD_ANNOTATIONS.keys()):
                yield Remark(
                    ref_of(kind, each), _deprecated(f"annotation {key}", OLD_ANNOTATIONS[key])
                )


def _fielded(held: Held) -> Iterator[Remark]:
    for kind, fields in OLD_FIELDS.items():
        for each in held[kind]:
            for path, instead in fields.items():
                if _has(each.get("spec"), path.split(".")):
                    yield Remark(ref_of(kind, each), _deprecated(path, instead))


def _deprecated(what: str, instead: str) -> str:
    return f"{what} is deprecated{f', {instead} takes its place' if instead else ''}"


def _has(value: object, path: Sequence[str]) -> bool:
    """Whether the field is there, in any entry of the lists on the way to it."""
    if isinstance(value, list):
        return any(_has(each, path) for each in value)
    if not path:
        return value not in (None, {}, [])
    return path[0] in lenient.mapping(value) and _has(lenient.mapping(value)[path[0]], path[1:])


# UPG-041: what does not work as it stands, whatever the version


def broken(held: Held) -> tuple[Remark, ...]:
    """Configuration that names what is not there, or of which two objects say different things."""
    return (*_nowhere(held), *_twice(held, "Sidecar"), *_twice(held, "Telemetry"))


def _nowhere(held: Held) -> Iterator[Remark]:
    """VirtualServices that name a Gateway, a Service or a subset which is not there. IST0101."""
    gateways = {(lenient.namespace(each), lenient.name(each)) for each in held["Gateway"]}
    services = {hosts.full(lenient.name(e), lenient.namespace(e)) for e in held["Service"]}
    entries = {h for e in held["ServiceEntry"] for h in _texts(lenient.under(e, "spec", "hosts"))}
    subsets = _subsets(held["DestinationRule"])
    for each in held["VirtualService"]:
        ref, spec = ref_of("VirtualService", each), lenient.mapping(each.get("spec"))
        for name in _texts(spec.get("gateways")):
            space, _, plain = name.rpartition("/")
            if name != MESH and (space or ref.namespace, plain) not in gateways:
                yield Remark(ref, f"gateway {name} is not there")
        for host, subset in dict.fromkeys(_destinations(spec)):
            full = hosts.full(host, ref.namespace)
            known = full in services or any(hosts.covers(one, full) for one in entries)
            if ".svc." in full and not known:
                yield Remark(ref, f"service {full} is not there")
            elif subset and known and subset not in subsets.get(full, ()):
                yield Remark(ref, f"subset {subset} of {host} is in no DestinationRule")


def _texts(value: object) -> Iterator[str]:
    return (each for each in lenient.items(value) if isinstance(each, str))


def _destinations(spec: Obj) -> Iterator[tuple[str, str]]:
    """Host and subset of every destination of a VirtualService; a delegate has none."""
    for kind in ("http", "tls", "tcp"):
        for route in lenient.mappings(spec.get(kind)):
            for each in lenient.mappings(route.get("route")):
                found = lenient.mapping(each.get("destination"))
                if host := lenient.text(found.get("host")):
                    yield host, lenient.text(found.get("subset"))


def _subsets(rules: Iterable[Obj]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in rules:
        spec = lenient.mapping(each.get("spec"))
        host = hosts.full(lenient.text(spec.get("host")), lenient.namespace(each))
        names = (lenient.text(one.get("name")) for one in lenient.mappings(spec.get("subsets")))
        found.setdefault(host, set()).update(names)
    return found


def _twice(held: Held, kind: str) -> Iterator[Remark]:
    """Two objects for the same pods, of which Istio takes one. IST0110, IST0111, IST0159, IST0160.

    Those that name their target otherwise (``targetRefs``) are passed by.
    """
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Ref]] = {}
    for each in held[kind]:
        spec = lenient.mapping(each.get("spec"))
        if {"targetRef", "targetRefs"} & spec.keys():
            continue
        chosen = lenient.mapping(spec.get("workloadSelector" if kind == "Sidecar" else "selector"))
        labels = lenient.texts(chosen.get("labels" if kind == "Sidecar" else "matchLabels"))
        at = lenient.namespace(each), tuple(sorted(labels.items()))
        found.setdefault(at, []).append(ref_of(kind, each))
    for first, *others in found.values():
        for other in others:
            yield Remark(other, f"is for the same pods as {first}")


# GW-012: gateways that answer for each other


def clashes(held: Held) -> tuple[Remark, ...]:
    """Istio's Gateways that share a certificate or a host, or listen where no Service sends."""
    return (*_shared(held["Gateway"]), *_unsent(held))


def _shared(gateways: Sequence[Obj]) -> Iterator[Remark]:
    """A browser uses one connection for every host of a certificate, and gets 404 for those of
    another Gateway (IST0138); of two Gateways for one host and port only one is taken (IST0145).
    """
    certificates: dict[tuple[object, ...], Ref] = {}
    doors: dict[tuple[object, ...], Ref] = {}
    for each in sorted(gateways, key=lambda one: (lenient.namespace(one), lenient.name(one))):
        ref, spec = ref_of("Gateway", each), lenient.mapping(each.get("spec"))
        pods = tuple(sorted(lenient.texts(spec.get("selector")).items()))
        for server in lenient.mappings(spec.get("servers")):
            name = lenient.text(lenient.under(server, "tls", "credentialName"))
            port = lenient.number(lenient.under(server, "port", "number"))
            first = certificates.setdefault((pods, name), ref)
            if name and first != ref:
                yield Remark(ref, f"has the certificate {name} of {first}")
            for host in _texts(server.get("hosts")):
                bound = lenient.text(server.get("bind"))
                first = doors.setdefault((pods, port, bound, host.rpartition("/")[2]), ref)
                if first != ref:
                    yield Remark(ref, f"has host {host} at port {port} as {first} has")


def _unsent(held: Held) -> Iterator[Remark]:
    """A server at a port to which no Service of the gateway's pods sends. IST0162.

    Where a Service sends to a port by name, or nobody's pods are known, nothing is said.
    """
    made = [
        (each, lenient.labels(lenient.under(each, "spec", "template")))
        for each in held["Deployment"]
    ]
    for each in held["Gateway"]:
        wanted = selecting.pairs(lenient.under(each, "spec", "selector"))
        mine = [(d, labels) for d, labels in made if not wanted.empty and wanted.matches(labels)]
        services = [
            service
            for deployment, labels in mine
            for service in held["Service"]
            if lenient.namespace(service) == lenient.namespace(deployment)
            and selects(service, labels)
        ]
        ports, named = _targets(services)
        for server in lenient.mappings(lenient.under(each, "spec", "servers")):
            number = lenient.number(lenient.under(server, "port", "number"))
            if services and not named and number not in ports:
                yield Remark(ref_of("Gateway", each), f"no Service of its pods has port {number}")


def _targets(services: Iterable[Obj]) -> tuple[Counter[int], bool]:
    """The ports of pods and of Services, either of which a Gateway may name; and whether one of
    them goes by a name, so that its number is the container's to say.
    """
    found: Counter[int] = Counter()
    named = False
    for each in services:
        for port in lenient.mappings(lenient.under(each, "spec", "ports")):
            target = port.get("targetPort")
            named = named or isinstance(target, str)
            found[lenient.number(port.get("port"))] += 1
            found[lenient.number(target)] += 1
    return found, named
