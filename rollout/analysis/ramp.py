"""A whole ramp driven by plain counts: the gate without Prometheus, cluster or clock.

The rules are those of a Rollout's steps (bake, time box, endings); benchmarks, backtests and
anyone with counts of his own run them here.  Source: facts of the pre-study, gating 2.6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from rollout.analysis import history, sequential
from rollout.analysis.evidence import Pair
from rollout.analysis.history import Minute, Temper
from rollout.analysis.sequential import (
    ERRORS,
    Confidence,
    Outcome,
    Reading,
    Setting,
    Standing,
    Trail,
)

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Stop:
    """One weight of the ramp: at least ``bake``, and no longer than ``time_box`` without proof."""

    weight: int
    bake: timedelta = MINUTE
    time_box: timedelta = 2 * MINUTE


DEFAULT_RAMP = (
    *(Stop(weight) for weight in (5, 10, 20, 30)),
    Stop(40, time_box=20 * MINUTE),
)


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Everything that the gate needs to be told; the defaults are a Rollout's.

    ``interval``: the time between two blocks.
    ``on_inconclusive``, ``on_suspicious``: promote, hold or rollback when the last stop's time
    box is over.
    """

    outcomes: tuple[Outcome, ...] = (ERRORS,)
    ramp: tuple[Stop, ...] = DEFAULT_RAMP
    interval: timedelta = timedelta(seconds=15)
    warmup: timedelta = timedelta(seconds=30)
    confidence: Confidence = field(default_factory=Confidence)
    on_inconclusive: str = "promote"
    on_suspicious: str = "hold"


class Move(StrEnum):
    """What to do with the traffic now; the last three are final."""

    STAY = "stay"
    ADVANCE = "advance"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    HOLD = "hold"  # a person decides; traffic goes back to the first stop's weight


FINAL = frozenset({Move.PROMOTE, Move.ROLLBACK, Move.HOLD})


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

    ``history``: by outcome name, stable's last hour, one mapping a minute, pod to (bad, all).
    """

    def __init__(
        self,
        config: GateConfig = GateConfig(),
        history: Mapping[str, Sequence[Minute]] | None = None,
    ) -> None:
        self.config = config
        past = history or {}
        self.tempers = {o.name: _temper(past.get(o.name, ())) for o in config.outcomes}
        per_hour = timedelta(hours=1) / config.interval
        self.trails: dict[str, Trail] = {
            o.name: sequential.begin(self.tempers[o.name], per_hour, o) for o in config.outcomes
        }
        self.stop = 0
        self.elapsed = timedelta(0)  # since the first block began
        self.at_stop = timedelta(0)
        self.decision: Decision | None = None

    @property
    def weight(self) -> int:
        """The canary's share now, in percent."""
        return self.decision.weight if self.decision else self.config.ramp[0].weight

    def observe(self, block: Mapping[str, Pair] | None, *, spans: int = 1) -> Decision:
        """The decision after one more interval at ``weight``.

        ``block``: by outcome name, what was counted in it; None when nothing is known: time
        passes, evidence does not, and nothing ends but by a later block.
        ``spans``: how many intervals ``block`` covers, after a gap already told as None.
        After a final move the same decision is given again.
        """
        if self.decision and self.decision.move in FINAL:
            return self.decision
        if block is not None:
            self._weigh(block, spans)
        self.elapsed += self.config.interval
        self.at_stop += self.config.interval
        reading = sequential.read(
            self.config.outcomes, self.trails, self._next(), self.config.confidence, self.tempers
        )
        move, because = self._move(reading) if block is not None else (Move.STAY, "no data")
        self.decision = self._do(move, because, reading)
        return self.decision

    def _weigh(self, block: Mapping[str, Pair], spans: int) -> None:
        began = self.elapsed - (spans - 1) * self.config.interval
        setting = Setting(
            levels=tuple(sorted({s.weight for s in self.config.ramp[self.stop + 1 :]} | {100})),
            pace=sequential.pace_of(self.config.interval.total_seconds()),
            warm=began < self.config.warmup,
        )
        for outcome in self.config.outcomes:
            self.trails[outcome.name] = sequential.weigh(
                self.trails[outcome.name],
                block[outcome.name],
                outcome,
                self.tempers[outcome.name],
                setting,
            )

    def _next(self) -> int:
        last = self.stop + 1 == len(self.config.ramp)
        return 100 if last else self.config.ramp[self.stop + 1].weight

    def _move(self, reading: Reading) -> tuple[Move, str]:
        stop = self.config.ramp[self.stop]
        onward = Move.PROMOTE if self._next() == 100 else Move.ADVANCE
        if reading.standing is Standing.FAILED:
            return Move.ROLLBACK, "enough evidence that it is worse"
        if self.at_stop < stop.bake:
            return Move.STAY, "baking"
        if reading.standing is Standing.CERTIFIED:
            return onward, "certified below the harm cap"
        if reading.standing is Standing.SUSPICIOUS:
            if self.at_stop < max(s.time_box for s in self.config.ramp):
                return Move.STAY, "suspicious"
            return Move(self.config.on_suspicious), "suspicious, time is up"
        if self.at_stop < stop.time_box:
            return Move.STAY, "waiting for evidence"
        if onward is Move.ADVANCE:
            return onward, "time is up, nothing suspicious"
        if reading.standing is Standing.TOO_FEW:
            return Move.HOLD, "too little traffic to judge"
        return Move(self.config.on_inconclusive), "not certified, time is up"

    def _do(self, move: Move, because: str, reading: Reading) -> Decision:
        if move is Move.ADVANCE:
            self.stop, self.at_stop = self.stop + 1, timedelta(0)
        ends = {Move.PROMOTE: 100, Move.ROLLBACK: 0, Move.HOLD: self.config.ramp[0].weight}
        weight = ends.get(move, self.config.ramp[self.stop].weight)
        certified = reading.standing is Standing.CERTIFIED
        return Decision(move, weight, because, reading, certified)


def _temper(minutes: Sequence[Minute]) -> Temper:
    return history.temper(minutes)
