"""What goes on goes on: nothing stands while nothing is in its way, and nobody writes for nothing.

S34 to S36 and L9 of docs/simulation.md.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rollout.controller.app import Controller
from rollout.controller.keeping.store import without_numbers
from rollout.errors import OutsideError
from rollout.model.reasons import WaitsFor
from rollout.model.status import Outcome, RolloutStatus, Stage
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.sim.objects import UNKNOWABLE
from tests.sim.server import Request

if TYPE_CHECKING:
    from tests.sim.world import World

STANDS = 120.0
"""Seconds in which each step of these worlds is over: a minute's bake, and four intervals (L9)."""
DEAD = 45.0
"""Seconds in which a canary without pods is taken back: three intervals (S34)."""
RECOVERS = 35.0
"""Seconds after a fault of the API server in which every watch has come back: its longest wait."""
QUIET = 50.0
"""Seconds between two writes of a status that tell people nothing new (S36)."""
UNSAID = 75.0
"""Seconds in which people read the newest sentence: a minute, and an interval (L9)."""
AT_ONCE = 0.05
"""Seconds until the next watch is asked for where the last one ended as watches do (L5)."""
MOST_LISTS = 20
"""Lists of one kind by one process in a minute of any trouble (S41); its waits double to 30 s."""
_OTHERS = frozenset({
    WaitsFor.PODS, WaitsFor.STABLE, WaitsFor.OBJECTS, WaitsFor.AUTOSCALER, WaitsFor.APPROVAL,
    WaitsFor.TRUCE,
})  # fmt: skip
"""What only others can bring about, and other laws ask whether it is so."""
Stands = tuple[object, ...]

MINUTES = re.compile(r"more canary requests, about \d+[mhd]")
"""Whoever says how many requests it takes, and that they take minutes, stands for these."""


