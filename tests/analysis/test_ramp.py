import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.analysis.evidence import Line, Pair
from rollout.analysis.history import Minute
from rollout.analysis.ramp import Decision, GateConfig, Move, SequentialGate, Stop
from rollout.analysis.sequential import ERRORS, Outcome, slow
from rollout.model.spec import Ending
from rollout.model.status import Standing

HOUR = {"errors": [{f"p{i}": (1, 600) for i in range(10)}] * 60}
CONFIG = GateConfig()


def play(gate: SequentialGate, share: float, per_block: int, blocks: int = 200) -> Decision:
    """Blocks of one size with exactly that share of bad canary requests, to the end."""
    decision = None
    owed = stable_owed = 0.0
    for _ in range(blocks):
        canary = round(per_block * gate.weight / 100)
        owed += canary * share
        stable_owed += (per_block - canary) / 600
        pair = Pair(int(owed), canary, int(stable_owed), per_block - canary)
        owed, stable_owed = owed % 1, stable_owed % 1
        decision = gate.observe({"errors": pair})
        if decision.move not in {Move.STAY, Move.ADVANCE}:
            break
    assert decision is not None
    return decision


def test_a_good_release_with_traffic_is_promoted_in_the_steps_own_time() -> None:
    gate = SequentialGate(CONFIG, HOUR)
    decision = play(gate, 1 / 600, 3000)
    assert (decision.move, decision.weight, decision.certified) == (Move.PROMOTE, 100, True)
    assert gate.elapsed == timedelta(minutes=5)


def test_an_outage_goes_back_in_three_blocks_and_stays_back() -> None:
    gate = SequentialGate(CONFIG, HOUR)
    decision = play(gate, 1.0, 150)
    assert (decision.move, decision.weight) == (Move.ROLLBACK, 0)
    assert gate.elapsed == timedelta(seconds=45)
    assert gate.observe({"errors": Pair(0, 10, 0, 10)}) is decision


def test_a_quiet_release_is_promoted_by_time_and_says_so() -> None:
    decision = play(SequentialGate(replace(CONFIG, ramp=(Stop(10), Stop(40))), HOUR), 0.0, 12)
    assert (decision.move, decision.certified) == (Move.PROMOTE, False)
    assert decision.because == "not certified, time is up"


def test_a_certificate_in_sight_is_waited_for_beyond_the_usual_box() -> None:
    gate = SequentialGate(CONFIG, HOUR)
    decision = play(gate, 0.0, 12)
    assert (decision.move, decision.certified) == (Move.PROMOTE, True)
    assert timedelta(minutes=28) < gate.elapsed < timedelta(minutes=68)


def test_a_release_hardly_anybody_used_is_held_for_a_person() -> None:
    decision = play(SequentialGate(CONFIG, HOUR), 0.0, 1)
    assert (decision.move, decision.weight) == (Move.HOLD, 5)
    assert decision.reading.standing is Standing.TOO_FEW


@pytest.mark.parametrize(
    ("policy", "move"), [(Ending.HOLD, Move.HOLD), (Ending.ROLLBACK, Move.ROLLBACK)]
)
def test_what_time_leaves_open_the_policy_decides(policy: Ending, move: Move) -> None:
    config = replace(CONFIG, on_inconclusive=policy)
    assert play(SequentialGate(config, HOUR), 0.0, 12).move is move


@pytest.mark.parametrize(("policy", "move"), [("hold", Move.HOLD), ("rollback", Move.ROLLBACK)])
def test_a_suspicion_that_never_goes_away_is_not_promoted(
    policy: Literal["hold", "rollback"], move: Move
) -> None:
    ramp = (*(Stop(weight) for weight in (5, 10, 20, 30)), Stop(40, time_box=timedelta(minutes=20)))
    config = replace(CONFIG, on_suspicious=policy, ramp=ramp)
    assert play(SequentialGate(config, HOUR), 0.006, 150).move is move


