import pytest

from rollout.convert.conditions import Limits, failure, success


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("result[0] >= 0.95", Limits(min=0.95)),
        ("result < 500", Limits(max=500, loose=True)),
        ("asFloat(result[0]) <= 5e-2", Limits(max=0.05)),
        ("(result[0] >= 0.95)", Limits(min=0.95)),
        ("result[0] >= 0.95 || isNaN(result[0])", Limits(min=0.95, silent=True)),
        ("len(result) == 0 || result[0] <= 1", Limits(max=1, silent=True)),
        ("result[0] >= 1 && result[0] <= 3", Limits(min=1, max=3)),
        ("!isNaN(result[0]) && result[0] > 1", Limits(min=1, loose=True, silent=True)),
        ("result.ok && result.successPercent >= 0.9", None),
        ("all(result, # < 5)", None),
        ("result[0] >= 1 || result[0] <= -1", None),
        ("isNaN(result)", None),
        ("", None),
    ],
)
def test_a_condition_of_success_gives_limits_or_nothing(text: str, limits: Limits | None) -> None:
    assert success(text) == limits


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("result[0] > 0.05", Limits(max=0.05)),
        ("result[0] >= 0.05", Limits(max=0.05, loose=True)),
        ("result < 0.95", Limits(min=0.95)),
        ("result[0] > 0.05 && result[1] > 0", None),
    ],
)
def test_a_condition_of_failure_gives_the_other_side(text: str, limits: Limits | None) -> None:
    assert failure(text) == limits
