"""Trails of plain blocks, for tests of what they say."""

from rollout.analysis.evidence import Pair
from rollout.analysis.history import Temper
from rollout.analysis.sequential import ERRORS, Outcome, Setting, Trail, begin, weigh
from rollout.analysis.standing import Confidence, read
from rollout.model.status import Standing

PLAIN = Temper(1.0, 0.0, 3000, 3_000_000, known=True)
SETTING = Setting(levels=(10, 100))
SURE = Confidence()


def after(*pairs: Pair, outcome: Outcome = ERRORS, temper: Temper = PLAIN) -> Trail:
    """The trail after these blocks."""
    trail = begin(temper)
    for pair in pairs:
        trail = weigh(trail, pair, outcome, temper, SETTING)
    return trail


def standing(trail: Trail, percent: int = 10) -> Standing:
    """Where a canary with errors alone to be judged by stands."""
    return read([ERRORS], {"errors": trail}, percent, SURE, {"errors": PLAIN}).standing
