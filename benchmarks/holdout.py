"""A second world to decide in, written after the gate was tuned and drawn from a seed.

It shares no choice with ``scenarios``: services have 1 to 20 pods a side, uneven traffic, noise
that comes and goes, failures that are slow, retries, restarts, scrapes that come late.  A *class*
is a family of releases with its figures drawn; whatever happens is an ``Effect`` with its times.
Counts reach the gate as they do in a cluster: counters of pods, scraped, subtracted.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from benchmarks.scenarios import BOUNDS, Counted, Latency, Nature, binomial, poisson
from rollout.analysis import counters
from rollout.analysis.counters import Tally
from rollout.analysis.evidence import Pair
from rollout.model.observation import PodCount

SLOT = 15.0
HOUR = 3600.0
Windows = tuple[tuple[float, float], ...]
ORDINARY = Latency()


@dataclass(frozen=True)
class Effect:
    """Something that happens to some pods at some times, from an hour before to an hour after.

    ``windows``: seconds; ``each``: or drawn for every pod, so many an hour of a mean length.
    ``pods``: how many pods of a side feel it; 0: all.
    ``errors``: the least share of errors; ``times``: a factor on the usual one.
    ``stretch``: a factor on all latencies; ``hangs``: a share that takes 30 times as long.
    ``fades``: seconds in which it decays, ``grows``: in which it comes, from a window's begin.
    ``above``: it only shows while the canary has that weight or more.
    """

    sides: tuple[str, ...] = ("stable", "canary")
    windows: Windows = ((-HOUR, HOUR),)
    each: tuple[float, float] | None = None
    pods: int = 0
    errors: float = 0.0
    times: float = 1.0
    stretch: float = 1.0
    hangs: float = 0.0
    fades: float = 0.0
    grows: float = 0.0
    above: int = 0
    fault: bool = False

    def strength(self, windows: Windows, begin: float, end: float) -> float:
        """How much of it is felt between two times: 0 to 1."""
        felt = 0.0
        for start, stop in windows:
            low, high = max(begin, start), min(end, stop)
            if high > low:
                middle = (low + high) / 2 - start
                level = math.exp(-middle / self.fades) if self.fades else 1.0
                level *= min(1.0, middle / self.grows) if self.grows else 1.0
                felt += level * (high - low)
        return felt / (end - begin)


@dataclass(frozen=True)
class Service:
    """What stable is like on an ordinary day.

    ``wave``: how far traffic swings within half an hour; ``uneven``: spread of pods' error factors.
    ``clump``: mean size of clumps of errors; ``restless``: spread of the share of errors that all
    pods feel alike from slot to slot; ``fails_slowly``: errors are timeouts; ``retries``: chance
    that a failed request comes again.
    """

    per_second: float
    errors: float
    latency: Latency = ORDINARY
    stable_pods: int = 10
    canary_pods: int = 10
    wave: float = 0.0
    uneven: float = 0.0
    clump: float = 1.0
    restless: float = 0.0
    fails_slowly: bool = False
    retries: float = 0.0
    drift: float = 1.0


@dataclass(frozen=True)
class Scrapes:
    """What goes wrong between pods and the gate.

    ``late``: chance that a pod's sample is the last one again; ``restarts``: of a pod, an hour.
    """

    late: float = 0.0
    restarts: float = 0.0
    gaps: Windows = ()
    history: bool = True


@dataclass(frozen=True)
class Class:
    """``kind``: good, bad or grey; ``onset``: when it goes bad."""

    name: str
    kind: str
    service: Service
    effects: tuple[Effect, ...] = ()
    scrapes: Scrapes = Scrapes()
    onset: float = 0.0

    # What the restated peers want to know

    @property
    def per_second(self) -> float:
        """Requests to the service."""
        return self.service.per_second

    @property
    def errors(self) -> float:
        """Stable's share."""
        return self.service.errors

    @property
    def latency(self) -> Latency:
        """Stable's."""
        return self.service.latency

    @property
    def family(self) -> str:
        """Its name without its number and figures."""
        return self.name.partition(": ")[0].rstrip("0123456789 ")

    @property
    def is_outage(self) -> bool:
        """Whether next to nothing works, with traffic enough to see it at once."""
        return self.family in ("outage", "late outage")

    @property
    def is_plain(self) -> bool:
        """Whether nothing is the matter, with traffic enough to see it at once."""
        return self.family in ("plain", "busy") and self.per_second >= 100

    @property
    def nature(self) -> Nature:
        """The first gap, which is all that peers are told of."""
        return Nature(gap=self.scrapes.gaps[0] if self.scrapes.gaps else None)


