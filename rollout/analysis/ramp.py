"""A whole ramp driven by plain counts: the gate without Prometheus, cluster or clock.

A stop ends by ``steprule``, as a Rollout's steps do; benchmarks, backtests and whoever has counts
of their own run the ramp here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Literal

from rollout.analysis import forecast, history, sequential, steprule
from rollout.analysis.evidence import Pair
from rollout.analysis.history import Minute, Temper
from rollout.analysis.sequential import ERRORS, Outcome, Setting, Trail
from rollout.analysis.standing import Confidence, Reading, read
from rollout.analysis.steprule import Do, Ruling, Terms, Why
from rollout.model.spec import MINUTE, PROGRESS_DEADLINE, Analysis, Canary, Ending
from rollout.model.status import Standing

MOST_COUNTED = 2.0**53  # beyond it a float is no count any more


@dataclass(frozen=True, slots=True)
class Stop:
    """One weight of the ramp: at least ``bake``, and no longer than ``time_box`` without proof.

    ``longest``: it may be as long as that where a certificate is in sight; 0: it may not.
    """

    weight: int
    bake: timedelta = MINUTE
    time_box: timedelta = 2 * MINUTE
    longest: timedelta = timedelta(0)


DEFAULT_RAMP = tuple(
    Stop(step.weight or 0, step.bake, step.box, step.longest) for step in Canary().steps
)


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Everything that the gate needs to be told; the defaults are a Rollout's.

    ``interval``: the time between two blocks.
    ``on_inconclusive``, ``on_suspicious``: what then, when a stop's time is over.
    ``blind``: how long nothing may be known before a person is asked.
    Errors: ``ValueError``, for a gate that could never decide.
    """

    outcomes: tuple[Outcome, ...] = (ERRORS,)
    ramp: tuple[Stop, ...] = DEFAULT_RAMP
    interval: timedelta = Analysis().interval
    warmup: timedelta = Analysis().warmup
    confidence: Confidence = field(default_factory=Confidence)
    on_inconclusive: Ending = Ending.PROMOTE
    on_suspicious: Literal["hold", "rollback"] = "hold"
    blind: timedelta = PROGRESS_DEADLINE

    def __post_init__(self) -> None:
        names = {outcome.name for outcome in self.outcomes}
        weights = [stop.weight for stop in self.ramp]
        if not names or len(names) < len(self.outcomes):
            raise ValueError("outcomes: at least one, each with a name of its own")
        if not weights or weights != sorted({*weights} & {*range(1, 100)}):
            raise ValueError(f"ramp: weights must rise from 1 to 99 at most, got {weights}")
        if self.interval <= timedelta(0):
            raise ValueError("interval: some time must pass between two blocks")

    def terms(self, stop: int) -> Terms:
        """What the rule of steps is told at stop number ``stop``."""
        return Terms(
            bake=self.ramp[stop].bake,
            time_box=self.ramp[stop].time_box,
            longest=self.ramp[stop].longest,
            patience=max(max(each.time_box, each.longest) for each in self.ramp),
            blind=self.blind,
            on_inconclusive=self.on_inconclusive,
            on_suspicious=self.on_suspicious,
        )


class Move(StrEnum):
    """What to do with the traffic now; two of them are final."""

    STAY = "stay"
    ADVANCE = "advance"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    HOLD = "hold"  # a person is asked; traffic stays as it is, and later blocks may still decide


FINAL = frozenset({Move.PROMOTE, Move.ROLLBACK})


@dataclass(frozen=True, slots=True)
class Decision:
    """What one block led to; ``weight`` is the canary's share from now on, in percent."""

    move: Move
    weight: int
    because: str
    reading: Reading
    certified: bool = False


