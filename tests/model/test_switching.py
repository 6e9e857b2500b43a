from datetime import timedelta

import pytest

from rollout.model.switching import RecordPair, SeenRecords
from rollout.model.traffic import Split


@pytest.mark.parametrize(
    ("blue", "green", "split", "divides"),
    [
        (90, 10, Split(90, 10), True),
        (9, 1, Split(90, 10), True),
        (255, 0, Split(100, 0), True),
        (0, 0, Split(100, 0), False),  # which Route 53 takes for fifty each
        (0, 0, Split(50, 50), False),
        (90, 11, Split(90, 10), False),
        (0, 7, Split(0, 100), True),
    ],
)
def test_weights_are_shares_of_their_sum(
    blue: int, green: int, split: Split, divides: bool
) -> None:
    pair = RecordPair("a.example.com", "A", "dnsendpoint a/a", blue, green)
    assert pair.divides(split) is divides
    assert SeenRecords((pair,)).divide(split) is divides


def test_records_that_cannot_all_be_read_divide_like_nothing() -> None:
    pair = RecordPair("a.example.com", "A", "dnsendpoint a/a", 100, 0, timedelta(seconds=60))
    assert not SeenRecords((pair,), problems=("b: no weight",)).divide(Split(100, 0))
    assert not SeenRecords((pair,), silent=("b: no answer",)).divide(Split(100, 0))
    assert not SeenRecords().divide(Split(100, 0))
    assert SeenRecords((pair,)).ttl == timedelta(seconds=60)
