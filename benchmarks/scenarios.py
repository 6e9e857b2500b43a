"""Releases to decide about: synthetic traffic with the troubles that real services have.

One ``Scenario`` is a service, a release and a nature; ``Traffic`` draws its requests, ten pods a
side, from a seed.  Every gate sees the same service, drawn afresh for its own weights.
"""

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from rollout.analysis.evidence import Pair

PODS = 10
BOUNDS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)  # Istio's, milliseconds
HISTORY_MINUTES = 60


@dataclass(frozen=True)
class Latency:
    """Log-normal around ``p50`` milliseconds; a ``tail`` share takes ``stretch`` times as long."""

    p50: float = 40.0
    sigma: float = 0.6
    tail: float = 0.01
    stretch: float = 6.0

    def beyond(self) -> tuple[float, ...]:
        """The share of requests slower than each bound."""
        return tuple(
            (1 - self.tail) * self._tail_of(self.p50, bound)
            + self.tail * self._tail_of(self.p50 * self.stretch, bound)
            for bound in BOUNDS
        )

    def _tail_of(self, p50: float, bound: float) -> float:
        return 0.5 * math.erfc(math.log(bound / p50) / self.sigma / math.sqrt(2))


@dataclass(frozen=True)
class Release:
    """What the canary does: its own share of errors and latency, and when.

    ``every``, ``lasts``: seconds, for a release that is bad only now and then.
    ``pods``: the share of its pods that are bad.
    """

    errors: float | None = None
    latency: Latency | None = None
    onset: float = 0.0
    every: float = 0.0
    lasts: float = 0.0
    pods: float = 1.0

    def is_bad_at(self, second: float) -> bool:
        """Whether the badness shows at that time."""
        if second < self.onset:
            return False
        return not self.every or (second - self.onset) % self.every < self.lasts


@dataclass(frozen=True)
class Nature:
    """What the world does to both sides, or to the canary through no fault of the release."""

    shared_burst: float = 0.0  # error share for two minutes on both sides, from second 100
    drift: float = 1.0  # the error share's factor after half an hour
    pod_bursts: float = 0.0  # error share of one pod for 30 s, each pod every ten minutes or so
    clump: int = 1  # errors come in clumps of so many
    unequal: float = 0.0  # spread of the pods' own error factors, log scale
    blip: float = 0.0  # seconds, once, in which 40 % of the canary's requests fail
    blip_after: float = 30.0  # seconds before which it does not begin; it does within 300
    blip_slows: float = 0.0  # none fail then, but all take so many times as long
    cold: float = 0.0  # error share of the canary for its first 25 s
    gap: tuple[float, float] | None = None  # Prometheus is down between these seconds


@dataclass(frozen=True)
class Scenario:
    """``kind``: good (within tolerance), bad (beyond tolerance and harm cap) or grey."""

    name: str
    kind: str
    per_second: float
    errors: float = 0.001
    latency: Latency = Latency()
    release: Release = Release()
    nature: Nature = Nature()

    @property
    def onset(self) -> float:
        """When it goes bad."""
        return self.release.onset

    @property
    def family(self) -> str:
        """The first word of its name."""
        return self.name.split()[0]

    @property
    def is_outage(self) -> bool:
        """Whether nothing works, with traffic enough to see it at once."""
        release = self.release
        return release.errors == 1.0 and release.pods == 1 and self.per_second >= 10

    @property
    def is_plain(self) -> bool:
        """Whether nothing is the matter, with traffic enough to see it at once."""
        return self.name.startswith("plain") and self.per_second >= 100


@dataclass
class Counted:
    """One side's requests of a stretch of time: all, errors, slower than each bound."""

    every: int = 0
    errors: int = 0
    slow: list[int] = field(default_factory=lambda: [0] * len(BOUNDS))

    def plus(self, other: "Counted") -> "Counted":
        slow = [a + b for a, b in zip(self.slow, other.slow, strict=True)]
        return Counted(self.every + other.every, self.errors + other.errors, slow)


