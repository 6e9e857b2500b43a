"""Routes to VirtualService JSON and back: what is managed, what differs, the patch, the way out.

Written are weights (and, where the author named one destination, subsets) of our two
destinations, routes named ``rollout-<name>-…`` and one annotation; every other byte stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.istio import memory
from rollout.istio import patch as jsonpatch
from rollout.istio.beside import NOBODY, Beside, others
from rollout.istio.memory import ObjectMemory
from rollout.istio.patch import Json, Op
from rollout.istio.routes import listing
from rollout.istio.routes.listing import Base, ManagedRoute, is_host, is_made, subset, weight, where
from rollout.istio.routes.wanted import WantedSpec, wanted
from rollout.model.traffic import Route, Target

Obj = Mapping[str, Any]


def managed(obj: Obj, target: Target) -> tuple[ManagedRoute, ...]:
    """The routes of ``obj`` that carry the service's traffic for this target, in order."""
    return tuple(b.place for b in listing.bases(obj, target) if not b.dropped)


def discover(objs: Iterable[Obj], target: Target) -> tuple[Obj, ...]:
    """Those VirtualServices that the target manages, or that still hold something of ours."""
    return tuple(o for o in objs if managed(o, target) or memory.read(o, target))


def splits(obj: Obj, target: Target) -> tuple[str, ...]:
    """The pair's weights as written now, ``stable/canary``, one per managed route."""
    found = (b for b in listing.bases(obj, target) if not b.dropped)
    return tuple(_split(b.value["route"], b, target) for b in found)


def serving(obj: Obj, target: Target) -> tuple[str, ...]:
    """Subsets that ordinary requests go to now, "" for a destination without; first seen first.

    Only routes that the target speaks of count, when reading as when writing.
    Ordinary: no header, query parameter or source label is asked for; if no route is ordinary,
    all count.
    """
    alive = [r for _, r in listing.meant(obj, target) if not is_made(r) and _live(r, obj, target)]
    ordinary = [r for r in alive if listing.is_ordinary(r)]
    names = (subset(e) or "" for r in ordinary or alive for e in _live(r, obj, target))
    return tuple(dict.fromkeys(names))


def _live(route: Json, obj: Obj, target: Target) -> list[Json]:
    """The service's destinations that get any requests of this route."""
    space = listing.namespace(obj, target)
    entries = route.get("route") or []
    alone = len(entries) == 1
    return [e for e in entries if is_host(e, space, target) and (alone or weight(e))]


def referenced(obj: Obj, target: Target) -> tuple[str, ...]:
    """Every subset of the service that any route or mirror names, whatever its weight."""
    space = listing.namespace(obj, target)
    entries = (e for _, route in listing.listed(obj) for e in _named(route))
    names = (subset(e) for e in entries if is_host(e, space, target))
    return tuple(dict.fromkeys(name for name in names if name))


def _named(route: Json) -> Iterator[Json]:
    yield from route.get("route") or ()
    yield from route.get("mirrors") or ()
    if route.get("mirror"):
        yield {"destination": route["mirror"]}


def patch(obj: Obj, target: Target, route: Route, epoch: int, beside: Beside = NOBODY) -> list[Op]:
    """The JSON Patch after which traffic is ``route``; empty when it is so already.

    ``beside``: what may share a gateway host with ``obj``, whose requests stay theirs.
    Errors: ``ConflictError`` when a newer epoch is written; ``RefusedError`` when a cohort
    cannot be joined with the match of a route, or not kept apart from what is beside.
    """
    should = should_be(obj, target, route, beside)
    if not _changes(obj, should):
        return []
    return _steps(obj, target, should, epoch, ObjectMemory(epoch, target.host, should.kept))


def release(obj: Obj, target: Target, epoch: int) -> list[Op]:
    """The JSON Patch after which nothing of ours is left, as ``ReleaseRoutes`` has it.

    Where what the author wrote would reach a revision that nobody asks for, all our share goes
    to the stable subset, and the annotation stays to remember the author's words.
    Errors: ``ConflictError`` when a newer epoch is written.
    """
    should = wanted(obj, target, None)
    known = memory.read(obj, target)
    if known is not None and known.base == should.kept != () and not _changes(obj, should):
        return []
    mine = ObjectMemory(epoch, target.host, should.kept) if should.kept else None
    return _steps(obj, target, should, epoch, mine)


