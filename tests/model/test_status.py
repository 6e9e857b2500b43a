from datetime import timedelta

from rollout.model.status import (
    PHASE_MAY_FOLLOW,
    STAGE_MAY_FOLLOW,
    Phase,
    Revision,
    Stage,
    StageStatus,
)
from rollout.model.units import sentence
from tests.make import START


def test_the_tables_name_every_phase_and_stage() -> None:
    assert (set(PHASE_MAY_FOLLOW), set(STAGE_MAY_FOLLOW)) == (set(Phase), set(Stage))


def test_every_stage_leads_to_rest() -> None:
    home = {Stage.IDLE}
    while more := {s for s, after in STAGE_MAY_FOLLOW.items() if after & home} - home:
        home |= more
    assert home == set(Stage)


def test_a_revision_is_its_name_and_template_whatever_the_commit() -> None:
    v1 = Revision("v1", "c1", "h1")
    others = [Revision("v1", "c2", "h1"), Revision("v1", "c1", "h2"), Revision("v2", "c1", "h1")]
    assert [v1.same(other) for other in (*others, None)] == [True, False, False, False]


def test_long_sentences_are_cut_where_they_must_be() -> None:
    assert sentence("x" * 79) == "x" * 79
    assert len(sentence("x" * 200)) == 79


def test_a_clock_put_right_leaves_nothing_to_come_and_asks_the_proxies_anew() -> None:
    now, later = START, START + timedelta(hours=1)
    ahead = StageStatus(Stage.STEPPING, later, asked_at=later, confirmed_at=later)
    assert ahead.set_right(now) == StageStatus(Stage.STEPPING, now, asked_at=now)
    assert ahead.set_right(later) == ahead
    begun = StageStatus(Stage.STEPPING, now, asked_at=now, confirmed_at=later)
    assert begun.set_right(now) == StageStatus(Stage.STEPPING, now, asked_at=now)
