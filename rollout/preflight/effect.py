"""Rules about what a journey can do at all: routes that requests reach, cohorts, counters."""

from collections.abc import Iterator

from rollout.istio import hosts
from rollout.istio.routes import reach
from rollout.istio.routes.listing import where
from rollout.istio.routes.reach import NoWay
from rollout.model.traffic import Cohort, Route
from rollout.preflight.pods import has_proxies
from rollout.preflight.snapshot import Case

_Where = tuple[str, NoWay | None]


def _reached(case: Case) -> list[_Where]:
    """Each managed route as people name it, and why no request comes to it, if none does."""
    others = case.snapshot.virtual_services
    return [
        (
            f"{where(obj, case.target)} {place}",
            reach.shut(obj, place, reach.entries(route), others, case.target),
        )
        for obj in case.managed
        for place, route in case.places(obj)
    ]


def dead(case: Case) -> Iterator[str]:
    """ROL-023, B: the first match wins; no step can have an effect where no request comes."""
    found = _reached(case)
    if all(reason for _, reason in found):
        yield from (f"{told}: is never reached; {s.because}" for told, s in found if s)


def half_dead(case: Case) -> Iterator[str]:
    """ROL-023, W: some managed routes are never reached, others are (IST0130)."""
    found = _reached(case)
    if not all(reason for _, reason in found):
        yield from (f"{told}: is never reached; {s.because}" for told, s in found if s)


def empty_step(case: Case) -> Iterator[str]:
    """ROL-038, B: a step that is for its cohorts alone, and nobody can be of one of them."""
    for number, route in enumerate(case.ahead, 1):
        only = bool(route.cohorts) and not (
            route.split.canary or route.mirror or route.preview_host
        )
        if only and all(_nowhere(cohort, case) for cohort in route.cohorts):
            reasons = "; ".join(dict.fromkeys(_reasons(route, case)))
            yield f"step {number}: nobody can be of its cohorts: {reasons}"


def unsent(case: Case) -> Iterator[str]:
    """ROL-038, W: a step at which the canary gets no request, so that nothing can be judged."""
    for number, route in enumerate(case.ahead, 1):
        if not route.reaches_canary:
            yield f"step {number}: sends the canary no request, so counters judge nothing there"


def _reasons(route: Route, case: Case) -> Iterator[str]:
    for cohort in route.cohorts:
        yield from (f"at {told}, {s.because}" for told, s in _met(cohort, case) if s)


def _nowhere(cohort: Cohort, case: Case) -> bool:
    found = _met(cohort, case)
    return bool(found) and all(reason for _, reason in found)


def _met(cohort: Cohort, case: Case) -> list[_Where]:
    """Each managed http route that requests reach, and why nobody there can be of ``cohort``."""
    others, alive = case.snapshot.virtual_services, dict(_reached(case))
    return [
        (told, reach.unmet(obj, place, cohort, others, case.target))
        for obj in case.managed
        for place, _ in case.places(obj)
        if place.kind == "http" and not alive[told := f"{where(obj, case.target)} {place}"]
    ]


def lost_cohort(case: Case) -> Iterator[str]:
    """ROL-038, W: a cohort whose route would be written, and can never be met there.

    Where a path keeps a cohort from one of several routes it is meant so; what a delegating root
    lets through, and what an earlier route takes, is not seen where the cohort is written.
    """
    for number, cohort in enumerate(case.cohorts, 1):
        found = _met(cohort, case)
        for told, reason in found:
            if reason and (reason.hidden or all(s for _, s in found)):
                yield f"cohort {number}: nobody can be of it at {told}: {reason.because}"


def no_counters(case: Case) -> Iterator[str]:
    """ROL-055, B: a metric whose counters cannot exist opens no gate, however long it waits.

    Source: Istio, "Standard Metrics": ``istio_requests_total`` and the durations are counted of
    HTTP, HTTP/2 and gRPC requests; of TCP, and so of TLS that is passed through, bytes and
    connections alone.
    """
    names = ", ".join(case.counted)
    kinds = {place.kind for obj in case.managed for place, _ in case.places(obj)}
    service = hosts.short(case.target.host)
    if names and kinds and "http" not in kinds:
        told = f"its routes are {' and '.join(sorted(kinds))}, of which no requests are counted"
        yield f"service {service}: {told}, so {names} can never open a gate; {_WANTED}"
    elif names and case.server_side and has_proxies(case) is False:
        told = "no pod has a proxy, and reporter is destination"
        yield f"service {service}: {told}, so {names} can never open a gate; {_WANTED}"


_WANTED = "metrics of its own are wanted (query, or bad with total)"
