"""What pods count of the requests that they get: how many were bad, and slower than which bound.

A counter is worked out for the instant that is asked for: nothing ticks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from rollout.model.observation import Series
from tests.make import START
from tests.sim.beyond import Past

BEGAN = -7200.0
"""Seconds of the play in which stable began to be counted."""
SOUND = 0.002
"""The share of bad requests of a sound revision."""
BOUNDS = (10, 25, 50, 100, 250, 500, 1000, 2500)
"""Where the buckets of latencies end, in milliseconds."""
MEDIAN, STEEP = 40.0, 3.0
"""Of a usual revision's latencies, in milliseconds, and how seldom long ones are (log-logistic)."""


class Odd(NamedTuple):
    """Between two seconds one of stable's pods had so many times as many bad requests."""

    pod: int
    since: float
    until: float
    times: float


@dataclass(frozen=True, slots=True)
class Way:
    """How a service was before the play, and who counts it.

    ``pods``: that each revision is counted in. ``sound``: the share of bad requests where all is
    well. ``began``: since when stable is counted. ``clients``: they count what they sent, too.
    ``whole``: the requests to the service as a whole are told.
    """

    pods: int = 1
    sound: float = SOUND
    odd: tuple[Odd, ...] = ()
    began: float = BEGAN
    clients: bool = True
    whole: bool = True


def _by_turns() -> tuple[Odd, ...]:
    """Each pod in turn is bad for twenty seconds, one after the other."""
    return tuple(Odd(turn % 3, -1400.0 + 20 * turn, -1380.0 + 20 * turn, 4.0) for turn in range(70))


WAYS: Mapping[str, Way] = {
    "": Way(),
    "pods": Way(pods=3),
    "an incident": Way(3, odd=(Odd(1, -500.0, -430.0, 100.0),)),
    "a long incident": Way(3, odd=(Odd(1, -600.0, -500.0, 100.0),)),
    "an outage": Way(3, odd=(Odd(1, -500.0, -430.0, 450.0),)),
    "unlike": Way(3, odd=(Odd(2, -1e9, 1e9, 4.0),)),
    "by turns": Way(3, odd=_by_turns()),
    "faultless": Way(3, sound=0.0),
    "poor": Way(2, sound=0.2),
    "hopeless": Way(2, sound=0.99),
    "hopeless apart": Way(2, sound=0.99, whole=False),
    "young": Way(2, began=-20.0),
    "unheard": Way(2, began=40.0),
    "servers alone": Way(2, clients=False),
    "apart": Way(2, whole=False),
}


@dataclass
class Flow:
    """What one revision of a service gets and makes of it.

    ``share``: of the ordinary requests; ``copies``: of all of them on top, which only the server
    counts; ``bad``: the share of its answers that are bad; ``slow``: by how much its latencies are
    longer than usual.
    """

    share: Past = field(default_factory=Past)
    copies: Past = field(default_factory=Past)
    bad: Past = field(default_factory=Past)
    slow: Past = field(default_factory=lambda: Past([-1e9], [1.0]))


@dataclass
class Scrapes:
    """What goes wrong with the counters of one revision, ever since.

    ``begun``: when they began anew; ``renamed``: the pods were others, too.
    ``unseen``: none of its pods is scraped; ``unread``: failures have no series.
    """

    begun: list[tuple[float, bool]] = field(default_factory=list)
    unseen: Past = field(default_factory=Past)
    unread: Past = field(default_factory=Past)

    def anew(self, now: float, *, renamed: bool) -> None:
        self.begun.append((now, renamed))

    def last(self, when: float) -> float:
        """When what is told at ``when`` began to be counted; at a base of none: long ago."""
        return max((at for at, _ in self.begun if at <= when), default=-1e9)

    def generation(self, when: float) -> int:
        return sum(renamed for at, renamed in self.begun if at <= when)


def slower(bound: float, longer: float) -> float:
    """The share of requests that take more than ``bound`` milliseconds."""
    share: float = 1 / (1 + (bound / (MEDIAN * longer)) ** STEEP)
    return share


