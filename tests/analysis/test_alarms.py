"""What a number of good releases says about how rarely one is sent back."""

from collections import Counter

import pytest

from benchmarks.alarms import GOOD, at_most, incidents, line
from benchmarks.decisions import RULE, decided
from benchmarks.peers import ROLLBACK
from benchmarks.scenarios import Scenario, Traffic


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


@pytest.mark.parametrize("scenario", list(incidents([20])), ids=lambda scenario: scenario.name)
def test_an_incident_sends_no_good_release_back(scenario: Scenario) -> None:
    """One of each kind, which begins in the first minute, some while the canary warms up."""
    seed = next(seed for seed in range(99) if Traffic(scenario, seed).blip_at < 60)
    assert decided(RULE, scenario, seed).how != ROLLBACK


def test_in_an_incident_that_slows_nothing_fails_but_all_is_slow() -> None:
    failing, *_, slow = incidents([29])
    counted = {}
    for scenario in (failing, slow):
        traffic = Traffic(scenario, 1)
        canary, _ = traffic.draw(traffic.blip_at + 5, 15, 0.5)
        counted[scenario.name] = (
            canary.errors > 0.3 * canary.every,
            canary.slow[5] > 0.9 * canary.every,
        )
    assert counted == {
        "errors for 29 s at 10/s": (True, False),
        "slow for 29 s at 1000/s": (False, True),
    }
