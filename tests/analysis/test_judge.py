from datetime import timedelta

from rollout.analysis.judge import Standing
from tests.analysis.world import START, Side, World, play, rollout, window


def test_a_canary_like_stable_is_certified() -> None:
    world = World([Side("v1", 80), Side("v2", 20, since=START)])
    last = play(world, rollout(), window(), 300)[-1]
    assert last.standing is Standing.CERTIFIED


def test_an_outage_fails_within_a_minute_of_data() -> None:
    world = World([Side("v1", 80), Side("v2", 20, errors=1.0, since=START)])
    standings = [j.standing for j in play(world, rollout(), window(), 75)]
    assert standings[-1] is Standing.FAILED


def test_a_dead_prometheus_is_an_error_and_costs_no_evidence() -> None:
    dead = START + timedelta(seconds=60), START + timedelta(seconds=150)
    sides = [Side("v1", 80), Side("v2", 20, errors=0.02, since=START)]
    world = World(sides, down=lambda now: dead[0] <= now <= dead[1])
    judgements = play(world, rollout(), window(), 240)
    assert judgements[5].standing is Standing.ERROR
    assert judgements[-1].standing is Standing.FAILED
    assert "(" in judgements[-1].because
