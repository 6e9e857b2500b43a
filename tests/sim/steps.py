"""How scenes are written: what happens at which moment."""

from typing import Any

from tests.sim.plan import Mishap, Setup, When

CALM = Setup(calm=150.0, last="")
Rows = tuple[Mishap, ...]


def at(seconds: float, do: str, on: str = "", lasts: float = 0.0, **more: Any) -> Mishap:
    return Mishap(do, When(seconds), on, lasts=lasts, **more)


def write(kind: str, nth: int, do: str, on: str = "", lasts: float = 0.0, **more: Any) -> Mishap:
    """As the controller makes its ``nth`` write of a kind after the push."""
    return Mishap(do, When(20.0, kind, nth), on, lasts=lasts, **more)


def asks(seconds: float, *verbs: str, every: float = 2.0) -> Rows:
    """A person asks for one thing after another."""
    return tuple(at(seconds + every * i, "request", verb) for i, verb in enumerate(verbs))


PUSH = at(20.0, "push", "v2")