class Traffic:
    """One rollout of a scenario, drawn from a seed."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.random = random.Random(f"{scenario.name}/{seed}")
        spread = scenario.nature.unequal
        self.factors = {
            side: [math.exp(self.random.gauss(0, spread) - spread**2 / 2) for _ in range(PODS)]
            for side in ("stable", "canary")
        }
        self.bursts = {side: self._bursts() for side in ("stable", "canary")}
        self.blip_at = self.random.uniform(scenario.nature.blip_after, 300)
        self.beyond = scenario.latency.beyond()
        bad = scenario.release.latency
        self.bad_beyond = bad.beyond() if bad else self.beyond
        slows = scenario.latency.p50 * max(1.0, scenario.nature.blip_slows)
        self.blip_beyond = replace(scenario.latency, p50=slows).beyond()
        self.untold = Counted(), Counted()
        self.weight = 0.0  # the canary's share, in percent; nothing here depends on it

    def _bursts(self) -> list[list[float]]:
        """When each pod has its bursts, from an hour before to an hour after."""
        if not self.scenario.nature.pod_bursts:
            return [[] for _ in range(PODS)]
        return [sorted(self.random.uniform(-3600, 3600) for _ in range(12)) for _ in range(PODS)]

    def draw(self, begin: float, seconds: float, weight: float) -> tuple[Counted, Counted]:
        """Canary's and stable's requests from ``begin`` for ``seconds``; weight: share of one."""
        every = poisson(self.random, self.scenario.per_second * seconds)
        mine = binomial(self.random, every, weight)
        canary = self._side("canary", begin, seconds, mine)
        stable = self._side("stable", begin, seconds, every - mine)
        self.untold = self.untold[0].plus(canary), self.untold[1].plus(stable)
        return canary, stable

    def _side(self, side: str, begin: float, seconds: float, every: int) -> Counted:
        counted = Counted(every)
        for pods, share, is_bad in self._groups(side, begin, seconds):
            mine = round(every * pods / PODS) if pods < PODS else every
            errors = self._errors(mine, share)
            counted.errors = min(every, counted.errors + errors)
            slow = self._slow(mine, self._beyond(side, begin, seconds, is_bad))
            counted.slow = [a + b for a, b in zip(counted.slow, slow, strict=True)]
        return counted

    def _beyond(self, side: str, begin: float, seconds: float, is_bad: bool) -> tuple[float, ...]:
        beyond = self.bad_beyond if is_bad else self.beyond
        if side == "stable" or not self.scenario.nature.blip_slows:
            return beyond
        part = self._blip(begin, seconds)
        return tuple(a + part * (b - a) for a, b in zip(beyond, self.blip_beyond, strict=True))

    def _blip(self, begin: float, seconds: float) -> float:
        """The part of that time that the canary's incident fills."""
        end = self.blip_at + self.scenario.nature.blip
        return max(0.0, min(begin + seconds, end) - max(begin, self.blip_at)) / seconds

    def _slow(self, every: int, beyond: tuple[float, ...]) -> list[int]:
        """How many of ``every`` are slower than each bound."""
        slow, before = [every], 1.0
        for share in beyond:
            slow.append(binomial(self.random, slow[-1], min(1.0, share / before)))
            before = max(share, 1e-12)
        return slow[1:]

    def _errors(self, every: int, share: float) -> int:
        clump = self.scenario.nature.clump
        if clump == 1:
            return binomial(self.random, every, share)
        return min(every, clump * poisson(self.random, every * share / clump))

    def _groups(self, side: str, begin: float, seconds: float) -> Iterator[tuple[int, float, bool]]:
        """Pods that are alike: how many, their error share, whether the release shows."""
        nature, release = self.scenario.nature, self.scenario.release
        middle = begin + seconds / 2
        base = self.base(middle)
        is_bad = side == "canary" and release.is_bad_at(middle)
        if side == "canary":
            base = max(base, self._canary_only(begin, seconds))
        alike = not nature.unequal and not nature.pod_bursts and release.pods == 1
        if alike:
            yield PODS, self._share(base, is_bad), is_bad
            return
        for pod in range(PODS):
            share = base * self.factors[side][pod]
            overlap = sum(
                max(0.0, min(begin + seconds, at + 30) - max(begin, at))
                for at in self.bursts[side][pod]
            )
            share = max(share, nature.pod_bursts * min(1.0, overlap / seconds))
            bad_pod = is_bad and pod < round(PODS * release.pods)
            yield 1, self._share(share, bad_pod), bad_pod

    def _share(self, base: float, is_bad: bool) -> float:
        errors = self.scenario.release.errors
        return min(1.0, max(base, errors) if is_bad and errors is not None else base)

    def base(self, second: float) -> float:
        """Stable's share of errors at that time, its pods' own differences left out."""
        nature = self.scenario.nature
        drifted = math.exp(math.log(nature.drift) * max(0.0, min(1.0, second / 1800)))
        share = self.scenario.errors * drifted
        return max(share, nature.shared_burst) if 100 <= second < 220 else share

    def _canary_only(self, begin: float, seconds: float) -> float:
        nature = self.scenario.nature
        blip = 0.0 if nature.blip_slows else self._blip(begin, seconds)
        cold = max(0.0, min(begin + seconds, 25.0) - max(begin, 0.0))
        return max(0.4 * blip, nature.cold * cold / seconds)

    def block(self, second: float) -> dict[str, Pair] | None:
        """What the gate is told at that time: by ``errors`` and bound, since it was told last."""
        gap = self.scenario.nature.gap
        if gap and gap[0] <= second < gap[1]:
            return None
        (canary, stable), self.untold = self.untold, (Counted(), Counted())
        block = {"errors": Pair(canary.errors, canary.every, stable.errors, stable.every)}
        for bound, mine, theirs in zip(BOUNDS, canary.slow, stable.slow, strict=True):
            block[f"latency>{bound}"] = Pair(mine, canary.every, theirs, stable.every)
        return block

    def harm(self, second: float) -> float:
        """The share of canary requests that are worse than stable's at that time."""
        release = self.scenario.release
        if not release.is_bad_at(second):
            return 0.0
        errors = 0.0 if release.errors is None else release.errors - self.base(second)
        slow = max(b - a for a, b in zip(self.beyond, self.bad_beyond, strict=True))
        return max(errors, slow, 0.0) * release.pods

    def history(self, bounds: tuple[int, ...]) -> Mapping[str, list[dict[str, tuple[int, int]]]]:
        """Stable's last hour by minute and pod: errors, and slow by each of ``bounds``."""
        names = ["errors", *(f"latency>{bound}" for bound in bounds)]
        hour: dict[str, list[dict[str, tuple[int, int]]]] = {name: [] for name in names}
        places = [BOUNDS.index(bound) for bound in bounds]
        for minute in range(HISTORY_MINUTES):
            page = {pod: self._pod_minute(pod, -3600 + 60 * minute) for pod in range(PODS)}
            for index, name in enumerate(names):
                hour[name].append(
                    {
                        f"s{pod}": (
                            one.errors if not index else one.slow[places[index - 1]],
                            one.every,
                        )
                        for pod, one in page.items()
                    }
                )
        return hour

    def _pod_minute(self, pod: int, begin: float) -> Counted:
        every = poisson(self.random, self.scenario.per_second * 60 / PODS)
        share = self.base(begin) * self.factors["stable"][pod]
        overlap = sum(
            max(0.0, min(begin + 60, at + 30) - max(begin, at)) for at in self.bursts["stable"][pod]
        )
        share = min(1.0, max(share, self.scenario.nature.pod_bursts * overlap / 60))
        counted = Counted(every, self._errors(every, share))
        counted.slow = self._slow(every, self.beyond)
        return counted


