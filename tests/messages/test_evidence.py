from dataclasses import replace

import pytest

from rollout.messages import evidence
from rollout.model.status import Attempt, Counted, Outcome, Standing, StepStatus, Verdict
from tests.make import START

ERRORS = Verdict(
    metric="errors",
    outcome=Outcome.INCONCLUSIVE,
    text="errors: canary 0% (0/248) vs stable 0% (0/776); e=0.576 against …",
    standing=Standing.CLEAN,
    counted=Counted("errors", 0, 248, 0, 776),
    step=1,
)
SLOW = replace(
    ERRORS,
    metric="latency",
    standing=Standing.CERTIFIED,
    counted=Counted("latency>250ms", 14, 248, 41, 776),
)
AT_STEP_2 = StepStatus(1, "step 2", START)


def test_each_metric_is_one_line_of_counts_and_a_word_for_what_they_come_to() -> None:
    attempt = Attempt(step=AT_STEP_2, verdicts=(ERRORS, SLOW))
    assert evidence.lines(attempt) == [
        "ok so far  errors      canary 0.00% (0/248)   stable 0.00% (0/776)",
        "certified  over 250ms  canary 5.65% (14/248)  stable 5.28% (41/776)",
    ]


def test_evidence_of_the_step_before_says_so() -> None:
    attempt = Attempt(step=replace(AT_STEP_2, index=2), verdicts=(ERRORS,))
    (line,) = evidence.lines(attempt)
    assert line.endswith("(as of step 2)")


def test_a_metric_without_counts_says_its_sentence() -> None:
    blind = Verdict("rps", Outcome.ERROR, "rps: prometheus: no connection", Standing.ERROR)
    hook = Verdict("webhook", Outcome.PASS, "webhook: open", dry_run=True)
    assert evidence.lines(Attempt(verdicts=(blind, hook))) == [
        "not readable  rps: prometheus: no connection",
        "pass  webhook: open  (dry run)",
    ]


def test_a_comparison_that_has_counted_nothing_says_so_without_its_statistics() -> None:
    raw = "errors: canary 0% (0/0) vs stable 0% (0/0); e=1 against 'not worse than 1.1x stable'"
    fresh = replace(ERRORS, text=raw, standing=Standing.TOO_FEW, counted=None, evidence=1.0)
    assert evidence.lines(Attempt(verdicts=(fresh,))) == [
        "too little traffic  errors: no requests counted yet"
    ]
    assert evidence.words(fresh) == "too little traffic errors: no requests counted yet"
    why = "errors: no counters of shop-v1 or shop-v2 yet"
    silent = replace(fresh, text=why, standing=Standing.NO_DATA)
    assert evidence.words(silent) == f"no data {why}"


def test_whoever_compares_other_sides_names_them() -> None:
    assert evidence.aligned((ERRORS,), sides=("green", "blue")) == [
        "ok so far  errors  green 0.00% (0/248)  blue 0.00% (0/776)"
    ]


def test_where_stable_has_no_requests_only_the_canary_is_shown() -> None:
    alone = replace(ERRORS, counted=Counted("errors", 3, 40, 0, 0))
    assert evidence.lines(Attempt(verdicts=(alone,))) == [
        "ok so far  errors  canary 7.50% (3/40)  (as of step 2)".removesuffix("  (as of step 2)")
    ]


@pytest.mark.parametrize(
    ("bad", "every", "shown"),
    [
        (0, 0, "0.00% (0/0)"),
        (1, 3, "33.3% (1/3)"),
        (3, 3, "100.0% (3/3)"),
        (1, 5_000_000, "<0.01% (1/5M)"),
        (4686, 123_456, "3.80% (4686/123k)"),
        (999_999.4, 1_000_000, "100.0% (1000k/1M)"),
    ],
)
def test_shares_are_short_and_nothing_is_rounded_to_none(
    bad: float, every: float, shown: str
) -> None:
    (line,) = evidence.lines(
        Attempt(verdicts=(replace(ERRORS, counted=Counted("errors", bad, every, 0, 0)),))
    )
    assert line == f"ok so far  errors  canary {shown}"


def test_every_standing_has_its_word() -> None:
    assert set(evidence.SAID) == set(Standing)
    assert len(set(evidence.SAID.values())) == len(Standing)
