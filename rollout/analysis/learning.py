"""What one look's answers add to the memory of a judgement; nothing is concluded here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from rollout.analysis import buckets, counters, grid, history, limits, sequential
from rollout.analysis.asking import HISTORY_TRIES, PROBED, by_source, in_view, probe
from rollout.analysis.counters import Figures, Tally
from rollout.analysis.evidence import Pair
from rollout.analysis.history import Temper
from rollout.analysis.memory import Memory, Source, Strikes
from rollout.analysis.plan import Judged, Kind
from rollout.analysis.sequential import Outcome, Setting
from rollout.analysis.window import Journey, Window
from rollout.model.observation import Counting, Counts, NoAnswer, Value, View
from rollout.model.spec import UNREACHED

FADE = 0.8  # of the canary's request rate, per block
MOST_LEVELS = 5  # weights ahead that evidence is kept for; more would fill the status


class Seen(Protocol):
    """The part of an Observation that is about numbers."""

    @property
    def counts(self) -> tuple[Counts, ...]: ...
    @property
    def values(self) -> tuple[Value, ...]: ...
    @property
    def no_answers(self) -> tuple[NoAnswer, ...]: ...


@dataclass(frozen=True, slots=True)
class Case:
    """One look at one journey's numbers."""

    journey: Journey
    metrics: tuple[Judged, ...]
    window: Window
    seen: Seen
    now: datetime

    @property
    def interval(self) -> timedelta:
        """The time between two instants."""
        return self.journey.analysis.interval

    def answers(self, key: str) -> list[Counts]:
        """What was counted for ``key``, oldest first."""
        return sorted((c for c in self.seen.counts if c.metric == key), key=lambda c: c.at)

    def no_answer(self, key: str) -> NoAnswer | None:
        """Why there is nothing for ``key``, if that was said."""
        return next((a for a in self.seen.no_answers if a.metric == key), None)

    def can_tell(self, one: Judged) -> bool:
        """Whether traffic as it is now says anything about ``one``."""
        return self.window.comparing or one.line.ratio == 0

    def outcomes(self, kept: Memory, one: Judged) -> list[tuple[int, Outcome]]:
        """What is weighed for a metric, each with its place among its source's bad counts."""
        if one.counting is not Counting.SLOW:
            return [(0, outcome) for outcome in one.outcomes(())]
        source = kept.source(one.source)
        places, bounds = _places(one.wanted(), source.bounds, source.auto)
        return list(zip(places, one.outcomes(bounds), strict=True))


@lru_cache(1024)  # every look asks for the same ones
def _places(
    wanted: tuple[timedelta, ...], counted: tuple[timedelta, ...], auto: tuple[timedelta, ...]
) -> tuple[list[int], tuple[timedelta, ...]]:
    """Where the bounds to weigh stand among those that are counted, and what they are."""
    real = [buckets.above(bound, counted) for bound in wanted] if wanted else list(auto)
    bounds = tuple(sorted({bound for bound in real if bound is not None}))
    return [counted.index(bound) for bound in bounds], bounds


def learn(case: Case, kept: Memory) -> Memory:
    """``kept`` with everything that this look has seen; what was seen before adds nothing."""
    kept = in_view(kept, case.journey, case.window)
    if kept.began is None:
        kept = replace(kept, began=case.window.since)
    if kept.since != case.window.since:
        kept = replace(kept, since=case.window.since, before=kept.since)
    kept = _settle_view(case, kept)
    for key, one in by_source(case.metrics).items():
        kept = _learn_source(case, kept, key, one)
    for one in case.metrics:
        if one.kind is Kind.VALUE:
            kept = _learn_value(case, kept, one)
        if one.kind is Kind.SERVICE and kept.view is View.SOURCE:
            kept = _learn_service(case, kept, one)
    return kept


def _settle_view(case: Case, kept: Memory) -> Memory:
    """What clients felt, if anybody counts it; else what the server saw; else it stays open."""
    keys = by_source(case.metrics)
    for view in () if kept.view is not None else PROBED:
        if any(counts.pods for key in keys for counts in case.answers(probe(key, view))):
            return replace(kept, view=view)
        if any(case.no_answer(probe(key, view)) for key in keys):
            break
    return kept


def _learn_source(case: Case, kept: Memory, key: str, one: Judged) -> Memory:
    source = kept.source(key)
    if one.counting is not Counting.CUSTOM:
        if kept.view is None:
            return kept
        if source.view is not kept.view:
            source = replace(source, view=kept.view)
    if one.counting is Counting.SLOW and not source.bounds:
        answers = case.answers(probe(key, source.view or View.DESTINATION))
        return kept.with_source(key, choose_bounds(case, source, answers))
    begin = case.window.base(case.interval)
    answers, counting = case.answers(key), source.tally.at is not None
    source = _learn_hour(case, key, source, [counts for counts in answers if counts.at < begin])
    if source is not kept.sources.get(key):
        kept = kept.with_source(key, source)
    if source.tempers is None and _wants_hour(case, key):
        return kept
    for counts in answers:
        if counts.at >= begin or counting:
            kept = _learn_counts(case, kept, key, counts)
    return kept


