"""The part of Kubernetes' JSONPath that printer columns use: fields, ``[0]``, ``[*]``, filters.

Source: Kubernetes docs, "JSONPath Support".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.?\[\?\(\s*@\.(?P<filter>[^=!\s]+)\s*(?P<sign>==|!=)\s*(?P<quoted>"[^"]*"|'[^']*'|[^)\s]+)\s*\)\]
      | \['(?P<key>[^']*)'\] | \.?\[(?P<index>-?\d+)\] | \.?\[(?P<all>\*)\]
      | \.(?P<name>(?:\\.|[^.\[\\])+)""",
    re.VERBOSE,
)


def found(document: Any, path: str) -> list[Any]:
    """Every value at ``path``, in document order; none is an empty list."""
    values = [document]
    for step in _steps(path):
        values = [part for value in values for part in _children(value, step)]
    return values


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[re.Match[str], ...]:
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    return tuple(_STEP.finditer(text if text.startswith((".", "[")) else f".{text}"))


def _children(value: Any, step: re.Match[str]) -> Iterator[Any]:
    if step["filter"]:
        yield from (item for item in _items(value) if _passes(item, step))
    elif step["all"]:
        yield from _items(value)
    elif step["index"]:
        items = value if isinstance(value, list) else []
        yield from items[int(step["index"]) :][:1]
    else:
        name = step["key"] or re.sub(r"\\(.)", r"\1", step["name"] or "")
        if name == "*":
            yield from _items(value)
        elif isinstance(value, dict) and name in value:
            yield value[name]


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _passes(item: Any, step: re.Match[str]) -> bool:
    wanted = step["quoted"].strip("\"'")
    values = found(item, f".{step['filter']}")
    same = bool(values) and _text(values[0]) == wanted
    return same is (step["sign"] == "==")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
