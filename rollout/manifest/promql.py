"""What is wrong with a PromQL text, as far as brackets, strings and placeholders tell.

Only what no reader can make sense of is refused here; the rest Prometheus says. Why no parser
does it: docs/decisions/0048-promql-is-read-by-prometheus.md.
Source: prometheus.io, "Querying basics": literals, comments and selectors.
"""

import re
from collections.abc import Collection, Iterator
from itertools import takewhile

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)"""
    r"""|(?P<place>\{\{[^{}\n]*\}\})|(?P<quote>["'`])|(?P<bracket>[()\[\]{}])"""
)
_PLACE = re.compile(r"\{\{([^{}\n]*)\}\}")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.-]*")
_PAIRS = {")": "(", "]": "[", "}": "{"}
_ENDS = re.compile(r"(?:[-+*/%^,]|[=!<>]=?|=~|!~|\b(?:and|or|unless|by|without|on|ignoring))\s*$")


def wrong(text: str) -> str:
    """Why nobody can read ``text``; empty when brackets and strings are well."""
    open_: list[tuple[str, int]] = []
    for token in _TOKEN.finditer(text):
        if token["quote"]:
            return f"has a string without an end: {_from(text, token.start())}"
        bracket = token["bracket"]
        if bracket in _PAIRS:
            if not open_ or open_.pop()[0] != _PAIRS[bracket]:
                return f"has {bracket!r} that closes nothing: {_upto(text, token.end())}"
        elif bracket:
            open_.append((bracket, token.start()))
    if open_:
        bracket, start = open_[-1]
        return f"has {bracket!r} that is never closed: {_from(text, start)}"
    bare = _bare(text)
    if not bare.strip():
        return "is empty"
    ends = _ENDS.search(bare)
    return f"ends with {ends[0].strip()!r}, after which something is missing" if ends else ""


def unknown(text: str, known: Collection[str]) -> Iterator[str]:
    """The placeholders of ``text`` that are none of ``known``, each once and as written.

    None of what comes after a string without an end, which ``wrong`` tells.
    """
    tokens = takewhile(lambda token: not token["quote"], _TOKEN.finditer(text))
    places = dict.fromkeys(
        place[1].strip()
        for token in tokens
        if token["string"] or token["place"]
        for place in _PLACE.finditer(token[0])
    )
    for name in places:
        if name not in known:
            yield name if _NAME.fullmatch(name) else repr(name)


def _bare(text: str) -> str:
    """``text`` without its comments, each string and placeholder as one letter."""
    return _TOKEN.sub(lambda t: " " if t["comment"] else "x" if not t["bracket"] else t[0], text)


def _from(text: str, start: int) -> str:
    return _short(text[start : start + 40])


def _upto(text: str, end: int) -> str:
    return _short(text[max(0, end - 40) : end])


def _short(text: str) -> str:
    return repr(" ".join(text.split()))
