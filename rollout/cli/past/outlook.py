"""What each step of a plan will see at present traffic, and the least that would be sent back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rollout import strategies
from rollout.analysis import forecast, plan, words
from rollout.analysis.backtest import Weighed
from rollout.analysis.forecast import Stay
from rollout.analysis.window import judged_weight
from rollout.cli.past.counted import CountedPast, PastReader
from rollout.errors import RolloutError
from rollout.messages.planned import Planned
from rollout.strategies import Stop

PRESENT = timedelta(hours=1)
LEAST = 240  # intervals, where an hour has fewer


async def foreseen(planned: Planned, reader: PastReader, now: datetime) -> Planned:
    """``planned`` with a forecast for each step, or with a note why there is none."""
    analysis = planned.rollout.spec.analysis
    try:
        past = await reader.read(min(PRESENT, LEAST * analysis.interval), now)
    except RolloutError as error:
        return replace(planned, notes=(*planned.notes, f"no forecast: {error}"))
    stops = strategies.plan(planned.rollout.spec.strategy).stops
    said = iter(_steps(planned, past, stops))
    moments = tuple(
        moment if moment.step is None else replace(moment, forecast=next(said, ""))
        for moment in planned.moments
    )
    return replace(planned, moments=moments)


def _steps(planned: Planned, past: CountedPast, stops: Sequence[Stop]) -> Iterator[str]:
    """Each step's forecast; cohorts and copies have no share that could be known beforehand."""
    coming = [stop.route.split.canary for stop in stops[1:]] + [100]
    for index, (stop, ahead) in enumerate(zip(stops, coming, strict=True)):
        weighed = stop.route.split.canary and past.known
        yield _step(planned, past, stops[: index + 1], ahead) if weighed else ""


def _step(planned: Planned, past: CountedPast, so_far: Sequence[Stop], coming: int) -> str:
    analysis, box = planned.rollout.spec.analysis, so_far[-1].step.box
    seconds = past.known * analysis.interval.total_seconds()
    leading, seen = _leading(past.outcomes), []
    for one in leading:
        bad, every = _counted(past, one)
        share, rate = bad / every if every else 0.0, every / seconds
        outlook = forecast.outlook(
            one.outcome,
            share,
            [_stay(stop, rate) for stop in so_far if stop.route.split.canary],
            judged_weight(coming),
            box,
            plan.confidence(analysis, 1 / len(leading)),
        )
        seen.append((one.outcome, outlook, share))
    return words.foreseen(seen, box)


def _stay(stop: Stop, per_second: float) -> Stay:
    weight = min(99, stop.route.split.canary)
    return Stay(weight, per_second * weight / 100 * stop.step.box.total_seconds())


def _leading(outcomes: Iterable[Weighed]) -> Sequence[Weighed]:
    """One of each metric: of a latency's bounds the longest, which is its tail."""
    return tuple({one.outcome.metric: one for one in outcomes}.values())


def _counted(past: CountedPast, one: Weighed) -> tuple[float, float]:
    pods = [pod for block in past.blocks if block for pod in block[one.outcome.name].values()]
    return sum(bad for bad, _ in pods), sum(every for _, every in pods)
