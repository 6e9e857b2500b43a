"""A copy of a catch-all that leaves other objects' requests alone.

Istio merges the VirtualServices of a gateway host, the oldest first, and puts only true catch-alls
last. So a catch-all stands behind everybody's routes, but its copy with a header, a cookie or a
host is no catch-all any more: it stands before the routes of all younger objects. What these take
is therefore taken out of the copy's match.
Source: istio/istio, pilot/pkg/networking/core/route/route.go, ``SortVHostRoutes``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rollout.errors import RefusedError
from rollout.istio import hosts
from rollout.istio.patch import Json
from rollout.istio.routes import matches

_MOST = 24
"""Entries that one made route may grow to; each is a route of Envoy's at every gateway pod."""

_CONDITIONS = ("headers", "withoutHeaders", "queryParams", "method", "scheme", "authority")
_CALLERS = ("sourceLabels", "sourceNamespace")
PATH = ":path"
"""Envoy's header for the path with the query behind it; Istio takes it as a header's name.

Source: istio/istio, pkg/config/validation/validation.go, ``pseudoHeaders``.
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Requests of ``host`` at ``gateway`` (``namespace/name``) that the object ``by`` takes today.

    ``match``: one HTTPMatchRequest; without any condition: every request.
    """

    gateway: str
    host: str
    match: Json
    by: str


@dataclass(frozen=True, slots=True)
class Others:
    """What other objects take where the catch-alls of one object stand behind them.

    ``gateways``: the object's own list as written, with ``namespace`` to read short names;
    empty: it is a delegate, which has none.
    ``several``: it has more than one host there, so that a request's host counts, too.
    """

    taken: tuple[Taken, ...] = ()
    gateways: tuple[str, ...] = ()
    namespace: str = ""
    several: bool = False


NOBODY = Others()


def is_catch_all(match: Json) -> bool:
    """Whether Envoy sees no condition in it; ports, gateways and callers are none to Envoy.

    Source: istio/istio, pilot/pkg/networking/core/route/route.go, ``IsCatchAllRoute``.
    """
    whole = (match.get("uri") or {"prefix": "/"}) in ({"prefix": "/"}, {"regex": ".*"})
    return whole and not any(match.get(key) for key in _CONDITIONS)


def full_gateway(name: str, namespace: str) -> str:
    """``namespace/name`` of a gateway as an object of ``namespace`` writes it."""
    return name if "/" in name or name == "mesh" else f"{namespace}/{name}"


def in_full(match: Json, namespace: str) -> Json:
    """``match`` of an object of ``namespace``, its gateways as Istio compares them, in full."""
    named = match.get("gateways")
    full = [full_gateway(str(name), namespace) for name in named or ()]
    return {**match, "gateways": full} if named else match


def joined(
    base: Sequence[Json] | None, entries: Iterable[Json], others: Others, host: str = ""
) -> list[Json]:
    """As ``matches.both``, without the requests that are somebody else's.

    ``host``: the one host whose requests ``entries`` are about; empty: any.
    Errors: ``RefusedError`` where that cannot be said, or where nothing is left of it.
    """
    rows: list[Json] = []
    lost: list[str] = []
    for extra in entries:
        for entry in base or [{}]:
            for match in matches.both([entry], [extra]):
                rows += _apart(entry, match, others, host, lost)
    if lost and not rows:
        what = "every request of this route's copy"
        raise RefusedError(f"{lost[0]} takes {what} at its gateway; a host of its own is wanted")
    return rows


def _apart(entry: Json, match: Json, others: Others, host: str, lost: list[str]) -> Iterator[Json]:
    """``match``, a copy of ``entry``, at each gateway without what others take there."""
    callers = not entry.get("gateways") and any(entry.get(key) for key in _CALLERS)
    if callers or not is_catch_all(entry) or is_catch_all(match):
        yield match
        return
    taken = [t for t in others.taken if not host or hosts.covers(t.host, host)]
    names = entry.get("gateways") or others.gateways
    groups = list(_groups(names, taken, others.namespace)) if names else [([], taken)]
    for bound, some in groups:
        mine = match | {"gateways": bound} if len(groups) > 1 else match
        rows = _without(mine, some, several=others.several)
        lost += [] if rows else [some[0].by]
        yield from rows


def _groups(
    names: Sequence[str], taken: Sequence[Taken], namespace: str
) -> Iterator[tuple[list[str], list[Taken]]]:
    """The gateways where nothing is taken, together; then each of the others."""
    by_name = {
        name: [t for t in taken if t.gateway == full_gateway(name, namespace)] for name in names
    }
    if free := [name for name, some in by_name.items() if not some]:
        yield free, []
    yield from (([name], some) for name, some in by_name.items() if some)


def _without(match: Json, taken: Sequence[Taken], *, several: bool) -> list[Json]:
    """Entries that hold exactly where ``match`` holds and nothing that is taken does.

    Errors: ``RefusedError`` where Istio has no words for it.
    """
    rows = [match]
    for some in _bundles(taken):
        rows = [row for each in rows for row in _less(each, some, several=several)]
        rows = [row for i, row in enumerate(rows) if row not in rows[:i]]
        if len(rows) > _MOST:
            what = f"needs more than {_MOST} entries to leave its requests alone"
            raise RefusedError(f"{some[0].by}: a copy of this catch-all {what}; fewer are wanted")
    return rows


