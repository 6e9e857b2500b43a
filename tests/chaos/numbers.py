"""A real Prometheus, and the page that it scrapes: how bad each service is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web

from rollout.lab.programs import processes, prometheus
from rollout.lab.programs.processes import free_port

PATIENCE = 300.0  # seconds; a busy machine is no fault


@contextlib.asynccontextmanager
async def told(folder: Path, bad: Mapping[str, float]) -> AsyncIterator[str]:
    """The address of a Prometheus with ``errors_NAME`` of every NAME of ``bad``, as it is now."""

    async def page(_: web.Request) -> web.Response:
        lines = (f"errors_{name} {value}\n" for name, value in bad.items())
        return web.Response(text="".join(lines), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = free_port()
    config = folder / "prometheus.yml"
    job = {"job_name": "shops", "static_configs": [{"targets": [_address(runner)]}]}
    every = {"scrape_interval": "2s", "scrape_timeout": "2s"}
    config.write_text(yaml.safe_dump({"global": every, "scrape_configs": [job]}))
    command = [
        *(str(await prometheus.program_path()), f"--config.file={config}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
        f"--storage.tsdb.path={folder / 'prometheus'}",
    ]
    child = await processes.start("prometheus", command, log=folder / "prometheus.log")
    try:
        await _scraped(f"http://127.0.0.1:{port}", next(iter(bad)))
        yield f"http://127.0.0.1:{port}"
    finally:
        await child.stop()
        await runner.cleanup()


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"{host}:{port}"


async def _scraped(url: str, name: str) -> None:
    """It answers, and has read the page."""
    query = {"query": f"errors_{name}"}
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with http.get(f"{url}/api/v1/query", params=query) as answer:
                    if answer.status == 200 and (await answer.json())["data"]["result"]:
                        return
            await asyncio.sleep(0.1)
