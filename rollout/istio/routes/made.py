"""The routes that we make beside a base route: copies with another match and destination.

Copies, so that timeout, retries, CORS and rewrites of the base hold for them, too. They stand
directly before the route they come from, because the first match wins.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from rollout.errors import RefusedError
from rollout.istio.patch import Json
from rollout.istio.routes import matches, shares
from rollout.istio.routes.apart import NOBODY, Others, joined
from rollout.istio.routes.listing import subset, weight
from rollout.model.traffic import Fault, Route, Split, Sticky, Target


def routes(
    base: Json, index: int, target: Target, route: Route, others: Others = NOBODY
) -> Iterator[Json]:
    """The made routes for one base route, in the order in which they stand before it.

    ``base``: an http route whose destinations are divided already; it is not changed.
    ``index``: counts the target's managed http routes, so that names are unique.
    ``others``: what other objects take where the base stands behind them and a copy would not.
    Errors: ``RefusedError`` where a copy cannot be kept apart from that.
    """
    name, match = f"rollout-{target.rollout}", base.get("match")
    if (preview := route.preview_host) is not None:
        rows = joined(match, [matches.host(preview)], others, preview)
        yield from _all_canary(base, f"{name}-preview-{index}", rows, target)
    if route.cohorts:
        entries = [matches.of_cohort(cohort) for cohort in route.cohorts]
        rows = joined(match, entries, others)
        for made in _all_canary(base, f"{name}-cohort-{index}", rows, target):
            yield made | ({"fault": _fault(route.fault)} if route.fault else {})
    if route.sticky is not None:
        entry = matches.pinned(route.sticky.cookie, route.sticky.value)
        rows = joined(match, [entry], others)
        yield from _all_canary(base, f"{name}-sticky-{index}", rows, target)
        yield from _stayed(base, index, target, route, route.sticky, others)
    if route.mirror or (route.sticky is not None and route.split.canary):
        yield _dressed(base, f"{name}-split-{index}", target, route)


def _all_canary(base: Json, name: str, rows: list[Json], target: Target) -> Iterator[Json]:
    """A copy with ``rows`` as its match, all to the canary; none if no request can be there."""
    if rows:
        only = deepcopy(_canary(base, target)) | {"weight": 100}
        yield deepcopy(base) | {"name": name, "match": rows, "route": [only]}


def _stayed(
    base: Json, index: int, target: Target, route: Route, sticky: Sticky, others: Others
) -> Iterator[Json]:
    """Copies for the users who got stable: at this step they stay, of those before some move.

    Without them everybody would be drawn anew at each request, and the cookie of the canary
    would keep all who are drawn once: few per cent of requests would soon be most of the users.
    """
    if not sticky.home:
        return
    name = f"rollout-{target.rollout}"
    groups = [(f"{name}-home-{index}", sticky.home, 0)]
    for step, (value, percent) in enumerate(sticky.earlier):
        groups.append((f"{name}-moving-{index}-{step}", value, percent))
    for called, value, percent in groups:
        rows = joined(base.get("match"), [matches.pinned(sticky.cookie, value)], others)
        if rows:
            made = _dressed(base, called, target, route) | {"match": rows}
            _divide(made, target, Split.giving_canary(percent))
            yield made


def _divide(made: Json, target: Target, split: Split) -> None:
    """Our two destinations share what they have together like this; others keep theirs."""
    ours = (_named(made, target.stable), _canary(made, target))
    for entry, share in zip(ours, shares.within(sum(map(weight, ours)), split), strict=True):
        entry["weight"] = share


def _dressed(base: Json, name: str, target: Target, route: Route) -> Json:
    """A copy for the very same requests that also mirrors, or hands out the cookie.

    It hides the base route, which so stays as its author wrote it but for the weights.
    """
    made = deepcopy(base) | {"name": name}
    if route.mirror:
        _add_mirror(made, target, route.mirror)
    if (sticky := route.sticky) is not None:
        values = ((target.canary, sticky.value), (target.stable, sticky.home))
        for side, value in values:
            if value:
                cookie = matches.set_cookie(sticky.cookie, value, sticky.max_age)
                _add_cookie(_named(made, side), cookie)
    return made


def _canary(base: Json, target: Target) -> Json:
    return _named(base, target.canary)


def _named(base: Json, side: str) -> Json:
    """The destination of that side. Errors: ``RefusedError`` where no subset is named so."""
    for entry in base["route"]:
        if subset(entry) == side:
            found: Json = entry
            return found
    raise RefusedError(f"no destination has subset {side or 'canary'}; one for each side is wanted")


def _add_mirror(made: Json, target: Target, share: float) -> None:
    """The canary among the mirrors; an old-style ``mirror`` moves there, as both cannot be.

    Source: Istio API, VirtualService, ``HTTPRoute.mirrors``; no percentage means all.
    """
    mirrors: list[Json] = made.get("mirrors") or []
    if "mirror" in made:
        mirrors = [_old_mirror(made), *mirrors]
    ours = {"destination": _canary(made, target)["destination"]}
    made["mirrors"] = [*mirrors, ours | {"percentage": _percentage(share)}]


def _old_mirror(made: Json) -> Json:
    moved: Json = {"destination": made.pop("mirror")}
    old = [made.pop(key, None) for key in ("mirrorPercent", "mirror_percent")]
    percentage = made.pop("mirrorPercentage", None)
    for value in old:
        percentage = percentage or (None if value is None else {"value": value})
    return moved if percentage is None else moved | {"percentage": percentage}


def _add_cookie(entry: Json, cookie: str) -> None:
    """One more Set-Cookie, in a spelling that the author has not used: header names fold case."""
    headers = entry.setdefault("headers", {}).setdefault("response", {}).setdefault("add", {})
    spellings = ("Set-Cookie", "set-cookie", "SET-COOKIE")
    headers[next(s for s in spellings if s not in headers)] = cookie


def _percentage(share: float) -> Json:
    value = round(share * 100, 6)
    return {"value": int(value) if value == int(value) else value}


def _fault(fault: Fault) -> Json:
    share = _percentage(fault.percent)
    made: dict[str, Any] = {}
    if fault.delay is not None:
        milliseconds = round(fault.delay.total_seconds() * 1000)
        made["delay"] = {"fixedDelay": f"{milliseconds}ms", "percentage": share}
    if fault.abort is not None:
        made["abort"] = {"httpStatus": fault.abort, "percentage": share}
    return made
