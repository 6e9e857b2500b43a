"""The gate over past traffic: how often would it have sent back a release that never happened?

Some of stable's own pods play the canary.  Whatever is sent back then is a false alarm of the
gate or a trouble of the service that it cannot tell from a bad release: both are worth knowing
before the gate is switched on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.analysis.evidence import Pair
from rollout.analysis.history import Minute
from rollout.analysis.ramp import FINAL, Decision, GateConfig, Move, SequentialGate
from rollout.analysis.sequential import Outcome

Block = Mapping[str, Minute]
"""One interval of stable's past: outcome name to pod to its bad and all requests."""

MINUTE_BLOCKS = 4  # blocks of the usual 15 s; the history wants minutes


@dataclass(frozen=True, slots=True)
class Pretended:
    """One release that never happened: the block it began at, who played it, how it ended.

    ``decision``: None when the past was over before it ended.
    """

    begin: int
    canary: tuple[str, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """All pretended releases of one past."""

    releases: tuple[Pretended, ...]

    def ended(self, move: Move) -> tuple[Pretended, ...]:
        """Those that ended with ``move``."""
        return tuple(r for r in self.releases if r.decision and r.decision.move is move)


def backtest(
    past: Sequence[Block | None], config: GateConfig, every: int, hour: int = 240
) -> Backtest:
    """A pretended release each ``every`` blocks, after the first ``hour`` of them.

    ``past``: one block per interval, oldest first; None where nothing is known.
    Each release is played by another half of the pods.  One pod cannot be divided: no releases.
    """
    starts = range(hour, len(past), max(1, every))
    played = [_play(past, config, begin, turn, hour) for turn, begin in enumerate(starts)]
    return Backtest(tuple(one for one in played if one is not None))


def _play(
    past: Sequence[Block | None], config: GateConfig, begin: int, turn: int, hour: int
) -> Pretended | None:
    pods = sorted({pod for block in past[begin - hour : begin] if block for pod in _pods(block)})
    canary = frozenset(pods[turn % 2 :: 2])
    if not canary or len(canary) == len(pods):
        return None
    gate = SequentialGate(config, _history(past[begin - hour : begin], config.outcomes, canary))
    decision, missing = None, 0
    for block in past[begin:]:
        decision = gate.observe(
            None if block is None else _divided(block, config.outcomes, canary), spans=1 + missing
        )
        missing = missing + 1 if block is None else 0
        if decision.move in FINAL:
            return Pretended(begin, tuple(sorted(canary)), decision)
    return Pretended(begin, tuple(sorted(canary)), None)


def _pods(block: Block) -> set[str]:
    return {pod for minute in block.values() for pod in minute}


def _history(
    hour: Sequence[Block | None], outcomes: Sequence[Outcome], canary: frozenset[str]
) -> dict[str, list[Minute]]:
    """The hour before, of the pods that stay stable, in minutes."""
    return {
        outcome.name: [
            _summed([block[outcome.name] for block in hour[i : i + MINUTE_BLOCKS] if block], canary)
            for i in range(0, len(hour), MINUTE_BLOCKS)
        ]
        for outcome in outcomes
    }


def _summed(minutes: Sequence[Minute], canary: frozenset[str]) -> Minute:
    total: dict[str, tuple[int, int]] = {}
    for minute in minutes:
        for pod, (bad, every) in minute.items():
            if pod not in canary:
                before = total.get(pod, (0, 0))
                total[pod] = (before[0] + bad, before[1] + every)
    return total


def _divided(block: Block, outcomes: Sequence[Outcome], canary: frozenset[str]) -> dict[str, Pair]:
    """The block's counts of those who play the canary, and of the others."""
    divided = {}
    for outcome in outcomes:
        pair = Pair(0, 0, 0, 0)
        for pod, (bad, every) in block[outcome.name].items():
            mine = (bad, every, 0, 0) if pod in canary else (0, 0, bad, every)
            pair = pair.plus(Pair(*mine))
        divided[outcome.name] = pair
    return divided
