from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.analysis.evidence import Pair
from rollout.analysis.ramp import Decision, GateConfig, Move, SequentialGate
from rollout.analysis.sequential import Standing

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
    decision = play(SequentialGate(CONFIG, HOUR), 0.0, 10)
    assert (decision.move, decision.certified) == (Move.PROMOTE, False)
    assert decision.because == "not certified, time is up"


def test_a_release_hardly_anybody_used_is_held_for_a_person() -> None:
    decision = play(SequentialGate(CONFIG, HOUR), 0.0, 1)
    assert (decision.move, decision.weight) == (Move.HOLD, 5)
    assert decision.reading.standing is Standing.TOO_FEW


@pytest.mark.parametrize(("policy", "move"), [("hold", Move.HOLD), ("rollback", Move.ROLLBACK)])
def test_what_time_leaves_open_the_policy_decides(policy: str, move: Move) -> None:
    config = replace(CONFIG, on_inconclusive=policy)
    assert play(SequentialGate(config, HOUR), 0.0, 10).move is move


@pytest.mark.parametrize(("policy", "move"), [("hold", Move.HOLD), ("rollback", Move.ROLLBACK)])
def test_a_suspicion_that_never_goes_away_is_not_promoted(policy: str, move: Move) -> None:
    config = replace(CONFIG, on_suspicious=policy)
    assert play(SequentialGate(config, HOUR), 0.006, 150).move is move


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
