"""A release of the benchmarks through the controller's own core, ``reconcile.ask`` and ``decide``.

Nothing is restated here: the default spec, the real questions, status and actions, on virtual
time.  Counters are read as from Prometheus, two seconds late and at multiples of the interval, and
what was counted while a weight changed certifies nothing.  Proxies take a change at once, and
nobody answers who is asked.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from benchmarks.peers import HOLD, PROMOTE, ROLLBACK, Drawn, Ended
from benchmarks.scenarios import BOUNDS
from rollout import reconcile
from rollout.analysis import grid
from rollout.model.action import Decision
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    Observation,
    PodCount,
    Questions,
)
from rollout.model.spec import Analysis, Canary, Rollout, RolloutSpec, Strategy, Workload
from rollout.model.status import Outcome, Phase, RolloutStatus
from tests.play import SETTLING, World

INTERVAL = Analysis().interval
LONGEST = timedelta(hours=2)
DAY = datetime(2026, 1, 5, tzinfo=grid.EPOCH.tzinfo)
SPEC = RolloutSpec(
    service="shop",
    revision="v1",
    workload=Workload(deployments="shop-{revision}"),
    strategy=Strategy(canary=Canary()),
    analysis=Analysis(reporter="destination"),
)
Figures = tuple[int, ...]
NOTHING: Figures = (0,) * (2 + len(BOUNDS))


@dataclass
class Counters:
    """Both sides' counters as Prometheus would have them: all, errors, slower than each bound.

    ``hour``: stable's pods before the release, by minute: outcome to pod to bad and all.
    ``at``: by instant, the canary's and stable's.  ``down``: Prometheus does not answer.
    """

    traffic: Drawn
    bounds: tuple[int, ...]
    zero: datetime
    down: bool = False
    at: dict[datetime, tuple[Figures, Figures]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hour = self.traffic.history(self.bounds)
        self.last = (NOTHING, NOTHING)
        self.at[grid.floor(self.zero, INTERVAL)] = self.last

    def slot(self, begin: datetime, weight: float) -> float:
        """One interval's requests are counted; the answer is how many of them were harmed."""
        second = (begin - self.zero).total_seconds()
        length = INTERVAL.total_seconds()
        canary, _ = self.traffic.draw(second, length, weight)
        block = self.traffic.block(second + length)
        self.down = block is None
        if block is not None:
            pairs = [block["errors"], *(block[f"latency>{bound}"] for bound in BOUNDS)]
            mine = (pairs[0][1], *(pair[0] for pair in pairs))
            theirs = (pairs[0][3], *(pair[2] for pair in pairs))
            self.last = _plus(self.last[0], mine), _plus(self.last[1], theirs)
            self.at[begin + INTERVAL] = self.last
        return canary.every * self.traffic.harm(max(0.0, second + length / 2))

    def answers(self, question: CountsQuestion) -> Iterable[Counts]:
        """The counters at the question's instants; none at those that nobody scraped."""
        slow = question.counting is Counting.SLOW
        bounds = tuple(timedelta(milliseconds=bound) for bound in BOUNDS) if slow else ()
        chosen = question.bounds or bounds
        places = [2 + bounds.index(bound) for bound in chosen] if slow else [1]
        for instant in question.instants:
            pods: Iterable[PodCount] | None = None
            if slow and not question.bounds:
                pods = [self._ordinary()]
            elif instant in self.at:
                pods = self._live(instant, places)
            elif instant < self.zero:
                pods = self._past(instant, chosen)
            if pods is not None:
                yield Counts(question.metric, instant, tuple(pods), chosen, instant)

    def _live(self, instant: datetime, places: list[int]) -> Iterable[PodCount]:
        for revision, figures in zip(("v2", "v1"), self.at[instant], strict=True):
            bad = tuple(figures[place] for place in places)
            yield PodCount(revision, f"live-{revision}", bad, figures[0])

    def _ordinary(self) -> PodCount:
        """What the buckets show of stable: the bounds are chosen by it."""
        every = max(1, round(self.traffic.scenario.per_second * 3600))
        tails = self.traffic.scenario.latency.beyond()
        return PodCount("v1", "s0", tuple(round(every * share) for share in tails), every)

    def _past(self, instant: datetime, bounds: tuple[timedelta, ...]) -> Iterable[PodCount]:
        """The hour's counters: each pod's sum over the minutes until then."""
        names = [f"latency>{b // timedelta(milliseconds=1)}" for b in bounds] or ["errors"]
        last = grid.hour_before(self.zero, INTERVAL)[-1]
        minutes = max(0, len(self.hour["errors"]) - round((last - instant).total_seconds() / 60))
        pages = [self.hour[name][:minutes] for name in names]
        every_pod = {pod for page in self.hour["errors"] for pod in page}
        for pod in sorted(every_pod):
            bad = tuple(sum(minute[pod][0] for minute in page) for page in pages)
            yield PodCount("v1", pod, bad, sum(minute[pod][1] for minute in pages[0]))


