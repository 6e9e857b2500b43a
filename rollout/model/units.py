"""How people write durations, percentages and weights, and what they become."""

import math
import re
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from rollout.errors import visible

CONFIG = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
"""How every noun reads and writes: camelCase outside, unknown keys are errors."""


def exactly_one(*keys: str) -> ConfigDict:
    """``CONFIG`` of a noun of which one of the ``keys``, camelCase, must be there, and one alone.

    For the schema: what it says, the API server and an editor refuse; the noun itself says why.
    """
    one_of: list[Any] = [{"required": [key]} for key in keys]
    return ConfigDict(**CONFIG, json_schema_extra={"oneOf": one_of})


SOME = Field(json_schema_extra={"minItems": 1})
"""Of a list: an empty one is refused by its schema; in what words else, the rules of it say."""

T = TypeVar("T")


def adapter_of(noun: type[T]) -> TypeAdapter[T]:
    """How ``noun`` is read and written; made when it is first needed, which takes a while."""
    made: TypeAdapter[T] = _made(cast(Any, noun))
    return made


@cache
def _made(noun: Any) -> TypeAdapter[Any]:
    return TypeAdapter(noun)


MOST = 79
"""Characters of a ``because``."""


def sentence(text: str, most: int = MOST) -> str:
    """``text`` in at most ``most`` characters, 79 of them in every ``because``.

    What is too long is cut in its middle: it begins with what it is about and ends with what
    decides (an image, an exit code, a policy's own words), and both are needed.
    """
    text = visible(text)
    if len(text) <= most:
        return text
    end = most * 3 // 5
    return f"{text[: most - end - 1].rstrip()}…{text[-end:].lstrip()}"


def counted(number: float, noun: str, plural: str = "") -> str:
    """``1 pod``, ``2 pods``; ``plural`` where an s does not make it: ``3 proxies``."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_YEAR = 365 * _SECONDS["d"]
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_WHOLE_PERCENT = re.compile(r"0*(100|[0-9]{1,2})%")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%?")


def duration(value: object) -> timedelta:
    """The time that ``90s``, ``5m``, ``2h``, ``1d`` or ``250ms`` names; a timedelta is itself.

    Errors: ``ValueError``, with what was found and what is wanted.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"is {value!r}; a duration is written 250ms, 90s, 5m, 2h or 1d")
    count = int(match[1])
    seconds = count / 1000 if match[2] == "ms" else count * _SECONDS[match[2]]
    if seconds > _YEAR:  # adding what is much longer to a date overflows it
        raise ValueError(f"is {value!r}; a duration is at most 365d")
    return timedelta(milliseconds=count) if match[2] == "ms" else timedelta(seconds=seconds)


def lasting(value: object) -> timedelta:
    """As ``duration``, of what cannot be no time at all.

    Errors: ``ValueError``, with what was found and what is wanted.
    """
    found = duration(value)
    if found <= timedelta(0):
        told = words(value) if isinstance(value, timedelta) else value
        raise ValueError(f"is {told!r}; a time above 0 is wanted")
    return found


def past(at: datetime | None, now: datetime) -> datetime | None:
    """``at``, which is never to come: a wall clock was ahead where it says so, and it is now."""
    return None if at is None else min(at, now)


def words(value: timedelta) -> str:
    """``value`` as a person would write it: the largest unit that keeps it whole."""
    milliseconds = round(value / timedelta(milliseconds=1))
    if milliseconds % 1000:
        return f"{milliseconds}ms"
    seconds = milliseconds // 1000
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"


def share(value: object) -> float:
    """The share of one that ``5%``, ``5`` or ``0.1%`` names: always percent, never a ratio.

    Errors: ``ValueError`` for anything outside 0 to 100, a bool, NaN or other text.
    """
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    found = float(match[1]) if match else value
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"is {value!r}; a percentage is written 5% or 5")
    if not 0 <= found <= 100:
        raise ValueError(f"is {value!r}; a percentage lies between 0 and 100")
    return found / 100


def chance(value: object) -> float:
    """As ``share``, of a chance that a test can keep to: never none, and not more often than not.

    Errors: ``ValueError`` for anything else.
    """
    found = share(value)
    if not 0 < found <= 0.5:
        raise ValueError(f"is {value!r}; above 0% and at most 50% is wanted")
    return found


def percent(value: float) -> str:
    """A share of one as people read it: ``0.001`` is ``0.1%``."""
    return f"{value * 100:.6g}%"


def _whole_percent(value: object) -> int:
    if isinstance(value, str) and (match := _WHOLE_PERCENT.fullmatch(value)):
        value = int(match[1])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError(f"is {value!r}; a weight is a whole number from 0 to 100")
    return value


DURATION: dict[str, Any] = {
    "type": "string",
    "pattern": "^[0-9]{1,9}(ms|s|m|h|d)$",
    "examples": ["90s", "5m"],
}
"""JSON Schema of a length of time."""


Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    PlainSerializer(words, return_type=str),
    WithJsonSchema(DURATION),
]
"""A length of time, written ``90s``, ``5m``, ``2h``, ``1d``."""

Lasting = Annotated[
    timedelta,
    BeforeValidator(lasting),
    PlainSerializer(words, return_type=str),
    WithJsonSchema(DURATION | {"pattern": "^0{0,8}[1-9][0-9]{0,8}(ms|s|m|h|d)$"}),
]
"""A length of time above 0."""

_PERCENT_SCHEMA: list[dict[str, Any]] = [
    {"type": "number", "minimum": 0, "maximum": 100},
    {"type": "string", "pattern": r"^(0?[0-9]{1,2}(\.[0-9]{1,6})?|100(\.0{1,6})?)%?$"},
]
_WHOLE_SCHEMA: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 0, "maximum": 100},
    {"type": "string", "pattern": "^0*(100|[0-9]{1,2})%$"},
]

Share = Annotated[
    float,
    BeforeValidator(share),
    PlainSerializer(percent, return_type=str),
    WithJsonSchema({"anyOf": _PERCENT_SCHEMA, "examples": ["5%", 5]}),
]
"""A share of one, written in percent: ``5%`` or ``5`` is 0.05."""

_CHANCE_SCHEMA: list[dict[str, Any]] = [
    {"type": "number", "minimum": 0, "maximum": 50, "not": {"enum": [0]}},
    {
        "type": "string",
        "pattern": r"^(0{1,3}\.[0-9]{0,5}[1-9][0-9]{0,5}"
        r"|(0{0,2}[1-9]|0?[1-4][0-9])(\.[0-9]{1,6})?|0?50(\.0{1,6})?)%?$",
    },
]

Chance = Annotated[
    float,
    BeforeValidator(chance),
    PlainSerializer(percent, return_type=str),
    WithJsonSchema({"anyOf": _CHANCE_SCHEMA, "examples": ["5%", 5]}),
]
"""A chance of being wrong, in percent: above 0 and at most 50."""

Weight = Annotated[
    int,
    BeforeValidator(_whole_percent),
    Field(ge=0, le=100),
    WithJsonSchema({"anyOf": _WHOLE_SCHEMA, "examples": [5]}),
]
"""A whole percentage of ordinary requests."""
