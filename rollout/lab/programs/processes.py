"""Child processes that cannot outlive us, and free ports; what children do is not known here."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

from rollout.errors import OutsideError

# Asks the kernel to end it when we die (prctl(2), PR_SET_PDEATHSIG = 1), then becomes the program,
# unless we died before it could ask. A launcher, since preexec_fn is not safe beside threads.
_LAUNCHER = (
    "import ctypes, os, signal, sys;"
    "ctypes.CDLL(None).prctl(1, int(signal.SIGKILL));"
    "os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"
)


_LISTENED: Sequence[int] = range(20000, 32000)
"""Ports to listen on that no kernel gives to a connection by itself: Linux' begin at 32768."""


def free_port(address: str = "127.0.0.1") -> int:
    """A TCP port nobody has; the caller binds it soon, and no connection takes it meanwhile.

    Errors: OutsideError when all are taken.
    """
    first = secrets.randbelow(len(_LISTENED))
    for port in (*_LISTENED[first:], *_LISTENED[:first]):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    raise OutsideError(f"the lab: no port of {address} is free to listen on")


class Child:
    """One process in its own group, ended by its own id; the kernel ends it should we die first."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self._log = log
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stdin(self) -> asyncio.StreamWriter:
        assert self._process.stdin is not None  # noqa: S101 - started with ``talks``
        return self._process.stdin

    @property
    def stdout(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None  # noqa: S101 - started with ``talks``
        return self._process.stdout

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def last_words(self) -> str:
        """What its log calls critical, or the log's end: no backtrace, no whole configuration."""
        text = self._log.read_text(errors="replace")
        critical = next((line for line in text.splitlines() if "[critical]" in line), "")
        return " ".join((critical[:300] or text[-300:]).split())

    async def lines(self) -> AsyncIterator[bytes]:
        """What it says, line by line. Errors: ``OutsideError``, with its last words, at its end."""
        async for line in self.stdout:
            yield line
        await self._process.wait()
        raise OutsideError(f"{self.name} ended: {self.last_words()}")

    async def stop(self, patience: float = 3.0) -> None:
        """The process and its group are gone; asked first, killed after ``patience`` seconds."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._process.wait()

    async def kill(self) -> None:
        """Gone at once, as by ``kill -9``; it could do nothing about it."""
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


async def start(
    name: str,
    command: Iterable[object],
    *,
    log: Path,
    talks: bool = False,
) -> Child:
    """A running child; ``talks`` gives it pipes on stdin and stdout, else all goes to ``log``.

    Errors: OutsideError when the program is not there or may not be run.
    """
    pipe = asyncio.subprocess.PIPE
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *mortal(name, command),
            stdin=pipe if talks else asyncio.subprocess.DEVNULL,
            stdout=pipe if talks else sink,
            stderr=sink,
            start_new_session=True,
            limit=2**20,  # an access-log line may carry an 8 KiB path, never a MiB
        )
    return Child(name, process, log)


def mortal(name: str, command: Iterable[object]) -> tuple[str, ...]:
    """``command`` as a child of this very thread, whose death it does not survive, whatever it is.

    Errors: OutsideError when the program is not there or may not be run.
    """
    program, *words = (str(each) for each in command)
    if (found := shutil.which(program)) is None:
        raise OutsideError(f"{name}: {program} is not there, or may not be run")
    return (sys.executable, "-S", "-E", "-c", _LAUNCHER, str(os.getpid()), found, *words)


async def until(what: str, ready: Callable[[], bool], child: Child, seconds: float) -> None:
    """``ready`` has answered yes. Errors: OutsideError when the child ended or time is over."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not ready():
        if child.ended:
            raise OutsideError(f"{child.name}: ended before {what}; it says: {child.last_words()}")
        if asyncio.get_running_loop().time() > deadline:
            raise OutsideError(f"{child.name}: no {what} within {seconds:g} s")
        await asyncio.sleep(0.02)
