"""Other people's JSON, read whatever its shape: what has another type than wanted is empty.

Nothing here raises, so that one odd object costs its readers that one object.
"""

from collections.abc import Iterator, Mapping
from typing import Any

NONE: Mapping[str, Any] = {}
MAPPING = (dict, Mapping)
"""For ``isinstance``: an ABC alone takes four times as long, and nearly all are dicts."""


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, MAPPING) else NONE


def items(value: object) -> list[Any]:
    """``value`` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """The mappings among the elements of a list."""
    return (element for element in items(value) if isinstance(element, MAPPING))


def text(value: object) -> str:
    """``value`` if it is text, else empty."""
    return value if isinstance(value, str) else ""


def number(value: object, default: int = 0) -> int:
    """``value`` if it is a whole number and no bool, else ``default``."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def whole(text: str, digits: int = 15) -> int | None:
    """The number that ``text`` is in at most so many of ASCII's digits; None for any other.

    ``isdigit`` takes ``²``, too, and ``int`` refuses that as it refuses 5,000 digits.
    """
    return int(text) if 0 < len(text) <= digits and text.isascii() and text.isdigit() else None


def texts(value: object) -> dict[str, str]:
    """The entries of a mapping whose keys and values are text: labels, annotations, data."""
    return {
        key: word
        for key, word in mapping(value).items()
        if isinstance(key, str) and isinstance(word, str)
    }


def under(value: object, *keys: str) -> Any:
    """What stands at ``keys``, one below the other; None where the way ends before."""
    for key in keys:
        if not isinstance(value, MAPPING):
            return None
        value = value.get(key)
    return value


def meta(obj: object) -> Mapping[str, Any]:
    """An object's ``metadata``."""
    return mapping(under(obj, "metadata"))


def labels(obj: object) -> dict[str, str]:
    """An object's labels."""
    return texts(meta(obj).get("labels"))


def annotations(obj: object) -> dict[str, str]:
    """An object's annotations."""
    return texts(meta(obj).get("annotations"))


def name(obj: object) -> str:
    """An object's name."""
    return text(meta(obj).get("name"))


def namespace(obj: object) -> str:
    """An object's namespace; empty where it has none."""
    return text(meta(obj).get("namespace"))
