"""One watch: the changes that one client asked for, in order; a slow client is dropped."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .ledger import Change, JsonObject, Ledger, Stored
from .selectors import Selector

# The text of one event: its type and the object as it shall be shown.
Line = Callable[[str, Stored], bytes]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a watch is about; ``namespace=None`` is all, ``name=""`` is any.

    ``shown`` is the form of an object that the selector speaks about.
    """

    bucket: str
    namespace: str | None
    selector: Selector
    shown: Callable[[JsonObject], JsonObject] = lambda document: document

    def covers(self, change: Change) -> bool:
        if change.bucket != self.bucket:
            return False
        space = change.stored.object["metadata"].get("namespace", "")
        return self.namespace is None or self.namespace == space

    def holds(self, stored: Stored | None) -> bool:
        if stored is None:
            return False
        return self.selector.everything or self.selector.matches(self.shown(stored.object))


class Watch:
    """``limit``: so many unsent events make a client slow, and end its watch."""

    def __init__(self, ledger: Ledger, scope: Scope, limit: int = 10_000) -> None:
        self.scope = scope
        self.silent = False
        self.cut = ""
        self._limit = limit
        self._waiting: deque[tuple[str, Stored]] = deque()
        self._woken = asyncio.Event()
        self._ledger = ledger
        self._leave = ledger.listen(self._take)

    def close(self) -> None:
        """Idempotent; what waits is still handed out."""
        self._leave()
        self._leave = _nothing

    def end(self, how: str) -> None:
        """Break it as a network would: ``eof``, ``reset`` or ``half`` (in the middle of a line)."""
        self.cut = how
        self._woken.set()

    def start(self, changes: list[Change]) -> None:
        """Put in front what the client has missed."""
        for change in changes:
            self._take(change)

    def _take(self, change: Change) -> None:
        if not self.scope.covers(change):
            return
        event = self._event(change)
        if event is None:
            return
        if len(self._waiting) >= self._limit:
            self.end("eof")
            return
        self._waiting.append(event)
        self._woken.set()

    def _event(self, change: Change) -> tuple[str, Stored] | None:
        """An object that comes into a selector's reach is added, one that leaves it is deleted."""
        now = change.type != "DELETED" and self.scope.holds(change.stored)
        before = self.scope.holds(change.previous)
        if now:
            return ("MODIFIED" if before else "ADDED"), change.stored
        if not before:
            return None
        if change.type == "DELETED" or change.previous is None:
            return "DELETED", change.stored
        return "DELETED", _as_of(change.previous, change.stored.revision)

    async def events(self, timeout: float) -> list[tuple[str, Stored]]:
        """What happened since the last call; empty after ``timeout`` seconds or when it was cut."""
        if not self._waiting and not self.cut:
            self._woken.clear()
            # What comes while time runs out counts: a bookmark says that all before it was told.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), timeout)
        found = [] if self.silent else list(self._waiting)
        self._waiting.clear()
        return found

    @property
    def seen(self) -> int:
        """The revision up to which this watch has told everything, if nothing waits."""
        return self._ledger.revision


def _as_of(stored: Stored, revision: int) -> Stored:
    metadata: dict[str, Any] = {**stored.object["metadata"], "resourceVersion": str(revision)}
    return Stored({**stored.object, "metadata": metadata}, revision)


def _nothing() -> None:
    return None
