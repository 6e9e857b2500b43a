"""The batcher: few queries for many, and nothing doubtful gets through."""

import asyncio
import gc
import math
import weakref
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from rollout.controller.metrics import batcher as batcher_module
from rollout.controller.metrics import together
from rollout.controller.metrics.batcher import Batcher
from rollout.controller.metrics.readings import MOST_SERIES
from rollout.errors import OutsideError, RefusedError
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    PodCount,
    Reply,
    Series,
    Side,
    Value,
    ValueQuestion,
    View,
)
from rollout.model.status import Outcome
from tests.analysis.world import START

S = timedelta(seconds=1)
LATER = START + 15 * S


@dataclass
class Provider:
    """Answers every query with ``reply``, or raises it; remembers what it was asked."""

    reply: Reply | Exception
    asked: list[tuple[str, str, datetime]] = field(default_factory=list)

    async def instant(self, promql: str, at: datetime) -> Reply:
        return self._say("instant", promql, at)

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        return self._say("range", promql, start)

    def _say(self, kind: str, promql: str, at: datetime) -> Reply:
        self.asked.append((kind, promql, at))
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


def question(
    number: int = 0, *instants: datetime, counting: Counting = Counting.ERRORS, **more: Any
) -> CountsQuestion:
    workloads = {"v1": f"app{number}-v1", "v2": f"app{number}-v2"}
    return CountsQuestion(
        "m", counting, View.SOURCE, instants or (START,), "shop", workloads, **more
    )


def series(
    part: str,
    value: float,
    number: int = 0,
    revision: str = "v2",
    at: datetime = START,
    **labels: Any,
) -> Series:
    mine = {
        "rollout_part": part,
        "pod": "a",
        "destination_workload_namespace": "shop",
        "destination_workload": f"app{number}-{revision}",
    }
    return Series({k: v for k, v in {**mine, **labels}.items() if v}, ((at, value),))


def seen(age: float = 5, pod: str = "a") -> Series:
    labels = {"rollout_part": "seen", "pod": pod}
    return Series(labels, ((START, (START - age * S).timestamp()),))


async def ask(
    reply: Reply | Exception, *counts: CountsQuestion
) -> tuple[tuple[Counts, ...], list[tuple[Outcome, str]]]:
    found, _, missing = await Batcher(Provider(reply), gather=0).ask(counts, ())
    return found, [(m.outcome, m.because) for m in missing]


async def test_errors_come_by_pod_and_side() -> None:
    reply = Reply(
        (
            series("total", 100),
            series("bad", 3),
            series("total", 900, revision="v1", pod="s"),
            series("total", 5, number=7),
            seen(),
            seen(4, pod="s"),
        )
    )
    found, missing = await ask(reply, question())
    pods = (PodCount("v1", "s", (0,), 900), PodCount("v2", "a", (3,), 100))
    assert (found, missing) == ((Counts("m", START, pods, newest=START - 4 * S),), [])


async def test_nothing_counted_yet_is_an_answer() -> None:
    assert await ask(Reply(()), question()) == ((Counts("m", START, ()),), [])


async def test_slow_requests_are_those_beyond_a_bound_however_it_is_written() -> None:
    parts = (("250", 90), ("500.0", 98), ("+Inf", 100))
    reply = Reply((*(series("total", v, le=le) for le, v in parts), seen()))
    bounds = (timedelta(milliseconds=250), timedelta(milliseconds=500))
    found, _ = await ask(reply, question(counting=Counting.SLOW, bounds=bounds))
    pods = (PodCount("v2", "a", (10, 2), 100),)
    assert found == (Counts("m", START, pods, bounds, START - 5 * S),)
    every, _ = await ask(reply, question(counting=Counting.SLOW))
    assert every == found


async def test_a_pod_scraped_at_two_ports_counts_once() -> None:
    both = [
        series("total", n, instance=f"10.0.0.1:{port}") for n, port in ((99, 15020), (100, 15090))
    ]
    found, _ = await ask(Reply(tuple(both)), question())
    assert [pod.total for pod in found[0].pods] == [100]


