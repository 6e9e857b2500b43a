"""The SW rules: what stands in the way of users who are to move from blue to green by DNS.

Pure, over both clusters' objects. What a rule cannot read it says, and a blocking rule then blocks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from rollout import lenient
from rollout.istio import owner
from rollout.model.finding import Finding, Severity
from rollout.model.switchover import Side, Switchover
from rollout.model.units import words

Obj = Mapping[str, Any]
Objs = tuple[Obj, ...]

KINDS = (
    "Deployment",
    "HorizontalPodAutoscaler",
    "Service",
    "Gateway",
    "VirtualService",
    "DestinationRule",
    "AuthorizationPolicy",
    "CronJob",
    "ResourceQuota",
    "DNSEndpoint",
    "Rollout",
)
"""What of each cluster the rules look at."""

NEEDED = ("Deployment", "Service", "Gateway", "VirtualService")
"""Kinds without which parity and capacity cannot be told, so that SW-001 blocks."""

SHORT = timedelta(seconds=60)
HOSTNAMES = ("external-dns.alpha.kubernetes.io/hostname", "external-dns.kubernetes.io/hostname")
STREAMS = ("grpc", "kubernetes.io/ws", "kubernetes.io/wss", "kubernetes.io/h2c")


@dataclass(frozen=True, slots=True)
class Twin:
    """Both clusters at one moment.

    ``objs``: by side and kind. ``unread``: kinds that could not be read, and why.
    ``records``: the set's objects by place; ``lost``: why some of them are not among these.
    ``switchovers``: all of the home cluster.
    """

    objs: Mapping[Side, Mapping[str, Objs]]
    unread: Mapping[Side, Mapping[str, str]]
    records: Mapping[str, Obj]
    lost: tuple[str, ...] = ()
    switchovers: Objs = ()

    def all(self, side: Side, kind: str) -> Objs:
        """What ``side`` has of ``kind``."""
        return self.objs.get(side, {}).get(kind, ())


@dataclass(frozen=True, slots=True)
class SwitchoverCase:
    """One switchover and both clusters; ``namespaces``: what must be the same in both."""

    switchover: Switchover
    twin: Twin
    namespaces: frozenset[str] = field(default_factory=frozenset)

    def inside(self, side: Side, kind: str) -> Iterator[Obj]:
        """The objects of ``kind`` in the namespaces that matter."""
        return (o for o in self.twin.all(side, kind) if lenient.namespace(o) in self.namespaces)

    def gateway(self, side: Side) -> Obj | None:
        """The Deployment of the side's gateway."""
        wanted = self.switchover.spec.cluster(side).gateway
        place = wanted.namespace, wanted.workload
        found = (o for o in self.twin.all(side, "Deployment") if _place(o) == place)
        return next(found, None)


Rule = Callable[[SwitchoverCase], Iterable[Finding]]


def findings(switchover: Switchover, twin: Twin) -> tuple[Finding, ...]:
    """Every finding, in the rules' order; those that a person lets pass say so."""
    case = SwitchoverCase(switchover, twin, _namespaces(switchover, twin))
    passed = {one.rule: one.reason for one in switchover.spec.overrule}
    return tuple(
        replace(one, overruled=passed.get(one.rule, "")) for rule in RULES for one in rule(case)
    )


def _namespaces(switchover: Switchover, twin: Twin) -> frozenset[str]:
    """The spec's, or those that blue's routes for the names lead to."""
    if switchover.spec.namespaces:
        return frozenset(switchover.spec.namespaces)
    found = set()
    for route in twin.all(Side.BLUE, "VirtualService"):
        served = lenient.items(lenient.under(route, "spec", "hosts"))
        if any(_covers(str(host), name) for host in served for name in switchover.spec.dns.names):
            found |= {lenient.namespace(route), *_reached(route)}
    return frozenset(found)


def _reached(route: Obj) -> Iterator[str]:
    """The namespaces of the services that a VirtualService sends to."""
    space = lenient.namespace(route)
    for rule in lenient.mappings(lenient.under(route, "spec", "http")):
        for to in lenient.mappings(rule.get("route")):
            parts = lenient.text(lenient.under(to, "destination", "host")).split(".")
            yield parts[1] if len(parts) > 1 else space


def _covers(pattern: str, name: str) -> bool:
    return pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _place(obj: Obj) -> tuple[str, str]:
    return lenient.namespace(obj), lenient.name(obj)


def _block(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.BLOCK, text)


def _warn(rule: str, text: str) -> Finding:
    return Finding(rule, Severity.WARN, text)


