"""What an audit log has by now: its head, and how far it has told of each object.

A book is made by reading a log, and grows with each line; so whoever opens the log knows what is
missing in it, and nothing is written twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from rollout import lenient
from rollout.audit import chain
from rollout.audit.chain import Body, Head
from rollout.model.audit import Act, Record

MOST = 2000  # refusals remembered by their id; each is of a press not older than minutes


class System(StrEnum):
    """What the log says of itself, as ``act``."""

    GENESIS = "genesis"  # the first line of all
    CONTINUED = "continued"  # the first line of a file after another one
    STARTED = "started"  # another process writes from here on
    HEALED = "healed"  # a torn last line was taken away; its record follows anew


BEGINS = frozenset({System.GENESIS.value, System.CONTINUED.value})
"""With what a file begins."""


@dataclass(slots=True)
class Marks:
    """How far is told: of what we drive the newest epoch, of sources the last id, both by uid.

    ``refusals``: ids of what was refused at a door, oldest first.
    """

    epochs: dict[str, int] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, None] = field(default_factory=dict)

    def copy(self) -> "Marks":
        """The same, to grow apart."""
        return Marks(dict(self.epochs), dict(self.sources), dict(self.refusals))

    def take(self, other: "Marks") -> None:
        """What ``other`` has told is told."""
        for uid, epoch in other.epochs.items():
            self.epochs[uid] = max(epoch, self.epochs.get(uid, 0))
        self.sources |= {uid: at for uid, at in other.sources.items() if uid not in self.sources}
        self.refusals |= other.refusals

    def told(self, act: str, uid: str, name: str, epoch: int) -> None:
        """A record of that ``act`` and id ``name`` has been told."""
        if act == Act.SOURCE:
            self.sources[uid] = name
        elif epoch:
            self.epochs[uid] = max(epoch, self.epochs.get(uid, 0))
        else:
            self.refusals[name] = None
            if len(self.refusals) > MOST:
                del self.refusals[next(iter(self.refusals))]

    def forget(self, uid: str) -> None:
        """The object of that uid is no more."""
        self.epochs.pop(uid, None)
        self.sources.pop(uid, None)


@dataclass(slots=True)
class Book:
    """``head``: of the last line that is whole."""

    head: Head = field(default_factory=Head)
    marks: Marks = field(default_factory=Marks)

    def read(self, line: bytes) -> bool:
        """Whether ``line`` is whole; it is taken in then."""
        body = chain.opened(line)
        if body is not None:
            self.take(body)
        return body is not None

    def take(self, body: Body) -> None:
        """One line has been written, or read."""
        self.head = chain.head(body)
        act = str(body.get("act", ""))
        if act == System.CONTINUED:
            self.marks = _marks(body)
        elif act in {*Act}:
            name, uid = str(body.get("id", "")), str(body.get("uid", ""))
            self.marks.told(act, uid, name, lenient.number(body.get("epoch")))

    def first(self, controller: str, now: datetime) -> Body:
        """The first line of a file: of all, or of one after another."""
        plain = _system(System.CONTINUED, controller, now)
        if self.head == Head():
            return {**plain, "act": System.GENESIS.value, "version": 1}
        marks = self.marks
        return {
            **plain,
            "epochs": marks.epochs,
            "sources": marks.sources,
            "refusals": list(marks.refusals),
        }

    def lines(self, bodies: Iterator[Body]) -> tuple[bytes, list[Body]]:
        """The next lines as bytes, and what is to be taken in once they are written."""
        head, written, told = self.head, bytearray(), list[Body]()
        for body in bodies:
            line, head = chain.sealed(head, body)
            written += line
            told.append({**body, "seq": head.seq, "hash": head.hash})
        return bytes(written), told


def started(controller: str, now: datetime) -> Body:
    """Another process writes from here on."""
    return _system(System.STARTED, controller, now)


def healed(controller: str, now: datetime, size: int, digest: str) -> Body:
    """A torn line of ``size`` bytes was taken away; ``digest``: its SHA-256."""
    return {**_system(System.HEALED, controller, now), "bytes": size, "sha256": digest}


def body(record: Record, controller: str, now: datetime) -> Body:
    """``record`` as a line says it; what it does not have is left out."""
    plain: dict[str, Any] = {
        "act": record.act.value,
        "id": record.id,
        "at": stamp(record.at),
        "kind": record.kind,
        "object": record.object,
        "uid": record.uid,
        "proof": record.proof.value,
        "because": record.because,
        "written": stamp(now),
        "controller": controller,
    }
    more = {
        "who": record.who,
        "claimed": record.claimed,
        "request": record.request,
        "stage": record.stage,
        "split": record.split,
        "revision": record.revision,
        "commit": record.commit,
        "evidence": record.evidence,
        "attempt": record.attempt,
        "epoch": record.epoch,
    }
    return plain | {key: value for key, value in more.items() if value}


def stamp(moment: datetime) -> str:
    """``2026-01-31T12:00:00.123Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _system(act: System, controller: str, now: datetime) -> Body:
    return {"act": act.value, "at": stamp(now), "controller": controller}


def _marks(body: Body) -> Marks:
    """As ``Book.first`` writes them; whoever can write the file can write them otherwise."""
    epochs = lenient.mapping(body.get("epochs"))
    return Marks(
        {uid: lenient.number(epoch) for uid, epoch in epochs.items()},
        lenient.texts(body.get("sources")),
        dict.fromkeys(map(lenient.text, lenient.items(body.get("refusals")))),
    )
