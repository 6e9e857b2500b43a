"""Where a canary stands by all that was counted, and why.

Nothing passes on what is not known: no answer, no counters, stale or too few are standings of
their own, and none of them opens a gate.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rollout.analysis import forecast, grid, learning, limits, memory, plan, sequential, words
from rollout.analysis.asking import probe, questions
from rollout.analysis.history import UNKNOWN, Temper
from rollout.analysis.learning import Case, Seen
from rollout.analysis.memory import Memory, Strikes
from rollout.analysis.plan import Judged, Kind
from rollout.analysis.sequential import Outcome, Trail
from rollout.analysis.standing import Reading, can_tell, read, requests
from rollout.analysis.window import Journey, Window
from rollout.model.observation import Counting, NoAnswer, View
from rollout.model.spec import Metric
from rollout.model.status import (
    Counted,
    Standing,
    Verdict,
)
from rollout.model.status import Outcome as Said
from rollout.model.units import counted, sentence

__all__ = ["Journey", "Judgement", "Seen", "Window", "judge", "questions"]

STALE_AFTER = 4  # intervals without any counter
BOTH_SIDES = 2  # times the canary's weight: so many failures are not the canary's alone


@dataclass(frozen=True, slots=True)
class Judgement:
    """Where the canary stands, why, and what to remember until the next look.

    ``checkpoint``: JSON values only, spelled out when they are read.
    ``because``: under 80 characters.
    ``need``: what a certificate still takes, as a forecast; empty when that cannot be told.
    ``certain_in``: how long that takes; None when it is not in sight.
    """

    standing: Standing
    verdicts: tuple[Verdict, ...]
    checkpoint: Mapping[str, Any]
    because: str
    need: str = ""
    certain_in: timedelta | None = None


def judge(
    journey: Journey,
    step_metrics: tuple[Metric, ...],
    window: Window,
    checkpoint: Mapping[str, Any],
    seen: Seen,
    now: datetime,
) -> Judgement:
    """What ``seen``, the answers to ``questions``, means together with all looks before it.

    Judging the same answers twice is judging them once.
    """
    case = Case(journey, plan.judged(journey, step_metrics, window), window, seen, now)
    kept = learning.learn(case, memory.recall(checkpoint, now))
    weighed = {one.name: _weighed(case, kept, one) for one in case.metrics if one.source}
    bench = _Bench(case, kept, weighed)
    together = bench.together()
    found = [bench.found(one, together) for one in case.metrics]
    standing, because = bench.conclude(found, together)
    verdicts = tuple(bench.verdict(one) for one in found)
    waits = standing in WAITING
    more, rate = bench.need() if waits else (math.inf, 0.0)
    quiet = waits and window.mirrored and rate <= 0
    return Judgement(
        standing,
        verdicts,
        memory.Checkpoint(kept),
        sentence(because),
        words.QUIET if quiet else words.needed(more, rate),
        forecast.time_for(more, rate),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """One metric's standing by itself; ``text`` says why.

    ``named``: the text begins with what was measured (``latency>250ms: …``), which says more than
    the metric's name. ``leading``: the outcome of counts that has most against the canary.
    ``before``: its newest reading is of before this window, and so nothing that could open a gate.
    """

    one: Judged
    standing: Standing
    text: str
    log_e: float | None = None
    named: bool = False
    leading: "_Weighed | None" = None
    before: bool = False


BLIND = (Standing.ERROR, Standing.NO_DATA)
WAITING = (Standing.TOO_FEW, Standing.CLEAN)
SAID = {
    Standing.FAILED: Said.FAIL,
    Standing.CERTIFIED: Said.PASS,
    Standing.ERROR: Said.ERROR,
}
"""Every other standing is inconclusive."""


class _Weighed(NamedTuple):
    """One outcome with all that was learned of it."""

    outcome: Outcome
    trail: Trail
    temper: Temper


def _weighed(case: Case, kept: Memory, one: Judged) -> list[_Weighed]:
    tempers = kept.source(one.source).tempers
    return [
        _Weighed(
            outcome,
            kept.trails.get(outcome.name, sequential.FRESH),
            tempers[kind] if tempers else UNKNOWN,
        )
        for kind, outcome in case.outcomes(kept, one)
    ]


@dataclass(frozen=True, slots=True)
class _Bench:
    """Everything learned so far, and how it is read; ``weighed``: by metric."""

    case: Case
    kept: Memory
    weighed: Mapping[str, list[_Weighed]]

    # What is known of all metrics together

    def together(self) -> Reading | None:
        """The evidence of every metric that acts; None where none can."""
        weighed = [each for one in self._acting() for each in self.weighed[one.name]]
        return self._read(weighed, 1) if weighed else None

    def _acting(self) -> list[Judged]:
        able = [m for m in self.case.metrics if m.kind is Kind.COUNTS and self.case.can_tell(m)]
        return [one for one in able if not one.metric.dry_run]

    def _read(self, weighed: Sequence[_Weighed], part: float) -> Reading:
        """``part``: of the error budget that these outcomes have for themselves."""
        return read(
            [each.outcome for each in weighed],
            {each.outcome.name: each.trail for each in weighed},
            self.case.window.percent,
            plan.confidence(self.case.journey.analysis, part),
            {each.outcome.name: each.temper for each in weighed},
        )

    def _leading(self, one: str, reading: Reading) -> _Weighed:
        """The outcome of metric ``one`` that ``reading`` found to have most against it."""
        return next(e for e in self.weighed[one] if e.outcome.name == reading.leading.name)

    # One metric

    def found(self, one: Judged, together: Reading | None) -> _Found:
        """Where ``one`` stands by itself."""
        if one.kind is Kind.BROKEN:
            return _Found(one, Standing.ERROR, one.problem)
        if one.kind is Kind.VALUE:
            return self._found_value(one)
        if one.kind is Kind.SERVICE:
            return self._found_service(one)
        if not self.case.can_tell(one):
            return _Found(one, Standing.NOTHING, "stable has no traffic to compare with")
        return self._found_counts(one, together)

    def _found_value(self, one: Judged) -> _Found:
        strikes = self.kept.strikes.get(one.name, Strikes())
        text = limits.text(one.metric, strikes)
        if limits.has_failed(strikes, one.metric.failures):
            return _Found(one, Standing.FAILED, text)
        if answer := self.case.no_answer(one.name):
            return _unanswered(one, answer)
        if strikes.at is None or self._is_stale(strikes.at):
            return _Found(one, Standing.NO_DATA, f"no fresh reading; {text}")
        standing = Standing.SUSPICIOUS if strikes.beyond else Standing.CERTIFIED
        return _Found(one, standing, text, before=strikes.at < self.case.window.since)

    def _found_service(self, one: Judged) -> _Found:
        """Clients' failures without an endpoint: the canary's only as far as its weight goes."""
        strikes = self.kept.strikes.get(one.name, Strikes())
        if answer := self.case.no_answer(one.source):
            return _unanswered(one, answer)
        if strikes.last is None:
            return _Found(one, Standing.NOTHING, "no client has counted this service")
        text = f"{words.share_of(strikes.last)} of all requests found no healthy upstream"
        if not strikes.beyond:
            return _Found(one, Standing.CERTIFIED, text)
        if strikes.last > BOTH_SIDES * self.case.window.weight / 100:
            return _Found(one, Standing.SUSPICIOUS, f"{text}, more than the canary's share")
        failed = limits.has_failed(strikes, one.metric.failures)
        return _Found(one, Standing.FAILED if failed else Standing.SUSPICIOUS, text)

    def _found_counts(self, one: Judged, together: Reading | None) -> _Found:
        weighed = self.weighed[one.name]
        if not weighed:
            return self._unknown(one) or _Found(one, Standing.NO_DATA, "no bounds are known yet")
        strikes = self.kept.strikes.get(one.name, Strikes())
        part = 1.0 if one.metric.dry_run else 1 / len(self._acting())
        reading = self._read(weighed, part)
        leading = self._leading(one.name, reading)
        text, named = self._text(leading, reading, part), one.counting is Counting.SLOW
        if one.metric.strict and limits.has_failed(strikes, one.metric.failures):
            failed = f"{limits.count(one.metric, strikes)}; {text}"
            return _Found(one, Standing.FAILED, failed, leading=leading)
        if reading.standing is Standing.FAILED or _leads_to_failure(one, together):
            return _Found(one, Standing.FAILED, text, reading.log_e, named, leading)
        if unknown := self._unknown(one):
            said = f"{unknown.text}; {text}" if leading.trail.blocks else unknown.text
            return _Found(one, unknown.standing, said, reading.log_e, leading=leading)
        if not reading.telling and reading.standing is Standing.CLEAN:
            return _Found(one, Standing.NOTHING, text, reading.log_e, named, leading)
        beyond = one.metric.strict and strikes.beyond
        standing = Standing.SUSPICIOUS if beyond else reading.standing
        return _Found(one, standing, text, reading.log_e, named, leading)

    def _text(self, leading: _Weighed, reading: Reading, part: float) -> str:
        outcome, confidence = leading.outcome, self.case.journey.analysis.confidence
        text = words.verdict(outcome, leading.trail, self._bar(part), leading.temper)
        if not reading.certified:
            return text
        percent, risk = self.case.window.percent, confidence.false_promote
        return f"{text}; {words.certificate(outcome.harm, percent, risk)}"

    # What is not known

    def _unknown(self, one: Judged) -> _Found | None:
        """Why nothing may be concluded from ``one`` now, if so."""
        for key in (one.source, *(probe(one.source, view) for view in View)):
            if answer := self.case.no_answer(key):
                return _unanswered(one, answer)
        source, window = self.kept.source(one.source), self.case.window
        beyond = one.counting is Counting.SLOW and source.bounds
        if beyond and not self.weighed[one.name]:
            return _Found(one, Standing.ERROR, "no histogram bucket is as long as asked for")
        seen = source.tally.last_seen()
        if seen is None and window.mirrored:
            return _Found(one, Standing.NO_DATA, words.QUIET)
        if seen is None:
            names = f"{window.workload(window.stable)} or {window.workload(window.canary)}"
            return _Found(one, Standing.NO_DATA, f"no counters of {names} yet")
        if self._is_stale(seen):
            age = (self.case.now - seen).total_seconds()
            return _Found(one, Standing.NO_DATA, f"no fresh samples for {age:.0f}s, evidence kept")
        if source.tally.lost(window.canary):
            name = window.workload(window.canary)
            return _Found(one, Standing.NO_DATA, f"the counters of {name} are gone")
        return None

    def _is_stale(self, at: datetime) -> bool:
        interval = self.case.interval
        return self.case.now - at > STALE_AFTER * interval + grid.lag(interval)

    # The conclusion

    def conclude(self, found: Sequence[_Found], together: Reading | None) -> tuple[Standing, str]:
        """Where the canary stands by all metrics, and the one sentence that says why."""
        acting = [f for f in found if not f.one.metric.dry_run]
        acting = [f for f in acting if f.standing is not Standing.NOTHING]
        if not acting and together is None:
            return Standing.NOTHING, "there is no metric to judge by"
        for standing in (Standing.FAILED, *BLIND, Standing.SUSPICIOUS):
            for one in acting:
                if one.standing is standing:
                    return standing, self._because(one)
        if (late := next((one for one in acting if one.before), None)) is not None:
            return Standing.NO_DATA, f"{late.one.name}: no reading since the route was there"
        if together is None:
            return Standing.CERTIFIED, "every reading is within its limits"
        return together.standing, self._harmless(together)

    def _because(self, found: _Found) -> str:
        if found.standing in BLIND:
            return f"{found.one.name}: {found.text.split('; ')[0]}"
        if found.log_e is None:
            return f"{found.one.name}: {_without(found.text, found.one.name)}"
        worst = max(self.weighed[found.one.name], key=lambda each: each.trail.log_e)
        return f"{worst.outcome.name}: {words.sides(worst.trail.counted, worst.outcome.line)}"

    def _harmless(self, together: Reading) -> str:
        match together.standing:
            case Standing.CERTIFIED:
                return "certified to cost users no more than the harm cap"
            case Standing.TOO_FEW:
                leading = self._leading(together.leading.metric, together)
                seen = requests(leading.outcome, leading.trail)
                side = "canary" if seen == leading.trail.counted.canary_all else "stable"
                least = self.case.journey.analysis.min_requests
                return f"{counted(seen, f'{side} request')} so far, {least} wanted"
        if blind := self._blind():
            return f"{blind} cannot show a worse canary: nearly all are bad on both sides"
        sign = "some" if together.standing is Standing.SUSPICIOUS else "no"
        return f"{sign} sign of harm, not certified yet"

    def _blind(self) -> str:
        """The first metric none of whose outcomes can tell; empty where there is none."""
        metrics = (one.name for one in self._acting())
        return next((m for m in metrics if not any(can_tell(*e) for e in self.weighed[m])), "")

    def verdict(self, found: _Found) -> Verdict:
        """What is said of one metric in the status."""
        one = found.one
        text = found.text if found.named else f"{one.name}: {_without(found.text, one.name)}"
        bar, tolerated = self._limits(found)
        return Verdict(
            metric=one.name,
            outcome=SAID.get(found.standing, Said.INCONCLUSIVE),
            text=text[:249],
            standing=found.standing,
            counted=_counted(found.leading),
            evidence=None if found.log_e is None else words.e_value(found.log_e),
            certified=found.standing is Standing.CERTIFIED,
            since=self.kept.began,
            until=self.kept.source(one.source).tally.at,
            step=self.case.window.step,
            dry_run=one.metric.dry_run,
            bar=bar,
            tolerated=tolerated,
        )

    def _limits(self, found: _Found) -> tuple[float | None, float | None]:
        """The evidence at which it fails, and the canary's worst share that is still fine."""
        leading = found.leading
        if leading is None or found.log_e is None or not leading.trail.blocks:
            return None, None
        line = sequential.widened(leading.outcome.line, leading.temper)
        counted = leading.trail.counted
        share = counted.stable_bad / counted.stable_all if counted.stable_all else 0.0
        bar = self._bar(1.0 if found.one.metric.dry_run else 1 / len(self._acting()))
        return float(f"{bar:.4g}"), float(f"{line.at(share):.4g}")

    def _bar(self, part: float) -> float:
        """The e-value at which one outcome alone sends the canary back; ``part``: its budget."""
        return 1 / self.case.journey.analysis.confidence.false_rollback / part

    def need(self) -> tuple[float, float]:
        """How many more canary requests a certificate takes, and how many come in a second."""
        window = self.case.window
        weighed = [each for one in self._acting() for each in self.weighed[one.name]]
        sure = plan.confidence(self.case.journey.analysis)
        more = forecast.requests_left(weighed, (window.weight, window.percent), sure)
        return more, max(self.kept.source(one.source).rate for one in self._acting())


def _counted(leading: _Weighed | None) -> Counted | None:
    """The requests that the evidence is of; None where none came."""
    if leading is None or not leading.trail.blocks:
        return None
    return Counted(leading.outcome.name, *leading.trail.counted)


def _unanswered(one: Judged, answer: NoAnswer) -> _Found:
    standing = Standing.ERROR if answer.outcome is Said.ERROR else Standing.NO_DATA
    return _Found(one, standing, answer.because)


def _leads_to_failure(one: Judged, together: Reading | None) -> bool:
    """Whether all metrics together failed, and ``one`` has said most."""
    failed = together is not None and together.standing is Standing.FAILED
    return failed and together is not None and together.leading.metric == one.name


def _without(text: str, name: str) -> str:
    return text.removeprefix(f"{name}: ")
