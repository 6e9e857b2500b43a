"""What operators read of us: log lines of allow-listed fields; metrics are in ``instruments``.

Nothing secret can be logged by accident: a field that is not named here is not written.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypedDict, Unpack


class Fields(TypedDict, total=False):
    """What a line may have besides its event; a caller that names another does not type-check."""

    rollout: object
    source: object
    upgrade: object
    switchover: object
    kind: object
    object: object
    commit: object
    revision: object
    phase: object
    state: object
    stage: object
    stop: object
    step: object
    stable: object
    canary: object
    reason: object
    split: object
    attempt: object
    epoch: object
    because: object
    action: object
    error: object
    seconds: object
    times: object
    address: object
    holder: object


FIELDS = tuple(Fields.__annotations__)
"""In the order of a line; what is not among them is not written, whoever passes it."""
LONGEST = 500  # of one value: a sentence fits, a page does not

_LOG = logging.getLogger("rollout")


def info(event: str, **fields: Unpack[Fields]) -> None:
    """One line that says ``event``, with those of ``fields`` that are allowed."""
    _LOG.info(event, extra={"fields": fields})


def warn(event: str, **fields: Unpack[Fields]) -> None:
    """As ``info``, for what a person should look at."""
    _LOG.warning(event, extra={"fields": fields})


def bug(event: str, error: BaseException, /, **fields: Unpack[Fields]) -> None:
    """As ``warn``, for an error that is not one of ours, with where it came from."""
    _LOG.error(event, exc_info=error, extra={"fields": {**fields, "error": repr(error)}})


class Lines(logging.Formatter):
    """One JSON object a line; control characters are escaped, so no value can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "event": _capped(record.getMessage()),
        }
        fields: Mapping[str, object] = getattr(record, "fields", {})
        line |= {name: _capped(fields[name]) for name in FIELDS if fields.get(name) is not None}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)[-4000:]
        return json.dumps(line, ensure_ascii=True)


def _rfc3339(seconds: float) -> str:
    """``2026-11-29T06:31:07.123Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _capped(value: object) -> object:
    if isinstance(value, bool | int | float):
        return value
    return str(value)[:LONGEST]