def should_be(obj: Obj, target: Target, route: Route | None, beside: Beside) -> WantedSpec:
    """What ``obj`` should be beside all others. Errors: ``RefusedError`` as ``patch``."""
    if route is None or not route.is_dressed:
        return wanted(obj, target, route)
    return wanted(obj, target, route, others(obj, target, beside))


def _changes(obj: Obj, should: WantedSpec) -> bool:
    spec = listing.spec(obj)
    return bool(jsonpatch.steps(spec, {**spec, **should.lists}))


def _steps(
    obj: Obj, target: Target, should: WantedSpec, epoch: int, mine: ObjectMemory | None
) -> list[Op]:
    memory.fence(obj, target, epoch, where(obj, target))
    after = {**obj, "spec": {**listing.spec(obj), **should.lists}} if should.lists else obj
    return jsonpatch.steps(dict(obj), memory.written(after, target, mine))


def differences(
    obj: Obj, target: Target, route: Route | None, beside: Beside = NOBODY
) -> tuple[str, ...]:
    """One phrase per route that is not as ``route`` asks; None asks for the released form.

    Errors: ``RefusedError`` as ``patch``.
    """
    should = should_be(obj, target, route, beside)
    found = [*_base_differences(should, target), *_made_differences(obj, target, should)]
    if not found and route is None and not should.kept and memory.read(obj, target):
        found = [f"annotation {memory.key(target)} is left over"]
    return tuple(f"{where(obj, target)} {phrase}" for phrase in found)


def strays(obj: Obj, target: Target) -> tuple[str, ...]:
    """One phrase per ordinary route that sends all its requests to a subset that is neither side.

    To be told where nothing at all is managed: somebody has put back an old version's name.
    """
    space = listing.namespace(obj, target)
    found = []
    for place, route in listing.meant(obj, target):
        entries = route.get("route") or []
        if len(entries) == 1 and listing.is_ordinary(route) and is_host(entries[0], space, target):
            found.append(f"{place}: all to {_named_side(entries[0])}, wanted {target.stable}")
    return tuple(f"{where(obj, target)} {phrase}" for phrase in found)


def _base_differences(should: WantedSpec, target: Target) -> Iterator[str]:
    for base, rows in should.bases:
        now, then = base.value["route"], [row.value for row in rows]
        if now == then:
            continue
        here, there = _split(now, base, target), _split(then, base, target)
        if here == there:
            here, there = _sides(now), _sides(then)
        yield f"{base.place}: {here}, wanted {there}"


def _split(entries: list[Json], base: Base, target: Target) -> str:
    """The weights of our two destinations; a single one has 100."""
    if len(entries) == 1:
        return "100/0"
    ours = [e for e in entries if is_host(e, base.space, target)]
    canary = sum(weight(e) for e in ours if subset(e) == (target.canary or ""))
    stable = sum(weight(e) for e in ours if subset(e) in (None, target.stable))
    return f"{stable}/{canary}"


def _sides(entries: list[Json]) -> str:
    return " and ".join(_named_side(e) for e in entries)


def _named_side(entry: Json) -> str:
    name = subset(entry)
    return f"subset {name}" if name else "no subset"


def _made_differences(obj: Obj, target: Target, should: WantedSpec) -> Iterator[str]:
    """What is wrong with the made routes, each once."""
    http = listing.spec(obj).get("http") or []
    here = [r for r in http if is_made(r, target.rollout)]
    names = [r["name"] for r in here]
    rows = list(should.made(target.rollout))
    for row in rows:
        name = row.value["name"]
        if name not in names:
            yield f"route {name} is missing"
        elif row.value != here[names.index(name)]:
            yield f"route {name} is not as asked"
        elif row.origin is None:
            yield f"route {name} stands in the wrong place"
    wanted_names = {row.value["name"] for row in rows}
    for name in dict.fromkeys(names):
        if name not in wanted_names or names.count(name) > 1:
            yield f"route {name} is left over"
