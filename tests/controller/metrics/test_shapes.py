"""Every shape that an answer of Prometheus may have: a pass takes a sound one, and nothing else."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from rollout.analysis.judge import judge, questions
from rollout.controller.metrics.batcher import Batcher
from rollout.edges import promapi
from rollout.edges.prometheus import Access, Prometheus
from rollout.errors import RolloutError
from rollout.model.observation import (
    Counting,
    CountsQuestion,
    Reply,
    View,
)
from rollout.model.spec import Analysis, Failures, Metric
from tests.analysis.world import START, Seen, rollout, window
from tests.controller.metrics import counters
from tests.controller.metrics.shapes import AT, NUMBERS, Shape, Word
from tests.edges.wire import wire

LOOK = timedelta(seconds=15)
QUEUE = Metric("queue", query="queue", max=100, failures=Failures(consecutive=1))


@dataclass(frozen=True)
class Answering:
    """Prometheus, as far as its answer is concerned."""

    shape: Shape

    async def instant(self, promql: str, at: datetime) -> Reply:
        return promapi.read(self.shape.status, self.shape.body, "vector")

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        return promapi.read(self.shape.status, self.shape.body, "matrix")


async def said(shape: Shape) -> Word:
    """What the gate says of ``queue`` after one look at this answer."""
    subject, where = rollout(Analysis(metrics=(QUEUE,))), window(START)
    _, values = questions(subject, (), where, {}, AT + LOOK)
    assert [one.instant for one in values] == [AT]
    answers = await Batcher(Answering(shape), gather=0).ask((), values)
    judgement = judge(subject, (), where, {}, Seen(*answers), AT + LOOK)
    return Word(judgement.verdicts[0].outcome.value.lower())


def test_there_are_at_least_three_hundred_and_no_two_alike() -> None:
    every = [*NUMBERS, *counters.COUNTERS]
    assert len(every) >= 300
    assert len({(one.body, one.status) for one in NUMBERS}) >= 0.97 * len(NUMBERS)


@pytest.mark.parametrize("shape", NUMBERS, ids=str)
async def test_one_number_passes_where_it_is_one_and_within_its_limit(shape: Shape) -> None:
    assert await said(shape) is shape.word


@pytest.mark.parametrize("shape", counters.COUNTERS, ids=str)
async def test_counters_are_counted_where_they_are_sound(shape: counters.Counted) -> None:
    question = CountsQuestion("errors", shape.counting, View.SOURCE, (AT,), "shop", {"v1": "web"})
    provider = Answering(Shape(shape.name, shape.body, Word.UNKNOWN))
    counts, _, nothing = await Batcher(provider, gather=0).ask((question,), ())
    if nothing:
        assert nothing[0].outcome.value.lower() == shape.says
        return
    assert {pod.pod: (pod.bad, pod.total) for pod in counts[0].pods} == shape.says


async def test_over_the_wire_each_shape_means_the_same() -> None:
    """The client, its retries and its sessions change nothing of what an answer says."""
    async with wire() as served:
        client = Prometheus(Access(served.url, timeout=timedelta(seconds=30)))
        for shape in NUMBERS[:: len(NUMBERS) // 60]:
            served.says(shape.body, shape.status)
            assert await _over(client) == _read(shape), shape.name
        client.close()


async def _over(client: Prometheus) -> Reply | str:
    try:
        return await client.instant("queue", AT)
    except RolloutError as error:
        return f"{type(error).__name__}: {error}"


def _read(shape: Shape) -> Reply | str:
    body = b"" if shape.status == 204 else shape.body
    try:
        return promapi.read(shape.status, body, "vector")
    except RolloutError as error:
        return f"{type(error).__name__}: {error}"


def test_counting_is_by_errors_or_by_buckets() -> None:
    assert {one.counting for one in counters.COUNTERS} == {Counting.ERRORS, Counting.SLOW}
