"""Objects by key, the global revision, and the history that watches resume from.

Stored objects are never changed in place: readers may keep them, and must not change them either.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic_core import to_json

JsonObject = dict[str, Any]
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One revision of one object; its texts are made once for all readers."""

    object: JsonObject
    revision: int
    _texts: dict[str, bytes] = field(default_factory=dict)

    def text(self, view: str, show: Callable[[JsonObject], JsonObject]) -> bytes:
        """The object as JSON in the form that ``view`` names and ``show`` makes."""
        found = self._texts.get(view)
        if found is None:
            found = self._texts[view] = encode(show(self.object))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One line of history; ``previous`` is None when the object was added."""

    type: ChangeType
    bucket: str
    stored: Stored
    previous: Stored | None


def encode(value: Any) -> bytes:
    """JSON as it goes over the wire."""
    return to_json(value)


class Compacted(Exception):
    """The revision that was asked for is older than the history."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


@dataclass(slots=True)
class _Bucket:
    rows: dict[str, dict[str, Stored]] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    compacted: int = 0


class Ledger:
    """``history`` is the number of changes kept for each bucket (a kind's objects)."""

    def __init__(self, history: int = 10_000) -> None:
        self.revision = 1
        self._history = history
        self._floor = 0
        self._buckets: dict[str, _Bucket] = {}
        self._listeners: list[Callable[[Change], None]] = []

    def get(self, bucket: str, namespace: str, name: str) -> Stored | None:
        found = self._buckets.get(bucket)
        return found.rows.get(namespace, {}).get(name) if found else None

    def rows(self, bucket: str, namespace: str | None = None) -> Iterator[Stored]:
        """In the order of etcd's keys: by namespace, then by name; ``None`` is all namespaces."""
        found = self._buckets.get(bucket)
        rows = found.rows if found else {}
        for space in sorted(rows) if namespace is None else [namespace]:
            of_space = rows.get(space, {})
            for name in sorted(of_space):
                yield of_space[name]

    def buckets(self) -> list[str]:
        return list(self._buckets)

    def put(self, bucket: str, document: Mapping[str, Any]) -> Stored:
        """Write ``document`` with a new resourceVersion."""
        return self._commit(bucket, document, removed=False)

    def remove(self, bucket: str, document: Mapping[str, Any]) -> Stored:
        """Take the object away; its last state gets a resourceVersion of its own."""
        return self._commit(bucket, document, removed=True)

    def restore(self, bucket: str, document: JsonObject) -> None:
        """Put back an object from a file, revision and all; nobody is told."""
        metadata = document["metadata"]
        self.forward(int(metadata["resourceVersion"]))
        stored = Stored(document, int(metadata["resourceVersion"]))
        space = metadata.get("namespace", "")
        self._bucket(bucket).rows.setdefault(space, {})[metadata["name"]] = stored

    def forward(self, revision: int) -> None:
        """Never give a revision up to this one again."""
        self.revision = self._floor = max(self.revision, revision)

    def _bucket(self, bucket: str) -> _Bucket:
        found = self._buckets.get(bucket)
        if found is None:
            found = self._buckets[bucket] = _Bucket(compacted=self._floor)
        return found

    def _commit(self, bucket: str, document: Mapping[str, Any], *, removed: bool) -> Stored:
        self.revision += 1
        metadata = {**document["metadata"], "resourceVersion": str(self.revision)}
        stored = Stored({**document, "metadata": metadata}, self.revision)
        found = self._bucket(bucket)
        of_space = found.rows.setdefault(metadata.get("namespace", ""), {})
        previous = of_space.pop(metadata["name"], None)
        if not removed:
            of_space[metadata["name"]] = stored
        self._tell(found, Change(_type(removed, previous), bucket, stored, previous))
        return stored

    def _tell(self, found: _Bucket, change: Change) -> None:
        found.history.append(change)
        if len(found.history) > self._history:
            found.compacted = found.history.popleft().stored.revision
        for listener in tuple(self._listeners):
            listener(change)

    def since(self, bucket: str, revision: int) -> list[Change]:
        """Changes after ``revision``, oldest first; raises Compacted.

        A revision from the future counts as compacted too: it was given by a lab that has been
        restarted without its data, and only a new list brings that client back to the truth.
        """
        found = self._bucket(bucket)
        if not self.remembers(bucket, revision):
            raise Compacted(found.compacted)
        start = bisect_right(found.history, revision, key=lambda change: change.stored.revision)
        return [found.history[index] for index in range(start, len(found.history))]

    def remembers(self, bucket: str, revision: int) -> bool:
        return self._bucket(bucket).compacted <= revision <= self.revision

    def compact(self) -> None:
        """Forget all history: every watch that resumes from an older revision gets a 410."""
        self._floor = self.revision
        for found in self._buckets.values():
            found.history.clear()
            found.compacted = self.revision

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``listener`` on every change before the write returns; returns the way out."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


def _type(removed: bool, previous: Stored | None) -> ChangeType:
    if removed:
        return "DELETED"
    return "MODIFIED" if previous else "ADDED"
