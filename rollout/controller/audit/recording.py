"""Every act once in the log, in order, and as an Event where no other tells of it.

What is to be recorded is read from the objects as they pass through the cache, each version of
them, and at the beginning from all there are: an act whose line a crash has taken is told by the
next process. No look waits for any of it but one: an object is let go once its lines are written.
"""

import asyncio
import contextlib
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from rollout.audit import records
from rollout.audit.book import Marks
from rollout.controller import telemetry
from rollout.controller.instruments import Instruments
from rollout.controller.keeping import events
from rollout.controller.keeping.events import News, Reporter
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import concerns
from rollout.controller.sharing import everything
from rollout.errors import ManifestError, OutsideError
from rollout.model.audit import Act, Record
from rollout.model.reasons import Verb
from rollout.model.ref import Ref

SOURCE = "RolloutSource"
PAST = timedelta(hours=1)  # how old an act may be to be told by a log that cannot be read
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds after a failure, doubling
BEAT = 1.0  # seconds between two looks whether this replica leads
BATCH = 500  # records in one write, and one fsync
MOST = 20_000  # records that wait for a log that takes none
PATIENCE = 1.0  # seconds that a refusal waits for its line
PARTING = 30.0
"""Seconds that an object which is to go waits for its lines: a replica that was stopped may hold
the log's file for a while, and yet a deletion always ends."""


class Log(Protocol):
    """Where records are kept; asked one call at a time.

    Errors of all: ``OutsideError``, and then nothing of that call is in the log.
    """

    async def open(self) -> Marks | None:
        """What has been told already; None: nobody can know."""

    async def append(self, records: Sequence[Record]) -> None: ...

    def forget(self, uid: str) -> None: ...

    async def close(self) -> None: ...


