"""An audit log as a file that survives crashes, rotation and a full disk; or as a stream.

A file is opened for appending and each write is followed by ``fsync``, so what is said to be
written is on the disk. A write that fails half way is taken back; what a crash tore is taken away
at the next opening, and the log says so. A file that was renamed is left, and the chain goes on
in a new one, which begins with all that its successor must know.
"""

import asyncio
import contextlib
import errno
import fcntl
import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Protocol, TypeVar

from rollout.audit import book
from rollout.audit.book import Book, Marks
from rollout.audit.chain import Body, Head
from rollout.errors import OutsideError, why
from rollout.model.audit import Record

T = TypeVar("T")

PRIVATE = 0o640  # who may read it besides us is the group's
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(slots=True)
class FileLog:
    """The log at ``path``; ``controller``: this process, unlike any other.

    ``beside``: which other files there may be that tell of what was told there before, such as
    those of other shards while their number was another; asked at each opening.

    All methods block, and are to be called by one at a time. Errors of all: ``OutsideError``, and
    then nothing of that call is in the log.
    """

    path: Path
    controller: str
    clock: Callable[[], datetime]
    beside: Callable[[], Iterable[Path]] = tuple
    _book: Book = field(default_factory=Book)
    _file: int = -1
    _size: int = 0
    _lock: int = -1

    def open(self) -> Marks:
        """Nobody else writes it from now on; answers with what it has told already."""
        with self._trouble():
            self._take_lock()
            self._enter()
            self._write(iter((book.started(self.controller, self.clock()),)))
            marks = self._book.marks.copy()
            for other in self.beside():
                marks.take(_told(other).marks)
            return marks

    def append(self, records: Sequence[Record]) -> None:
        """They are on the disk, in this order."""
        with self._trouble():
            if self._is_elsewhere():
                self._leave()
                self._enter()
            now = self.clock()
            self._write(book.body(record, self.controller, now) for record in records)

    def forget(self, uid: str) -> None:
        """The object of that uid is no more, so no later file needs to know of it."""
        self._book.marks.forget(uid)

    def close(self) -> None:
        """Somebody else may write it."""
        for number in (self._file, self._lock):
            if number >= 0:
                os.close(number)
        self._file = self._lock = -1

    @contextlib.contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutsideError(f"audit log {self.path}: {why(error)}") from None

    def _take_lock(self) -> None:
        """Of a file beside the log, since the log itself is renamed under its writers."""
        if self._lock >= 0:
            return
        self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return  # a network's disk that knows no locks: the Lease alone keeps us apart
            os.close(self._lock)
            self._lock = -1
            raise OutsideError(f"audit log {self.path}: another process writes it") from None

    def _enter(self) -> None:
        """The file at ``path`` is open, healed, and begins as a file of this chain does."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(self.path, flags, PRIVATE)
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode):  # such as /dev/stdout, which never ends when it is read
            self._leave()
            raise OutsideError(f"audit log {self.path}: is no file; - is what stdout is called")
        self._size = found.st_size
        if torn := self._read():
            os.ftruncate(self._file, self._size - len(torn))
            self._size -= len(torn)
        if not self._size:
            if self._book.head == Head():
                self._book = _predecessor(self.path)
            self._write(iter((self._book.first(self.controller, self.clock()),)))
            _sync_folder(self.path.parent)
        if torn:  # what a crash has left of a line is gone; its record is told anew
            digest = hashlib.sha256(torn).hexdigest()
            told = book.healed(self.controller, self.clock(), len(torn), digest)
            self._write(iter((told,)))

    def _leave(self) -> None:
        os.close(self._file)
        self._file = -1

    def _read(self) -> bytes:
        """What the file has told is known; answers with what stands behind its last newline."""
        known, last = Book(), b""
        with os.fdopen(os.dup(self._file), "rb") as stream:
            stream.seek(0)
            for line in stream:
                last = b"" if known.read(line) or line.endswith(b"\n") else line
        if known.head.seq >= self._book.head.seq:
            self._book = known
        return last

    def _is_elsewhere(self) -> bool:
        """Whether ``path`` is another file by now, or was emptied."""
        if self._file < 0:
            return False
        mine = os.fstat(self._file)
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return True
        return (there.st_dev, there.st_ino, mine.st_size) != (
            *(mine.st_dev, mine.st_ino),
            self._size,
        )

    def _write(self, bodies: Iterator[Body]) -> None:
        lines, told = self._book.lines(bodies)
        try:
            _all(self._file, lines)
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)
        for body in told:
            self._book.take(body)


@dataclass(slots=True)
class StreamLog:
    """The log on a stream, such as stdout: each process's is a chain of its own."""

    stream: BinaryIO
    controller: str
    clock: Callable[[], datetime]
    _book: Book = field(default_factory=Book)

    def open(self) -> Marks | None:
        """None: what other processes have told cannot be read."""
        if self._book.head == Head():
            self._write(iter((self._book.first(self.controller, self.clock()),)))
        return None

    def append(self, records: Sequence[Record]) -> None:
        now = self.clock()
        self._write(book.body(record, self.controller, now) for record in records)

    def forget(self, uid: str) -> None:
        self._book.marks.forget(uid)

    def close(self) -> None:
        """The stream belongs to the process."""

    def _write(self, bodies: Iterator[Body]) -> None:
        lines, told = self._book.lines(bodies)
        try:
            self.stream.write(lines)
            self.stream.flush()
        except OSError as error:
            raise OutsideError(f"audit log: {why(error)}") from None
        for body in told:
            self._book.take(body)


