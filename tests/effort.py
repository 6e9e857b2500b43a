"""How much work a piece of code makes, in calls of functions: the same on every machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass(slots=True)
class Effort:
    """``calls``: of functions written in Python and in C, since it began."""

    calls: int = 0


@contextmanager
def effort() -> Iterator[Effort]:
    """Counts while it lasts, in this thread."""
    made = Effort()

    def count(_frame: FrameType, event: str, _arg: Any) -> None:
        made.calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield made
    finally:
        sys.setprofile(before)
