"""The shop's process: orders come in on stdin, news go out on stdout, one JSON a line."""

import asyncio
import json
import sys
from typing import Any

from aiohttp import web

from rollout.lab.metrics.exposition import page
from rollout.lab.shop.faults import Faults, Order
from rollout.lab.shop.pod import Pod


class Shop:
    """All pods of the lab, in one process, so that a hundred of them cost little."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def expose(self, request: web.BaseRequest) -> web.Response:
        """All pods' sidecars on one page, with the labels that Prometheus would give each target.

        One page, since Prometheus looks for new targets every 5 s only (discovery.Manager), and
        the first seconds of a canary are what people watch.
        """
        del request  # whatever the path, there is one thing to read
        parts = [(_target(pod), pod.metrics) for pod in self._pods.values()]
        return web.Response(text=page(parts), content_type="text/plain")

    def obey(self, message: dict[str, Any]) -> None:
        """One order: start, faults, describe or stop; for a pod that is gone, nothing happens."""
        key = message["pod"]
        match message["do"], self._pods.get(key):
            case "start", None:
                self._pods[key] = Pod(_order(message), lambda what: _say(key, what))
            case "faults", Pod() as pod:
                pod.change(Faults(**message["faults"]))
            case "describe", Pod() as pod:
                pod.describe(_order(message))
            case "stop", Pod() as pod:
                del self._pods[key]
                task = asyncio.create_task(pod.stop(message["grace"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


def _target(pod: Pod) -> dict[str, str]:
    namespace, name = pod.order.pod.split("/")
    # 15020: Istio's port for the merged metrics of proxy and application.
    return {"namespace": namespace, "pod": name, "instance": f"{pod.order.ip}:15020"}


def _order(message: dict[str, Any]) -> Order:
    return Order(
        pod=message["pod"],
        ip=message["ip"],
        ports=tuple(message["ports"]),
        faults=Faults(**message["faults"]),
        series=message["series"],
        about=message["about"],
    )


def _say(pod: str, what: str) -> None:
    sys.stdout.write(json.dumps({"pod": pod, "is": what}) + "\n")
    sys.stdout.flush()


async def main(port: int) -> None:
    """Serves until stdin ends, at the latest when the lab dies; metrics are at ``port``."""
    shop = Shop()
    loop = asyncio.get_running_loop()
    await loop.create_server(web.Server(shop.expose, access_log=None), "127.0.0.1", port)
    reader = asyncio.StreamReader(limit=2**20)
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, sys.stdin)
    async for line in reader:
        shop.obey(json.loads(line))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
