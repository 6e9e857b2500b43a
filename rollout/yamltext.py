"""Values as YAML text: fields in their order, each value where it stands, never an alias.

And back, of text that somebody else wrote: none where nobody can read it.
"""

from collections.abc import Iterable
from typing import Any

import yaml

WIDTH = 100
"""Columns from which on a long text goes on in the next line."""


class _Plain(yaml.CSafeDumper):
    """What stands twice is written twice: an alias is short for us and a riddle for a reader."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def document(value: Any, *, width: int = WIDTH, by_name: bool = False) -> str:
    """One document, of plain JSON values; ``by_name``: fields sorted, so that two compare."""
    return documents([value], width=width, by_name=by_name)


def documents(values: Iterable[Any], *, width: int = WIDTH, by_name: bool = False) -> str:
    """As ``document``, several with ``---`` between them."""
    text: str = yaml.dump_all(
        values, Dumper=_Plain, sort_keys=by_name, allow_unicode=True, width=width
    )
    return text


UNREADABLE = (
    *(yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError),
    *(OverflowError, RecursionError),
)
"""What PyYAML raises on hostile text: of ``!!int ""`` an IndexError, for one."""


MOST = 1_000_000
"""Values of a text in which each alias counts as all that it stands for."""


def read(text: str | bytes, most: int = MOST) -> list[Any] | None:
    """Every document of YAML that somebody else wrote; None where any of them cannot be read.

    So it is where they have more than ``most`` values: a few lines of aliases stand for billions,
    and take as long to merge; one that stands for itself never ends.
    """
    try:
        if _may_exceed(text, most) and _values(text, most) > most:
            return None
        return list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except UNREADABLE:
        return None


def _may_exceed(text: str | bytes, most: int) -> bool:
    """Whether it is worth a count; no text has more values than characters but by aliases."""
    marks = (b"&", b"*") if isinstance(text, bytes) else ("&", "*")
    return len(text) > most or all(mark in text for mark in marks)  # type: ignore[operator]


def _values(text: str | bytes, most: int) -> int:
    """How many values it has, or more than ``most``."""
    found, counts, anchors = 0, [0], list[str | None]()
    known: dict[str, int] = {}
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            known = {}
        elif isinstance(event, yaml.CollectionEndEvent):
            size = counts.pop()
            if anchor := anchors.pop():
                known[anchor] = size
            counts[-1] += size
        elif isinstance(event, yaml.CollectionStartEvent):
            counts.append(1)
            anchors.append(event.anchor)
            known |= {event.anchor: most + 1} if event.anchor else {}
        elif isinstance(event, yaml.NodeEvent):
            is_alias = isinstance(event, yaml.AliasEvent)
            counts[-1] += known.get(event.anchor or "", 1) if is_alias else 1
        found = max(found, counts[-1])
        if found > most:
            break
    return found
