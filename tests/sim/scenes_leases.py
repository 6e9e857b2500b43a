"""Scenes of several replicas: who holds which Lease, and what becomes of one that others wrote."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, Subject, When
from tests.sim.steps import CALM, PUSH, Rows, asks, at

_TWO = replace(CALM, replicas=2)
_SHARED = replace(_TWO, shards=(2,))
_MINDS = replace(_TWO, shards=(2, 1))


def _edits(*whats: str, begin: float = 30.0, every: float = 12.0, place: float = 0.0) -> Rows:
    return tuple(
        at(begin + every * turn, "lease scribbled", what, value=place)
        for turn, what in enumerate(whats)
    )


def _release(do: str, on: str = "", **more: float) -> Rows:
    """The leader ends, and as it gives its Lease back something happens to that."""
    gives = Mishap(do, When(40.5, "Lease", 1), on, **more)  # type: ignore[arg-type]
    return (PUSH, at(40.5, "terminate", value=20.0), gives)


LEASES: Mapping[str, tuple[Setup, Rows]] = {
    "two shards": (_SHARED, (PUSH,)),
    "two shards, and a replica goes": (_SHARED, (PUSH, at(40.0, "kill", value=20.0))),
    "two shards, and a replica ends": (_SHARED, (PUSH, at(40.5, "terminate", value=20.0))),
    "three shards for two": (replace(_TWO, shards=(3,)), (PUSH, at(60.0, "kill", value=10.0))),
    "four shards for three": (
        replace(_TWO, replicas=3, shards=(4,)),
        (PUSH, at(60.0, "terminate", value=10.0)),
    ),
    "replicas of two minds": (_MINDS, (PUSH, at(40.5, "terminate", value=5.0))),
    "replicas of two minds, the other way round": (
        replace(_MINDS, shards=(1, 2)),
        (PUSH, at(40.5, "terminate", value=5.0)),
    ),
    "a Lease with odd digits": (_SHARED, (PUSH, *_edits("digits", "words", "another number"))),
    "another Lease with odd digits": (
        _SHARED,
        (PUSH, *_edits("digits", "another number", "bare", "wished", place=1.0)),
    ),
    "a Lease without a holder": (_TWO, (PUSH, *_edits("nobody", "bare", "gone", every=15.0))),
    "a Lease without its past": (
        _TWO,
        (PUSH, *_edits("no turns", "no time", "wished"), at(75.0, "kill", value=10.0)),
    ),
    "a Lease is taken": (_TWO, (PUSH, at(40.0, "lease taken"))),
    "a Lease is taken as it is given back": (_TWO, _release("lease taken")),
    "a Lease goes as it is given back": (_TWO, _release("lease scribbled", "gone")),
    "a Lease is edited as it is given back": (_TWO, _release("lease scribbled", "wished")),
    "a Lease cannot be given back": (
        _TWO,
        (
            PUSH,
            at(40.5, "terminate", value=20.0),
            at(40.45, "conflict", "Lease", 3.0, times=50),
        ),
    ),
    "a Lease without notes is wished for": (
        _SHARED,
        (
            PUSH,
            *(at(1.6 + 0.2 * turn, "lease scribbled", "bare", value=1.0) for turn in range(20)),
        ),
    ),
    "nobody leads while answers are awaited": (
        replace(_TWO, latency=0.2),
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            at(30.0, "broken", "Lease", 14.0, times=1000),
            at(31.0, "rollout touched"),
            *asks(60.0, "abort"),
        ),
    ),
    "nobody leads while a status is written": (
        _TWO,
        (
            PUSH,
            at(29.0, "broken", "Lease", 14.0, times=1000),
            at(30.0, "late after", "Rollout", 12.0, times=4, value=7.0),
            *asks(30.1, "pause", "resume", every=30.0),
        ),
    ),
    "nobody leads while routes are written": (
        _TWO,
        (
            PUSH,
            at(19.0, "broken", "Lease", 20.0, times=1000),
            at(20.0, "late after", "VirtualService", 15.0, times=2, value=6.0),
            at(20.0, "late after", "DestinationRule", 15.0, times=2, value=6.0),
        ),
    ),
    "nobody leads, and routes cannot be written": (
        replace(_TWO, latency=1.0),
        (
            PUSH,
            at(20.5, "denied", "DestinationRule", 20.0, times=100),
            *(at(seconds, "pause", value=6.5) for seconds in (23.6, 34.5, 45.2)),
        ),
    ),
    **{
        f"it stands still after write {nth} of a {kind}": (
            _TWO,
            (PUSH, Mishap("pause", When(20.0, kind, nth, True), value=12.0)),
        )
        for kind, nth in (("Rollout", 1), ("Rollout", 3), ("Event", 1), ("VirtualService", 1))
    },
    **{
        f"it ends at write {nth} of a {kind}": (
            CALM,
            (PUSH, Mishap("terminate", When(20.0, kind, nth, True), value=3.0)),
        )
        for kind, nth in (("Rollout", 1), ("Rollout", 4), ("VirtualService", 1))
    },
    "it ends while it fails": (
        CALM,
        (
            PUSH,
            at(20.0, "denied", "VirtualService", 20.0, times=100),
            at(26.0, "terminate", value=3.0),
        ),
    ),
    "it ends while answers are awaited": (
        replace(CALM, subjects=(Subject(), Subject())),
        (
            PUSH,
            at(24.0, "prometheus slow", lasts=60.0),
            at(38.0, "terminate", value=3.0),
            *(at(38.1 + 0.1 * turn, "rollout touched", who=1) for turn in range(9)),
        ),
    ),
    "a shard's Lease is taken": (_SHARED, (PUSH, at(40.0, "lease taken", value=1.0))),
    "a replica stands still while shards are shared": (
        _SHARED,
        (PUSH, at(25.0, "pause", value=12.0), at(60.0, "pause", value=7.0)),
    ),
    "Leases cannot be read while shards are shared": (
        _SHARED,
        (PUSH, at(30.0, "broken", "Lease", 14.0, times=1000)),
    ),
}
ALL = (LEASES,)
