"""Which routes of a VirtualService carry the service's traffic, and what their author wrote there.

A destination is the pair of host and subset. Ours are those of the service without a subset, or
with one of the two that the target names; all others are foreign and keep their share.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from rollout.errors import visible
from rollout.istio import hosts, memory
from rollout.istio.memory import Kept
from rollout.istio.patch import Json
from rollout.memo import remembered
from rollout.model.traffic import Target, VirtualServiceRef

KINDS = ("http", "tls", "tcp")
_MADE = re.compile(r"rollout-(.+)-(preview|cohort|sticky|home|moving|split)-[0-9]+(-[0-9]+)?")
_ELSEWHERE = ("redirect", "directResponse", "delegate")
_MARKS = ("headers", "withoutHeaders", "queryParams", "sourceLabels")


@dataclass(frozen=True, slots=True)
class ManagedRoute:
    """One route that carries the service's traffic; ``index`` is its place in the list now."""

    kind: str
    index: int
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}[{self.index}]" + (f" {visible(self.name)}" if self.name else "")


@dataclass(frozen=True, slots=True)
class Destination:
    """One destination as its author wrote it; ``origin`` is its index in the list as read."""

    origin: int
    value: Json
    ours: bool


@dataclass(frozen=True, slots=True)
class Base:
    """A managed route: where it is, as it was read, and the destinations of its author.

    ``at``: what tells it from the other routes of its kind, wherever it stands.
    ``space``: the object's namespace, in which short hosts are read.
    ``spare``: destinations that we added, subset to index as read.
    ``dropped``: we wrote here, but the target does not name this route any more.
    """

    place: ManagedRoute
    at: str
    space: str
    value: Json
    entries: tuple[Destination, ...]
    spare: Mapping[str, int] = field(default_factory=dict)
    kept: Kept | None = None
    dropped: bool = False

    @property
    def foreign(self) -> int:
        """The share that foreign destinations take; what they leave is ours to divide."""
        return sum(weight(e.value) for e in self.entries if not e.ours)


@remembered
def bases(obj: Mapping[str, Any], target: Target) -> tuple[Base, ...]:
    """The routes that are managed, or still hold what we wrote; in order: http, tls, tcp.

    ``obj`` is read once: whoever changes an object makes another.
    """
    ref = reference(obj, target)
    found = [_base(obj, target, ref, *known) for known in _remembered(obj, target)]
    return tuple(b for b in found if _carries(b, target) and (b.kept or not b.dropped))


def reference(obj: Mapping[str, Any], target: Target) -> VirtualServiceRef | None:
    """How the target refers to this VirtualService; None when it names others only."""
    name = obj["metadata"]["name"]
    space = namespace(obj, target)
    if not target.virtual_services:
        return VirtualServiceRef(name, space)
    mine = (r for r in target.virtual_services if r.name == name)
    return next((r for r in mine if (r.namespace or target.namespace) == space), None)


def namespace(obj: Mapping[str, Any], target: Target) -> str:
    """The object's namespace; in files it is often left out, and means the rollout's."""
    return str(obj["metadata"].get("namespace") or target.namespace)


def where(obj: Mapping[str, Any], target: Target) -> str:
    """The object as it is named in every phrase: ``virtualservice shop/shop``."""
    return f"virtualservice {namespace(obj, target)}/{obj['metadata']['name']}"


def spec(obj: Mapping[str, Any]) -> Json:
    """The object's spec, which may be missing."""
    found: Json = obj.get("spec") or {}
    return found


def exported(obj: Mapping[str, Any], space: str) -> set[str]:
    """The namespaces whose callers see ``obj`` of namespace ``space``; ``*``: all of them."""
    names = spec(obj).get("exportTo") or ["*"]
    return {space if name == "." else str(name) for name in names} - {"~"}


def is_made(route: Mapping[str, Any], rollout: str = "") -> bool:
    """Whether a rollout made this route; with ``rollout``, whether that one did."""
    maker = made_by(route)
    return maker != "" and rollout in ("", maker)


def made_by(route: Mapping[str, Any]) -> str:
    """The rollout that made this route; empty when none did."""
    match = _MADE.fullmatch(str(route.get("name", "")))
    return match[1] if match else ""


def is_ordinary(route: Mapping[str, Any]) -> bool:
    """Whether requests without any special mark can take this route."""
    matches = route.get("match") or [{}]
    return any(not any(match.get(mark) for mark in _MARKS) for match in matches)


def listed(obj: Mapping[str, Any]) -> Iterator[tuple[ManagedRoute, Json]]:
    """Every route of the object with its place, whoever it belongs to."""
    for kind in KINDS:
        for index, route in enumerate(spec(obj).get(kind) or ()):
            yield ManagedRoute(kind, index, route.get("name", "")), route


def meant(obj: Mapping[str, Any], target: Target) -> Iterator[tuple[ManagedRoute, Json]]:
    """The routes of the object that the target speaks of: those it names, or all."""
    ref = reference(obj, target)
    return (one for one in listed(obj) if _chosen(one[0], ref))


def subset(entry: Mapping[str, Any]) -> str | None:
    """The subset a destination names; None when it names none (an empty one is none)."""
    return (entry.get("destination") or {}).get("subset") or None


def weight(entry: Mapping[str, Any]) -> int:
    """A destination's weight; a missing one is 0 beside others (Istio API, ``weight``)."""
    return int(entry.get("weight") or 0)


