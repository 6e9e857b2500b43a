"""What Prometheus' HTTP API answered: status and body to a ``Reply``, or an error in our own words.

No word of a foreign answer reaches a message. Source of the shapes:
https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

from rollout.errors import OutsideError, RefusedError
from rollout.model.observation import Reply, Series

Kind = Literal["vector", "matrix"]
"""What an instant query gives, and what a range query gives."""

REFUSED = (400, 401, 403, 404, 405, 422)
ERROR_TYPES = frozenset({"bad_data", "execution", "canceled", "timeout", "internal", "unavailable"})
MOST_PARTS = 400_000
"""Mappings and lists of an answer; a series has three, and each takes 260 bytes once it is read."""
NOT_THE_APIS = "an answer that is not the API's"


def read(status: int, body: bytes, kind: Kind) -> Reply:
    """The reply to a query that must give a ``kind``.

    Errors: ``OutsideError`` when this is no answer, ``RefusedError`` when it is no.
    """
    if status != 200:
        _refuse(status, _decoded(body))
    if body.count(b"{") + body.count(b"[") > MOST_PARTS:
        raise OutsideError(says("an answer of too many series to read; sum by fewer labels"))
    try:
        return _reply(_strictly(body), kind)
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise OutsideError(says(NOT_THE_APIS)) from error


def says(found: str) -> str:
    """``found`` as a message."""
    return f"prometheus: {found}"


def _decoded(body: bytes) -> Any:
    """The JSON of an error's body; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _refuse(status: int, answer: Any) -> NoReturn:
    reason = f"status {status}{_error_type(answer)}"
    if place := _place(answer):
        raise RefusedError(says(f"{reason}, cannot be parsed at {place}"))
    if status in REFUSED or 300 <= status < 400:
        raise RefusedError(says(f"{reason}, its answer was no"))
    raise OutsideError(says(reason))


def _reply(answer: Any, kind: Kind) -> Reply:
    if answer["status"] != "success":
        raise OutsideError(says(f"an error{_error_type(answer)} in a 200"))
    found = answer["data"]["resultType"]
    if found not in {kind, "scalar"}:
        named = found if found in {"vector", "matrix", "string"} else "something else"
        raise RefusedError(says(f"a {named} came, the query must give a {kind}"))
    result = answer["data"]["result"]
    series = _scalar(result) if found == "scalar" else _series(result, kind)
    return Reply(series, partial=bool(answer.get("warnings")))


def _strictly(body: bytes) -> Any:
    """The JSON of ``body``: UTF-8, no NaN, and no key twice, where readers differ."""
    text = body.decode("utf-8")
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_once)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _error_type(answer: Any) -> str:
    found = answer.get("errorType") if isinstance(answer, dict) else None
    return f" ({found})" if isinstance(found, str) and found in ERROR_TYPES else ""


_PARSE_ERROR = re.compile(r"\b([0-9]{1,5}):([0-9]{1,6}): parse error")


def _place(answer: Any) -> str:
    """Where in the query Prometheus stumbled, in words; of its own text only the numbers.

    Source: Prometheus, promql/parser, ``ParseErr.Error``: line and column before the reason.
    """
    text = answer.get("error") if isinstance(answer, dict) else None
    match = _PARSE_ERROR.search(text) if isinstance(text, str) else None
    if match is None:
        return ""
    line = f"line {match[1]}, " if match[1] != "1" else ""
    return f"{line}character {match[2]}"


def _series(result: Any, kind: Kind) -> tuple[Series, ...]:
    key = "value" if kind == "vector" else "values"
    if any("histogram" in one or "histograms" in one for one in result):
        raise RefusedError(says("a native histogram came, the query must give numbers"))
    return tuple(
        Series(
            _labels(one["metric"]),
            tuple(map(_point, [one[key]] if kind == "vector" else one[key])),
        )
        for one in result
    )


def _labels(metric: Mapping[Any, Any]) -> dict[str, str]:
    return {str(k): str(v) for k, v in metric.items()}


def _scalar(result: Any) -> tuple[Series, ...]:
    return (Series({}, (_point(result),)),)


_NUMBER = re.compile(r"[-+.0-9A-Za-z]+")
"""As Go writes numbers; ``float`` takes blanks, ``1_0`` and digits of every script, too."""


def _point(pair: Any) -> tuple[datetime, float]:
    at, value = pair
    if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at):
        raise TypeError("a time must be a number")
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise TypeError("a value must be a number in a string")
    return datetime.fromtimestamp(at, UTC), float(value)
