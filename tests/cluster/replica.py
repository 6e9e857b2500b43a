"""A replica of the controller, as a process of its own under a ServiceAccount's token."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from rollout.cli.manifests import rbac
from rollout.lab.programs.processes import free_port, mortal

PATIENCE = 240.0  # seconds; a busy machine is no fault


@dataclass
class Replica:
    process: subprocess.Popen[bytes]
    address: str
    log: Path

    async def ready(self) -> tuple[int, str]:
        """What ``/readyz`` says; 0 while nobody listens."""
        async with aiohttp.ClientSession() as http:
            try:
                async with http.get(f"http://{self.address}/readyz") as answer:
                    return answer.status, await answer.text()
            except aiohttp.ClientError:
                return 0, ""

    async def until_ready(self) -> str:
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.ready())[0] != 200:
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                await asyncio.sleep(0.2)
        return answer[1]

    def kill(self) -> None:
        """As ``kill -9``."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def lines(self, event: str) -> list[Any]:
        """Its log's lines of that event."""
        found = [json.loads(x) for x in self.log.read_text().splitlines() if x.startswith("{")]
        return [line for line in found if line["event"] == event]


@contextlib.contextmanager
def replica(folder: Path, config: Path, mesh: str, *words: str) -> Iterator[Replica]:
    """Started; it ends with the block as by SIGTERM."""
    address = f"127.0.0.1:{free_port()}"
    log = folder / f"replica-{address.rpartition(':')[2]}.log"
    command = [sys.executable, "-m", "rollout", "--kubeconfig", str(config), "run", *words]
    command += ["--listen", address, "--prometheus", mesh, "--istiod", f"{mesh}/debug/syncz"]
    policy = folder / "policy.yaml"
    policy.write_text(json.dumps({"localGit": True, "webhooks": [mesh]}))
    command += ["--policy", str(policy), "--cache", str(folder / "cache")]
    environment = {**os.environ, "POD_NAMESPACE": rbac.OWN}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            mortal("replica", command), stdout=output, stderr=output, env=environment
        ) as process,
    ):
        try:
            yield Replica(process, address, log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
