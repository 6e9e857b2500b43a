"""Which requests come to a route, against an oracle that plays requests by first match."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.routes import reach
from rollout.istio.routes.listing import ManagedRoute
from rollout.istio.routes.reach import NoWay
from rollout.model.traffic import Cohort, StringMatch
from tests.istio.objects import TARGET, Json, pair, to, vs

API = {"uri": {"prefix": "/api"}}
LEGACY = [to("legacy")]


def because(*http: Json, **spec: Any) -> str | None:
    """Why no request comes to the last of these routes."""
    obj = vs(*http, **spec)
    place = ManagedRoute("http", len(http) - 1)
    found = reach.shut(obj, place, reach.entries(http[-1]), (obj,), TARGET)
    return found.because if found else None


@pytest.mark.parametrize(
    ("before", "mine"),
    [
        (API, API),
        (API, {"uri": {"prefix": "/api/v2"}}),
        (API, {"uri": {"exact": "/api/v2"}}),
        (API, {"uri": {"regex": "/api/v[0-9]+"}}),
        (API, API | {"headers": {"x-tester": {"exact": "1"}}}),
        ({"uri": {"regex": "/api.*"}}, API),
        (API | {"ignoreUriCase": True}, {"uri": {"prefix": "/API/v2"}}),
        ({"headers": {"X-Tester": {}}}, {"headers": {"x-tester": {"exact": "1"}}}),
        ({"queryParams": {"a": {"regex": ".*"}}}, {"queryParams": {"a": {"exact": "1"}}}),
        ({"sourceLabels": {"app": "a"}}, {"sourceLabels": {"app": "a", "version": "v1"}}),
        ({"method": {"regex": "GET|PUT"}}, {"method": {"exact": "PUT"}}),
        ({"port": 80}, {"port": 80, **API}),
    ],
)
def test_an_earlier_match_that_takes_the_same_or_more_leaves_nothing(
    before: Json, mine: Json
) -> None:
    found = because({"match": [before], "route": LEGACY}, {"match": [mine], "route": pair()})
    assert found == "http[0] before it takes all its requests"


@pytest.mark.parametrize(
    ("before", "mine"),
    [
        ({"uri": {"prefix": "/api/v2"}}, API),
        ({"uri": {"exact": "/api"}}, API),
        (API, {"uri": {"prefix": "/ap"}}),
        (API, API | {"ignoreUriCase": True}),
        (API | {"method": {"exact": "GET"}}, API),
        (API | {"withoutHeaders": {"x-tester": {}}}, API),
        ({"headers": {"x-tester": {"exact": "1"}}}, {"headers": {"x-tester": {"prefix": "1"}}}),
        ({"headers": {"x-tester": {}}}, {}),
        ({"port": 80}, {"port": 81}),
        ({"port": 80}, {}),
        ({"gateways": ["edge"]}, {}),
        ({"sourceNamespace": "a"}, {}),
        ({"uri": {"regex": "/api|/v2"}}, {"uri": {"prefix": "/api"}}),
    ],
)
def test_an_earlier_match_that_takes_less_leaves_some(before: Json, mine: Json) -> None:
    route = {"match": [mine], "route": pair()}
    assert because({"match": [before], "route": LEGACY}, route) is None


def test_what_each_gateway_has_taken_is_taken_altogether() -> None:
    apart = [{"gateways": ["edge"]}, {"gateways": ["mesh"]}]
    first = {"match": apart, "route": LEGACY}
    assert because(first, {"route": pair()}, gateways=["edge", "mesh"]) is not None
    assert because(first, {"route": pair()}, gateways=["edge", "mesh", "inner"]) is None


def test_what_a_rollout_made_takes_nothing_from_the_route_that_it_was_copied_from() -> None:
    made = {"name": "rollout-shop-split-0", "match": [API], "route": pair()}
    assert because(made, {"match": [API], "route": pair()}) is None


ROOT = {"match": [{"uri": {"prefix": "/pay"}, "headers": {"x-api": {"exact": "2"}}}]}


def unmet(cohort: Cohort, *before: Json, **main: Any) -> NoWay | None:
    """Why nobody can be of ``cohort`` in a delegate that ``ROOT`` hands ``/pay`` to."""
    handed = ROOT | {"delegate": {"name": "pay"}}
    root = vs(*before, handed, name="root", hosts=["shop.example"], gateways=["edge"])
    leaf = vs({"route": pair(), **main}, name="pay", hosts=[])
    return reach.unmet(leaf, ManagedRoute("http", 0), cohort, (root, leaf), TARGET)


def by_header(name: str, value: str) -> Cohort:
    return Cohort({name: StringMatch(exact=value)})


def test_a_cohort_that_contradicts_the_delegating_root_can_never_be_met() -> None:
    assert unmet(by_header("x-api", "3")) == NoWay(
        "virtualservice shop/root http[0] delegates no such request"
    )
    assert unmet(by_header("x-api", "2")) is None
    assert unmet(by_header("x-tester", "yes")) is None


def test_a_path_must_lie_below_the_roots_and_istio_drops_what_is_told_by_a_regex() -> None:
    assert unmet(Cohort(path=StringMatch(prefix="/pay/new"))) is None
    assert unmet(Cohort(path=StringMatch(prefix="/shop"))) is not None
    assert unmet(Cohort(path=StringMatch(regex="/pay/.*"))) is not None


def test_a_root_that_gives_the_requests_away_before_delegating_leaves_nobody() -> None:
    taken = {"match": [{"uri": {"prefix": "/pay/new"}}], "route": LEGACY}
    assert unmet(Cohort(path=StringMatch(prefix="/pay/new")), taken) == NoWay(
        "virtualservice shop/root http[1] delegates them, but http[0] before it takes them"
    )


def test_a_cohort_that_contradicts_its_own_route_is_told_by_that_route() -> None:
    found = unmet(Cohort(path=StringMatch(prefix="/b")), match=[{"uri": {"prefix": "/a"}}])
    assert found == NoWay("its own match contradicts it", hidden=False)


PATHS = st.sampled_from(["/", "/a", "/a/b", "/b", "/A"])
TEXTS = st.one_of(
    st.builds(lambda p: {"exact": p}, PATHS),
    st.builds(lambda p: {"prefix": p}, PATHS),
    st.sampled_from([{"regex": ".*"}, {"regex": "/a.*"}, {"regex": "/a|/b"}, {"regex": "/a/."}]),
)
VALUES: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}), st.sampled_from([{"exact": "1"}, {"exact": "2"}, {"prefix": "1"}])
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "uri": TEXTS,
        "ignoreUriCase": st.booleans(),
        "headers": st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2),
        "method": st.sampled_from([{"exact": "GET"}, {"regex": "GET|PUT"}]),
        "port": st.sampled_from([80, 81]),
    },
)
REQUESTS = [
    {"uri": uri, "method": method, "port": port, "headers": headers}
    for uri in ("/", "/a", "/a/b", "/b", "/A", "/c")
    for method in ("GET", "PUT", "POST")
    for port in (80, 81)
    for headers in ({}, {"x": "1"}, {"x": "2"}, {"y": "12"}, {"x": "12", "y": "1"})
]


def meets(request: Json, entry: Json) -> bool:
    fold = bool(entry.get("ignoreUriCase"))
    texts = all(
        _is(request[k], entry[k], fold and k == "uri") for k in ("uri", "method") if k in entry
    )
    port = entry.get("port") in (None, request["port"])
    headers = (entry.get("headers") or {}).items()
    return (
        texts
        and port
        and all(
            k in request["headers"] and _is(request["headers"][k], v, False) for k, v in headers
        )
    )


def _is(text: str, match: Json, fold: bool) -> bool:
    for way, wanted in match.items():
        have, want = (text.lower(), wanted.lower()) if fold else (text, wanted)
        if way == "exact":
            return bool(have == want)
        if way == "prefix":
            return bool(have.startswith(want))
        return {
            ".*": True,
            "/a.*": have.startswith("/a"),
            "/a|/b": have in ("/a", "/b"),
            "/a/.": len(have) == 4 and have.startswith("/a/"),
            "get|put": have in ("get", "put"),
            "GET|PUT": have in ("GET", "PUT"),
        }[want]
    return True


@given(st.lists(ENTRIES, min_size=1, max_size=3), ENTRIES)
def test_no_request_comes_to_a_route_that_is_called_dead(before: list[Json], mine: Json) -> None:
    routes = [{"match": [entry], "route": LEGACY} for entry in before]
    if because(*routes, {"match": [mine], "route": pair()}) is None:
        return
    coming = [r for r in REQUESTS if meets(r, mine) and not any(meets(r, e) for e in before)]
    assert coming == []


@given(ENTRIES)
def test_a_route_behind_its_equal_is_always_dead(entry: Json) -> None:
    route = {"match": [entry], "route": LEGACY}
    assert because(route, {"match": [entry], "route": pair()}) is not None
