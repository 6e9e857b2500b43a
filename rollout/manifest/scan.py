"""YAML text to located plain values, safely; what the values mean is not known here.

Events come first: libyaml builds nodes by recursion in C, so a file of 100,000 ``[`` ends the
process (docs/facts.md). A stream of events needs no recursion, and a
limit on depth and number stops it early. Scalars are read as the YAML 1.2 core schema (10.3)
does; where readers of YAML 1.1 would see another value, the author is asked to say it plainly.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from rollout.errors import ManifestError

MAX_BYTES = 1 << 20
MAX_DEPTH = 50  # a Deployment inside a Rollout is 15 deep
MAX_NODES = 10_000  # about 50 ms of events; a long rollout has 300

Path = tuple[str | int, ...]

_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,14})")  # 15 digits: exact in every reader of JSON
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]{0,14})?\.[0-9]{1,20}|[-+]?(0|[1-9][0-9]{0,14})\.")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# What some reader of YAML 1.1 or 1.2 takes for a number, and we do not: 010, 0x1F, 0o17, 0b1,
# 1_0, 1:30, 1e3, .nan, .inf, and numbers of more than 15 digits.
_AMBIGUOUS = re.compile(
    r"[-+]?(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|\.(inf|nan))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to put right: ``found`` completes the sentence that the path begins.

    ``shows``: it says no more than the value, so the author's own spelling can stand there.
    """

    path: Path
    found: str
    wanted: str = ""
    line: int = 0
    shows: bool = False


class _Whole(int):
    """A whole number that is shown as its author wrote it."""

    text: str

    def __repr__(self) -> str:
        return self.text


class _Broken(float):
    """A number that is shown as its author wrote it: ``1.20``."""

    text: str

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML document as plain JSON values, with the line of every node.

    ``lines``: by path; for a mapping's entry the line of its key. Lines count from 1.
    ``written``: by path, plain scalars that are no text, as their author spelled them.
    ``mistakes``: what must not be in a document of ours; a stranger's may have it.
    """

    value: Any
    lines: Mapping[Path, int]
    mistakes: tuple[Mistake, ...] = ()
    written: Mapping[Path, str] = field(default_factory=dict)

    @property
    def spelled(self) -> Any:
        """The value, in which each number is shown as its author wrote it."""
        return _spelled(self.value, self.written, ())

    def line(self, path: Path) -> int:
        """The line of the node at ``path``, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


_Number = TypeVar("_Number", _Whole, _Broken)


def show(value: object) -> str:
    """``value`` as a message shows it: one line, at most 60 characters."""
    if isinstance(value, str) and len(value) > 60:
        return f"{value[:40]!r}… ({len(value)} characters)"
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def documents(file: str, data: bytes) -> list[YamlDocument]:
    """The documents of ``data``, in order; empty ones are left out.

    Errors: ``ManifestError`` when the whole file cannot be read.
    """
    text = _text(file, data)
    reader = _Reader(_events(file, text))
    try:
        return list(reader.documents())
    except yaml.YAMLError as error:
        raise ManifestError(file, *_complaint(text, error)) from None


