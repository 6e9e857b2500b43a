"""What each step of a plan will see at present traffic, and the least that would be sent back."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rollout import strategies
from rollout.analysis import forecast, words
from rollout.analysis.backtest import Weighed
from rollout.analysis.sequential import Confidence
from rollout.cli.past.counted import Past, Reader
from rollout.errors import RolloutError
from rollout.messages.planned import Planned
from rollout.strategies import Stop

PRESENT = timedelta(hours=1)
LEAST = 240  # intervals, where an hour has fewer


async def foreseen(planned: Planned, reader: Reader, now: datetime) -> Planned:
    """``planned`` with a forecast for each step, or with a note why there is none."""
    analysis = planned.rollout.spec.analysis
    try:
        past = await reader.read(min(PRESENT, LEAST * analysis.interval), now)
    except RolloutError as error:
        return replace(planned, notes=(*planned.notes, f"no forecast: {error}"))
    stops = strategies.plan(planned.rollout.spec.strategy).stops
    coming = [stop.route.split.canary for stop in stops[1:]] + [100]
    said = iter(
        _step(planned, past, stop, ahead) for stop, ahead in zip(stops, coming, strict=True)
    )
    moments = tuple(
        moment if moment.step is None else replace(moment, forecast=next(said, ""))
        for moment in planned.moments
    )
    return replace(planned, moments=moments)


def _step(planned: Planned, past: Past, stop: Stop, coming: int) -> str:
    """One step's forecast; cohorts and copies have no share that could be known beforehand."""
    analysis, weight = planned.rollout.spec.analysis, stop.route.split.canary
    if not weight or not past.known:
        return ""
    asked = analysis.confidence
    confidence = Confidence(asked.false_rollback, asked.false_promote, analysis.min_requests)
    box = stop.step.box
    seconds = past.known * analysis.interval.total_seconds()
    seen = []
    for one in _leading(past.outcomes):
        bad, every = _counted(past, one)
        share = bad / every if every else 0.0
        weights = (min(99, weight), max(5, coming))
        outlook = forecast.outlook(one.outcome, share, every / seconds, weights, box, confidence)
        seen.append((one.outcome, outlook, share))
    return words.foreseen(seen, box)


def _leading(outcomes: Iterable[Weighed]) -> Sequence[Weighed]:
    """One of each metric: of a latency's bounds the longest, which is its tail."""
    return tuple({one.outcome.metric: one for one in outcomes}.values())


def _counted(past: Past, one: Weighed) -> tuple[float, float]:
    pods = [pod for block in past.blocks if block for pod in block[one.outcome.name].values()]
    return sum(bad for bad, _ in pods), sum(every for _, every in pods)
