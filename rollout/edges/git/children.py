"""Child processes that read git for us: started, asked, kept warm and ended."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import rollout
from rollout.errors import OutsideError, RefusedError, RolloutError

PROGRAM = (sys.executable, "-s", "-P", "-m", "rollout.edges.git.reader.jobs")
LINE_BYTES = 64 << 20
JOBS = 1000  # of one child; then what libgit2 leaks is given back
SPARE = 8  # children that wait for a job, 40 MiB each


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


@dataclass
class Children:
    """Readers of git. ``command``: their program; ``environment``: proxies and CA files.

    A child that trusts a CA of somebody's own trusts it for all it does, so it serves only those
    who named that CA.
    """

    cache: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = PROGRAM
    _idle: list["_Child"] = field(default_factory=list)

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

    async def _hired(self, ca: str) -> "_Child":
        for child in self._idle:
            if child.ca == ca:
                self._idle.remove(child)
                return child
        return await self._start(ca)

    async def _spare(self, child: "_Child") -> None:
        """The child serves others, unless it is old; of too many, the one idle longest goes."""
        child.jobs += 1
        if child.jobs >= JOBS:
            await child.end(None, timedelta(0))
            return
        self._idle.append(child)
        if len(self._idle) > SPARE:
            await self._idle.pop(0).end(None, timedelta(0))

    async def _start(self, ca: str) -> "_Child":
        self.cache.mkdir(parents=True, exist_ok=True)
        here = str(Path(rollout.__file__).parents[1])
        basis = {"PATH": os.defpath, "PYTHONPATH": here, "HOME": tempfile.gettempdir()}
        process = await asyncio.create_subprocess_exec(
            *self.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=basis | dict(self.environment) | self._trust(ca),
            limit=LINE_BYTES,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
        )
        return _Child(process, ca)

    def _trust(self, ca: str) -> dict[str, str]:
        """What makes OpenSSL trust ``ca`` and nobody else."""
        if not ca:
            return {}
        file = self.cache / f"{sha256(ca.encode()).hexdigest()[:24]}.pem"
        file.write_text(ca)
        return {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(self.cache / "none")}

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


@dataclass
class _Child:
    """One child process and its two pipes; ``ca``: whom it trusts besides nobody."""

    process: asyncio.subprocess.Process
    ca: str
    jobs: int = 0

    async def send(self, job: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101 - we asked for the pipe
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        await self.process.stdin.drain()

    async def hear(self, limit: timedelta) -> Mapping[str, Any]:
        """The next message; ``EOFError`` when the child is gone, ``TimeoutError`` when silent."""
        assert self.process.stdout is not None  # noqa: S101 - we asked for the pipe
        async with asyncio.timeout(limit.total_seconds()):
            line = await self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        message: Mapping[str, Any] = json.loads(line)
        return message

    async def end(self, error: BaseException | None, limit: timedelta) -> str:
        """The child is gone; why it had to, or went, in words."""
        if isinstance(error, EOFError | OSError) and not isinstance(error, TimeoutError):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):  # its pipe closes a moment before it is dead
                    await self.process.wait()
        code = self.process.returncode
        if code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # and what it has started
        await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        if code is not None:
            return f"ended its reader ({f'signal {-code}' if code < 0 else f'exit {code}'})"
        return f"was not read in {limit.total_seconds():g} s"
