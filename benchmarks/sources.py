"""What git sources cost: a large repository, and many sources that are polled.

``python -m benchmarks.sources`` prints seconds, CPU and memory: a repository of 10,000 files with
1,000 manifests over ``git daemon``, applied to a kube-apiserver (``KUBEBUILDER_ASSETS``, else the
lab's), its first sync and a change of one file; then 200 sources, polled.
"""

import asyncio
import contextlib
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import processes
from rollout.controller.seeing import concerns
from rollout.controller.sources.applying import Applier
from rollout.controller.sources.look import KubeSecrets, Policy, Sources
from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.edges.kube import Kube
from rollout.model.source import Origin
from tests.edges.git.depot import Depot
from tests.edges.git.transports import GitDaemon
from tests.ports.conftest import api, lab, listed, prepare
from tests.realkube import running

FILES, MANIFESTS, SOURCES = 10_000, 1_000, 200
READ = ("Rollout", "RolloutSource", "AnalysisTemplate", "VirtualService", "Gateway", "Secret")


def manifest(number: int, value: int = 0) -> bytes:
    text = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{number}}}\ndata: {{a: '{value}'}}\n"
    )
    return text.encode()


def tree(value: int = 0) -> dict[bytes, object]:
    """1,000 manifests in ten folders, and 9,000 files of source beside them."""
    deploy: dict[bytes, object] = {
        b"%d" % folder: {
            b"%d.yaml" % n: manifest(n, value if n == 0 else 0)
            for n in range(folder * 100, folder * 100 + 100)
        }
        for folder in range(MANIFESTS // 100)
    }
    code = {
        b"%d" % folder: {b"%d.py" % n: b"x = %d\n" % (folder * 100 + n) for n in range(100)}
        for folder in range((FILES - MANIFESTS) // 100)
    }
    return {b"deploy": deploy, b"src": code}


async def timed(what: str, work: Callable[[], Awaitable[object]]) -> None:
    began, cpu = time.monotonic(), cpu_seconds()
    await work()
    took = time.monotonic() - began
    print(f"{what}: {took:.2f} s, CPU {cpu_seconds() - cpu:.2f} s", flush=True)


def cpu_seconds() -> float:
    """Of this process and its living children that read git."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + sum(_cpu(pid) for pid in readers())


def _cpu(pid: int) -> float:
    with contextlib.suppress(OSError):
        return processes.cpu(pid)
    return 0.0


def readers() -> list[int]:
    """Our children that read git."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            with contextlib.suppress(OSError):
                if b"reader.jobs" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


def peak() -> str:
    """Peak memory of the controller's process here, and of the largest reader."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    largest = max((_high(pid) for pid in readers()), default=0) >> 10
    return f"peak memory {own} MiB here, {largest} MiB in a reader"


def _high(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def large(folder: Path, kube: Kube) -> None:
    depot = Depot(folder / "depots" / "large.git")
    depot.commit(tree())
    daemon = await GitDaemon(folder / "depots").start()
    await prepare(kube, "bench")
    await listed(kube, *READ)
    spec = {"url": f"{daemon.url}/large.git", "path": "deploy", "manifests": True, "prune": True}
    meta = {"name": "large", "namespace": "bench"}
    version = "rollout.dev/v1alpha1"
    await kube.create(
        {"apiVersion": version, "kind": "RolloutSource", "metadata": meta, "spec": spec}
    )
    repo = GitRepo(Processes(folder / "cache"), local=True)
    clock = lambda: datetime.now(UTC)  # noqa: E731
    team = Applier(kube, kube.objects)
    sources = Sources(kube, repo, KubeSecrets(kube), team, clock, Policy())

    async def look() -> None:
        sources.nudge("bench/large")
        await sources.look("bench/large")

    origin = Origin("bench/read", spec["url"], "main", "deploy", manifests=True)  # type: ignore[arg-type]
    await timed(
        f"first read of {FILES} files, {MANIFESTS} manifests", lambda: repo.read(origin, "")
    )
    await timed("first sync, read and applied", look)
    obj = kube.get("RolloutSource", "bench", "large")
    print(obj and obj["status"]["because"])
    await timed("a poll without news", look)
    depot.commit(tree(1))
    await timed("a change of one file", look)
    print(peak())
    await repo.close()
    await daemon.stop()


async def many(folder: Path) -> None:
    for number in range(SOURCES):
        Depot(folder / "depots" / f"{number}.git").commit({b"a.yaml": manifest(number)})
    daemon = await GitDaemon(folder / "depots").start()
    for what, name in (("repositories of their own", "{}.git"), ("one repository", "0.git")):
        repo = GitRepo(Processes(folder / f"cache-{len(name)}"), local=True)
        urls = [f"{daemon.url}/{name.format(number)}" for number in range(SOURCES)]
        origins = [Origin(f"bench/{n}", url, "main", "") for n, url in enumerate(urls)]
        read = lambda o=origins, r=repo: asyncio.gather(*(r.read(one, "") for one in o))  # noqa: E731
        await timed(f"{SOURCES} sources on {what}, first read", read)
        await timed(f"{SOURCES} sources on {what}, polled", read)
        print(f"{len(set(urls))} requests for refs a round; {len(readers())} readers; {peak()}")
        await repo.close()
    await daemon.stop()


async def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "depots").mkdir()
        await many(folder)
        async with contextlib.AsyncExitStack() as stack:
            if os.environ.get("KUBEBUILDER_ASSETS"):
                (folder / "kube").mkdir()
                real = stack.enter_context(running(folder / "kube"))
                made = api(real.url, real.token, str(real.ca))
            else:
                made = api((await stack.enter_async_context(lab())).url)
            kube = await stack.enter_async_context(Kube(made, concerns.of))
            await large(folder, kube)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