async def test_a_pod_without_fresh_samples_has_vanished() -> None:
    found, _ = await ask(Reply((series("total", 100), seen(age=61))), question())
    assert found == (Counts("m", START, ()),)


async def test_without_a_pod_label_the_instance_is_the_pod() -> None:
    found, _ = await ask(Reply((series("total", 1, pod="", instance="x:1"),)), question())
    assert found[0].pods[0].pod == "x:1"


async def test_a_bucket_that_is_gone_is_inconclusive() -> None:
    reply = Reply((series("total", 100, le="+Inf"), series("total", 90, le="100")))
    asked = question(counting=Counting.SLOW, bounds=(timedelta(milliseconds=250),))
    found, missing = await ask(reply, asked)
    assert (found, missing) == (
        (),
        [(Outcome.INCONCLUSIVE, "pods have other buckets now, none ends at 250ms")],
    )


async def test_own_counters_are_asked_for_by_revision_and_named_by_any_label() -> None:
    own = Reply(
        (
            Series({"rollout_part": "total", "shard": "1"}, ((START, 9.0),)),
            Series({"rollout_part": "bad", "shard": "1"}, ((START, 2.0),)),
            Series({"rollout_part": "bad", "shard": "2"}, ((START, 2.0),)),
        )
    )
    provider = Provider(own)
    asked = question(counting=Counting.CUSTOM, bad='b{v="{{version}}"}', total="t")
    found, _, _ = await Batcher(provider, gather=0).ask((asked,), ())
    assert found[0].pods == (
        PodCount("v1", "shard=1", (2,), 9),
        PodCount("v2", "shard=1", (2,), 9),
    )
    both, *ones = (promql for _, promql, _ in provider.asked)
    assert ('b{v="v1"}' in both, 'b{v="v2"}' in both) == (True, True)
    assert [[v for v in ("v1", "v2") if f'b{{v="{v}"}}' in one] for one in ones] == [["v1"], ["v2"]]


async def test_failures_without_an_endpoint_come_by_service() -> None:
    labels = {"pod": "gateway", "destination_service": "app.shop.svc.cluster.local"}
    reply = Reply(
        tuple(
            Series({"rollout_part": part, **labels}, ((START, value),))
            for part, value in (("total", 50.0), ("bad", 5.0))
        )
    )
    host = {"": "app.shop.svc.cluster.local"}
    asked = CountsQuestion("u", Counting.UNREACHED, View.SOURCE, (START,), "", host)
    found, _ = await ask(reply, asked)
    assert found == (Counts("u", START, (PodCount("", "gateway", (5,), 50),)),)


# Few queries


async def test_a_thousand_rollouts_cost_a_chunk_of_two_hundred_workloads_a_query() -> None:
    provider = Provider(Reply(()))
    batcher = Batcher(provider, gather=0)
    await asyncio.gather(*(batcher.ask((question(n),), ()) for n in range(1000)))
    assert batcher.asked == len(provider.asked) == 10


async def test_whoever_looks_later_finds_the_instant_on_the_shelf() -> None:
    provider = Provider(Reply(()))
    batcher = Batcher(provider, gather=0)
    await asyncio.gather(*(batcher.ask((question(n),), ()) for n in range(50)))
    for number in range(50):
        await batcher.ask((question(number, LATER),), ())
    assert [(kind, at) for kind, _, at in provider.asked] == [
        ("instant", START),
        ("instant", LATER),
    ]
    await batcher.ask((question(99, LATER),), ())
    assert len(provider.asked) == 3


async def test_who_has_not_asked_for_two_minutes_is_not_asked_about() -> None:
    provider = Provider(Reply(()))
    batcher = Batcher(provider, gather=0)
    await batcher.ask((question(1),), ())
    await batcher.ask((question(2, START + 121 * S),), ())
    assert "app1" not in provider.asked[-1][1]


async def test_the_shelf_keeps_two_instants() -> None:
    batcher = Batcher(Provider(Reply(())), gather=0)
    for number in range(10):
        await batcher.ask((question(0, START + number * 15 * S),), ())
        await batcher.ask((question(0, START, START + (number + 1) * 15 * S),), ())
        await batcher.ask((question(0, counting=Counting.SLOW),), ())
    assert sorted(len(topic) for topic in batcher._shelf.values()) == [0, 2]


