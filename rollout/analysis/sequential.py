"""The sequential gate on plain counts: evidence for and against a canary, valid at every look.

No Prometheus, no cluster, no clock: ``judge`` feeds it from counters, and ``ramp.SequentialGate``
drives a whole ramp with it, one block of counts after another.
Where each constant comes from: ``docs/analysis.md``, "The constants"; the promise of
``falseRollback`` needs none of them, it holds for whatever is fixed before a block is seen.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add
from types import MappingProxyType
from typing import NamedTuple, TypedDict

from rollout.analysis import evidence, incidents
from rollout.analysis.evidence import NO_TRAFFIC, NOT_STARTED, Line, Pair
from rollout.analysis.history import Temper
from rollout.analysis.incidents import CAPS, NO_COURSE, OUTAGE_CAPS, Course, Mark
from rollout.model.spec import ERRORS_TOLERANCE, SLOW_TOLERANCE, HarmCap

OUTAGE = 0.5  # beyond the line: what only an outage exceeds
OUTAGE_SHARE = 0.97
LEAST_BLOCK = 15.0  # seconds; shorter ones are put together, as the caps are meant for these
MOST_PARTS = 3  # so many of them at most: who counts every second lives in a faster world
FORGET = 0.98  # what a block's baseline is worth one block later
HISTORY_BLOCKS = 1 / (1 - FORGET)  # so many blocks of forgetting hold as much as for ever
HORIZON = 60  # blocks; half of the late starts lie within
FIRST, COOLED = 0.1, 0.85  # chance that it goes bad at the start; if not, right after warm-up
MILDER = 0.5  # a bet's chance beside the next milder one's: the worst are seen at once anyway
LOOSE, LOOSE_SLOW = 0.1, 0.5  # added to the line of errors, of a latency, while the canary warms up
CERTAIN = 12.0  # nats for "safe": one in 160,000; more is not worth the time of every look


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way for a request to be bad, and how much of it the canary may have.

    ``metric``: outcomes of one metric (the bounds of a latency) share its part of the error budget.
    ``harm``: extra bad requests, as a share of all traffic, that need not be excluded to go on.
    ``loose``: added to the line while the canary warms up; ``bets``: on how much worse it may be.
    ``outage``: one bet more, that nearly all requests are bad; errors can be that, slowness seldom.
    """

    name: str
    metric: str
    line: Line
    harm: float = HarmCap().errors
    loose: float = LOOSE
    bets: int = evidence.BETS
    outage: bool = True


SLOW_BETS = 5  # a tail of 1 % leaves a fifth of the range, in log odds, that rare errors have
ERRORS = Outcome("errors", "errors", Line(ERRORS_TOLERANCE.ratio, ERRORS_TOLERANCE.absolute))
SLOW_LINE = Line(SLOW_TOLERANCE.ratio, SLOW_TOLERANCE.absolute)


def slow(name: str, line: Line = SLOW_LINE, metric: str = "latency") -> Outcome:
    """The outcome "slower than a bound", named by the bound."""
    return Outcome(
        name, metric, line, HarmCap().slow, loose=LOOSE_SLOW, bets=SLOW_BETS, outage=False
    )


class Part(NamedTuple):
    """What was counted since the last whole block; ``warm``: some of it while it warmed up."""

    pair: Pair = NO_TRAFFIC
    seconds: float = 0.0
    warm: bool = False


NO_PART = Part()


