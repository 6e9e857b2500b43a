"""Which header, cookie and path matches Envoy can carry, and which regexes are safe to hand on."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from rollout import lenient, re2
from rollout.manifest.scan import Mistake, Path, show
from rollout.model.traffic import is_claim

_HEADER = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,128}")  # RFC 9110 5.1, in lower case
_COOKIE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")  # RFC 6265 4.1.1: a token
_FLAGS = re.compile(r"\(\?([a-zA-Z-]*)[:)]")
_ESCAPE = re.compile(r"\\(?:([A-Za-z0-9<>])|.)", re.DOTALL)
_ESCAPES = frozenset("pPdDsSwWbBAzafnrtvx")  # those that RE2 and Rust both have
_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
MAX_REGEXES = 50  # of one spec
# Fields of Istio's match; as keys of ``headers`` they mean headers of these names.
_OWN_FIELDS = frozenset({"uri", "scheme", "method", "authority"})


def cohorts(value: object, path: Path) -> Iterator[Mistake]:
    """What Envoy would not take of a list of cohorts."""
    for index, cohort in enumerate(value if isinstance(value, list) else ()):
        if not isinstance(cohort, Mapping):
            continue
        here = (*path, index)
        yield from _headers(lenient.mapping(cohort.get("headers")), (*here, "headers"))
        yield from _names(lenient.mapping(cohort.get("cookies")), (*here, "cookies"))
        for kind in ("headers", "cookies", "query"):
            for name, match in lenient.mapping(cohort.get(kind)).items():
                yield from _match(match, (*here, kind, name))
        for kind in ("path", "method"):
            yield from _match(cohort.get(kind), (*here, kind))
        yield from _path(lenient.mapping(cohort.get("path")), (*here, "path"))
        yield from _method(lenient.mapping(cohort.get("method")), (*here, "method"))
        if "" in lenient.mapping(cohort.get("query")):
            yield Mistake(
                (*here, "query", ""), "is no parameter's name", "one such as beta is wanted"
            )


def _headers(headers: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    for name in headers:
        here = (*path, name)
        if is_claim(name):
            continue
        if name in _OWN_FIELDS:
            yield Mistake(
                here, "means a header of that name to Istio", "path, or method, is wanted"
            )
        elif _HEADER.fullmatch(name.lower()) is None:
            yield Mistake(here, "is no header name", "a name such as x-tester is wanted")
        elif name != name.lower():
            yield Mistake(here, "has upper-case letters", f"write {name.lower()}")


def _names(cookies: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    for name in cookies:
        if _COOKIE.fullmatch(name) is None:
            yield Mistake((*path, name), "is no cookie name", "a name such as beta is wanted")


def _path(match: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    for way in ("exact", "prefix"):
        text = match.get(way)
        if isinstance(text, str) and not text.startswith("/"):
            yield Mistake((*path, way), f"is {show(text)}", "a path begins with /")
        elif isinstance(text, str) and ("?" in text or "#" in text):
            wanted = "a path ends before its query, which has a match of its own: query"
            yield Mistake((*path, way), f"is {show(text)}", wanted)


def _method(match: Mapping[str, Any], path: Path) -> Iterator[Mistake]:
    """Methods are told by case (RFC 9110, 9.1), and nobody sends one of these in small letters."""
    text = match.get("exact")
    if isinstance(text, str) and text.upper() in _METHODS and text not in _METHODS:
        yield Mistake((*path, "exact"), f"is {show(text)}", f"write {text.upper()}")


def _match(match: object, path: Path) -> Iterator[Mistake]:
    if not isinstance(match, Mapping):
        return
    regex = match.get("regex")
    if isinstance(regex, str) and (why := unsafe(regex)):
        yield Mistake((*path, "regex"), f"is {show(regex)}: {why}", "RE2 syntax is wanted")
    for way in ("exact", "prefix"):
        if match.get(way) == "":
            yield Mistake((*path, way), "is empty", "text to match, or present: true, is wanted")


@lru_cache(maxsize=1024)
def unsafe(regex: str) -> str:
    """Why ``regex`` is not handed to Envoy; empty when it is fine.

    It must be understood alike by RE2, which Envoy runs, and by Rust's ``regex``, which checks
    it here: both match in linear time and know neither lookaround nor back-references.
    Source: github.com/google/re2/wiki/Syntax; docs.rs/regex, "Syntax".
    """
    if len(regex) > re2.LONGEST:
        return f"has {len(regex)} characters, at most {re2.LONGEST} are taken"
    if any(set(flags) - set("imsU-") for flags in _FLAGS.findall(regex)):
        return "uses a flag that RE2 does not have"
    if any(letter not in _ESCAPES for letter in _ESCAPE.findall(regex) if letter):
        return "has an escape that RE2 does not have"
    if re2.cost(regex) > re2.MAX_COST:
        return "is too large once its repetitions are written out"
    if any(operator in regex for operator in ("&&", "~~", "--")) and "[" in regex:
        return "uses set operations inside [], which RE2 does not have"
    if not re2.is_readable(regex):
        return "is not RE2 syntax (no lookaround, no back-references, no huge repetition)"
    return ""


def regexes(value: object) -> list[str]:
    """Every regex in a list of cohorts."""
    found = []
    for cohort in map(lenient.mapping, lenient.items(value)):
        matches = [lenient.mapping(cohort.get(kind)) for kind in ("path", "method")]
        for kind in ("headers", "cookies", "query"):
            matches += map(lenient.mapping, lenient.mapping(cohort.get(kind)).values())
        found += [str(match["regex"]) for match in matches if "regex" in match]
    return found