async def test_many_instants_are_one_range_query() -> None:
    points = tuple((START + n * 15 * S, 10.0 * n) for n in range(3))
    labels = series("total", 0).labels
    provider = Provider(Reply((Series(labels, points),)))
    asked = question(0, *(at for at, _ in points))
    found, _, _ = await Batcher(provider, gather=0).ask((asked,), ())
    assert [kind for kind, _, _ in provider.asked] == ["range"]
    assert [(c.at, c.pods[0].total) for c in found] == [(at, int(v)) for at, v in points]


async def test_the_same_value_is_asked_for_once_and_given_to_all() -> None:
    provider = Provider(Reply((Series({}, ((START, 5.0),)),)))
    batcher = Batcher(provider, gather=0)
    asks = [batcher.ask((), (ValueQuestion(f"m{n}", "up", START),)) for n in range(5)]
    answers = await asyncio.gather(*asks)
    assert [a[1] for a in answers] == [(Value(f"m{n}", START, 5.0),) for n in range(5)]
    assert len(provider.asked) == 1


async def test_a_look_that_was_given_up_takes_nothing_from_the_others() -> None:
    gate = asyncio.Event()

    class Slow(Provider):
        async def instant(self, promql: str, at: datetime) -> Reply:
            await gate.wait()
            return await super().instant(promql, at)

    batcher = Batcher(Slow(Reply((Series({}, ((START, 5.0),)),))), gather=0)
    value = ValueQuestion("m", "up", START)
    first = asyncio.create_task(batcher.ask((question(),), (value,)))
    second = asyncio.create_task(batcher.ask((question(),), (value,)))
    await asyncio.sleep(0.01)
    first.cancel()
    gate.set()
    found, values, missing = await second
    assert (len(found), values, missing) == (1, (Value("m", START, 5.0),), ())


async def test_what_failed_goes_with_its_instant_also_without_a_search_for_cycles() -> None:
    raised: list[weakref.ref[Exception]] = []

    class Failing(Provider):
        async def instant(self, promql: str, at: datetime) -> Reply:
            error = OutsideError("prometheus: no answer in time")
            raised.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error

    batcher = Batcher(Failing(Reply(())), gather=0)
    gc.disable()
    try:
        for tick in range(20):
            at = START + tick * 15 * S
            values = (ValueQuestion("v", f"sum(up{{n='{tick % 2}'}})", at),)
            asks = [batcher.ask((question(n, at),), values) for n in range(30)]
            answers = await asyncio.gather(*asks)
            assert all(len(missing) == 2 for _, _, missing in answers)
            del asks, answers
        held = [one for one in raised if one() is not None]
    finally:
        gc.enable()
    assert len(raised) == 2 * 20
    assert len(held) <= batcher_module.SHELF + together.SHELF


async def test_a_failing_chunk_takes_no_other_with_it() -> None:
    class Half(Provider):
        async def instant(self, promql: str, at: datetime) -> Reply:
            if "app0-" in promql:
                raise OutsideError("prometheus: no answer in time")
            return await super().instant(promql, at)

    batcher = Batcher(Half(Reply(())), gather=0)
    asks = [batcher.ask((question(n),), ()) for n in range(300)]
    answers = await asyncio.gather(*asks)
    bad = [a for a in answers if a[2]]
    assert 0 < len(bad) <= 200
    assert bad[0][2][0].because == "prometheus: no answer in time"


# Nothing doubtful gets through: every shape of answer, in every place, has its verdict