# SW-001: both clusters answer, and run the same


def _parity(case: SwitchoverCase) -> Iterator[Finding]:
    for side in Side:
        lacks = case.twin.unread.get(side, {})
        for kind in NEEDED:
            if kind in lacks:
                yield _block("SW-001", f"{side}: {lacks[kind]}")
                return
        if case.gateway(side) is None:
            gateway = case.switchover.spec.cluster(side).gateway
            name = f"{gateway.namespace}/{gateway.workload}"
            yield _block("SW-001", f"{side} has no gateway Deployment {name}")
    if not case.namespaces:
        yield _block(
            "SW-001", "no route of blue's leads to the names; spec.namespaces says what is"
        )
    green = {_place(obj): obj for obj in case.inside(Side.GREEN, "Deployment")}
    for obj in case.inside(Side.BLUE, "Deployment"):
        yield from _alike(obj, green.get(_place(obj)))
    for side in Side:
        for obj in case.inside(side, "Rollout"):
            phase = lenient.text(lenient.under(obj, "status", "phase"))
            if phase not in ("", "Healthy"):
                where = "/".join(_place(obj))
                yield _block("SW-001", f"{side}: rollout {where} is {phase}; let it end first")


def _alike(blue: Obj, green: Obj | None) -> Iterator[Finding]:
    name = "/".join(_place(blue))
    if not lenient.number(lenient.under(blue, "spec", "replicas"), 1):
        return
    if green is None:
        yield _block("SW-001", f"green has no Deployment {name}")
        return
    images = _images(blue), _images(green)
    if images[0] != images[1]:
        missing = sorted(images[0] - images[1])
        yield _block(
            "SW-001", f"{name}: green does not run {missing[0] if missing else 'the same'}"
        )
    wanted = lenient.number(lenient.under(green, "spec", "replicas"), 1)
    ready = _ready(green)
    if ready < wanted:
        yield _block("SW-001", f"{name}: {ready} of {wanted} pods are ready in green")


def _images(obj: Obj) -> frozenset[str]:
    """What runs in the pods, without the mesh's own proxy, whose version is meant to differ."""
    containers = lenient.mappings(lenient.under(obj, "spec", "template", "spec", "containers"))
    return frozenset(
        lenient.text(one.get("image")) for one in containers if one.get("name") != "istio-proxy"
    )


def _ready(obj: Obj) -> int:
    return lenient.number(lenient.under(obj, "status", "readyReplicas"))


# SW-002 and SW-003: the records, and who else writes them


def _records(case: SwitchoverCase) -> Iterator[Finding]:
    for why in case.twin.lost:
        yield _block("SW-002", why)
    for place, obj in case.twin.records.items():
        tool = owner.owner(obj)
        if tool:
            hint = f"{place} is {tool}'s: it must leave {_LEAF} alone, or it puts weights back"
            yield _warn("SW-003", hint)


_LEAF = "spec.endpoints[].providerSpecific"


def _writers(case: SwitchoverCase) -> Iterator[Finding]:
    names = set(case.switchover.spec.dns.names)
    for side in Side:
        for obj in case.twin.all(side, "DNSEndpoint"):
            if _is_ours(case, side, obj):
                continue
            for entry in lenient.mappings(lenient.under(obj, "spec", "endpoints")):
                if lenient.text(entry.get("dnsName")).rstrip(".").lower() in names:
                    where = "/".join(_place(obj))
                    yield _block("SW-003", f"{side}: DNSEndpoint {where} writes the same name, too")
                    break
        yield from _annotated(case, side, names)
    yield from _owners(case)
    yield from _twins(case)


def _own(switchover: Switchover) -> dict[str, str]:
    """``namespace/name`` of our objects, to the cluster that they are in."""
    spaces = ((e.namespace or switchover.namespace, e) for e in switchover.spec.dns.endpoints)
    return {f"{space}/{entry.name}": entry.cluster for space, entry in spaces}


def _is_ours(case: SwitchoverCase, side: Side, obj: Obj) -> bool:
    """Whether an object of ``side`` is the one that the spec names, in its cluster."""
    cluster = _own(case.switchover).get("/".join(_place(obj)), "")
    home = case.switchover.spec.cluster(side).kubeconfig is None
    return cluster == side.value or (cluster == "home" and home)


