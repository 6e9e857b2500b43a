"""What plots are drawn from: both sides' shares between two samples, however many there were."""

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rollout.model.status import Attempt, Stage, StageStatus, Verdict
from rollout.web.page.reader import Place
from rollout.web.page.samples import MOST, Memory
from tests.web.page import world
from tests.web.page.world import NOON, opened


def attempt(*verdicts: Verdict, number: int = 3) -> Attempt:
    return replace(world.stepping().attempt, verdicts=verdicts, number=number)


def at(second: int, bad: float, every: float) -> Verdict:
    return world.verdict(bad, every, 2.0, NOON + timedelta(seconds=second))


def test_shares_are_of_what_was_counted_between_two_samples() -> None:
    memory = Memory()
    for verdict in (at(0, 1, 100), at(15, 1, 200), at(15, 1, 200), at(30, 4, 300)):
        memory.take(attempt(verdict), NOON)
    (shown,) = memory.shown()
    begin = NOON.timestamp() * 1000
    assert shown == {
        "label": "errors",
        "bar": 200.0,
        "at": [begin, begin + 15_000, begin + 30_000],
        "canary": [0.01, 0.0, 0.03],
        "stable": [0.001, 0.001, 0.001],
        "evidence": [2.0, 2.0, 2.0],
        "tolerated": [0.0021, 0.0021, 0.0021],
    }


def test_another_attempt_and_another_bound_begin_anew() -> None:
    memory = Memory()
    memory.take(attempt(at(0, 1, 100)), NOON)
    memory.take(attempt(at(15, 1, 200), number=4), NOON)
    assert [len(one["at"]) for one in memory.shown()] == [1]
    known = world.slow(3, 300, 1.0, NOON)
    assert known.counted is not None
    other = replace(known, counted=replace(known.counted, outcome="latency>1s"))
    memory.take(attempt(known, number=4), NOON)
    memory.take(attempt(other, number=4), NOON)
    assert [one["label"] for one in memory.shown()] == ["errors", "over 1s"]


async def test_a_journey_that_has_counted_nothing_yet_shows_no_plots_of_the_one_before() -> None:
    begun = world.stepping(attempt=attempt(number=4), stage=StageStatus(Stage.PREPARING, NOON))
    async with opened() as page:
        shown = []
        for status in (world.stepping(), begun):
            page.put("cart", status)
            page.page.board.look()
            sheet = json.loads(page.page.board.sheet(Place("rollout", "shop", "cart")) or "")
            shown.append((len(sheet["plots"]), len(sheet["verdicts"])))
    assert shown == [(2, 2), (0, 0)]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 1000)), max_size=600))
def test_a_memory_is_bounded_and_every_share_is_one(steps: list[tuple[int, int]]) -> None:
    memory, bad, every = Memory(), 0, 0
    for second, (more_bad, more) in enumerate(steps):
        bad, every = bad + min(more_bad, more), every + more
        memory.take(attempt(at(second, bad, every)), NOON)
    for one in memory.shown():
        assert 0 < len(one["at"]) <= MOST
        assert one["at"] == sorted(one["at"])
        shares = [share for share in one["canary"] if share is not None]
        assert all(0 <= share <= 1 for share in shares)
