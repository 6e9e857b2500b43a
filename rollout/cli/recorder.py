"""The audit log as ``run`` keeps it: a file a shard, stdout or none, beside the looks."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rollout.controller import loop
from rollout.controller.app import Controller
from rollout.controller.audit.recording import Log, NoLog, Recording
from rollout.controller.ports import Json
from rollout.controller.sharing import namespace_of, shard
from rollout.edges.auditlog import Aside, FileLog, StreamLog
from rollout.model.audit import Record

Logs = Callable[[int], Log]
"""The log of a shard."""


@dataclass(slots=True)
class Recorder:
    """``where``: the file, ``-`` for stdout, or empty. ``identity``: this process.

    ``shards``: how many there are; whoever holds one writes its file, which a file's lock may be
    held for, and whose chain goes on wherever the shard goes.
    """

    where: str
    identity: str
    shards: int = 1
    _recordings: asyncio.Future[Sequence[Recording]] = field(default_factory=asyncio.Future)

    async def beside(self, controller: Controller) -> None:
        """Acts are recorded for as long as the controller runs."""
        logs = self._logs()
        made = [self._recording(controller, place, logs(place)) for place in range(self.shards)]
        for one in made:
            controller.remarks.append(partial(_trouble, one))
            controller.outside.kube.listen(one.changed)
        controller.partings.append(self.recorded)
        self._recordings.set_result(made)
        async with asyncio.TaskGroup() as work:
            for one in made:
                work.create_task(one.run())

    async def recorded(self, obj: Json) -> None:
        """What ``obj`` remembers is in the log of its shard, or has had its time. Errors: none."""
        made = await asyncio.shield(self._recordings)
        await made[shard(obj["metadata"].get("namespace", ""), self.shards)].recorded(obj)

    async def refused(self, record: Record) -> None:
        """Somebody was refused at a door. Errors: none."""
        made = await asyncio.shield(self._recordings)
        own = made[shard(namespace_of(record.object), self.shards)]
        led = (one for one in (own, *made) if one.leading())
        await next(led, own).refused(record)

    def _recording(self, controller: Controller, place: int, log: Log) -> Recording:
        return Recording(
            controller.outside.kube,
            log,
            loop.clock,
            controller.metrics,
            self.identity,
            leading=lambda: controller.holds(place),
            kinds=controller.inbox.kinds,
            mine=lambda namespace: shard(namespace, self.shards) == place,
        )

    def _logs(self) -> Logs:
        if not self.where:
            return lambda _: NoLog()
        if self.where == "-":  # one stream is one chain, whoever of us writes
            stream = Aside(StreamLog(sys.stdout.buffer, self.identity, loop.clock))
            return lambda _: stream
        path = Path(self.where).expanduser()
        return lambda place: Aside(
            FileLog(file(path, place), self.identity, loop.clock, partial(_others, path, place))
        )


def file(path: Path, place: int) -> Path:
    """Of one shard: the first has ``path`` itself, the others ``shard-1.audit.jsonl`` and so on.

    A name that began as the first one's would look like a rotated file of it.
    """
    return path.with_name(f"shard-{place}.{path.name}") if place else path


def _others(path: Path, place: int) -> Iterable[Path]:
    every = (path, *path.parent.glob(f"shard-*.{path.name}"))
    return [other for other in every if other != file(path, place)]


def _trouble(recording: Recording) -> str:
    return recording.trouble
