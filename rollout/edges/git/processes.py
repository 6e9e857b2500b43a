"""Readers of git as child processes of this one."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import rollout
from rollout.edges.git.children import LINE_BYTES, Child, ended
from rollout.errors import OutsideError, why

PROGRAM = (sys.executable, "-s", "-P", "-m", "rollout.edges.git.reader.jobs")


@dataclass(frozen=True, slots=True)
class Processes:
    """``cache``: folder of the bare clones; it may vanish at any time.

    ``environment``: what a child is given besides a home and a PATH, such as proxies and CA files.
    ``command``: its program, which is told the cache.
    """

    cache: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = PROGRAM

    async def start(self, ca: str) -> "Process":
        """As ``Starts.start``."""
        try:
            return await self._started(ca)
        except OSError as error:  # a disk that is full or read-only, or no process more to be had
            text = f"git reader in {self.cache}: {why(error)}; the next poll tries again"
            raise OutsideError(text) from error

    async def _started(self, ca: str) -> "Process":
        self.cache.mkdir(parents=True, exist_ok=True)
        here = str(Path(rollout.__file__).parents[1])
        basis = {"PATH": os.defpath, "PYTHONPATH": here, "HOME": tempfile.gettempdir()}
        process = await asyncio.create_subprocess_exec(
            *self.command,
            str(self.cache),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=basis | dict(self.environment) | self._trust(ca),
            limit=LINE_BYTES,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
        )
        assert process.stdout is not None  # noqa: S101 - we asked for both pipes
        assert process.stdin is not None  # noqa: S101
        return Process(ca, process.stdout, process.stdin, process=process)

    def _trust(self, ca: str) -> dict[str, str]:
        """What makes OpenSSL trust ``ca`` and nobody else."""
        if not ca:
            return {}
        file = self.cache / f"{sha256(ca.encode()).hexdigest()[:24]}.pem"
        file.write_text(ca)
        return {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(self.cache / "none")}


@dataclass(slots=True, kw_only=True)
class Process(Child):
    """A child process and its two pipes."""

    process: asyncio.subprocess.Process

    async def over(self, patience: float) -> str:
        code = await self.code(patience)
        return "" if code is None else ended(code)

    async def code(self, patience: float) -> int | None:
        """As ``over``; its exit code, or the signal that ended it, below 0."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.process.wait()
        code = self.process.returncode
        if code is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # and what it has started
        await self.process.wait()
        return code