def _annotated(case: SwitchoverCase, side: Side, names: set[str]) -> Iterator[Finding]:
    for kind in ("Service", "Gateway", "VirtualService"):
        for obj in case.twin.all(side, kind):
            for key in HOSTNAMES:
                asked = lenient.annotations(obj).get(key, "").split(",")
                if names & {one.strip().rstrip(".").lower() for one in asked}:
                    where = f"{kind} {'/'.join(_place(obj))}"
                    yield _block("SW-003", f"{side}: {where} asks external-dns for the name, too")


def _owners(case: SwitchoverCase) -> Iterator[Finding]:
    """Two external-dns of one owner delete each other's records (external-dns #1698)."""
    owners = {side: frozenset(_owner_ids(case.twin.all(side, "Deployment"))) for side in Side}
    both = {entry.cluster for entry in case.switchover.spec.dns.endpoints}
    shared = owners[Side.BLUE] & owners[Side.GREEN]
    if shared and (len(both) > 1):
        one = sorted(shared)[0]
        yield _block("SW-003", f"external-dns of both clusters has --txt-owner-id={one}")
    elif shared:
        one = sorted(shared)[0]
        yield _warn("SW-003", f"external-dns of both clusters has --txt-owner-id={one}")


def _owner_ids(objs: Objs) -> Iterator[str]:
    for obj in objs:
        pods = lenient.under(obj, "spec", "template", "spec", "containers")
        for one in lenient.mappings(pods):
            if "external-dns" not in lenient.text(one.get("image")):
                continue
            for arg in map(str, lenient.items(one.get("args"))):
                if arg.startswith("--txt-owner-id="):
                    yield arg.partition("=")[2]


def _twins(case: SwitchoverCase) -> Iterator[Finding]:
    mine = set(case.switchover.spec.dns.names)
    for obj in case.twin.switchovers:
        if _place(obj) == (case.switchover.namespace, case.switchover.name):
            continue
        theirs = set(map(str, lenient.items(lenient.under(obj, "spec", "dns", "names"))))
        if mine & theirs:
            where = "/".join(_place(obj))
            yield _block(
                "SW-003", f"ClusterSwitchover {where} moves {sorted(mine & theirs)[0]}, too"
            )


def _ttl(case: SwitchoverCase) -> Iterator[Finding]:
    for place, obj in case.twin.records.items():
        for entry in lenient.mappings(lenient.under(obj, "spec", "endpoints")):
            ttl = timedelta(seconds=lenient.number(entry.get("recordTTL")))
            if ttl > SHORT:
                text = f"{place} has a TTL of {words(ttl)}: so slow is the way back"
                yield _warn("SW-004", text)
                return


# SW-005 and SW-006: green's hosts and certificates, and whether it can carry everyone


def _hosts(case: SwitchoverCase) -> Iterator[Finding]:
    let_in = [
        str(host).rpartition("/")[2]
        for gateway in case.twin.all(Side.GREEN, "Gateway")
        for server in lenient.mappings(lenient.under(gateway, "spec", "servers"))
        for host in lenient.items(server.get("hosts"))
    ]
    for name in case.switchover.spec.dns.names:
        if not any(_covers(host, name) for host in let_in):
            yield _block("SW-005", f"no Gateway of green's lets {name} in")
    yield from _certificates(case)


def _certificates(case: SwitchoverCase) -> Iterator[Finding]:
    """Credentials that blue's servers name and green's do not; a probe tries what is served."""
    named = {side: set(_credentials(case.twin.all(side, "Gateway"))) for side in Side}
    for one in sorted(named[Side.BLUE] - named[Side.GREEN]):
        yield _warn("SW-005", f"green's Gateways do not name the credential {one}, as blue's do")


def _credentials(gateways: Objs) -> Iterator[str]:
    for gateway in gateways:
        for server in lenient.mappings(lenient.under(gateway, "spec", "servers")):
            if name := lenient.text(lenient.under(server, "tls", "credentialName")):
                yield name


def _capacity(case: SwitchoverCase) -> Iterator[Finding]:
    green = {_place(obj): obj for obj in case.inside(Side.GREEN, "Deployment")}
    pairs = [(obj, green.get(_place(obj))) for obj in case.inside(Side.BLUE, "Deployment")]
    pairs.append((case.gateway(Side.BLUE) or {}, case.gateway(Side.GREEN)))
    for blue, twin in pairs:
        now = max(_ready(blue), lenient.number(lenient.under(blue, "spec", "replicas")))
        if twin is None or not now:
            continue
        least = _least(twin, case.twin.all(Side.GREEN, "HorizontalPodAutoscaler"))
        if least < now:
            name = "/".join(_place(twin))
            yield _block("SW-006", f"{name}: green keeps {least} pods at least, blue has {now}")
    for quota in case.inside(Side.GREEN, "ResourceQuota"):
        hard = lenient.under(quota, "status", "hard", "pods")
        used = lenient.under(quota, "status", "used", "pods")
        if hard is not None and str(hard) == str(used):
            yield _warn("SW-006", f"green: quota {'/'.join(_place(quota))} has no pod left")


