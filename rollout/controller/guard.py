"""One neighbour read: what it says, or a sentence in its place; never the end of a look.

Everything that a look reads besides its own Rollout comes through here, one thing at a time, so
that a typo, a missing right or a bug of ours in reading one of them costs that one alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from rollout.controller import telemetry
from rollout.errors import RolloutError

T = TypeVar("T")

AGAIN = 600.0  # seconds until the same bug is logged anew
MOST = 1000  # bugs remembered; beyond them the log says more than it must


@dataclass(slots=True)
class Guard:
    """Reads, and logs what nobody thought of: each time it is new, and again after a while."""

    _logged: dict[tuple[str, str], float] = field(default_factory=dict)

    def read(self, what: str, reading: Callable[[], T], instead: Callable[[str], T]) -> T:
        """What ``reading`` gives, or ``instead`` of the sentence that says why it gave nothing.

        ``what``: the object as people name it, such as ``hpa shop/web``.
        Errors: none of ``reading``'s.
        """
        try:
            return reading()
        except Exception as error:  # one neighbour's trouble, whatever it is, is its own
            return instead(self.said(what, error))

    async def hear(self, what: str, reading: Awaitable[T], instead: Callable[[str], T]) -> T:
        """As ``read``, of something that answers later."""
        try:
            return await reading
        except Exception as error:  # as above
            return instead(self.said(what, error))

    def said(self, what: str, error: Exception) -> str:
        """``error`` as one sentence about ``what``; one that is not ours is logged as a bug."""
        if isinstance(error, RolloutError):
            return str(error)
        name = type(error).__name__
        self._log(what, name, error)
        return f"{what}: cannot be read ({name}); see the controller's log"

    def _log(self, what: str, name: str, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._logged.get((what, name), float("-inf")) < AGAIN:
            return
        if len(self._logged) >= MOST:
            self._logged.clear()
        self._logged[what, name] = now
        telemetry.bug("not read", error, object=what)
