"""Why a VirtualService cannot be managed, in words; nothing is refused for looks."""

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from rollout.errors import RefusedError
from rollout.istio import hosts, memory
from rollout.istio.routes import listing
from rollout.istio.routes.apart import NOBODY, Others
from rollout.istio.routes.listing import Base, is_host, weight, where
from rollout.istio.routes.wanted import wanted
from rollout.model.traffic import Route, Target

Obj = Mapping[str, Any]


def problems(obj: Obj, target: Target) -> tuple[str, ...]:
    """One phrase per reason, each with the object in front; empty when it can be managed."""
    found = [*_absent(obj, target), *_delegate(obj), *_claims(obj, target)]
    for base in listing.bases(obj, target):
        found += [f"{base.place}: {phrase}" for phrase in _shares(base)]
    return tuple(f"{where(obj, target)}: {phrase}" for phrase in found)


def unwritable(obj: Obj, target: Target, route: Route, others: Others = NOBODY) -> tuple[str, ...]:
    """Why that very route cannot be written on ``obj``, though others can; empty when it can.

    ``others``: what other objects take at its gateways.
    """
    found = [*_crowded(obj, target)] if route.is_dressed else []
    try:
        wanted(obj, target, route, others)
    except RefusedError as refused:
        found.append(str(refused))
    return tuple(f"{where(obj, target)}: {phrase}" for phrase in found)


def _absent(obj: Obj, target: Target) -> Iterator[str]:
    """A VirtualService named in the spec must have what it is named for."""
    ref = listing.reference(obj, target)
    if ref is None or not target.virtual_services:
        return
    routes = list(listing.listed(obj))
    for name in ref.routes:
        found = [r for place, r in routes if (place.kind, place.name) == ("http", name)]
        if not any(_reaches(r, obj, target) for r in found):
            what = (
                f"http route {name!r} sends nothing to" if found else f"no http route {name!r} to"
            )
            yield f"{what} {target.host}; a route with this service as destination is wanted"
    if not ref.routes and not any(_reaches(r, obj, target) for _, r in routes):
        yield f"no route to {target.host}; {_hint(obj)}"


def _reaches(route: Mapping[str, Any], obj: Obj, target: Target) -> bool:
    space = listing.namespace(obj, target)
    return any(is_host(entry, space, target) for entry in route.get("route") or ())


def _hint(obj: Obj) -> str:
    delegates = [r["delegate"] for _, r in listing.listed(obj) if r.get("delegate")]
    if not delegates:
        return "a route with this service as destination is wanted"
    names = ", ".join(sorted({str(d.get("name")) for d in delegates}))
    return f"its routes are in the delegate {names}, name that one"


def _delegate(obj: Obj) -> Iterator[str]:
    """Source: Istio API, VirtualService, ``Delegate``: http routes only, and one level."""
    spec = listing.spec(obj)
    if spec.get("hosts"):
        return
    for key in ("gateways", "tls", "tcp"):
        if spec.get(key):
            yield f"has no hosts, so it is a delegate, but has {key}; http only is wanted"
    if any(r.get("delegate") for _, r in listing.listed(obj)):
        yield "is a delegate that delegates again; one level is wanted"


def _claims(obj: Obj, target: Target) -> Iterator[str]:
    """One rollout for a service in one object; names of made routes must tell rollouts apart."""
    for name, other in memory.others(obj, target).items():
        if other.host == target.host and listing.bases(obj, target):
            yield f"rollout {name} holds its routes to {hosts.short(target.host)}; one is wanted"
        elif name.rpartition(".")[0] == target.rollout:
            yield f"rollout {name} has the same name and writes here, too; another name is wanted"


def _shares(base: Base) -> Iterator[str]:
    """What cannot be divided; of a route that we hold already, only foreign shares count.

    Without foreign ones any sum will do: shares of it are meant (Istio API, ``weight``).
    """
    entries = base.value["route"]
    weights = [weight(entry) for entry in entries]
    if min(weights) < 0:
        yield f"weight {min(weights)}; whole numbers from 0 to 100 are wanted"
    elif base.foreign >= 100:
        yield f"foreign destinations take {base.foreign} of 100; a share for this service is wanted"
    elif base.foreign == 99:
        yield "foreign destinations take 99 of 100; at least 2 are wanted, one for each side"
    elif len(entries) > 1 and listing.is_odd(base.foreign, sum(weights)) and base.kept is None:
        listed = " and ".join(str(w) for w in weights)
        yield f"weights {listed} sum to {sum(weights)}; 100 is wanted"
    subsets = [listing.subset(e.value) for e in base.entries if e.ours]
    if len(subsets) != len(set(subsets)):
        yield "names this service twice with the same subset; once is wanted"


def _crowded(obj: Obj, target: Target) -> Iterator[str]:
    """Of two services that share a route only one may have routes before it: they hide others."""
    http = listing.spec(obj).get("http") or []
    for base in listing.bases(obj, target):
        before = http[: base.place.index] if base.place.kind == "http" else []
        block = takewhile(bool, (listing.made_by(route) for route in reversed(before)))
        for maker in sorted({*block} - {target.rollout}):
            told = f"routes of rollout {maker} stand before it"
            yield f"{base.place}: {told}; one at a time is wanted"
