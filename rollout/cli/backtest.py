"""``backtest``: the gate over past days: how often would it have sent back what never happened?"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.progress import track

from rollout import gate, strategies
from rollout.analysis import asking, grid, learning, plan
from rollout.analysis import backtest as engine
from rollout.analysis.backtest import Backtest, Pretended, Weighed
from rollout.analysis.learning import Case
from rollout.analysis.memory import Memory, Source
from rollout.analysis.plan import Judged, Kind
from rollout.analysis.ramp import GateConfig, Move, Stop
from rollout.analysis.sequential import Confidence
from rollout.analysis.window import Window
from rollout.cli import cluster, options, output, run, settings
from rollout.cli.output import Format, Output
from rollout.cli.settings import NAMES, Settings
from rollout.controller.metrics import Batcher
from rollout.edges.prometheus import Prometheus
from rollout.errors import OutsideError, RefusedError
from rollout.messages.planned import span
from rollout.model import units
from rollout.model.observation import (
    Counts,
    CountsQuestion,
    Observation,
    SeenTraffic,
    View,
)
from rollout.model.spec import Rollout
from rollout.model.status import Outcome
from rollout.reconcile import wanted

CHUNK = 240  # instants a query: an hour of the usual 15 s, and few megabytes of many pods
HOUR = 240  # blocks of stable's history before a release, as the gate itself reads
MOST = 400_000  # instants in all: ten weeks of the usual 15 s
HEAD = ("BEGAN", "ENDED", "AFTER", "BECAUSE")
ENDS = {
    Move.PROMOTE: "promoted",
    Move.HOLD: "held",
    Move.ROLLBACK: "sent back",
}


@dataclass(frozen=True, slots=True)
class Past:
    """What was asked, and what it says: all pretended releases of one rollout."""

    rollout: Rollout
    deployment: str
    begin: datetime
    interval: timedelta
    pods: int
    known: int
    left_out: tuple[str, ...]
    found: Backtest

    def at(self, release: Pretended) -> datetime:
        """When a pretended release began."""
        return self.begin + self.interval * (release.begin + 1)


def backtest(  # noqa: PLR0913, PLR0917 - one parameter an option
    context: typer.Context,
    name: options.Name,
    namespace: options.Namespace = "",
    past: Annotated[str, typer.Option(help="How far back: 12h, 7d.")] = "1d",
    every: Annotated[str, typer.Option(help="A release that never happened each: 1h.")] = "1h",
    prometheus: Annotated[
        str, typer.Option(envvar=NAMES["prometheus"], show_envvar=False, help="Prometheus' URL.")
    ] = "",
    form: Output = Format.TABLE,
) -> None:
    """Replay the gate over the past: how often would it have sent back a good release, and why?

    Half of stable's pods play a canary that is just like the other half.
    Token, CA and tenant come from the environment, as for `rollout run`.
    """
    given = cluster.in_namespace(options.chosen(context), namespace)
    given = replace(settings.with_access(given), prometheus=prometheus)
    if not prometheus:
        raise RefusedError("prometheus: none is named; give --prometheus URL")
    found = asyncio.run(_found(given, name, _span(past, "past"), _span(every, "every")))
    if form is Format.TABLE:
        _show(found)
    else:
        output.machine(form, _plain(found), [_word(r) for r in found.found.releases])


def _span(text: str, option: str) -> timedelta:
    try:
        found = units.duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--{option} {error}") from error
    if found <= timedelta(0):
        raise typer.BadParameter(f"--{option} is {text!r}; more than nothing is wanted")
    return found


async def _found(given: Settings, name: str, past: timedelta, every: timedelta) -> Past:
    async with cluster.connected(given) as connection:
        known = [one for one in await cluster.rollouts(connection) if one.rollout.name == name]
    if not known or known[0].status.stable is None:
        what = "nothing is stable yet" if known else "not found"
        raise RefusedError(f"rollout {given.namespace}/{name}: {what}; a past is wanted")
    client = Prometheus(run.access(given))
    try:
        reader = _Reader(Batcher(client, gather=0.0), known[0].rollout, known[0].status.stable.name)
        return await reader.read(past, every, cluster.now())
    finally:
        client.close()


@dataclass(frozen=True, slots=True)
class _Reader:
    """One rollout's past, by the same questions that its gate asks."""

    batcher: Batcher
    rollout: Rollout
    stable: str

    async def read(self, past: timedelta, every: timedelta, now: datetime) -> Past:
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
        blocks = engine.blocks(answers, outcomes)
        known = sum(block is not None for block in blocks)
        config = _config(self.rollout, [one.outcome for one in outcomes])
        hour = min(HOUR, len(blocks) // 2)
        return Past(
            rollout=self.rollout,
            deployment=self._deployment,
            begin=instants[0],
            interval=interval,
            pods=len({pod.pod for told in answers.values() for c in told for pod in c.pods}),
            known=known,
            left_out=tuple(m.name for m in metrics if m not in able and m.kind is not Kind.SERVICE),
            found=engine.backtest(blocks, config, every // interval, hour),
        )

    @property
    def _deployment(self) -> str:
        return wanted.deployment(self.rollout, self.stable)

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

        Errors: ``RefusedError`` when stable's pods have none.
        """
        reporter = self.rollout.spec.analysis.reporter
        views = [view for view in View if reporter in ("auto", view.value)]
        by_key = asking.by_source(metrics)
        case = Case(self.rollout, tuple(metrics), self._window(at), _NOTHING, at)
        for view in views:
            found = dict[str, Source]()
            for key, one in by_key.items():
                told = await self._ask(self._question(one, view, (), (at,)))
                if told and told[0].pods:
                    found[key] = learning.choose_bounds(case, Source(view=view), told)
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
        quiet = not output.console(errors=True).is_terminal
        for key, one, chunk in track(
            work, "reading the past", console=output.console(errors=True), disable=quiet
        ):
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


def _config(rollout: Rollout, outcomes: Sequence[Any]) -> GateConfig:
    """The gate as the rollout's own steps would have it."""
    analysis = rollout.spec.analysis
    asked = analysis.confidence
    stops = strategies.plan(rollout.spec.strategy).stops
    return GateConfig(
        outcomes=tuple(outcomes),
        ramp=tuple(
            Stop(
                max(5, stop.route.split.canary),  # cohorts alone count as one user in twenty
                stop.step.bake,
                stop.step.time_box or max(gate.TIME_BOX, stop.step.bake),
            )
            for stop in stops
        ),
        interval=analysis.interval,
        warmup=analysis.warmup,
        confidence=Confidence(asked.false_rollback, asked.false_promote, analysis.min_requests),
        on_inconclusive=analysis.on_inconclusive.value,
        on_suspicious=analysis.on_suspicious,
    )


# In words


def _word(release: Pretended) -> str:
    return ENDS[release.decision.move] if release.decision else "not over yet"


def _summary(past: Past) -> list[tuple[str, str]]:
    releases = past.found.releases
    counted = Counter(map(_word, releases))
    certified = sum(bool(r.decision and r.decision.certified) for r in releases)
    ended = ", ".join(f"{n} {word}" for word, n in counted.most_common()) or "none"
    facts = [
        ("rollout", f"{past.rollout.key}, its pods of {past.deployment}"),
        ("past", f"{span(past.known * past.interval)} with counters, {past.pods} pods"),
        ("pretended", f"{len(releases)} releases that never happened: {ended}"),
        ("certified", f"{certified} of them"),
    ]
    if not releases:
        facts.append(("why none", "two pods and some hours of their counters are wanted"))
    if past.left_out:
        facts.append(("left out", f"{', '.join(past.left_out)}: no counters to divide"))
    return facts


def _show(past: Past) -> None:
    output.facts(_summary(past))
    told = [r for r in past.found.releases if r.decision and r.decision.move is not Move.PROMOTE]
    if told:
        output.say("")
        output.table(HEAD, [_row(past, release) for release in told])


def _row(past: Past, release: Pretended) -> tuple[str, str, str, str]:
    because = release.decision.because if release.decision else ""
    return (
        past.at(release).strftime("%Y-%m-%d %H:%M"),
        _word(release),
        span(release.blocks * past.interval),
        f"{because}: {release.evidence}",
    )


def _plain(past: Past) -> dict[str, Any]:
    return {
        "rollout": past.rollout.key,
        "deployment": past.deployment,
        "pods": past.pods,
        "seconds": int((past.known * past.interval).total_seconds()),
        "leftOut": list(past.left_out),
        "releases": [
            {
                "began": past.at(release).isoformat(),
                "ended": _word(release),
                "seconds": int((release.blocks * past.interval).total_seconds()),
                "certified": bool(release.decision and release.decision.certified),
                "because": release.decision.because if release.decision else "",
                "evidence": release.evidence,
            }
            for release in past.found.releases
        ],
    }
