import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.errors import RefusedError
from rollout.istio.routes import matches
from rollout.model.traffic import Cohort, StringMatch
from tests.istio.objects import Json

EXACT, PREFIX = StringMatch(exact="a.b"), StringMatch(prefix="a+")
ANY, REGEX = StringMatch(present=True), StringMatch(regex="a|b")
TEXT = st.text(st.characters(codec="ascii", exclude_characters=";,\n\r\x0b\x0c"), max_size=9)
JARS = st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), TEXT, max_size=4)


def accepts(pattern: str, jar: dict[str, str], joint: str = "; ") -> bool:
    header = joint.join(f"{k}={v}" for k, v in jar.items())
    return re.fullmatch(pattern, header, re.DOTALL) is not None


@given(JARS, TEXT, st.sampled_from(["; ", ";", ";  "]))
def test_a_cookie_is_found_among_any_others(jar: dict[str, str], value: str, joint: str) -> None:
    pattern = matches.cookie("me", StringMatch(exact=value))
    assert accepts(pattern, jar | {"me": value}, joint)
    assert accepts(pattern, {"me": value} | jar | {"me": value}, joint)


@given(JARS, TEXT, TEXT)
def test_another_value_or_a_longer_name_is_not_the_cookie(
    jar: dict[str, str], value: str, other: str
) -> None:
    pattern = matches.cookie("me", StringMatch(exact=value))
    rest = {k: v for k, v in jar.items() if k != "me"}
    assert not accepts(pattern, rest | {"xme": value, "mex": value})
    if other.strip() != value.strip():
        assert not accepts(pattern, rest | {"me": other})


@pytest.mark.parametrize(
    ("value", "yes", "no"),
    [
        (EXACT, "a.b", "axb"),
        (PREFIX, "a+c", "aac"),
        (REGEX, "b", "c"),
        (ANY, "", None),
    ],
)
def test_each_way_to_match_a_cookie(value: StringMatch, yes: str, no: str | None) -> None:
    pattern = matches.cookie("me", value)
    assert accepts(pattern, {"a": "1", "me": yes, "z": "1"})
    assert no is None or not accepts(pattern, {"a": "1", "me": no, "z": "1"})
    assert not accepts(pattern, {"a": "1"})


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")])
def test_several_cookies_must_all_be_there_in_any_order(order: tuple[str, ...]) -> None:
    cohort = Cohort(cookies={n: StringMatch(exact=n) for n in ("a", "b", "c")})
    pattern = matches.of_cohort(cohort)["headers"]["cookie"]["regex"]
    assert accepts(pattern, {"x": "1"} | {n: n for n in order} | {"y": "2"})
    assert not accepts(pattern, {n: n for n in order[:2]})


def test_four_cookies_in_one_cohort_are_refused() -> None:
    cohort = Cohort(cookies=dict.fromkeys("abcd", ANY))
    with pytest.raises(RefusedError, match="names 4 cookies; at most 3"):
        matches.of_cohort(cohort)


def test_a_cohort_becomes_one_entry() -> None:
    cohort = Cohort(
        headers={"X-Tester": EXACT, "x-any": ANY},
        query={"v2": StringMatch(exact="true"), "q": ANY},
        path=PREFIX,
        method=REGEX,
    )
    assert matches.of_cohort(cohort) == {
        "headers": {"x-tester": {"exact": "a.b"}, "x-any": {}},
        "queryParams": {"v2": {"exact": "true"}, "q": {"regex": ".*"}},
        "uri": {"prefix": "a+"},
        "method": {"regex": "a|b"},
    }


def test_any_path_and_any_method_are_said_in_words_that_istio_has() -> None:
    found = matches.of_cohort(Cohort(path=ANY, method=ANY))
    assert found == {"uri": {"prefix": "/"}, "method": {"regex": ".+"}}


def test_a_host_matches_with_and_without_its_port() -> None:
    pattern = matches.host("pre.shop")["authority"]["regex"]
    assert [bool(re.fullmatch(pattern, h)) for h in ("pre.shop", "pre.shop:80", "prexshop")] == [
        True,
        True,
        False,
    ]


def test_a_pinned_user_is_recognised_by_the_cookie_that_he_was_given() -> None:
    given = matches.set_cookie("who", "v2-1", timedelta(days=1))
    assert given == "who=v2-1; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
    pattern = matches.pinned("who", "v2-1")["headers"]["cookie"]["regex"]
    assert accepts(pattern, {"who": "v2-1"})
    assert not accepts(pattern, {"who": "v2-10"})


def uri(**match: str) -> Json:
    return {"uri": match}


