"""Rules about VirtualServices: what reaches them, what hides them, what their matches mean."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rollout.istio import hosts, owner, traffic, virtualservice
from rollout.istio.routes import listing, problems
from rollout.istio.routes.listing import is_host, listed, namespace, spec, subset, weight, where
from rollout.preflight.snapshot import Case, Obj, named

_IGNORED = ("uri", "scheme", "method", "authority")
_NOT_RE2 = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]|\(\?>|\(\?P=")
"""Lookaround, backreferences, atomic groups: RE2 has none (RE2 wiki, "Syntax")."""
_DEFAULT_RETRIES = 2
_ANY_PATH = ({"prefix": "/"}, {"regex": ".*"}, {"regex": "/.*"})
MESH = "mesh"


def gateways(obj: Obj) -> list[str]:
    """The gateways of a VirtualService; none written means the mesh (facts/istio.md 4.1)."""
    return spec(obj).get("gateways") or [MESH]


def no_mesh(case: Case) -> Iterator[str]:
    """ROL-020, W: callers inside the mesh go past a VirtualService for gateways only."""
    if case.managed and not any(MESH in gateways(o) for o in case.managed):
        names = ", ".join(where(o, case.target) for o in case.managed)
        yield f"{names}: gateways leave out mesh, so callers inside the mesh are not split"


def past_us(case: Case) -> Iterator[str]:
    """ROL-021, W: another VirtualService sends to the service and is not managed (IST0140)."""
    for obj in case.snapshot.virtual_services:
        if obj not in case.managed and virtualservice.serving(obj, case.target):
            told = f"sends requests to {hosts.short(case.target.host)} and is not managed"
            yield f"{where(obj, case.target)}: {told}; they are not split"


def dead(case: Case) -> Iterator[str]:
    """ROL-023, B: the first match wins, so nothing behind a catch-all is reached (IST0130)."""
    for obj in case.managed:
        mine = {b.place for b in listing.bases(obj, case.target)}
        blocked: dict[str, str] = {}
        for place, route in listed(obj):
            if place in mine and place.kind in blocked:
                told = f"is never reached; {blocked[place.kind]} before it takes everything"
                yield f"{where(obj, case.target)} {place}: {told}"
            if _takes_all(route) and not listing.is_made(route):
                blocked.setdefault(place.kind, str(place))


def _takes_all(route: Mapping[str, Any]) -> bool:
    matches = route.get("match") or []
    every = ({}, *({"uri": uri} for uri in _ANY_PATH))
    return not matches or any(m in every for m in matches)


def spelling(case: Case) -> Iterator[str]:
    """ROL-024, W: a short name means the object's own namespace; a dotted one is taken as it is."""
    short = hosts.short(case.target.host)
    dotted = f"{short}.{case.target.namespace}"
    for obj in case.snapshot.virtual_services:
        told = where(obj, case.target)
        away = namespace(obj, case.target) != case.target.namespace
        written = {_host(e) for _, route in listed(obj) for e in route.get("route") or ()}
        if short in written and away:
            yield f"{told}: host {short} means its own namespace; write {case.target.host}"
        if dotted in written:
            yield f"{told}: host {dotted} is not resolved by Istio; write {case.target.host}"


def _host(entry: Mapping[str, Any]) -> str:
    return str((entry.get("destination") or {}).get("host"))


def unlisted(case: Case) -> Iterator[str]:
    """ROL-025, W: a gateway that is not there, or does not have the host (IST0101, IST0132)."""
    here = {(namespace(g, case.target), g["metadata"]["name"]): g for g in case.snapshot.gateways}
    for obj in case.managed:
        for name in gateways(obj):
            if name == MESH:
                continue
            space, _, short = name.rpartition("/")
            gateway = here.get((space or namespace(obj, case.target), short))
            if gateway is None:
                yield f"{where(obj, case.target)}: gateway {name} is not there"
            else:
                yield from _not_served(obj, gateway, case)


