"""Bodies in Kubernetes' protobuf form, as client-go and kubectl send them for built-in kinds.

Fields that are not known are skipped, as a real server of an older version skips them; a kind that
is not known is refused with a 415 in words. Answers are JSON, which these clients take as well.
Source: Kubernetes docs, "Kubernetes API Concepts", section "Kubernetes Protobuf encoding"; the
table of fields is made by .ci/protobuf-fields and compared with a real server by tests/contract.
"""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from rollout.lab.apiserver.problems import Problem

JsonObject = dict[str, Any]
Value = int | float | bytes

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_TABLE = Path(__file__).with_name("fields.txt")
_CORE = "core/v1"
_ODD = (IndexError, ValueError, TypeError, OverflowError, OSError, RecursionError, struct.error)
_OPTIONS = "meta/v1.DeleteOptions"  # sent under the group and version of what is deleted


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message: JSON's ``name``, and of which type it is.

    ``many``: a list, ``mapped``: by text. ``zero``: JSON has it although it is zero.
    ``inline``: the message's own fields stand in its parent's place.
    ``type``: s text, i whole number, b truth, y bytes, d number, a way of ``_WAYS``, or a message.
    """

    name: str
    type: str
    many: bool = False
    mapped: bool = False
    zero: bool = False
    inline: bool = False


def parsed(body: bytes) -> JsonObject:
    """The object in ``body``; raises a 415 for a kind that is not known, or what is no protobuf."""
    if not body.startswith(_MAGIC):
        raise _refused("the body does not start with the four bytes that every one starts with")
    try:
        whole = dict(_fields(body[len(_MAGIC) :]))
        about = {number: _raw(value).decode() for number, value in _fields(_raw(whole.get(1, b"")))}
        version, kind = about.get(1, ""), about.get(2, "")
        if whole.get(3):
            raise _refused(f"a body in {_raw(whole[3])!r:.40} is not read here; send it plain")
        if (name := _named(version, kind)) not in messages():
            raise _refused(f"{version} {kind} is not read in this form here; send JSON")
        return {"apiVersion": version, "kind": kind, **_message(_raw(whole.get(2, b"")), name)}
    except _ODD as error:
        raise _refused(f"the body cannot be read ({error!s:.80})") from error


@cache
def messages() -> Mapping[str, Mapping[int, Field]]:
    """Every message that is known, by package and name, with its fields by number."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()[1:]
    rows = (line.split() for line in lines)
    return {name: dict(map(_field, fields)) for name, *fields in rows}


def _field(text: str) -> tuple[int, Field]:
    number, name, kind, word = (*text.split(":"), "")[:4]
    return int(number), Field(
        name, kind.lstrip("*%"), kind[0] == "*", kind[0] == "%", word == "zero", word == "inline"
    )


def _named(version: str, kind: str) -> str:
    """``v1`` is core/v1; of a group with a dot, ``networking.k8s.io/v1``, its first word counts."""
    group, _, number = version.rpartition("/")
    package = f"{group.partition('.')[0]}/{number}" if group else _CORE
    return _OPTIONS if kind == "DeleteOptions" else f"{package}.{kind}"


def _refused(why: str) -> Problem:
    return Problem(415, "UnsupportedMediaType", f"protobuf: {why}")


def _message(data: bytes, name: str) -> JsonObject:
    fields = messages()[name]
    found: JsonObject = {}
    for number, value in _fields(data):
        if field := fields.get(number):
            _add(found, field, value)
    return found


def _add(found: JsonObject, field: Field, value: Value) -> None:
    if field.mapped:
        entry = dict(_fields(_raw(value)))
        key = _raw(entry.get(1, b"")).decode()
        usual: Value = b"" if field.type in ("s", "y", "quantity") or "." in field.type else 0
        found.setdefault(field.name, {})[key] = _value(field.type, entry.get(2, usual))
        return
    content = _value(field.type, value)
    if field.inline:
        found.update(content)
    elif field.many:
        found.setdefault(field.name, []).append(content)
    elif content is not None and (field.zero or content not in ("", 0, False)):
        found[field.name] = content


def _value(kind: str, value: Value) -> Any:
    if way := _WAYS.get(kind):
        return way(value)
    return _message(_raw(value), kind)


def _raw(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("a number stands where text is wanted")
    return value


def _whole(value: Value) -> int:
    """Negative numbers are the great ones; source: protobuf.dev, "Encoding", "Signed Integers"."""
    if not isinstance(value, int):
        raise TypeError("text stands where a number is wanted")
    number = value & (2**64 - 1)
    return number - 2**64 if number >= 2**63 else number


def _time(value: Value, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str | None:
    """A Timestamp in JSON's form; an empty one is none at all."""
    parts = {number: _whole(part) for number, part in _fields(_raw(value))}
    if not parts:
        return None
    when = datetime.fromtimestamp(parts.get(1, 0), UTC)
    return when.replace(microsecond=parts.get(2, 0) // 1000 % 1_000_000).strftime(form)


def _micro(value: Value) -> str | None:
    return _time(value, "%Y-%m-%dT%H:%M:%S.%fZ")


def _either(value: Value) -> int | str:
    parts = dict(_fields(_raw(value)))
    return _raw(parts.get(3, b"")).decode() if parts.get(1) else _whole(parts.get(2, 0))


def _json(value: Value) -> Any:
    """JSON that stands inside, as RawExtension and FieldsV1 hold it."""
    raw = _raw(dict(_fields(_raw(value))).get(1, b""))
    return json.loads(raw) if raw else None


def _list(value: Value) -> list[str]:
    return [_raw(part).decode() for _, part in _fields(_raw(value))]


_WAYS: Mapping[str, Callable[[Value], Any]] = {
    "s": lambda value: _raw(value).decode(),
    "y": lambda value: b64encode(_raw(value)).decode(),
    "i": _whole,
    "b": lambda value: bool(_whole(value)),
    "d": lambda value: value,
    "time": _time,
    "micro": _micro,
    "either": _either,
    "quantity": lambda value: _raw(dict(_fields(_raw(value))).get(1, b"0")).decode(),
    "raw": _json,
    "list": _list,
}


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Field numbers and contents. Source: protobuf.dev, "Encoding", "Message Structure"."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                number, at = _varint(data, at)
                yield tag >> 3, number
            case 2:
                length, at = _varint(data, at)
                if at + length > len(data):
                    raise IndexError("a field is cut off")
                yield tag >> 3, data[at : at + length]
                at += length
            case 1:
                (number_d,) = struct.unpack_from("<d", data, at)
                yield tag >> 3, number_d
                at += 8
            case 5:
                (number_f,) = struct.unpack_from("<f", data, at)
                yield tag >> 3, number_f
                at += 4
            case other:
                raise ValueError(f"wire type {other}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
