"""What need not be made anew: what was worked out of a value lately, and what is so already.

A value is known again by identity, so nobody may change one in place that was ever asked about.
"""

import dataclasses
import functools
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar
from weakref import WeakSet

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

_PLAIN = (str, int, float, datetime, timedelta)
MOST = 6000
"""Answers between two turns: a thousand rollouts under way read six objects each a look."""


class Memo(Generic[R]):
    """Answers by the values that they follow from, until ``forget`` was called twice unasked for.

    The values are held meanwhile, so that their identity cannot come to mean another.
    ``lately``: what was asked for since the last turn, by identities and by what is beside.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.lately: dict[Hashable, tuple[Sequence[object], R]] = {}
        self._before: dict[Hashable, tuple[Sequence[object], R]] = {}
        _TABLES.add(self)

    def of(self, values: Sequence[object], beside: Hashable, work: Callable[[], R]) -> R:
        """``work()``, which follows from the very ``values`` and from what equals ``beside``."""
        key = (*map(id, values), beside)
        held = self.lately.get(key)
        if held is None:
            held = self._before.pop(key, None) or (values, work())
            if len(self.lately) >= self._most:
                self.turn()
            self.lately[key] = held
        return held[1]

    def turn(self) -> None:
        """What nobody has asked for since the last turn is forgotten."""
        self._before, self.lately = self.lately, {}


_TABLES: WeakSet[Memo[Any]] = WeakSet()


def forget() -> None:
    """What was asked for neither since the last call nor since the one before is held no more.

    A process that runs for long calls it now and then: whoever is at rest costs no memory.
    """
    for table in list(_TABLES):
        table.turn()


def remembered(work: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
    """``work``, done once for each value lately, and what equals its other arguments."""
    memo: Memo[R] = Memo()

    @functools.wraps(work)
    def answer(value: A, /, *beside: P.args, **named: P.kwargs) -> R:
        asked = (beside, *named.items()) if named else beside
        held = memo.lately.get((id(value), asked))  # as ``of`` does, which most calls need not
        if held is not None:
            return held[1]
        return memo.of((value,), asked, lambda: work(value, *beside, **named))

    return answer


def changed(value: A, **changes: Any) -> A:
    """The dataclass ``value`` with ``changes``; itself where it is so already.

    So is what is the same in every field, those included that equal ones may differ in, such as a
    revision's image.
    """
    for name, new in changes.items():
        held = getattr(value, name)
        if held is not new and not _is_so(held, new):
            made: A = dataclasses.replace(value, **changes)  # type: ignore[type-var]
            return made
    return value


def _is_so(held: object, new: object) -> bool:
    if held is new:
        return True
    if type(held) is not type(new):
        return False
    if isinstance(new, _PLAIN):
        return held == new
    names = getattr(new, "__dataclass_fields__", ())
    return bool(names) and all(_is_so(getattr(held, n), getattr(new, n)) for n in names)
