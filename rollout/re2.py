"""Patterns that others wrote, in RE2's syntax: read and matched in linear time, whatever they say.

Envoy runs them with RE2. Python's ``re`` tries one way after the other, so that ``(a+)+$`` of a
VirtualService would keep the controller busy for ever; Rust's ``regex``, which pydantic brings
along, knows neither lookaround nor back-references and takes no second way, as RE2 does not.
Source: docs.rs/regex, "Untrusted input"; github.com/google/re2/wiki/Syntax.
"""

import re
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

LONGEST = 1024
"""Characters of a pattern; Istio refuses longer ones (pkg/config/validation,
``validateStringMatchRegexp``)."""
MAX_COST = 1000
"""About so many letters, repetitions written out: reading one stays under 20 ms."""
MOST_TEXT = 1 << 16
"""Characters of a text; Envoy takes no more than 60 KiB of headers (``max_request_headers_kb``)."""

_WIDE_COST = 20  # Unicode's classes are that much larger than one letter's
_TIMES = re.compile(r"\{(?:[0-9]*,)?([0-9]{0,9}),?\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\]", re.DOTALL)
_ONE = re.compile(r"\\[pP](?:\{[^}]*\}|.)|\\.|.", re.DOTALL)
_WIDE = re.compile(r"\\[pPwWdDsS]")


class UnreadableError(ValueError):
    """A pattern that RE2 does not take, or one too large to be tried."""


def is_readable(pattern: str) -> bool:
    """Whether ``pattern`` can be matched here."""
    return _read(pattern) is not None


def matches(pattern: str, text: str, *, fold: bool = False, within: bool = False) -> bool:
    """Whether ``pattern`` matches all of ``text``; ``within``: any part of it.

    ``fold``: without regard to case.
    Errors: ``UnreadableError``.
    """
    flags = "(?i)" if fold else ""
    ends = (flags, "") if within else (rf"{flags}\A", r"\z")
    # By itself first: what closes a group of ours is none.
    read = _read(pattern, ends) if is_readable(pattern) and len(text) <= MOST_TEXT else None
    if read is None:
        raise UnreadableError("a pattern of RE2 is wanted, and a short one")
    try:
        read.validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(1024)  # a route's patterns are asked again at each look
def _read(pattern: str, ends: tuple[str, str] = ("", "")) -> SchemaValidator | None:
    if len(pattern) > LONGEST or cost(pattern) > MAX_COST:
        return None
    whole = f"{ends[0]}(?:{pattern}){ends[1]}" if any(ends) else pattern
    try:
        return SchemaValidator(core_schema.str_schema(pattern=whole, regex_engine="rust-regex"))
    except SchemaError:
        return None


def cost(regex: str) -> int:
    """About how many letters ``regex`` has once its repetitions are written out."""
    groups, atom, at = [0], 0, 0
    while at < len(regex):
        times = _TIMES.match(regex, at)
        found = times or _CLASS.match(regex, at) or _ONE.match(regex, at)
        token = found[0] if found else regex[at:]
        at += len(token)
        if token == "(":
            groups.append(0)
            continue
        if times:
            atom *= max(int(times[1] or 1) - 1, 0)
        elif token == ")" and len(groups) > 1:
            atom = groups.pop()
        else:
            atom = 1 + _WIDE_COST * len(_WIDE.findall(token))
        groups[-1] += atom
    return sum(groups)
