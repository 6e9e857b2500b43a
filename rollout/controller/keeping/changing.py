"""A status changed beside the looks, whatever kind of object it is of."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from rollout.errors import ConflictError, RefusedError

TRIES, GAP = 5, 0.05  # at an object that somebody else writes at the same time; seconds between

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
S_co = TypeVar("S_co", covariant=True)


class Holding(Protocol[S_co]):
    """One object as it was found."""

    @property
    def status(self) -> S_co: ...


H = TypeVar("H", bound="Holding[object]")


class Statuses(Protocol[H, S_contra]):
    """A store as this needs it; errors as of each kind's own."""

    def load(self, key: str, /) -> H | None: ...

    async def write(self, held: H, status: S_contra, now: datetime, /) -> H: ...


async def changed(store: Statuses[H, S], key: str, change: Callable[[S], S], now: datetime) -> None:
    """The status is what ``change`` makes of it, and written; what is so already costs nothing.

    A look that runs meanwhile finds that it was overtaken, and looks again.
    Errors: ``RefusedError`` for an object that is not there; ``ConflictError`` when it changed
    again and again; as ``store.load``.
    """
    for _ in range(TRIES):
        held = store.load(key)
        if held is None:
            raise RefusedError(f"{key}: is not there")
        before: S = held.status  # type: ignore[assignment]
        status = change(before)
        if status == before:
            return
        try:
            await store.write(held, status, now)
        except ConflictError:
            await asyncio.sleep(GAP)
        else:
            return
    raise ConflictError(f"{key}: it keeps changing; ask once more")
