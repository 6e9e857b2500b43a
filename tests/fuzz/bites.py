"""Bytes to structured input: choices, hostile scalars, and JSON that was spoilt here and there.

The same bytes make the same input, on every machine. When they are used up, every choice is the
first one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

TEXTS: tuple[str, ...] = (
    "",
    " ",
    "x",
    "\x00",
    "\n",
    "\r\nSet-Cookie: a=b",
    "\x1b[31m\x1b]0;title\x07",
    "\u202eevil\u2066",
    "\ud800",
    "é",
    "e\u0301",
    "\u2028",
    "\ufeff",
    "<!channel>",
    "<@U012AB3CD>",
    "<https://evil.example|click>",
    "<script>alert(1)</script>",
    "`" * 5,
    "](javascript:alert(1))",
    "| a | b |",
    "::error file=x::y",
    "${{ secrets.TOKEN }}",
    "$(touch x)",
    "../../etc/passwd",
    ".git",
    "{{args.team}}",
    "{{",
    '"} or vector(1) #',
    "\\",
    "(a+)+$",
    "(?=a)",
    "[",
    "(" * 200,
    "{a: " * 60,
    "5.",
    "1e400",
    "NaN",
    "-Inf",
    "0x1F",
    "010",
    "1_000",
    "٣",
    "9" * 30,
    "true",
    "~",
    "<<",
    "*a",
    "&a",
    "!!int",
    "2001-99-99T99:99:99Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "5m",
    "1d5m",
    "-1s",
    "99999999999d",
    "50%",
    "101%",
    "promote@1",
    "abort@" + "n" * 70,
    "svc.cluster.local",
    "*.svc.cluster.local",
    "..",
    "a/b/c",
    "https://[::1]:99999/",
    "https://user:secret@host/x?y#z",
    "ext::sh -c touch% x",
    "x" * 300,
    "é" * 3000,
)
NUMBERS: tuple[float | int, ...] = (
    *(0, 1, -1, 2, 50, 100, 101, 255, 1 << 31, 1 << 53, 1 << 63, 10**30, -(10**30)),
    *(0.5, -0.0, 1e-320, 1e300, float("inf"), float("-inf"), float("nan"), 1767614400.5),
)


class Bites:
    """The choices that some bytes make, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have made no choice yet."""
        return max(0, len(self._data) - self._at)

    def byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def below(self, limit: int) -> int:
        """A number from 0 up to ``limit``, which is at most 65,536."""
        wide = self.byte() if limit <= 256 else self.byte() << 8 | self.byte()
        return wide % limit

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def rest(self) -> bytes:
        """All that is left."""
        taken = self._data[self._at :]
        self._at = len(self._data)
        return taken

    def raw(self, most: int = 40) -> bytes:
        length = min(self.below(most + 1), self.left)
        taken = self._data[self._at : self._at + length]
        self._at += length
        return taken

    def text(self) -> str:
        """Mostly a hostile one of the list; else whatever the bytes say, joined to one of it."""
        way = self.byte()
        if way < 128:
            return self.pick(TEXTS)
        if way < 192:
            return self.raw().decode("utf-8", "surrogateescape")
        return self.pick(TEXTS) + self.raw().decode("latin-1") + self.pick(TEXTS)

    def scalar(self) -> Any:
        way = self.byte() % 8
        if way == 0:
            return None
        if way == 1:
            return bool(self.byte() % 2)
        return self.pick(NUMBERS) if way in (2, 3) else self.text()

    def json(self, depth: int = 3) -> Any:
        """Any value of JSON, and a few that only Python's reader of JSON gives."""
        way = self.byte() % 8
        if depth == 0 or way < 5:
            return self.scalar()
        count = self.below(4)
        if way < 7:
            return {self.text(): self.json(depth - 1) for _ in range(count)}
        return [self.json(depth - 1) for _ in range(count)]


def spoilt(value: Any, bites: Bites, most: int = 6) -> Any:
    """``value`` with up to ``most`` of its parts replaced, gone, doubled or added."""
    for _ in range(1 + bites.below(most)):
        value = _edited(value, bites)
        if not bites.left:
            break
    return value


def _edited(value: Any, bites: Bites) -> Any:
    """One edit at a place that the bytes choose, from the root down."""
    go_on = bites.byte()
    if isinstance(value, Mapping) and value and go_on >= 40:
        key = bites.pick(list(value))
        if go_on < 50:
            return {k: v for k, v in value.items() if k != key}
        if go_on < 60:
            return {**value, bites.text(): bites.json()}
        return {**value, key: _edited(value[key], bites)}
    if isinstance(value, list) and value and go_on >= 40:
        at = bites.below(len(value))
        if go_on < 50:
            return value[:at] + value[at + 1 :]
        if go_on < 60:
            return [*value, *value[at:]]
        return [*value[:at], _edited(value[at], bites), *value[at + 1 :]]
    if isinstance(value, str) and go_on >= 160:
        cut = bites.below(len(value) + 1)
        return value[:cut] + bites.text() + value[cut:]
    return bites.json()


def dumped(value: Any) -> bytes:
    """``value`` as JSON, whatever is in it."""
    return json.dumps(value).encode()


def spliced(text: bytes, bites: Bites, tokens: Sequence[bytes], most: int = 6) -> bytes:
    """``text`` with up to ``most`` of ``tokens``, or raw bytes, put into it or in place of some."""
    for _ in range(1 + bites.below(most)):
        at = bites.below(len(text) + 1) if len(text) < 65_536 else 0
        gone = bites.below(12)
        token = bites.pick(tokens) if bites.byte() < 170 else bites.raw()
        text = text[:at] + token + text[at + gone :]
        if not bites.left:
            break
    return text
