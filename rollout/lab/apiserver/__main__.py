"""``python -m rollout.lab.apiserver [--port N] [--data FILE]``: the API server by itself."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from .server import ApiServer, Settings


async def serve(port: int, data: Path | None) -> None:
    """Serve until SIGINT or SIGTERM."""
    server = ApiServer(Settings(data=data))
    url = await server.start(port)
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m rollout.lab.apiserver")
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--data", type=Path)
    chosen = arguments.parse_args()
    asyncio.run(serve(chosen.port, chosen.data))
