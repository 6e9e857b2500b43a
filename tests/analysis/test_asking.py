from dataclasses import replace
from datetime import timedelta

from rollout.analysis import asking
from rollout.model.observation import Counting, View
from rollout.model.spec import Analysis, Metric
from tests.analysis.world import START, Side, World, play, rollout, window

S = timedelta(seconds=1)


def names(checkpoint: dict[str, object], now_after: int) -> list[tuple[str, int]]:
    counts, _ = asking.questions(rollout(), (), window(), checkpoint, START + now_after * S)
    return [(q.metric, len(q.instants)) for q in counts]


def test_first_it_is_asked_who_counts_then_for_the_hour_then_block_by_block() -> None:
    world = World([Side("v1", 80), Side("v2", 20, since=START)])
    probes = ["errors?source", "errors?destination", "slow?source", "slow?destination"]
    assert names({}, 15) == [(probe, 1) for probe in probes]
    second = dict(play(world, rollout(), window(), 15)[-1].checkpoint)
    assert ("slow", 61) in names(second, 30)
    assert ("unreached", 61) in names(second, 30)
    later = dict(play(world, rollout(), window(), 60)[-1].checkpoint)
    assert names(later, 75) == [("errors", 1), ("slow", 1), ("unreached", 1)]
    assert names(later, 195) == [("errors", 9), ("slow", 9), ("unreached", 9)]
    assert names(later, 61) == []


def test_values_are_asked_for_at_every_instant_since_the_last() -> None:
    subject = rollout(Analysis(metrics=(Metric("q", query='q{d="{{canary}}"}', max=1),)))
    _, values = asking.questions(subject, (), window(), {}, START + 60 * S)
    assert [v.instant for v in values] == [START + n * 15 * S for n in range(4)]
    assert {v.promql for v in values} == {'q{d="reviews-v2"}'}


def test_own_counters_have_no_view_to_settle() -> None:
    subject = rollout(Analysis(metrics=(Metric("own", bad="b", total="t"),)))
    counts, _ = asking.questions(subject, (), window(), {}, START + 60 * S)
    assert [q.counting for q in counts] == [Counting.CUSTOM] * 2


def test_with_nobody_to_compare_with_no_hour_is_asked_for() -> None:
    alone = replace(window(), comparing=False)
    fixed = rollout(Analysis(metrics=(Metric("errors"),), reporter="destination"))
    counts, _ = asking.questions(fixed, (), alone, {}, START + 60 * S)
    assert [(q.view, len(q.instants)) for q in counts] == [(View.DESTINATION, 4)]
