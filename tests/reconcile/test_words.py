"""``decide`` has words for whatever was measured, and they are neither too long nor nonsense."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout import reconcile
from rollout.model.observation import Counts, Observation, PodCount, SeenTraffic, Value
from rollout.model.spec import Analysis
from rollout.model.status import Revision
from tests import make

NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1e-300, 1e300, -0.0])
)
COUNTS = st.one_of(st.integers(0, 5), st.integers(0, 2**53))


@given(
    st.lists(NUMBERS, min_size=1, max_size=4),
    st.lists(st.tuples(COUNTS, COUNTS), min_size=2, max_size=6),
    st.sampled_from([1, 16, 75, 3600, 10**7]),
)
@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
def test_every_number_has_a_decision_and_a_sentence(
    values: list[float], counted: list[tuple[int, int]], seconds: int
) -> None:
    rollout = make.rollout(make.canary_spec(), "v2")
    for analysis in (rollout.spec.analysis, Analysis()):
        asked = replace(rollout, spec=replace(rollout.spec, analysis=analysis))
        status, now = make.at_step(), make.START
        for turn in range(3):
            now += timedelta(seconds=seconds)
            questions = reconcile.ask(asked, status, now)
            seen = Observation(
                Revision("v2"),
                SeenTraffic(serving=("stable",)),
                workloads={name: make.workload(name) for name in ("v1", "v2")},
                values=tuple(
                    Value(q.metric, q.instant, values[turn % len(values)]) for q in questions.values
                ),
                counts=tuple(
                    Counts(q.metric, at, _pods(counted, turn + n, len(q.bounds) or 1), q.bounds)
                    for q in questions.counts
                    for n, at in enumerate(q.instants)
                ),
            )
            decision = reconcile.decide(asked, status, seen, now)
            told = [decision.because, *(v.text for v in decision.status.attempt.verdicts)]
            assert len(decision.because) < 80
            assert all(text and "nan" not in text and "inf" not in text for text in told), told
            status = decision.status


def _pods(counted: list[tuple[int, int]], turn: int, bounds: int) -> tuple[PodCount, ...]:
    """One pod a side, with counters that may rise, fall and begin anew."""
    sides = (("v1", counted[turn % len(counted)]), ("v2", counted[(turn + 1) % len(counted)]))
    return tuple(
        PodCount(name, f"{name}-0", (min(bad, total),) * bounds, total)
        for name, (bad, total) in sides
    )
