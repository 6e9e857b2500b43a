from collections.abc import Mapping

import pytest

from rollout.model.traffic import STABLE_ONLY, Cohort, Fault, Route, Split, StringMatch

YES = StringMatch(exact="yes")


@pytest.mark.parametrize("sides", [(50, 49), (101, -1), (True, 99), (50.0, 50.0), (0, 0)])
def test_a_split_that_is_not_whole_percents_summing_to_100_cannot_exist(
    sides: tuple[int, int],
) -> None:
    with pytest.raises(ValueError, match="whole percents that sum to 100"):
        Split(*sides)


def test_a_split_says_both_sides() -> None:
    assert str(Split.giving_canary(5)) == "95/5"


@pytest.mark.parametrize(
    "ways", [{}, {"exact": "a", "prefix": "b"}, {"present": False}, {"exact": "a", "present": True}]
)
def test_a_string_is_matched_in_exactly_one_way(ways: Mapping[str, object]) -> None:
    with pytest.raises(ValueError, match="exactly one of exact, prefix, regex, present"):
        StringMatch(**ways)  # type: ignore[arg-type]


def test_a_cohort_without_a_mark_would_be_everybody_and_cannot_exist() -> None:
    with pytest.raises(ValueError, match="at least one of headers, cookies"):
        Cohort()
    assert Cohort(method=YES).method == YES


def test_a_fault_does_something() -> None:
    with pytest.raises(ValueError, match="delay, abort or both"):
        Fault()
    assert Fault(abort=503).percent == 1.0


def test_a_route_reaches_the_canary_by_weight_cohort_mirror_or_host() -> None:
    split = Split(100, 0)
    ways = [
        Route(Split(99, 1)),
        Route(split, (Cohort({"x": YES}),)),
        Route(split, mirror=0.1),
        Route(split, preview_host="preview.example.com"),
    ]
    assert [w.reaches_canary for w in (STABLE_ONLY, *ways)] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("cohort", "words"),
    [
        (Cohort(headers={"x-insider": StringMatch(exact="1")}), "x-insider=1"),
        (
            Cohort(cookies={"beta": StringMatch(present=True)}, path=StringMatch(prefix="/api/")),
            "cookie beta and path=/api/*",
        ),
        (
            Cohort(query={"v": StringMatch(regex="2|3")}, method=StringMatch(exact="GET")),
            "query v~2|3 and method=GET",
        ),
    ],
)
def test_a_cohort_is_told_by_its_marks(cohort: Cohort, words: str) -> None:
    assert str(cohort) == words


def test_what_the_canary_gets_is_told_in_words() -> None:
    insiders = Cohort(headers={"x-insider": StringMatch(exact="1")})
    assert STABLE_ONLY.sent == "0%"
    assert Route(Split(95, 5), (insiders,)).sent == "5% and x-insider=1"
    assert Route(Split(100, 0), (insiders, insiders)).sent == "x-insider=1 or x-insider=1"
    assert Route(Split(100, 0), mirror=0.125).sent == "a copy of 12.5%"
    assert Route(Split(100, 0), preview_host="pre.shop").sent == "all of pre.shop"
