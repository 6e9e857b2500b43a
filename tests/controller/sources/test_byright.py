"""Fields that others write by right are left out of what is applied, and nothing else is."""

import pytest

from rollout.controller.sources import byright

BODY = {"spec": {"replicas": 2}, "webhooks": [{"name": "a", "failurePolicy": "Ignore"}]}


@pytest.mark.parametrize("field", ["", ".", "None", ".spec..replicas", '.webhooks[="a"]'])
def test_a_field_that_is_named_in_another_way_stays(field: str) -> None:
    assert byright.without(BODY, [field]) == BODY


def test_fields_and_entries_of_lists_are_left_out_by_their_names() -> None:
    fields = [".spec.replicas", '.webhooks[name="a"].failurePolicy', '.webhooks[name="b"].x']
    assert byright.without(BODY, fields) == {"spec": {}, "webhooks": [{"name": "a"}]}
