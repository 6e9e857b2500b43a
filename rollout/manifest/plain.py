"""Reading plain values that may be anything: what cannot be read is empty, and judged elsewhere."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from rollout import lenient
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.units import duration


def twice(entries: list[Any], path: Path, what: str) -> Iterator[Mistake]:
    """Where a name of ``entries`` is used again; ``what`` an entry is called."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(map(lenient.mapping, entries)):
        name = entry.get("name")
        if not isinstance(name, str) or not name:
            continue
        if name in seen:
            found = f"is {show(name)}, as {what} {seen[name]} is already"
            yield Mistake((*path, index, "name"), found, "a name of its own is wanted")
        seen.setdefault(name, index)


def time(value: object) -> timedelta | None:
    """The duration that ``value`` names, or None."""
    try:
        return duration(value)
    except ValueError:
        return None


def called(kind: str, obj: Mapping[str, Any]) -> str:
    """The object as messages name it: ``rollout shop/shop``."""
    metadata = lenient.meta(obj)
    namespace, name = metadata.get("namespace", ""), metadata.get("name", "")
    return f"{kind.lower()} {namespace}/{name}" if namespace else f"{kind.lower()} {name}"