def test_who_was_held_is_judged_on_where_they_are() -> None:
    gate = SequentialGate(replace(CONFIG, on_inconclusive=Ending.HOLD), HOUR)
    held = play(gate, 0.0, 12)
    assert (held.move, held.weight) == (Move.HOLD, 5)
    assert play(gate, 1.0, 3000).move is Move.ROLLBACK


def test_a_gap_costs_nothing_but_its_time() -> None:
    gate = SequentialGate(CONFIG, HOUR)
    for _ in range(4):
        gate.observe({"errors": Pair(0, 150, 5, 2850)})
    missing = [gate.observe(None) for _ in range(16)]
    assert {(d.move, d.because) for d in missing} == {(Move.STAY, "no data")}
    caught_up = gate.observe({"errors": Pair(4, 17 * 300, 80, 17 * 2700)}, spans=17)
    assert caught_up.move is not Move.ROLLBACK
    assert play(gate, 1 / 600, 3000).move is Move.PROMOTE


def test_without_history_the_gate_still_works() -> None:
    assert play(SequentialGate(), 1.0, 300).move is Move.ROLLBACK


# Called as a stranger would


@pytest.mark.parametrize("seconds", [1, 5, 10, 30, 60])
def test_the_interval_may_be_any(seconds: int) -> None:
    config = replace(CONFIG, interval=timedelta(seconds=seconds))
    good, bad = SequentialGate(config, HOUR), SequentialGate(config, HOUR)
    assert play(good, 1 / 600, 200 * seconds, 4000).move is Move.PROMOTE
    assert good.elapsed >= timedelta(minutes=5)
    assert play(bad, 0.5, 200 * seconds).move is Move.ROLLBACK
    assert bad.elapsed <= timedelta(minutes=4)


def test_floats_and_plain_tuples_count_as_whole_numbers_do() -> None:
    whole, floats = SequentialGate(CONFIG, HOUR), SequentialGate(CONFIG, HOUR)
    for _ in range(12):
        one = whole.observe({"errors": Pair(3, 75, 2, 1425)})
        other = floats.observe({"errors": (3.0, 75.0, 2.0, 1425.0)})  # type: ignore[dict-item]
    assert one == other


@pytest.mark.parametrize(
    "counts",
    [
        (),
        (1, 2),
        (-1, 10, 0, 10),
        (0, math.nan, 0, 10),
        (0, math.inf, 0, 1),
        None,
        "none",
        7,
        (0, Decimal("NaN"), 0, 1),
        (0, 10**400, 0, 1),
    ],
)
def test_counts_that_are_none_are_not_known(counts: object) -> None:
    gate = SequentialGate(CONFIG, HOUR)
    for _ in range(100):
        decision = gate.observe({"errors": counts})  # type: ignore[dict-item]
        assert (decision.move, decision.because, decision.weight) == (Move.STAY, "no data", 5)


def test_more_bad_requests_than_requests_are_as_many() -> None:
    gates = SequentialGate(CONFIG, HOUR), SequentialGate(CONFIG, HOUR)
    for bad in (75, 80):
        gates[bad > 75].observe({"errors": Pair(bad, 75, 1500, 1425)})
    assert gates[0].trails == gates[1].trails


def test_an_outcome_that_is_missing_ends_no_step_but_the_others_may_send_back() -> None:
    config = replace(CONFIG, outcomes=(ERRORS, slow("latency>1s")))
    good, bad = SequentialGate(config, HOUR), SequentialGate(config, HOUR)
    for _ in range(40):
        assert good.observe({"errors": Pair(0, 150, 5, 2850)}).move is Move.STAY
        decision = bad.observe({"errors": Pair(90, 150, 5, 2850), "else": Pair(0, 1, 0, 1)})
    assert decision.move is Move.ROLLBACK