@lru_cache(65536)
def _beyond(latency: Latency, stretch: float, hangs: float) -> tuple[float, ...]:
    usual = replace(latency, p50=latency.p50 * stretch).beyond()
    return tuple(share + hangs * (1 - share) for share in usual)


@dataclass
class _Pod:
    factor: float
    felt: list[tuple[Effect, Windows]]
    restarts: list[float]
    counter: list[int] = field(default_factory=lambda: [0] * (2 + len(BOUNDS)))
    told: tuple[int, ...] = ()


class World:
    """One rollout of a class, drawn from a seed."""

    def __init__(self, scenario: Class, seed: int) -> None:
        self.scenario = scenario
        self.random = random.Random(f"holdout/{scenario.name}/{seed}")
        service = scenario.service
        counts = {"stable": service.stable_pods, "canary": service.canary_pods}
        self.pods = {side: [self._pod(side, n) for n in range(counts[side])] for side in counts}
        self.phase = self.random.uniform(0, 2 * math.pi)
        self.weight = 0.0
        self.tally = Tally()
        self.block(0.0)  # what the first block is the difference to

    def _pod(self, side: str, number: int) -> _Pod:
        scenario, rng = self.scenario, self.random
        spread = scenario.service.uneven
        factor = rng.gammavariate(1 / spread**2, spread**2) if spread else 1.0
        felt = [
            (effect, _drawn(rng, *effect.each) if effect.each else effect.windows)
            for effect in scenario.effects
            if side in effect.sides and (not effect.pods or number < effect.pods)
        ]
        begin = -HOUR if side == "stable" else 0.0
        restarts = [
            rng.uniform(begin, HOUR) for _ in range(poisson(rng, scenario.scrapes.restarts))
        ]
        return _Pod(factor, felt, sorted(restarts))

    # Requests

    def draw(self, begin: float, seconds: float, weight: float) -> tuple[Counted, Counted]:
        """Canary's and stable's requests; ``weight``: the canary's share of one."""
        self.weight = weight * 100
        sides = {"canary": Counted(), "stable": Counted()}
        for slot in range(round(seconds / SLOT)):
            at = begin + slot * SLOT
            mood, traffic = self._mood(at), self._traffic(at)
            for side, share in (("canary", weight), ("stable", 1 - weight)):
                pods = self.pods[side]
                for pod in pods:
                    every = poisson(self.random, traffic * SLOT * share / len(pods))
                    mine = self._requests(pod, every, at, mood)
                    self._count(pod, mine, at)
                    sides[side] = sides[side].plus(mine)
        return sides["canary"], sides["stable"]

    def _traffic(self, at: float) -> float:
        service = self.scenario.service
        swing = service.wave * math.sin(2 * math.pi * at / 1800 + self.phase)
        return service.per_second * math.exp(swing + self.random.gauss(0, service.wave / 4))

    def _mood(self, at: float) -> float:
        service = self.scenario.service
        drift: float = service.drift ** max(0.0, min(1.0, at / 1800))
        if not service.restless:
            return drift
        shape = 1 / service.restless**2
        return drift * self.random.gammavariate(shape, 1 / shape)

    def _requests(self, pod: _Pod, every: int, at: float, mood: float) -> Counted:
        service = self.scenario.service
        share, stretch, hangs = self._shares(pod, at, mood, fault=True)
        errors = self._errors(every, share)
        if service.retries and errors:
            again = binomial(self.random, errors, service.retries)
            every, errors = every + again, errors + self._errors(again, max(share, 0.5))
        slow_all = _beyond(service.latency, stretch, hangs)
        fine = every - errors if service.fails_slowly else every
        slow, before = [fine], 1.0
        for beyond in slow_all:
            slow.append(binomial(self.random, slow[-1], min(1.0, beyond / before)))
            before = max(beyond, 1e-12)
        return Counted(every, errors, [one + every - fine for one in slow[1:]])

    def _errors(self, every: int, share: float) -> int:
        clump = self.scenario.service.clump
        if clump <= 1 or share > 0.2:
            return binomial(self.random, every, share)
        found = 0
        for _ in range(poisson(self.random, every * share / clump)):
            found += 1 + int(math.log(1 - self.random.random()) / math.log(1 - 1 / clump))
        return min(every, found)

    def _shares(
        self, pod: _Pod, at: float, mood: float, *, fault: bool
    ) -> tuple[float, float, float]:
        """Errors, stretch of latencies and hangs of one pod in the slot at ``at``."""
        share, stretch, hangs = self.scenario.service.errors * pod.factor * mood, 1.0, 0.0
        for effect, windows in pod.felt:
            if effect.above > self.weight or (effect.fault and not fault):
                continue
            level = effect.strength(windows, at, at + SLOT)
            if level:
                share *= 1 + (effect.times - 1) * level
                share = max(share, effect.errors * level)
                stretch *= round(1 + (effect.stretch - 1) * level, 2)
                hangs = max(hangs, round(effect.hangs * level, 4))
        return min(1.0, share), stretch, hangs

    def harm(self, second: float) -> float:
        """The share of canary requests that the release makes worse at that time."""
        at, total = second - SLOT / 2, 0.0
        latency, pods = self.scenario.service.latency, self.pods["canary"]
        for pod in pods:
            bad = self._shares(pod, at, 1.0, fault=True)
            usual = self._shares(pod, at, 1.0, fault=False)
            pairs = zip(_beyond(latency, *bad[1:]), _beyond(latency, *usual[1:]), strict=True)
            total += max(bad[0] - usual[0], *(a - b for a, b in pairs))
        return total / len(pods)

    # Counters

    def _count(self, pod: _Pod, mine: Counted, at: float) -> None:
        """The pod's counters after a slot; what a restart finds uncounted is lost."""
        kept = mine
        if any(at <= second < at + SLOT for second in pod.restarts):
            pod.counter = [0] * len(pod.counter)
            kept = Counted(mine.every // 2, mine.errors // 2, [one // 2 for one in mine.slow])
        figures = (kept.every, kept.errors, *kept.slow)
        pod.counter = [a + b for a, b in zip(pod.counter, figures, strict=True)]

    def block(self, second: float) -> dict[str, Pair] | None:
        """What the gate is told at that time: by ``errors`` and bound, since it was told last."""
        if any(begin <= second < end for begin, end in self.scenario.scrapes.gaps):
            return None
        instant = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=second)
        seen = []
        for side, pods in self.pods.items():
            for number, pod in enumerate(pods):
                if not pod.told or self.random.random() >= self.scenario.scrapes.late:
                    pod.told = tuple(pod.counter)
                every, *bad = pod.told
                seen.append(PodCount(side, f"{side}-{number}", tuple(bad), every))
        self.tally, found = counters.advance(self.tally, instant, seen)
        canary, stable = (
            counters.together(found, side, 1 + len(BOUNDS)) for side in ("canary", "stable")
        )
        names = ["errors", *(f"latency>{bound}" for bound in BOUNDS)]
        return {
            name: Pair(canary[n], canary[0], stable[n], stable[0])
            for n, name in enumerate(names, 1)
        }

    def history(self, bounds: tuple[int, ...]) -> Mapping[str, list[dict[str, tuple[int, int]]]]:
        """Stable's last hour by minute and pod, for errors and each of ``bounds``."""
        hour: dict[str, list[dict[str, tuple[int, int]]]] = {"errors": []}
        hour |= {f"latency>{bound}": [] for bound in bounds}
        if not self.scenario.scrapes.history:
            return hour
        for minute in range(60):
            page = self._minute(-HOUR + 60 * minute)
            hour["errors"].append({p: (c.errors, c.every) for p, c in page.items()})
            for bound in bounds:
                place = BOUNDS.index(bound)
                hour[f"latency>{bound}"].append(
                    {p: (c.slow[place], c.every) for p, c in page.items()}
                )
        return hour

    def _minute(self, begin: float) -> dict[str, Counted]:
        found = {f"s{n}": Counted() for n in range(len(self.pods["stable"]))}
        for at in (begin, begin + 15, begin + 30, begin + 45):
            mood, traffic = self._mood(at), self._traffic(at)
            for number, pod in enumerate(self.pods["stable"]):
                every = poisson(self.random, traffic * SLOT / len(found))
                name = f"s{number}"
                found[name] = found[name].plus(self._requests(pod, every, at, mood))
        return found