def choose_bounds(case: Case, source: Source, answers: Sequence[Counts]) -> Source:
    """The latency bounds to count from now on, chosen from all that there are.

    The longest, where none is as long as asked for: that is told then, and not waited for.
    """
    slow = [one for one in case.metrics if one.counting is Counting.SLOW and one.source]
    for counts in answers:
        sides = [_sum(counts, name) for name in (case.window.stable, case.window.canary)]
        total, *by_bound = next((side for side in sides if side[0]), sides[0])
        if total:
            line = next((one.line for one in slow if not one.wanted()), None)
            auto = buckets.chosen(by_bound, total, counts.bounds, line) if line else ()
            asked = [buckets.above(b, counts.bounds) for one in slow for b in one.wanted()]
            bounds = sorted({*auto, *(bound for bound in asked if bound is not None)})
            return replace(source, bounds=tuple(bounds) or counts.bounds[-1:], auto=auto)
    return source


def _sum(counts: Counts, revision: str) -> Figures:
    mine = [(pod.total, *pod.bad) for pod in counts.pods if pod.revision == revision]
    return tuple(map(sum, zip((0,) * (1 + len(counts.bounds)), *mine, strict=True)))


def _learn_hour(case: Case, key: str, source: Source, answers: Sequence[Counts]) -> Source:
    """Stable's last hour; after three looks in vain, what is known without it.

    Looks at one moment are one: a hiccup of Prometheus must not cost the attempt its history.
    """
    if source.tempers is not None or not _wants_hour(case, key):
        return source
    kinds = max(1, len(source.bounds))
    if answers:
        revision = "" if key == UNREACHED else case.window.stable
        return replace(source, tempers=_tempers(answers, revision, kinds))
    tries = source.tries + 1
    late = case.now - case.window.since >= HISTORY_TRIES * case.interval
    given_up = (Temper(),) * kinds if tries >= HISTORY_TRIES and late else None
    return replace(source, tries=tries, tempers=given_up)


def _wants_hour(case: Case, key: str) -> bool:
    return case.window.comparing or key == UNREACHED


def _tempers(answers: Sequence[Counts], stable: str, kinds: int) -> tuple[Temper, ...]:
    tally, minutes = Tally(), []
    for counts in answers:
        pods = [pod for pod in counts.pods if pod.revision == stable]
        tally, counted = counters.advance(tally, counts.at, pods)
        minutes.append(counted)
    return tuple(_temper(minutes, kind) for kind in range(kinds))


def _temper(minutes: Sequence[Mapping[str, Figures]], kind: int) -> Temper:
    found = history.temper(
        [{pod: (f[kind + 1], f[0]) for pod, f in minute.items()} for minute in minutes]
    )
    return replace(found, dispersion=_six(found.dispersion), spread=_six(found.spread))


def _six(value: float) -> float:
    """Six digits: as short as it stands in the status, so that a restart changes nothing."""
    return float(f"{value:.6g}")


def _learn_counts(case: Case, kept: Memory, key: str, counts: Counts) -> Memory:
    """One instant more; the block before it is weighed if all of it lies in the window."""
    source = kept.source(key)
    last = source.tally.at
    if _says_nothing_new(case, source, counts):
        return kept
    kinds = max(1, len(source.bounds))
    tally, counted = counters.advance(source.tally, counts.at, counts.pods)
    newest = counts.newest or source.newest
    if last is None:
        return kept.with_source(key, source.counted(tally, newest, source.rate))
    canary = counters.together(counted, case.window.canary, kinds)
    stable = counters.together(counted, case.window.stable, kinds)
    rate = canary[0] / (counts.at - last).total_seconds()
    faded = FADE * source.rate + (1 - FADE) * rate if source.rate else rate
    kept = kept.with_source(key, source.counted(tally, newest, _six(faded)))
    if kept.anew is not None and last < kept.anew:
        return kept
    whole = _counts(case, kept, last, counts.at)
    if not whole and not _rose(case, kept, last):
        return kept
    setting = _setting(case, kept, last)
    if not whole:
        setting = replace(setting, rising_to=case.window.weight)
    block = _Block(counts.at, canary, stable, setting)
    for one in case.metrics:
        if one.source == key and case.can_tell(one):
            kept = _weigh(case, kept, one, block)
    return kept


def _counts(case: Case, kept: Memory, begin: datetime, end: datetime) -> bool:
    """Whether the block lies in this window, or late, but as a whole, in the one before it."""
    asked = case.window.asked
    late = kept.before is not None and asked is not None and kept.before <= begin and end <= asked
    return begin >= case.window.since or late


def _rose(case: Case, kept: Memory, begin: datetime) -> bool:
    """Whether the block, not wholly in one window, has nothing in it but this one and the last."""
    follows = case.window.comparing and case.window.by_weight
    return follows and (kept.before is None or kept.before <= begin)


