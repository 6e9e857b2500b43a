"""Kinds that are read for the first time: listed, or waited for, once; all at the same time."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from rollout.controller.ports import Kube
from rollout.errors import OutsideError

EVERY, TRIES = 0.05, 60  # seconds between two tries to read a kind, and how many


@dataclass(slots=True)
class Listing:
    """Which kinds of ``kube`` need no waiting any more.

    Before a kind is listed nothing of it seems to be there, though nothing is wrong.
    """

    kube: Kube
    _awaited: set[str] = field(default_factory=set)

    async def until(self, kinds: Iterable[str]) -> None:
        """Each of ``kinds`` has been listed; one that we may not see is given up after a while.

        In the order of their names, so that the same things happen in each process.
        """
        if left := sorted({*kinds} - self._awaited):
            await asyncio.gather(*map(self._one, left))

    def known(self, kinds: set[str]) -> bool:
        """Whether none of ``kinds`` needs to be waited for."""
        return kinds <= self._awaited

    async def _one(self, kind: str) -> None:
        for _ in range(TRIES):
            if kind in self._awaited or self._is_listed(kind):
                break
            await asyncio.sleep(EVERY)
        self._awaited.add(kind)

    def _is_listed(self, kind: str) -> bool:
        try:
            self.kube.get(kind, "", "")
        except OutsideError:
            return False
        return True
