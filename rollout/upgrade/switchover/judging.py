"""What the gateways' counters say of green, and of blue: by the same evidence as a canary's.

While both serve, green is compared with blue over the same time, from the first request on: that
a request reached green is enough to count, whatever the weights. Blue meanwhile is held to what
it was like in the hour before, and so is green once everyone is there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from rollout import gate
from rollout.analysis import before as hour
from rollout.analysis import grid, judge
from rollout.analysis.judge import Judgement, Window
from rollout.gate import Finding, Held
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    Value,
    ValueQuestion,
    View,
)
from rollout.model.spec import Analysis, AnalysisTemplateSpec, Metric, Step, Unread
from rollout.model.status import Standing, Verdict
from rollout.model.switching import Sighting
from rollout.model.switchover import (
    OF_BLUE,
    Before,
    Side,
    Switchover,
    SwitchoverStatus,
    SwitchStage,
)

GATEWAYS = "gateways"
"""The name under which both gateways' newest counters are asked for."""

_BLUE = "blue/"
"""Before the names of what is asked about blue alone, which would be asked about green, too."""

Questions = tuple[tuple[CountsQuestion, ...], tuple[ValueQuestion, ...]]


@dataclass(frozen=True, slots=True)
class _Alone:
    """A switchover of which only ``metrics`` are judged."""

    switchover: Switchover
    metrics: tuple[Metric, ...]

    @property
    def analysis(self) -> Analysis:
        return replace(self.switchover.analysis, metrics=self.metrics)

    @property
    def templates(self) -> Mapping[str, AnalysisTemplateSpec | Unread]:
        return {}

    @property
    def service(self) -> str:
        return self.switchover.service

    @property
    def host(self) -> str:
        return self.switchover.host

    @property
    def weights(self) -> frozenset[int]:
        return frozenset()

    @property
    def progress_deadline(self) -> timedelta:
        return self.switchover.progress_deadline

    @property
    def key(self) -> str:
        return self.switchover.key


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The part of a sighting that is about one side's judgement."""

    counts: tuple[Counts, ...]
    values: tuple[Value, ...]
    no_answers: tuple[NoAnswer, ...]


def sides(switchover: Switchover) -> dict[str, str]:
    """Both gateways, as metrics name them."""
    return {side.value: switchover.counted_as(side) for side in Side}


def _together(switchover: Switchover, status: SwitchoverStatus) -> Window | None:
    """Green beside blue; once everyone is on green, green alone."""
    stage = status.stage
    if stage.name not in (SwitchStage.SHIFTING, SwitchStage.BAKING) or stage.asked_at is None:
        return None
    weight, index = stage.split.canary, status.attempt.step.index if status.attempt.step else None
    following = switchover.spec.step_after(weight)
    return Window(
        namespace="",
        stable=Side.BLUE.value,
        canary=Side.GREEN.value,
        workloads=sides(switchover),
        since=stage.asked_at,
        step=index,
        weight=weight,
        next_weight=100 if following is None else switchover.spec.steps[following].weight,
        comparing=stage.name is SwitchStage.SHIFTING,
        view=View.GATEWAY,
    )


def _blue(switchover: Switchover, status: SwitchoverStatus) -> Window | None:
    """Blue alone, while it still has a step's share."""
    stage = status.stage
    if stage.name is not SwitchStage.SHIFTING or stage.asked_at is None:
        return None
    return Window(
        namespace="",
        stable=Side.GREEN.value,
        canary=Side.BLUE.value,
        workloads=sides(switchover),
        since=stage.asked_at,
        step=None,
        weight=stage.split.stable,
        next_weight=100,
        comparing=False,
        view=View.GATEWAY,
    )


def _metrics(switchover: Switchover, status: SwitchoverStatus) -> tuple[Metric, ...]:
    """What judges green besides the spec's metrics: blue's past, once it is alone."""
    if status.stage.name is not SwitchStage.BAKING:
        return ()
    return hour.limits(status.attempt.before, switchover.analysis)


def _held_to(switchover: Switchover, status: SwitchoverStatus) -> _Alone:
    return _Alone(switchover, hour.limits(status.attempt.before, switchover.analysis))


