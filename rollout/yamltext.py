"""Values as YAML text: fields in their order, each value where it stands, never an alias."""

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