def poisson(rng: random.Random, mean: float) -> int:
    """A Poisson draw; a rounded normal one above 50."""
    if mean <= 0:
        return 0
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def binomial(rng: random.Random, count: int, share: float) -> int:
    """A binomial draw: by the gaps between successes when they are few, else a rounded normal."""
    if share <= 0 or count <= 0:
        return 0
    if share > 0.5:
        return count - binomial(rng, count, 1 - share)
    if count * share > 40:
        drawn = round(rng.gauss(count * share, math.sqrt(count * share * (1 - share))))
        return min(count, max(0, drawn))
    step = math.log1p(-share)
    place, found = 0, 0
    while True:
        place += int(math.log(1 - rng.random()) / step) + 1
        if place > count:
            return found
        found += 1


def _good() -> Iterator[Scenario]:
    for errors in (0.0001, 0.001, 0.01, 0.05):
        for rate in (1, 10, 100, 1000):
            yield Scenario(f"plain {errors:.2%} at {rate}/s", "good", rate, errors)
    for few in (0.2, 0.5):
        for errors in (0.001, 0.02):
            yield Scenario(f"quiet {errors:.1%} at {few}/s", "good", few, errors)
    natures = {
        "shared burst": Nature(shared_burst=0.3),
        "drift": Nature(drift=8.0),
        "pod bursts": Nature(pod_bursts=0.3),
        "clumps of 8": Nature(clump=8),
        "unequal pods": Nature(unequal=0.5),
        "blip of 15 s": Nature(blip=15),
        "blip of 20 s": Nature(blip=20),
        "cold start": Nature(cold=0.08),
        "gap": Nature(gap=(70, 310)),
    }
    for name, nature in natures.items():
        for rate in (10, 100):
            yield Scenario(f"{name} at {rate}/s", "good", rate, 0.005, nature=nature)
    slow = Latency(p50=400, sigma=0.9, tail=0.03)
    yield Scenario("slow service at 30/s", "good", 30, 0.002, latency=slow)
    better = Release(errors=0.0, latency=Latency(p50=30))
    yield Scenario("better than stable at 30/s", "good", 30, 0.01, release=better)


