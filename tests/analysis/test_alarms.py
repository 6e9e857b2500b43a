"""What a number of good releases says about how rarely one is sent back."""

from collections import Counter

import pytest

from benchmarks.alarms import GOOD, at_most, line


@pytest.mark.parametrize(
    ("wrong", "every", "share"),
    [
        (0, 10, 0.25887),
        (1, 10, 0.39416),
        (0, 3000, 0.000998),
        (2, 6300, 0.000999),
        (9, 10, 0.99488),
    ],
)
def test_how_often_at_most_after_so_many(wrong: int, every: int, share: float) -> None:
    """Clopper and Pearson's upper limits at 95 %, one-sided."""
    assert at_most(wrong, every) == pytest.approx(share, rel=2e-3)


def test_all_of_them_may_be_all() -> None:
    assert at_most(10, 10) == 1.0


def test_a_line_says_what_went_back_and_what_that_shows() -> None:
    back = Counter({"blip of 15 s at 10/s": 1})
    assert line(7, 40 * 8, back, 2) == (
        "seed 7: of 320 1 went back, at most 1.474% (95% sure), 2 asked a person"
        "; blip of 15 s at 10/s: 1"
    )


def test_all_good_scenarios_are_drawn() -> None:
    assert len(GOOD) == 40
    assert {scenario.kind for scenario in GOOD} == {"good"}
