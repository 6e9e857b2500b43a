import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rollout.model import units


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250ms", timedelta(milliseconds=250)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_a_duration_is_read_and_written_alike(text: str, value: timedelta) -> None:
    assert (units.duration(text), units.duration(value)) == (value, value)
    assert units.duration(units.words(value)) == value


def test_words_take_the_largest_unit_that_keeps_a_duration_whole() -> None:
    found = [units.words(timedelta(seconds=s)) for s in (0, 90, 120, 7200, 172800)]
    assert found == ["0s", "90s", "2m", "2h", "2d"]
    assert units.words(timedelta(milliseconds=1500)) == "1500ms"


@pytest.mark.parametrize("value", ["5", "5 m", "-5m", "1h30m", "", 5, True, None])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match="a duration is written 250ms, 90s, 5m"):
        units.duration(value)


@pytest.mark.parametrize(
    ("value", "share"), [("5%", 0.05), ("0.1%", 0.001), (5, 0.05), ("7", 0.07)]
)
def test_a_percentage_is_always_percent_and_never_a_ratio(value: object, share: float) -> None:
    assert units.share(value) == pytest.approx(share)


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), "five", None])
def test_what_is_no_number_is_no_percentage(value: object) -> None:
    with pytest.raises(ValueError, match="a percentage is written"):
        units.share(value)


def test_a_percentage_lies_between_0_and_100() -> None:
    with pytest.raises(ValueError, match="lies between 0 and 100"):
        units.share(101)


def test_a_share_is_written_as_people_read_it() -> None:
    assert [units.percent(s) for s in (0.001, 0.05, 1.0)] == ["0.1%", "5%", "100%"]


@pytest.mark.parametrize("value", ["366d", "999999999h"])
def test_a_duration_that_would_overflow_a_date_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="at most 365d"):
        units.duration(value)


@pytest.mark.parametrize(("value", "weight"), [(0, 0), (100, 100), ("5%", 5)])
def test_a_weight_is_a_whole_number_of_percent(value: object, weight: int) -> None:
    assert TypeAdapter(units.Weight).validate_python(value) == weight


@pytest.mark.parametrize("value", [101, -1, True, 5.5, "five", "x%", "5.5%"])
def test_anything_else_is_no_weight(value: object) -> None:
    with pytest.raises(ValidationError, match="a whole number from 0 to 100"):
        TypeAdapter(units.Weight).validate_python(value)


@pytest.mark.parametrize("value", ["0s", "0ms", "000d", timedelta(0), timedelta(seconds=-1)])
def test_what_must_last_is_no_time_at_all(value: object) -> None:
    with pytest.raises(ValidationError, match="a time above 0 is wanted"):
        TypeAdapter(units.Lasting).validate_python(value)


@pytest.mark.parametrize("value", ["0%", 0, "51%", 100, "0.0"])
def test_a_test_can_keep_to_no_such_chance(value: object) -> None:
    with pytest.raises(ValidationError, match="above 0% and at most 50% is wanted"):
        TypeAdapter(units.Chance).validate_python(value)


CHANCES = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,6})?%?", fullmatch=True)
TIMES = st.from_regex(r"[0-9]{1,9}(ms|s|m|h|d)", fullmatch=True)


def pattern(adapter: TypeAdapter[object]) -> str:
    """What the CRD has of it."""
    schema = adapter.json_schema()
    return str(next(s["pattern"] for s in (schema, *schema.get("anyOf", ())) if "pattern" in s))


@given(CHANCES, TIMES)
def test_the_api_server_takes_what_the_nouns_take_and_nothing_else(chance: str, time: str) -> None:
    for noun, text in ((units.Chance, chance), (units.Lasting, time)):
        adapter: TypeAdapter[object] = TypeAdapter(noun)
        assert (re.search(pattern(adapter), text) is not None) is is_taken(adapter, text)


def is_taken(adapter: TypeAdapter[object], text: str) -> bool:
    """By the noun; that a time is too long to be added to a date is no question of its form."""
    try:
        adapter.validate_python(text)
    except ValidationError as refused:
        return "at most 365d" in str(refused)
    return True
