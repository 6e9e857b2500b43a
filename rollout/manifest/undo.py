"""One commit's change to one file taken back, in the file as it is now; texts in, a text out."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST = 20_000  # lines of a file; comparing longer ones takes too long


@dataclass(frozen=True, slots=True)
class _Change:
    """Lines ``start`` to ``end`` of the file after the commit were ``old`` before it."""

    start: int
    end: int
    old: tuple[str, ...]


def undone(before: str, after: str, now: str, line: str = "") -> str | None:
    """``now`` without what the commit changed; None: it cannot be told what that would be.

    ``before``, ``after``: the file as the commit found and left it. ``line``: where the commit
    wrote exactly one line with this text, such as ``revision: v2``, that one alone is taken back,
    since the rest of the commit may be somebody else's.
    """
    old, new, mine = before.splitlines(True), after.splitlines(True), now.splitlines(True)
    if max(len(old), len(new), len(mine)) > MOST:
        return None
    changes = [*_changes(old, new)]
    wanted = _one_line(changes, new, line) or changes
    moved = _places(new, mine)
    result = [*mine]
    for change in sorted(wanted, key=lambda one: one.start, reverse=True):
        place = _place(change, new, mine, moved)
        if place is None:
            return None
        result[place : place + change.end - change.start] = change.old
    return "".join(result)


def _changes(old: Sequence[str], new: Sequence[str]) -> Iterator[_Change]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_start, old_end, start, end in matcher.get_opcodes():
        if tag != "equal":
            yield _Change(start, end, tuple(old[old_start:old_end]))


def _one_line(changes: Sequence[_Change], new: Sequence[str], line: str) -> list[_Change]:
    """The one line, if the commit wrote it once and the line that it replaced can be told."""
    if not line:
        return []
    found = [
        _Change(number, number + 1, (change.old[number - change.start],))
        for change in changes
        if change.end - change.start == len(change.old)
        for number in range(change.start, change.end)
        if _says(new[number], line)
    ]
    return found if len(found) == 1 else []


def _says(text: str, line: str) -> bool:
    """Whether a line of YAML is ``key: value``, in whatever quotes and with whatever comment."""
    key, _, value = line.partition(":")
    plain = text.partition(" #")[0].strip().removeprefix("- ").strip()
    found, colon, rest = plain.partition(":")
    return bool(colon) and found.strip() == key and rest.strip().strip("'\"") == value.strip()


def _places(new: Sequence[str], mine: Sequence[str]) -> dict[int, int]:
    """Where each line that the commit left stands now, of those that still stand."""
    matcher = difflib.SequenceMatcher(None, new, mine, autojunk=False)
    return {
        block.a + offset: block.b + offset
        for block in matcher.get_matching_blocks()
        for offset in range(block.size)
    }


def _place(
    change: _Change, new: Sequence[str], mine: Sequence[str], moved: dict[int, int]
) -> int | None:
    """The first of the lines now that the change wrote; None: they are not as it left them."""
    size = change.end - change.start
    if size:
        first = moved.get(change.start)
        if first is None or list(mine[first : first + size]) != list(
            new[change.start : change.end]
        ):
            return None
        return first
    before = moved.get(change.start - 1) if change.start else -1
    after = moved.get(change.start) if change.start < len(new) else len(mine)
    if before is None or before + 1 != after:
        return None  # something else stands there by now
    return after
