"""Label selectors: what the API server says of them, and what is made of broken ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import labels
from rollout.labels import EVERYTHING, Selector

WORDS = st.sampled_from(["a", "b", "c"])
LABELS = st.dictionaries(WORDS, WORDS)
REQUIREMENTS = st.one_of(
    st.fixed_dictionaries(
        {"key": WORDS, "operator": st.sampled_from(["In", "NotIn"]), "values": st.lists(WORDS)}
    ),
    st.fixed_dictionaries({"key": WORDS, "operator": st.sampled_from(["Exists", "DoesNotExist"])}),
)
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.sampled_from(["In", "key", "operator"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["matchLabels", "matchExpressions", "key", "operator", "values"]), inner
        )
    ),
)


@pytest.mark.parametrize(
    ("selector", "carried", "selected"),
    [
        (None, {}, True),
        ({}, {"a": "b"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b", "c": "d"}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "c"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": [""]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
    ],
)
def test_selects_what_kubernetes_documents(
    selector: Any, carried: dict[str, str], selected: bool
) -> None:
    assert labels.selector(selector).matches(carried) is selected


@pytest.mark.parametrize(
    "selector",
    [
        "everything",
        {"matchLabels": ["a"]},
        {"matchLabels": {"a": 1}},
        {"matchExpressions": {"key": "a"}},
        {"matchExpressions": [{"key": "a", "operator": "Is"}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]},
        {"matchExpressions": [None]},
    ],
)
def test_what_cannot_be_read_selects_nothing_and_says_so(selector: Any) -> None:
    read = labels.selector(selector)
    assert (read.broken, read.matches({}), read.matches({"a": "b"})) == (True, False, False)


@given(LABELS, st.lists(REQUIREMENTS, max_size=4), LABELS)
def test_every_requirement_must_hold(
    equal: dict[str, str], asked: list[dict[str, Any]], carried: dict[str, str]
) -> None:
    """The oracle is the documentation's own words, one requirement after the other."""

    def holds(wanted: dict[str, Any]) -> bool:
        key = wanted["key"]
        return {
            "In": key in carried and carried[key] in wanted.get("values", []),
            "NotIn": not (key in carried and carried[key] in wanted.get("values", [])),
            "Exists": key in carried,
            "DoesNotExist": key not in carried,
        }[wanted["operator"]]

    expected = all(carried.get(k) == v for k, v in equal.items()) and all(map(holds, asked))
    read = labels.selector({"matchLabels": equal, "matchExpressions": asked})
    assert read.matches(carried) is expected
    assert read.keys == {*equal, *(each["key"] for each in asked)}


@given(ODD)
def test_nothing_that_json_can_say_raises(odd: Any) -> None:
    assert isinstance(labels.selector(odd), Selector)
    assert isinstance(labels.pairs(odd), Selector)


def test_a_service_without_a_selector_is_told_by_its_emptiness() -> None:
    assert labels.pairs(None) == EVERYTHING
    assert labels.pairs({"app": "web"}).empty is False