WRONG_NUMBERS = [math.nan, math.inf, -math.inf, -1.0, -0.5, -1e-9, 2.0**53, 1e300, 1e308]
TIMES = [timedelta(minutes=m) for m in (-60, -10, 10, 60)] + [S, -S, 14 * S, timedelta(days=400)]
DOWN: list[tuple[Exception, Outcome]] = [
    (OutsideError("prometheus: no answer in time"), Outcome.ERROR),
    (OutsideError("prometheus: no connection"), Outcome.ERROR),
    (OutsideError("prometheus: status 503"), Outcome.ERROR),
    (OutsideError("prometheus: an answer that is not the API's"), Outcome.ERROR),
    (RefusedError("prometheus: status 422 (execution), its answer was no"), Outcome.ERROR),
    (RefusedError("prometheus: a matrix came, the query must give a vector"), Outcome.ERROR),
    (RefusedError("prometheus: a native histogram; the query must give numbers"), Outcome.ERROR),
]
BOUND = (timedelta(milliseconds=250),)
HOST = {"": "app.shop.svc.cluster.local"}
ASKED = {
    "errors": question(),
    "errors as the server saw": CountsQuestion(
        "m", Counting.ERRORS, View.DESTINATION, (START,), "shop", question().workloads
    ),
    "slow": question(counting=Counting.SLOW, bounds=BOUND),
    "every bucket": question(counting=Counting.SLOW),
    "own": question(counting=Counting.CUSTOM, bad="b", total="t"),
    "unreached": CountsQuestion("m", Counting.UNREACHED, View.SOURCE, (START,), "", HOST),
    "since long": question(0, START, LATER),
}
PARTS: dict[str, list[dict[str, Any]]] = {
    "slow": [{"le": "+Inf"}, {"le": "250"}, {"le": "250.0"}],
    "every bucket": [{"le": "+Inf"}, {"le": "1000"}],
    "unreached": [
        {
            "destination_workload": "",
            "destination_workload_namespace": "",
            "destination_service": HOST[""],
        }
    ],
}

Shape = tuple[str, CountsQuestion | ValueQuestion, Reply | Exception, Outcome]


def part_shapes(name: str, asked: CountsQuestion, labels: dict[str, Any]) -> list[Shape]:
    """What one part of an answer can be wrong in."""
    good = series("total", 5, **{**labels, "le": "+Inf" if "le" in labels else ""})
    parts = ("total",) if "le" in labels else ("total", "bad")
    replies = {
        f"{part} {number}": Reply((good, series(part, number, **labels)))
        for part in parts
        for number in WRONG_NUMBERS
    }
    replies["partial"] = Reply((series("total", 5, **labels),), partial=True)
    for off in TIMES:
        replies[f"{off} off"] = Reply((series("total", 5, at=START + off, **labels),))
    return [(f"{name}: {k} {labels}", asked, r, Outcome.INCONCLUSIVE) for k, r in replies.items()]


def counter_shapes() -> list[Shape]:
    shapes: list[Shape] = []
    for name, asked in ASKED.items():
        shapes += [(f"{name}: {error}", asked, error, outcome) for error, outcome in DOWN]
        for labels in PARTS.get(name, [{}]):
            shapes += part_shapes(name, asked, labels)
        empty = Reply((), partial=True)
        shapes.append((f"{name}: partial and empty", asked, empty, Outcome.INCONCLUSIVE))
    for le in ("NaN", "x", "1e999", "", "-Inf", "500ms"):
        if le:
            reply = Reply((series("total", 5, le=le),))
            for name in ("slow", "every bucket"):
                shapes.append((f"{name}: {le!r}", ASKED[name], reply, Outcome.INCONCLUSIVE))
    many = tuple(Series({"n": str(n)}, ((START, 1.0),)) for n in range(MOST_SERIES + 1))
    shapes.append(("own: too many", ASKED["own"], Reply(many), Outcome.INCONCLUSIVE))
    return shapes


