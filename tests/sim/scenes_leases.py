"""Scenes of several replicas: who holds which Lease, and what becomes of one that others wrote."""

from collections.abc import Mapping
from dataclasses import replace

from tests.sim.plan import Mishap, Setup, When
from tests.sim.steps import CALM, PUSH, Rows, at

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
    "a Lease cannot be given back": (_TWO, _release("conflict", "Lease", lasts=5.0, times=50)),
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
