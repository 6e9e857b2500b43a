"""How much of the evidence may be an incident of the canary's own, and proves nothing by itself.

For twenty seconds or so most things fail now and then.  What they say is bounded, and the bound is
taken from the evidence, never added: what is left keeps the guarantee of what it was taken from.
Two means: where stable's pods have had no incident of minutes, the most telling two or three blocks
in a row, once in all that was counted, and no more once the others turn out to be as bad; where
they have, every block (docs/decisions/0020).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from rollout.analysis import evidence
from rollout.analysis.evidence import NOT_STARTED


class Caps(NamedTuple):
    """Nats that a block may add: ``first``, and ``lifted`` after ``agreeing`` that spoke up."""

    first: float
    lifted: float
    agreeing: int


CAP = 2.2  # of a block; an incident of 20 s touches two, or three of which one by a third
CAPS = Caps(CAP, lifted=8.0, agreeing=3)
OUTAGE_CAPS = Caps(3.3, lifted=9.0, agreeing=2)  # most requests fail: no passing incident is that
AGREES = 1.0  # nats by which a block speaks against the canary
TWICE, PATIENCE = 2, 4  # the next incident may be longer than the longest yet; in all, minutes
TWO = 3.6  # what two blocks in a row may come to together
THREE = 4.6  # and three, which prove nothing alone then,
LASTED = 3 * CAP  # unless they are alike, and it must have lasted for longer than 30 s:
ALIKE = 0.6  # of the worst one's share; 30 s fill one of three blocks by half at most
LONGEST = 3
STEADY = 3.0  # the worst three blocks are at most so many times as bad as the others: no incident


class Mark(NamedTuple):
    """A trail after one block: the mass of starts to come, and logs no incident is taken from.

    ``every``: the canary's requests in it; ``over``: those bad beyond what was tolerable.
    """

    waiting: float
    logs: tuple[float, ...]
    over: float = 0
    every: float = 0

    @property
    def share(self) -> float:
        """Which share of its requests was bad beyond what was tolerable."""
        return self.over / self.every if self.every else 0.0


class Course(NamedTuple):
    """How bad all blocks of a canary were together, and its worst three in a row.

    All: also while it warmed up, since an incident may lie there as well.
    Worst: that tell most, so that two bad requests of the first seventeen hide no incident later.
    ``blocks``: how many there were; the rest is counted as in a ``Mark``.
    """

    blocks: int = 0
    over: float = 0
    every: float = 0
    worst_over: float = 0
    worst_every: float = 0

    def after(self, newest: Sequence[Mark]) -> "Course":
        """The course after one more block; ``newest``: the marks after it and those before."""
        over, every, blocks = short(self.over + newest[0].over), newest[0].every, self.blocks + 1
        worst = self.worst_over, self.worst_every
        if blocks >= LONGEST:
            here = short(sum(mark.over for mark in newest)), sum(mark.every for mark in newest)
            if not worst[1] or _telling(here) > _telling(worst):
                worst = here
        return Course(blocks, over, self.every + every, *worst)

    @property
    def is_steady(self) -> bool:
        """Whether the other blocks were bad enough for the worst three to be no incident.

        An incident of 30 s lies within three blocks, whatever the canary is like besides.
        """
        over, every = self.over - self.worst_over, self.every - self.worst_every
        others = over * self.worst_every
        return self.blocks > LONGEST and 0 < self.worst_over * every <= STEADY * others


NO_COURSE = Course()


def _telling(counts: tuple[float, float]) -> float:
    """How much so many beyond the tolerance, of so many, say: as chi-square grows."""
    over, every = counts
    return over * abs(over) / every


def short(count: float) -> float:
    """A count beyond a share, short in the status."""
    return round(count, 3)


def bounds(marks: tuple[Mark, ...], newest: Mark, count: int) -> list[list[float]]:
    """By length of an incident and bet: what there is if the last blocks were that incident.

    ``marks``: after the blocks before ``newest``, newest first; ``count``: of bets.
    """
    shares = [mark.share for mark in (newest, *marks[: LONGEST - 1])]
    lasted = len(shares) == LONGEST and min(shares) >= ALIKE * max(shares)
    told = []
    for blocks, most in ((2, TWO), (LONGEST, LASTED if lasted else THREE)):
        before = marks[blocks - 1] if len(marks) >= blocks else Mark(1.0, (NOT_STARTED,) * count)
        started = before.waiting - newest.waiting
        start = math.log(started) if started > 0 else NOT_STARTED
        told.append([evidence.log_add(log, start) + most for log in before.logs])
    return told


def cap(agreeing: int, lasting: int, block: float, caps: Caps) -> float:
    """The most that one block of ``block`` seconds may say, after ``agreeing`` that spoke up.

    ``lasting``: minutes that incidents of stable's pods have lasted: for twice as long the same
    must not prove more against a canary, which may be one pod only.
    """
    if not lasting:
        return caps.lifted if agreeing >= caps.agreeing else caps.first
    lasts = min(PATIENCE, TWICE * lasting) * 60 / block
    if agreeing >= caps.agreeing + lasts:
        return caps.lifted
    return caps.first * CAPS.agreeing / (CAPS.agreeing + lasts)
