"""An audit log in a list."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from rollout.audit.book import Marks
from rollout.errors import OutsideError
from rollout.model.audit import Record


@dataclass
class FakeLog:
    """A log in a list that outlives its process; ``full``: it takes nothing.

    ``writer``: set once the process that writes it has ended; None: nobody does.
    """

    told: list[Record] = field(default_factory=list)
    full: bool = False
    opened: int = 0
    writer: asyncio.Event | None = None

    async def open(self) -> Marks | None:
        self._fail()
        self.opened += 1
        marks = Marks()
        for one in self.told:
            marks.told(one.act, one.uid, one.id, one.epoch)
        return marks

    async def append(self, records: Sequence[Record]) -> None:
        self._fail()
        self.told.extend(records)

    def forget(self, uid: str) -> None: ...

    async def close(self) -> None: ...

    def _fail(self) -> None:
        if self.full:
            raise OutsideError("audit log /a: No space left on device")

    @property
    def ids(self) -> list[str]:
        return [one.id.partition(".")[2] for one in self.told]