def _drawn(rng: random.Random, an_hour: float, mean: float) -> Windows:
    """Times of something that comes ``an_hour`` times an hour and lasts ``mean`` seconds or so."""
    starts = sorted(rng.uniform(-HOUR, HOUR) for _ in range(poisson(rng, 2 * an_hour)))
    return tuple((start, start + max(1.0, rng.expovariate(1 / mean))) for start in starts)


# The classes


class Draw:
    """Figures of a class, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"classes/{seed}")

    def log(self, low: float, high: float) -> float:
        """Between the two, evenly in the logarithm, in two figures."""
        return float(f"{math.exp(self.random.uniform(math.log(low), math.log(high))):.2g}")

    def any(self, *of: float) -> float:
        """One of them."""
        return self.random.choice(of)

    def between(self, low: float, high: float) -> float:
        """A whole number."""
        return float(self.random.randint(round(low), round(high)))

    def latency(self) -> Latency:
        """A service's."""
        return Latency(
            p50=self.log(4, 600),
            sigma=self.any(0.3, 0.5, 0.8, 1.1),
            tail=self.any(0.002, 0.01, 0.03),
            stretch=self.any(4, 8, 15),
        )

    def pods(self) -> tuple[int, int]:
        """Stable's and canary's."""
        return self.random.choice([(2, 1), (3, 1), (3, 3), (5, 2), (10, 3), (10, 10), (20, 5)])

    def service(self, low: float = 3, high: float = 800, **more: float) -> Service:
        """One with that much traffic, otherwise at random."""
        stable, canary = self.pods()
        found = Service(self.log(low, high), self.log(5e-5, 0.04), self.latency(), stable, canary)
        return replace(found, **more)  # type: ignore[arg-type]