@pytest.mark.parametrize("pair", [Pair(0, 0, 5, 3000), Pair(3, 3000, 0, 0), Pair(0, 0, 0, 0)])
def test_a_side_without_any_request_ends_no_step_until_a_person_is_asked(pair: Pair) -> None:
    gate = SequentialGate(CONFIG, HOUR)
    decisions = [gate.observe({"errors": pair}) for _ in range(140)]
    assert {d.move for d in decisions} == {Move.STAY, Move.HOLD}
    assert decisions[-1].because == "too little traffic to judge"
    assert [d.move for d in decisions].index(Move.HOLD) == 30 * 4 - 1  # blocks of 15 s


def test_an_absolute_limit_needs_no_stable() -> None:
    config = GateConfig(outcomes=(Outcome("slo", "slo", Line(0, 0.01)),))
    gate = SequentialGate(config)
    decisions = [gate.observe({"slo": Pair(0, 300, 0, 0)}) for _ in range(40)]
    assert decisions[-1].move is Move.PROMOTE


def test_a_look_twice_at_the_same_time_or_back_in_time_adds_nothing() -> None:
    once, often = SequentialGate(CONFIG, HOUR), SequentialGate(CONFIG, HOUR)
    for _ in range(3):
        block = {"errors": Pair(40, 75, 3, 1425)}
        last = once.observe(block)
        assert often.observe(block) == last
        for spans in (0, -4):
            again = often.observe(block, spans=spans)
            assert again.move is (last.move if last.move is Move.ROLLBACK else Move.STAY)
    assert (once.trails, once.elapsed) == (often.trails, often.elapsed)


def test_a_gap_lasts_as_long_however_it_is_told() -> None:
    told, untold = SequentialGate(CONFIG, HOUR), SequentialGate(CONFIG, HOUR)
    for _ in range(3):
        told.observe(None)
    told.observe({"errors": Pair(0, 300, 10, 5700)}, spans=4)
    untold.observe({"errors": Pair(0, 300, 10, 5700)}, spans=4)
    assert (told.trails, told.elapsed, told.at_stop) == (
        untold.trails,
        untold.elapsed,
        untold.at_stop,
    )


def test_a_gate_that_could_never_decide_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at least one"):
        GateConfig(outcomes=())
    with pytest.raises(ValueError, match="name of its own"):
        GateConfig(outcomes=(ERRORS, ERRORS))
    for weights in ((), (5, 5), (20, 10), (0, 5), (5, 100)):
        with pytest.raises(ValueError, match="must rise"):
            GateConfig(ramp=tuple(Stop(weight) for weight in weights))
    with pytest.raises(ValueError, match="some time"):
        GateConfig(interval=timedelta(0))


COUNT = st.one_of(
    st.integers(-5, 10**9),
    st.floats(),
    st.none(),
    st.just(0),
    st.integers(0, 50),
    st.text(),
    st.decimals(),
    st.just(10**400),
)
BLOCK = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["errors", "latency>1s", "odd"]), st.tuples(*[COUNT] * 4)),
)
PODS = st.dictionaries(st.sampled_from("abc"), st.lists(COUNT, max_size=3).map(tuple))


@given(
    st.lists(st.tuples(BLOCK, st.integers(-3, 30)), max_size=40),
    st.dictionaries(st.sampled_from(["errors", "odd"]), st.lists(PODS, max_size=5)),
)
def test_whatever_it_is_fed_it_raises_nothing_and_nothing_passes_unseen(
    blocks: list[tuple[dict[str, Pair] | None, int]], history: dict[str, list[Minute]]
) -> None:
    gate = SequentialGate(replace(CONFIG, outcomes=(ERRORS, slow("latency>1s"))), history)
    for block, spans in blocks:
        decision = gate.observe(block, spans=spans)
        if decision.move in {Move.ADVANCE, Move.PROMOTE}:
            assert all(trail.total.canary_all > 0 for trail in gate.trails.values())
