"""The audit log as ``run`` keeps it: a file, stdout or none, beside the looks."""

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path

from rollout.controller import loop
from rollout.controller.app import Controller
from rollout.controller.audit.recording import Log, NoLog, Recording
from rollout.edges.auditlog import Aside, FileLog, StreamLog
from rollout.model.audit import Record


@dataclass(slots=True)
class Recorder:
    """``where``: the file, ``-`` for stdout, or empty. ``identity``: this process."""

    where: str
    identity: str
    _recording: asyncio.Future[Recording] = field(default_factory=asyncio.Future)

    async def beside(self, controller: Controller) -> None:
        """Acts are recorded for as long as the controller runs."""
        recording = Recording(
            controller.outside.kube,
            self._log(),
            loop.clock,
            controller.metrics,
            self.identity,
            leading=lambda: controller.leading,
            kinds=controller.inbox.kinds,
        )
        controller.remarks.append(lambda: recording.trouble)
        controller.outside.kube.listen(recording.changed)
        self._recording.set_result(recording)
        await recording.run()

    async def refused(self, record: Record) -> None:
        """Somebody was refused at a door. Errors: none."""
        await (await asyncio.shield(self._recording)).refused(record)

    def _log(self) -> Log:
        if not self.where:
            return NoLog()
        if self.where == "-":
            return Aside(StreamLog(sys.stdout.buffer, self.identity, loop.clock))
        return Aside(FileLog(Path(self.where).expanduser(), self.identity, loop.clock))