@pytest.mark.parametrize(
    ("base", "extra", "joined"),
    [
        (uri(prefix="/a"), uri(exact="/a/b"), uri(exact="/a/b")),
        (uri(exact="/a/b"), uri(prefix="/a"), uri(exact="/a/b")),
        (uri(prefix="/a"), uri(prefix="/a/b"), uri(prefix="/a/b")),
        (uri(regex="/a.*"), uri(exact="/ab"), uri(exact="/ab")),
        (uri(regex=".*"), uri(prefix="/ab"), uri(prefix="/ab")),
        (uri(prefix="/ab"), uri(regex=".*"), uri(prefix="/ab")),
        (uri(exact="/a"), uri(exact="/a"), uri(exact="/a")),
        (uri(regex="/api/.*"), uri(prefix="/api/v2"), uri(prefix="/api/v2")),
        (uri(regex="^/api/.*$"), uri(prefix="/api"), uri(prefix="/api/")),
        (uri(prefix="/api"), uri(regex="/api/[0-9]+"), uri(regex="/api/[0-9]+")),
        (uri(regex=r"/a\.b(c|d)"), uri(prefix="/a.b"), uri(regex=r"/a\.b(c|d)")),
        (uri(regex=r"/a\.b"), uri(prefix="/a"), uri(exact="/a.b")),
        (uri(regex="/a/.*"), uri(regex="/a/b/.*"), uri(prefix="/a/b/")),
        (uri(regex="/a/.*"), uri(regex="/a/[bc]/.*"), uri(regex="/a/[bc]/.*")),
        (
            {"uri": {"prefix": "/A"}, "ignoreUriCase": True},
            uri(regex="/a/[0-9]+"),
            {"uri": {"regex": "/a/[0-9]+"}, "ignoreUriCase": True},
        ),
        (uri(), uri(exact="/a"), uri(exact="/a")),
        (
            {"headers": {"x": {}}},
            {"headers": {"x": {"exact": "1"}}},
            {"headers": {"x": {"exact": "1"}}},
        ),
        (
            {"headers": {"x": {"exact": "1"}}},
            {"headers": {"x": {}}},
            {"headers": {"x": {"exact": "1"}}},
        ),
        ({"port": 80}, uri(exact="/a"), {"port": 80, "uri": {"exact": "/a"}}),
        (
            {"uri": {"prefix": "/A"}, "ignoreUriCase": True},
            uri(exact="/ab"),
            {"uri": {"exact": "/ab"}, "ignoreUriCase": True},
        ),
    ],
)
def test_two_conditions_become_one(base: Json, extra: Json, joined: Json) -> None:
    assert matches.both([base], [extra]) == [joined]


@pytest.mark.parametrize(
    ("base", "extra"),
    [
        (uri(exact="/a"), uri(exact="/b")),
        (uri(prefix="/a"), uri(prefix="/b")),
        (uri(regex="/a"), uri(exact="/b")),
        (uri(regex="/a/[0-9]+"), uri(prefix="/b")),
        ({"authority": {"prefix": "shop."}}, {"authority": {"regex": r"pre\.shop(?::[0-9]+)?"}}),
        ({"headers": {"x": {"exact": "1"}}}, {"headers": {"x": {"exact": "2"}}}),
    ],
)
def test_two_conditions_that_no_request_meets_are_left_out(base: Json, extra: Json) -> None:
    assert matches.both([base], [extra]) == []


def test_every_entry_of_the_base_is_joined_with_every_cohort() -> None:
    base = [uri(prefix="/a"), uri(prefix="/b")]
    extra = [{"port": 1}, {"port": 2}]
    assert matches.both(base, extra) == [b | e for e in extra for b in base]
    assert matches.both(None, extra) == extra


def test_two_regexes_are_refused_with_both_in_words() -> None:
    with pytest.raises(RefusedError, match=r"match on uri: regex 'a.' and regex 'b.'; RE2 cannot"):
        matches.both([uri(regex="a.")], [uri(regex="b.")])


JASON = "^(.*?;)?(user=jason)(;.*)?$"
"""As Istio's own pages write a cookie; no space is allowed before it."""


@pytest.mark.parametrize(
    "author", [JASON, r"(.*;\s*)?user=[^;]+(;.*)?", "(?:.*; )?user=j.*n(;.*)?$"]
)
@given(
    st.lists(st.sampled_from(["user=jason", "side=v2", "side=v20", "xuser=jason", "a=b"])),
    st.sampled_from(["; ", ";"]),
)
def test_two_cookies_in_one_header_become_one_pattern(
    author: str, jar: list[str], joint: str
) -> None:
    ours = matches.pinned("side", "v2")
    ((found,),) = ([m["headers"]["cookie"]["regex"] for m in matches.both(
        [{"headers": {"cookie": {"regex": author}}}], [ours])],)  # fmt: skip
    header = joint.join(jar)
    mine = re.fullmatch(ours["headers"]["cookie"]["regex"], header)
    theirs = re.fullmatch(author, header)
    assert bool(re.fullmatch(found, header)) == bool(mine and theirs)


@pytest.mark.parametrize(
    "author", ["(.*;)?side=v1(;.*)?", "(.*;)?(a=1|side=v2)(;.*)?", ".*user=jason.*", "a=1|b=2"]
)
def test_cookies_that_cannot_be_told_apart_are_refused(author: str) -> None:
    with pytest.raises(RefusedError, match="RE2 cannot say both"):
        matches.both([{"headers": {"cookie": {"regex": author}}}], [matches.pinned("side", "v2")])


@pytest.mark.parametrize("regex", ["/a|/b", "/a?b", "/a(b)|/a(c)", "/ab*", "[/]a", r"\d", "/a{2}"])
def test_a_regex_that_does_not_say_how_it_begins_is_refused_beside_a_prefix(regex: str) -> None:
    with pytest.raises(RefusedError, match="RE2 cannot say both"):
        matches.both([uri(prefix="/abc")], [uri(regex=regex)])


def test_a_regex_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"regex '\(': cannot be read"):
        matches.both([uri(regex="(")], [uri(exact="b")])


def test_a_cookie_header_beside_cookies_must_agree() -> None:
    cohort = Cohort(headers={"cookie": StringMatch(exact="a=1")}, cookies={"a": ANY})
    assert matches.of_cohort(cohort) == {"headers": {"cookie": {"exact": "a=1"}}}