def _least(obj: Obj, scalers: Objs) -> int:
    """The fewest pods that a Deployment may have: its autoscaler's word, or its own."""
    for scaler in scalers:
        target = lenient.mapping(lenient.under(scaler, "spec", "scaleTargetRef"))
        same = target.get("kind") == "Deployment" and target.get("name") == lenient.name(obj)
        if same and lenient.namespace(scaler) == lenient.namespace(obj):
            return lenient.number(lenient.under(scaler, "spec", "minReplicas"), 1)
    return lenient.number(lenient.under(obj, "spec", "replicas"), 1)


# SW-007 to SW-012: what people have to know


def _addresses(case: SwitchoverCase) -> Iterator[Finding]:
    for side in Side:
        for obj in case.twin.all(side, "AuthorizationPolicy"):
            if any(
                _names_addresses(rule)
                for rule in lenient.items(lenient.under(obj, "spec", "rules"))
            ):
                where = "/".join(_place(obj))
                text = (
                    f"{side}: AuthorizationPolicy {where} goes by IP addresses: do they know green?"
                )
                yield _warn("SW-007", text)
                break


def _names_addresses(rule: object) -> bool:
    sources = (
        lenient.mapping(f.get("source")) for f in lenient.mappings(lenient.under(rule, "from"))
    )
    keys = ("ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks")
    return any(source.get(key) for source in sources for key in keys)


def _data(case: SwitchoverCase) -> Iterator[Finding]:
    if not case.switchover.spec.data_can_go_back:
        text = (
            "nobody said that data can go back: dataCanGoBack: true, if no one-way migration runs"
        )
        yield _block("SW-008", text)
    blue = case.gateway(Side.BLUE)
    if blue is not None and not _ready(blue):
        yield _block("SW-008", "blue's gateway has no ready pod: there would be no way back")


def _twice(case: SwitchoverCase) -> Iterator[Finding]:
    running = {
        side: {
            _place(o)
            for o in case.inside(side, "CronJob")
            if not lenient.under(o, "spec", "suspend")
        }
        for side in Side
    }
    for both in sorted(running[Side.BLUE] & running[Side.GREEN]):
        yield _warn("SW-009", f"CronJob {'/'.join(both)} runs in both clusters, so twice")


def _streams(case: SwitchoverCase) -> Iterator[Finding]:
    for obj in case.inside(Side.BLUE, "Service"):
        for port in lenient.mappings(lenient.under(obj, "spec", "ports")):
            said = lenient.text(port.get("appProtocol")) or lenient.text(port.get("name"))
            if said.startswith(STREAMS):
                where = "/".join(_place(obj))
                text = (
                    f"service {where} speaks {said}: long connections stay on blue until they end"
                )
                yield _warn("SW-010", text)
                return


def _locality(case: SwitchoverCase) -> Iterator[Finding]:
    for obj in case.twin.all(Side.GREEN, "DestinationRule"):
        policy = lenient.under(obj, "spec", "trafficPolicy", "loadBalancer", "localityLbSetting")
        if policy:
            where = "/".join(_place(obj))
            text = f"green: DestinationRule {where} has locality rules, which may lead back to blue"
            yield _warn("SW-012", text)
            return


def _unread(case: SwitchoverCase) -> Iterator[Finding]:
    """In an order of ours: kinds fail to be read in another one each time they are asked for."""
    for side in Side:
        unread = case.twin.unread.get(side, {})
        for kind, rule in _READ_BY.items():
            if kind in unread:
                yield _warn(rule, f"{side}: {unread[kind]}; not checked")


_READ_BY = {
    "HorizontalPodAutoscaler": "SW-006",
    "AuthorizationPolicy": "SW-007",
    "CronJob": "SW-009",
    "DestinationRule": "SW-012",
}
"""The rule that says nothing where a kind cannot be read; other kinds may well not exist."""

RULES: tuple[Rule, ...] = (
    _parity,
    _records,
    _writers,
    _ttl,
    _hosts,
    _capacity,
    _addresses,
    _data,
    _twice,
    _streams,
    _locality,
    _unread,
)
