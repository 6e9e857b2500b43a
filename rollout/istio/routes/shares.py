"""How a route's destinations divide its requests: ours within what the foreign ones leave."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from rollout.istio.memory import Kept
from rollout.istio.patch import Json, ListElement
from rollout.istio.routes.listing import Base, Destination, as_written, subset, weight
from rollout.model.traffic import Split, Target


def within(share: int, split: Split) -> tuple[int, int]:
    """Stable's and the canary's whole weights of ``share``: to the nearest, a tie to stable.

    A side that is asked for anything keeps at least 1 where there are two to give; where there
    is only 1, it is stable's.
    """
    canary = (share * split.canary + 49) // 100
    if split.canary and split.stable:
        canary = min(max(canary, 1), max(share - 1, 0))
    return share - canary, canary


def left(base: Base) -> int:
    """What foreign destinations leave to ours; never below zero, however they are written."""
    return max(0, 100 - base.foreign)


def divided(base: Base, target: Target, split: Split) -> list[ListElement]:
    """The route's whole list of destinations under ``split``, told by where each came from."""
    entries = list(base.entries)
    at = _stable(entries, target)
    stable = _renamed(entries[at], target.stable)
    entries[at] = stable
    rows: list[tuple[int | None, Destination, Json]] = [(e.origin, e, e.value) for e in entries]
    if target.canary and not any(e.ours and subset(e.value) == target.canary for e in entries):
        added = deepcopy(stable.value)
        added["destination"]["subset"] = target.canary
        behind = [e.origin for e in entries[at + 1 :]]
        origin = _reused(base, target.canary, stable.origin, behind)
        rows.insert(at + 1, (origin, replace(stable, value=added), added))
    weights = dict(zip(("stable", "canary"), within(left(base), split), strict=True))
    return [
        ListElement(origin, _weighed(entry, value, len(rows), weights, target))
        for origin, entry, value in rows
    ]


def _reused(base: Base, name: str, after: int, behind: list[int]) -> int | None:
    """The index as read of a destination that we added before, if it still stands in order."""
    origin = base.spare.get(name)
    if origin is None or origin < after or any(other < origin for other in behind):
        return None
    return origin


def _stable(entries: list[Destination], target: Target) -> int:
    """Which destination is stable's: the one so named, else one without subset, else ours.

    By version an author may have written the canary alone: whoever serves by now takes its place.
    """
    mine = [i for i, e in enumerate(entries) if e.ours]
    for name in (target.stable or None, None):
        for i in mine:
            if subset(entries[i].value) == name:
                return i
    return next((i for i in mine if subset(entries[i].value) != target.canary), mine[0])


def _renamed(entry: Destination, name: str) -> Destination:
    if not name or subset(entry.value) == name:
        return entry
    return replace(entry, value=as_written(entry.value, name, entry.value.get("weight")))


def _weighed(
    entry: Destination, value: Json, count: int, weights: dict[str, int], target: Target
) -> Json:
    """The destination with its weight; alone it needs none, and foreign ones keep theirs."""
    if count == 1 or not entry.ours:
        return value
    name = subset(value)
    if name == target.canary:
        share = weights["canary"]
    elif name == (target.stable or None):
        share = weights["stable"]
    else:
        share = 0  # a revision of the past, still written there by the author
    return value if value.get("weight") == share else as_written(value, name, share)


def released(base: Base, target: Target) -> list[ListElement]:
    """The list of destinations without us: as written, or all ours on stable where that differs.

    As written is not possible where it would send requests to a revision that nobody asks for:
    an author's old version subset or canary weight, or no subset while revisions must be apart.
    """
    if all(_may_stay(e, len(base.entries), target) for e in base.entries):
        return [ListElement(e.origin, e.value) for e in base.entries]
    return divided(base, replace(target, canary=""), Split(100, 0))


def _may_stay(entry: Destination, count: int, target: Target) -> bool:
    if not entry.ours or (count > 1 and weight(entry.value) == 0):
        return True
    name = subset(entry.value)
    return name == (target.stable or None) or (name is None and not target.apart)


def kept(base: Base, rows: Sequence[ListElement]) -> Kept:
    """What to remember of the author's destinations once ``rows`` are written."""
    mine = [e for e in base.entries if e.ours]
    was = tuple((subset(e.value), e.value.get("weight")) for e in mine)
    names = {row.origin: subset(row.value) for row in rows}
    authors = {e.origin for e in base.entries}
    made = tuple(str(subset(r.value)) for r in rows if r.origin not in authors)
    return Kept(base.at, was, tuple(names[e.origin] for e in mine), made)


def is_as_written(base: Base, rows: Sequence[ListElement]) -> bool:
    """Whether ``rows`` are the author's own words, so that nothing is to be remembered."""
    return [row.value for row in rows] == [e.value for e in base.entries]
