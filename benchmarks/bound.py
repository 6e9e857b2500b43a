"""How soon could any gate send these releases back, whatever its rule?

Wald's inequality (Sequential Tests of Statistical Hypotheses, 1945): a test that sends a tolerable
canary back with a chance of ``ALPHA`` and lets a bad one pass with ``BETA`` has, on the average,
seen at least so much information (Kullback and Leibler) before it ends.  The bound knows what no
gate knows: that the release is bad, since when, how bad, and in which metric.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.scenarios import BOUNDS, SCENARIOS, Scenario, Traffic
from rollout.analysis import evidence
from rollout.analysis.evidence import Bets, Line, Pair
from rollout.analysis.ramp import DEFAULT_RAMP
from rollout.analysis.sequential import COOLED, ERRORS, FIRST, Outcome, likely, slow
from rollout.model.spec import Analysis

ALPHA = Analysis().confidence.false_rollback
BETA = 0.015  # the target for what is missed
NATS = (1 - BETA) * math.log((1 - BETA) / ALPHA) + BETA * math.log(BETA / (1 - ALPHA))
WARMUP = Analysis().warmup.total_seconds()
SCRAPE = 15
INCIDENT = 20  # seconds of the canary's own trouble that must not send it back
WORST_INCIDENT = 0.4  # of its requests
LONGEST = 7200
REQUESTS = 10**6  # information is worked out on so many, as if counts were no whole numbers


@dataclass(frozen=True)
class Soonest:
    """Seconds since it went bad until enough is known, and the requests hurt until then."""

    seconds: float
    hurt: float


def soonest(scenario: Scenario, incident: int = 0, unknown: float = 0.0) -> Soonest:
    """On the fastest way up that the default ramp allows, looked at as often as is counted.

    ``incident``: the most telling so many seconds in a row could be an incident, and prove nothing.
    ``unknown``: nats more, for what is not known beforehand.
    """
    traffic = Traffic(scenario, 0)
    known: dict[str, list[float]] = {}
    hurt, spared = 0.0, 0 if _is_worse(scenario) else incident
    for second in range(LONGEST):
        share = _share(second)
        hurt += scenario.per_second * share * traffic.harm(second + 0.5)
        for name, gain in _information(traffic, second, share).items():
            known.setdefault(name, []).append(scenario.per_second * gain)
        at = second + 1
        enough = NATS + unknown
        if at % SCRAPE == 0 and any(_without(gains, spared) >= enough for gains in known.values()):
            return Soonest(max(0.0, at - scenario.onset), hurt)
    return Soonest(math.inf, hurt)


def _is_worse(scenario: Scenario) -> bool:
    errors = scenario.release.errors
    return errors is not None and errors * scenario.release.pods > WORST_INCIDENT


def _share(second: float) -> float:
    """The canary's, if every step takes its bake and no longer."""
    for stop in DEFAULT_RAMP[:-1]:
        second -= stop.bake.total_seconds()
        if second < 0:
            return stop.weight / 100
    return DEFAULT_RAMP[-1].weight / 100


def _without(gains: Sequence[float], spared: int) -> float:
    """What is known without the most telling ``spared`` seconds in a row."""
    if not spared:
        return sum(gains)
    windows = (sum(gains[at : at + spared]) for at in range(max(1, len(gains) - spared + 1)))
    return sum(gains) - max(windows)


def _information(traffic: Traffic, second: float, share: float) -> dict[str, float]:
    """Nats by which one request of the service tells, by outcome; the line is loose at first."""
    told = {}
    for outcome, bad, stable in _truth(traffic, second):
        loose = outcome.loose if second < WARMUP else 0.0
        line = Line(outcome.line.ratio, outcome.line.absolute + loose)
        usual = min(evidence.MOST_SHARE, max(evidence.LEAST_SHARE, stable))
        gain = 0.0
        if line.at(usual) < min(bad, evidence.WIDEST_MARGIN):
            canary_all, stable_all = REQUESTS * share, REQUESTS * (1 - share)
            pair = Pair(canary_all * bad, canary_all, stable_all * usual, stable_all)
            bets = Bets((min(1 - evidence.EDGE, bad),), usual)
            gain = evidence.log_factors(pair, bets, line)[0] / REQUESTS
        told[outcome.name] = gain
    return told


def _truth(traffic: Traffic, second: float) -> Iterator[tuple[Outcome, float, float]]:
    """Each outcome with the canary's and stable's true shares, over all pods."""
    release = traffic.scenario.release
    is_bad, usual = release.is_bad_at(second), traffic.base(second)
    errors = usual
    if is_bad and release.errors is not None:
        errors += release.pods * max(0.0, release.errors - usual)
    yield ERRORS, errors, usual
    for bound, ours, theirs in zip(BOUNDS, traffic.bad_beyond, traffic.beyond, strict=True):
        yield slow(f"latency>{bound}"), ours if is_bad else theirs, theirs


# Which of two metrics, that it began when warm, and that it is as bad as the next to mildest bet.
UNKNOWN = math.log(2) - math.log(COOLED * (1 - FIRST)) - likely(ERRORS.bets + 1)[1]


def rows() -> str:
    """The bounds as rows of a table."""
    bad = [scenario for scenario in SCENARIOS if scenario.kind == "bad"]
    lines = []
    for title, incident, unknown in (
        ("everything is known", 0, 0.0),
        (f"{INCIDENT} s of it may be an incident", INCIDENT, 0.0),
        ("and where, when and how bad is not known", INCIDENT, UNKNOWN),
    ):
        ends = [soonest(scenario, incident, unknown) for scenario in bad]
        median = statistics.median(end.seconds for end in ends)
        hurt = statistics.geometric_mean(1 + end.hurt for end in ends)
        lines.append(f"| {title} | {NATS + unknown:.1f} | {median:.0f} s | {hurt:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(rows())
