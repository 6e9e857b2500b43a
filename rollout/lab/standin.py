"""What every HTTP stand-in of the lab is: a server on loopback that can be away for a while."""

from abc import ABC, abstractmethod
from typing import Self

from aiohttp import web


class StandIn(ABC):
    """``async with`` one: it answers at ``url``, on a ``port`` kept over stop and start."""

    url: str
    port: int
    _runner: web.AppRunner | None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, port: int = 0) -> None:
        """It answers at ``url``; ``port`` 0 takes a free one, or the one that it had."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port or self.port).start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Nobody answers any more; what it knows stays for the next start."""
        if self._runner is not None:
            await self._runner.cleanup()

    @abstractmethod
    def application(self) -> web.Application:
        """What it answers, and to what."""