def _bundles(taken: Sequence[Taken]) -> Iterator[list[Taken]]:
    """What is told by paths alone, together for each host; then each of the others."""
    paths: dict[str, list[Taken]] = {}
    for take in taken:
        if _told_by(take) == ["uri"]:
            paths.setdefault(take.host, []).append(take)
    yield from paths.values()
    yield from ([take] for take in taken if _told_by(take) != ["uri"])


def _less(match: Json, some: Sequence[Taken], *, several: bool) -> Iterator[Json]:
    """``match`` without a bundle: one entry for each condition of it that does not hold."""
    met = [(take, _met(match, take, several=several)) for take in some]
    here = [take for take, both in met if both]
    if not here:
        yield match
    elif not any(both == [match] for _, both in met):
        told, host = _told_by(here[0]), here[0].host
        rows = [row for key in told for row in _negated(match, key, here)]
        if several and host != "*":
            rows.append(_barred(match, ":authority", [_of_host(host)]))
        yield from ([match] if match in rows else rows)


def _met(match: Json, take: Taken, *, several: bool) -> list[Json]:
    """The requests of ``match`` that ``take`` has: nothing, ``match`` itself, or a part of it."""
    keys = ("uri", "ignoreUriCase", *_CONDITIONS)
    wanted = [{key: take.match[key] for key in keys if take.match.get(key)}]
    try:
        if several and take.host != "*":
            wanted = matches.both(wanted, [{"authority": _of_host(take.host)}])
        return matches.both([match], wanted)
    except RefusedError:
        return [{}]  # RE2 cannot say where they meet: as if they did


def _told_by(take: Taken) -> list[str]:
    """Which conditions tell the requests that are taken from the others."""
    everything = take.match.get("uri") in ({"prefix": "/"}, {"regex": ".*"})
    path = [] if everything or not take.match.get("uri") else ["uri"]
    return [*path, *(key for key in _CONDITIONS if take.match.get(key))]


def _negated(match: Json, key: str, some: Sequence[Taken]) -> Iterator[Json]:
    """``match`` where the condition ``key`` of ``some`` does not hold; several are told by paths.

    Errors: ``RefusedError`` where Istio has no words for it.
    """
    take, value = some[0], some[0].match[key]
    if key == "uri":
        yield _barred(match, PATH, [_of_path(each.match) for each in some])
    elif key == "headers":
        for name, rule in value.items():
            yield from _not_so(match, name, _rule(rule))
    elif key == "withoutHeaders":
        for name, rule in value.items():
            _told_from_absent(name, _rule(rule), take)
            yield from matches.both([match], [{"headers": {name: _rule(rule)}}])
    elif key == "queryParams":
        what = f"takes requests by the query parameter {next(iter(value))!r}"
        raise RefusedError(
            f"{take.by}: {what}, and a copy of this catch-all would take them, too; "
            "a path or a header is wanted"
        )
    else:
        yield _barred(match, f":{key}", [value])


def _rule(rule: Json | None) -> Json:
    """A StringMatch; ``*`` is no regex of RE2, and means presence as nothing at all does."""
    return {} if rule is None or rule.get("regex") == "*" else rule


def _not_so(match: Json, name: str, rule: Json) -> Iterator[Json]:
    """``match`` where the header is absent or not as ``rule`` says; absent counts as empty."""
    if not rule or not matches.meets("", rule):
        yield _barred(match, name, [rule])
        return
    yield _barred(match, name, [{}])
    for present in matches.both([match], [{"headers": {name: {}}}]):
        yield _barred(present, name, [rule])


def _told_from_absent(name: str, rule: Json, take: Taken) -> None:
    """A request without the header counts as one with an empty value (Envoy, ``HeaderMatcher``)."""
    if rule and matches.meets("", rule):
        what = f"takes requests by what the header {name!r} is not"
        raise RefusedError(f"{take.by}: {what}; another condition is wanted")


def _barred(match: Json, name: str, rules: Sequence[Json]) -> Json:
    """``match`` for requests whose header ``name`` is as none of ``rules`` says, either.

    No rule at all means presence, which every other rule is a part of.
    """
    barred = dict(match.get("withoutHeaders") or {})
    every = [*([barred[name]] if name in barred else []), *rules]
    every = [{}] if {} in every else every
    different = [rule for i, rule in enumerate(every) if rule not in every[:i]]
    either = {"regex": "|".join(matches.pattern(rule) for rule in different)}
    return match | {
        "withoutHeaders": barred | {name: different[0] if different[1:] == [] else either}
    }


def _of_path(match: Json) -> Json:
    """A path as Envoy's ``:path``, which has the query behind it."""
    uri, fold = match["uri"], bool(match.get("ignoreUriCase"))
    if "prefix" in uri and not fold:
        return {"prefix": uri["prefix"]}
    text = matches.pattern(uri)
    text = text if "prefix" in uri else rf"{text}(?:\?.*)?"
    return {"regex": f"(?i:{text})" if fold else text}


def _of_host(host: str) -> Json:
    text = rf".*{matches.quoted(host[1:])}" if host.startswith("*") else matches.quoted(host)
    return {"regex": rf"{text}(?::[0-9]+)?"}
