"""Which requests a route can get at all: what earlier routes take, what a root lets through.

Judged as far as it is certain: a route is called dead only where no request can come to it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollout.errors import RefusedError, visible
from rollout.istio.patch import Json
from rollout.istio.routes import delegated, listing, matches
from rollout.istio.routes.apart import full_gateway, in_full
from rollout.istio.routes.listing import ManagedRoute
from rollout.model.traffic import Cohort, Target, is_claim

Obj = Mapping[str, Any]
MESH = "mesh"

_NAMES = ("name", "statPrefix")
_TEXTS = ("uri", "scheme", "method", "authority")
_MAPS = ("headers", "queryParams")
_ANY_PATH = ({"prefix": "/"}, {"regex": ".*"}, {"regex": ".+"}, {"regex": "/.*"})


def gateways(obj: Obj) -> list[str]:
    """The gateways of a VirtualService; none written means the mesh.

    Source: Istio API, VirtualService, ``gateways``.
    """
    return listing.spec(obj).get("gateways") or [MESH]


@dataclass(frozen=True, slots=True)
class NoWay:
    """Why no request comes to a route: what takes them, or lets none through.

    ``hidden``: it is not told by the route's own match.
    """

    because: str
    hidden: bool = True


def entries(route: Mapping[str, Any]) -> list[Json]:
    """The match entries of a route; one without any matches every request."""
    return [dict(e) if isinstance(e, Mapping) else {} for e in route.get("match") or [{}]]


def shut(
    obj: Obj, place: ManagedRoute, wanted: Sequence[Json], others: Iterable[Obj], target: Target
) -> NoWay | None:
    """Why no request that one of ``wanted`` matches comes to ``place``; None: some can.

    ``wanted``: match entries as they are, or would be, written there.
    ``others``: the VirtualServices among which the delegating roots of ``obj`` are.
    """
    before, bound = list(_before(obj, place, target)), _bound(obj, target)
    hands = [] if listing.spec(obj).get("hosts") else list(_handed(obj, others, target))
    found = None
    asked = [_in_full(each, obj, target) for each in wanted]
    for entry in asked:
        reason = None if hands else _elsewhere(entry, bound)
        if reason is None and (taken := _taken(entry, before, bound)):
            reason = NoWay(f"{taken} before it takes {_takes(before, taken)}")
        if reason is None and hands:
            reason = _through_any(entry, asked, hands, target)
        if reason is None:
            return None
        found = found or reason
    return found


def _bound(obj: Obj, target: Target) -> list[str]:
    space = listing.namespace(obj, target)
    return [full_gateway(name, space) for name in gateways(obj)]


def _in_full(entry: Json, obj: Obj, target: Target) -> Json:
    return in_full(entry, listing.namespace(obj, target))


def _elsewhere(entry: Json, bound: Sequence[str]) -> NoWay | None:
    """A match holds at those of its gateways alone that the whole object is bound to."""
    named = entry.get("gateways")
    if not named or {*named} & {*bound}:
        return None
    listed = ", ".join(map(visible, named))
    return NoWay(f"its match is for {listed}, which its virtualservice is not bound to", False)


def unmet(
    obj: Obj, place: ManagedRoute, cohort: Cohort, others: Iterable[Obj], target: Target
) -> NoWay | None:
    """Why nobody can be of ``cohort`` at this route; None: somebody can, or it cannot be told."""
    route = listing.spec(obj)[place.kind][place.index]
    try:
        joined = matches.both(route.get("match"), [matches.of_cohort(cohort)])
    except RefusedError:
        return None  # it is refused with a reason of its own
    if not joined:
        return NoWay("its own match contradicts it", hidden=False)
    return shut(obj, place, joined, others, target)


def _before(obj: Obj, place: ManagedRoute, target: Target) -> Iterator[tuple[ManagedRoute, Json]]:
    """The entries of what its author wrote before ``place``, in order."""
    for earlier, route in listing.listed(obj):
        ahead = earlier.kind == place.kind and earlier.index < place.index
        if ahead and not listing.is_made(route):
            yield from ((earlier, _in_full(entry, obj, target)) for entry in entries(route))


def _taken(
    entry: Json, before: Sequence[tuple[ManagedRoute, Json]], bound: Sequence[str]
) -> ManagedRoute | None:
    """The route that takes every request of ``entry``, at whichever gateway; None: none does."""
    found = None
    for gateway in [g for g in entry.get("gateways") or () if g in bound] or bound:
        here = (place for place, one in before if _covers(one, entry, gateway, bound))
        found = next(here, None)
        if found is None:
            return None
    return found


def _takes(before: Sequence[tuple[ManagedRoute, Json]], place: ManagedRoute) -> str:
    every = any(p == place and not _narrowed(e) for p, e in before)
    return "everything" if every else "all its requests"


def _narrowed(entry: Json) -> bool:
    uri = entry.get("uri")
    return bool(set(entry) - {"uri", *_NAMES}) or (uri is not None and uri not in _ANY_PATH)


def _covers(one: Json, two: Json, gateway: str, bound: Sequence[str]) -> bool:
    """Whether ``one`` matches every request at ``gateway`` that ``two`` matches."""
    if gateway not in (one.get("gateways") or bound):
        return False
    for key, value in one.items():
        if key in (*_NAMES, "gateways", "ignoreUriCase") or not value:
            continue
        if not _holds(key, value, one, two):
            return False
    return True


def _holds(key: str, value: Any, one: Json, two: Json) -> bool:
    """Whether ``two`` has what ``one`` asks for by this key."""
    if key in _TEXTS:
        return _text_holds(key, value, one, two)
    if key in _MAPS:
        mine = {_name(key, name): match for name, match in (two.get(key) or {}).items()}
        asked = ((_name(key, name), match) for name, match in value.items())
        return all(name in mine and _implies(mine[name], match) for name, match in asked)
    if key == "sourceLabels":
        return bool(value.items() <= (two.get(key) or {}).items())
    if key == "sniHosts":
        return bool(two.get(key)) and all(_named(sni, value) for sni in two[key])
    return bool(two.get(key) == value)


def _name(key: str, name: str) -> str:
    """Envoy compares header names without regard to case; claims and parameters with it."""
    return name.lower() if key == "headers" and not is_claim(name) else name


def _named(sni: str, patterns: Sequence[str]) -> bool:
    return any(p == sni or (p.startswith("*") and sni.endswith(p[1:])) for p in patterns)


def _text_holds(key: str, value: Json, one: Json, two: Json) -> bool:
    if (key == "uri" and value in _ANY_PATH) or value.get("regex") == ".*":
        return True
    fold = key == "uri" and bool(one.get("ignoreUriCase"))
    loose = key == "uri" and bool(two.get("ignoreUriCase")) and not fold
    return key in two and not loose and _implies(two[key] or {}, value, fold=fold)


def _implies(two: Json | None, one: Json | None, *, fold: bool = False) -> bool:
    """Whether each text that ``two`` matches is one that ``one`` matches; False: not certain."""
    two, one = two or {}, one or {}
    if not one or one == two or one.get("regex") == ".*":
        return True
    plainer = two if fold else (matches.plainer(two) or two)
    try:
        if "exact" in plainer:
            return matches.meets(plainer["exact"], one, fold=fold)
    except RefusedError:
        return False
    wider = matches.plainer(one) or one
    head = str(plainer.get("prefix") or ("" if fold else matches.begins(plainer)))
    mine = str(wider.get("prefix") or "")
    return bool(mine) and (head.lower().startswith(mine.lower()) if fold else head.startswith(mine))


_Hand = tuple[Obj, ManagedRoute, list[Json]]


def _handed(obj: Obj, others: Iterable[Obj], target: Target) -> Iterator[_Hand]:
    """The routes by which roots hand requests over to ``obj``, and what these match."""
    me = listing.namespace(obj, target), obj["metadata"]["name"]
    shown = listing.exported(obj, me[0])
    for root in others:
        if not shown & {"*", listing.namespace(root, target)}:
            continue
        for place, route in listing.listed(root):
            if place.kind == "http" and delegate_of(route, root, target) == me:
                yield root, place, [_in_full(entry, root, target) for entry in entries(route)]


def delegate_of(route: Mapping[str, Any], obj: Obj, target: Target) -> tuple[str, str] | None:
    """Namespace and name of the VirtualService that ``route`` of ``obj`` delegates to."""
    delegate = route.get("delegate")
    if not delegate:
        return None
    space = delegate.get("namespace") or listing.namespace(obj, target)
    return str(space), str(delegate.get("name"))


def _through_any(
    entry: Json, wanted: Sequence[Json], hands: Sequence[_Hand], target: Target
) -> NoWay | None:
    """Why no root hands a request of ``entry`` over, one of ``wanted``; None: one does."""
    found = None
    for root, place, handed in hands:
        where, rows = f"{listing.where(root, target)} {place}", delegated.joined(handed, [entry])
        if not rows:
            reason = NoWay(f"{where} delegates no such request")
        elif not delegated.joined(handed, wanted):
            told = "does not delegate all that its match asks for, so Istio drops the whole route"
            reason = NoWay(f"{where} {told}")
        else:
            before, bound = list(_before(root, place, target)), _bound(root, target)
            taken = [_taken(row, before, bound) for row in rows]
            if not all(taken):
                return None
            reason = NoWay(f"{where} delegates them, but {taken[0]} before it takes them")
        found = found or reason
    return found
