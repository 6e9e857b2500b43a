"""The gate over past traffic: how often would it have sent back a release that never happened?

Some of stable's own pods play the canary.  Whatever is sent back then is a false alarm of the
gate or a trouble of the service that it cannot tell from a bad release: both are worth knowing
before the gate is switched on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rollout.analysis import counters, words
from rollout.analysis.counters import Tally
from rollout.analysis.evidence import Pair
from rollout.analysis.history import Minute
from rollout.analysis.ramp import FINAL, Decision, GateConfig, Move, SequentialGate
from rollout.analysis.sequential import Outcome
from rollout.model.observation import Counts

Block = Mapping[str, Minute]
"""One interval of stable's past: outcome name to pod to its bad and all requests."""

ENDS = FINAL | {Move.HOLD}  # nobody is there to answer; a person had to be asked
MINUTE_BLOCKS = 4  # blocks of the usual 15 s; the history wants minutes


@dataclass(frozen=True, slots=True)
class Pretended:
    """One release that never happened: the block it began at, who played it, how it ended.

    ``decision``: None when the past was over before it ended.
    ``blocks``: how many it took.
    ``evidence``: what spoke most against it, in words and counts.
    """

    begin: int
    canary: tuple[str, ...]
    decision: Decision | None
    blocks: int = 0
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Backtest:
    """All pretended releases of one past."""

    releases: tuple[Pretended, ...]

    def ended(self, move: Move) -> tuple[Pretended, ...]:
        """Those that ended with ``move``."""
        return tuple(r for r in self.releases if r.decision and r.decision.move is move)


@dataclass(frozen=True, slots=True)
class Weighed:
    """Where an outcome's bad requests stand: its source, and their place among its bad counts."""

    outcome: Outcome
    source: str
    kind: int


def blocks(
    answers: Mapping[str, Sequence[Counts]], outcomes: Sequence[Weighed]
) -> list[Block | None]:
    """What was counted between each two instants; None where a source had no counters at all.

    ``answers``: by source, for the same instants, oldest first.
    After a gap the next block has all that was counted meanwhile.
    """
    counted = {key: _counted(told) for key, told in answers.items()}
    return [
        None if any(part is None for part in parts) else _block(counted, outcomes, index)
        for index, parts in enumerate(zip(*counted.values(), strict=True))
    ]


def _counted(told: Sequence[Counts]) -> list[Mapping[str, counters.Figures] | None]:
    tally, found = Tally(), list[Mapping[str, counters.Figures] | None]()
    for counts in told:
        first, fresh = tally.at is None, None
        if counts.pods:
            tally, fresh = counters.advance(tally, counts.at, counts.pods)
        found.append(None if first else fresh)
    return found[1:]


def _block(
    counted: Mapping[str, Sequence[Mapping[str, counters.Figures] | None]],
    outcomes: Sequence[Weighed],
    index: int,
) -> Block:
    return {
        one.outcome.name: {
            pod: (figures[one.kind + 1], figures[0])
            for pod, figures in (counted[one.source][index] or {}).items()
        }
        for one in outcomes
    }


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
    for taken, block in enumerate(past[begin:], 1):
        decision = gate.observe(
            None if block is None else _divided(block, config.outcomes, canary), spans=1 + missing
        )
        missing = missing + 1 if block is None else 0
        if decision.move in ENDS:
            return Pretended(begin, tuple(sorted(canary)), decision, taken, _evidence(gate))
    return Pretended(begin, tuple(sorted(canary)), None, len(past) - begin)


def _evidence(gate: SequentialGate) -> str:
    """The outcome with most evidence against it, as a verdict has it."""
    assert gate.decision is not None  # noqa: S101 - it has observed a block
    outcome = gate.decision.reading.leading
    bar = 1 / gate.config.confidence.false_rollback
    bar *= len({one.metric for one in gate.config.outcomes})
    return words.verdict(outcome, gate.trails[outcome.name], bar, gate.tempers[outcome.name])


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
    total: dict[str, tuple[float, float]] = {}
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