def is_host(entry: Mapping[str, Any], space: str, target: Target) -> bool:
    """Whether the destination is the target's service, whatever the subset."""
    return hosts.means(str((entry.get("destination") or {}).get("host")), space, target.host)


def _chosen(place: ManagedRoute, ref: VirtualServiceRef | None) -> bool:
    if ref is None or not ref.routes:
        return ref is not None
    return place.kind == "http" and place.name in ref.routes


def _carries(base: Base, target: Target) -> bool:
    """A route that its author pins to the canary alone stays the author's."""
    pinned = (target.canary or None,)
    return any(e.ours and (base.kept or subset(e.value) not in pinned) for e in base.entries)


def _remembered(
    obj: Mapping[str, Any], target: Target
) -> list[tuple[ManagedRoute, Json, str, Kept | None]]:
    """Every route not made by a rollout, with its identity and what we remember of it.

    What is remembered belongs to the route of the same identity; what is left over belongs to
    the routes whose match somebody has edited meanwhile, in order.
    """
    known = memory.read(obj, target)
    kept = {k.at: k for k in known.base} if known else {}
    named = list(_identified(obj))
    orphans = [k for at, k in kept.items() if at not in {at for _, _, at in named}]
    found = []
    for place, route, at in named:
        record = kept.get(at)
        if record is None and orphans and _fits(orphans[0], place, route):
            record = orphans.pop(0)
        found.append((place, route, at, record))
    return found


def _fits(kept: Kept, place: ManagedRoute, route: Json) -> bool:
    names = {subset(e) for e in route.get("route") or ()}
    return kept.at.startswith(f"{place.kind}:") and {*kept.now, *kept.made} <= names


def _identified(obj: Mapping[str, Any]) -> Iterator[tuple[ManagedRoute, Json, str]]:
    seen: Counter[str] = Counter()
    for place, route in listed(obj):
        if is_made(route) or any(key in route for key in _ELSEWHERE):
            continue
        at = f"{place.kind}:{place.name or _digest(route.get('match'))}"
        seen[at] += 1
        yield place, route, at if seen[at] == 1 else f"{at}#{seen[at]}"


def _digest(match: object) -> str:
    text = json.dumps(match, sort_keys=True)
    return "~" + hashlib.sha256(text.encode()).hexdigest()[:8]


def _base(
    obj: Mapping[str, Any], target: Target, ref: VirtualServiceRef | None, *known: Any
) -> Base:
    place, route, at, kept = known
    space = namespace(obj, target)
    entries, spare = _restored(route.get("route") or (), kept, space, target)
    return Base(place, at, space, route, tuple(entries), spare, kept, not _chosen(place, ref))


def _restored(
    written: Sequence[Json], kept: Kept | None, space: str, target: Target
) -> tuple[list[Destination], dict[str, int]]:
    """The destinations as their author wrote them, and those that we added.

    Where one of the remembered is gone, its author has written them anew: the others keep the
    weights that they have now.
    """
    todo = list(zip(kept.was, kept.now, strict=True)) if kept else []
    names = {subset(entry) for entry in written if is_host(entry, space, target)}
    whole = all(now in names or was[0] in names for was, now in todo)
    entries: list[Destination] = []
    spare: dict[str, int] = {}
    for origin, entry in enumerate(written):
        name = subset(entry)
        if not is_host(entry, space, target):
            entries.append(Destination(origin, entry, ours=False))
        elif mine := next((t for t in todo if name in (t[1], t[0][0])), None):
            todo.remove(mine)
            (before, share), _ = mine
            share = share if whole else entry.get("weight")
            entries.append(Destination(origin, as_written(entry, before, share), ours=True))
        elif kept and name in kept.made:
            spare[str(name)] = origin
        else:
            ours = name in (None, target.stable or None, target.canary or None)
            entries.append(Destination(origin, entry, ours))
    return (_filled(entries) if kept else entries), spare


def _filled(entries: list[Destination]) -> list[Destination]:
    """``entries``; ours together with what others leave, where these came beside them since.

    A destination that was alone had no weight, and would get no request beside another.
    """
    mine = [max(0, weight(e.value)) for e in entries if e.ours]
    theirs = sum(weight(e.value) for e in entries if not e.ours)
    if len(entries) < 2 or not is_odd(theirs, theirs + sum(mine)):
        return entries
    share, parts = max(0, 100 - theirs), mine if any(mine) else [1, *mine[1:]]
    ends = [share * sum(parts[:at]) // sum(parts) for at in range(len(parts) + 1)]
    weights = (after - before for before, after in pairwise(ends))
    return [
        replace(e, value={**e.value, "weight": next(weights)}) if e.ours else e for e in entries
    ]


def is_odd(foreign: int, total: int) -> bool:
    """Whether weights do not say what ours have; any sum does where nobody else has a part."""
    return total != 100 and (foreign > 0 or total == 0)


def as_written(entry: Json, name: str | None, share: int | None) -> Json:
    """A copy of a destination with this subset and weight; None takes the key away.

    An empty subset is none already, and stays as charts write it.
    """
    entry = deepcopy(entry)
    if subset(entry) != name:
        _set(entry["destination"], "subset", name)
    _set(entry, "weight", share)
    return entry


def _set(where: Json, key: str, value: object) -> None:
    if value is None:
        where.pop(key, None)
    else:
        where[key] = value
