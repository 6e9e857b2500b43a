"""The whole store in one JSON file, written as a whole and renamed into place."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from rollout.errors import RefusedError

from .kinds.builtin import DEFINITIONS
from .kinds.definition import kind_of
from .storage.ledger import Change
from .storage.store import Store


def load(store: Store, path: Path) -> None:
    """Put the file's objects back, if there is a file; raises RefusedError if it is not ours."""
    if not path.exists():
        return
    try:
        found = json.loads(path.read_bytes())
        for bucket, objects in found["objects"].items():
            for document in objects:
                store.ledger.restore(bucket, document)
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{path}: no data of the lab's API server; remove the file") from error
    store.ledger.forward(int(found["revision"]))
    for stored in store.ledger.rows(DEFINITIONS.bucket):
        store.kinds.add(kind_of(stored.object))


def save(store: Store, path: Path) -> None:
    """Write the file; a crash in the middle leaves the old one."""
    ledger = store.ledger
    objects = {bucket: [row.object for row in ledger.rows(bucket)] for bucket in ledger.buckets()}
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w") as file:
        json.dump({"revision": ledger.revision, "objects": objects}, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


class Keeper:
    """Saves ``delay_s`` after the first unsaved change, so that a burst is one write."""

    def __init__(self, store: Store, path: Path, delay_s: float = 1.0) -> None:
        self._store = store
        self._path = path
        self._delay_s = delay_s
        self._timer: asyncio.TimerHandle | None = None
        store.subscribe(self._note)

    def _note(self, _: Change) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._delay_s, self.save)

    def save(self) -> None:
        """Write now; what was pending is done by it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        save(self._store, self._path)
