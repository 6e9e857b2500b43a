"""Cohorts and cookies as Istio's matches, and two matches that must both hold as one.

Istio has OR between the entries of ``match`` and AND inside one; a header, the path and the rest
can be matched once in an entry. So two conditions on the same thing must become one condition.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import timedelta
from itertools import permutations
from typing import Any

from rollout import re2
from rollout.errors import RefusedError
from rollout.istio.patch import Json
from rollout.model.traffic import Cohort, StringMatch, is_claim

_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
_MOST_COOKIES = 3
"""Cookies in one cohort: RE2 has no lookahead, so every order is written out (3! = 6)."""

_HEAD = re.compile(r"(?:(?:\\[^a-zA-Z0-9]|[^\\.+*?()|\[\]{}^$])(?![*+?{]))*")
_ESCAPED = re.compile(r"\\(.)")
_PART = re.compile(r"\\.|(?P<set>\[\^?\]?[^\]]*)(?:\]|\Z)|[(|)]", re.DOTALL)

_COOKIE = re.compile(
    r"\^?\((?:\?:)?\.\*\??(?P<joint>;(?:(?: |\\s)[*?]?)?)\)\?"
    r"(?P<pair>(?:\((?:\?:)?)?(?P<name>[\w.-]+)=.*)"
    r"\((?:\?:)?;\.\*\)\?\$?"
)

_MAPS = ("headers", "queryParams", "withoutHeaders", "sourceLabels")


def quoted(text: str) -> str:
    """``text`` as an RE2 pattern that matches it and nothing else."""
    return _META.sub(r"\\\g<0>", text)


def cookie(name: str, value: StringMatch) -> str:
    """An RE2 pattern for a whole Cookie header that holds this cookie among any others."""
    return _jar([f"{quoted(name)}={_value(value)}"])


def _jar(pairs: Sequence[str]) -> str:
    inside = [r"; *(?:.*; *)?".join(order) for order in permutations(pairs)]
    either = inside[0] if len(inside) == 1 else f"(?:{'|'.join(inside)})"
    return rf"(?:.*; *)?{either}(?:;.*)?"


def _value(value: StringMatch) -> str:
    if value.exact is not None:
        return quoted(value.exact)
    if value.prefix is not None:
        return f"{quoted(value.prefix)}[^;]*"
    return f"(?:{value.regex})" if value.regex is not None else "[^;]*"


def of_cohort(cohort: Cohort) -> Json:
    """The one match entry that holds exactly for the requests of ``cohort``.

    Errors: ``RefusedError`` for more than three cookies, or a header ``cookie`` beside cookies.
    """
    headers = {_header(name): _string(v, {}) for name, v in cohort.headers.items()}
    if cohort.cookies:
        headers = _both_maps(headers, {"cookie": {"regex": _cookies(cohort.cookies)}}, "header")
    query = {name: _string(v, {"regex": ".*"}) for name, v in cohort.query.items()}
    found = {
        "uri": _string(cohort.path, {"prefix": "/"}) if cohort.path else {},
        "method": _string(cohort.method, {"regex": ".+"}) if cohort.method else {},
        "headers": headers,
        "queryParams": query,
    }
    return {key: value for key, value in found.items() if value}


def _header(name: str) -> str:
    return name if is_claim(name) else name.lower()


def _cookies(cookies: Mapping[str, StringMatch]) -> str:
    if len(cookies) > _MOST_COOKIES:
        found = f"cohort: names {len(cookies)} cookies"
        raise RefusedError(f"{found}; at most {_MOST_COOKIES} in one entry are wanted")
    return _jar([f"{quoted(name)}={_value(value)}" for name, value in cookies.items()])


def _string(value: StringMatch, present: Json) -> Json:
    """Istio's StringMatch; it has no word for "any value", so ``present`` says it.

    Source: Istio API, VirtualService, ``HTTPMatchRequest``: a header with an empty match is
    there with any value; a query parameter has no such form.
    """
    for way in ("exact", "prefix", "regex"):
        text = getattr(value, way)
        if text is not None:
            return {way: text}
    return dict(present)


def host(name: str) -> Json:
    """The match entry for every request to host ``name``, whatever port it names."""
    return {"authority": {"regex": rf"{quoted(name)}(?::[0-9]+)?"}}


def pinned(name: str, value: str) -> Json:
    """The match entry for requests that carry our cookie with this value."""
    return {"headers": {"cookie": {"regex": cookie(name, StringMatch(exact=value))}}}


def set_cookie(name: str, value: str, age: timedelta) -> str:
    """The Set-Cookie header that pins a user for ``age``; a script on the page cannot read it."""
    seconds = int(age.total_seconds())
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"


class Never(Exception):
    """No request can meet both conditions."""


def both(base: Sequence[Json] | None, extra: Iterable[Json]) -> list[Json]:
    """Match entries that hold exactly where an entry of ``base`` and one of ``extra`` hold.

    ``base`` None or empty: every request. Shape: for each entry of ``extra`` in order, each of
    ``base`` in order; pairs that no request can meet are left out, so it may be empty.
    Errors: ``RefusedError`` where RE2 cannot say both in one pattern.
    """
    pairs = ((b, e) for e in extra for b in (base or [{}]))
    return [m for b, e in pairs if (m := _both(b, e)) is not None]


def _both(base: Json, extra: Json) -> Json | None:
    joined = deepcopy(base)
    fold = bool(base.get("ignoreUriCase"))
    try:
        for key, value in extra.items():
            if key in _MAPS:
                joined[key] = _both_maps(joined.get(key) or {}, value, key)
            else:
                mine = joined.get(key)
                same = fold and key == "uri"
                joined[key] = value if not mine else _both_strings(mine, value, key, fold=same)
    except Never:
        return None
    return joined


def _both_maps(one: Json, two: Json, what: str) -> Json:
    joined = dict(one)
    for name, value in two.items():
        where = f"{what} {name!r}"
        joined[name] = _both_strings(joined[name], value, where) if name in joined else value
    return joined


def _both_strings(one: Json, two: Json, where: str, *, fold: bool = False) -> Json:
    """The one StringMatch that holds where both do; ``{}`` is any value."""
    if one == two or not two:
        return one
    if not one:
        return two
    for exact, other in ((one, two), (two, one)):
        if "exact" in exact:
            return _if(meets(exact["exact"], other, fold=fold), exact)
    if "prefix" in one and "prefix" in two:
        longer, shorter = sorted((one, two), key=lambda m: len(m["prefix"]), reverse=True)
        return _if(meets(longer["prefix"], shorter, fold=fold), longer)
    return _both_patterns(one, two, where, fold=fold)


def _both_patterns(one: Json, two: Json, where: str, *, fold: bool) -> Json:
    """As ``_both_strings``, where at least one is a regex and none is exact.

    Errors: ``RefusedError`` when RE2 has no one pattern for both.
    """
    for regex, other in ((one, two), (two, one)):
        if regex.get("regex") in (".*", "*"):
            return other
        simple = {} if fold else plainer(regex)
        if simple:
            return _both_strings(simple, other, where)
        if "regex" in regex and "prefix" in other and _decided(regex["regex"], other, fold):
            return regex
    if jar := _both_in_jar(one, two):
        return {"regex": jar}
    found = f"match on {where}: {_words(one)} and {_words(two)}"
    raise RefusedError(f"{found}; RE2 cannot say both, use exact or prefix for one of them")


def _both_in_jar(one: Json, two: Json) -> str:
    """The pattern of a header that holds two cookies in any order; empty: we cannot tell them.

    Each must be written as people write it: other cookies before it, ``name=value``, others behind.
    """
    found = [_COOKIE.fullmatch(match.get("regex", "")) for match in (one, two)]
    a, b = found
    if a is None or b is None or a["name"] == b["name"]:
        return ""
    if any(side["pair"].count("=") > 1 and "|" in side["pair"] for side in (a, b)):
        return ""
    orders = (f"(?:.*{x['joint']})?{x['pair']}(?:;.*)?{y['joint']}{y['pair']}(?:;.*)?"
              for x, y in ((a, b), (b, a)))  # fmt: skip
    return f"(?:{'|'.join(orders)})"


def plainer(match: Json) -> Json:
    """The exact or the prefix that a regex merely spells out; empty when it says more."""
    head, rest = _literal(match.get("regex", "("))
    if rest in ("", ".*"):
        return {"prefix" if rest else "exact": head}
    return {}


def begins(match: Json) -> str:
    """The text that everything begins with that a regex matches; empty where it does not say."""
    return _literal(match.get("regex", "("))[0]


def _decided(regex: str, prefix: Json, fold: bool) -> bool:
    """Whether what the regex begins with has the prefix; False: it does not say.

    Errors: ``Never`` when it begins otherwise.
    """
    head, wanted = _literal(regex)[0], prefix["prefix"]
    if fold:
        head, wanted = head.lower(), wanted.lower()
    if not head.startswith(wanted) and not wanted.startswith(head):
        raise Never
    return bool(head.startswith(wanted))


def _literal(regex: str) -> tuple[str, str]:
    """The text that every match of ``regex`` begins with, and the pattern behind it."""
    text = regex.removeprefix("^").removesuffix("$")
    head = "" if _has_choice(text) else next(_HEAD.finditer(text))[0]  # perhaps of no letter
    return _ESCAPED.sub(r"\1", head), text[len(head) :]


def _has_choice(regex: str) -> bool:
    """Whether there is a ``|`` outside of all groups, or a group or set that does not end."""
    depth, outside = 0, False
    for part in _PART.finditer(regex):
        depth += {"(": 1, ")": -1}.get(part[0], 0)
        outside = outside or (part[0] == "|" and depth <= 0) or part[0] == part["set"]
    return outside or depth != 0


def _if(holds: bool, match: Json) -> Json:
    if not holds:
        raise Never
    return match


def meets(text: str, match: Json, *, fold: bool = False) -> bool:
    """Whether a StringMatch matches ``text``; ``fold``: without regard to case.

    Errors: ``RefusedError`` for a regex that cannot be read.
    """
    if "regex" in match:
        regex = match["regex"]
        try:
            return re2.matches(regex, text, fold=fold)
        except re2.UnreadableError:
            found = f"match by regex {regex[:_SHOWN]!r}: cannot be read"
            raise RefusedError(f"{found}; a pattern of RE2 is wanted") from None
    wanted = match["exact"] if "exact" in match else match.get("prefix", "")
    given, wanted = (text.lower(), wanted.lower()) if fold else (text, wanted)
    return bool(given == wanted if "exact" in match else given.startswith(wanted))


_SHOWN = 60  # letters of a regex


def pattern(match: Json) -> str:
    """The RE2 pattern of a StringMatch, for the whole value; any value for an empty one."""
    if "regex" in match:
        return ".*" if match["regex"] == "*" else f"(?:{match['regex']})"
    if "exact" in match:
        return quoted(match["exact"])
    return f"{quoted(match.get('prefix', ''))}.*"


def _words(match: Mapping[str, Any]) -> str:
    return ", ".join(f"{way} {text!r}" for way, text in match.items())
