"""A metrics provider as operators see it: how long it takes, and when it dies or is back."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollout.controller import telemetry
from rollout.controller.instruments import Instruments
from rollout.controller.metrics.batcher import Provider
from rollout.errors import OutsideError, RolloutError
from rollout.model.observation import Reply


@dataclass(slots=True)
class Timed:
    """``provider``, with each query counted and each change of its health said once."""

    provider: Provider
    instruments: Instruments
    _complaint: str = ""

    async def instant(self, promql: str, at: datetime) -> Reply:
        """As the provider's."""
        return await self._asked(self.provider.instant(promql, at))

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        """As the provider's."""
        return await self._asked(self.provider.range(promql, start, end, step))

    async def _asked(self, answer: Awaitable[Reply]) -> Reply:
        began, clock = asyncio.get_running_loop().time(), asyncio.get_running_loop().time
        try:
            reply = await answer
        except RolloutError as error:
            self.instruments.queried(clock() - began, failed=True)
            if isinstance(error, OutsideError):  # what is refused is one query's own trouble
                self._say(str(error))
            raise
        self.instruments.queried(clock() - began, failed=False)
        self._say("")
        return reply

    def _say(self, complaint: str) -> None:
        if bool(complaint) is bool(self._complaint):
            return
        self._complaint = complaint
        if complaint:
            telemetry.warn("metrics are not answered; gates hold until they are", error=complaint)
        else:
            telemetry.info("metrics are answered again")
