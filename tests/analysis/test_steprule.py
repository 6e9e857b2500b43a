from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis.steprule import Do, Ruling, Terms, Why, ruling
from rollout.model.spec import Ending
from rollout.model.status import Standing
from tests.make import MINUTE

TERMS = Terms(bake=MINUTE, time_box=2 * MINUTE, patience=20 * MINUTE)


def at(standing: Standing, minutes: float, terms: Terms = TERMS) -> tuple[Do, Why]:
    ruled = ruling(standing, minutes * MINUTE, terms)
    return ruled.do, ruled.why


def test_proof_waits_for_nothing() -> None:
    assert at(Standing.FAILED, 0) == (Do.BACK, Why.FAILED)


def test_a_certificate_opens_after_the_bake_and_needs_no_time_box() -> None:
    assert ruling(Standing.CERTIFIED, MINUTE / 2, TERMS) == Ruling(Do.WAIT, Why.BAKING, MINUTE / 2)
    assert at(Standing.CERTIFIED, 1) == (Do.OPEN, Why.CERTIFIED)


@pytest.mark.parametrize("standing", [Standing.NO_DATA, Standing.ERROR])
def test_what_is_not_known_holds_until_a_person_is_asked(standing: Standing) -> None:
    assert [at(standing, m)[0] for m in (0, 5, 29.9, 30)] == [Do.WAIT] * 3 + [Do.ASK]


def test_clean_evidence_is_waited_for_until_the_steps_own_box() -> None:
    assert ruling(Standing.CLEAN, MINUTE, TERMS) == Ruling(Do.WAIT, Why.GATHERING, MINUTE)
    assert at(Standing.CLEAN, 2) == (Do.OPEN, Why.UNCERTIFIED)


def test_a_certificate_in_sight_is_waited_for_where_nobody_said_how_long() -> None:
    longer = replace(TERMS, longest=10 * MINUTE)
    found = [ruling(Standing.CLEAN, 3 * MINUTE, longer, m * MINUTE).do for m in (7, 8)]
    assert found == [Do.WAIT, Do.OPEN]
    assert ruling(Standing.CLEAN, 3 * MINUTE, longer).do is Do.OPEN
    assert ruling(Standing.CLEAN, 3 * MINUTE, TERMS, MINUTE).do is Do.OPEN
    assert ruling(Standing.CLEAN, 10 * MINUTE, longer, timedelta(0)).do is Do.OPEN


@pytest.mark.parametrize(
    ("standing", "why", "end"),
    [(Standing.SUSPICIOUS, Why.SUSPICIOUS, 40), (Standing.TOO_FEW, Why.TOO_FEW, 30)],
)
def test_a_doubt_is_waited_out_before_a_person_is_asked(
    standing: Standing, why: Why, end: int
) -> None:
    found = [at(standing, m, replace(TERMS, patience=40 * MINUTE)) for m in (2, end - 1, end)]
    assert found == [(Do.WAIT, Why.GATHERING)] * 2 + [(Do.ASK, why)]


def test_a_suspicion_may_be_enough_where_that_was_asked() -> None:
    assert at(Standing.SUSPICIOUS, 20, replace(TERMS, on_suspicious="rollback"))[0] is Do.BACK
    assert at(Standing.TOO_FEW, 20, replace(TERMS, on_suspicious="rollback"))[0] is Do.ASK


@pytest.mark.parametrize(
    ("ending", "do"),
    [(Ending.PROMOTE, Do.OPEN), (Ending.HOLD, Do.ASK), (Ending.ROLLBACK, Do.BACK)],
)
def test_the_policy_decides_what_nothing_speaks_against(ending: Ending, do: Do) -> None:
    assert at(Standing.CLEAN, 2, replace(TERMS, on_inconclusive=ending)) == (do, Why.UNCERTIFIED)


def test_with_everyone_on_the_canary_only_a_doubt_is_left() -> None:
    alone = replace(TERMS, comparing=False)
    standings = (Standing.CLEAN, Standing.TOO_FEW, Standing.NOTHING, Standing.SUSPICIOUS)
    assert [at(standing, 1, alone)[0] for standing in standings] == [Do.OPEN] * 3 + [Do.WAIT]


TIMES = st.integers(0, 3600).map(lambda seconds: timedelta(seconds=seconds))
ANY_TERMS = st.builds(
    Terms,
    TIMES,
    TIMES,
    TIMES,
    TIMES,
    TIMES,
    st.booleans(),
    st.sampled_from(Ending),
    st.just("hold"),
)


@given(st.sampled_from(Standing), TIMES, ANY_TERMS)
def test_it_always_says_when_to_ask_again_and_then_it_has_gone_on(
    standing: Standing, waited: timedelta, terms: Terms
) -> None:
    ruled = ruling(standing, waited, terms)
    assert (ruled.do is Do.WAIT) == (ruled.left is not None)
    if ruled.left is not None:
        assert ruled.left > timedelta(0)
        assert ruling(standing, waited + ruled.left, terms) != ruled


@given(TIMES, ANY_TERMS)
def test_nothing_passes_on_what_is_not_known(waited: timedelta, terms: Terms) -> None:
    unsure = (Standing.NO_DATA, Standing.ERROR, Standing.FAILED, Standing.SUSPICIOUS)
    assert Do.OPEN not in {ruling(standing, waited, terms).do for standing in unsure}


def test_no_standing_is_without_a_rule() -> None:
    rules = {ruling(s, m * MINUTE, TERMS).why for s, m in product(Standing, (0, 1, 2, 40))}
    assert rules == set(Why)
