"""What a provider's replies mean once they are put side by side."""

from datetime import UTC, datetime, timedelta

import pytest

from rollout.controller.metrics import readings
from rollout.model.observation import Reply, Series

AT = tuple(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=15 * i) for i in range(2))


def reply(at: datetime, *values: float) -> Reply:
    return Reply(tuple(Series({}, ((at, value),)) for value in values))


def test_one_series_at_each_instant_is_one_series_in_line() -> None:
    line = readings.in_line([reply(AT[0], 1.0), reply(AT[1], 2.0)])
    assert readings.values(line, AT) == {AT[0]: 1.0, AT[1]: 2.0}


def test_two_series_of_the_same_labels_are_no_number_however_many_instants_are_asked() -> None:
    line = readings.in_line([reply(AT[0], 1.0, 3.0), reply(AT[1], 2.0, 4.0)])
    with pytest.raises(readings.UnclearError, match="2 series came, one number is wanted"):
        readings.values(line, AT)
