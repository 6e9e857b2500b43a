"""The bound that the measured figures are held against."""

import math

from benchmarks.bound import UNKNOWN, soonest
from benchmarks.scenarios import SCENARIOS, Scenario


def scenario(name: str) -> Scenario:
    return next(each for each in SCENARIOS if each.name == name)


def test_what_is_not_known_and_what_may_be_an_incident_takes_time() -> None:
    """Seconds; five percent at 100 a second tell 0.10 of a nat a canary request."""
    release = scenario("0.10% to 5.0% at 100/s")
    ends = [soonest(release), soonest(release, 20), soonest(release, 20, UNKNOWN)]
    assert [end.seconds for end in ends] == [45, 60, 75]


def test_an_outage_is_no_incident() -> None:
    outage = scenario("0.10% to 100.0% at 100/s")
    assert soonest(outage, 20) == soonest(outage)


def test_a_release_within_the_tolerance_is_never_sent_back() -> None:
    assert soonest(scenario("0.1% to 0.2% at 100/s")).seconds == math.inf
