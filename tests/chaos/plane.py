"""A real etcd and kube-apiserver that can be stopped, begun again, and told to forget."""

import asyncio
import base64
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from rollout.lab.kube.client import Kube
from rollout.lab.programs.processes import mortal
from tests.realkube import RealKube

PATIENCE = 300.0  # seconds; a busy machine is no fault


@dataclass
class Plane:
    """``real``: as it was started first; every later one has its ports and its data."""

    real: RealKube
    folder: Path
    command: list[str] = field(init=False)
    _later: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        told = Path(f"/proc/{self.real.processes[0]}/cmdline").read_bytes()
        self.command = told.decode().strip("\0").split("\0")

    @property
    def pid(self) -> int:
        """The API server's."""
        return self._later[-1].pid if self._later else self.real.processes[0]

    async def stop(self) -> None:
        """``kill -9`` of the API server; etcd goes on."""
        os.kill(self.pid, signal.SIGKILL)
        if self._later:
            self._later[-1].wait()
        while runs(self.pid):
            await asyncio.sleep(0.05)

    async def start(self) -> None:
        """Another API server is ready in its place."""
        with (self.folder / "apiserver-later.log").open("ab") as log:
            words = mortal("apiserver", self.command)
            self._later.append(subprocess.Popen(words, stdout=log, stderr=log))
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
            while not await self._is_ready(http):
                await asyncio.sleep(0.1)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        url, bearer = f"{self.real.url}/readyz", f"Bearer {self.real.token}"
        try:
            context = self.real.context()
            async with http.get(url, ssl=context, headers={"Authorization": bearer}) as answer:
                return answer.status == 200
        except (OSError, aiohttp.ClientError, ValueError):
            return False

    def trusted_by(self, kube: Kube) -> None:
        """``kube``, which nobody has told, takes the certificate that is there now."""
        assert kube._tls is not None
        kube._tls.load_verify_locations(self.real.ca)

    def end(self) -> None:
        """What was begun again ends."""
        for process in self._later:
            process.kill()
            process.wait()

    async def compact(self) -> None:
        """etcd forgets every version but the newest: a watch from before gets 410 Gone.

        Source: etcd, "API reference: KV.Compact", by its JSON gateway.
        """
        async with aiohttp.ClientSession(self.real.etcd) as http:
            async with http.post("/v3/kv/range", json={"key": _coded("/")}) as answer:
                revision = (await answer.json())["header"]["revision"]
            body = {"revision": revision, "physical": True}
            async with http.post("/v3/kv/compaction", json=body) as answer:
                answer.raise_for_status()


@dataclass(frozen=True, slots=True)
class Commit:
    """One object as etcd has it from now on; ``at``: when we heard, by the loop's clock."""

    revision: int
    obj: Any
    at: float = 0.0


@asynccontextmanager
async def commits(etcd: str, prefix: str) -> AsyncIterator[list[Commit]]:
    """Every version of every object below ``prefix``, in order, as soon as etcd has it.

    From etcd itself, so that nothing is missed while the API server is gone; of custom kinds and
    others that are stored as JSON. Source: etcd, "API reference: Watch", by its JSON gateway.
    """
    told: list[Commit] = []
    begun = asyncio.Event()
    task = asyncio.create_task(_follow(etcd, prefix, told, begun))
    await begun.wait()
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(etcd: str, prefix: str, told: list[Commit], begun: asyncio.Event) -> None:
    asked = {"create_request": {"key": _coded(prefix), "range_end": _coded(prefix[:-1] + "0")}}
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(etcd, timeout=timeout, read_bufsize=1 << 24) as http,
        http.post("/v3/watch", json=asked) as answer,
    ):
        async for line in answer.content:
            result = json.loads(line)["result"]
            begun.set()
            for event in result.get("events", ()):
                if event.get("type", "PUT") == "PUT":
                    value = json.loads(base64.b64decode(event["kv"]["value"]))
                    at = asyncio.get_running_loop().time()
                    told.append(Commit(int(event["kv"]["mod_revision"]), value, at))


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def runs(pid: int) -> bool:
    """Whether it is there and no corpse."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
