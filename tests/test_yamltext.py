"""YAML that people read: nothing is written as an alias, and what is written is read back."""

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