def _text(file: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ManifestError(file, 0, f"has {len(data)} bytes", "at most 1 MiB is read")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ManifestError(file, 1, "begins with a byte order mark", "plain UTF-8 is wanted")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"has the byte 0x{data[error.start]:02x}, which is not UTF-8"
        raise ManifestError(file, line, found, "plain UTF-8 is wanted") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ManifestError(file, line, "has a NUL character", "plain UTF-8 text is wanted")
    return text


_TOO_DEEP = (f"is nested more than {MAX_DEPTH} deep", "flatter text is wanted")


def _complaint(text: str, error: yaml.YAMLError) -> tuple[int, str, str]:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "is not YAML"
    line = mark.line + 1 if mark is not None else 0
    if mark is not None and _open_brackets(text[: mark.index]) > MAX_DEPTH:
        return (
            line,
            *_TOO_DEEP,
        )  # PyYAML from 6.0.4 stops at a depth of its own while it reads ahead
    return line, f"is not YAML: {' '.join(str(problem).split())[:120]}", "valid YAML is wanted"


def _open_brackets(text: str) -> int:
    """How many flow collections stand open at the end, brackets inside strings counted, too."""
    return text.count("[") + text.count("{") - text.count("]") - text.count("}")


def _events(file: str, text: str) -> Iterator[yaml.Event]:
    """libyaml's events, stopped at the limits."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        line = _line(event)
        if depth > MAX_DEPTH:
            raise ManifestError(file, line, *_TOO_DEEP)
        if nodes > MAX_NODES:
            raise ManifestError(
                file, line, f"has more than {MAX_NODES} values", "several files are wanted"
            )
        yield event


@dataclass
class _Reader:
    """Builds plain values from events; depth was limited before, so recursion is safe."""

    events: Iterator[yaml.Event]
    lines: dict[Path, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    written: dict[Path, str] = field(default_factory=dict)

    def documents(self) -> Iterator[YamlDocument]:
        for event in self.events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            self.lines, self.mistakes, self.written = {}, [], {}
            first = next(self.events)
            self.lines[()] = _line(first)
            value = self._value(first, ())
            if value is not None or self.mistakes:
                yield YamlDocument(value, self.lines, tuple(self.mistakes), self.written)

    def _value(self, event: yaml.Event, path: Path) -> Any:
        line = _line(event)
        self.lines.setdefault(path, line)
        if getattr(event, "anchor", None):
            what = "an alias" if isinstance(event, yaml.AliasEvent) else "an anchor"
            self._mistake(path, line, f"has {what}", "write the value out where it is used")
        if tag := getattr(event, "tag", None):
            self._mistake(path, line, f"has the tag {show(tag)}", "leave the tag out")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path, line)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        return None

    def _mistake(self, path: Path, line: int, found: str, wanted: str) -> None:
        self.mistakes.append(Mistake(path, found, wanted, line))

    def _scalar(self, event: yaml.ScalarEvent, path: Path, line: int) -> Any:
        if event.style:  # quoted or block text
            return event.value
        if event.value not in _NULL and _plain(event.value) is None:
            found = f"is {show(event.value).strip(chr(39))}, on which readers of YAML disagree"
            self._mistake(path, line, found, "plain decimal digits, or quotes if it is text")
            return None
        value = _plain(event.value)
        if not isinstance(value, str) and event.value:
            self.written[path] = event.value
        return value

    def _list(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = _line(event)
            key = self._key(event, path, line)
            here = (*path, key)
            if key in values:
                first = self.lines.get(here, line)
                self._mistake(
                    here, line, f"is given twice, first in line {first}", "once is wanted"
                )
            self.lines[here] = line
            values[key] = self._value(next(self.events), here)
        return values

    def _key(self, event: yaml.Event, path: Path, line: int) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._value(event, path)
            self._mistake(path, line, "has a key that is not plain text", "a word is wanted")
            return ""
        if event.anchor or event.tag:
            self._mistake(path, line, "has an anchor or a tag on a key", "the plain key is wanted")
        if event.value == "<<" and not event.style:
            self._mistake(path, line, "has the merge key <<", "write the values out")
        return str(event.value)


def _plain(text: str) -> Any:
    """A plain scalar's value in the core schema; None for null and for what is ambiguous."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > 40:  # no number we would read is longer; and no long text meets a regex
        return None if text.strip("+-0123456789_") == "" else text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return None if _AMBIGUOUS.fullmatch(text) else text


def _spelled(value: Any, written: Mapping[Path, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _spelled(inner, written, (*path, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spelled(inner, written, (*path, at)) for at, inner in enumerate(value)]
    if isinstance(value, bool) or path not in written:
        return value
    if isinstance(value, int):
        return _as_written(_Whole(value), written[path])
    return _as_written(_Broken(value), written[path]) if isinstance(value, float) else value


def _as_written(number: _Number, text: str) -> _Number:
    number.text = text
    return number
