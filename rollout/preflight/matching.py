"""Rules about what a match says and what its author meant: headers, claims, cookies, regexes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rollout import re2
from rollout.istio.routes import reach
from rollout.model.traffic import is_claim
from rollout.preflight.snapshot import Case

_FIELDS = ("uri", "scheme", "method", "authority")
_NOT_RE2 = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]|\(\?>|\(\?P=")
"""Lookaround, backreferences, atomic groups: RE2 has none (RE2 wiki, "Syntax")."""


def _of_cohorts(case: Case) -> Iterator[tuple[str, str, Any]]:
    """Every header match of the cohorts: who, key, and the match."""
    for index, cohort in enumerate(case.cohorts):
        for key, value in cohort.headers.items():
            ways = {w: getattr(value, w) for w in ("exact", "prefix", "regex")}
            yield (
                f"cohort {index + 1}",
                key,
                {w: text for w, text in ways.items() if text is not None},
            )


def _of_routes(case: Case) -> Iterator[tuple[str, str, Any]]:
    """As ``_of_cohorts``, of managed routes."""
    for told, route in case.routes():
        for match in reach.entries(route):
            for kind in ("headers", "withoutHeaders"):
                yield from ((told, key, value) for key, value in (match.get(kind) or {}).items())


def field_as_header(case: Case) -> Iterator[str]:
    """ROL-026, B: Istio takes these keys for headers of that name, which hardly anybody sends."""
    for told, key, _ in _of_cohorts(case):
        if key in _FIELDS:
            yield f"{told}: {_no_header(key)}"
    for told, route in case.routes():
        asked = [_fields(entry) for entry in reach.entries(route)]
        if all(asked):
            yield f"{told}: {_no_header(asked[0][0])}"


def half_as_header(case: Case) -> Iterator[str]:
    """ROL-026, W: as the block, where the route's other matches still let requests in."""
    for told, route in case.routes():
        asked = [_fields(entry) for entry in reach.entries(route)]
        if not all(asked):
            yield from (f"{told}: {_no_header(key)}" for keys in asked for key in keys)


def _fields(entry: Mapping[str, Any]) -> list[str]:
    return [key for key in entry.get("headers") or {} if key in _FIELDS]


def _no_header(key: str) -> str:
    return f"header {key!r} means a header of that name; match {key} itself"


def underscore(case: Case) -> Iterator[str]:
    """ROL-026, W: a proxy may be told to refuse, or to drop, headers with an underscore.

    Case makes no difference to Envoy, and a claim is no header.
    Source: Envoy, HttpProtocolOptions, ``headers_with_underscores_action``.
    """
    for told, key, _ in (*_of_routes(case), *_of_cohorts(case)):
        if "_" in key and not is_claim(key):
            yield f"{told}: header {key!r} has an underscore; some proxies drop such headers"


def claim_in_mesh(case: Case) -> Iterator[str]:
    """ROL-062, W: a request's token is read at gateways only.

    Source: Istio, "JWT claim based routing"; pkg/config/validation: such a match is refused in a
    VirtualService that is bound to no gateway.
    """
    marked = any(is_claim(key) for c in case.cohorts for key in c.headers)
    for where, bound in case.bindings() if marked else ():
        if reach.MESH in bound:
            alone = len(bound) == 1
            so = "Istio refuses a match on claims there" if alone else "callers in it have none"
            yield f"{where}: is bound to the mesh, and {so}; claims are known at gateways"


def not_re2(case: Case) -> Iterator[str]:
    """ROL-027, W: Envoy knows RE2 only, and matches the whole value."""
    for told, pattern in _patterns(case):
        if _NOT_RE2.search(pattern):
            yield f"{told}: regex {pattern!r} is not RE2 (no lookaround, no backreference)"
        elif not re2.is_readable(pattern):
            yield f"{told}: regex {pattern!r} cannot be read"


def _patterns(case: Case) -> Iterator[tuple[str, str]]:
    for told, route in case.routes():
        for match in route.get("match") or ():
            yield from ((told, found) for found in _regexes(match))
    for index, cohort in enumerate(case.cohorts):
        maps = (cohort.headers, cohort.cookies, cohort.query)
        each = [v for m in maps for v in m.values()]
        more = [v for v in (cohort.path, cohort.method) if v is not None]
        yield from ((f"cohort {index + 1}", v.regex) for v in (*each, *more) if v.regex is not None)


def _regexes(match: Any) -> Iterator[str]:
    if isinstance(match, dict):
        for key, value in match.items():
            if key == "regex" and isinstance(value, str):
                yield value
            yield from _regexes(value)


def whole_cookie(case: Case) -> Iterator[str]:
    """ROL-028, W: the header holds every cookie, so an exact match fails with a second."""
    for told, key, match in (*_of_routes(case), *_of_cohorts(case)):
        if key.lower() == "cookie" and ("exact" in (match or {}) or "prefix" in (match or {})):
            yield f"{told}: cookie is matched whole and fails with a second cookie; use a regex"