def _bad() -> Iterator[Scenario]:
    regressions = (
        (0.0001, 0.01, (10, 100, 1000)),
        (0.001, 0.01, (30, 100, 1000)),
        (0.001, 0.02, (10, 100)),
        (0.001, 0.05, (1, 3, 10, 100, 1000)),
        (0.001, 0.2, (0.5, 3, 30)),
        (0.01, 0.025, (100, 1000)),
        (0.01, 0.05, (3, 10, 100)),
        (0.05, 0.07, (100, 1000)),
        (0.05, 0.1, (10, 100)),
        (0.05, 0.3, (1, 10)),
        (0.001, 1.0, (0.2, 1, 10, 100, 1000)),
    )
    for base, errors, rates in regressions:
        for rate in rates:
            name = f"{base:.2%} to {errors:.1%} at {rate}/s"
            yield Scenario(name, "bad", rate, base, release=Release(errors=errors))
    for name, latency in (
        ("all 1.5x slower", Latency(p50=60)),
        ("all 3x slower", Latency(p50=120)),
        ("p99 tail: 4% more very slow", Latency(tail=0.05)),
        ("hangs: 10% at 20x", Latency(tail=0.1, stretch=20)),
    ):
        for rate in (10, 100):
            yield Scenario(f"{name} at {rate}/s", "bad", rate, release=Release(latency=latency))
    five = Release(errors=0.05)
    for rate in (10, 100):
        for name, release in (
            ("5% from second 90", replace(five, onset=90)),
            ("5% from second 210", replace(five, onset=210)),
            ("outage from second 105", Release(errors=1.0, onset=105)),
            ("20% for 30 s in 90", Release(errors=0.2, every=90, lasts=30)),
            ("one pod in ten dead", Release(errors=1.0, pods=0.1)),
        ):
            yield Scenario(f"{name} at {rate}/s", "bad", rate, release=release)
    for name, nature in (
        ("shared burst", Nature(shared_burst=0.3)),
        ("clumps of 8", Nature(clump=8)),
        ("unequal pods", Nature(unequal=0.5)),
        ("pod bursts", Nature(pod_bursts=0.3)),
        ("cold start", Nature(cold=0.08)),
        ("gap", Nature(gap=(70, 310))),
        ("drift", Nature(drift=8.0)),
    ):
        yield Scenario(f"5%, {name} at 100/s", "bad", 100, 0.005, release=five, nature=nature)


def _grey() -> Iterator[Scenario]:
    for base, errors, rate in ((0.001, 0.002, 100), (0.01, 0.014, 100), (0.001, 0.004, 10)):
        name = f"{base:.1%} to {errors:.1%} at {rate}/s"
        yield Scenario(name, "grey", rate, base, release=Release(errors=errors))


SCENARIOS = (*_good(), *_bad(), *_grey())


def bounds_ms(bounds: tuple[timedelta, ...]) -> tuple[int, ...]:
    """Bounds as the whole milliseconds they are here."""
    return tuple(round(bound / timedelta(milliseconds=1)) for bound in bounds)
