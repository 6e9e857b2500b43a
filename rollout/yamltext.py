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


def read(text: str | bytes) -> list[Any] | None:
    """Every document of YAML that somebody else wrote; None where any of them cannot be read."""
    try:
        return list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except UNREADABLE:
        return None