CANARY = ("canary",)
Family = Callable[[Draw], tuple[Service, tuple[Effect, ...], Scrapes]]


def _once(draw: Draw, low: float, high: float, seconds: float) -> Windows:
    start = draw.between(low, high)
    return ((start, start + seconds),)


def _repeated(first: float, every: float, lasts: float) -> Windows:
    return tuple((first + n * every, first + n * every + lasts) for n in range(int(HOUR // every)))


NOISES: dict[str, Family] = {
    "plain": lambda d: (d.service(0.5, 2000), (), Scrapes()),
    "busy": lambda d: (d.service(150, 2000), (), Scrapes()),
    "no history": lambda d: (d.service(), (), Scrapes(history=False)),
    "waves of traffic": lambda d: (
        d.service(wave=d.any(0.3, 0.6), drift=d.any(0.2, 3, 6)),
        (),
        Scrapes(),
    ),
    "restless errors": lambda d: (
        d.service(restless=d.any(0.5, 1.0), fails_slowly=True),
        (),
        Scrapes(),
    ),
    "warming up": lambda d: (
        d.service(),
        (Effect(CANARY, ((0, 90),), stretch=d.any(2, 4), fades=d.any(8, 15)),),
        Scrapes(),
    ),
    "garbage": lambda d: (
        d.service(),
        (Effect(each=(d.any(30, 80), 2), hangs=d.any(0.5, 0.9)),),
        Scrapes(),
    ),
    "retries": lambda d: (
        d.service(retries=0.8, clump=2),
        (Effect(windows=_once(d, 60, 240, d.between(20, 200)), errors=d.any(0.05, 0.3)),),
        Scrapes(),
    ),
    "restarts": lambda d: (
        d.service(),
        (),
        Scrapes(restarts=d.any(1, 4)),
    ),
    "late scrapes": lambda d: (d.service(), (), Scrapes(late=d.any(0.05, 0.2))),
    "gap": lambda d: (d.service(), (), Scrapes(gaps=_once(d, 20, 200, d.any(45, 120, 240, 600)))),
    "two gaps": lambda d: (d.service(), (), Scrapes(gaps=((45, 105), (150, 260)))),
    "shared trouble": lambda d: (
        d.service(fails_slowly=bool(d.any(0, 1))),
        (
            Effect(
                windows=_repeated(d.between(20, 120), d.any(180, 400), d.between(20, 100)),
                errors=d.any(0.03, 0.15, 0.6),
                stretch=d.any(1, 2.5),
                grows=d.any(0, 20),
            ),
        ),
        Scrapes(),
    ),
    "moody pods": lambda d: (
        d.service(),
        (Effect(each=(d.any(3, 10), d.any(8, 40)), errors=d.any(0.05, 0.3, 1.0)),),
        Scrapes(),
    ),
    "slow moods": lambda d: (
        d.service(),
        (Effect(each=(d.any(4, 12), d.any(10, 40)), stretch=d.any(2, 4)),),
        Scrapes(),
    ),
    "clumps": lambda d: (d.service(clump=d.any(3, 6, 15)), (), Scrapes()),
    "unlike pods": lambda d: (d.service(uneven=d.any(0.2, 0.4, 0.7)), (), Scrapes()),
    "cold": lambda d: (
        d.service(),
        (Effect(CANARY, ((0, d.between(5, 28)),), errors=d.any(0.02, 0.06, 0.1)),),
        Scrapes(),
    ),
    "hiccup": lambda d: (
        d.service(),
        (Effect(CANARY, _once(d, 35, 400, d.between(4, 18)), errors=d.any(0.1, 0.3, 0.6)),),
        Scrapes(),
    ),
    "one pod hiccups": lambda d: (
        d.service(stable_pods=10, canary_pods=int(d.any(3, 5, 10))),
        (Effect(CANARY, _once(d, 35, 400, d.between(5, 30)), errors=1.0, pods=1),),
        Scrapes(restarts=1),
    ),
    "better": lambda d: (
        d.service(),
        (Effect(CANARY, times=d.any(0.1, 0.5), stretch=d.any(0.6, 0.9)),),
        Scrapes(),
    ),
    "worse than yesterday": lambda d: (
        d.service(),
        (Effect(windows=((-60, HOUR),), times=d.any(5, 12), stretch=d.any(1, 1.6)),),
        Scrapes(),
    ),
}


def _bad(service: Service, draw: Draw) -> float:
    """A share of errors that is surely bad: beyond the harm cap by far."""
    return min(1.0, service.errors * draw.any(1.2, 2, 3) + draw.log(0.012, 0.3))


def _visible(service: Service, share: float, part: float = 1.0) -> bool:
    """Whether anybody could see it: eight standard errors, in 20 minutes at a third of traffic."""
    beyond = share * part - 1.1 * service.errors * (1 + 2 * service.uneven) - 0.001
    requests = service.per_second * 1200 * 0.3
    error = math.sqrt(max(share, service.errors) * part * service.clump * 1.5 / requests)
    return beyond > 8 * error


Fault = Callable[[Draw, Service], tuple[Effect, float]]


def _errors(draw: Draw, service: Service, **more: float) -> Effect:
    effect = Effect(CANARY, ((0, HOUR),), errors=_bad(service, draw), fault=True)
    return replace(effect, **more)  # type: ignore[arg-type]


def _later(onset: float, **more: float) -> Fault:
    def fault(draw: Draw, service: Service) -> tuple[Effect, float]:
        return replace(_errors(draw, service, **more), windows=((onset, HOUR),)), onset

    return fault


def _now_and_then(draw: Draw, service: Service) -> tuple[Effect, float]:
    first = draw.between(0, 100)
    effect = _errors(draw, service, errors=draw.any(0.1, 0.3, 0.6))
    return replace(effect, windows=_repeated(first, 240, 60)), first


def _one_pod(draw: Draw, service: Service) -> tuple[Effect, float]:
    return _errors(draw, service, pods=1, errors=draw.any(0.3, 0.7, 1.0)), 0.0


def _slower(draw: Draw, service: Service) -> tuple[Effect, float]:
    return _errors(draw, service, errors=0.0, stretch=draw.any(1.6, 2, 3, 6)), 0.0


def _hangs(draw: Draw, service: Service) -> tuple[Effect, float]:
    return _errors(draw, service, errors=0.0, hangs=draw.log(0.06, 0.3)), 0.0


def _tenfold(draw: Draw, service: Service) -> tuple[Effect, float]:
    return _errors(draw, service, errors=max(0.008, 10 * service.errors)), 0.0


def _crashes(draw: Draw, service: Service) -> tuple[Effect, float]:
    effect = _errors(draw, service, errors=1.0)
    return replace(effect, each=(draw.any(20, 40), draw.any(10, 20))), 0.0


FAULTS: dict[str, tuple[Fault, dict[str, float]]] = {
    "errors": (_later(0), {}),
    "errors, quiet": (_later(0), {"low": 0.7, "high": 6}),
    "errors, busy": (_later(0), {"low": 200, "high": 2000}),
    "outage": (_later(0, errors=1.0), {"low": 10, "high": 800}),
    "late outage": (_later(95, errors=1.0), {"low": 10, "high": 800}),
    "nearly an outage": (_later(0, errors=0.8), {"low": 2, "high": 300}),
    "errors after 3 minutes": (_later(180), {"low": 5, "high": 300}),
    "errors after 8 minutes": (_later(480), {"low": 3, "high": 8}),
    "more and more errors": (_later(0, grows=300), {"low": 5, "high": 300}),
    "one minute in four": (_now_and_then, {"low": 5, "high": 300}),
    "one pod": (_one_pod, {"low": 5, "high": 300}),
    "slower": (_slower, {"low": 5, "high": 300}),
    "hangs": (_hangs, {"low": 8, "high": 300}),
    "under load": (_later(0, above=20), {"low": 5, "high": 300}),
    "tenfold": (_tenfold, {"low": 60, "high": 1500}),
    "crashes": (_crashes, {"low": 5, "high": 300}),
}
WITH_NOISE = ("errors", "slower")


def classes(seed: int, times: int = 2) -> tuple[Class, ...]:
    """The classes of that seed: every noise and every fault ``times`` over, and faults in noise."""
    draw = Draw(seed)
    return (*_good(draw, times), *_faulty(draw, times), *_noisy(draw))


def _good(draw: Draw, times: int) -> Iterator[Class]:
    for name, family in NOISES.items():
        for number in range(times):
            service, effects, scrapes = family(draw)
            yield Class(_name(name, number, service), "good", service, effects, scrapes)


def _faulty(draw: Draw, times: int) -> Iterator[Class]:
    for name, (fault, limits) in FAULTS.items():
        for number in range(times):
            service = draw.service(**{"low": 5, "high": 500, **limits})
            if name == "tenfold":
                service = replace(service, errors=draw.log(0.0003, 0.001))
            effect, onset = fault(draw, service)
            title = _name(name, number, service)
            yield Class(title, _kind(service, effect), service, (effect,), onset=onset)


def _noisy(draw: Draw) -> Iterator[Class]:
    for number, (name, family) in enumerate(NOISES.items()):
        if name in ("plain", "busy", "better"):
            continue
        service, effects, scrapes = family(draw)
        service = replace(service, per_second=draw.log(10, 300))
        which = WITH_NOISE[number % len(WITH_NOISE)]
        effect, onset = FAULTS[which][0](draw, service)
        title = _name(f"{which}, {name}", 0, service)
        yield Class(title, _kind(service, effect), service, (*effects, effect), scrapes, onset)


def _kind(service: Service, effect: Effect) -> str:
    """Bad only if it could be seen at all and does what it should; else grey."""
    part = effect.pods / service.canary_pods if effect.pods else 1.0
    if effect.each:
        part = min(1.0, effect.each[0] * effect.each[1] / HOUR)
    if len(effect.windows) > 1:
        part = 0.25
    if effect.errors:
        return "bad" if _visible(service, effect.errors, part) else "grey"
    slower = _beyond(service.latency, effect.stretch, effect.hangs)
    more = max(a - 1.1 * b for a, b in zip(slower, service.latency.beyond(), strict=True))
    return "bad" if more > 0.05 and more * service.per_second >= 0.4 else "grey"


def _name(family: str, number: int, service: Service) -> str:
    pods = f"{service.stable_pods}+{service.canary_pods} pods"
    return f"{family} {number + 1}: {service.errors:.2g} at {service.per_second:g}/s, {pods}"
