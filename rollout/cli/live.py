"""Where the controller's read-only door is: on this machine, by the API server that both talk to.

The controller leaves a file of its user's; a command reads it and asks. Nothing hangs on it:
without an answer a command shows what the API server has, which is a minute old at most.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rollout.cli.cluster import SeenRollout
from rollout.cli.settings import CACHE
from rollout.errors import ManifestError
from rollout.manifest import record

PATIENCE = 1.0  # seconds for an answer from this machine


@contextmanager
def announced(server: str, address: str) -> Iterator[None]:
    """Commands of this user find the door at ``address`` while this runs.

    A folder that cannot be written costs only that.
    """
    file = _file(server)
    with contextlib.suppress(OSError):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(address, encoding="utf-8")
        new.replace(file)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if file.read_text(encoding="utf-8") == address:
                file.unlink()


async def fresh(server: str, found: SeenRollout) -> SeenRollout:
    """``found`` as the controller's last look left it; as it is where nobody here can say.

    ``server``: the API server's URL, by which the controller's door is found.
    """
    meta = {"namespace": found.rollout.namespace, "name": found.rollout.name}
    with contextlib.suppress(OSError, ManifestError):
        address = _file(server).read_text(encoding="utf-8").strip()
        stored = await _asked(f"http://{address}/live/{meta['namespace']}/{meta['name']}")
        status = record.status({"metadata": meta, "status": stored}) if stored else found.status
        if status.epoch >= found.status.epoch:
            return replace(found, status=status)
    return found


async def _asked(url: str) -> Any:
    import aiohttp  # noqa: PLC0415 - most commands find no door to ask

    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as answer:
            return await answer.json() if answer.status == 200 else None
    except (TimeoutError, aiohttp.ClientError, json.JSONDecodeError, ValueError):
        return None


def _file(server: str) -> Path:
    name = hashlib.sha256(server.rstrip("/").encode()).hexdigest()[:16]
    return CACHE.expanduser() / "live" / name
