"""A small world of pods with counters, which answers questions as the batcher would."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rollout.analysis.judge import Judgement, Window, judge, questions
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    PodCount,
    Value,
    ValueQuestion,
    View,
)
from rollout.model.spec import Analysis, Metric, Rollout, RolloutSpec, Step, Strategy, Workload
from rollout.model.spec import Canary as CanaryStrategy
from rollout.model.status import Outcome

START = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
BOUNDS = tuple(timedelta(milliseconds=ms) for ms in (5, 10, 25, 50, 100, 250, 500, 1000, 2500))


def rollout(analysis: Analysis | None = None, weights: tuple[int, ...] = (5, 20, 40)) -> Rollout:
    steps = tuple(Step(weight=weight) for weight in weights)
    spec = RolloutSpec(
        service="reviews",
        workload=Workload(deployments="reviews-{revision}"),
        strategy=Strategy(canary=CanaryStrategy(steps)),
        revision="v2",
        analysis=analysis or Analysis(),
    )
    return Rollout("reviews", "bookinfo", "uid", 1, spec)


def window(since: datetime = START, weight: int = 20, next_weight: int = 40) -> Window:
    names = {"v1": "reviews-v1", "v2": "reviews-v2"}
    return Window("bookinfo", "v1", "v2", names, since, 0, weight, next_weight)


@dataclass(frozen=True)
class Seen:
    counts: tuple[Counts, ...] = ()
    values: tuple[Value, ...] = ()
    no_answers: tuple[NoAnswer, ...] = ()


@dataclass
class Side:
    """One revision's pods: requests a second of all together, share of errors and of slow ones."""

    revision: str
    per_second: float
    errors: float = 0.001
    slower: tuple[float, ...] = (0.99, 0.9, 0.7, 0.5, 0.25, 0.1, 0.02, 0.01, 0.001)
    pods: int = 4
    since: datetime = START - timedelta(hours=2)


@dataclass
class World:
    """Counters second by second, the same for every asking; ``down`` answers with an error.

    ``behind``: by how much the replica lags that answers at a time.
    ``dated``: whether answers say how new their samples are.
    """

    sides: list[Side]
    seed: int = 1
    view: View = View.SOURCE
    value: Callable[[datetime], float] = lambda at: 1.0
    down: Callable[[datetime], bool] = lambda now: False
    unreached: Callable[[datetime], float] = lambda at: 0.0
    behind: Callable[[datetime], timedelta] = lambda now: timedelta(0)
    dated: bool = True
    asked: int = 0
    cache: dict[tuple[str, int], list[PodCount]] = field(default_factory=dict)

    def answer(
        self,
        counts: tuple[CountsQuestion, ...],
        values: tuple[ValueQuestion, ...],
        now: datetime,
    ) -> Seen:
        self.asked += len(counts) + len(values)
        if self.down(now):
            names = [q.metric for q in counts] + [q.metric for q in values]
            return Seen(no_answers=tuple(NoAnswer(n, Outcome.ERROR, "no answer") for n in names))
        lag = self.behind(now)
        return Seen(
            tuple(
                replace(self._count(q, at - lag), at=at, newest=at - lag if self.dated else None)
                for q in counts
                for at in q.instants
            ),
            tuple(Value(q.metric, q.instant, self.value(q.instant)) for q in values),
        )

    def _count(self, question: CountsQuestion, at: datetime) -> Counts:
        bounds = question.bounds or (BOUNDS if question.counting is Counting.SLOW else ())
        if question.counting is Counting.UNREACHED:
            return Counts(question.metric, at, (self._gateway(at),))
        if question.counting is not Counting.CUSTOM and question.view is not self.view:
            return Counts(question.metric, at, (), bounds)
        pods = []
        for side in self.sides:
            if at > side.since:
                pods += [self._pod(side, n, at, question, bounds) for n in range(side.pods)]
        return Counts(question.metric, at, tuple(pods), bounds)

    def _gateway(self, at: datetime) -> PodCount:
        """All requests of the service, a hundred a second, and those that met no endpoint."""
        seconds = int((at - START + timedelta(hours=2)).total_seconds())
        lost = sum(
            100 * self.unreached(START + timedelta(seconds=s))
            for s in range(int((at - START).total_seconds()))
        )
        return PodCount("", "gateway", (int(lost),), 100 * seconds)

    def _pod(
        self,
        side: Side,
        number: int,
        at: datetime,
        question: CountsQuestion,
        bounds: tuple[timedelta, ...],
    ) -> PodCount:
        age = (at - side.since).total_seconds()
        total = math.floor(age * side.per_second / side.pods)
        name = f"{side.revision}-{number}"
        shares: tuple[float, ...] = (side.errors,)
        if question.counting is Counting.SLOW:
            shares = tuple(side.slower[BOUNDS.index(bound)] for bound in bounds)
        rng = random.Random(f"{self.seed}{name}")
        bad = tuple(math.floor(total * share + rng.random()) for share in shares)
        return PodCount(side.revision, name, bad, total)


def play(
    world: World,
    subject: Rollout,
    where: Window,
    seconds: int,
    *,
    checkpoint: Mapping[str, object] | None = None,
    every: int = 15,
    metrics: tuple[Metric, ...] = (),
    begin: datetime | None = None,
) -> list[Judgement]:
    """One look every ``every`` seconds after the window's start."""
    kept: Mapping[str, object] = checkpoint or {}
    judgements = []
    first = begin or where.since
    for step in range(1, seconds // every + 1):
        now = first + timedelta(seconds=every * step)
        counts, values = questions(subject, metrics, where, kept, now)
        judgement = judge(subject, metrics, where, kept, world.answer(counts, values, now), now)
        kept = judgement.checkpoint
        judgements.append(judgement)
    return judgements