def _plus(one: Figures, other: Iterable[float]) -> Figures:
    return tuple(a + round(b) for a, b in zip(one, other, strict=True))


@dataclass
class Release:
    """One push of v2, looked at by the core until it ended or took too long."""

    rollout: Rollout
    now: datetime
    world: World
    status: RolloutStatus = field(default_factory=RolloutStatus)
    counters: Counters | None = None

    def look(self) -> Decision:
        """Looks until nothing is left to do at this moment."""
        for _ in range(SETTLING):
            asked = reconcile.ask(self.rollout, self.status, self.now)
            seen = self._seen(asked)
            decision = reconcile.decide(self.rollout, self.status, seen, self.now)
            settled = decision.look_again != timedelta(0) and decision.status == self.status
            self.status = decision.status
            for action in decision.actions:
                self.world.perform(action)
            begun = self.counters is None and self.weight
            if settled or begun or (self.counters is not None and self.ended):
                return decision
        raise AssertionError(f"a hot loop: {self.status}")

    def _seen(self, asked: Questions) -> Observation:
        seen = self.world.answer(asked, self.rollout, self.status.stable, self.now)
        if self.counters is None:
            return seen
        if self.counters.down:
            down = [
                NoAnswer(q.metric, Outcome.ERROR, "prometheus: no answer") for q in asked.counts
            ]
            return replace(seen, no_answers=tuple(down))
        counts = [c for question in asked.counts for c in self.counters.answers(question)]
        return replace(seen, counts=tuple(counts))

    @property
    def weight(self) -> int:
        """The canary's share of ordinary requests, in percent."""
        return self.world.route.split.canary if self.world.route else 0

    @property
    def ended(self) -> bool:
        """Whether everyone was sent somewhere."""
        return self.weight in (0, 100)


def played(traffic: Drawn, bounds: tuple[int, ...]) -> Ended:
    """The release from its first request on; a step of the day's clock is drawn from its name."""
    clock = random.Random(f"{traffic.scenario.name}/{traffic.random.random()}")
    release = _begun(DAY + timedelta(seconds=round(clock.uniform(0, 15), 1)))
    counters = release.counters = Counters(traffic, bounds, release.now)
    slot, shares, harmed, asked = grid.floor(release.now, INTERVAL), 0.0, 0.0, False
    look_at = release.now
    while release.now - counters.zero < LONGEST:
        ahead = min(slot + INTERVAL, look_at)
        shares += release.weight / 100 * ((ahead - release.now) / INTERVAL)
        release.now = ahead
        if ahead == slot + INTERVAL:
            harmed += counters.slot(slot, shares)
            slot, shares = ahead, 0.0
        if ahead == look_at:
            decision = release.look()
            asked = asked or decision.status.phase is Phase.PAUSED
            if release.ended:
                return _end(release, counters, harmed, asked)
            look_at = release.now + max(timedelta(seconds=1), decision.look_again or INTERVAL)
    return Ended(HOLD, LONGEST.total_seconds(), harmed, asked=asked)


def _begun(at: datetime) -> Release:
    """v2 at its first step, this very moment."""
    world = World(subsets={"stable": {"version": "v1"}}, pods={"v1": 10, "v2": 10})
    plain = Rollout("shop", "shop", "u1", 1, SPEC, "c1")
    release = Release(plain, at, world)
    release.look()
    pushed = replace(SPEC, revision="v2")
    release.rollout = replace(plain, spec=pushed, commit="c2", generation=2)
    for _ in range(SETTLING):
        again = release.look().look_again
        if release.weight:
            return release
        release.now += again or INTERVAL
    raise AssertionError(f"never began: {release.status}")


def _end(release: Release, counters: Counters, harmed: float, asked: bool) -> Ended:
    how = PROMOTE if release.weight == 100 else ROLLBACK
    return Ended(how, (release.now - counters.zero).total_seconds(), harmed, asked=asked)
