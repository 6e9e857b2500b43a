import json
from dataclasses import replace
from datetime import timedelta

from rollout.analysis import counters, memory
from rollout.analysis.evidence import Pair
from rollout.analysis.memory import Memory, Strikes
from rollout.analysis.sequential import Part
from rollout.model.spec import Metric
from rollout.model.status import Standing
from tests.analysis.world import START, Side, World, play, rollout, window


def test_an_empty_or_foreign_checkpoint_is_no_memory() -> None:
    assert memory.load({}) == Memory()
    assert memory.load({"v": 99, "view": "sideways"}) == Memory()


def test_an_edited_checkpoint_is_no_memory_and_no_crash() -> None:
    world = World([Side("v1", 80), Side("v2", 20, since=START)])
    whole = dict(play(world, rollout(), window(), 90)[-1].checkpoint)
    for key in whole:
        if key != "v":
            assert memory.load({**whole, key: "edited"}) == Memory()
            assert memory.load({k: v for k, v in whole.items() if k != key}) == Memory()


def test_a_memory_survives_json() -> None:
    world = World([Side("v1", 80), Side("v2", 20, errors=0.02, since=START)])
    world.sides[1].pods = 3
    checkpoint = dict(play(world, rollout(), window(), 90)[-1].checkpoint)
    kept = memory.load(json.loads(json.dumps(checkpoint)))
    assert memory.dump(kept) == checkpoint
    assert memory.load(memory.dump(kept)) == kept


def test_what_was_not_spelled_out_yet_says_the_same_as_its_json() -> None:
    """No restart may change a verdict: neither by a digit more nor by one less."""
    world = World([Side("v1", 80), Side("v2", 20, errors=0.02, since=START)])
    for judgement in play(world, rollout(), window(), 120):
        assert isinstance(judgement.checkpoint, memory.Checkpoint)
        spelled = json.loads(json.dumps(dict(judgement.checkpoint)))
        assert memory.load(spelled) == memory.load(judgement.checkpoint)
        assert (judgement.checkpoint, len(judgement.checkpoint)) == (spelled, len(spelled))
        assert repr(judgement.checkpoint) == repr(spelled)


def test_a_vanished_pod_strikes_and_half_a_block_survive_too() -> None:
    world = World([Side("v1", 80), Side("v2", 20, since=START)])
    kept = memory.load(play(world, rollout(), window(), 60)[-1].checkpoint)
    source = kept.source("errors")
    tally, _ = counters.advance(source.tally, START + timedelta(minutes=2), [])
    kept = kept.with_source("errors", replace(source, tally=tally))
    strikes = {"q": Strikes(), "r": Strikes().plus(START, 5.5, True)}
    part = Part(Pair(1, 5, 0, 20), 5.0, True)
    trails = {name: trail._replace(part=part) for name, trail in kept.trails.items()}
    kept = replace(kept, strikes=strikes, trails=trails)
    assert memory.load(json.loads(json.dumps(memory.dump(kept)))) == kept


def test_ten_pods_a_side_and_two_metrics_fit_in_four_and_a_half_kilobytes() -> None:
    sides = [Side("v1", 9_000_000, pods=10), Side("v2", 1_000_000, pods=10, since=START)]
    checkpoint = dict(play(World(sides), rollout(), window(), 300)[-1].checkpoint)
    assert len(json.dumps(checkpoint, separators=(",", ":"))) <= 4608


def test_a_memory_of_a_clock_that_was_ahead_is_none_so_that_what_comes_is_read() -> None:
    world = World([Side("v1", 80), Side("v2", 20, errors=0.5, since=START)])
    checkpoint = dict(play(world, rollout(), window(), 60)[-1].checkpoint)
    kept = memory.load(checkpoint)
    end = kept.source("errors").tally.at
    assert end is not None
    assert memory.recall(checkpoint, end) == kept
    assert memory.recall(checkpoint, end - timedelta(seconds=1)) == Memory()
    strikes = replace(Memory(), strikes={"queue": Strikes().plus(START, 1.0, False)})
    assert memory.recall(memory.dump(strikes), START) == strikes
    assert memory.recall(memory.dump(strikes), START - timedelta(hours=1)) == Memory()


def test_evidence_that_begins_anew_has_nothing_of_before_and_keeps_what_it_is_weighed_by() -> None:
    world = World([Side("v1", 100), Side("v2", 25, errors=0.5)])
    judged = play(world, rollout(), window(), 180)[-1]
    assert judged.standing is Standing.FAILED
    resumed = START + timedelta(seconds=185)
    kept = memory.anew(judged.checkpoint, resumed)
    before, anew = memory.load(judged.checkpoint), memory.load(json.loads(json.dumps(dict(kept))))
    assert (anew.trails, anew.strikes, anew.anew) == ({}, {}, resumed)
    assert anew.sources["errors"].tempers == before.sources["errors"].tempers is not None
    first = play(world, rollout(), window(), 15, checkpoint=kept, begin=resumed)
    assert memory.load(first[-1].checkpoint).trails == {}, "half a block is of before"
    later = play(world, rollout(), window(), 90, checkpoint=kept, begin=resumed)
    assert memory.load(later[-1].checkpoint).trails


def test_a_reading_from_before_the_evidence_began_anew_is_none() -> None:
    limit = Metric("depth", query="depth", max=1)
    world = World([Side("v1", 100), Side("v2", 25)], value=lambda at: 5.0)
    judged = play(world, rollout(), window(), 120, metrics=(limit,))[-1]
    assert judged.standing is Standing.FAILED
    world.value = lambda at: 0.0
    resumed = START + timedelta(seconds=120)
    kept = memory.anew(judged.checkpoint, resumed)
    found = play(world, rollout(), window(), 60, metrics=(limit,), checkpoint=kept, begin=resumed)
    assert Standing.FAILED not in {each.standing for each in found}


def test_marks_out_of_which_somebody_edited_the_requests_break_no_look() -> None:
    world = World([Side("v1", 400), Side("v2", 100)])
    judged = play(world, rollout(), window(), 120)[-1]
    edited = json.loads(json.dumps(dict(judged.checkpoint)))
    for trail in edited["trails"].values():
        for mark in trail[10]:
            mark[2] = 0
    begin = START + timedelta(seconds=120)
    assert memory.load(edited).trails["errors"].marks[0].every == 0
    found = play(world, rollout(), window(), 60, checkpoint=edited, begin=begin)[-1]
    assert found.standing not in {Standing.FAILED, Standing.ERROR}
