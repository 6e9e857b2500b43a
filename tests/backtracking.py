"""How much work a pattern of Python's ``re`` makes of a text, in steps: the same on every machine.

A matcher that goes the ways of CPython's ``sre``, one after the other and back, and counts them.
Lookaround and anchors are read, back-references are not: nothing of ours has any.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

MOST = 30_000
Then = Callable[[int], bool]


class TooManyError(Exception):
    """More than ``MOST`` steps."""


@dataclass
class Counter:
    """One text being matched; ``steps``: nodes that were tried at a place."""

    text: str
    flags: int
    steps: int = 0

    def sequence(self, nodes: Sequence[Any], at: int, then: Then) -> bool:
        """Whether ``nodes`` match from ``at`` on, and ``then`` what follows."""
        if not nodes:
            return then(at)
        return self.node(nodes[0], at, lambda end: self.sequence(nodes[1:], end, then))

    def node(self, node: Any, at: int, then: Then) -> bool:
        self.steps += 1
        if self.steps > MOST:
            raise TooManyError
        kind, value = node
        if kind is c.SUBPATTERN:
            return self.sequence(list(value[3]), at, then)
        if kind is c.BRANCH:
            return any(self.sequence(list(way), at, then) for way in value[1])
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            return self.repeat(value, kind is c.MAX_REPEAT, at, then)
        if kind in (c.ASSERT, c.ASSERT_NOT):
            return self.look(value, kind is c.ASSERT, at) and then(at)
        if kind is c.AT:
            return self.anchor(value, at) and then(at)
        return at < len(self.text) and self.takes(node, self.text[at]) and then(at + 1)

    def repeat(self, value: Any, greedy: bool, at: int, then: Then) -> bool:
        least, most, body = value
        if len(body) == 1 and body[0][0] in (c.LITERAL, c.NOT_LITERAL, c.IN, c.ANY):
            return self.run(body[0], (least, most), at, then)

        def again(count: int, start: int) -> bool:
            def more(end: int) -> bool:
                return (end > start or count < least) and again(count + 1, end)

            go_on = count < most and self.sequence(list(body), start, more) if greedy else False
            return (
                go_on
                or (count >= least and then(start))
                or self.lazily(greedy, count, most, body, start, more)
            )

        return again(0, at)

    def lazily(
        self, greedy: bool, count: int, most: int, body: Any, start: int, more: Then
    ) -> bool:
        return not greedy and count < most and self.sequence(list(body), start, more)

    def run(self, one: Any, bounds: tuple[int, int], at: int, then: Then) -> bool:
        """A single letter repeated: as far as it goes, then back letter by letter."""
        end = at
        while end < len(self.text) and end - at < bounds[1] and self.takes(one, self.text[end]):
            end += 1
            self.steps += 1
        for stop in range(end, at + bounds[0] - 1, -1):
            self.steps += 1
            if self.steps > MOST:
                raise TooManyError
            if then(stop):
                return True
        return False

    def look(self, value: Any, wanted: bool, at: int) -> bool:
        direction, body = value
        start = at if direction > 0 else at - parser_width(body)
        found = start >= 0 and self.sequence(list(body), start, lambda _: True)
        return found is wanted

    def anchor(self, where: Any, at: int) -> bool:
        if where in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
            return at == 0 or (self.flags & re.MULTILINE != 0 and self.text[at - 1] == "\n")
        if where in (c.AT_END, c.AT_END_STRING):
            return at == len(self.text)
        words = [0 <= i < len(self.text) and self.text[i].isalnum() for i in (at - 1, at)]
        return (words[0] != words[1]) is (where is c.AT_BOUNDARY)

    def takes(self, node: Any, letter: str) -> bool:
        kind, value = node
        if kind is c.ANY:
            return letter != "\n" or self.flags & re.DOTALL != 0
        if kind is c.NOT_LITERAL:
            return bool(ord(letter) != value)
        if kind is c.LITERAL:
            return ord(letter) == value or (
                self.flags & re.IGNORECASE != 0 and letter.lower() == chr(value).lower()
            )
        return re.match(_class(value), letter, self.flags & re.IGNORECASE) is not None


def parser_width(body: Any) -> int:
    """How many letters a lookbehind looks back."""
    return int(body.getwidth()[0])


def _class(members: Sequence[Any]) -> str:
    """A set as a pattern of one letter."""
    made = ""
    for kind, value in members:
        if kind is c.NEGATE:
            made += "^"
        elif kind is c.LITERAL:
            made += re.escape(chr(value))
        elif kind is c.RANGE:
            made += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        else:
            made += _CATEGORIES[value]
    return f"[{made}]"


_CATEGORIES = {
    c.CATEGORY_DIGIT: r"\d",
    c.CATEGORY_NOT_DIGIT: r"\D",
    c.CATEGORY_SPACE: r"\s",
    c.CATEGORY_NOT_SPACE: r"\S",
    c.CATEGORY_WORD: r"\w",
    c.CATEGORY_NOT_WORD: r"\W",
}


def steps(pattern: re.Pattern[str], text: str) -> int:
    """Of a match from the beginning of ``text`` that fails in the end. Errors: ``TooManyError``."""
    counter = Counter(text, pattern.flags)
    counter.sequence(_nodes(pattern), 0, lambda _: False)
    return counter.steps


def seeking(pattern: re.Pattern[str], text: str) -> int:
    """Of all matches in ``text``, each sought from every place on. Errors: ``TooManyError``."""
    counter, at = Counter(text, pattern.flags), 0
    while at < len(text):
        ends: list[int] = []
        counter.sequence(_nodes(pattern), at, lambda end, ends=ends: not ends.append(end))  # type: ignore[misc]
        at = max([at + 1, *ends])
    return counter.steps


def _nodes(pattern: re.Pattern[str]) -> list[Any]:
    return list(parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))


def attacks(pattern: re.Pattern[str], count: int) -> Iterator[str]:
    """Texts in which each repetition of ``pattern`` is gone through so many times."""
    nodes = _nodes(pattern)
    letters = sorted({chr(value) for value in _literals(nodes)})
    for before, body in _repeats(nodes, ""):
        taken = {x for x in letters if _takes(body, x, pattern.flags)}
        for pump in {_sample(body), _sample(body, last=True)} | taken:
            yield before + pump * count + "\0"
        if before:
            yield before * (count // 4) + "\0"


def _takes(body: Any, letter: str, flags: int) -> bool:
    counter = Counter(letter, flags)
    return counter.sequence(list(body), 0, lambda end: end == 1)


def _literals(nodes: Any) -> Iterator[int]:
    """The letters that a pattern names: repetitions on both sides of one may each take it."""
    for kind, value in nodes:
        if kind in (c.LITERAL, c.NOT_LITERAL):
            yield value
        elif kind is c.IN:
            yield from _literals([member for member in value if member[0] is c.LITERAL])
        elif kind is c.BRANCH:
            for way in value[1]:
                yield from _literals(way)
        elif kind in (c.SUBPATTERN, c.MAX_REPEAT, c.MIN_REPEAT):
            yield from _literals(value[-1])


def _repeats(nodes: Sequence[Any], before: str) -> Iterator[tuple[str, Any]]:
    for node in nodes:
        kind, value = node
        if kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            if value[1] > 8:
                yield before, value[2]
            yield from _repeats(list(value[2]), before)
        elif kind is c.SUBPATTERN:
            yield from _repeats(list(value[3]), before)
        elif kind is c.BRANCH:
            for way in value[1]:
                yield from _repeats(list(way), before)
        before += _sample([node])


def _sample(nodes: Any, *, last: bool = False) -> str:
    """A short text that the nodes match, by the first or the last of each choice."""
    made = ""
    for kind, value in nodes:
        if kind is c.LITERAL:
            made += chr(value)
        elif kind is c.NOT_LITERAL:
            made += "a" if value != ord("a") else "b"
        elif kind is c.ANY:
            made += "a"
        elif kind is c.IN:
            made += next((x for x in "aA0 -._/\t~é" if re.match(_class(value), x)), "(")
        elif kind is c.BRANCH:
            made += _sample(value[1][-1 if last else 0], last=last)
        elif kind is c.SUBPATTERN:
            made += _sample(value[3], last=last)
        elif kind in (c.MAX_REPEAT, c.MIN_REPEAT):
            made += _sample(value[2], last=last) * max(value[0], 1)
    return made
