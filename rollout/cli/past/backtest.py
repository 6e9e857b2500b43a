"""``backtest``: the gate over past days: how often would it have sent back what never happened?"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import typer

from rollout import strategies
from rollout.analysis import backtest as engine
from rollout.analysis import plan
from rollout.analysis.backtest import Backtest, Pretended
from rollout.analysis.ramp import GateConfig, Move, Stop
from rollout.analysis.sequential import Outcome
from rollout.analysis.window import judged_weight
from rollout.cli import clock, cluster, output, settings
from rollout.cli.output import Format
from rollout.cli.past.counted import CountedPast
from rollout.cli.settings import Settings
from rollout.errors import RefusedError
from rollout.messages.planned import span
from rollout.model import units
from rollout.model.spec import Rollout
from rollout.model.units import counted

HOUR = 240  # blocks of stable's history before a release, as the gate itself reads
HEAD = ("BEGAN", "ENDED", "AFTER", "BECAUSE")
ENDS = {
    Move.PROMOTE: "promoted",
    Move.HOLD: "held",
    Move.ROLLBACK: "sent back",
}


@dataclass(frozen=True, slots=True)
class Played:
    """All pretended releases of one rollout's past."""

    rollout: Rollout
    past: CountedPast
    found: Backtest

    @property
    def interval(self) -> timedelta:
        """The time between two instants."""
        return self.rollout.spec.analysis.interval

    def at(self, release: Pretended) -> datetime:
        """When a pretended release began."""
        return self.past.begin + self.interval * (release.begin + 1)

    def took(self, release: Pretended) -> timedelta:
        """How long a pretended release lasted."""
        return self.interval * release.blocks


@dataclass(frozen=True, slots=True)
class BacktestGoal:
    """What was asked for, as it was written: two durations, and Prometheus' URL."""

    past: str
    every: str
    prometheus: str


def backtest(given: Settings, name: str, namespace: str, asked: BacktestGoal, form: Format) -> None:
    """Replay the gate over the past, and show what it would have done."""
    given = cluster.in_namespace(given, namespace)
    given = replace(settings.with_access(given), prometheus=asked.prometheus)
    if not asked.prometheus:
        raise RefusedError("prometheus: none is named; give --prometheus URL")
    spans = _span(asked.past, "past"), _span(asked.every, "every")
    found = asyncio.run(_found(given, name, *spans))
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


async def _found(given: Settings, name: str, past: timedelta, every: timedelta) -> Played:
    async with cluster.connected(given) as connection:
        await cluster.one(connection, given.namespace, name)  # says why it cannot be read
        known = [one for one in await cluster.rollouts(connection) if one.rollout.name == name]
    if known[0].status.stable is None:
        what = "nothing is stable yet"
        raise RefusedError(f"rollout {given.namespace}/{name}: {what}; a past is wanted")
    from rollout.cli.past import reading  # noqa: PLC0415 - its clients, once there is a rollout

    with reading.reader(given, known[0].rollout, known[0].status.stable.name) as reader:
        return _played(known[0].rollout, await reader.read(past, clock.now()), every)


def _played(rollout: Rollout, past: CountedPast, every: timedelta) -> Played:
    interval = rollout.spec.analysis.interval
    config = _config(rollout, [one.outcome for one in past.outcomes])
    hour = min(HOUR, len(past.blocks) // 2)
    return Played(rollout, past, engine.backtest(past.blocks, config, every // interval, hour))


def _config(rollout: Rollout, outcomes: Sequence[Outcome]) -> GateConfig:
    """The gate as the rollout's own steps would have it."""
    analysis = rollout.spec.analysis
    stops = strategies.plan(rollout.spec.strategy).stops
    return GateConfig(
        outcomes=tuple(outcomes),
        ramp=tuple(
            Stop(
                judged_weight(stop.route.split.canary),
                stop.step.bake,
                stop.step.box,
                stop.step.longest,
            )
            for stop in stops
        ),
        interval=analysis.interval,
        warmup=analysis.warmup,
        confidence=plan.confidence(analysis),
        on_inconclusive=analysis.on_inconclusive,
        on_suspicious=analysis.on_suspicious,
        blind=rollout.spec.progress_deadline,
    )


# In words


def _word(release: Pretended) -> str:
    return ENDS[release.decision.move] if release.decision else "not over yet"


def _summary(played: Played) -> list[tuple[str, str]]:
    releases = played.found.releases
    words = Counter(map(_word, releases))
    certified = sum(bool(r.decision and r.decision.certified) for r in releases)
    ended = ", ".join(f"{n} {word}" for word, n in words.most_common()) or "none"
    facts = [
        ("rollout", f"{played.rollout.key}, its pods of {played.past.deployment}"),
        (
            "past",
            f"{span(played.past.known * played.interval)} with counters, "
            f"{counted(played.past.pods, 'pod')}",
        ),
        ("pretended", f"{counted(len(releases), 'release')} that never happened: {ended}"),
        ("certified", f"{certified} of them"),
    ]
    if not releases:
        facts.append(("why none", "two pods and some hours of their counters are wanted"))
    if played.past.left_out:
        facts.append(("left out", f"{', '.join(played.past.left_out)}: no counters to divide"))
    return facts


def _show(played: Played) -> None:
    output.facts(_summary(played))
    told = [r for r in played.found.releases if r.decision and r.decision.move is not Move.PROMOTE]
    if told:
        output.say("")
        output.table(HEAD, [_row(played, release) for release in told])


def _row(played: Played, release: Pretended) -> tuple[str, str, str, str]:
    because = release.decision.because if release.decision else ""
    return (
        played.at(release).strftime("%Y-%m-%d %H:%M"),
        _word(release),
        span(played.took(release)),
        f"{because}: {release.evidence}",
    )


def _plain(played: Played) -> dict[str, Any]:
    return {
        "rollout": played.rollout.key,
        "deployment": played.past.deployment,
        "pods": played.past.pods,
        "seconds": int((played.past.known * played.interval).total_seconds()),
        "leftOut": list(played.past.left_out),
        "releases": [
            {
                "began": played.at(release).isoformat(),
                "ended": _word(release),
                "seconds": int(played.took(release).total_seconds()),
                "certified": bool(release.decision and release.decision.certified),
                "because": release.decision.because if release.decision else "",
                "evidence": release.evidence,
            }
            for release in played.found.releases
        ],
    }