class Trail(NamedTuple):
    """What all blocks of one outcome have said so far.

    ``harmful``: log of the evidence per bet that it is worse than the line, over all starts so far.
    ``marks``: what it was after each of the last three blocks if no incident were taken from it,
    newest first; none where every block has a cap instead.
    ``course``: of all blocks that are in those logs, by which an incident is told from a release.
    ``waiting``: the prior's mass on starts still to come.
    ``safe``: by the next weight in percent, log of the evidence per bet that it is not.
    ``total``: all counts of whole blocks since the attempt began; ``part``: those after them.
    ``base_bad``, ``base_all``: stable, fading.
    ``agreeing``: blocks at the cap in a row; ``bad_blocks``: those with any bad canary request.
    """

    harmful: tuple[float, ...] = (NOT_STARTED,) * (evidence.BETS + 1)
    waiting: float = 1.0
    blocks: int = 0
    cooled: bool = False
    agreeing: int = 0
    bad_blocks: int = 0
    safe: Mapping[int, tuple[float, ...]] = MappingProxyType({})
    total: Pair = NO_TRAFFIC
    base_bad: float = 0.01  # before anything is known: one in a thousand, forgotten at once
    base_all: float = 10.0
    part: Part = NO_PART
    marks: tuple[Mark, ...] = ()
    course: Course = NO_COURSE

    @property
    def counted(self) -> Pair:
        """All counts since the attempt began."""
        return self.total.plus(self.part.pair) if self.part.seconds else self.total

    @property
    def share(self) -> float:
        """Stable's share of bad requests, as far as is known."""
        return self.base_bad / self.base_all if self.base_all > 0 else 0.0

    @property
    def log_e(self) -> float:
        """The log of the evidence against "within tolerance"; 0 when there is none."""
        return self.log_free if self.course.is_steady else _mixed(self.harmful, self.waiting)

    @property
    def log_free(self) -> float:
        """The same if no incident were taken from it."""
        free = self.marks[0].logs if self.marks else ()
        return _mixed(free + self.harmful[len(free) :], self.waiting)

    def log_safe(self, percent: int) -> float:
        """The log of the evidence against "worse than the harm cap at ``percent``"."""
        logs = self.safe.get(percent)
        return _harmless(logs) if logs else 0.0


# Most releases are like stable; nearly nothing bad and a third of the margin share the rest.
HARMLESS = (math.log(0.1), math.log(0.1), math.log(0.8))


@lru_cache(4096)  # one look reads the same logs several times
def _harmless(safe: tuple[float, ...]) -> float:
    return evidence.log_sum(map(add, safe, HARMLESS))


@lru_cache(64)
def likely(bets: int) -> tuple[float, ...]:
    """Log of each bet's chance, mildest first; the last, nearly an outage, has an average one."""
    chances = [MILDER**index for index in range(bets - 1)]
    chances.append(sum(chances) / (bets - 1))
    return tuple(math.log(chance / sum(chances)) for chance in chances)


@lru_cache(4096)
def _mixed(harmful: tuple[float, ...], waiting: float) -> float:
    mixed = evidence.log_sum(map(add, harmful, likely(len(harmful))))
    return evidence.log_add(mixed, math.log(waiting)) if waiting > 0 else mixed


FRESH = Trail()


def begin(temper: Temper, blocks_per_hour: float = 240.0, outcome: Outcome = ERRORS) -> Trail:
    """The trail before the first block; stable's last hour is what it starts to expect."""
    empty = Trail(harmful=(NOT_STARTED,) * (outcome.bets + outcome.outage))
    if not temper.every:
        return empty
    fading = min(1.0, HISTORY_BLOCKS / blocks_per_hour)
    return empty._replace(base_bad=temper.bad * fading, base_all=temper.every * fading)


@dataclass(frozen=True, slots=True)
class Setting:
    """How the next block is to be read; fixed before it is seen.

    ``levels``: the weights, in percent, for which "safe to go on" is being tested.
    ``interval``: seconds that are counted at a time.
    ``rising_to``: the weight changed in the middle of the block, to so many percent; 0: it did not.
    """

    levels: tuple[int, ...]
    warm: bool = False
    interval: float = LEAST_BLOCK
    rising_to: int = 0


def block_of(interval: float) -> float:
    """How long a block is, in seconds, if one is counted every ``interval``."""
    return interval * min(MOST_PARTS, max(1, math.ceil(LEAST_BLOCK / interval)))


def widened(line: Line, temper: Temper) -> Line:
    """``line``, at least as wide as stable's own pods differ from each other."""
    ratio = 1 + 2 * temper.spread
    return line if line.ratio == 0 or ratio <= line.ratio else Line(ratio, line.absolute)


