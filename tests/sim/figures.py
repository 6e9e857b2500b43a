"""What is said to be counted was so, what follows is true, and a restart knows all of it.

S51 to S54 of docs/simulation.md.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.analysis import memory
from rollout.analysis.judge import BLIND
from rollout.analysis.window import judged_weight
from rollout.controller.app import Controller
from rollout.model.spec import HarmCap
from rollout.model.status import RolloutStatus, Stage, Verdict
from tests import virtual
from tests.sim.measured import seconds
from tests.sim.pace import newest_of

if TYPE_CHECKING:
    from tests.sim.plan import Subject
    from tests.sim.world import World

COMPARED = ("errors", "orders", "templated")
"""The metrics that are compared with stable, of which each bad request is a failure."""
BEFORE = 15.0
"""Seconds before a step in which what happened to the counters is felt at it."""
OFTEN = 2
"""Times that a question may be answered: a look may fail once it has its answers."""
LONG = 30.0
"""Seconds in which it may be answered again: a step may begin with an instant from before it."""
_SPARE = 8
"""Requests by which whole numbers of several pods may differ from the truth."""


@dataclass(eq=False)
class Figures:
    """Compares with the requests as they were divided and answered, which no judge can see.

    ``known``: when what was answered, at which steps, by whom it was asked.
    ``stood``: of each attempt, between which seconds the proxies had the route of a step.
    """

    world: World
    known: dict[tuple[object, ...], list[float]] = field(default_factory=dict)
    stood: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world.numbers.answered = self.answered

    def answered(self, promql: str, instants: Sequence[datetime]) -> None:
        """S54: what was answered is not asked again and again by a process at the same step."""
        world, now = self.world, virtual.passed()
        if world.switching is not None or world.upgrading is not None:
            return  # whose steps are not known here
        of = {name: world.laws.of(name).status or RolloutStatus() for name, _ in world.subjects}
        at = [(one.attempt.number, one.stage.name, one.attempt.step) for one in of.values()]
        whose = [one.name for one in world.processes.values()]
        key = (promql, *instants, *at, *whose)
        times = self.known[key] = [*self.known.get(key, ()), now]
        unclear = self.world.counters is not None and any(
            self.world.counters.unclear(name, now - BEFORE) for name in of
        )
        still = len(times) > OFTEN and now - times[0] > LONG
        if still and not unclear and world.laws.pace.fair():
            what = f"answered at {times} s: {promql[:80]} at {len(instants)} instants"
            world.laws.broken("S54", what)

    def bounded(self) -> None:
        """S51, every few seconds: what is kept in memory is what its JSON says."""
        for process in self.world.processes.values():
            if process.made is not None and process.made.leading:
                self._kept(process.made)

    def _kept(self, made: Controller) -> None:
        for name, _ in self.world.subjects:
            newest = newest_of(made, name)
            kept = newest.attempt.checkpoint if newest else None
            if isinstance(kept, memory.Checkpoint):
                read = memory.load(json.loads(json.dumps(dict(kept))))
                if read != kept.memory:
                    what = f"{name}: a restart would know {read}, and not {kept.memory}"
                    self.world.laws.broken("S51", what)

    def saved(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        """S52 and S53, of the verdicts of one of our statuses that is in the API now."""
        subject = dict(self.world.subjects)[name]
        canary, stable = after.attempt.canary, after.stable
        whole = canary is not None and stable is not None and not canary.same(stable)
        if self.world.counters is None or not subject.counts or not whole:
            return
        self._stands(name, before, after)
        told = {one.metric: one for one in before.attempt.verdicts}
        for one in after.attempt.verdicts:
            if one.counted is not None and one != told.get(one.metric):
                self._true(name, after, one)
                self._follows(name, subject, after, one)

    def _stands(self, name: str, before: RolloutStatus, after: RolloutStatus) -> None:
        windows = self.stood.setdefault((name, after.attempt.number), [])
        old, new = before.stage, after.stage
        if windows and old.confirmed_at is not None and new != old and windows[-1][1] > 1e8:
            windows[-1] = windows[-1][0], virtual.passed()
        if new.name is Stage.STEPPING and new.confirmed_at is not None and new != old:
            windows.append((seconds(new.confirmed_at), 1e9))

    def _true(self, name: str, status: RolloutStatus, one: Verdict) -> None:
        """S52: nobody is said to have had more requests than came, nor, at a step, fewer."""
        stage, said = status.stage, one.counted
        if said is None or one.since is None or one.until is None:
            return
        told = [(said.canary_bad, said.canary_all), (said.stable_bad, said.stable_all)]
        since, until = seconds(one.since), seconds(one.until)
        interval = self._interval(name)
        sides = self._sides(name, status, one, since - 2 * interval, until)
        assert self.world.counters is not None
        unread = self.world.counters.unread(name, since)  # old ones may come back as new ones
        for (bad, every), most in () if unread else zip(told, sides, strict=True):
            if bad > most[0] + _SPARE or every > most[1] + _SPARE:
                what = f"{one.text}, and at most {most} came since {since:.0f} s"
                self.world.laws.broken("S52", f"{name}: {what}")
        if stage.name is not Stage.STEPPING or stage.confirmed_at is None:
            return
        windows = self.stood.get((name, status.attempt.number), ())
        if not stage.split.stable or one.standing in BLIND or not windows:
            return
        if not self._clear(name, windows[0][0] - BEFORE):
            return
        spans = [(begin + interval, min(until, end - interval)) for begin, end in windows]
        parts = [
            self._sides(name, status, one, *span, copies=False)
            for span in spans
            if span[0] < span[1]
        ]
        for side, (bad, every) in enumerate(told):
            least = sum(part[side][0] for part in parts), sum(part[side][1] for part in parts)
            if bad < least[0] - _SPARE or every < least[1] - _SPARE:
                what = f"{one.text}, and at least {least} came at its steps {windows}"
                self.world.laws.broken("S52", f"{name}: {what}")

    def _follows(self, name: str, subject: Subject, status: RolloutStatus, one: Verdict) -> None:
        """S53: who failed was worse than stable, and who is certified is not much worse."""
        if one.since is None or one.until is None or not self._clear(name, seconds(one.since)):
            return
        since, until = seconds(one.since), seconds(one.until)
        (bad, every), (stable_bad, stable_all) = self._sides(name, status, one, since, until)
        if not every or not stable_all:
            return
        share, beside = bad / every, stable_bad / stable_all
        compared = one.bar is not None and "vs stable" in one.text
        failed = compared and (one.evidence or 0.0) >= (one.bar or 0.0)
        if failed and one.metric in COMPARED and share <= beside:
            what = f"{one.text}, and truly {share:.2%} were bad beside {beside:.2%}"
            self.world.laws.broken("S53", f"{name}: failed by {what}")
        caps = HarmCap()
        cap = (caps.errors if one.metric in COMPARED else caps.slow) * 100
        most = 3 * beside + cap / judged_weight(status.stage.split.canary)
        if one.certified and one.metric in COMPARED and share > most:
            what = f"{one.text}, and truly {share:.2%} were bad beside {beside:.2%}"
            self.world.laws.broken("S53", f"{name}: certified by {what}")

    def _sides(
        self,
        name: str,
        status: RolloutStatus,
        one: Verdict,
        since: float,
        until: float,
        *,
        copies: bool = True,
    ) -> list[tuple[float, float]]:
        """Bad and all requests that truly came to the canary, and to stable."""
        counters, canary, stable = self.world.counters, status.attempt.canary, status.stable
        assert counters is not None
        assert one.counted is not None
        names = [side.name if side else "" for side in (canary, stable)]
        outcome = one.counted.outcome
        return [counters.truly(name, rev, outcome, (since, until), copies=copies) for rev in names]

    def _interval(self, name: str) -> float:
        held = self.world.rollout(name) or {"spec": {}}
        text = (held["spec"].get("analysis") or {}).get("interval", "15s")
        return float(str(text).removesuffix("s"))

    def _clear(self, name: str, since: float) -> bool:
        """Whether nothing was wrong since then with what is counted, nor said by people."""
        world = self.world
        assert world.counters is not None
        odd = max(world.skewed_at, world.blurred_at, world.laws.of(name).forced_at) > since
        pods = (past for (service, _), past in world.pods.ready.items() if service == name)
        gone = any(past.at(since) and not min(past.lately(since)) for past in pods)
        odd = odd or any(world.numbers.uncounted.lately(since))
        return not odd and not gone and not world.counters.unclear(name, since)