@dataclass(eq=False)
class Pace:
    """``stands``: where each rollout is, and since when nothing was in its way there.

    ``told_at``: when a status last told nothing new, by who wrote it.
    """

    world: World
    stands: dict[str, tuple[Stands, float]] = field(default_factory=dict)
    told_at: dict[tuple[str, str], float] = field(default_factory=dict)
    unsaid: dict[str, tuple[str, float]] = field(default_factory=dict)
    lists: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    def bounded(self) -> None:
        """S34 and L9, every few seconds."""
        fair = self.fair()
        for name, _ in self.world.subjects:
            self._goes_on(name, fair=fair)
            self._tells(name, fair=fair)
            self._has_pods(name)

    def saved(self, name: str, before: RolloutStatus, after: RolloutStatus, actor: str) -> None:
        """S36: a status that tells nothing new is written once a minute at the most.

        A minute in which a clock was put right is none.
        """
        if not self.fair() or _news(before, after):
            return
        last, self.told_at[name, actor] = self.told_at.get((name, actor)), virtual.passed()
        if last is not None and self.world.skewed_at < last > virtual.passed() - QUIET:
            self.world.laws.broken("S36", f"{name}: written twice, and says the same")

    def reads(self, request: Request) -> None:
        """S41: no kind is listed again and again: each list is all there is of it."""
        if request.verb == "watch":
            self._watches(request)
        if request.verb != "list" or "continue" in request.query:
            return
        times = self.lists.setdefault((request.actor, request.kind), deque(maxlen=MOST_LISTS))
        times.append(virtual.passed())
        if len(times) == MOST_LISTS and virtual.passed() - times[0] < 60:
            what = f"{request.actor} lists {request.kind} {MOST_LISTS} times a minute"
            self.world.laws.broken("S41", what)

    def _watches(self, request: Request) -> None:
        """S41 and L5: a server that hangs up at once is not asked at once, and any other is."""
        last = self.world.server.hung_up.pop((request.actor, request.kind), None)
        if last is None:
            return
        began, ended, whole = last
        way = self.world.plan.setup.latency  # which belongs to a watch as its client sees it
        soon = virtual.passed() - ended < AT_ONCE + way
        what = f"{request.actor} watches {request.kind}"
        if soon and not whole and ended - began < 1 - 2 * way:
            self.world.laws.broken("S41", f"{what} at once where it was cut off at once")
        if not soon and whole and self.fair():
            self.world.laws.broken("L5", f"{what} only {virtual.passed() - ended:.2f} s later")

    def unchanged(self, actor: str, what: str) -> None:
        """S35: a write that changes nothing was sent for nothing."""
        if actor.startswith("controller") and self.fair():
            self.world.laws.broken("S35", f"{actor} writes {what}, which is so already")

    def fair(self) -> bool:
        """Whether nothing is wrong with anything that is asked, nor was lately."""
        world, now = self.world, virtual.passed()
        wrong = (
            world.istiod.behind or world.istiod.silent or world.istiod.alone
            or world.numbers.trouble or world.gates.trouble
            or world.pods.down or world.pods.late or world.moving
        )  # fmt: skip
        latest = max(world.blurred_at + RECOVERS, world.skewed_at)
        alive = all(one.alive and one.stopped_until < now for one in world.processes.values())
        return not wrong and now > latest and alive

    def _goes_on(self, name: str, *, fair: bool) -> None:
        """L9: whoever is under way stands nowhere for two minutes without a reason."""
        known, now = self.world.laws.of(name), virtual.passed()
        status = known.status
        if status is None or status.stage.name is Stage.IDLE or status.attempt.pause is not None:
            self.stands.pop(name, None)
            return
        step = status.attempt.step
        here: Stands = (status.attempt.number, status.stage.name, step and step.index)
        bad = self.world.numbers.of(name).values[-1] > 1
        counters = self.world.counters
        bad = bad or (counters is not None and counters.hindered(name, now - STANDS))
        hindered = not fair or bad or status.waits_for in _OTHERS or now - known.edited_at < 30
        unknowable = dict(self.world.subjects)[name].judged in UNKNOWABLE
        hindered = hindered or unknowable or bool(MINUTES.search(status.because))
        before, since = self.stands.get(name, (here, now))
        if hindered or here != before:
            since = now
        self.stands[name] = here, since
        if now - since > STANDS:
            where = f"{status.stage.name}, and waits for {status.waits_for}: {status.because}"
            self.world.laws.broken("L9", f"{name}: {STANDS:g} s at {where}")

    def _tells(self, name: str, *, fair: bool) -> None:
        """L9: what is true now is read by people within a minute."""
        now, text = virtual.passed(), self._untold(name) if fair else ""
        before, since = self.unsaid.get(name, ("", now))
        self.unsaid[name] = text, since if text and text == before else now
        if text and now - self.unsaid[name][1] > UNSAID:
            self.world.laws.broken("L9", f"{name}: not told for {UNSAID:g} s: {text}")

    def _untold(self, name: str) -> str:
        """What its newest look made of it, and people cannot read yet; empty: they can."""
        for process in self.world.processes.values():
            made = process.made
            newest = newest_of(made, name) if made and made.leading else None
            if newest is not None:
                told = str(self.world.status(name).get("because", ""))
                new = without_numbers(newest.because) != without_numbers(told)
                return without_numbers(newest.because) if new else ""
        return ""

    def _has_pods(self, name: str) -> None:
        """S34: no requests go to a canary without pods while stable is whole."""
        world, since = self.world, virtual.passed() - DEAD
        known = world.laws.of(name)
        canary = known.status.attempt.canary if known.status else None
        unclear = max(known.edited_at, world.blurred_at) > since or not self._reads(name)
        if canary is None or unclear:
            return
        sides = [world.pods.ready.get((name, one)) for one in (canary.name, world.stable(name))]
        if None in sides or not known.shares.get(canary.name):
            return
        dead, able = (one.lately(since) for one in sides if one is not None)
        if max(dead) == 0 and min(able) >= world.plan.setup.pods:
            self.world.laws.broken("S34", f"{name}: {known.shares}, and {canary.name} has no pods")

    def _reads(self, name: str) -> bool:
        """Whether a look can be made at all: nothing that people wrote is missing."""
        kinds = ("VirtualService", "DestinationRule", "Service")
        return all(self.world.server.get(kind, NAMESPACE, name) for kind in kinds)


def newest_of(made: Controller, name: str) -> RolloutStatus | None:
    """What a controller made of a rollout last; None: it cannot read it now."""
    try:
        held = made.outside.kube.get("Rollout", NAMESPACE, name)
    except OutsideError:
        return None
    return made.store.remembered(held) if held else None


def _news(before: RolloutStatus, after: RolloutStatus) -> bool:
    """Whether people can read anything new in it but numbers, or whether a gate is blind."""
    errors = [
        {without_numbers(v.text) for v in one.attempt.verdicts if v.outcome is Outcome.ERROR}
        for one in (before, after)
    ]
    attempt = replace(
        before.attempt, verdicts=after.attempt.verdicts, checkpoint=after.attempt.checkpoint
    )
    same = replace(before, attempt=attempt, because=after.because) == after
    words = without_numbers(before.because) == without_numbers(after.because)
    return not (same and words and errors[0] == errors[1])
