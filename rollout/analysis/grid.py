"""The instants at which everything is counted: multiples of the interval since the Unix epoch.

All rollouts share them, so that one query answers for all, and a restart asks for the very same.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_LAG = timedelta(seconds=2)  # until nearly all scrapes begun before an instant have ended
MOST = 60  # instants of one question; a longer gap is asked in fewer, longer blocks
HISTORY_POINTS = 60


def lag(interval: timedelta) -> timedelta:
    """How long after an instant it is asked for."""
    return min(LATEST_LAG, interval * 2 / 3)


def floor(at: datetime, interval: timedelta) -> datetime:
    """The last instant at or before ``at``."""
    return at - (at - EPOCH) % interval


def latest(now: datetime, interval: timedelta) -> datetime:
    """The last instant whose samples have landed."""
    return floor(now - lag(interval), interval)


def first(since: datetime, interval: timedelta) -> datetime:
    """The first instant at or after ``since``."""
    return -(-(since - EPOCH) // interval) * interval + EPOCH


def after(begin: datetime, end: datetime, interval: timedelta) -> tuple[datetime, ...]:
    """The instants from ``begin`` to ``end``, both included; thinned evenly to sixty at most."""
    count = (end - begin) // interval + 1
    if count <= 0:
        return ()
    if count == 1:  # nearly every look
        return (end,)
    stride = -(-count // MOST)
    return tuple(end - interval * stride * k for k in reversed(range(-(-count // stride))))


def hour_before(since: datetime, interval: timedelta) -> tuple[datetime, ...]:
    """Stable's last hour: sixty points four intervals apart, the last before ``since``."""
    distance = 4 * interval
    end = floor(since, distance)
    end = end - distance if end >= floor(since, interval) else end
    return tuple(end - distance * k for k in reversed(range(HISTORY_POINTS + 1)))
