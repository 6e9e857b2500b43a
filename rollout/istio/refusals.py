"""Why a route that is wanted cannot be written on objects that can be managed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rollout.istio import beside as neighbours
from rollout.istio import hosts, virtualservice
from rollout.istio.beside import NOBODY, Beside
from rollout.istio.routes import listing, problems
from rollout.model.traffic import Route, Target

Obj = Mapping[str, Any]


def refused(
    virtual_services: Iterable[Obj], target: Target, route: Route, beside: Beside = NOBODY
) -> tuple[str, ...]:
    """Why that very route cannot be written on objects that can be managed; empty when it can."""
    ours = virtualservice.discover(virtual_services, target)
    taken = [neighbours.others(o, target, beside) for o in ours]
    pairs = zip(ours, taken, strict=True)
    found = [p for o, theirs in pairs for p in problems.unwritable(o, target, route, theirs)]
    found += _weights_alone(ours, target, route)
    listed = [listing.spec(o).get("hosts") or ["*"] for o in ours]  # a delegate's are its root's
    if route.preview_host is not None and ours:
        patterns = [pattern for some in listed for pattern in some]
        if not any(hosts.covers(p, route.preview_host) for p in patterns):
            what = f"no virtualservice lists the preview host {route.preview_host}"
            found.append(
                f"service {hosts.short(target.host)}: {what}; among its hosts it is wanted"
            )
    return tuple(found)


def _weights_alone(ours: Sequence[Obj], target: Target, route: Route) -> Iterator[str]:
    """Source: Istio API, VirtualService, ``TLSRoute``, ``TCPRoute``: destinations and weights."""
    kinds = {place.kind for o in ours for place in virtualservice.managed(o, target)}
    asked = {
        "cohorts": route.cohorts,
        "mirrors": route.mirror,
        "stickiness": route.sticky,
        "preview host": route.preview_host,
    }
    features = " or ".join(name for name, value in asked.items() if value)
    if kinds and "http" not in kinds and features:
        what = f"all its routes are {' and '.join(sorted(kinds))}, which have no {features}"
        yield f"service {hosts.short(target.host)}: {what}; steps by weight alone are wanted"
