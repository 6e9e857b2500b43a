"""A noun from plain values, and pydantic's complaints in our words."""

import difflib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rollout.manifest.scan import Mistake, Path, show
from rollout.model.units import adapter_of, counted

_WANTED = {
    "int_type": "a whole number is wanted",
    "int_from_float": "a whole number is wanted",
    "float_type": "a number is wanted",
    "bool_type": "true or false is wanted",
    "dataclass_type": "a mapping is wanted",
    "dict_type": "a mapping is wanted",
    "mapping_type": "a mapping is wanted",
    "tuple_type": "a list is wanted",
    "finite_number": "a finite number is wanted",
}

_COUNTED = {
    "too_long": (("entry", "entries"), "at most", "max_length"),
    "too_short": (("entry", "entries"), "at least", "min_length"),
    "string_too_long": (("character",), "at most", "max_length"),
    "string_too_short": (("character",), "at least", "min_length"),
}
"""What is counted of a value with too many or too few of it, and what pydantic calls the limit."""


def build(noun: Any, plain: object, keys: Callable[[Path], tuple[str, ...]]) -> Any:
    """The ``noun`` that ``plain`` describes, or a list of every Mistake that pydantic found.

    Read strictly and as JSON: text is no number, a number no text, and names are camelCase.
    ``keys``: which keys may stand in the mapping at a path, for "did you mean".
    """
    try:
        text = json.dumps(plain, allow_nan=False)
        return adapter_of(noun).validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        found = error.errors(include_url=False)
        return [_mistake(one, plain, keys) for one in found[:_ENOUGH]]
    except (ValueError, RecursionError):
        return [Mistake((), "is no JSON", "finite numbers and little nesting are wanted")]


_ENOUGH = 50


def _mistake(
    error: ErrorDetails, plain: object, keys: Callable[[Path], tuple[str, ...]]
) -> Mistake:
    path: Path = tuple(part for part in error["loc"] if part != "[key]")
    kind, value = error["type"], at(plain, path, error.get("input"))
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return Mistake(path, "is unknown", did_you_mean(str(path[-1]), keys(path[:-1])))
    if kind == "missing":
        return Mistake(path, "is missing", "it is required")
    if kind == "value_error":
        found, _, wanted = error["msg"].removeprefix("Value error, ").partition("; ")
        if found == f"is {error.get('input')!r}":
            return Mistake(path, f"is {kind_of(value)}", wanted, shows=True)
        return Mistake(path, _short(found), wanted)
    if kind in _COUNTED and isinstance(value, str | list | Mapping):
        noun, limit, word = _COUNTED[kind]
        most = error.get("ctx", {}).get(word, 0)
        wanted = f"{limit} {most} {'is' if most == 1 else 'are'} wanted"
        return Mistake(path, f"has {counted(len(value), *noun)}", wanted)
    return Mistake(path, f"is {kind_of(value)}", _wanted(error, value), shows=True)


def at(plain: Any, path: Path, otherwise: object) -> object:
    """The value at ``path`` as it was given; ``otherwise`` where the path leads to none."""
    for part in path:
        try:
            plain = plain[part]
        except (KeyError, IndexError, TypeError):
            return otherwise
    return plain


def _wanted(error: ErrorDetails, value: object) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in ("enum", "literal_error"):
        return f"{str(context.get('expected', '')).replace(chr(39), '')} is wanted"
    if kind == "string_pattern_mismatch":
        return f"text like {context.get('pattern')} is wanted"
    if kind == "string_type":
        quotes = ": put it in quotes" if isinstance(value, bool | int | float) else ""
        return f"text is wanted{quotes}"
    said = error["msg"].removeprefix("Input should be ")
    return _WANTED.get(kind, f"{said[:1].lower()}{said[1:]} is wanted")


def kind_of(value: object) -> str:
    """``value`` in a message; what has parts is only called by its kind."""
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else show(value)


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """The likeliest of ``known``, or all of them when none is near."""
    if not known:
        return "leave it out"
    plain = re.sub("[^a-z]", "", word.lower())[:64]
    near = difflib.get_close_matches(plain, [name.lower() for name in known], 1, 0.7)
    if near:
        return f"did you mean {next(name for name in known if name.lower() == near[0])}?"
    return f"one of {', '.join(known)} is wanted"


def _short(found: str) -> str:
    return found if len(found) <= 200 else f"{found[:120]}…"