@dataclass
class Sum:
    """Counters of one pod: how much there was of ``flow`` up to any moment, while it was ready.

    ``part``: of its revision's requests; ``odd``: by what its bad ones are multiplied.
    """

    rate: Past
    flow: Flow
    ready: Past
    copies: bool = False
    part: float = 1.0
    odd: Past = field(default_factory=lambda: Past([-1e9], [1.0]))
    began: float = BEGAN
    bounds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        flow = self.flow
        pasts = (self.rate, flow.share, flow.copies, flow.bad, flow.slow, self.ready, self.odd)
        times = {t for past in pasts for t in past.times if t > self.began}
        self.times = [self.began, *sorted(times)]
        self.sums = [(0.0,) * (2 + len(self.bounds))]
        for before, at in zip(self.times, self.times[1:], strict=False):
            self.sums.append(self._on(before, at))

    def at(self, when: float) -> tuple[float, ...]:
        """All requests until then, the bad ones, and those slower than each of the bounds."""
        place = bisect_right(self.times, when) - 1
        if place < 0:
            return self.sums[0]
        return self._on(self.times[place], when, place)

    def started(self, when: float) -> float:
        """When pods that are counted then were made, or made anew."""
        place = bisect_right(self.ready.times, when) - 1
        while place > 0 and self.ready.values[place - 1]:
            place -= 1
        return self.ready.times[place]

    def _on(self, since: float, until: float, place: int = -1) -> tuple[float, ...]:
        flow = self.flow
        share = flow.share.at(since) + (flow.copies.at(since) if self.copies else 0.0)
        if not self.ready.at(since):
            share = 0.0
        more = self.rate.at(since) * share * (until - since) * self.part
        bad = min(1.0, flow.bad.at(since) * self.odd.at(since))
        longer = flow.slow.at(since)
        shares = (1.0, bad, *(slower(bound, longer) for bound in self.bounds))
        return tuple(
            so_far + more * each for so_far, each in zip(self.sums[place], shares, strict=True)
        )


@dataclass(frozen=True)
class Scraped:
    """One pod's counters as they are told: from the last time on that they began anew.

    ``behind``: by how much what answers at a time lags.
    """

    counted: Sum
    scrapes: Scrapes
    behind: Past
    pod: str
    whose: Mapping[str, str]
    dated: bool = True

    def series(self, instants: Sequence[datetime]) -> Iterator[Series]:
        """Of each of its lives those that are asked of; what was never counted has none yet."""
        lives: dict[int, list[datetime]] = {}
        for at in instants:
            if not self.scrapes.unseen.at(seconds(at)):
                lives.setdefault(self.scrapes.generation(self._when(at)), []).append(at)
        for life, mine in lives.items():
            yield from self._of(self.pod + (f"-{life}" if life else ""), mine)

    def _when(self, at: datetime) -> float:
        """The second of the play that is told of at an instant."""
        return seconds(at) - self.behind.at(seconds(at))

    def _figures(self, at: datetime) -> tuple[int, ...]:
        when = self._when(at)
        begun = max(self.scrapes.last(when), self.counted.started(when))
        before, now = self.counted.at(begun), self.counted.at(when)
        return tuple(int(one - other) for one, other in zip(now, before, strict=True))

    def _of(self, pod: str, instants: Sequence[datetime]) -> Iterator[Series]:
        labels = {"pod": pod, "instance": f"{pod}:15020"}
        told = [(at, self._figures(at)) for at in instants]
        told = [(at, figures) for at, figures in told if figures[0]]
        for part, more, points in self._parts(told):
            if points:
                yield Series({**labels, **self.whose, "rollout_part": part, **more}, points)
        seen = tuple((at, at.timestamp() - 1 - self.behind.at(seconds(at))) for at, _ in told)
        if seen and self.dated:
            yield Series({**labels, "rollout_part": "seen"}, seen)

    def _parts(
        self, told: Sequence[tuple[datetime, tuple[int, ...]]]
    ) -> Iterator[tuple[str, Mapping[str, str], tuple[tuple[datetime, float], ...]]]:
        """The parts of the union, with the labels that tell them apart."""
        if not self.counted.bounds:
            yield "total", {}, tuple((at, float(every)) for at, (every, *_) in told)
            unread = self.scrapes.unread
            bad = ((at, bad) for at, (_, bad, *_) in told if not unread.at(seconds(at)))
            yield "bad", {}, tuple((at, float(count)) for at, count in bad if count)
            return
        yield "total", {"le": "+Inf"}, tuple((at, float(every)) for at, (every, *_) in told)
        for place, bound in enumerate(self.counted.bounds, 2):
            points = tuple((at, float(figures[0] - figures[place])) for at, figures in told)
            yield "total", {"le": f"{bound}"}, points


def seconds(at: datetime) -> float:
    """The second of the play that an instant is."""
    return (at - START).total_seconds()
