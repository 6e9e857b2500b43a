"""Rules about VirtualServices: what reaches them, what hides them, what their matches mean."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rollout.istio import hosts, refusals, virtualservice
from rollout.istio.routes import listing, problems
from rollout.istio.routes.listing import listed, namespace, spec, subset, weight, where
from rollout.istio.routes.reach import MESH, gateways
from rollout.model.traffic import is_claim
from rollout.preflight import ports
from rollout.preflight.snapshot import Case, Obj, named

_DEFAULT_RETRIES = 2


def no_mesh(case: Case) -> Iterator[str]:
    """ROL-020, W: callers inside the mesh go past a VirtualService for gateways only."""
    if case.managed and not any(MESH in bound for _, bound in case.bindings()):
        names = ", ".join(where(o, case.target) for o in case.managed)
        yield f"{names}: gateways leave out mesh, so callers inside the mesh are not split"


def past_us(case: Case) -> Iterator[str]:
    """ROL-021, W: another VirtualService sends to the service and is not managed (IST0140)."""
    anyone = replace(case.target, virtual_services=())
    for obj in case.snapshot.virtual_services:
        if obj not in case.managed and virtualservice.serving(obj, anyone):
            told = f"sends requests to {hosts.short(case.target.host)} and is not managed"
            yield f"{where(obj, case.target)}: {told}; they are not split"


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
    for obj in case.managed:
        for root, name in case.bound(obj):
            gateway = case.gateway(name, root) if name != MESH else None
            if gateway is not None and spec(root).get("hosts"):
                yield from _not_served(root, gateway, case)
            elif name != MESH and gateway is None:
                yield f"{where(root, case.target)}: gateway {name} is not there"


def _not_served(obj: Obj, gateway: Obj, case: Case) -> Iterator[str]:
    if not list(ports.servers(gateway, obj, case)):
        told = f"has none of its hosts ({', '.join(spec(obj)['hosts'])})"
        yield f"{where(obj, case.target)}: {named(gateway, 'gateway')} {told}"


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
    headers = any(not is_claim(name) for c in case.cohorts for name in c.headers)
    marked = headers or any(c.cookies for c in case.cohorts)
    if marked and any(MESH in bound for _, bound in case.bindings()):
        told = "callers inside the mesh must pass the cohort's headers on"
        yield f"service {hosts.short(case.target.host)}: {told}"


def leftover_fault(case: Case) -> Iterator[str]:
    """ROL-034, B: an injected fault is an outage to everybody on that route."""
    for told, route in case.routes():
        if any(_share(fault) for fault in (route.get("fault") or {}).values() if fault):
            yield f"{told}: injects a fault; take it out first"


def _share(fault: Mapping[str, Any]) -> float:
    """Percent of the requests that get the fault; where nothing is said, none do.

    Source: Istio API, VirtualService, ``HTTPFaultInjection``; ``percent`` is the former spelling.
    """
    share = fault.get("percentage")
    return float((fault.get("percent") if share is None else share.get("value")) or 0)


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
    """ROL-036, B: weights do not always mean what they seem to (Istio API, ``weight``)."""
    for told, route in case.routes():
        entries = route.get("route") or []
        shares = [weight(e) for e in entries]
        if len(entries) == 1 and entries[0].get("weight") == 0:
            yield f"{told}: its one destination has weight 0 and gets everything all the same"
        elif len(entries) > 1 and sum(shares) == 0:
            yield f"{told}: all weights are 0; such a route is refused"


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
            yield from refusals.refused(case.managed, case.target, route, case.snapshot.beside)


def orphan(case: Case) -> Iterator[str]:
    """ROL-037, B: a delegate that nobody delegates to gets no request."""
    for obj in case.managed:
        if spec(obj).get("hosts") or list(case.bound(obj)):
            continue
        roots = [o for o in case.snapshot.virtual_services if case.handing(o, obj)]
        told = "has no hosts, and no virtualservice delegates to it"
        if roots:
            told = f"exportTo hides it from {where(roots[0], case.target)}, which delegates to it"
        yield f"{where(obj, case.target)}: {told}"


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
