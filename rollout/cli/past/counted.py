"""What a rollout's pods counted in the past, by the same questions that its gate asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.analysis import asking, backtest, grid, learning, plan
from rollout.analysis.backtest import Block, Weighed
from rollout.analysis.learning import Case
from rollout.analysis.memory import Memory, Source
from rollout.analysis.plan import Judged, Kind
from rollout.analysis.window import Window
from rollout.cli import output
from rollout.controller.metrics.batcher import Batcher
from rollout.errors import OutsideError, RefusedError
from rollout.model import units
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    Observation,
    SeenTraffic,
    View,
)
from rollout.model.spec import Rollout
from rollout.model.status import Outcome

CHUNK = 240  # instants a query: an hour of the usual 15 s, and few megabytes of many pods
MOST = 400_000  # instants in all: ten weeks of the usual 15 s


@dataclass(frozen=True, slots=True)
class CountedPast:
    """What stable's pods counted between each two instants from ``begin`` on.

    ``blocks``: None where nothing is known.
    ``pods``: how many there were; ``left_out``: metrics that are no counters of pods.
    """

    deployment: str
    begin: datetime
    outcomes: tuple[Weighed, ...]
    blocks: tuple[Block | None, ...]
    pods: int
    left_out: tuple[str, ...]

    @property
    def known(self) -> int:
        """How many blocks have counters."""
        return sum(block is not None for block in self.blocks)


@dataclass(frozen=True, slots=True)
class PastReader:
    """One rollout's past, by the same questions that its gate asks."""

    batcher: Batcher
    rollout: Rollout
    stable: str

    async def read(self, past: timedelta, now: datetime) -> CountedPast:
        """What was counted in the last ``past``.

        Errors: ``OutsideError`` without an answer, ``RefusedError`` where nothing was counted.
        """
        interval = self.rollout.spec.analysis.interval
        end = grid.latest(now, interval)
        count = past // interval
        if count > MOST:
            longest = units.words(interval * MOST)
            raise RefusedError(f"past: {units.words(past)} is too much; {longest} at most")
        instants = [end - interval * k for k in reversed(range(count + 1))]
        metrics = plan.judged(self.rollout, (), self._window(end))
        able = [m for m in metrics if m.kind is Kind.COUNTS and not m.metric.dry_run]
        view, sources = await self._sources(able, end)
        outcomes = self._outcomes(able, sources, end)
        answers = await self._answers(able, view, sources, instants)
        return CountedPast(
            deployment=self._deployment,
            begin=instants[0],
            outcomes=tuple(outcomes),
            blocks=tuple(backtest.blocks(answers, outcomes)),
            pods=len({pod.pod for told in answers.values() for c in told for pod in c.pods}),
            left_out=tuple(m.name for m in metrics if m not in able and m.kind is not Kind.SERVICE),
        )

    @property
    def _deployment(self) -> str:
        return self.rollout.deployment(self.stable)

    def _window(self, at: datetime) -> Window:
        """Stable beside itself."""
        return Window(
            namespace=self.rollout.namespace,
            stable=self.stable,
            canary=self.stable,
            workloads={self.stable: self._deployment},
            since=at,
            step=None,
            weight=50,
            next_weight=100,
        )

    async def _sources(
        self, metrics: Iterable[Judged], at: datetime
    ) -> tuple[View, Mapping[str, Source]]:
        """Whose counters there are, and which bounds a latency is judged at.

        The servers' own are best, whatever the gate reads: clients cannot be divided as pods can.

        Errors: ``RefusedError`` when stable's pods have none.
        """
        by_key = asking.by_source(metrics)
        case = Case(self.rollout, tuple(metrics), self._window(at), _NOTHING, at)
        for view in (View.DESTINATION, View.SOURCE):
            found = dict[str, Source]()
            for key, one in by_key.items():
                told = await self._ask(self._question(one, view, (), (at,)))
                if told and told[0].pods:
                    found[key] = source = Source(view=view)
                    if one.counting is Counting.SLOW:
                        found[key] = learning.choose_bounds(case, source, told)
            if len(found) == len(by_key):
                return view, found
        raise RefusedError(f"prometheus: no counters of {self._deployment}; pods that serve")

    def _outcomes(
        self, metrics: Sequence[Judged], sources: Mapping[str, Source], at: datetime
    ) -> list[Weighed]:
        case = Case(self.rollout, tuple(metrics), self._window(at), _NOTHING, at)
        kept = Memory(sources=sources)
        return [
            Weighed(outcome, one.source, kind)
            for one in metrics
            for kind, outcome in case.outcomes(kept, one)
        ]

    async def _answers(
        self,
        metrics: Sequence[Judged],
        view: View,
        sources: Mapping[str, Source],
        instants: Sequence[datetime],
    ) -> dict[str, list[Counts]]:
        """By source, every instant's counters; an instant without an answer has none."""
        chunks = [tuple(instants[i : i + CHUNK]) for i in range(0, len(instants), CHUNK)]
        by_key = asking.by_source(metrics)
        work = [(key, one, chunk) for key, one in by_key.items() for chunk in chunks]
        answers: dict[str, list[Counts]] = {key: [] for key in by_key}
        for key, one, chunk in output.progress(work, "reading the past"):
            told = await self._ask(self._question(one, view, sources[key].bounds, chunk))
            at = {counts.at: counts for counts in told}
            answers[key] += [at.get(instant) or Counts(key, instant, ()) for instant in chunk]
        return answers

    def _question(
        self,
        one: Judged,
        view: View,
        bounds: tuple[timedelta, ...],
        instants: tuple[datetime, ...],
    ) -> CountsQuestion:
        return CountsQuestion(
            metric=one.source,
            counting=one.counting,
            view=view,
            instants=instants,
            namespace=self.rollout.namespace,
            workloads={self.stable: self._deployment},
            bounds=bounds,
            bad=one.metric.bad or "",
            total=one.metric.total or "",
        )

    async def _ask(self, question: CountsQuestion) -> tuple[Counts, ...]:
        """Errors: ``OutsideError`` when there is no answer; one that means nothing is none."""
        counts, _, missing = await self.batcher.ask((question,), ())
        for answer in missing:
            if answer.outcome is Outcome.ERROR:
                raise OutsideError(answer.because)
        return counts


_NOTHING = Observation(None, SeenTraffic())
