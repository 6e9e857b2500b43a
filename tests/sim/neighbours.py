"""Two rollouts beside a poisoned one go the way that they go without it, and as fast (L4).

``python -m tests.sim.neighbours`` plays every poison.
"""

import sys
from collections.abc import Iterator

from tests.sim import plan, story
from tests.sim.objects import NAMES
from tests.sim.plan import Mishap, Plan, Setup, Subject, When

PUSHED = 20.0
SLOWER = 1.1
_POISONED = 2
_HEALTHY = NAMES[:_POISONED]
POISONS = tuple(
    kind
    for kind in (*plan.EDITS, *plan.PODS, *plan.PEOPLE, "bad")
    if kind not in ("rollout touched", "push")
)
"""What happens to one rollout alone."""
_ON = {"request": "abort", "deployment scaled": "v2", "rebuilt": "v2"}


def _plan(poison: str) -> Plan:
    """Three pushes at one moment; the third rollout is poisoned before, and again and again."""
    setup = Setup((Subject(),) * (_POISONED + 1), calm=150.0, last="")
    pushes = tuple(Mishap("push", When(PUSHED), "v2", who) for who in range(_POISONED + 1))
    on = _ON.get(poison, "")
    times = (PUSHED - 1, PUSHED + 15, PUSHED + 60) if poison else ()
    again = tuple(Mishap(poison, When(at), on, _POISONED, 40.0, value=0.0) for at in times)
    return Plan(1, setup, (*pushes, *again))


def journeys(poison: str = "") -> list[tuple[str, str, float]]:
    """Every split of the healthy ones in order, and how long after the push it was written."""
    made = story.play(_plan(poison))
    assert made.broken == (), (poison, *made.broken)
    pairs = zip(made.splits, made.times, strict=True)
    return sorted(
        ((name, split, at - PUSHED) for (name, split), (_, at) in pairs if name in _HEALTHY),
        key=lambda row: (row[0], row[2]),
    )


def late(clean: list[tuple[str, str, float]], other: list[tuple[str, str, float]]) -> Iterator[str]:
    """What is not as without the poison."""
    ways = [[row[:2] for row in rows] for rows in (clean, other)]
    if ways[0] != ways[1]:
        yield f"another way: {ways[1]}, and without the poison {ways[0]}"
        return
    for (name, split, then), (_, _, now) in zip(clean, other, strict=True):
        if now > SLOWER * then:
            yield f"{name}: {split} after {now:.1f} s, and without the poison after {then:.1f} s"


def main() -> int:
    clean, bad = journeys(), 0
    for poison in POISONS:
        wrong = [*late(clean, journeys(poison))]
        bad += bool(wrong)
        print(f"{poison:24}", *(wrong or ["as without it"]), sep="\n    " if wrong else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