def questions(switchover: Switchover, status: SwitchoverStatus, now: datetime) -> Questions:
    """Everything that Prometheus is asked at this stage."""
    stage, interval = status.stage.name, switchover.analysis.interval
    counts: list[CountsQuestion] = []
    values: list[ValueQuestion] = []
    if stage is SwitchStage.VERIFYING:
        latest = (grid.latest(now, interval),)
        both = sides(switchover)
        counts.append(CountsQuestion(GATEWAYS, Counting.ERRORS, View.GATEWAY, latest, "", both))
        if status.attempt.before is None and status.stage.since is not None:
            blue = {Side.BLUE.value: both[Side.BLUE.value]}
            counts += hour.questions(blue, status.stage.since, interval, View.GATEWAY)
    if window := _together(switchover, status):
        extra, kept = _metrics(switchover, status), status.attempt.checkpoint
        more, numbers = judge.questions(switchover, extra, window, kept, now)
        counts, values = [*counts, *more], [*values, *numbers]
    if window := _blue(switchover, status):
        held, kept = _held_to(switchover, status), status.attempt.blue_checkpoint
        more, _ = judge.questions(held, (), window, kept, now)
        counts += [replace(question, metric=f"{_BLUE}{question.metric}") for question in more]
    return tuple(counts), tuple(values)


def before(switchover: Switchover, seen: Sighting) -> Before | None:
    """Blue's hour, where the answers have it."""
    return hour.learned(seen.counts, Side.BLUE.value, switchover.analysis)


def uncounted(seen: Sighting) -> str:
    """Which gateway has no counters, or why nobody can say; empty: both have."""
    for answer in seen.no_answers:
        if answer.metric == GATEWAYS:
            return answer.because
    counted = {pod.revision for c in seen.counts if c.metric == GATEWAYS for pod in c.pods}
    missing = [side.value for side in Side if side.value not in counted]
    return f"no counters of {missing[0]}'s gateway in Prometheus" if missing else ""


@dataclass(frozen=True, slots=True)
class Judged:
    """Both sides as judged: green's finding, blue's standing, and what to remember."""

    green: Judgement
    blue: Judgement
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> bool:
        """Whether green is worse than it may be."""
        return self.green.standing is Standing.FAILED

    @property
    def blue_failed(self) -> bool:
        """Whether blue got worse than it was."""
        return self.blue.standing is Standing.FAILED


def judged(
    switchover: Switchover, status: SwitchoverStatus, seen: Sighting, now: datetime
) -> Judged:
    """What the answers to ``questions`` mean together with all looks before."""
    green = _of(switchover, _together(switchover, status), status, seen, now)
    blue = _of_blue(switchover, _blue(switchover, status), status, seen, now)
    named = tuple(
        replace(one, metric=f"{OF_BLUE}{one.metric}", text=f"blue, as before: {one.text}"[:249])
        for one in blue.verdicts
    )
    return Judged(green, blue, (*green.verdicts, *named))


def _nothing(checkpoint: Mapping[str, Any]) -> Judgement:
    return Judgement(Standing.NOTHING, (), checkpoint, "")


def _of(
    switchover: Switchover,
    window: Window | None,
    status: SwitchoverStatus,
    seen: Sighting,
    now: datetime,
) -> Judgement:
    kept = status.attempt.checkpoint
    if window is None:
        return _nothing(kept)
    numbers = _numbers(seen, lambda metric: "" if metric.startswith(_BLUE) else metric)
    return judge.judge(switchover, _metrics(switchover, status), window, kept, numbers, now)


def _of_blue(
    switchover: Switchover,
    window: Window | None,
    status: SwitchoverStatus,
    seen: Sighting,
    now: datetime,
) -> Judgement:
    kept, held = status.attempt.blue_checkpoint, _held_to(switchover, status)
    if window is None or not held.metrics:
        return _nothing(kept)
    mine = lambda metric: metric.removeprefix(_BLUE) if metric.startswith(_BLUE) else ""  # noqa: E731
    return judge.judge(held, (), window, kept, _numbers(seen, mine), now)


def _numbers(seen: Sighting, mine: Any) -> _Numbers:
    return _Numbers(
        tuple(_named(seen.counts, mine)),
        tuple(_named(seen.values, mine)),
        tuple(_named(seen.no_answers, mine)),
    )


def _named(answers: Iterable[Any], mine: Any) -> Iterable[Any]:
    """Those of the answers that are about this side, by the names under which it knows them."""
    return (replace(one, metric=name) for one in answers if (name := mine(one.metric)))


def finding(
    switchover: Switchover, status: SwitchoverStatus, step: Step, judged: Judged, now: datetime
) -> Finding:
    """What the one step rule says of a stop whose requests divide as asked."""
    waited = now - (status.stage.confirmed_at or now)
    longest = max((one.time_box for one in switchover.spec.steps), default=step.box)
    held = Held(step, _together(switchover, status), waited, longest)
    return gate.measured(switchover, held, judged.green, waited)


def next_counts(switchover: Switchover, now: datetime) -> timedelta:
    """How long until the next counters are there to be asked for."""
    return gate.next_counts(switchover, now)
