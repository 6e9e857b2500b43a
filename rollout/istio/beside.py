"""Other people's VirtualServices on the gateway hosts of ours, and what they take there today.

Source: istio/istio, pilot/pkg/networking/core/gateway.go, ``buildGatewayHTTPRouteConfig``.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.istio import hosts
from rollout.istio.routes import delegated, listing
from rollout.istio.routes.apart import Others, Taken, full_gateway, in_full, is_catch_all
from rollout.memo import remembered
from rollout.model.traffic import Target, full_host

Obj = Mapping[str, Any]
Match = dict[str, Any]

MESH = "mesh"


@dataclass(frozen=True, slots=True)
class Beside:
    """What may share a gateway host with a rollout's VirtualServices.

    ``virtual_services``: every one that may, ours among them, with their delegates and roots.
    ``gateways``: the Gateways that ours name; of one that is not there every host counts.
    """

    virtual_services: tuple[Obj, ...] = ()
    gateways: tuple[Obj, ...] = ()


NOBODY = Beside()


def is_sound(obj: Obj) -> bool:
    """Whether Istio can read ``obj``; what its schema refuses is not in the mesh, so takes nothing.

    A VirtualService or a Gateway, as other people write it.
    """
    try:
        bound, named = gateways(obj), delegates(obj)
        listed = [_host(str(h), _space(obj)) for h in _spec(obj).get("hosts") or ()]
        asked = [m for _, mine in _entries(obj) for m in mine if not _is_match(m)]
        servers = [h for s in _spec(obj).get("servers") or () for h in _let_in(s, "", "")]
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return not asked and all(
        isinstance(x, str | tuple) for x in (*bound, *named, *listed, *servers)
    )


def _is_match(match: Match) -> bool:
    maps = [match.get(key) or {} for key in ("headers", "withoutHeaders", "queryParams")]
    texts = [match[key] for key in ("uri", "scheme", "method", "authority") if key in match]
    rules = [*texts, *(rule for one in maps for rule in one.values() if rule is not None)]
    return isinstance(match.get("sourceLabels") or {}, Mapping) and all(
        isinstance(rule, Mapping) and all(isinstance(text, str) for text in rule.values())
        for rule in rules
    )


def gateways(obj: Obj) -> tuple[str, ...]:
    """Full names of the gateways that ``obj`` is bound to, the mesh left out."""
    names = _spec(obj).get("gateways") or [MESH]
    return tuple(full_gateway(str(n), _space(obj)) for n in names if n != MESH)


def shared_hosts(obj: Obj, gateway: str, known: Iterable[Obj]) -> tuple[str, ...]:
    """The virtual hosts that ``obj`` has at ``gateway``, where they may meet others'.

    ``known``: the Gateways that could be read.
    """
    names = {f"{_space(g)}/{g['metadata']['name']}": g for g in known}
    if gateway not in names:
        mine = (_host(str(h), _space(obj)) for h in _spec(obj).get("hosts") or ())
        return tuple(dict.fromkeys(mine))
    home = gateway.partition("/")[0]
    servers = _spec(names[gateway]).get("servers") or ()
    served = (hosts_at(server, home, obj, _space(obj)) for server in servers)
    return tuple(dict.fromkeys(host for some in served for host in some))


def hosts_at(server: Mapping[str, Any], home: str, obj: Obj, space: str) -> tuple[str, ...]:
    """The virtual hosts that ``obj``, of namespace ``space``, has at a server of a Gateway.

    ``home``: the Gateway's namespace.
    """
    mine = [_host(str(h), space) for h in _spec(obj).get("hosts") or ()]
    both = (_narrower(one, two) for one in _let_in(server, home, space) for two in mine)
    return tuple(dict.fromkeys(host for host in both if host))


def others(obj: Obj, target: Target, beside: Beside) -> Others:
    """What everybody else takes where a catch-all of ``obj`` stands behind their routes."""
    known = ChainMap({_key(obj): obj}, _by_key(beside))
    roots = [obj] if _spec(obj).get("hosts") else _roots(obj, known.values())
    taken: list[Taken] = []
    places: set[tuple[str, str]] = set()
    for root in roots:
        for gateway in gateways(root):
            mine = shared_hosts(root, gateway, beside.gateways)
            places |= {(gateway, host) for host in mine}
            near = (o for host in mine for o in _at(beside).get((gateway, host), ()))
            there = {_key(o): o for o in near if _key(o) not in (_key(root), _key(obj))}
            for other in sorted(there.values(), key=_age):
                taken += _taken(other, root, gateway, mine, beside, known)
    names = tuple(map(str, _spec(obj).get("gateways") or [MESH])) if roots == [obj] else ()
    several = len({host for _, host in places}) > 1
    return Others(tuple(taken), names, listing.namespace(obj, target), several)


@remembered
def _by_key(beside: Beside) -> dict[tuple[str, str], Obj]:
    return {_key(o): o for o in beside.virtual_services}


@remembered
def _at(beside: Beside) -> Mapping[tuple[str, str], Sequence[Obj]]:
    """Whoever has which host at which gateway: of a thousand tenants of one service, each its own.

    A delegate has none.
    """
    found: dict[tuple[str, str], list[Obj]] = {}
    for obj in beside.virtual_services:
        for gateway in gateways(obj):
            for host in shared_hosts(obj, gateway, beside.gateways):
                found.setdefault((gateway, host), []).append(obj)
    return found


def _taken(
    other: Obj,
    root: Obj,
    gateway: str,
    mine: tuple[str, ...],
    beside: Beside,
    known: Mapping[tuple[str, str], Obj],
) -> Iterator[Taken]:
    """What ``other`` takes before a catch-all of ``root``, at every host that they share.

    An older one's ordinary routes stand before any copy of ours; a younger one's catch-all behind.
    """
    older = all(map(_made_at, (other, root))) and _age(other) < _age(root)
    by = f"virtualservice {_space(other)}/{other['metadata']['name']}"
    there = shared_hosts(other, gateway, beside.gateways)
    for host in (each for each in mine if each in there):
        seen = (m for m in _matches(other, gateway, known) if _asked_by(m, gateway, beside))
        for match in _reached(seen):
            if is_catch_all(match) == older:
                yield Taken(gateway, host, match, by)


def _reached(every: Iterable[Match]) -> Iterator[Match]:
    """Up to the first catch-all: nothing behind it in one object gets a request."""
    for match in every:
        yield match
        if is_catch_all(match):
            return


def _matches(obj: Obj, gateway: str, known: Mapping[tuple[str, str], Obj]) -> Iterator[Match]:
    """What each http route of ``obj`` asks for, in order; a made one asks less than its base."""
    for route, mine in _entries(obj):
        every = mine
        if route.get("delegate"):
            inner = known.get(_delegate(route, obj))
            leaves = [leaf for _, leaf in _entries(inner)] if inner and _shows(inner, obj) else []
            every = [match for leaf in leaves for match in delegated.joined(mine, leaf)]
        yield from (m for m in every if not m.get("gateways") or gateway in m["gateways"])


def _shows(inner: Obj, root: Obj) -> bool:
    """Whether ``root`` may delegate to ``inner``."""
    return bool(listing.exported(inner, _space(inner)) & {"*", _space(root)})


def _entries(obj: Obj) -> Iterator[tuple[Mapping[str, Any], list[Match]]]:
    """Each http route that its author wrote, and its matches with their gateways in full."""
    for route in _spec(obj).get("http") or ():
        if not listing.is_made(route):
            yield route, [in_full(m or {}, _space(obj)) for m in route.get("match") or [{}]]


def _asked_by(match: Match, gateway: str, beside: Beside) -> bool:
    """Whether the gateway's own pods carry the labels of callers that ``match`` asks for."""
    wanted = {} if match.get("gateways") else match.get("sourceLabels") or {}
    names = {f"{_space(g)}/{g['metadata']['name']}": g for g in beside.gateways}
    carried = _spec(names.get(gateway) or {}).get("selector") or {}
    return bool(wanted.items() <= carried.items())


