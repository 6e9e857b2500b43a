"""What controllers of the real server do in the background: garbage, namespaces, definitions.

Source: Kubernetes docs, "Garbage Collection" and "Owners and Dependents".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rollout.lab.apiserver.kinds.builtin import DEFINITIONS, NAMESPACES
from rollout.lab.apiserver.kinds.definition import CLEANUP, kind_of
from rollout.lab.apiserver.problems import Problem

from .ledger import Change, JsonObject, Stored
from .store import PLAIN, Store

Key = tuple[str, str, str]
_FINALIZERS = ("foregroundDeletion", "orphan")


class Housekeeping:
    """``later`` runs a function soon, after the write that made it necessary has been answered."""

    def __init__(self, store: Store, later: Callable[[Callable[[], None]], object]) -> None:
        self._store = store
        self._later = later
        self._keys: dict[str, Key] = {}
        self._dependents: dict[str, set[Key]] = {}
        self._pending: dict[Key, None] = {}
        store.subscribe(self._note)
        for bucket in store.ledger.buckets():
            for stored in store.ledger.rows(bucket):
                self._index(bucket, stored.object)

    def _index(self, bucket: str, document: JsonObject) -> None:
        metadata = document["metadata"]
        key = (bucket, metadata.get("namespace", ""), metadata["name"])
        self._keys[metadata["uid"]] = key
        for owner in _owners(document):
            self._dependents.setdefault(owner, set()).add(key)

    def _note(self, change: Change) -> None:
        document = change.stored.object
        metadata = document["metadata"]
        key = (change.bucket, metadata.get("namespace", ""), metadata["name"])
        if change.type != "DELETED":
            self._index(change.bucket, document)
            if "deletionTimestamp" in metadata or (change.type == "ADDED" and _owners(document)):
                self._soon(key)
            return
        self._keys.pop(metadata["uid"], None)
        for dependent in self._dependents.pop(metadata["uid"], ()):
            self._soon(dependent)
        for owner in _owners(document):
            self._dependents.get(owner, set()).discard(key)
            self._soon(self._keys.get(owner))
        self._wake_holders(change.bucket, metadata.get("namespace", ""))

    def _wake_holders(self, bucket: str, namespace: str) -> None:
        """A namespace or definition that is going may have waited for just this object."""
        if namespace:
            self._soon((NAMESPACES.bucket, "", namespace))
        self._soon((DEFINITIONS.bucket, "", bucket))

    def _soon(self, key: Key | None) -> None:
        if key is None:
            return
        if not self._pending:
            self._later(self._tend)
        self._pending[key] = None

    def _tend(self) -> None:
        pending, self._pending = self._pending, {}
        for key in pending:
            stored = self._store.ledger.get(*key)
            if stored is not None:
                self._tend_one(key, stored)

    def _tend_one(self, key: Key, stored: Stored) -> None:
        metadata = stored.object["metadata"]
        going = "deletionTimestamp" in metadata
        if not going and self._orphaned(stored.object):
            self._delete(key)
        elif going and key[0] == NAMESPACES.bucket:
            self._empty(key, stored, lambda: self._in_namespace(key[2]))
        elif going and key[0] == DEFINITIONS.bucket and CLEANUP in metadata.get("finalizers", ()):
            self._empty(key, stored, lambda: self._of_kind(stored.object))
        elif going:
            self._tend_dependents(key, stored)

    def _orphaned(self, document: JsonObject) -> bool:
        owners = _owners(document)
        return bool(owners) and not any(owner in self._keys for owner in owners)

    def _delete(self, key: Key) -> None:
        kind = self._store.kinds.of_bucket(key[0])
        stored = self._store.ledger.get(*key)
        if kind is None or stored is None:
            return
        try:
            self._store.objects.remove(kind, stored, "Background", PLAIN)
        except Problem:
            # A hook refused; the real collector would try again, here a test asked for the refusal.
            return

    def _empty(self, key: Key, stored: Stored, contents: Callable[[], Iterator[Key]]) -> None:
        for inside in list(contents()):
            self._delete(inside)
        if next(contents(), None) is None:
            metadata = stored.object["metadata"]
            left = [name for name in metadata.get("finalizers", ()) if name != CLEANUP]
            if left:
                self._keep_finalizers(key, stored, left)
            else:
                self._store.ledger.remove(key[0], stored.object)

    def _keep_finalizers(self, key: Key, stored: Stored, left: list[str]) -> None:
        metadata = stored.object["metadata"]
        if left != metadata.get("finalizers", []):
            document = {**stored.object, "metadata": {**metadata, "finalizers": left}}
            self._store.ledger.put(key[0], document)

    def _in_namespace(self, namespace: str) -> Iterator[Key]:
        ledger = self._store.ledger
        for bucket in ledger.buckets():
            for stored in ledger.rows(bucket, namespace):
                yield (bucket, namespace, stored.object["metadata"]["name"])

    def _of_kind(self, document: JsonObject) -> Iterator[Key]:
        bucket = kind_of(document).bucket
        for stored in self._store.ledger.rows(bucket):
            metadata = stored.object["metadata"]
            yield (bucket, metadata.get("namespace", ""), metadata["name"])

    def _tend_dependents(self, key: Key, stored: Stored) -> None:
        """Foreground: the dependents first. Orphan: they stay and lose their owner."""
        metadata = stored.object["metadata"]
        finalizers = metadata.get("finalizers", [])
        held = self._dependents.get(metadata["uid"], set())
        if "orphan" in finalizers:
            for dependent in list(held):
                self._disown(dependent, metadata["uid"])
        elif "foregroundDeletion" in finalizers:
            for dependent in list(held):
                self._delete(dependent)
        if not self._dependents.get(metadata["uid"]):
            self._release(key, stored, [name for name in finalizers if name not in _FINALIZERS])

    def _disown(self, key: Key, owner: str) -> None:
        stored = self._store.ledger.get(*key)
        self._dependents.get(owner, set()).discard(key)
        if stored is None:
            return
        metadata = stored.object["metadata"]
        kept = [one for one in metadata.get("ownerReferences", ()) if one.get("uid") != owner]
        document = {**stored.object, "metadata": {**metadata, "ownerReferences": kept}}
        self._store.ledger.put(key[0], document)

    def _release(self, key: Key, stored: Stored, left: list[str]) -> None:
        if left:
            self._keep_finalizers(key, stored, left)
        else:
            self._store.ledger.remove(key[0], stored.object)


def _owners(document: JsonObject) -> list[str]:
    return [one.get("uid", "") for one in document["metadata"].get("ownerReferences") or ()]
