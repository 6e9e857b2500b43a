"""Odd JSON is read as if it were empty."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import lenient

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)


@given(JSON)
def test_every_reader_answers_with_its_own_type(value: Any) -> None:
    obj = {"metadata": value}
    assert isinstance(lenient.mapping(value), dict)
    assert isinstance(lenient.items(value), list)
    assert all(isinstance(each, dict) for each in lenient.mappings(value))
    assert isinstance(lenient.text(value), str)
    assert type(lenient.number(value)) is int
    assert all(isinstance(word, str) for word in lenient.texts(value).values())
    assert isinstance(lenient.labels(obj), dict)
    assert isinstance(lenient.annotations(obj), dict)
    assert isinstance(lenient.name(obj) + lenient.namespace(obj), str)


@given(JSON)
def test_what_has_the_wanted_type_is_itself(value: Any) -> None:
    for kind, read in ((dict, lenient.mapping), (list, lenient.items), (str, lenient.text)):
        assert not isinstance(value, kind) or read(value) is value


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"a": {"b": 1}}, 1), ({"a": None}, None), ({"a": []}, None), (None, None), ({}, None)],
)
def test_a_way_that_ends_early_leads_to_nothing(value: Any, expected: Any) -> None:
    assert lenient.under(value, "a", "b") == expected


@pytest.mark.parametrize(
    "text", ["", "²", "٣", "1_0", " 1", "-1", "+1", "1.0", "9" * 16, "9" * 5000]
)
def test_what_is_no_number_of_ours_is_none(text: str) -> None:
    """``isdigit`` takes some of these, and ``int`` refuses them, or takes others."""
    assert lenient.whole(text) is None


def test_a_number_in_few_enough_digits_is_read() -> None:
    assert (lenient.whole("007"), lenient.whole("9" * 15)) == (7, 10**15 - 1)
    assert (lenient.whole("1234", 3), lenient.whole("123", 3)) == (None, 123)
