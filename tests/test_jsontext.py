"""The quick reader and writer are ``json``'s equals, to the type of each value."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import jsontext

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return [*left] == [*right] and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return repr(left) == repr(right)
    return bool(left == right)


@given(VALUES)
def test_what_json_writes_is_read_as_json_reads_it(value: Any) -> None:
    text = json.dumps(value)
    assert same(jsontext.read(text.encode()), json.loads(text))


@given(VALUES)
def test_what_is_written_json_reads(value: Any) -> None:
    assert same(json.loads(jsontext.written(value)), json.loads(json.dumps(value)))


@given(st.binary(max_size=20) | st.text('[]{}:,"\\u0123dD8e.-+ntrufalseNaIiy \n').map(str.encode))
def test_what_json_refuses_is_refused(text: bytes) -> None:
    try:
        wanted = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            jsontext.read(text)
    else:
        assert same(jsontext.read(text), wanted)


@pytest.mark.parametrize(
    "text",
    [
        b'"\\ud800"',
        b"\xff\xfe1\x00",
        b"[" * 300 + b"]" * 300,
        b'{"a":1,"b":2,"a":3}',
        b"123456789012345678901234567890",
        b"1e400",
        b"-0",
        b"-Infinity",
    ],
)
def test_what_the_quick_reader_refuses_or_might_read_otherwise(text: bytes) -> None:
    assert same(jsontext.read(text), json.loads(text))


def test_too_deep_is_an_error_as_before() -> None:
    with pytest.raises(RecursionError):
        jsontext.read(b"[" * 100_000 + b"]" * 100_000)


def test_what_a_lone_surrogate_is_written_as() -> None:
    assert jsontext.written("\ud800") == b'"\\ud800"'


def test_what_is_no_value_of_json() -> None:
    with pytest.raises(TypeError):
        jsontext.written(object())
    assert math.isinf(jsontext.read(jsontext.written(math.inf)))