def value_shapes() -> list[Shape]:
    value = ValueQuestion("m", "up", START)

    def numbers(*found: float, off: timedelta = timedelta(0)) -> Reply:
        return Reply(tuple(Series({"n": str(n)}, ((START + off, v),)) for n, v in enumerate(found)))

    shapes: list[Shape] = [(f"value: {error}", value, error, outcome) for error, outcome in DOWN]
    replies = {
        "empty": Reply(()),
        "partial and empty": Reply((), partial=True),
        "partial": Reply(numbers(1.0).series, partial=True),
        "no points": Reply((Series({}, ()),)),
        **{f"{n} series": numbers(*[1.0] * n) for n in (2, 3, 10, 1000)},
        **{str(v): numbers(v) for v in (math.nan, math.inf, -math.inf)},
        **{f"nan beside {v}": numbers(v, math.nan) for v in (0.0, 1.0)},
        **{f"{off} off": numbers(1.0, off=off) for off in TIMES},
    }
    return shapes + [(f"value: {k}", value, r, Outcome.INCONCLUSIVE) for k, r in replies.items()]


SHAPES = counter_shapes() + value_shapes()


def test_the_table_is_as_long_as_it_should_be() -> None:
    assert len(SHAPES) >= 300
    assert len({name for name, *_ in SHAPES}) == len(SHAPES)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape[0])
async def test_no_shape_of_answer_passes_for_data(shape: Shape) -> None:
    _, asked, reply, outcome = shape
    batcher = Batcher(Provider(reply), gather=0)
    if isinstance(asked, ValueQuestion):
        found, values, missing = await batcher.ask((), (asked,))
    else:
        found, values, missing = await batcher.ask((asked,), ())
    assert (found, values) == ((), ())
    assert [(m.metric, m.outcome) for m in missing] == [("m", outcome)]
    assert 0 < len(missing[0].because) < 100


async def test_of_many_instants_the_last_value_must_be_there_and_the_others_may() -> None:
    asks = tuple(ValueQuestion("m", "up", START + n * 15 * S) for n in range(3))
    points = ((START, math.nan), (LATER, 4.0), (START + 30 * S, 5.0))
    _, values, _ = await Batcher(Provider(Reply((Series({}, points),))), gather=0).ask((), asks)
    assert values == (Value("m", LATER, 4.0), Value("m", START + 30 * S, 5.0))
    _, values, missing = await Batcher(Provider(Reply((Series({}, points[:2]),))), gather=0).ask(
        (), asks
    )
    assert (values, missing[0].because) == ((), "no data")


async def test_a_late_look_finds_what_it_missed_where_others_have_asked_for_it() -> None:
    provider = Provider(Reply(()))
    batcher = Batcher(provider, gather=0)
    for at in (START, LATER):
        await batcher.ask((question(0, at), question(1, at)), ())
    before = len(provider.asked)
    found, _, missing = await batcher.ask((question(1, START, LATER),), ())
    assert ([one.at for one in found], missing) == ([START, LATER], ())
    assert len(provider.asked) == before == 2


async def test_what_went_wrong_for_those_on_time_is_tried_anew_for_the_late() -> None:
    provider = Provider(OutsideError("prometheus: no connection"))
    batcher = Batcher(provider, gather=0)
    await batcher.ask((question(0, START),), ())
    provider.reply = Reply(())
    found, _, missing = await batcher.ask((question(0, START, LATER),), ())
    assert ([one.at for one in found], missing) == ([START, LATER], ())


@dataclass
class Young(Provider):
    """Knows nothing of the time before ``START``, as where a mesh is younger than that."""

    async def instant(self, promql: str, at: datetime) -> Reply:
        return self._say("instant", promql, at) if at >= START else Reply(())


async def test_a_side_without_a_past_leaves_the_other_its_bounds() -> None:
    def total(value: float, le: str) -> Series:  # a side is namespaces, whatever runs in them
        return series("total", value, le=le, destination_workload="")

    parts = (("250", 90), ("500.0", 98), ("+Inf", 100))
    provider = Young(Reply(tuple(total(value, le) for le, value in parts)))
    sides = {"before": Side(("shop",), 60 * S), "now": Side(("shop",))}
    asked = question(counting=Counting.SLOW, sides=sides)
    found, _, _ = await Batcher(provider, gather=0).ask((asked,), ())
    bounds = (timedelta(milliseconds=250), timedelta(milliseconds=500))
    pods = (PodCount("now", "shop/a", (10, 2), 100),)
    assert [(each.bounds, each.pods) for each in found] == [(bounds, pods)]
