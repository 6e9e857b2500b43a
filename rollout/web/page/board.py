"""The page's memory: every line with a number that rises, so that each reader gets what is new.

However many changes a second there are, and however slow a reader is, it holds one newest line
of each thing and no queue: a reader who is late gets fewer and newer ones.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout import lenient
from rollout.controller.guard import Guard
from rollout.messages.page import rows
from rollout.web.page.reader import Place, Reader, Seen
from rollout.web.page.samples import Memory

TICK = 0.5  # seconds between two looks at everything; so old is what a reader sees at most
GONE = 10_000  # things that went and are still told of, to readers who are late

Json = Mapping[str, Any]


@dataclass(slots=True)
class _Line:
    seen: Seen
    packed: str
    number: int


@dataclass(slots=True)
class Board:
    """``number`` rises with every change of a line. ``opened``: what readers read in full now."""

    reader: Reader
    clock: Callable[[], datetime]
    guard: Guard = field(default_factory=Guard)
    number: int = 1
    opened: Counter[Place] = field(default_factory=Counter)
    _lines: dict[str, _Line] = field(default_factory=dict)
    _gone: dict[str, int] = field(default_factory=dict)
    _memories: dict[str, Memory] = field(default_factory=dict)
    _sheets: dict[Place, str | None] = field(default_factory=dict)
    _ticked: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self) -> None:
        """For ever: looks at everything, and wakes whoever waits for news.

        A look that fails is logged, and the next one is made: a page that stands still looks alive.
        """
        while True:
            self.guard.read("page", self.look, lambda _: None)
            async with self._ticked:
                self._ticked.notify_all()
            await asyncio.sleep(TICK)

    async def ticked(self) -> None:
        """There was another look."""
        async with self._ticked:
            await self._ticked.wait()

    @contextmanager
    def reading(self, place: Place) -> Iterator[None]:
        """Somebody reads ``place`` in full meanwhile."""
        self.opened[place] += 1
        try:
            yield
        finally:
            self.opened[place] -= 1
            self.opened = +self.opened  # without those that nobody reads any more

    def look(self) -> None:
        """Every line is as its object is now."""
        self._sheets.clear()
        here: set[str] = set()
        known = {key: line.seen.version for key, line in self._lines.items()}
        for seen in self.reader.all(known):
            here.add(seen.place.id)
            if known.get(seen.place.id) is not seen.version:
                self._put(seen)
        for key in self._lines.keys() - here:
            self._drop(key)

    def _put(self, seen: Seen) -> None:
        key, line = seen.place.id, self._lines.get(seen.place.id)
        made = self.guard.read(
            key,
            lambda: self.reader.line(seen),
            lambda why: rows.unread(seen.place.kind, lenient.meta(seen.obj), why),
        )
        text = json.dumps(made, separators=(",", ":"))
        self._sample(seen)
        if line is not None and line.packed == text:
            line.seen = seen
            return
        self.number += 1
        self._gone.pop(key, None)
        self._lines[key] = _Line(seen, text, self.number)

    def _drop(self, key: str) -> None:
        self.number += 1
        del self._lines[key]
        self._memories.pop(key, None)
        self._gone[key] = self.number
        while len(self._gone) > GONE:
            del self._gone[next(iter(self._gone))]

    def _sample(self, seen: Seen) -> None:
        status, memory = seen.status, self._memories.get(seen.place.id)
        if status is None or (memory is None and not status.attempt.verdicts):
            return
        memory = memory or self._memories.setdefault(seen.place.id, Memory())
        memory.take(status.attempt, self.clock())

    def since(self, number: int) -> str:
        """What is new since ``number``, as one JSON text; empty: nothing. 0: everything."""
        if number == self.number:
            return ""
        lines = [line.packed for line in self._lines.values() if line.number > number]
        gone = [key for key, when in self._gone.items() if when > number] if number else []
        if not lines and not gone and number:
            return ""
        whole = "false" if number else "true"
        return f'{{"whole":{whole},"gone":{json.dumps(gone)},"lines":[{",".join(lines)}]}}'

    def sheet(self, place: Place) -> str | None:
        """Everything about one thing, as JSON; made once a look, whoever reads; None: not there."""
        if place not in self._sheets:
            self._sheets[place] = self._sheet(place)
        return self._sheets[place]

    def _sheet(self, place: Place) -> str | None:
        full = self.guard.read(
            place.id, lambda: self.reader.full(place, self.clock()), lambda _: None
        )
        if full is None:
            return None
        memory = self._memories.get(place.id)
        plots = memory.shown() if memory is not None else []
        return json.dumps({**full, "plots": plots}, separators=(",", ":"))
