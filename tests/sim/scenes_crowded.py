"""Scenes of many at once, of looks that are overtaken, and of statuses and versions unlike ours."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_ONE = Subject("one step")
_MANAGED = Subject(workload="managed")
_SIX = replace(CALM, subjects=(Subject(),) * 6)


def _each(seconds: float, do: str, on: str = "", every: float = 0.0) -> Rows:
    """It happens to each of the six, one after another."""
    return tuple(Mishap(do, When(seconds + every * who), on, who) for who in range(6))


_TELLS_SLOWLY = at(21.3, "late after", "Rollout", 20.0, times=1000, value=4.0)

CROWDED: Mapping[str, tuple[Setup, Rows]] = {
    "six at once, and people read it late": (_SIX, (*_each(20.0, "push", "v2"), _TELLS_SLOWLY)),
    "six at once, and all are aborted while they wait to tell": (
        _SIX,
        (*_each(20.0, "push", "v2"), _TELLS_SLOWLY, *_each(22.8, "request", "abort")),
    ),
    "six at once, and all are deleted while they wait to tell": (
        _SIX,
        (*_each(20.0, "push", "v2"), _TELLS_SLOWLY, *_each(22.8, "delete")),
    ),
}
_SLOW = at(24.0, "prometheus slow", lasts=60.0)
_EDGED = Subject("one step", "managed", author="edged")


def _asked(*verbs: str) -> tuple[Setup, Rows]:
    return CALM, (PUSH, _SLOW, *asks(33.0, *verbs, every=0.9))


def _while_written(do: str, on: str = "", begin: float = 20.0, nth: int = 1, **more: float) -> Rows:
    """It happens as a status is written, whose answer comes so late that we see it first."""
    late = at(begin, "late after", "Rollout", 60.0, times=nth, value=0.5)
    return (late, Mishap(do, When(begin, "Rollout", nth, True), on, **more))  # type: ignore[arg-type]


OVERTAKEN: Mapping[str, tuple[Setup, Rows]] = {
    "paused while slow answers are awaited": _asked("pause", "resume"),
    "skipped while slow answers are awaited": _asked("skip"),
    "promoted while slow answers are awaited": _asked("promote"),
    "refused while slow answers are awaited": _asked("retry", "approve", "abort"),
    "its pods are lost while slow answers are awaited": (
        CALM,
        (PUSH, _SLOW, at(33.0, "canary crashes", lasts=20.0)),
    ),
    "pushed back while slow answers are awaited": (CALM, (PUSH, _SLOW, at(33.0, "push", "v1"))),
    "edited while slow answers are awaited": (
        CALM,
        (PUSH, _SLOW, at(33.0, "weights edited", value=40.0)),
    ),
    "deleted while slow answers are awaited, and stable is down": (
        CALM,
        (
            PUSH,
            _SLOW,
            at(32.0, "stable crashes", lasts=40.0),
            at(33.0, "delete"),
            *(at(34.0 + 3.1 * turn, "rollout touched") for turn in range(9)),
        ),
    ),
    "a newer decision while a status is written": (
        CALM,
        (PUSH, *_while_written("mark scribbled", "newer", 41.0, 1)),
    ),
    "a newer decision while the status of the way back is written": (
        replace(CALM, subjects=(_MANAGED,)),
        (PUSH, *asks(40.0, "abort"), *_while_written("mark scribbled", "newer", 40.0, 1)),
    ),
    "its subset is there by the time it is made": (
        CALM,
        (PUSH, *_while_written("subset written", "", 20.0, 2)),
    ),
    "deleted, and its subset is nobody's by the time it is removed": (
        replace(CALM, subjects=(_MANAGED,)),
        (
            PUSH,
            at(30.0, "delete"),
            *_while_written("mark gone", "", 33.0, 2),
        ),
    ),
    "its subset is gone by the time it is removed": (
        CALM,
        (PUSH, *_while_written("subset removed", "", 86.0, 3)),
    ),
    "one of two routes is edited": (
        replace(CALM, subjects=(_EDGED,)),
        (PUSH, at(30.0, "weights edited", value=80.0)),
    ),
    "old lists after a rule that we made": (
        replace(CALM, subjects=(Subject(author="host", rule="none"),)),
        (
            PUSH,
            Mishap(
                "stale lists", When(0.0, "DestinationRule", 1, True), "DestinationRule", value=4.0
            ),
        ),
    ),
    "another API server is behind what we wrote": (
        CALM,
        (PUSH, Mishap("other replica", When(20.0, "Rollout", 4, True), "Rollout", value=8.0)),
    ),
    "another API server is behind for long": (
        CALM,
        (
            PUSH,
            at(20.0, "rebuilt", "v3"),
            Mishap("other replica", When(20.0, "DestinationRule", 1, True), "Lease", value=9.0),
            Mishap(
                "stale lists",
                When(20.0, "DestinationRule", 1, True),
                "DestinationRule",
                times=8,
                value=9.0,
            ),
        ),
    ),
}
SIX_TIMED = replace(_SIX, timers=True)
TIMED: Mapping[str, tuple[Setup, Rows]] = {
    "six at once, by alarms as in a real controller": (
        SIX_TIMED,
        (
            *_each(20.0, "push", "v2"),
            *(row for turn in range(4) for row in _each(25.0 + 9 * turn, "rollout touched")),
            *_each(70.0, "delete", every=2.0),
        ),
    ),
}
FORMER: Mapping[str, tuple[Setup, Rows]] = {
    "a former version's status at rest": (CALM, (at(10.0, "status of a former version"), PUSH)),
    "a former version's status at rest, and others hold it": (
        CALM,
        (
            at(20.0, "held by others", lasts=100.0, value=1.0),
            at(20.0, "status of a former version"),
            PUSH,
        ),
    ),
    **{
        f"a former version's status {where}": (
            replace(CALM, subjects=(subject,)),
            (PUSH, *before, at(seconds, "status of a former version"), *after),
        )
        for where, subject, before, seconds, after in (
            ("at a step", _ONE, (), 30.0, ()),
            ("at a step, restarted", _ONE, (), 30.0, (at(30.001, "kill", value=2.0),)),
            ("while paused", _ONE, asks(28.0, "pause"), 35.0, asks(60.0, "resume")),
            ("on the way back", _ONE, asks(30.0, "abort"), 30.01, ()),
            ("while old pods drain", _MANAGED, (), 90.0, ()),
            ("while it bakes", Subject("testers", "managed"), (), 75.0, ()),
        )
    },
    "an old name is written, for testers, too": (
        replace(CALM, subjects=(Subject(author="version"),)),
        (PUSH, at(110.0, "an old name written")),
    ),
    "nobody leads by the time it fails": (
        replace(CALM, replicas=2, latency=1.0),
        (
            at(20.5, "push", "v2"),
            at(20.5, "denied", "DestinationRule", 60.0, times=1),
            at(21.5, "broken", "Lease", 14.0, times=1000),
        ),
    ),
}
_WORDY = replace(CALM, wordy=True)
WORDY: Mapping[str, tuple[Setup, Rows]] = {
    "versions are no numbers": (_WORDY, (PUSH, *asks(60.0, "pause", "resume", every=20.0))),
    "versions are no numbers, and watches end": (
        _WORDY,
        (
            PUSH,
            at(30.0, "watch gone"),
            at(30.1, "service deleted", lasts=10.0),
            at(60.0, "compaction"),
            at(70.0, "watch doubled"),
            at(75.0, "weights edited", value=40.0),
        ),
    ),
    "versions are no numbers, and somebody is faster": (
        _WORDY,
        (
            PUSH,
            at(20.0, "conflict", "Rollout", 40.0, times=3),
            at(40.0, "lost after", "VirtualService", 60.0, times=2),
            at(60.0, "late after", "", 20.0, times=9, value=0.5),
            *asks(62.0, "abort"),
        ),
    ),
    "versions are no numbers, and lists are old": (
        _WORDY,
        (
            PUSH,
            Mishap("other replica", When(20.0, "Rollout", 4, True), "Rollout", value=8.0),
            Mishap("stale lists", When(60.0, "Rollout", 1), "Deployment", value=9.0),
        ),
    ),
}
ALL = (FORMER, WORDY, CROWDED, OVERTAKEN, TIMED)
