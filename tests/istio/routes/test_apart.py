import pytest

from rollout.errors import RefusedError
from rollout.istio.routes.apart import Others, Taken, full_gateway, is_catch_all, joined
from tests.istio.objects import Json

STAFF: Json = {"headers": {"x-staff": {"exact": "1"}}}


def taken(**match: Json) -> Taken:
    return Taken("shop/edge", "shop.example", dict(match), "virtualservice shop/pages")


def apart(*some: Taken, several: bool = False) -> list[Json]:
    return joined(None, [STAFF], Others(some, ("edge",), "shop", several))


@pytest.mark.parametrize(
    ("match", "whole"),
    [
        ({}, True),
        ({"uri": {"prefix": "/"}}, True),
        ({"uri": {"regex": ".*"}, "port": 80, "gateways": ["edge"]}, True),
        ({"sourceLabels": {"app": "web"}}, True),
        ({"uri": {"prefix": "/a"}}, False),
        ({"uri": {"regex": "/.*"}}, False),
        ({"withoutHeaders": {"x": {}}}, False),
        ({"method": {"exact": "GET"}}, False),
        ({"queryParams": {"q": {"exact": "1"}}}, False),
    ],
)
def test_a_catch_all_is_what_envoy_sees_no_condition_in(match: Json, whole: bool) -> None:
    assert is_catch_all(match) is whole


def test_a_gateway_is_named_in_full() -> None:
    assert full_gateway("edge", "shop") == "shop/edge"
    assert full_gateway("web/edge", "shop") == "web/edge"
    assert full_gateway("mesh", "shop") == "mesh"


def test_two_conditions_are_two_ways_not_to_be_theirs() -> None:
    rows = apart(taken(uri={"prefix": "/pages"}, method={"exact": "GET"}))
    assert rows == [
        STAFF | {"withoutHeaders": {":path": {"prefix": "/pages"}}},
        STAFF | {"withoutHeaders": {":method": {"exact": "GET"}}},
    ]


def test_of_a_header_that_may_be_empty_absence_is_told_apart() -> None:
    assert apart(taken(headers={"x": {"regex": "a?"}})) == [
        STAFF | {"withoutHeaders": {"x": {}}},
        {
            "headers": {"x-staff": {"exact": "1"}, "x": {}},
            "withoutHeaders": {"x": {"regex": "a?"}},
        },
    ]


def test_what_asks_for_an_absent_header_leaves_those_who_send_it() -> None:
    rows = apart(taken(withoutHeaders={"x": {}}))
    assert rows == [{"headers": {"x-staff": {"exact": "1"}, "x": {}}}]


def test_a_host_beside_others_is_one_more_way() -> None:
    rows = apart(taken(uri={"exact": "/a"}), several=True)
    assert [row["withoutHeaders"] for row in rows] == [
        {":path": {"regex": r"/a(?:\?.*)?"}},
        {":authority": {"regex": r"shop\.example(?::[0-9]+)?"}},
    ]


@pytest.mark.parametrize(
    ("some", "because"),
    [
        ([taken(queryParams={"q": {"exact": "1"}})], "query parameter 'q'"),
        ([taken(withoutHeaders={"x": {"regex": "a?"}})], "what the header 'x' is not"),
        ([taken()], "takes every request"),
        ([taken(headers=STAFF["headers"])], "takes every request"),
        (
            [taken(headers={f"{n}{i}": {} for i in range(3)}) for n in "abc"],
            "needs more than 24 entries",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(some: list[Taken], because: str) -> None:
    with pytest.raises(RefusedError, match=because):
        apart(*some)


def test_a_copy_of_what_has_a_condition_takes_nothing_new() -> None:
    base = [{"uri": {"prefix": "/a"}}]
    others = Others((taken(uri={"prefix": "/a/b"}),), ("edge",), "shop")
    assert joined(base, [STAFF], others) == [STAFF | {"uri": {"prefix": "/a"}}]