def _roots(obj: Obj, known: Iterable[Obj]) -> list[Obj]:
    """Those that delegate everything that comes to them to ``obj``."""
    return [
        other
        for other in known
        for route in _spec(other).get("http") or ()
        if route.get("delegate") and _delegate(route, other) == _key(obj)
        if any(is_catch_all(m or {}) for m in route.get("match") or [{}])
    ]


def delegates(obj: Obj) -> tuple[tuple[str, str], ...]:
    """Namespace and name of every VirtualService that ``obj`` delegates to."""
    routes = _spec(obj).get("http") or ()
    return tuple(_delegate(route, obj) for route in routes if route.get("delegate"))


def _delegate(route: Mapping[str, Any], obj: Obj) -> tuple[str, str]:
    delegate = route["delegate"]
    return str(delegate.get("namespace") or _space(obj)), str(delegate.get("name"))


def _let_in(server: Mapping[str, Any], home: str, space: str) -> Iterator[str]:
    """Hosts of a server of a Gateway of ``home`` that objects of ``space`` may have.

    Source: Istio API, Gateway, ``Server.hosts``: ``namespace/host``, ``.`` its own, ``*`` any.
    """
    for written in server.get("hosts") or ():
        wanted, _, host = str(written).rpartition("/")
        if wanted in ("", "*", space) or (wanted == "." and home == space):
            yield host


def _narrower(one: str, two: str) -> str:
    if hosts.covers(one, two):
        return two
    return one if hosts.covers(two, one) else ""


def _host(written: str, space: str) -> str:
    """In full; a name with a dot is taken as it stands, as Istio does."""
    return written if "." in written or "*" in written else full_host(written, space)


def _age(obj: Obj) -> tuple[str, str, str]:
    """What Istio sorts by: time, name, namespace."""
    return _made_at(obj), str(obj["metadata"]["name"]), _space(obj)


def _made_at(obj: Obj) -> str:
    """Empty in a file: an object that is not there yet may come before or after any other."""
    return str(obj["metadata"].get("creationTimestamp") or "")


def _key(obj: Obj) -> tuple[str, str]:
    return _space(obj), str(obj["metadata"]["name"])


def _space(obj: Obj) -> str:
    return str(obj["metadata"].get("namespace") or "default")


def _spec(obj: Obj) -> Mapping[str, Any]:
    found: Mapping[str, Any] = obj.get("spec") or {}
    return found
