"""YAML that people read: nothing is written as an alias, and what is written is read back."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rollout import yamltext
from tests.effort import effort

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


def _nested(count: int, width: int, begin: str, end: str) -> str:
    """Each line names the one before ``width`` times."""
    lines = ["a0: &a0 {x: 1, y: 2}"]
    for number in range(1, count):
        names = ", ".join([f"*a{number - 1}"] * width)
        lines.append(f"a{number}: &a{number} {begin}{names}{end}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        _nested(12, 9, "[", "]"),
        _nested(12, 9, "{<<: [", "]}"),
        "a: &a {b: *a}",
        "&a [*a]",
    ],
    ids=["lists", "merges", "a mapping that holds itself", "a list that holds itself"],
)
def test_a_few_aliases_that_stand_for_very_much_are_not_written_out_sec_08(text: str) -> None:
    with effort() as made:
        assert yamltext.read(text) is None
        assert yamltext.read(text.encode()) is None
    assert made.calls < 20_000


def test_aliases_that_stand_for_little_are_read() -> None:
    text = "base: &b {x: 1}\none: {<<: *b, y: 2}\nall: [*b, *b]\n---\n&b 1\n---\n- &b 2\n- *b\n"
    one = {"base": {"x": 1}, "one": {"x": 1, "y": 2}, "all": [{"x": 1}, {"x": 1}]}
    assert yamltext.read(text) == [one, 1, [2, 2]]


def test_no_more_values_are_read_than_are_wanted() -> None:
    assert yamltext.read("[1, 2, 3]", 4) == [[1, 2, 3]]
    assert yamltext.read("[1, 2, 3]", 3) is None
