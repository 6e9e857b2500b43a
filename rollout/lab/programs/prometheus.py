"""A real Prometheus: found or fetched, started, stopped; what it scrapes is told by the world."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from rollout.errors import OutsideError
from rollout.lab.programs import debian
from rollout.lab.programs.processes import Child, free_port, start

# Of Envoy's hundreds of series those that say something about destinations.
_KEPT = "envoy_cluster_(upstream_rq.*|membership.*|outlier_detection.*|upstream_cx_active)"


@dataclass(frozen=True, slots=True)
class Pages:
    """One cluster's three pages of metrics, each host:port, and the labels that they get."""

    mesh: str
    pods: str
    envoy: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Prometheus:
    """Scrapes the lab's pages of metrics, three a cluster, every ``interval``."""

    def __init__(self, folder: Path, interval: timedelta, port: int = 0) -> None:
        self._folder = folder
        self._interval = interval
        self._port = port or free_port()
        self._command: list[str] = []
        self._pages = 0
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self, *clusters: Pages, istiods: bool = False) -> None:
        """It answers queries.

        ``istiods``: there is a page of them, too, where the mesh's is.

        Errors: OutsideError when there is none and none can be fetched.
        """
        program = await program_path()
        config = self._folder / "prometheus.yml"
        wanted = self._config(clusters)
        self._pages = 3 * len(clusters)
        if istiods:
            pages = [_static(one.mesh, one) for one in clusters]
            page = {"metrics_path": "/istiod/metrics", "honor_labels": True}
            job = {"job_name": "istiods", **page, "static_configs": pages}
            wanted["scrape_configs"].append(job)
            self._pages += len(clusters)
        config.write_text(yaml.safe_dump(wanted))
        self._command = [
            *(
                str(program),
                f"--config.file={config}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ),
            *(f"--storage.tsdb.path={self._folder / 'prometheus'}", "--log.level=warn"),
            "--scrape.discovery-reload-interval=100ms",  # hidden, 5 s by default
        ]
        await self.resume()

    async def resume(self) -> None:
        """It answers again after ``stop``, at the same address and with what it had stored."""
        log = self._folder / "prometheus.log"
        self._child = await start("prometheus", self._command, log=log)
        await self._ready(self._child)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()

    def _config(self, clusters: Sequence[Pages]) -> dict[str, Any]:
        seconds = f"{self._interval.total_seconds() * 1000:.0f}ms"
        kept = {"source_labels": ["__name__"], "regex": _KEPT, "action": "keep"}
        return {
            "global": {"scrape_interval": seconds, "scrape_timeout": seconds},
            "scrape_configs": [
                # Pod and instance stand in the samples, so what Prometheus would say gives way.
                {
                    "job_name": "mesh",
                    "honor_labels": True,
                    "static_configs": [_static(one.mesh, one) for one in clusters],
                },
                {
                    "job_name": "pods",
                    "honor_labels": True,
                    "static_configs": [_static(one.pods, one) for one in clusters],
                },
                {
                    "job_name": "envoy",
                    "metrics_path": "/stats/prometheus",
                    "metric_relabel_configs": [kept],
                    "static_configs": [_static(one.envoy, one) for one in clusters],
                },
            ],
        }

    async def scraped(self) -> None:
        """Every page has been read since now, so that queries see what was counted before."""
        now = datetime.now(UTC).timestamp()
        async with aiohttp.ClientSession() as http:
            for _ in range(200):
                # `timestamp` of a bare selector is the sample's, of anything else the query's.
                query = {"query": f"count(timestamp(up) > {now})"}
                async with http.get(f"{self.url}/api/v1/query", params=query) as answer:
                    found = (await answer.json())["data"]["result"]
                if found and found[0]["value"][1] == str(self._pages):
                    return
                await asyncio.sleep(0.1)
        raise OutsideError(f"prometheus at {self.url}: not every target was scraped within 20 s")

    async def _ready(self, child: Child) -> None:
        async with aiohttp.ClientSession() as http:
            for _ in range(200):
                try:
                    async with http.get(f"{self.url}/-/ready") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                if child.ended:
                    break
                await asyncio.sleep(0.05)
        raise OutsideError(
            f"prometheus at {self.url}: not ready within 10 s; it says: {child.last_words()}"
        )


async def program_path() -> Path:
    """The prometheus on PATH, else Debian's in our cache, fetched there once without root.

    Errors: OutsideError says what to install.
    """
    return await debian.program("prometheus", "prometheus", "2.42")


def _static(address: str, cluster: Pages) -> dict[str, Any]:
    labels = {"labels": dict(cluster.labels)} if cluster.labels else {}
    return {"targets": [address], **labels}
