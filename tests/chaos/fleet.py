"""Replicas of the controller as processes of their own, begun again whenever they end."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.lab.kube.client import ApiRefusedError
from rollout.lab.programs import processes
from rollout.lab.programs.processes import Child
from tests.chaos.cut import Cut
from tests.chaos.nursery import Born, Nursery
from tests.cluster.conftest import Control

PATIENCE = 300.0  # seconds; a busy machine is no fault
PAUSE = 0.2  # between an end and the next beginning, as a kubelet's first


@dataclass(eq=False)
class Pod:
    """One replica that is always begun again.

    ``wire``: its way to the API server. ``starts``: how often it was begun.
    ``nursery``: where it is forked; None: each begins with the import of its program.
    """

    name: str
    folder: Path
    wire: Cut
    words: Sequence[str]
    nursery: Nursery | None = None
    starts: int = 0
    child: Child | Born | None = None
    _stopping: bool = False

    async def run(self) -> None:
        """Until it is told to end."""
        while not self._stopping:
            self.starts += 1
            self.child = await self._begun()
            while not self.child.ended:
                await asyncio.sleep(0.02)
            await asyncio.sleep(PAUSE)

    async def _begun(self) -> Child | Born:
        words = [str(self.folder / "clock"), *self.words]
        if self.nursery is not None:
            return await self.nursery.born(self.log, words, POD_NAMESPACE=rbac.OWN)
        program = [sys.executable, "-m", "tests.chaos.program", *words]
        command = ["env", f"POD_NAMESPACE={rbac.OWN}", *program]
        return await processes.start(self.name, command, log=self.log)

    @property
    def log(self) -> Path:
        """What the process of now says."""
        return self.folder / f"{self.name}-{self.starts}.log"

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def end(self) -> None:
        """As by SIGTERM, and not begun again."""
        self._stopping = True
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
            await self.child.stop()

    def last_words(self) -> str:
        """The end of its newest log."""
        return self.child.last_words() if self.child else ""


@dataclass
class Fleet:
    """``control``: the API server, asked as its administrator, past every wire.

    ``prometheus``: its address; empty: the played one's. ``words``: more of the command's.
    """

    control: Control
    folder: Path
    shards: int
    prometheus: str = ""
    words: Sequence[str] = ()
    nursery: Nursery | None = None
    pods: dict[str, Pod] = field(default_factory=dict)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def add(self, name: str, wire: Cut) -> Pod:
        """Another replica is begun; with its own kubeconfig, whose server is ``wire``."""
        folder = self.folder / name
        folder.mkdir()
        config = self.control.kubeconfig(folder / "config", await self.control.token())
        known = json.loads(config.read_text())
        known["clusters"][0]["cluster"]["server"] = wire.url
        config.write_text(json.dumps(known))
        mesh = self.control.mesh
        words = ["--kubeconfig", str(config), "run", "--shards", str(self.shards)]
        words += ["--prometheus", self.prometheus or mesh, "--istiod", f"{mesh}/debug/syncz"]
        words += self.words
        words += ["--cache", str(folder / "cache"), "--audit", str(self.audit)]
        pod = self.pods[name] = Pod(name, folder, wire, words, self.nursery)
        self._tasks.append(asyncio.create_task(pod.run()))
        return pod

    @property
    def audit(self) -> Path:
        """The first shard's audit log; the others' are beside it."""
        return self.folder / "audit" / "audit.jsonl"

    async def holders(self) -> list[str]:
        """Which replica has each Lease; empty: none, or it ends."""
        found = []
        for name in rights.leases(self.shards):
            with contextlib.suppress(Exception):  # no API server, or no such Lease yet
                lease = await self.control.read("Lease", rbac.OWN, name)
                found.append(self._pod(str(lease["spec"]["holderIdentity"])))
        return found

    async def held_by(self, pid: int) -> list[int]:
        """The shards whose Lease names that process, which may be dead by now."""
        held = []
        for place, name in enumerate(rights.leases(self.shards)):
            with contextlib.suppress(ApiRefusedError):  # no such Lease yet
                lease = await self.control.read("Lease", rbac.OWN, name)
                held += [place] if _process(str(lease["spec"]["holderIdentity"])) == pid else []
        return held

    async def leads(self, place: int) -> Pod:
        """The replica that has that Lease, as soon as a living one does."""
        async with asyncio.timeout(PATIENCE):
            while True:
                held = await self.holders()
                if len(held) > place and held[place]:
                    return self.pods[held[place]]
                await asyncio.sleep(0.05)

    async def age(self, place: int) -> float:
        """Seconds since that Lease was renewed last, by its own words."""
        lease = await self.control.read("Lease", rbac.OWN, rights.leases(self.shards)[place])
        renewed = datetime.fromisoformat(str(lease["spec"]["renewTime"]))
        return (datetime.now(UTC) - renewed).total_seconds()

    async def settles(self) -> None:
        """Every replica has its share, as far as there are Leases enough."""
        held: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while not _even(held := await self.holders(), len(self.pods), self.shards):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            state = [(pod.name, pod.starts, pod.last_words()) for pod in self.pods.values()]
            raise AssertionError(f"{held} is not even: {state}") from None

    async def end(self) -> None:
        await asyncio.gather(*(pod.end() for pod in self.pods.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _pod(self, holder: str) -> str:
        pids = {p.pid: p.name for p in self.pods.values() if p.child and not p.child.ended}
        return pids.get(_process(holder), "")


def _process(holder: str) -> int:
    """The process that has that identity, which is host, process id and a random word; 0: none."""
    return int(holder.split("-")[-2]) if holder.count("-") > 1 else 0


def _even(holders: Sequence[str], pods: int, shards: int) -> bool:
    if len(holders) < shards or not all(holders):
        return False
    counts = [holders.count(name) for name in {*holders}]
    return len(counts) == min(pods, shards) and max(counts) - min(counts) <= 1


@contextlib.asynccontextmanager
async def fleet(
    control: Control, folder: Path, *, pods: int = 2, shards: int = 2
) -> AsyncIterator[Fleet]:
    """So many replicas, named a, b, …, each on a wire of its own."""
    (folder / "audit").mkdir()
    target = int(control.real.url.rpartition(":")[2])
    async with contextlib.AsyncExitStack() as exits:
        made = Fleet(control, folder, shards)
        exits.push_async_callback(made.end)
        for place in range(pods):
            wire = await exits.enter_async_context(Cut(target).running())
            await made.add("abcdefgh"[place], wire)
        yield made
