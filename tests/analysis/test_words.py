import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis import words
from rollout.analysis.evidence import Line, Pair
from rollout.analysis.forecast import Outlook
from rollout.analysis.history import Temper
from rollout.analysis.sequential import ERRORS, Outcome, Trail, slow
from tests.analysis.trails import PLAIN, after

PAIR = Pair(41, 4686, 21, 19361)


def test_a_verdict_names_both_sides_the_evidence_and_the_bar() -> None:
    known = Temper(1.0, 0.0, 1, 2, known=True)
    trail = Trail(total=PAIR, harmful=(math.log(284),) * 8, waiting=0)
    assert words.verdict(ERRORS, trail, 200, known) == (
        "errors: canary 0.875% (41/4686) vs stable 0.108% (21/19361); e=284 "
        "against 'not worse than 1.1x stable + 0.1pp' (bar 200)"
    )


def test_whatever_was_widened_or_guessed_is_said() -> None:
    text = words.verdict(ERRORS, Trail(total=PAIR), 200, Temper(3.2, 0.25))
    assert text.endswith("no history of stable; widened: pods may differ by 25%; dispersion 3.2")
    text = words.verdict(ERRORS, Trail(total=PAIR), 200, Temper(1.0, known=True, lasting=2))
    assert text.endswith("(bar 200); incidents of stable's pods last 3m")


def test_what_would_be_enough_if_it_were_no_incident_is_said() -> None:
    """Half of the requests of a canary with one a second, in each block: three alike are enough."""
    blocks = [Pair(8, 15, 1, 285)] * 4
    note = "; enough if it goes on: 30s of it could be an incident"
    texts = [
        words.verdict(ERRORS, after(*blocks[:count]), 200, PLAIN).endswith(note)
        for count in (1, 2, 3, 4)
    ]
    assert texts == [True, True, False, False]


def test_a_limit_looks_at_the_canary_alone() -> None:
    limit = Outcome("slo", "slo", Line(0, 0.01))
    text = words.verdict(limit, Trail(total=PAIR), 100, Temper(1.0, known=True))
    assert text == "slo: canary 0.875% (41/4686) of at most 1%; e=1 against '1% at most' (bar 100)"


@pytest.mark.parametrize(
    ("log_e", "text"), [(0.0, "e=1"), (-1.0, "e=0.368"), (100.0, "e=1e43"), (-9999.0, "e=0")]
)
def test_evidence_is_never_a_probability(log_e: float, text: str) -> None:
    assert words.evidence(log_e) == text
    assert math.isfinite(words.e_value(log_e * 100))


@pytest.mark.parametrize(
    ("requests", "rate", "text"),
    [
        (901.0, 2.5, "~900 more canary requests, about 7m"),
        (41.0, 1.0, "~41 more canary requests, about 41s"),
        (0.0, 1.0, "~1 more canary requests, about 1s"),
        (12_345.0, 0.0, "~12,000 more canary requests, none are coming"),
        (math.inf, 1.0, ""),
        (1e12, 1.0, ""),
    ],
)
def test_what_is_needed_is_told_in_requests_and_time(
    requests: float, rate: float, text: str
) -> None:
    assert words.needed(requests, rate) == text


def test_shares_of_nothing_are_nothing() -> None:
    assert words.share(0, 0) == "0% (0/0)"
    assert words.share_of(0.00875) == "0.875%"
    assert words.certificate(0.005, 40, 0.05) == "certified below +1.25pp (risk 5%)"


BOX = timedelta(minutes=2)


def test_a_forecast_says_what_will_be_seen_sent_back_and_certified() -> None:
    errors = Outlook(1200.0, 0.021, timedelta(seconds=44.2))
    tail = Outlook(1200.0, 0.05, timedelta(seconds=10))
    found = words.foreseen([(ERRORS, errors, 0.004), (slow("latency>1s"), tail, 0.01)], BOX)
    assert found == (
        "about 1,200 canary requests in 2m; "
        "errors: sends back 2.1% or more, cannot see less (stable 0.4%); "
        "latency>1s: sends back 5% or more, cannot see less (stable 1%); certified after 45s"
    )


def test_a_forecast_of_little_traffic_says_that_the_time_box_decides() -> None:
    assert words.foreseen([(ERRORS, Outlook(2.0, None, None), 0.0)], BOX) == (
        "about 2 canary requests in 2m; errors: cannot see even an outage (stable 0%); "
        "too little traffic to certify: it goes by its time box"
    )
    assert words.foreseen([], BOX) == ""


ANY = st.floats(allow_nan=True, allow_infinity=True)


@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_less_than_everything_never_reads_as_everything_nor_something_as_nothing(
    bad: int, good: int
) -> None:
    text = words.share(bad, bad + good)
    percent = float(text.partition("%")[0])
    assert (percent == 100) == (good == 0 < bad) or bad > 2**40
    assert (percent == 0) == (bad == 0)
    assert text.endswith(f"% ({bad}/{bad + good})")


@given(ANY)
def test_evidence_has_words_whatever_it_is(log_e: float) -> None:
    text = words.evidence(log_e)
    assert "nan" not in text
    assert "inf" not in text


@given(ANY, ANY)
def test_what_is_needed_has_words_for_every_count_and_rate(requests: float, rate: float) -> None:
    text = words.needed(requests, rate)
    assert "nan" not in text
    assert "inf" not in text
    assert (text == "") == (not math.isfinite(requests) or requests > 1e9)


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (0.0, "none are coming"),
        (math.nan, "none are coming"),
        (1e-12, "more than a year of them at this rate"),
        (0.0026, "about 5d"),
        (0.04, "about 7h"),
        (100.0, "about 10s"),
    ],
)
def test_a_long_wait_is_told_in_units_that_people_use(rate: float, told: str) -> None:
    assert words.needed(1000, rate) == f"~1,000 more canary requests, {told}"
