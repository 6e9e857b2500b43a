import pytest

from rollout import jsonpatch
from rollout.istio import patch

MARK = {"op": "add", "path": "/metadata/annotations/rollout.dev~1shop", "value": "m"}


@pytest.mark.parametrize("odd", [True, "text", 7, None])
def test_a_change_below_an_odd_value_makes_it_the_empty_object_that_it_was_taken_for(
    odd: object,
) -> None:
    stored = {"metadata": {"annotations": odd}}
    second = {**MARK, "path": "/metadata/annotations/rollout.dev~1other"}
    ops = patch.fitted([MARK, second], stored)
    assert jsonpatch.apply(stored, ops) == {
        "metadata": {"annotations": {"rollout.dev/shop": "m", "rollout.dev/other": "m"}}
    }


def test_what_is_an_object_or_is_not_there_is_left_as_it_is() -> None:
    both: tuple[dict[str, object], ...] = (
        {"metadata": {"annotations": {"a": "b"}}},
        {"metadata": {}},
    )
    for stored in both:
        assert patch.fitted([MARK], stored) == [MARK]


def test_a_test_speaks_of_what_is_stored_and_falls_away_where_nothing_is() -> None:
    tests = [{"op": "test", "path": "/spec/http/0/name", "value": ""}]
    assert patch.fitted(tests, {"spec": {"http": [{"name": 3}]}}) == [{**tests[0], "value": 3}]
    assert patch.fitted(tests, {"spec": {"http": 3}}) == []