def while_rising(line: Line, pair: Pair, rising_to: int) -> Line:
    """``line`` for a block in the middle of which the canary's weight rose.

    Trouble that both sides share late in such a block meets more of the canary's requests than of
    stable's: its share of them is ``rising_to`` then, and was less in the whole block.  The ratio
    of these two odds is the most by which that can raise its share of bad ones over stable's.
    """
    if not 0 < rising_to < 100:
        return line
    odds = rising_to / (100 - rising_to)
    return Line(line.ratio * max(1.0, odds * pair.stable_all / pair.canary_all), line.absolute)


def weigh(trail: Trail, pair: Pair, outcome: Outcome, temper: Temper, setting: Setting) -> Trail:
    """``trail`` after one more block; bets and lines come from the blocks before it only."""
    if setting.interval < LEAST_BLOCK:
        if setting.rising_to:
            return trail  # short, so that little is lost
        bits, seconds, warm = trail.part
        part = Part(bits.plus(pair), seconds + setting.interval, warm or setting.warm)
        if part.seconds + setting.interval / 2 < block_of(setting.interval):
            return trail._replace(part=part)
        pair, setting = part.pair, Setting(setting.levels, part.warm, setting.interval)
    return _weigh(trail, pair, outcome, temper, setting)


def _weigh(trail: Trail, pair: Pair, outcome: Outcome, temper: Temper, setting: Setting) -> Trail:
    if pair.canary_all <= 0:
        return trail._replace(**_heard(trail, pair))
    spoken = _speak(trail, pair, outcome, temper, setting)
    return Trail(
        harmful=spoken.harmful,
        waiting=spoken.waiting,
        blocks=trail.blocks + 1,
        cooled=trail.cooled or not setting.warm,
        agreeing=trail.agreeing + 1 if spoken.agrees else 0,
        bad_blocks=trail.bad_blocks + (pair.canary_bad > 0),
        safe=_safe(trail, pair, outcome, temper, setting),
        marks=spoken.marks,
        course=spoken.course,
        **_heard(trail, pair),
    )


class _Spoken(NamedTuple):
    harmful: tuple[float, ...]
    waiting: float
    marks: tuple[Mark, ...]
    course: Course
    agrees: bool


def _speak(trail: Trail, pair: Pair, outcome: Outcome, temper: Temper, setting: Setting) -> _Spoken:
    """What the block says against the canary, and what of all is left if some is an incident."""
    line = while_rising(widened(outcome.line, temper), pair, setting.rising_to)
    loose = Line(line.ratio, line.absolute + outcome.loose) if setting.warm else line
    block, cap = block_of(setting.interval), CAPS.lifted
    if temper.lasting:
        cap = incidents.cap(trail.agreeing, temper.lasting, block, CAPS)
    gains = _harm(trail, pair, outcome, loose, (temper.dispersion, cap))
    agrees = max(gains) >= min(incidents.AGREES, cap)
    starting = trail.waiting * _hazard(trail, setting)
    start = math.log(starting) if starting > 0 else NOT_STARTED
    waiting, marks, course = _short(trail.waiting - starting), trail.marks, trail.course
    harmful = _grown(trail.harmful, gains, start)
    if temper.lasting:
        marks, course = (), NO_COURSE
    else:
        free = _grown(marks[0].logs if marks else trail.harmful, gains, start)
        mark = Mark(waiting, free, _over(trail, pair, line), pair.canary_all)
        most = incidents.bounds(marks, mark, len(gains))
        harmful = tuple([_floor(least) for least in map(min, harmful, *most)])
        marks = (mark, *marks)[: incidents.LONGEST]
        course = course.after(marks)
    if outcome.outage:
        cap = incidents.cap(trail.agreeing, temper.outages, block, OUTAGE_CAPS)
        gain = _outage(trail, pair, line, (temper.dispersion, cap))
        harmful += _grown(trail.harmful[-1:], [gain], start)
    return _Spoken(harmful, waiting, marks, course, agrees)


def _over(trail: Trail, pair: Pair, line: Line) -> float:
    """The canary's bad requests beyond what ``line`` allows beside stable's at the same time."""
    stable = pair.stable_bad / pair.stable_all if pair.stable_all else trail.share
    return incidents.short(pair.canary_bad - pair.canary_all * line.at(stable))


