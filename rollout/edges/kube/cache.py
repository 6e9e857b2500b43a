"""One kind's newest objects, in whatever order news of them arrives; nothing is asked from here.

News comes from lists, from the watch and from the answers to our own writes, and the three race
(Python's OpenSandbox #1673: a late answer overwrote a newer object for hours).
"""

import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from rollout import lenient
from rollout.edges.kube.packed import Json, Key, Packed

__all__ = ["Cache", "Index", "Json", "Key", "key_of", "number", "version_of"]

Index = Callable[[Json], frozenset[str]]

NOBODY: frozenset[str] = frozenset()


class _Held(NamedTuple):
    """What is told of an object without reading it."""

    version: str
    concerns: tuple[str, ...]


Shaped = Callable[[Json], Json]


def _as_it_is(obj: Json) -> Json:
    return obj


class Kept(Protocol):
    """Objects by key, however they are kept."""

    def __getitem__(self, key: Key, /) -> Json: ...
    def __setitem__(self, key: Key, obj: Json, /) -> None: ...
    def __delitem__(self, key: Key, /) -> None: ...


class Cache:
    """Objects by namespace and name, and by the concerns that ``index`` finds in them.

    Every method that takes news answers with the concerns it touched: those of the object before
    and after; empty when it was no news.
    Versions are compared as numbers where both are numbers, and only within one kind
    (Kubernetes, "API concepts: resource versions"); where they are not, the watch is believed.
    ``packs``: objects are text while nobody reads them; else each is kept as the value that it came
    as, for readers who know a version again by it. ``clock``: seconds, for which they were not.
    """

    def __init__(
        self, index: Index, *, packs: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.listed = False
        self._index = index
        self._objects: Kept = Packed(clock) if packs else {}
        self._held: dict[Key, _Held] = {}
        self._by_concern: dict[str, Key | set[Key]] = {}  # most concerns are one object's
        self._heard = 0

    @property
    def heard(self) -> int:
        """The version up to which the watch has told everything; 0 when that is not a number."""
        return self._heard

    def get(self, key: Key) -> Json | None:
        return self._objects[key] if key in self._held else None

    def same(self, obj: Json) -> Json | None:
        """What is kept of that very version of ``obj``; None: another one, or nothing."""
        held, version = self._held.get(key_of(obj)), version_of(obj)
        return self._objects[key_of(obj)] if held and held.version == version != "" else None

    def earlier(self, obj: Json) -> Json | None:
        """What is kept in the place of ``obj`` as a value; None where it is text, or nothing."""
        return self._objects.get(key_of(obj)) if isinstance(self._objects, dict) else None

    def all(self, concern: str = "") -> Sequence[Json]:
        """By namespace and name."""
        keys = self._with(concern) if concern else self._held
        return [self._objects[key] for key in sorted(keys)] if keys else ()

    def some(self) -> Json | None:
        """One of them, whichever; None: there is none."""
        key = next(iter(self._held), None)
        return None if key is None else self._objects[key]

    def replace(self, objects: Iterable[Json], version: str) -> frozenset[str]:
        """A whole list as of ``version``; what we wrote after that stays."""
        fresh = [*objects]
        return self.take(fresh) | self.settle({key_of(obj) for obj in fresh}, version)

    def take(self, objects: Iterable[Json]) -> frozenset[str]:
        """A part of a list, of which the watch may not have told the rest."""
        touched: set[str] = set()
        for obj in objects:
            touched |= self._news(obj)
        return frozenset(touched)

    def settle(self, listed: Collection[Key], version: str) -> frozenset[str]:
        """The end of a list as of ``version``, in which those were; what we wrote after stays."""
        touched: set[str] = set()
        for key in self._held.keys() - listed:
            if not _newer(self._held[key].version, version):
                touched |= self._drop(key)
        self.listed, self._heard = True, number(version)
        return frozenset(touched)

    def put(self, obj: Json, shaped: Shaped = _as_it_is) -> frozenset[str]:
        """The watch says that ``obj`` is so; ``shaped`` as we keep it, if it is news."""
        self.passed(version_of(obj))
        return self._news(obj, shaped)

    def remove(self, obj: Json) -> frozenset[str]:
        """The watch says that ``obj`` is gone; made anew since then, it stays."""
        self.passed(version_of(obj))
        held = self._held.get(key_of(obj))
        if held is None or _newer(held.version, version_of(obj)):
            return NOBODY
        return self._drop(key_of(obj))

    def passed(self, version: str) -> None:
        """The watch has told everything up to ``version``."""
        self._heard = max(self._heard, number(version))

    def written(self, obj: Json) -> frozenset[str]:
        """The answer to a write of ours; one that the watch has already passed is no news."""
        if 0 < number(version_of(obj)) <= self._heard:
            return NOBODY
        return self._news(obj)

    def _news(self, obj: Json, shaped: Shaped = _as_it_is) -> frozenset[str]:
        """``obj`` is so, unless something newer is known."""
        key, version = key_of(obj), version_of(obj)
        held = self._held.get(key)
        if held is not None and _stale(version, held.version):
            return NOBODY
        obj = shaped(obj)
        before = self._forget(key)
        concerns = self._index(obj)
        names = tuple(map(sys.intern, concerns))
        self._held[key] = _Held(version, names)
        self._objects[key] = obj
        for concern in names:
            others = self._by_concern.setdefault(concern, key)
            if isinstance(others, set):
                others.add(key)
            elif others is not key:
                self._by_concern[concern] = {others, key}
        return before | concerns if before else concerns

    def _drop(self, key: Key) -> frozenset[str]:
        del self._objects[key]
        return self._forget(key)

    def _forget(self, key: Key) -> frozenset[str]:
        """What was told of the object is told no more; answers with its concerns."""
        held = self._held.pop(key, None)
        if held is None:
            return NOBODY
        for concern in held.concerns:
            keys = self._by_concern[concern]
            if isinstance(keys, set) and len(keys) > 1:
                keys.discard(key)
            else:
                del self._by_concern[concern]
        return frozenset(held.concerns)

    def _with(self, concern: str) -> Collection[Key]:
        found = self._by_concern.get(concern, ())
        return found if isinstance(found, set) or not found else (found,)


def key_of(obj: Json) -> Key:
    """Namespace and name; the namespace of a cluster's own object is empty."""
    meta = obj["metadata"]
    return str(meta.get("namespace", "")), str(meta["name"])


def version_of(obj: Json) -> str:
    """Its resourceVersion; empty when it says none."""
    return str(obj["metadata"].get("resourceVersion", ""))


def number(version: str) -> int:
    """``version`` as a number; 0 when it is none, as some API servers may have it."""
    return lenient.whole(version, 20) or 0


def _stale(new: str, held: str) -> bool:
    """Whether version ``new`` is no newer than the one held."""
    return new == held != "" or 0 < number(new) < number(held)


def _newer(held: str, version: str) -> bool:
    return 0 < number(version) < number(held)
