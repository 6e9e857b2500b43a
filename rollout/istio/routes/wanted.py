"""A VirtualService as it should be under a route, told by where each of its parts came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.istio import patch as jsonpatch
from rollout.istio.memory import Kept
from rollout.istio.patch import Json, ListElement, Rows
from rollout.istio.routes import listing, made, shares
from rollout.istio.routes.apart import NOBODY, Others
from rollout.istio.routes.listing import Base
from rollout.memo import remembered
from rollout.model.traffic import Route, Target

Obj = Mapping[str, Any]

_IDENTITY = ("name", "match", "route")


@dataclass(frozen=True, slots=True)
class WantedSpec:
    """What the object's ``spec`` should be.

    ``bases``: the routes that we write, with their destinations as they should be.
    ``lists``: by kind, the whole list of routes.
    ``kept``: what must be remembered of the author once this is written; may be empty.
    """

    bases: tuple[tuple[Base, tuple[ListElement, ...]], ...]
    lists: Mapping[str, Rows]
    kept: tuple[Kept, ...]

    def made(self, rollout: str) -> Iterator[ListElement]:
        """The routes that ``rollout`` makes, in order."""
        rows = self.lists["http"].rows if "http" in self.lists else ()
        return (row for row in rows if listing.is_made(row.value, rollout))


def wanted(obj: Obj, target: Target, route: Route | None, others: Others = NOBODY) -> WantedSpec:
    """What ``obj`` should be; ``route`` None asks for the released form.

    ``others``: what other objects take at its gateways.
    Errors: ``RefusedError`` when a cohort cannot be joined with the match of a route, or not
    without requests that are somebody else's.
    """
    if route is None or not route.is_dressed:
        return _divided_only(obj, target, route)
    return _wanted(obj, target, route, others)


@remembered
def _divided_only(obj: Obj, target: Target, route: Route | None) -> WantedSpec:
    """Nothing is made beside its routes, so nobody else's requests are meant."""
    return _wanted(obj, target, route, NOBODY)


def _wanted(obj: Obj, target: Target, route: Route | None, others: Others) -> WantedSpec:
    bases = [(b, tuple(_divided(b, target, route))) for b in listing.bases(obj, target)]
    lists = {
        kind: Rows(tuple(_rows(kind, obj, target, route, bases, others)), _IDENTITY)
        for kind in listing.KINDS
        if listing.spec(obj).get(kind)
    }
    return WantedSpec(tuple(bases), lists, tuple(_kept(bases, route)))


def _kept(bases: list[tuple[Base, tuple[ListElement, ...]]], route: Route | None) -> Iterator[Kept]:
    """While we hold a route all is remembered; released, only what is not as its author wrote."""
    for base, rows in bases:
        held = route is not None and not base.dropped
        if held or not shares.is_as_written(base, rows):
            yield shares.kept(base, rows)


def _divided(base: Base, target: Target, route: Route | None) -> list[ListElement]:
    if route is None or base.dropped:
        return shares.released(base, target)
    return shares.divided(base, target, route.split)


def _rows(
    kind: str,
    obj: Obj,
    target: Target,
    route: Route | None,
    bases: list[tuple[Base, tuple[ListElement, ...]]],
    others: Others,
) -> Iterator[ListElement]:
    """One list of routes, each base route with its made routes directly before it."""
    old = listing.spec(obj)[kind]
    ours = {i: r["name"] for i, r in enumerate(old) if listing.is_made(r, target.rollout)}
    places = {name: i for i, name in reversed(ours.items())}
    mine = {b.place.index: (b, rows) for b, rows in bases if b.place.kind == kind}
    count, last = 0, -1
    for index, value in enumerate(old):
        if index in ours:
            continue
        if index in mine:
            base, rows = mine[index]
            value = value | {"route": Rows(rows, ("destination",))}  # noqa: PLW2901
            if kind == "http" and route is not None and not base.dropped:
                for fresh in made.routes(jsonpatch.plain(value), count, target, route, others):
                    row = _placed(fresh, places.get(fresh["name"]), last, index)
                    last = last if row.origin is None else row.origin
                    yield row
                count += 1
        yield ListElement(index, value)
        last = index


def _placed(fresh: Json, origin: int | None, after: int, before: int) -> ListElement:
    """A made route: kept where it stands if it stands right, else made anew."""
    return ListElement(origin if origin is not None and after < origin < before else None, fresh)
