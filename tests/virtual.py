"""An event loop whose time passes only when everybody sleeps, and a day in it takes no time."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.make import START

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Nobody writes to us from outside, so instead of waiting it is later."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everybody waits for ever")
        self.now += max(0.0, timeout)
        return []  # what another thread adds is run all the same: nobody ever sleeps in here


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` is how long everybody has slept."""

    def __init__(self) -> None:
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(story: Coroutine[Any, Any, T]) -> T:
    """What ``story`` gives, in its own world and time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


def clock() -> datetime:
    """The time in the story, from ``START`` on, to the millisecond."""
    passed = round(asyncio.get_running_loop().time() * 1000)
    return START + timedelta(milliseconds=passed)


def passed() -> float:
    """Seconds since the story began."""
    return asyncio.get_running_loop().time()


class Alarms:
    """Alarms by the story's own loop."""

    def __init__(self) -> None:
        self._set: dict[str, asyncio.TimerHandle] = {}

    def after(self, wait: timedelta, key: str, ring: Callable[[str], None]) -> None:
        self.off(key)
        seconds = max(0.0, wait.total_seconds())
        self._set[key] = asyncio.get_running_loop().call_later(seconds, self._ring, key, ring)

    def off(self, key: str) -> None:
        if handle := self._set.pop(key, None):
            handle.cancel()

    def stop(self) -> None:
        for key in [*self._set]:
            self.off(key)

    def _ring(self, key: str, ring: Callable[[str], None]) -> None:
        self._set.pop(key, None)
        ring(key)