def _not_served(obj: Obj, gateway: Obj, case: Case) -> Iterator[str]:
    servers = gateway["spec"].get("servers") or ()
    patterns = [h.rpartition("/")[2] for s in servers for h in s.get("hosts") or ()]
    served = [h for h in spec(obj).get("hosts") or () if any(_meet(p, h) for p in patterns)]
    if spec(obj).get("hosts") and not served:
        told = f"has none of its hosts ({', '.join(spec(obj)['hosts'])})"
        yield f"{where(obj, case.target)}: {named(gateway, 'gateway')} {told}"


def _meet(pattern: str, host: str) -> bool:
    return hosts.covers(pattern, host) or hosts.covers(host, pattern)


def _matches(case: Case) -> Iterator[tuple[str, str, str, Any]]:
    """Every header match of managed routes and cohorts: who, ``headers``, key, and the match."""
    for told, route in case.routes():
        for match in route.get("match") or ():
            for kind in ("headers", "withoutHeaders"):
                yield from ((told, kind, k, v) for k, v in (match.get(kind) or {}).items())
    for index, cohort in enumerate(case.cohorts):
        for key, value in cohort.headers.items():
            ways = {w: getattr(value, w) for w in ("exact", "prefix", "regex")}
            said = {w: text for w, text in ways.items() if text is not None}
            yield f"cohort {index + 1}", "headers", key, said


def ignored_header(case: Case) -> Iterator[str]:
    """ROL-026, B: Istio passes over these keys, so the match holds for everybody."""
    for told, _, key, _ in _matches(case):
        if key in _IGNORED:
            yield f"{told}: header {key!r} is ignored by Istio; match {key} itself"
        elif told.startswith("virtualservice") and (key != key.lower() or "_" in key):
            yield f"{told}: header {key!r} never matches; lower case and dashes are wanted"


def not_re2(case: Case) -> Iterator[str]:
    """ROL-027, W: Envoy knows RE2 only, and matches the whole value."""
    for told, pattern in _patterns(case):
        if _NOT_RE2.search(pattern):
            yield f"{told}: regex {pattern!r} is not RE2 (no lookaround, no backreference)"
        elif _unreadable(pattern):
            yield f"{told}: regex {pattern!r} cannot be read"


def _patterns(case: Case) -> Iterator[tuple[str, str]]:
    for told, route in case.routes():
        for match in route.get("match") or ():
            yield from ((told, found) for found in _regexes(match))
    for index, cohort in enumerate(case.cohorts):
        maps = (cohort.headers, cohort.cookies, cohort.query)
        each = [v for m in maps for v in m.values()]
        more = [v for v in (cohort.path, cohort.method) if v is not None]
        yield from ((f"cohort {index + 1}", v.regex) for v in (*each, *more) if v.regex is not None)


def _regexes(match: Any) -> Iterator[str]:
    if isinstance(match, dict):
        for key, value in match.items():
            if key == "regex" and isinstance(value, str):
                yield value
            yield from _regexes(value)