class SequentialGate:
    """Feed it one block after another; it answers where the traffic goes.

    ``history``: by outcome name, stable's last hour, one mapping a minute, oldest first, pod to
    (bad, all).  Pods may come and go; an outcome without history is judged with more caution.

    Whatever it is fed, it raises nothing and concludes nothing from what it does not know.  Counts
    may be whole numbers or floats, a block any four numbers in the order of ``Pair``.  An outcome
    that is missing, negative, infinite or not a number is unknown: the others may still send the
    release back, but no step ends.  More bad requests than requests are as many as requests.  A
    side without requests proves nothing; as long as one side never had any, no step ends either.
    """

    def __init__(
        self,
        config: GateConfig = GateConfig(),
        history: Mapping[str, Sequence[Minute]] | None = None,
    ) -> None:
        self.config = config
        past = history or {}
        self.tempers = {o.name: _temper(past.get(o.name, ())) for o in config.outcomes}
        per_hour = 3600 / sequential.block_of(config.interval.total_seconds())
        self.trails: dict[str, Trail] = {
            o.name: sequential.begin(self.tempers[o.name], per_hour, o) for o in config.outcomes
        }
        self.stop = 0
        self.elapsed = timedelta(0)  # since the first block began
        self.at_stop = timedelta(0)
        self.before_stop = 0.0  # canary requests
        self.missed = 0  # intervals of which nothing is known, since the last block
        self.decision: Decision | None = None

    @property
    def weight(self) -> int:
        """The canary's share now, in percent."""
        return self.decision.weight if self.decision else self.config.ramp[0].weight

    def observe(self, block: Mapping[str, Pair] | None, *, spans: int = 1) -> Decision:
        """The decision after one more interval at ``weight``.

        ``block``: by outcome name, what was counted in it; None when nothing is known: time
        passes, evidence does not, and nothing ends but by a later block.
        ``spans``: how many intervals ``block`` covers, those already told as None among them; 0 or
        less is a second look at the same time, or at an earlier one, and adds nothing.
        After a final move the same decision is given again; after HOLD a later block may still
        send the canary back, or on.
        """
        if self.decision and self.decision.move in FINAL:
            return self.decision
        known = {} if block is None else {n: p for n, p in block.items() if n in self.trails}
        pairs = {name: pair for name, counts in known.items() if (pair := _pair(counts))}
        self._pass(not pairs, spans)
        if spans > 0:
            self._weigh(pairs, spans)
        reading = read(
            self.config.outcomes, self.trails, self._next(), self.config.confidence, self.tempers
        )
        if len(pairs) < len(self.trails) and reading.standing is not Standing.FAILED:
            reading = replace(reading, standing=Standing.NO_DATA)
        terms = self.config.terms(self.stop)
        ruled = steprule.ruling(reading.standing, self.at_stop, terms, self._certain_in())
        move, because = self._move(ruled), _BECAUSE[ruled.why]
        if spans <= 0 and move is not Move.ROLLBACK:
            move, because = Move.STAY, "no time has passed"
        self.decision = self._do(move, because, reading)
        return self.decision

    def _pass(self, unknown: bool, spans: int) -> None:
        """Time goes on by what was not told yet."""
        intervals = max(0, spans) if unknown else max(0, spans - self.missed, min(1, spans))
        self.missed = self.missed + intervals if unknown else self.missed if spans <= 0 else 0
        self.elapsed += intervals * self.config.interval
        self.at_stop += intervals * self.config.interval

    def _weigh(self, block: Mapping[str, Pair], spans: int) -> None:
        began = self.elapsed - spans * self.config.interval
        setting = Setting(
            levels=tuple(sorted({s.weight for s in self.config.ramp[self.stop + 1 :]} | {100})),
            interval=self.config.interval.total_seconds(),
            warm=began + self.config.interval / 2 < self.config.warmup,
        )
        for outcome in self.config.outcomes:
            if pair := block.get(outcome.name):
                trail, temper = self.trails[outcome.name], self.tempers[outcome.name]
                self.trails[outcome.name] = sequential.weigh(trail, pair, outcome, temper, setting)

    def _certain_in(self) -> timedelta | None:
        """When a canary like stable is certified, at the rate of its requests at this stop."""
        every = [trail.counted.canary_all for trail in self.trails.values()]
        seconds = self.at_stop.total_seconds()
        rate = (max(every) - self.before_stop) / seconds if seconds else 0.0
        weighed = [(o, self.trails[o.name], self.tempers[o.name]) for o in self.config.outcomes]
        weights = self.config.ramp[self.stop].weight, self._next()
        more = forecast.requests_left(weighed, weights, self.config.confidence)
        return forecast.time_for(more, rate)

    def _next(self) -> int:
        last = self.stop + 1 == len(self.config.ramp)
        return 100 if last else self.config.ramp[self.stop + 1].weight

    def _move(self, ruled: Ruling) -> Move:
        if ruled.do is Do.OPEN:
            return Move.PROMOTE if self._next() == 100 else Move.ADVANCE
        return _MOVES[ruled.do]

    def _do(self, move: Move, because: str, reading: Reading) -> Decision:
        if move is Move.ADVANCE:
            self.stop, self.at_stop = self.stop + 1, timedelta(0)
            self.before_stop = max(trail.counted.canary_all for trail in self.trails.values())
        ends = {Move.PROMOTE: 100, Move.ROLLBACK: 0}
        weight = ends.get(move, self.config.ramp[self.stop].weight)
        certified = reading.standing is Standing.CERTIFIED
        return Decision(move, weight, because, reading, certified)


_MOVES = {Do.WAIT: Move.STAY, Do.ASK: Move.HOLD, Do.BACK: Move.ROLLBACK}
_BECAUSE: Mapping[Why, str] = {
    Why.FAILED: "enough evidence that it is worse",
    Why.BLIND: "no data",
    Why.BAKING: "baking",
    Why.CERTIFIED: "certified below the harm cap",
    Why.UNJUDGED: "nothing to judge by",
    Why.GATHERING: "waiting for evidence",
    Why.SUSPICIOUS: "suspicious, time is up",
    Why.TOO_FEW: "too little traffic to judge",
    Why.UNCERTIFIED: "not certified, time is up",
}


def _pair(counts: Sequence[float]) -> Pair | None:
    """The counts as a block; None where they are none."""
    match _numbers(counts):
        case (bad, every, stable_bad, stable_all):
            return Pair(min(bad, every), every, min(stable_bad, stable_all), stable_all)
    return None


def _numbers(counts: Sequence[float]) -> list[float]:
    """The counts, whole ones without a point; none at all where any is no count."""
    try:
        numbers = [float(count) for count in counts]
    except (TypeError, ValueError, ArithmeticError):
        return []
    if not all(0 <= number < MOST_COUNTED for number in numbers):
        return []
    return [int(number) if number.is_integer() else number for number in numbers]


def _temper(minutes: Sequence[Minute]) -> Temper:
    """What stable's hour says, without the pods' minutes that say nothing."""
    pages = [{pod: _numbers(counts) for pod, counts in page.items()} for page in minutes]
    return history.temper(
        [
            {pod: (min(of), of[1]) for pod, of in page.items() if len(of) == 2 and of[1] > 0}
            for page in pages
        ]
    )
