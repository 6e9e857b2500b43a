"""Queries that people wrote: few for many, each answered as if it had been asked alone."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.controller.metrics.batcher import Batcher
from rollout.controller.metrics.together import ALONE, CHUNK, WHO, joined, joins
from rollout.errors import OutsideError, RefusedError
from rollout.model.observation import NoAnswer, Reply, Series, Value, ValueQuestion
from rollout.model.status import Outcome
from tests.analysis.world import START

S = timedelta(seconds=1)
PART = re.compile(rf'label_replace\(\(([^()]*)\), "{WHO}", "([0-9]+)", "", ""\)')


@dataclass
class Prometheus:
    """Answers ``vN`` with N, a union with each of its parts; refuses one with a query in ``odd``.

    ``dead``: what it raises instead of any answer; ``slow``: queries too long for a union.
    """

    odd: frozenset[str] = frozenset()
    dead: Exception | None = None
    slow: frozenset[str] = frozenset()
    partial: bool = False
    asked: list[str] = field(default_factory=list)

    async def instant(self, promql: str, at: datetime) -> Reply:
        self.asked.append(promql)
        parts = {place: query for query, place in PART.findall(promql)}
        if self.dead:
            raise self.dead
        if self.odd & ({promql} | set(parts.values())):
            raise RefusedError("prometheus: status 400 (bad_data), its answer was no")
        if self.slow & set(parts.values()):
            raise OutsideError("prometheus: no answer in time")
        if not parts:
            return Reply((self._series({}, promql, at),))
        made = (self._series({WHO: place}, query, at) for place, query in parts.items())
        return Reply(tuple(made), partial=self.partial)

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        raise AssertionError("one instant is asked for")

    @staticmethod
    def _series(labels: Mapping[str, str], query: str, at: datetime) -> Series:
        return Series(labels, ((at, float(query.removeprefix("v"))),))


async def asked_by(
    batcher: Batcher, numbers: range, at: datetime = START
) -> list[Value | NoAnswer]:
    """What as many rollouts are told that ask at once, each of a query of its own."""
    looks = [batcher.ask((), (ValueQuestion("limit", f"v{n}", at),)) for n in numbers]
    answers = await asyncio.gather(*looks)
    found: list[Value | NoAnswer] = []
    for _, values, missing in answers:
        found += (*values, *missing)
    return found


def told(numbers: range, at: datetime = START) -> list[Value]:
    return [Value("limit", at, float(n)) for n in numbers]


async def test_two_hundred_rollouts_cost_four_queries_and_each_has_its_own_value() -> None:
    prometheus, everyone = Prometheus(), range(200)
    assert await asked_by(Batcher(prometheus, gather=0), everyone) == told(everyone)
    assert len(prometheus.asked) == 200 / CHUNK


async def test_one_rollout_alone_asks_what_was_written() -> None:
    prometheus = Prometheus()
    assert await asked_by(Batcher(prometheus, gather=0), range(1)) == told(range(1))
    assert prometheus.asked == ["v0"]


async def test_who_looks_later_finds_the_answer_that_was_fetched_along() -> None:
    prometheus, everyone = Prometheus(), range(40)
    batcher = Batcher(prometheus, gather=0)
    for instant in range(3):
        await asked_by(batcher, everyone, START + 15 * instant * S)
    prometheus.asked.clear()
    at = START + 45 * S
    for number in everyone:
        assert await asked_by(batcher, range(number, number + 1), at) == told(
            range(number, number + 1), at
        )
    assert len(prometheus.asked) == 1


async def test_who_no_longer_asks_is_fetched_along_once_more_and_never_again() -> None:
    batcher = Batcher(prometheus := Prometheus(), gather=0)
    for instant in range(3):
        await asked_by(batcher, range(2), START + 15 * instant * S)
    prometheus.asked.clear()
    for instant in range(3, 5):
        await asked_by(batcher, range(1), START + 15 * instant * S)
    assert prometheus.asked == [joined(["v0", "v1"]), "v0"]


async def test_a_query_that_is_refused_takes_no_other_with_it_and_is_asked_alone() -> None:
    prometheus, everyone = Prometheus(odd=frozenset({"v7"})), range(CHUNK)
    batcher = Batcher(prometheus, gather=0)
    first = await asked_by(batcher, everyone)
    no = NoAnswer("limit", Outcome.ERROR, "prometheus: status 400 (bad_data), its answer was no")
    assert first == [*told(range(7)), no, *told(range(8, CHUNK))]
    assert len(prometheus.asked) <= 2 * CHUNK.bit_length() + 2
    prometheus.asked.clear()
    later = START + 15 * S
    again = await asked_by(batcher, everyone, later)
    assert again == [*told(range(7), later), no, *told(range(8, CHUNK), later)]
    assert len(prometheus.asked) == 2


async def test_a_query_that_spoiled_a_union_may_join_again_when_its_time_is_over() -> None:
    prometheus = Prometheus(odd=frozenset({"v1"}))
    batcher = Batcher(prometheus, gather=0)
    await asked_by(batcher, range(4))
    prometheus.odd = frozenset()
    prometheus.asked.clear()
    await asked_by(batcher, range(4), START + ALONE)
    assert prometheus.asked == [joined(["v0", "v1", "v2", "v3"])]


@pytest.mark.parametrize("trouble", [{"slow": frozenset({"v3"})}, {"partial": True}])
async def test_a_union_that_takes_too_long_or_misses_something_is_asked_one_by_one(
    trouble: dict[str, frozenset[str]],
) -> None:
    prometheus, everyone = Prometheus(**trouble), range(10)  # type: ignore[arg-type]
    batcher = Batcher(prometheus, gather=0)
    assert await asked_by(batcher, everyone) == told(everyone)
    assert len(prometheus.asked) == 1 + 10
    prometheus.asked.clear()
    later = START + 15 * S
    assert await asked_by(batcher, everyone, later) == told(everyone, later)
    assert sorted(prometheus.asked) == [f"v{n}" for n in everyone]


async def test_a_dead_prometheus_is_told_to_everybody() -> None:
    batcher = Batcher(Prometheus(dead=OutsideError("prometheus: no connection")), gather=0)
    gone = NoAnswer("limit", Outcome.ERROR, "prometheus: no connection")
    assert await asked_by(batcher, range(3)) == [gone] * 3


async def test_what_went_wrong_for_those_on_time_is_tried_anew_for_the_late() -> None:
    prometheus = Prometheus(dead=OutsideError("prometheus: no connection"))
    batcher = Batcher(prometheus, gather=0)
    await asked_by(batcher, range(1))
    prometheus.dead = None
    assert await asked_by(batcher, range(1)) == told(range(1))


@pytest.mark.parametrize(
    "text",
    [
        f'up), "{WHO}", "1", "", "") or label_replace((vector(0)',
        "up) or (vector(0)",
        'up{job="a)',
        "up # hidden\r) or (vector(0)",
        "up # to the end",
        "up\x0b",
        "",
    ],
)
def test_what_could_reach_beyond_its_parentheses_joins_nobody(text: str) -> None:
    assert not joins(text)


@pytest.mark.parametrize("text", ["up", 'sum(rate(a{b=~"x)|y"}[1m]))\n  / on(c) d', "a or `(`"])
def test_what_people_write_joins(text: str) -> None:
    assert joins(text)


@given(st.lists(st.sampled_from(["(", ")", "{", "}", "[", "]", '"', "'", "`", "a", "\\", "\n"])))
def test_no_text_that_joins_closes_a_bracket_that_it_has_not_opened(parts: list[str]) -> None:
    text = "".join(parts)
    if joins(text):
        strings = r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'|`[^`]*`"
        rest, before = re.sub(strings, "", text), None
        while rest != before:
            before, rest = rest, re.sub(r"\([^][(){}]*\)|\[[^][(){}]*\]|\{[^][(){}]*\}", "", rest)
        assert not set(rest) & set("()[]{}")
