"""Whether a log is as it was written; the first line that is not, and what was done to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rollout.audit import chain
from rollout.audit.book import BEGINS, System
from rollout.audit.chain import GENESIS, Body, Head


class Fault(StrEnum):
    """What was done to a line."""

    EDITED = "edited"  # its own hash is another
    MISSING = "missing"  # lines before it are gone
    REORDERED = "reordered"  # it stands before lines that were written earlier
    REPEATED = "repeated"  # it stands there a second time
    SPLICED = "spliced"  # whole in itself, but it does not follow the line before
    TORN = "torn"  # the last one, without its end


@dataclass(frozen=True, slots=True)
class Broken:
    """The first line that is not as it was written; ``line`` counts from 1 in ``file``."""

    file: str
    line: int
    fault: Fault
    because: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.fault}: {self.because}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``first``: the number of the first line; not 0 where earlier files were not given.

    ``lines``: how many are whole; ``head``: the last of them. ``broken`` None: all of them are.
    """

    first: int
    lines: int
    head: Head
    broken: Broken | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A log file as it is: ``lines`` with their newlines, the last one perhaps without."""

    name: str
    lines: Sequence[bytes]

    @property
    def begins(self) -> int:
        """The number of its first whole line; a file without one sorts last."""
        bodies = (chain.opened(line) for line in self.lines)
        return next((int(body["seq"]) for body in bodies if body), 1 << 62)


def verified(files: Sequence[File], *, restarts: bool = False) -> Verdict:
    """What the files of one log come to, in whatever order they are given.

    ``restarts``: a new chain may begin in the middle, as each process does on stdout.
    """
    ordered = sorted(files, key=lambda file: file.begins)
    placed = list(_placed(ordered))
    numbers = {int(body["seq"]) for _, _, _, body in placed if body}
    seen: set[str] = set()
    head, first, count = Head(), 0, 0
    for file, number, line, body in placed:
        if body is None:
            why = _unreadable(line, is_last=number == len(file.lines))
            return Verdict(first, count, head, Broken(file.name, number, *why))
        fresh = count == 0 or (restarts and body["seq"] == 0)
        fault = _first(body) if fresh else _follows(head, body, numbers, seen)
        if fault is not None:
            return Verdict(first, count, head, Broken(file.name, number, *fault))
        first = int(body["seq"]) if count == 0 else first
        head, count = chain.head(body), count + 1
        seen.add(head.hash)
    return Verdict(first, count, head)


def _placed(files: Sequence[File]) -> Iterator[tuple[File, int, bytes, Body | None]]:
    for file in files:
        for number, line in enumerate(file.lines, 1):
            yield file, number, line, chain.opened(line)


def _unreadable(line: bytes, *, is_last: bool) -> tuple[Fault, str]:
    if is_last and not line.endswith(b"\n"):
        return Fault.TORN, f"{len(line)} bytes without an end; the controller heals it at its start"
    return Fault.EDITED, "what it says does not have the hash that it names"


def _first(body: Body) -> tuple[Fault, str] | None:
    """What is wrong with a line with which a log, or what is left of it, begins."""
    seq = body["seq"]
    if body.get("act") not in BEGINS or (seq == 0) != (body.get("act") == System.GENESIS):
        return Fault.MISSING, f"lines before number {seq} are gone; a file does not begin so"
    if seq == 0 and body["prev"] != GENESIS:
        return Fault.SPLICED, "it is the first line, and names one before it"
    return None


def _follows(head: Head, body: Body, numbers: set[int], seen: set[str]) -> tuple[Fault, str] | None:
    """What is wrong with a line after ``head``; None: it is the next one."""
    seq, wanted = int(body["seq"]), head.seq + 1
    if seq == wanted:
        if body["prev"] == head.hash:
            return None
        return Fault.SPLICED, f"number {seq} follows another line than number {head.seq} here"
    if str(body["hash"]) in seen:
        return Fault.REPEATED, f"number {seq} stands above already"
    if seq < wanted:
        return Fault.SPLICED, f"number {seq} after number {head.seq}; it is of another log"
    if wanted in numbers:
        return Fault.REORDERED, f"number {seq} stands before number {wanted}"
    gone = f"number {wanted} is" if seq == wanted + 1 else f"numbers {wanted} to {seq - 1} are"
    return Fault.MISSING, f"{gone} gone before it"