def _grown(logs: tuple[float, ...], gains: Sequence[float], start: float) -> tuple[float, ...]:
    """The first of ``logs``, one for each of ``gains``, after a block."""
    both = zip(gains, logs, strict=False)
    return tuple([_floor(gain + evidence.log_add(log, start)) for gain, log in both])


class _Heard(TypedDict):
    part: Part
    total: Pair
    base_bad: float
    base_all: float


def _heard(trail: Trail, pair: Pair) -> _Heard:
    """What every block adds, whoever had its traffic."""
    return {
        "part": NO_PART,
        "total": trail.total.plus(pair),
        "base_bad": _short(FORGET * trail.base_bad + pair.stable_bad),
        "base_all": _short(FORGET * trail.base_all + pair.stable_all),
    }


def _harm(
    trail: Trail, pair: Pair, outcome: Outcome, line: Line, tempering: tuple[float, float]
) -> list[float]:
    """What the block adds to each harmful bet: tempered and capped, both of which keep an e-value.

    ``tempering``: the dispersion and the cap, known before the block is seen.
    """
    dispersion, cap = tempering
    count = len(trail.harmful) - outcome.outage
    bets = evidence.harmful_bets(trail.share, line, count)
    logs = evidence.log_factors(pair, bets, line)
    return [cap if (gain := log / dispersion) > cap else gain for log in logs] or [0.0] * count


def _outage(trail: Trail, pair: Pair, line: Line, tempering: tuple[float, float]) -> float:
    """The same for one more bet, against the wider line that only an outage exceeds.

    A factor that is fair for all shares up to the wider line is fair for those up to ``line``.
    """
    wide = Line(line.ratio, line.absolute + OUTAGE)
    stable = min(evidence.MOST_SHARE, max(evidence.LEAST_SHARE, trail.share))
    if wide.at(stable) >= OUTAGE_SHARE:
        return 0.0
    dispersion, cap = tempering
    bets = evidence.Bets((OUTAGE_SHARE,), stable)
    return min(cap, evidence.log_factors(pair, bets, wide)[0] / dispersion)


def _hazard(trail: Trail, setting: Setting) -> float:
    """The chance that, if it has not gone bad yet, it does in this block.

    Late starts have a tail without end, so that a rollout of a year is still watched.
    """
    if not setting.warm and not trail.cooled:
        return COOLED if trail.blocks else FIRST + COOLED * (1 - FIRST)
    if not trail.blocks:
        return FIRST
    return 1 / (HORIZON + trail.blocks)


def _safe(
    trail: Trail, pair: Pair, outcome: Outcome, temper: Temper, setting: Setting
) -> Mapping[int, tuple[float, ...]]:
    """The safe test's logs, each weight with its own line: less harm is allowed to more users."""
    if setting.warm or setting.rising_to:
        return trail.safe
    ratio = widened(outcome.line, temper).ratio
    answer = {}
    for percent in setting.levels:
        line = allowed(outcome, ratio, percent)
        before = trail.safe.get(percent, (0.0,) * len(HARMLESS))
        if _harmless(before) > CERTAIN:
            answer[percent] = before
            continue
        gains = evidence.log_factors(pair, evidence.harmless_bets(trail.share, line), line)
        answer[percent] = tuple(
            [
                _floor(log + gain / temper.dispersion)
                for log, gain in zip(before, gains, strict=True)
            ]
        )
    return answer


def allowed(outcome: Outcome, ratio: float, percent: int) -> Line:
    """The line below which the cap lets a canary be that so many percent of users get.

    Few users may have it as bad as it gets: above ``WIDEST_MARGIN`` nothing is worse.
    """
    base = outcome.line.absolute if ratio == 0 else 0.0
    return Line(ratio, min(evidence.WIDEST_MARGIN, base + outcome.harm * 100 / percent))


def _floor(log: float) -> float:
    """Rounded down, never in the test's favour: short in the status, the same after a restart."""
    return max(NOT_STARTED, math.floor(log * 1e4) / 1e4)


def _short(value: float) -> float:
    return float(f"{value:.7g}")
