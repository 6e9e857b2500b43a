"""How the routes of a service divide its requests now, whoever wrote them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rollout.istio.routes import listing
from rollout.istio.routes.listing import is_host, weight, where
from rollout.model.observation import Division
from rollout.model.traffic import Target

Obj = Mapping[str, Any]


def divisions(objs: Iterable[Obj], target: Target) -> tuple[Division, ...]:
    """One for each route that the target speaks of and that sends the service any request.

    Routes that a rollout made do not count: they are copies of others.
    """
    return tuple(found for obj in objs for found in _of(obj, target))


def _of(obj: Obj, target: Target) -> Iterator[Division]:
    space = listing.namespace(obj, target)
    for place, route in listing.meant(obj, target):
        if listing.is_made(route):
            continue
        entries = route.get("route") or []
        weights: dict[str, int] = {}
        for entry in entries:
            if is_host(entry, space, target) and (len(entries) == 1 or weight(entry) > 0):
                name = listing.subset(entry) or ""
                weights[name] = weights.get(name, 0) + (weight(entry) or 100)
        if weights:
            total = sum(weights.values())
            shares = {name: round(100 * each / total) for name, each in weights.items()}
            ordinary = listing.is_ordinary(route)
            yield Division(f"{where(obj, target)} {place}", shares, ordinary)
