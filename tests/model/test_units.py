from datetime import timedelta

import pytest
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