def _says_nothing_new(case: Case, source: Source, counts: Counts) -> bool:
    """Whether the instant is known, or a replica answered that is behind what is known already.

    The latter is not taken for a restart of pods, and is asked again with the next look.
    Samples of more than an interval before the window are of no use as its first base either.
    """
    if source.tally.at is not None and counts.at <= source.tally.at:
        return True
    if counts.newest is None:
        return False
    if source.newest is not None:
        return counts.newest < source.newest
    return counts.newest < case.window.base(case.interval) - case.interval


@dataclass(frozen=True, slots=True)
class _Block:
    """What both sides counted until ``end``: all requests, then the bad ones by kind."""

    end: datetime
    canary: Figures
    stable: Figures
    setting: Setting


def _weigh(case: Case, kept: Memory, one: Judged, block: _Block) -> Memory:
    source = kept.source(one.source)
    trails, strikes = dict(kept.trails), dict(kept.strikes)
    for kind, outcome in case.outcomes(kept, one):
        temper = source.tempers[kind] if source.tempers else Temper()
        pair = Pair(
            block.canary[kind + 1], block.canary[0], block.stable[kind + 1], block.stable[0]
        )
        trail = trails.get(outcome.name) or sequential.begin(temper, outcome=outcome)
        trails[outcome.name] = sequential.weigh(trail, pair, outcome, temper, block.setting)
        if one.metric.strict and pair.canary_all and not block.setting.rising_to:
            share = pair.canary_bad / pair.canary_all
            so_far = strikes.get(one.name, Strikes())
            strikes[one.name] = so_far.plus(block.end, share, share > outcome.line.absolute)
    return kept.with_evidence(trails, strikes)


def _setting(case: Case, kept: Memory, begin: datetime) -> Setting:
    began = kept.began or case.window.since
    return Setting(
        levels=_levels(case),
        interval=case.interval.total_seconds(),
        warm=begin + case.interval / 2 < began + case.journey.analysis.warmup,
    )


def _levels(case: Case) -> tuple[int, ...]:
    """The weights still to come: the strategy's own, the next one, and everybody."""
    ahead = sorted(weight for weight in case.journey.weights if weight > case.window.percent)
    return tuple(sorted({case.window.percent, *ahead[:MOST_LEVELS], 100}))


def _learn_value(case: Case, kept: Memory, one: Judged) -> Memory:
    strikes = kept.strikes.get(one.name, Strikes())
    mine = (value for value in case.seen.values if value.metric == one.name)
    for value in sorted(mine, key=lambda v: v.at):
        new = strikes.at is None or value.at > strikes.at
        if new and value.at >= _since(case, kept):
            beyond = limits.is_beyond(one.metric, value.value)
            strikes = strikes.plus(value.at, value.value, beyond)
    return kept.with_evidence(kept.trails, {**kept.strikes, one.name: strikes})


LEAST_UNREACHED = 3  # requests of one block
SPARE_UNREACHED = 0.005  # of all requests, on top of twice what the last hour had


def _learn_service(case: Case, kept: Memory, one: Judged) -> Memory:
    """Strikes for blocks in which more of the service's requests than usual met no endpoint.

    Only as many as the canary can have caused are its own: beyond twice its weight it is a
    failure of both sides, which no rollback of this release cures.
    """
    begin = grid.first(case.window.since, case.interval)
    answers = case.answers(one.source)
    source = _learn_hour(
        case, one.source, kept.source(one.source), [a for a in answers if a.at < begin]
    )
    strikes = kept.strikes.get(one.name, Strikes())
    tempers = source.tempers or ()
    for counts in answers if tempers else ():
        last = source.tally.at
        if counts.at < begin or _says_nothing_new(case, source, counts):
            continue
        tally, counted = counters.advance(source.tally, counts.at, counts.pods)
        newest = counts.newest or source.newest
        source = replace(source, view=View.SOURCE, tally=tally, newest=newest)
        every, lost = counters.together(counted, "", 1)
        ours = last is not None and last >= max(_since(case, kept), _stable_served(case))
        if ours and every:
            beyond = lost >= LEAST_UNREACHED and lost / every > _usually(tempers[0])
            strikes = strikes.plus(counts.at, lost / every, beyond)
    kept = kept.with_source(one.source, source)
    return kept.with_evidence(kept.trails, {**kept.strikes, one.name: strikes})


def _since(case: Case, kept: Memory) -> datetime:
    """From when on anything speaks of what is judged now."""
    return case.window.since if kept.anew is None else max(case.window.since, kept.anew)


def _stable_served(case: Case) -> datetime:
    """Since when stable surely had endpoints at the proxies: an interval after it was down."""
    down = case.window.stable_down_at
    return case.window.since if down is None else down + case.interval


def _usually(hour: Temper) -> float:
    """The share of requests that may meet no endpoint, by stable's last hour."""
    return SPARE_UNREACHED + 2 * hour.bad / max(1, hour.every)
