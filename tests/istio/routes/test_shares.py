import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.istio.routes import shares
from rollout.model.traffic import Split


@pytest.mark.parametrize(
    ("share", "canary", "weights"),
    [
        (100, 0, (100, 0)),
        (100, 1, (99, 1)),
        (100, 100, (0, 100)),
        (50, 1, (49, 1)),
        (50, 99, (1, 49)),
        (50, 33, (34, 16)),
        (50, 5, (48, 2)),
        (2, 1, (1, 1)),
        (2, 99, (1, 1)),
        (1, 99, (1, 0)),
        (1, 100, (0, 1)),
        (0, 50, (0, 0)),
    ],
)
def test_a_share_divides_to_the_nearest_and_leaves_nobody_out(
    share: int, canary: int, weights: tuple[int, int]
) -> None:
    assert shares.within(share, Split.giving_canary(canary)) == weights


@given(st.integers(2, 100), st.integers(0, 100))
def test_both_sides_sum_to_the_share_and_are_off_by_less_than_one(share: int, canary: int) -> None:
    split = Split.giving_canary(canary)
    stable_weight, canary_weight = shares.within(share, split)
    assert stable_weight + canary_weight == share
    assert bool(stable_weight) == bool(split.stable)
    assert bool(canary_weight) == bool(split.canary)
    assert abs(canary_weight - share * canary / 100) < 1
