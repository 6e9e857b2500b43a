"""Replicas forked from a process that has imported the program already, each a process of its own.

To import it costs a busy machine more than all else that a beginning replica does, and says
nothing of what a replica does. ``python -m tests.chaos.nursery``: lines of JSON in, pids out.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollout.lab.programs import processes
from rollout.lab.programs.processes import Child

BEAT = 0.05  # seconds between two looks at who has ended
PATIENCE = 30.0  # seconds that a replica has to end by itself


@dataclass(eq=False)
class Born:
    """A replica; as ``Child`` of rollout/lab/programs/processes.py."""

    pid: int
    log: Path
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ended(self) -> bool:
        return self.over.is_set()

    def last_words(self) -> str:
        return " ".join(self.log.read_text(errors="replace")[-300:].split())

    async def stop(self, patience: float = PATIENCE) -> None:
        """It has ended: asked first, killed after ``patience`` seconds."""
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, None)):
            if not self.ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), seconds)
                return


@dataclass(eq=False)
class Nursery:
    """``child``: where replicas are forked, and who sees them end."""

    child: Child
    _born: dict[int, Born] = field(default_factory=dict)
    _next: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def born(self, log: Path, words: Sequence[str], **environment: str) -> Born:
        """A replica that begins; what it says goes to ``log``."""
        line = {"log": str(log), "words": [*words], "environment": environment}
        log.touch()
        async with self._one:
            self.child.stdin.write(json.dumps(line).encode() + b"\n")
            pid = await self._next.get()
        self._born[pid].log = log
        return self._born[pid]

    async def hear(self) -> None:
        """Until it is cancelled: who began and who ended."""
        async for line in self.child.lines():
            what, pid = line.split()
            if what == b"born":
                self._born[int(pid)] = Born(int(pid), Path(os.devnull))
                self._next.put_nowait(int(pid))
            elif replica := self._born.get(int(pid)):
                replica.over.set()


@contextlib.asynccontextmanager
async def nursery(folder: Path) -> AsyncIterator[Nursery]:
    """It has imported what replicas need; whoever is left ends with it."""
    command = (sys.executable, "-m", "tests.chaos.nursery")
    child = await processes.start("nursery", command, log=folder / "nursery.log", talks=True)
    made = Nursery(child)
    hearing = asyncio.create_task(made.hear())
    try:
        yield made
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await child.stop()


def main() -> None:
    from rollout.cli import run  # noqa: PLC0415, F401 - what the program imports as it begins
    from tests.chaos import program  # noqa: PLC0415 - who asks for a replica needs none of it

    left = b""
    while True:
        if select.select([0], [], [], BEAT)[0]:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                return
            *lines, left = (left + chunk).split(b"\n")
            for line in lines:
                _fork(json.loads(line), program.run)
        _reap()


def _fork(asked: Any, run: Callable[[Path, list[str]], None]) -> None:
    parent, pid = os.getpid(), os.fork()
    if pid:
        os.write(1, b"born %d\n" % pid)
        return
    code = 1
    try:
        _begins(asked, run, parent)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        os._exit(code)


def _begins(asked: Any, run: Callable[[Path, list[str]], None], parent: int) -> None:
    """As a process of its own that does not outlive its parent (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
    if os.getppid() != parent:
        return
    os.setsid()
    sink, nothing = os.open(asked["log"], os.O_WRONLY | os.O_APPEND), os.open(os.devnull, 0)
    for target, source in ((0, nothing), (1, sink), (2, sink)):
        os.dup2(source, target)
    os.environ.update(asked["environment"])
    clock, *words = asked["words"]
    try:
        run(Path(clock), words)
    except Exception:
        traceback.print_exc()
        raise


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            os.write(1, b"ended %d\n" % pid)


if __name__ == "__main__":
    main()
