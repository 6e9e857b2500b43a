"""Raw counters of pods at aligned times -> what was counted between two of them.

Differences are taken here and never by ``rate()`` or ``increase()``, which extrapolate to
fractions and drop the first burst of a new series (prometheus #1673, #3886, #12967).
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from operator import sub

from rollout.model.observation import PodCount

Figures = tuple[int, ...]
"""A pod's counters: all requests, then the bad ones by kind."""

KEEP_GONE = timedelta(minutes=10)  # a failed scrape only delays data
BUSIER = 4  # no pod restarts or is born with more than so many times the busiest known one's block,
SPARE = 100  # and this on top: it would be an old pod that we had lost


@dataclass(frozen=True, slots=True)
class Tally:
    """The last counters seen of every pod, by ``key``; ``gone``: the same, and since when.

    ``at`` None: nothing seen yet, so that the next counters are a base and count nothing.
    """

    at: datetime | None = None
    pods: Mapping[str, Figures] = field(default_factory=dict)
    gone: Mapping[str, tuple[datetime, Figures]] = field(default_factory=dict)

    def last_seen(self) -> datetime | None:
        """The last instant that had a counter of any pod; None within memory: never."""
        return self.at if self.pods else max((at for at, _ in self.gone.values()), default=None)

    def lost(self, revision: str) -> bool:
        """Whether pods of ``revision`` were counted a while ago and none is now."""
        mine = side(revision)
        return any(k.startswith(mine) for k in self.gone) and not any(
            k.startswith(mine) for k in self.pods
        )


@lru_cache(4096)
def side(revision: str) -> str:
    """How the keys of a revision's pods begin."""
    return f"{zlib.crc32(revision.encode()) & 0xFFFF:x}."


def key(pod: PodCount) -> str:
    """A short name for a pod of a revision, as it stands in the status."""
    return _key(pod.revision, pod.pod)


@lru_cache(65536)
def _key(revision: str, pod: str) -> str:
    return f"{side(revision)}{zlib.crc32(pod.encode()):x}"


def advance(
    tally: Tally, at: datetime, pods: Iterable[PodCount]
) -> tuple[Tally, dict[str, Figures]]:
    """The tally at ``at``, and what each pod counted since the last one, by key.

    ``pods``: all that have counters at ``at``, one entry each.
    A pod that restarted or is new counts in full, one that vanished counts nothing but is
    remembered for ten minutes; a counter that fell a little is a replica that lags behind.
    """
    now = {key(pod): (pod.total, *pod.bad) for pod in pods}
    if tally.at is None:
        return Tally(at, now), {}
    before = tally.pods
    if tally.gone:
        before = {name: figures for name, (_, figures) in tally.gone.items()} | dict(before)
    counted = {
        name: _risen(before[name], figures)
        for name, figures in now.items()
        if name in before and _comparable(before[name], figures)
    }
    if len(counted) < len(now):
        limit = _most(counted)
        for name, figures in [each for each in now.items() if each[0] not in counted]:
            counted[name] = _from_zero(before.get(name), figures, limit)
            if _lags(before.get(name), figures):
                now[name] = before[name]
    gone = {name: (tally.at, figures) for name, figures in tally.pods.items() if name not in now}
    old = {n: g for n, g in tally.gone.items() if n not in now and at - g[0] <= KEEP_GONE}
    return Tally(at, now, old | gone), counted


def _comparable(before: Figures, now: Figures) -> bool:
    return len(before) == len(now) and now[0] >= before[0]


def _risen(before: Figures, now: Figures) -> Figures:
    """The difference; a failure series that was dropped while the total rose counts nothing.

    Nor does one that is there anew with more failures than there were requests: they are old.
    """
    total = now[0] - before[0]
    risen = tuple(map(sub, now, before))
    if min(risen) >= 0 and max(risen) == total:
        return risen
    return tuple(
        [
            0 if one < 0 or (one > total and not was) else min(one, total)
            for one, was in zip(risen, before, strict=True)
        ]
    )


def _most(counted: Mapping[str, Figures]) -> int:
    """Where none was known a block ago, whoever has counted more was only not told of."""
    return max((f[0] for f in counted.values()), default=0) * BUSIER + SPARE


def _from_zero(before: Figures | None, now: Figures, limit: int) -> Figures:
    """What a pod without a usable last value counted: all it has, or nothing if it is old."""
    reshaped = before is not None and len(before) != len(now)
    if _lags(before, now) or reshaped or now[0] > limit:
        return (0,) * len(now)
    return (now[0], *(min(now[0], bad) for bad in now[1:]))


def _lags(before: Figures | None, now: Figures) -> bool:
    """Whether the counter fell too little for a restart: another replica, one scrape behind."""
    return before is not None and len(before) == len(now) and before[0] > now[0] >= before[0] / 2


def together(counted: Mapping[str, Figures], revision: str, kinds: int) -> Figures:
    """What all pods of ``revision`` counted: all requests, then the bad ones of ``kinds`` kinds."""
    begins = side(revision)
    mine = [figures for name, figures in counted.items() if name.startswith(begins)]
    return tuple(map(sum, zip((0,) * (kinds + 1), *mine, strict=True)))