class NoLog:
    """No log is wanted; Events are told all the same."""

    async def open(self) -> Marks | None:
        return None

    async def append(self, records: Sequence[Record]) -> None: ...

    def forget(self, uid: str) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A record on its way to the log; ``written`` is set once it is there."""

    record: Record
    written: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_a_refusal(self) -> bool:
        """Whether no object may remember it, so that it cannot be read again."""
        return self.record.act is Act.REFUSAL


@dataclass(slots=True)
class Recording:
    """``leading``: whether this replica may act now. ``instance``: this process, as Events say.

    ``kinds``: which are looked at here. ``mine``: whether a namespace's acts belong in this log.
    ``trouble``: why the log takes nothing now, in one line; empty: it does.
    """

    kube: Kube
    log: Log
    clock: Callable[[], datetime]
    metrics: Instruments
    instance: str
    leading: Callable[[], bool] = lambda: True
    kinds: Callable[[], Iterable[str]] = lambda: ("Rollout",)
    mine: Callable[[str], bool] = everything
    trouble: str = ""
    _marks: Marks = field(default_factory=Marks)
    _since: datetime | None = None
    _uids: dict[Ref, str] = field(default_factory=dict)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _gone: list[str] = field(default_factory=list)
    _untold: dict[str, Json] = field(default_factory=dict)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)
    _is_behind: bool = False
    _counted: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def changed(self, kind: str, touched: tuple[str, ...]) -> None:
        """An object has another version now, whose acts are put down at once, in memory."""
        if not self._opened.is_set():
            return
        for ref in concerns.driven(kind, touched):
            self._see(ref)
        if kind == SOURCE:
            for concern in touched:
                namespace, _, name = concern.removeprefix(f"{SOURCE} ").partition("/")
                self._see(Ref(kind, namespace, name))

    async def recorded(self, obj: Json) -> None:
        """What ``obj`` remembers is in the log, so that it may be gone; or has had its time.

        Whoever is killed before that has not let it go, so that the next process reads it. It has
        its time once, however often it is tried to let it go. Errors: none.
        """
        uid = str(obj["metadata"].get("uid", ""))
        if uid in self._untold:
            return
        try:
            async with asyncio.timeout(PARTING):
                await self._opened.wait()
                self._read(obj)
                for one in [one for one in self._waiting if one.record.uid == uid]:
                    await one.written.wait()
            told = not self._is_behind  # or perhaps there was no room for all of it
        except TimeoutError:
            told = False
        if not told and self.leading():  # or it is not ours to let go
            self._untold[uid] = obj

    async def refused(self, record: Record) -> None:
        """Somebody was refused at a door: the line is written, or will be once one can be.

        The same ``id`` again is the same act. Errors: none.
        """
        if record.id in self._marks.refusals:
            return
        waiting = self._put(record)
        if waiting is None or not self._opened.is_set():
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await waiting.written.wait()
        except TimeoutError:
            return

    async def run(self) -> None:
        """For ever: opened while this replica leads, and given back when it does not."""
        failures = 0
        try:
            while True:
                self._news.clear()
                try:
                    await self._once()
                except OutsideError as error:
                    failures += 1
                    self._fails(str(error))
                    await asyncio.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 5)))
                    continue
                failures = 0
                self._works()
                await self._rest()
        finally:
            await self._close()

    async def _once(self) -> None:
        """Whatever waits is in the log. Errors: ``OutsideError``."""
        if not self.leading():
            await self._close()
            return
        if not self._opened.is_set():
            await self._open()
        await self._write()
        if self._is_behind:
            await self._open()  # what had no room is read from the objects again
            await self._write()

    async def _open(self) -> None:
        self._opened.clear()
        self._is_behind = False
        told = await self.log.open()
        self._marks = told.copy() if told else Marks()
        self._since = None if told else self.clock() - PAST
        self._waiting = deque(
            one
            for one in self._waiting
            if one.is_a_refusal and one.record.id not in self._marks.refusals
        )
        for one in self._waiting:
            self._told(one.record)
        for obj in self._untold.values():  # let go before the log took it
            self._read(obj)
        for kind in (*self.kinds(), SOURCE):
            with contextlib.suppress(OutsideError):  # not listed yet: each comes as a change
                for obj in self.kube.list(kind):
                    self._read(obj)
        self._opened.set()

    async def _close(self) -> None:
        if self._opened.is_set():
            self._opened.clear()
            await self.log.close()

    async def _write(self) -> None:
        while self._waiting and self.leading():  # a disk without locks has this alone
            batch = list(islice(self._waiting, BATCH))
            await self.log.append([one.record for one in batch])
            for one in batch:
                self._waiting.popleft()
                one.written.set()
            self.metrics.audited(len(batch))
            for one in batch:
                await self._tell(one.record)
        while self._gone:  # after its lines, which say again that it is
            self.log.forget(self._gone.pop())
        if not self._waiting and not self._is_behind:
            self._untold.clear()

    async def _rest(self) -> None:
        beat = asyncio.get_running_loop().call_later(BEAT, self._news.set)
        try:
            await self._news.wait()
        finally:
            beat.cancel()

    def _see(self, ref: Ref) -> None:
        obj = self.kube.get(ref.kind, ref.namespace, ref.name)
        if obj is not None:
            self._read(obj)
        elif uid := self._uids.pop(ref, ""):
            self._marks.forget(uid)
            self._gone.append(uid)

    def _read(self, obj: Json) -> None:
        """Puts down what ``obj`` remembers and nobody has told yet."""
        kind, meta = str(obj["kind"]), obj["metadata"]
        uid = str(meta.get("uid", ""))
        if not self.mine(meta.get("namespace", "")):
            return
        self._uids[Ref(kind, meta.get("namespace", ""), meta["name"])] = uid
        try:
            if kind == SOURCE:
                found = records.of_source(obj, self._marks.sources.get(uid, ""), self.clock())
            else:
                epoch = self._marks.epochs.get(uid, 0)
                found = records.of_driven(obj, epoch, self._marks.refusals)
        except ManifestError:
            return  # the looks say so; once it can be read, its journal can
        for record in found:
            if self._since is None or record.at >= self._since:
                self._put(record)
            else:
                self._told(record)

    def _put(self, record: Record) -> _Waiting | None:
        """None: there is no room, and no log to make some."""
        if len(self._waiting) >= MOST:
            self._is_behind = True
            return None
        self._told(record)
        self._waiting.append(_Waiting(record))
        self._news.set()
        return self._waiting[-1]

    def _told(self, record: Record) -> None:
        self._marks.told(record.act, record.uid, record.id, record.epoch)

    def _fails(self, because: str) -> None:
        if because != self.trouble:
            telemetry.warn("audit log takes nothing", error=because)
        self.trouble = because
        self._count(len(self._waiting))

    def _works(self) -> None:
        if self.trouble:
            telemetry.info("audit log", because="it takes records again; none is missing")
        self.trouble = ""
        self._count(0)

    def _count(self, waiting: int) -> None:
        if waiting != self._counted:
            self.metrics.audit_waits(waiting - self._counted)
            self._counted = waiting

    async def _tell(self, record: Record) -> None:
        """An Event of what people did, where the decision that followed has none of its own."""
        reason = _REASONS.get(record.act, "")
        if record.request.startswith(f"{Verb.RETRY}@"):
            reason = "Retried"
        if not reason:
            return
        namespace, _, name = record.object.rpartition("/")
        door = hashlib.sha256(record.id.encode()).hexdigest()[:12]
        note = "; ".join(part for part in (record.because, record.evidence) if part)
        news = News(
            *(record.kind, namespace, name, record.uid),
            once=str(record.epoch or door),
            reason=reason,
            note=f"{record.who}: {note}" if record.who and not record.epoch else note,
            warning=record.act is Act.REFUSAL,
        )
        await events.tell(self.kube, news, self.clock(), Reporter("controller", self.instance))


_REASONS = {
    Act.APPROVAL: "Approved",
    Act.REJECTION: "Rejected",
    Act.REFUSAL: "Refused",
}
"""Acts of which no Event tells; what was asked and done is told by the decision's own."""
