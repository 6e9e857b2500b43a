"""Scenes of many at once, of looks that are overtaken, and of statuses and versions unlike ours."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_ONE = Subject("one step")
_PLAIN = Subject()
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
    "six at once, deleted while stable is down, and people read it late": (
        _SIX,
        (
            *_each(20.0, "push", "v2"),
            at(21.3, "late after", "Rollout", 60.0, times=1000, value=4.0),
            *(Mishap("stable crashes", When(22.0), "", who, 60.0) for who in range(6)),
            *_each(24.0, "delete", every=0.3),
            *_each(40.0, "rollout touched", every=0.7),
        ),
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


def while_written(do: str, on: str = "", begin: float = 20.0, nth: int = 1, **more: float) -> Rows:
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
        (PUSH, *while_written("mark scribbled", "newer", 41.0, 1)),
    ),
    "a newer decision while the status of the way back is written": (
        replace(CALM, subjects=(_MANAGED,)),
        (PUSH, *asks(40.0, "abort"), *while_written("mark scribbled", "newer", 40.0, 1)),
    ),
    "its subset is there by the time it is made": (
        CALM,
        (PUSH, *while_written("subset written", "", 20.0, 2)),
    ),
    "deleted, and its subset is nobody's by the time it is removed": (
        replace(CALM, subjects=(_MANAGED,)),
        (
            PUSH,
            at(30.0, "delete"),
            *while_written("mark gone", "", 33.0, 2),
        ),
    ),
    "its subset is gone by the time it is removed": (
        CALM,
        (PUSH, *while_written("subset removed", "", 86.0, 3)),
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
_LONG = replace(CALM, calm=240.0)
_HOST = Subject(author="host", rule="none")


def _of(subject: Subject, **more: object) -> Setup:
    return replace(CALM, subjects=(subject,), **more)  # type: ignore[arg-type]


BESIDE: Mapping[str, tuple[Setup, Rows]] = {
    **{
        f"another team's {match} at its gateway host, {subject.strategy}": (
            _of(replace(subject, beside=match)),
            (PUSH,),
        )
        for match in ("prefix", "exact", "regex")
        for subject in (_PLAIN, Subject("testers"))
    },
    "rules of a pattern, and one has a policy": (_of(replace(_HOST, rule="patterns")), (PUSH,)),
    "fields are the author's again, behind a bare host": (
        _of(Subject(author="host"), fields=True),
        (PUSH, at(110.0, "delete")),
    ),
    "the API server is of former years": (
        _of(Subject(workload="scaled"), older=True),
        (PUSH, at(100.0, "load", value=4.0)),
    ),
    "the canary is mirrored by others": (
        CALM,
        (PUSH, at(60.0, "canary mirrored"), at(120.0, "canary mirrored", "no more")),
    ),
    "its rule is another by the time it is deleted": (
        _of(_HOST),
        (PUSH, at(30.0, "delete"), *while_written("rule replaced", "", 30.2, 2)),
    ),
    "its rule is another by the time it is deleted, managed": (
        _of(replace(_HOST, workload="managed")),
        (PUSH, at(30.0, "delete"), *while_written("rule replaced", "", 33.0, 2)),
    ),
    "a newer decision as its subset is moved": (
        CALM,
        (PUSH, *while_written("mark scribbled", "newer", 84.0, 2)),
    ),
    "its Deployments have other names at a step": (
        _of(_MANAGED),
        (
            PUSH,
            at(30.0, "other deployments", "-of-another-name"),
            *asks(40.0, "abort"),
            at(80.0, "other deployments"),
        ),
    ),
    "it is deleted, and its rule does not answer": (
        _of(_MANAGED),
        (PUSH, at(30.0, "delete"), at(33.0, "broken", "DestinationRule", 40.0, times=1000)),
    ),
    "it is deleted, and Events are not answered": (
        _of(_MANAGED),
        (PUSH, at(30.0, "delete"), at(31.0, "broken", "Event", 40.0, times=1000)),
    ),
    "a step cannot be written, and it is aborted": (
        _of(_MANAGED),
        (PUSH, at(41.0, "denied", "VirtualService", 20.0, times=100), *asks(45.0, "abort")),
    ),
    "it fails for long, and its pods come and go": (
        _LONG,
        (
            PUSH,
            at(41.0, "denied", "VirtualService", 100.0, times=10000),
            *(
                at(50.0 + 4.0 * turn, "deployment scaled", "v3", value=float(turn % 2))
                for turn in range(22)
            ),
        ),
    ),
    "it fails for long, and it is touched again and again": (
        _LONG,
        (
            PUSH,
            at(41.0, "denied", "VirtualService", 100.0, times=10000),
            *(at(50.0 + 4.0 * turn, "service deleted", lasts=1.0) for turn in range(22)),
        ),
    ),
    "it is replaced by what cannot be read": (
        CALM,
        (PUSH, at(40.0, "replaced by force", "unreadable", lasts=30.0, value=1.0)),
    ),
    "its steps are edited while the gate is blind": (
        CALM,
        (
            PUSH,
            at(24.0, "prometheus down", lasts=12.0),
            at(45.0, "spec edited"),
            at(46.0, "prometheus refuses", lasts=40.0),
        ),
    ),
    "the API server says when to ask again": (
        CALM,
        (PUSH, at(41.0, "throttled", "VirtualService", 60.0, times=60)),
    ),
    "its status loses its stage at rest": (CALM, (at(10.0, "status scribbled", "stage"), PUSH)),
}
STOPPING: Mapping[str, tuple[Setup, Rows]] = {
    "it ends while one is awaited, and another is pushed": (
        replace(CALM, subjects=(_PLAIN, _PLAIN)),
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            at(38.0, "terminate", value=6.0),
            Mishap("push", When(38.3), "v2", 1),
        ),
    ),
    "it ends while one is awaited, and another is tried again": (
        replace(CALM, subjects=(_PLAIN, _PLAIN)),
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            at(37.5, "denied", "DestinationRule", 20.0, times=4),
            Mishap("push", When(37.5), "v2", 1),
            at(38.0, "terminate", value=6.0),
        ),
    ),
    "it ends while a status is written, and it is aborted": (
        CALM,
        (
            PUSH,
            at(41.0, "late after", "VirtualService", 5.0, times=1, value=0.8),
            Mishap("terminate", When(41.0, "VirtualService", 1, True), value=6.0),
            Mishap("request", When(41.0, "VirtualService", 1, True), "abort"),
        ),
    ),
    "four shards for two": (
        replace(CALM, replicas=2, shards=(4,)),
        (PUSH, at(40.0, "kill", value=20.0)),
    ),
    "three Leases of six are taken from two, who share all again": (
        replace(CALM, replicas=2, shards=(6,)),
        (PUSH, *(at(40.0, "lease taken", value=float(place)) for place in range(3))),
    ),
    "the Lease may not be written for a while": (
        replace(CALM, replicas=2),
        (PUSH, at(40.0, "forbidden", "Lease", 30.0, times=1000)),
    ),
    "somebody is always faster with the Lease": (
        replace(CALM, replicas=2),
        (PUSH, at(40.0, "conflict", "Lease", 30.0, times=1000)),
    ),
    **{
        f"it stands still for {seconds:g} s, and answers take a second": (
            replace(CALM, replicas=2, latency=1.0),
            (PUSH, at(40.0, "pause", value=seconds)),
        )
        for seconds in (7.6, 8.4, 9.2, 10.0)
    },
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
ALL = (FORMER, WORDY, CROWDED, OVERTAKEN, TIMED, BESIDE, STOPPING)
