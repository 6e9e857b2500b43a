"""One kind's newest objects, in whatever order news of them arrives; nothing is asked from here.

News comes from lists, from the watch and from the answers to our own writes, and the three race
(Python's OpenSandbox #1673: a late answer overwrote a newer object for hours).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
Key = tuple[str, str]
Index = Callable[[Json], frozenset[str]]

NOBODY: frozenset[str] = frozenset()


class Cache:
    """Objects by namespace and name, and by the concerns that ``index`` finds in them.

    Every method that takes news answers with the concerns it touched: those of the object before
    and after; empty when it was no news.
    Versions are compared as numbers where both are numbers, and only within one kind
    (Kubernetes, "API concepts: resource versions"); where they are not, the watch is believed.
    """

    def __init__(self, index: Index) -> None:
        self.listed = False
        self._index = index
        self._held: dict[Key, tuple[Json, frozenset[str]]] = {}
        self._by_concern: dict[str, set[Key]] = {}
        self._heard = 0

    @property
    def heard(self) -> int:
        """The version up to which the watch has told everything; 0 when that is not a number."""
        return self._heard

    def get(self, key: Key) -> Json | None:
        held = self._held.get(key)
        return held[0] if held else None

    def all(self, concern: str = "") -> Sequence[Json]:
        """By namespace and name."""
        keys = self._by_concern.get(concern, ()) if concern else self._held
        return [self._held[key][0] for key in sorted(keys)]

    def replace(self, objects: Iterable[Json], version: str) -> frozenset[str]:
        """A whole list as of ``version``; what we wrote after that stays."""
        fresh = {key_of(obj): obj for obj in objects}
        touched = NOBODY
        for key in set(self._held) - set(fresh):
            if not _newer(self._held[key][0], version):
                touched |= self._drop(key)
        for obj in fresh.values():
            touched |= self.put(obj)
        self.listed, self._heard = True, number(version)
        return touched

    def put(self, obj: Json) -> frozenset[str]:
        """The watch says that ``obj`` is so."""
        self.passed(version_of(obj))
        held = self.get(key_of(obj))
        if held is not None and _stale(obj, held):
            return NOBODY
        return self._hold(obj)

    def remove(self, obj: Json) -> frozenset[str]:
        """The watch says that ``obj`` is gone; made anew since then, it stays."""
        self.passed(version_of(obj))
        held = self.get(key_of(obj))
        if held is None or _newer(held, version_of(obj)):
            return NOBODY
        return self._drop(key_of(obj))

    def passed(self, version: str) -> None:
        """The watch has told everything up to ``version``."""
        self._heard = max(self._heard, number(version))

    def written(self, obj: Json) -> frozenset[str]:
        """The answer to a write of ours; one that the watch has already passed is no news."""
        held = self.get(key_of(obj))
        if held is not None and _stale(obj, held):
            return NOBODY
        if 0 < number(version_of(obj)) <= self._heard:
            return NOBODY
        return self._hold(obj)

    def _hold(self, obj: Json) -> frozenset[str]:
        key = key_of(obj)
        before = self._drop(key)
        concerns = self._index(obj)
        self._held[key] = (obj, concerns)
        for concern in concerns:
            self._by_concern.setdefault(concern, set()).add(key)
        return before | concerns

    def _drop(self, key: Key) -> frozenset[str]:
        _, concerns = self._held.pop(key, (None, NOBODY))
        for concern in concerns:
            keys = self._by_concern[concern]
            keys.discard(key)
            if not keys:
                del self._by_concern[concern]
        return concerns


def key_of(obj: Json) -> Key:
    """Namespace and name; the namespace of a cluster's own object is empty."""
    meta = obj["metadata"]
    return str(meta.get("namespace", "")), str(meta["name"])


def version_of(obj: Json) -> str:
    """Its resourceVersion; empty when it says none."""
    return str(obj["metadata"].get("resourceVersion", ""))


def number(version: str) -> int:
    """``version`` as a number; 0 when it is none, as some API servers may have it."""
    return int(version) if version.isascii() and version.isdigit() else 0


def _stale(obj: Json, held: Json) -> bool:
    """Whether ``obj`` is no newer than what is held."""
    new, old = version_of(obj), version_of(held)
    return new == old != "" or 0 < number(new) < number(old)


def _newer(held: Json, version: str) -> bool:
    return 0 < number(version) < number(version_of(held))
