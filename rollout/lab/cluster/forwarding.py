"""What kube-proxy does, for webhooks only: connections to a Service end at one of its ready pods.

A real API server calls a webhook at its Service's address. If those are loopback addresses
(``--service-cluster-ip-range=127.8.0.0/16``), no network has to be set up for it.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine, Iterator
from datetime import datetime

from rollout.lab.cluster.network import loopback
from rollout.lab.kube.client import ENDPOINTS, SERVICE, Object
from rollout.lab.kube.watched import Plan, Watched

_log = logging.getLogger(__name__)
KINDS = (SERVICE,)
PORT_NAME = "https-webhook"
_Where = tuple[str, int]


class Forwarding:
    """Listens for every Service with a loopback address and a port of that name."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._servers: dict[_Where, asyncio.Server | None] = {}
        self._fronts: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def plan(self, watched: Watched, now: datetime) -> Plan:
        """Nothing is written; ports are opened and closed."""
        del now
        wanted = {where: service for service in watched.all(SERVICE) for where in _fronts(service)}
        for where, service in wanted.items():
            if where not in self._servers:
                self._servers[where] = None
                self._do(self._open(where, service))
        for where in [each for each in self._servers if each not in wanted]:
            server = self._servers.pop(where)
            if server is not None:
                server.close()
        return Plan()

    async def front(self, namespace: str, service: str) -> str:
        """A port on 127.0.0.1 that leads to the Service's webhooks, for as long as this lives."""
        meta = {"namespace": namespace, "name": service}
        server = await self._serve(("127.0.0.1", 0), {"metadata": meta})
        address, port = server.sockets[0].getsockname()
        self._fronts.append(server)
        return f"{address}:{port}"

    async def close(self) -> None:
        for server in (*self._servers.values(), *self._fronts):
            if server is not None:
                server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _open(self, where: _Where, service: Object) -> None:
        try:
            server = await self._serve(where, service)
        except OSError as error:
            _log.error("service %s: %s", service["metadata"]["name"], error)
            return
        if where in self._servers:
            self._servers[where] = server
        else:
            server.close()

    async def _serve(self, where: _Where, service: Object) -> asyncio.Server:
        meta = service["metadata"]

        async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._do(self._joined(meta["namespace"], meta["name"], reader, writer))
            # Also of a call that is cancelled before it has begun.
            task.add_done_callback(lambda _: writer.close())

        return await asyncio.start_server(met, *where)

    async def _joined(
        self,
        namespace: str,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Both ways, until both have ended; where no pod is ready the connection is cut."""
        targets = list(self._targets(namespace, name))
        if not targets:
            return
        with contextlib.suppress(OSError):
            chosen = random.choice(targets)  # noqa: S311 - a share of calls, not a secret
            behind, ahead = await asyncio.open_connection(*chosen)
            with contextlib.closing(ahead):
                await asyncio.gather(_copied(reader, ahead), _copied(behind, writer))

    def _targets(self, namespace: str, name: str) -> Iterator[_Where]:
        found = self._watched.find(ENDPOINTS, namespace, name) or {}
        for subset in found.get("subsets") or ():
            for port in subset.get("ports") or ():
                if port.get("name") == PORT_NAME:
                    for each in subset.get("addresses") or ():
                        yield loopback(each["ip"]), int(port["port"])

    def _do(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _fronts(service: Object) -> Iterator[_Where]:
    address = str(service["spec"].get("clusterIP") or "")
    for port in service["spec"].get("ports") or ():
        if address.startswith("127.") and port.get("name") == PORT_NAME:
            yield address, int(port["port"])


async def _copied(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    with contextlib.suppress(OSError):
        sink.close()
