"""JSON Patch (RFC 6902) from an object as it was read to the object as it should be.

Every ``test`` comes first and speaks of the object as read; so a write by somebody else in
between makes the whole patch fail, and nothing of theirs is lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rollout import lenient

Json = dict[str, Any]
Op = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListElement:
    """One element of a list as it should be; ``origin`` is its index as read, None if it is new."""

    origin: int | None
    value: Any


@dataclass(frozen=True, slots=True)
class Rows:
    """A whole list as it should be, told by where each element came from.

    ``rows``: origins rise; elements that are read and not among them are removed.
    ``identity``: keys by which a row is recognised, tested before anything is done near it.
    """

    rows: tuple[ListElement, ...]
    identity: tuple[str, ...]


def plain(wanted: Any) -> Any:
    """``wanted`` as plain JSON, without the memory of origins."""
    match wanted:
        case Rows():
            return [plain(row.value) for row in wanted.rows]
        case dict():
            return {k: plain(v) for k, v in wanted.items()}
        case list():
            return [plain(v) for v in wanted]
        case _:
            return wanted


def steps(before: Json, wanted: Mapping[str, Any]) -> list[Op]:
    """The patch that turns ``before`` into ``wanted``: tests, then changes; empty when equal."""
    tests: list[Op] = []
    changes: list[Op] = []
    _differ(before, wanted, _Place("", "", tests, changes))
    if not changes:
        return []
    version = before.get("metadata", {}).get("resourceVersion")
    if version is not None:
        tests.insert(0, _test("/metadata/resourceVersion", version))
    return [*_once(tests), *changes]


def fitted(ops: Iterable[Op], stored: Mapping[str, Any]) -> list[Op]:
    """``ops`` as they fit what is ``stored``: they were made of it with its odd parts empty.

    A test speaks of what is stored. A change below a value that holds nothing (text where an
    object belongs) comes after one that makes it the empty object it was taken for.
    """
    fit: list[Op] = []
    emptied: set[str] = set()
    for op in ops:
        if op["op"] == "test":
            known, value = _at(stored, op["path"])
            fit += [{**op, "value": value}] if known else []
            continue
        parent = op["path"].rpartition("/")[0]
        there, value = _at(stored, parent)
        if there and not isinstance(value, Mapping | list) and parent not in emptied:
            emptied.add(parent)
            fit.append({"op": "replace", "path": parent, "value": {}})
        fit.append(op)
    return fit


def _at(stored: Any, path: str) -> tuple[bool, Any]:
    """Whether there is anything at the pointer ``path``, and what."""
    at = stored
    for token in path.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(at, Mapping) and key in at:
            at = at[key]
        elif isinstance(at, list) and (place := lenient.whole(key, 9)) is not None:
            if place >= len(at):
                return False, None
            at = at[place]
        else:
            return False, None
    return True, at


@dataclass(frozen=True, slots=True)
class _Place:
    """Where we are: the path as read, the path while patching, and what was found so far."""

    read: str
    now: str
    tests: list[Op]
    changes: list[Op]

    def into(self, read: object, now: object | None = None) -> "_Place":
        old, new = _pointer(read), _pointer(read if now is None else now)
        return _Place(f"{self.read}/{old}", f"{self.now}/{new}", self.tests, self.changes)


def _pointer(token: object) -> str:
    return str(token).replace("~", "~0").replace("/", "~1")


def _test(path: str, value: Any) -> Op:
    return {"op": "test", "path": path, "value": value}


def _once(tests: Iterable[Op]) -> list[Op]:
    return list({test["path"]: test for test in tests}.values())


def _differ(before: Any, wanted: Any, place: _Place) -> None:
    if isinstance(wanted, Rows) and isinstance(before, list):  # a list may be null
        _differ_rows(before, wanted, place)
    elif isinstance(before, dict) and isinstance(wanted, dict):
        _differ_keys(before, wanted, place)
    elif before != wanted:
        place.tests.append(_test(place.read, before))
        place.changes.append({"op": "replace", "path": place.now, "value": plain(wanted)})


def _differ_keys(before: Json, wanted: Json, place: _Place) -> None:
    for key, value in before.items():
        if key not in wanted:
            there = place.into(key)
            place.tests.append(_test(there.read, value))
            place.changes.append({"op": "remove", "path": there.now})
    for key, value in wanted.items():
        there = place.into(key)
        if key in before:
            _differ(before[key], value, there)
        else:
            place.changes.append({"op": "add", "path": there.now, "value": plain(value)})


def _differ_rows(before: list[Any], wanted: Rows, place: _Place) -> None:
    kept = {row.origin for row in wanted.rows}
    for origin in range(len(before) - 1, -1, -1):
        if origin not in kept:
            _recognise(before, origin, wanted, place)
            place.changes.append({"op": "remove", "path": f"{place.now}/{origin}"})
    near = False
    for index, row in enumerate(wanted.rows):
        if row.origin is None:
            near = True
            change = {"op": "add", "path": f"{place.now}/{index}", "value": plain(row.value)}
            place.changes.append(change)
            continue
        done = len(place.changes)
        _differ(before[row.origin], row.value, place.into(row.origin, index))
        if near or len(place.changes) > done:
            _recognise(before, row.origin, wanted, place)
        near = False


def _recognise(before: list[Any], origin: int, wanted: Rows, place: _Place) -> None:
    for key in wanted.identity:
        if key in before[origin]:
            there = place.into(origin).into(key)
            place.tests.append(_test(there.read, before[origin][key]))
