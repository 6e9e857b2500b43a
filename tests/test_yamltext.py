"""YAML that people read: nothing is written as an alias, and what is written is read back."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rollout import yamltext

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def test_what_stands_twice_is_written_twice() -> None:
    labels = {"app": "shop"}
    value = {"metadata": {"labels": labels}, "spec": {"selector": labels, "note": "an… ellipsis"}}
    assert yamltext.documents([value, labels]) == (
        "metadata:\n  labels:\n    app: shop\n"
        "spec:\n  selector:\n    app: shop\n  note: an… ellipsis\n"
        "---\napp: shop\n"
    )
    assert yamltext.document({"b": 1, "a": {"d": 1, "c": 2}}, by_name=True) == (
        "a:\n  c: 2\n  d: 1\nb: 1\n"
    )


@given(JSON)
def test_every_plain_value_is_read_back_as_it_was(value: object) -> None:
    shared = [value, value]
    assert yaml.safe_load(yamltext.document(shared)) == shared


@pytest.mark.parametrize(
    "text", ['!!int ""', "!!timestamp zzz", "!!bool maybe", "[", "[" * 9000, "a: *b"]
)
def test_yaml_that_nobody_can_read_is_none_whatever_its_reader_raises(text: str) -> None:
    """SEC-08: of PyYAML's errors on hostile text some are no YAMLError."""
    assert yamltext.read(text) is None


def test_yaml_that_can_be_read_is_all_of_its_documents() -> None:
    assert yamltext.read("a: 1\n---\n- 2\n") == [{"a": 1}, [2]]
