"""Faults as values: how they are read, and what delay they mean."""

import random
import statistics

import pytest

from rollout.lab.shop.faults import Faults


def test_annotations_and_control_names_mean_the_same() -> None:
    annotated = Faults.read({"lab.rollout.dev/error-rate": "0.1", "lab.rollout.dev/startup": "2s"})
    assert annotated == Faults.read({"error-rate": 0.1, "startup": 2}) == Faults(0.1, startup=2.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", Faults(crash_after_seconds=30)), ("100", Faults(crash_after=100))],
)
def test_a_crash_comes_after_requests_or_after_seconds(text: str, expected: Faults) -> None:
    assert Faults.read({"crash-after": text}) == expected


def test_an_unknown_fault_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="eror-rate: not a fault; known are crash_after"):
        Faults.read({"eror-rate": 1})


def test_delays_have_the_median_and_tail_that_were_asked_for() -> None:
    faults, chance = Faults(latency_ms=20, latency_p99_ms=200), random.Random(1)
    delays = sorted(faults.delay(chance) for _ in range(20_000))
    assert statistics.median(delays) == pytest.approx(0.020, rel=0.05)
    assert delays[int(0.99 * len(delays))] == pytest.approx(0.200, rel=0.1)


def test_a_tail_of_its_own_leaves_the_other_answers_as_they_are() -> None:
    faults, chance = Faults(latency_ms=5, slow_rate=0.02, slow_ms=300), random.Random(1)
    delays = [faults.delay(chance) for _ in range(20_000)]
    assert set(delays) == {0.005, 0.3}
    assert delays.count(0.3) / len(delays) == pytest.approx(0.02, rel=0.15)
