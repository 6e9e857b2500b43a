"""Provisional nouns of the judge, until the branch ``analysis`` brings the judge itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rollout.model.observation import CountsQuestion, Observation, ValueQuestion
from rollout.model.spec import Metric, Rollout
from rollout.model.status import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Window:
    """What the evidence may speak of."""

    namespace: str
    stable: str
    canary: str
    workloads: Mapping[str, str]
    since: datetime
    step: int | None
    weight: int
    next_weight: int
    mirrored: bool
    comparing: bool


class Standing(StrEnum):
    """What all metrics together say."""

    FAILED = "failed"
    CERTIFIED = "certified"
    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    TOO_FEW = "too few"
    NO_DATA = "no data"
    ERROR = "error"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judge's answer."""

    standing: Standing
    verdicts: tuple[Verdict, ...]
    checkpoint: Mapping[str, object]
    because: str
    need: str = ""


def questions(
    rollout: Rollout,
    step_metrics: tuple[Metric, ...],
    window: Window,
    checkpoint: Mapping[str, object],
    now: datetime,
) -> tuple[tuple[CountsQuestion, ...], tuple[ValueQuestion, ...]]:
    """Limits only."""
    metrics = (*rollout.spec.analysis.metrics, *step_metrics)
    return (), tuple(ValueQuestion(m.name, m.query, now) for m in metrics if m.query)


def judge(
    rollout: Rollout,
    step_metrics: tuple[Metric, ...],
    window: Window,
    checkpoint: Mapping[str, object],
    seen: Observation,
    now: datetime,
) -> Judgement:
    """Limits only."""
    limits = {m.name: m for m in (*rollout.spec.analysis.metrics, *step_metrics) if m.query}
    if not limits:
        return Judgement(Standing.NOTHING, (), checkpoint, "")
    if seen.no_answers:
        no = seen.no_answers[0]
        standing = Standing.ERROR if no.outcome is Outcome.ERROR else Standing.NO_DATA
        return Judgement(
            standing, (Verdict(no.metric, no.outcome, no.because),), checkpoint, no.because
        )
    for value in seen.values:
        most = limits[value.metric].max
        if most is not None and value.value > most:
            text = f"{value.metric}: {value.value:g} is above {most:g}"
            verdict = Verdict(value.metric, Outcome.FAIL, text)
            return Judgement(Standing.FAILED, (verdict,), checkpoint, text)
    if not seen.values:
        return Judgement(Standing.NO_DATA, (), checkpoint, "no data yet")
    return Judgement(Standing.CERTIFIED, (), checkpoint, "within limits")