def _unreadable(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return True
    return False


def whole_cookie(case: Case) -> Iterator[str]:
    """ROL-028, W: the header holds every cookie, so an exact match fails with a second."""
    for told, _, key, match in _matches(case):
        if key == "cookie" and ("exact" in match or "prefix" in match):
            yield f"{told}: cookie is matched whole and fails with a second cookie; use a regex"


def same_host(case: Case) -> Iterator[str]:
    """ROL-029, B: of two VirtualServices for one host in the mesh, which one rules is undefined."""
    mine = [o for o in case.snapshot.virtual_services if _in_mesh(o, case)]
    found = [o for o in mine if any(_seen_by_one(o, p, case) for p in mine if p is not o)]
    if found:
        names = " and ".join(where(o, case.target) for o in found)
        yield f"{names}: all are for {case.target.host}; one is wanted"


def _seen_by_one(one: Obj, two: Obj, case: Case) -> bool:
    """Whether any caller sees both: those of disjoint namespaces do not meet."""
    scopes = [case.exported(one), case.exported(two)]
    return bool(scopes[0] & scopes[1]) or ("*" in scopes[0] | scopes[1] and all(scopes))


def _in_mesh(obj: Obj, case: Case) -> bool:
    """Whether this VirtualService rules the service's own host inside the mesh."""
    space = namespace(obj, case.target)
    mine = (hosts.means(h, space, case.target.host) for h in spec(obj).get("hosts") or ())
    return MESH in gateways(obj) and any(mine)


def propagation(case: Case) -> Iterator[str]:
    """ROL-031, I: deep in the mesh a header is there only if every caller passes it on."""
    marked = any(c.headers or c.cookies for c in case.cohorts)
    if marked and any(MESH in gateways(o) for o in case.managed):
        told = "callers inside the mesh must pass the cohort's headers on"
        yield f"service {hosts.short(case.target.host)}: {told}"


def leftover_fault(case: Case) -> Iterator[str]:
    """ROL-034, B: an injected fault is an outage to everybody on that route."""
    for told, route in case.routes():
        if route.get("fault"):
            yield f"{told}: injects a fault; take it out first"


def leftover_mirror(case: Case) -> Iterator[str]:
    """ROL-034, W: a mirror of the author's doubles the load of what it points to."""
    for told, route in case.routes():
        if route.get("mirror") or route.get("mirrors"):
            yield f"{told}: mirrors already; is that still wanted?"


def many_retries(case: Case) -> Iterator[str]:
    """ROL-035, W: retries hide the canary's errors from callers and multiply its load."""
    for told, route in case.routes():
        attempts = (route.get("retries") or {}).get("attempts") or 0
        if attempts > _DEFAULT_RETRIES:
            yield f"{told}: {attempts} retries hide errors; judge what the server counts, too"


def odd_weights(case: Case) -> Iterator[str]:
    """ROL-036, B: weights that do not mean what they seem to (facts/istio.md 4.3)."""
    for told, route in case.routes():
        entries = route.get("route") or []
        shares = [weight(e) for e in entries]
        if len(entries) == 1 and entries[0].get("weight") == 0:
            yield f"{told}: its one destination has weight 0 and gets everything all the same"
        elif len(entries) > 1 and sum(shares) == 0:
            yield f"{told}: all weights are 0; such a route is refused"


def which_port(case: Case) -> Iterator[str]:
    """ROL-036, B: a port of a gateway is meant that the service does not have (IST0112).

    Source: Istio, ``Destination.port``: without one, of several ports the caller's is meant.
    """
    for obj, told in _portless(case):
        missing = _gateway_ports(obj, case) - _ports(case)
        if missing:
            ports = ", ".join(map(str, sorted(missing)))
            yield f"{told}; a gateway's port {ports} is none of them"


def any_port(case: Case) -> Iterator[str]:
    """ROL-036, W: with several ports a destination should say which."""
    for obj, told in _portless(case):
        if not _gateway_ports(obj, case) - _ports(case):
            yield f"{told}; the one that is called is meant"


def _ports(case: Case) -> set[int]:
    ports = ((case.service or {}).get("spec") or {}).get("ports") or []
    return {int(port["port"]) for port in ports if "port" in port}


def _portless(case: Case) -> Iterator[tuple[Obj, str]]:
    """Routes of managed objects that leave it open to which of several ports they send."""
    count = len(_ports(case))
    for obj in case.managed if count > 1 else ():
        for place, route in listed(obj):
            entries = route.get("route") or ()
            mine = [e for e in entries if is_host(e, namespace(obj, case.target), case.target)]
            if any(not (e["destination"].get("port") or {}).get("number") for e in mine):
                told = f"the service has {count} ports and the destination names none"
                yield obj, f"{where(obj, case.target)} {place}: {told}"


def _gateway_ports(obj: Obj, case: Case) -> set[int]:
    """The ports of those of its gateways that are there."""
    names = [name.rpartition("/") for name in gateways(obj) if name != MESH]
    bound = {(space or namespace(obj, case.target), short) for space, _, short in names}
    here = (
        g
        for g in case.snapshot.gateways
        if (namespace(g, case.target), g["metadata"]["name"]) in bound
    )
    servers = (server for g in here for server in g["spec"].get("servers") or ())
    return {int(server["port"]["number"]) for server in servers}


def unmanageable(case: Case) -> Iterator[str]:
    """ROL-037, B: the route to be written is not there, not one's own, or cannot be divided."""
    for obj in case.snapshot.virtual_services:
        if obj in case.managed or (case.target.virtual_services and _is_meant(obj, case)):
            yield from problems.problems(obj, case.target)


def _is_meant(obj: Obj, case: Case) -> bool:
    return listing.reference(obj, case.target) is not None


def unwritable(case: Case) -> Iterator[str]:
    """ROL-037, B: a step whose cohort, cookie or host cannot be joined with what is written."""
    for route in case.ahead:
        if route.is_dressed:  # weights alone can be written on whatever can be managed
            yield from traffic.refused(case.managed, case.target, route, case.snapshot.beside)


def orphan(case: Case) -> Iterator[str]:
    """ROL-037, B: a delegate that nobody delegates to gets no request."""
    named_by = {
        _delegated(r, o, case) for o in case.snapshot.virtual_services for _, r in listed(o)
    }
    for obj in case.managed:
        me = (namespace(obj, case.target), obj["metadata"]["name"])
        if not spec(obj).get("hosts") and me not in named_by:
            yield f"{where(obj, case.target)}: has no hosts, and no virtualservice delegates to it"


def _delegated(route: Mapping[str, Any], obj: Obj, case: Case) -> tuple[str, str]:
    delegate = route.get("delegate") or {}
    return str(delegate.get("namespace") or namespace(obj, case.target)), str(delegate.get("name"))


def pinned(case: Case) -> Iterator[str]:
    """ROL-061, W: the author sends some requests to the canary subset whatever the step says."""
    for obj in case.managed:
        mine = {b.place for b in listing.bases(obj, case.target)}
        for place, route in listed(obj):
            entries = route.get("route") or []
            mark = len(entries) == 1 and subset(entries[0]) == case.target.canary
            if mark and place not in mine and not listing.is_made(route):
                told = f"always goes to subset {case.target.canary}, in no step and on no way back"
                yield f"{where(obj, case.target)} {place}: {told}"


def claimed(case: Case) -> Iterator[str]:
    """ROL-060, B: two rollouts for one service would write over each other."""
    mine = f"{case.target.namespace}/{case.target.rollout}"
    for key, host in sorted(case.snapshot.claims.items()):
        if host == case.target.host and key != mine:
            yield f"rollout {key}: has service {hosts.short(host)} already; one must go"


def reverted(case: Case) -> Iterator[str]:
    """ROL-050, B: Flux puts git's weights back at each of its rounds unless the object says no."""
    for kind, obj in _written(case):
        if owner.owner(obj) == "Flux" and not owner.is_left_alone(obj):
            told = "Flux puts git's version back; rollout plan prints the mark it needs"
            yield f"{named(obj, kind)}: {told}"


def perhaps_reverted(case: Case) -> Iterator[str]:
    """ROL-050, W: Argo CD's ignore rule is in its Application, which is not seen from here."""
    for kind, obj in _written(case):
        if owner.owner(obj) == "Argo CD":
            told = "Argo CD owns it; without an ignore rule it puts git's weights back"
            yield f"{named(obj, kind)}: {told} (rollout plan prints the rule)"


def _written(case: Case) -> Iterator[tuple[str, Obj]]:
    yield from (("virtualservice", o) for o in case.managed)
    yield from (("destinationrule", o) for o in case.here(case.rules))