class Blocking(Protocol):
    """A log whose calls take their time."""

    def open(self) -> Marks | None: ...

    def append(self, records: Sequence[Record]) -> None: ...

    def forget(self, uid: str) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Aside:
    """``log`` in a thread, so that a slow disk keeps nobody waiting. Errors: as its own.

    Whoever gives up waiting leaves a call behind that goes on; the next one comes after it.
    """

    log: Blocking
    _turn: Lock = field(default_factory=Lock)

    async def open(self) -> Marks | None:
        return await asyncio.to_thread(self._alone, self.log.open)

    async def append(self, records: Sequence[Record]) -> None:
        await asyncio.to_thread(self._alone, lambda: self.log.append(records))

    def forget(self, uid: str) -> None:
        self.log.forget(uid)

    async def close(self) -> None:
        await asyncio.to_thread(self._alone, self.log.close)

    def _alone(self, call: Callable[[], T]) -> T:
        with self._turn:
            return call()


def lines(path: Path) -> Iterable[bytes]:
    """The lines of a log file, also of one that was compressed.

    Errors: ``OSError``; ``EOFError`` where one that was compressed is cut.
    """
    if path.suffix == ".gz":
        try:
            with gzip.open(path) as unpacked:
                yield from unpacked
        except zlib.error as error:
            raise OSError(errno.EIO, "what was compressed is spoilt") from error
        return
    with path.open("rb") as stream:
        yield from stream


def _predecessor(path: Path) -> Book:
    """What the newest of the files beside ``path`` that were it once has told; none: an empty one.

    logrotate names them ``audit.jsonl.1``, ``audit.jsonl-20260131.gz`` or ``audit-20260131.jsonl``.
    """
    newest = Book()
    for other in path.parent.glob(f"{path.stem}*"):
        if other == path or other.suffix == ".lock" or not other.is_file():
            continue
        found = _told(other)
        if found.head.seq > newest.head.seq:
            newest = found
    return newest


def _told(path: Path) -> Book:
    """What the log file has told, as far as it can be read."""
    book = Book()
    with contextlib.suppress(OSError, EOFError):
        for line in lines(path):
            book.read(line)
    return book


def _all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(folder: Path) -> None:
    """So that the file's name is on the disk, too."""
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
