"""Other people's requests at a gateway host that we share stay theirs, whatever they carry."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from rollout.errors import RefusedError
from rollout.istio import beside, refusals, traffic, virtualservice
from rollout.istio.beside import Beside
from rollout.istio.routes.apart import Taken
from rollout.model.traffic import (
    STABLE_ONLY,
    Cohort,
    Route,
    Split,
    Sticky,
    StringMatch,
    VirtualServiceRef,
)
from tests.effort import effort
from tests.istio.envoy import Request, edge, taken, taker
from tests.istio.objects import TARGET, Json, applied, target, to, vs

STAFF = {"x-staff": "1"}
COHORT = Route(Split(100, 0), (Cohort(headers={"x-staff": StringMatch(exact="1")}),))
COOKIE = {"cookie": "a=b; side=us"}
STICKY = Route(Split(80, 20), sticky=Sticky("side", "us", timedelta(hours=1)))
PREVIEW = Route(Split(100, 0), preview_host="pre.shop.example")
PAGES = {"uri": {"prefix": "/pages"}}


def gateway(*hosts: str, name: str = "edge") -> Json:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [*hosts]}
    meta = {"name": name, "namespace": "shop"}
    return {"kind": "Gateway", "metadata": meta, "spec": {"servers": [server]}}


EDGE, INNER = gateway("*"), gateway("*", name="inner")


def at(month: int, obj: Json) -> Json:
    made = {"creationTimestamp": f"2026-{month:02}-01T00:00:00Z"}
    return obj | {"metadata": obj["metadata"] | made}


def ours(*match: Json, month: int = 1, **spec: Any) -> Json:
    base = {"name": "ours", "route": [to()]} | ({"match": [*match]} if match else {})
    return at(month, vs(base, **{"hosts": ["shop.example"], "gateways": ["edge"]} | spec))


def theirs(*matches: Json, month: int = 2, name: str = "pages", **spec: Any) -> Json:
    routes = [
        {"name": f"{name}-{i}", "route": [to("other")]} | ({"match": [m]} if m else {})
        for i, m in enumerate(matches)
    ]
    usual = {"hosts": ["shop.example"], "gateways": ["edge"]}
    return at(month, vs(*routes, name=name, **usual | spec))


def rooted(route: Json, month: int) -> Json:
    return at(month, vs(route, name="root", hosts=["shop.example"], gateways=["edge"]))


def written(obj: Json, route: Route, *others: Json, gateways: tuple[Json, ...] = (EDGE,)) -> Json:
    near = Beside((obj, *others), gateways)
    after = applied(obj, virtualservice.patch(obj, TARGET, route, 1, near))
    assert virtualservice.differences(after, TARGET, route, near) == ()
    return after


@pytest.mark.parametrize(("route", "marks"), [(COHORT, STAFF), (STICKY, COOKIE)])
def test_a_younger_objects_path_stays_its_own_for_users_of_the_cohort(
    route: Route, marks: dict[str, str]
) -> None:
    """Case 29, seen with istiod 1.30.3 and Envoy: 40 of 40 requests to /pages went to us."""
    web, pages = ours(), theirs(PAGES)
    after = written(web, route, pages)
    for path in ("/pages", "/pages/1?x=y"):
        assert taker([after, pages], EDGE, Request(path, headers=marks)) == "pages-0"
    assert taker([after, pages], EDGE, Request("/", headers=marks)).startswith("rollout-shop-")
    blind = applied(web, virtualservice.patch(web, TARGET, route, 1))
    stolen = taker([blind, pages], EDGE, Request("/pages", headers=marks))
    assert stolen.startswith("rollout-shop-")


def test_paths_are_left_out_in_one_pattern() -> None:
    others = theirs(PAGES, {"uri": {"exact": "/a.b"}}, {"uri": {"regex": "/c/[0-9]+"}})
    fold = theirs({"uri": {"prefix": "/D"}, "ignoreUriCase": True}, month=3, name="fold")
    made = written(ours(), COHORT, others, fold)["spec"]["http"][0]
    paths = r"/pages.*|(?:/a\.b(?:\?.*)?)|(?:(?:/c/[0-9]+)(?:\?.*)?)|(?:(?i:/D.*))"
    assert made["match"] == [
        {
            "headers": {"x-staff": {"exact": "1"}},
            "withoutHeaders": {":path": {"regex": paths}},
        }
    ]


def test_one_path_is_left_out_as_it_is_written() -> None:
    made = written(ours(), COHORT, theirs(PAGES))["spec"]["http"][0]
    assert made["match"][0]["withoutHeaders"] == {":path": {"prefix": "/pages"}}


@pytest.mark.parametrize(
    ("web", "other"),
    [
        (ours(month=3), theirs(PAGES)),
        (ours(), theirs({}, month=2)),
        (ours(), theirs(PAGES, hosts=["other.example"])),
        (ours(), theirs(PAGES, gateways=["inner"])),
        (ours(), theirs(PAGES, gateways=["mesh"])),
        (ours(gateways=["mesh"]), theirs(PAGES)),
        (ours(PAGES), theirs({"uri": {"prefix": "/pages/mine"}})),
        (ours(), theirs({}, PAGES)),
        (ours(), theirs(PAGES | {"gateways": ["inner"]})),
        (ours(), theirs(PAGES | {"sourceLabels": {"app": "web"}})),
        (ours(), theirs({"headers": {"x-staff": {"exact": "2"}}})),
    ],
    ids=[
        "an older one stands before us anyway",
        "a younger catch-all stands behind us anyway",
        "another host",
        "another gateway",
        "no gateway",
        "we have no gateway",
        "we are no catch-all",
        "behind its own catch-all",
        "for another gateway",
        "for callers inside",
        "the cohort's header with another value",
    ],
)
def test_where_nobody_loses_a_request_the_copy_is_the_plain_one(web: Json, other: Json) -> None:
    plain = applied(web, virtualservice.patch(web, TARGET, COHORT, 1))
    assert written(web, COHORT, other) == plain


def test_a_mirror_stands_on_a_catch_all_and_takes_from_nobody() -> None:
    route = Route(Split(100, 0), mirror=0.1)
    plain = applied(ours(), virtualservice.patch(ours(), TARGET, route, 1))
    assert written(ours(), route, theirs(PAGES)) == plain


def test_what_cannot_be_left_out_is_refused_before_it_is_written() -> None:
    other = theirs(PAGES | {"queryParams": {"beta": {"exact": "1"}}})
    near = Beside((ours(), other), (EDGE,))
    seen = traffic.seen([ours()], [], TARGET, COHORT, near)
    assert (seen.refused, seen.differences) == (
        (
            "virtualservice shop/shop: virtualservice shop/pages: takes requests by the query "
            "parameter 'beta', and a copy of this catch-all would take them, too; "
            "a path or a header is wanted",
        ),
        (),
    )
    with pytest.raises(RefusedError, match="shop/pages"):
        virtualservice.patch(ours(), TARGET, COHORT, 1, near)
    assert traffic.seen([ours()], [], TARGET, STABLE_ONLY, near).refused == ()
    assert traffic.seen([ours()], [], TARGET, Route(Split(90, 10)), near).refused == ()


def test_behind_an_older_catch_all_a_copy_would_take_everything_from_it() -> None:
    older = theirs({}, month=1, name="all")
    near = Beside((ours(month=2), older), (EDGE,))
    (refused,) = refusals.refused([ours(month=2)], TARGET, COHORT, near)
    assert "virtualservice shop/all takes every request" in refused


def test_inside_the_mesh_and_at_a_gateway_of_its_own_the_cohort_is_whole() -> None:
    web = ours(gateways=["edge", "inner", "mesh"])
    made = written(web, COHORT, theirs(PAGES), gateways=(EDGE, INNER))["spec"]["http"][0]
    staff = {"headers": {"x-staff": {"exact": "1"}}}
    assert made["match"] == [
        staff | {"gateways": ["inner", "mesh"]},
        staff | {"gateways": ["edge"], "withoutHeaders": {":path": {"prefix": "/pages"}}},
    ]


def test_a_host_that_is_not_shared_keeps_its_whole_cohort() -> None:
    web, pages = ours(hosts=["shop.example", "mine.example"]), theirs(PAGES)
    after = written(web, COHORT, pages)
    assert taker([after, pages], EDGE, Request("/pages", headers=STAFF)) == "pages-0"
    mine = Request("/pages", "mine.example", headers=STAFF)
    assert taker([after, pages], EDGE, mine) == "rollout-shop-cohort-0"


def test_a_preview_leaves_out_what_is_taken_on_its_own_host_alone() -> None:
    web = ours(hosts=["shop.example", "pre.shop.example"])
    pages = theirs(PAGES)
    assert "withoutHeaders" not in str(written(web, PREVIEW, pages))
    both = theirs(PAGES, hosts=["pre.shop.example"])
    after = written(web, PREVIEW, both)
    request = Request("/pages", "pre.shop.example")
    assert taker([after, both], EDGE, request) == "pages-0"
    assert taker([after, both], EDGE, replace(request, path="/")) == "rollout-shop-preview-0"


def test_a_delegate_is_where_its_root_is() -> None:
    root = rooted({"name": "in", "delegate": {"name": "shop"}}, month=1)
    inner = at(1, vs({"name": "ours", "route": [to()]}, hosts=[]))
    del inner["spec"]["hosts"]
    after = written(inner, COHORT, root, theirs(PAGES))
    assert after["spec"]["http"][0]["match"][0]["withoutHeaders"] == {":path": {"prefix": "/pages"}}


def test_what_a_younger_root_delegates_stays_there() -> None:
    root = rooted({"delegate": {"name": "deep"}}, month=2)
    deep = at(2, vs({"name": "deep", "match": [PAGES], "route": [to("other")]}, name="deep"))
    del deep["spec"]["hosts"]
    after = written(ours(), COHORT, root, deep)
    assert taker([after, root, deep], EDGE, Request("/pages", headers=STAFF)) == "deep"


def test_a_pattern_and_a_name_meet_where_the_gateway_says_so() -> None:
    wide = theirs(PAGES, hosts=["*"])
    narrow = gateway("shop.example")
    assert beside.shared_hosts(wide, "shop/edge", [narrow]) == ("shop.example",)
    assert beside.shared_hosts(wide, "shop/edge", [gateway("other/*", "./x.example")]) == (
        "x.example",
    )
    near = Beside((ours(), wide), (narrow,))
    assert beside.others(ours(), TARGET, near).taken == (
        Taken("shop/edge", "shop.example", PAGES, "virtualservice shop/pages"),
    )
    assert beside.others(ours(), TARGET, replace(near, gateways=(EDGE,))).taken == ()


def test_of_a_gateway_that_cannot_be_read_every_host_counts() -> None:
    near = Beside((ours(), theirs(PAGES)))
    assert [t.host for t in beside.others(ours(), TARGET, near).taken] == ["shop.example"]


def test_of_files_nobody_knows_who_is_older() -> None:
    web, pages = vs(ours()["spec"]["http"][0], hosts=["a.b"], gateways=["edge"]), None
    pages = vs({"match": [PAGES], "route": [to("x")]}, name="a", hosts=["a.b"], gateways=["edge"])
    assert len(beside.others(web, TARGET, Beside((web, pages))).taken) == 1


def test_our_own_second_object_is_left_alone_as_well() -> None:
    both = (ours(), theirs(PAGES))
    named = target(VirtualServiceRef("shop"), VirtualServiceRef("pages"))
    assert len(beside.others(both[0], named, Beside(both, (EDGE,))).taken) == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"hosts": 7},
        {"gateways": 7},
        {"http": [7]},
        {"http": [{"delegate": "x"}]},
        {"http": [{"match": ["x"]}]},
        {"http": [{"match": [{"uri": "/a"}]}]},
        {"http": [{"match": [{"uri": {"prefix": 7}}]}]},
        {"http": [{"match": [{"headers": {"x": "1"}}]}]},
        {"http": [{"match": [{"headers": ["x"]}]}]},
        {"http": [{"match": [{"gateways": ["x"], "uri": "/a"}]}]},
        {"http": [{"match": [{"sourceLabels": ["x"]}]}]},
        {"servers": [{"hosts": 7}]},
        {"servers": ["x"]},
    ],
)
def test_what_istio_cannot_read_is_not_in_the_mesh(spec: Json) -> None:
    assert not beside.is_sound({"metadata": {"name": "odd", "namespace": "shop"}, "spec": spec})
    assert beside.is_sound(theirs(PAGES, {}, PAGES | {"headers": {"x": None}}))
    assert beside.is_sound(EDGE)


TEXTS: tuple[Json, ...] = ({"exact": "1"}, {"prefix": "1"}, {"regex": "1|2|"}, {"regex": "*"}, {})
PATHS: tuple[Json, ...] = (
    {},
    {"uri": {"prefix": "/"}},
    {"uri": {"regex": ".*"}},
    PAGES,
    {"uri": {"exact": "/pages"}},
    {"uri": {"regex": "/(pages|api)"}},
    {"uri": {"prefix": "/PAGES"}, "ignoreUriCase": True},
)
CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "headers": st.fixed_dictionaries({"x": st.sampled_from(TEXTS)}),
        "withoutHeaders": st.fixed_dictionaries({"y": st.sampled_from(TEXTS)}),
        "method": st.sampled_from([{"exact": "POST"}, {"prefix": "P"}]),
        "authority": st.just({"exact": "shop.example"}),
        "gateways": st.sampled_from([["edge"], ["inner"], ["shop/edge", "inner"]]),
    },
)
MATCHES = st.builds(lambda path, more: path | more, st.sampled_from(PATHS), CONDITIONS)
HOSTS = st.sampled_from(
    [["shop.example"], ["other.example"], ["shop.example", "other.example"], ["*"]]
)
BOUND = st.sampled_from([["edge"], ["inner"], ["edge", "mesh"], ["edge", "inner"]])
OTHERS = st.lists(
    st.tuples(st.lists(MATCHES, min_size=1, max_size=2), HOSTS, BOUND, st.sampled_from([1, 3])),
    max_size=3,
)
GATEWAYS = st.sampled_from([("*",), ("shop.example", "*.example"), ("*.example",)])
REQUESTS = [
    Request(path, host, method, marks)
    for path, host, method, marks in product(
        ("/", "/pages", "/pages/1?a=b", "/pAges?", "/api"),
        ("shop.example", "other.example"),
        ("GET", "POST"),
        ({}, {"x": "1", "y": "1"}, {"x": "2"}, {"y": "3"}),
    )
]


@given(
    st.sampled_from([(), ({"uri": {"prefix": "/"}},), (PAGES, {}), ({"gateways": ["edge"]},)]),
    HOSTS,
    BOUND,
    OTHERS,
    GATEWAYS,
    st.sampled_from([(COHORT, STAFF), (STICKY, COOKIE)]),
)
def test_no_request_changes_hands_and_the_cohort_is_whole(
    match: tuple[Json, ...],
    hosts: list[str],
    bound: list[str],
    others: list[tuple[list[Json], list[str], list[str], int]],
    let_in: tuple[str, ...],
    way: tuple[Route, dict[str, str]],
) -> None:
    web = ours(*match, month=2, hosts=hosts, gateways=bound)
    near = [
        theirs(*some, month=month, name=f"n{i}", hosts=names, gateways=gates)
        for i, (some, names, gates, month) in enumerate(others)
    ]
    gates = (gateway(*let_in), gateway(*let_in, name="inner"))
    try:
        after = written(web, way[0], *near, gateways=gates)
    except RefusedError as refused:
        event(str(refused)[-30:])
        return
    event("written apart" if "withoutHeaders" in str(after) else "plain")
    for gate in gates:
        was, is_now = (edge([obj, *near], gate) for obj in (web, after))
        for request, marks in product(REQUESTS, ({}, way[1])):
            marked = replace(request, headers={**request.headers, **marks})
            before, now = taken(was, marked), taken(is_now, marked)
            if before != "ours":
                assert now == before, marked
            elif not marks:
                assert now == "ours" or "-split-" in now, marked
            else:
                assert now.startswith("rollout-shop-"), marked
                assert "-split-" not in now, marked


def test_a_host_for_each_of_many_tenants_costs_no_square_of_them() -> None:
    """One service behind a VirtualService for each: a look took 8 s with a thousand."""

    def work(count: int) -> int:
        every = [ours(name=f"t{n}", hosts=[f"t{n}.example"]) for n in range(count)]
        near = Beside((*every, theirs(PAGES, hosts=["t0.example"])), (EDGE,))
        with effort() as made:
            refusals.refused(every, TARGET, COHORT, near)
        return made.calls

    assert work(80) < 2.5 * work(40)
