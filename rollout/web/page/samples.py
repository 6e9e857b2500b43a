"""What was counted, over time: a short memory of each journey's verdicts, for plots.

A status has the newest counts only. Whoever begins late has a plot that begins late.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout.messages import evidence
from rollout.messages.page.rows import short
from rollout.model.status import Attempt, Counted, Verdict

MOST = 240
"""Samples of one metric: an hour at full resolution, then every second one goes."""

METRICS = 8  # of one rollout
_FIELDS = 7  # time, canary bad and all, stable bad and all, evidence, tolerated
_UNKNOWN = -1.0


@dataclass(slots=True)
class Series:
    """One metric of one attempt; ``outcome``: what is counted as bad, as ``Counted`` has it."""

    label: str
    outcome: str
    bar: float | None = None
    numbers: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, at: datetime, verdict: Verdict, counted: Counted) -> None:
        """One more sample, unless nothing was counted since the last."""
        last = self.numbers[-_FIELDS:]
        sides = (counted.canary_bad, counted.canary_all, counted.stable_bad, counted.stable_all)
        if last and tuple(last[1:5]) == sides:
            return
        self.bar = verdict.bar
        limits = (verdict.evidence, verdict.tolerated)
        known = (_UNKNOWN if one is None else one for one in limits)
        self.numbers.extend((at.timestamp(), *sides, *known))
        if len(self.numbers) > MOST * _FIELDS:
            kept = [row for index, row in enumerate(self._rows()) if index % 2]
            self.numbers = array("d", [number for row in kept for number in row])

    def shown(self) -> Mapping[str, Any]:
        """Both sides' shares of bad requests between two samples, and the evidence at each.

        Aligned with ``at``, in milliseconds; None where nothing was counted or known.
        """
        rows = list(self._rows())
        before: Sequence[float] = (0.0,) * _FIELDS
        canary, stable = [], []
        for row in rows:
            canary.append(_share(row[1] - before[1], row[2] - before[2]))
            stable.append(_share(row[3] - before[3], row[4] - before[4]))
            before = row
        return {
            "label": self.label,
            "bar": self.bar,
            "at": [round(row[0] * 1000) for row in rows],
            "canary": canary,
            "stable": stable,
            "evidence": [_known(row[5]) for row in rows],
            "tolerated": [_known(row[6]) for row in rows],
        }

    def _rows(self) -> Iterator[Sequence[float]]:
        for begin in range(0, len(self.numbers), _FIELDS):
            yield self.numbers[begin : begin + _FIELDS]


def _share(bad: float, every: float) -> float | None:
    """A new step may count anew, and a share is never below 0 or above 1."""
    return round(min(1.0, max(0.0, bad / every)), 6) if every > 0 else None


def _known(number: float) -> float | None:
    return None if number < 0 else number


@dataclass(slots=True)
class Memory:
    """The series of one rollout's attempt."""

    number: int = -1
    series: dict[str, Series] = field(default_factory=dict)

    def take(self, attempt: Attempt, now: datetime) -> None:
        """What ``attempt`` says now; another attempt begins anew."""
        if attempt.number != self.number:
            self.number, self.series = attempt.number, {}
        for verdict in attempt.verdicts[:METRICS]:
            counted = verdict.counted
            if counted is None:
                continue
            known = self.series.get(verdict.metric)
            if known is None or known.outcome != counted.outcome:
                known = Series(short(evidence.label(verdict)), counted.outcome)
                self.series[verdict.metric] = known
            known.add(verdict.until or now, verdict, counted)

    def shown(self) -> list[Mapping[str, Any]]:
        """Every metric's plots."""
        return [one.shown() for one in self.series.values()]
