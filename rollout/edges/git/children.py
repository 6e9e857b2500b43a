"""Readers of git that may die without us: asked, kept warm and ended."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from rollout.errors import OutsideError, RefusedError, RolloutError

LINE_BYTES = 64 << 20
JOBS = 1000  # of one child; then what libgit2 leaks is given back
SPARE = 8  # children that wait for a job, 40 MiB each
PATIENCE = 2.0  # seconds; a pipe closes a moment before its process is dead


class Died(Exception):
    """The child ended, or had to be ended; the text says why."""


class BrokenClone(OutsideError):
    """A clone that cannot be read; the next poll makes another."""


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """How long a child may be silent: to begin with, and between two messages."""

    first: timedelta
    later: timedelta


Heard = Callable[[Mapping[str, Any]], None]


def ignored(message: Mapping[str, Any]) -> None:
    """For jobs that say nothing on their way."""


@dataclass(slots=True)
class Child(ABC):
    """One child, and what leads to it; ``ca``: whom it trusts besides nobody.

    ``says``: JSON lines of the child; ``hears``: where it reads its jobs, a line each.
    """

    ca: str
    says: asyncio.StreamReader
    hears: asyncio.StreamWriter
    jobs: int = 0

    async def send(self, job: Mapping[str, Any]) -> None:
        self.hears.write(json.dumps(job).encode() + b"\n")
        await self.hears.drain()

    async def hear(self, limit: timedelta) -> Mapping[str, Any]:
        """The next message; ``EOFError`` when the child is gone, ``TimeoutError`` when silent."""
        async with asyncio.timeout(limit.total_seconds()):
            line = await self.says.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        message: Mapping[str, Any] = json.loads(line)
        return message

    async def end(self, error: BaseException | None, limit: timedelta) -> str:
        """The child is gone; why it had to, or went, in words."""
        went = isinstance(error, EOFError | OSError) and not isinstance(error, TimeoutError)
        why = await self.over(PATIENCE if went else 0.0)
        self.hears.close()
        return why or f"was not read in {limit.total_seconds():g} s"

    @abstractmethod
    async def over(self, patience: float) -> str:
        """It is gone, and so is what it has started; why, where it went by itself in time.

        ``patience``: seconds.
        """


def ended(code: int) -> str:
    """Why a child is gone whose process gave this exit code, or was ended by this signal."""
    return f"ended its reader ({f'signal {-code}' if code < 0 else f'exit {code}'})"


class Starts(Protocol):
    """Where children come from: processes of our own, or of the container beside us."""

    async def start(self, ca: str) -> Child:
        """One that trusts ``ca``, PEM, and nobody else; empty: the system's own.

        Errors: ``OutsideError`` where there is nobody to start one.
        """


@dataclass(slots=True)
class Children:
    """Readers of git, as ``starts`` starts them.

    A child that trusts a CA of somebody's own trusts it for all it does, so it serves only those
    who named that CA.
    """

    starts: Starts
    _idle: list[Child] = field(default_factory=list)

    async def ask(
        self, job: Mapping[str, Any], limits: SilenceLimits, heard: Heard = ignored, ca: str = ""
    ) -> Mapping[str, Any]:
        """What the child did; ``heard`` is told each message before that.

        Errors: ``Died``; ``RefusedError`` and ``OutsideError`` as the child says them.
        """
        child = await self._hired(ca)
        limit = limits.first
        try:
            await child.send(job)
            while not _is_last(message := await child.hear(limit)):
                heard(message)
                limit = limits.later
        except (TimeoutError, EOFError, OSError, ValueError) as error:
            raise Died(await child.end(error, limit)) from error
        except asyncio.CancelledError:
            await child.end(None, limit)
            raise
        await self._spare(child)
        if "error" in message:
            raise _refusal(message, job["where"])
        done: Mapping[str, Any] = message["done"]
        return done

    async def _hired(self, ca: str) -> Child:
        gone = [child for child in self._idle if child.says.at_eof()]
        self._idle = [child for child in self._idle if not child.says.at_eof()]
        for child in gone:  # nobody else has them any more, however long their ends take
            await child.end(None, timedelta(0))
        for child in self._idle:
            if child.ca == ca:
                self._idle.remove(child)
                return child
        return await self.starts.start(ca)

    async def _spare(self, child: Child) -> None:
        """The child serves others, unless it is old; of too many, the one idle longest goes."""
        child.jobs += 1
        if child.jobs >= JOBS:
            await child.end(None, timedelta(0))
            return
        self._idle.append(child)
        if len(self._idle) > SPARE:
            await self._idle.pop(0).end(None, timedelta(0))

    async def close(self) -> None:
        """No child is left."""
        while self._idle:
            await self._idle.pop().end(None, timedelta(0))


def _is_last(message: Mapping[str, Any]) -> bool:
    return "done" in message or "error" in message


def _refusal(message: Mapping[str, Any], where: str) -> RolloutError:
    kinds: dict[str, type[RolloutError]] = {"refused": RefusedError, "broken": BrokenClone}
    kind = kinds.get(str(message["error"]), OutsideError)
    text = str(message.get("text", ""))
    return kind(text if message.get("named") else f"{where}: {text}")
