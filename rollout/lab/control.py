"""The lab's own HTTP door: metrics, syncz, faults and delays; what they do lives elsewhere."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from rollout.lab.cluster.kubelet import Kubelet
from rollout.lab.istiod.control_plane import ControlPlane
from rollout.lab.mesh.durations import seconds
from rollout.lab.metrics.exposition import page
from rollout.lab.metrics.telemetry import Telemetry
from rollout.lab.revisions.doors import Revisions


class Control:
    """Serves what the lab's parts know and obeys what people want of them, on loopback only."""

    def __init__(
        self,
        plane: ControlPlane,
        kubelet: Kubelet,
        telemetry: Telemetry,
        revisions: Revisions | None = None,
    ) -> None:
        self._plane = plane
        self._revisions = revisions
        self._kubelet = kubelet
        self._telemetry = telemetry
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self, port: int = 0) -> None:
        """It answers at ``address``; ``port`` 0 takes a free one."""
        app = web.Application()
        app.router.add_get("/debug/syncz", self._syncz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/faults", self._faults)
        app.router.add_post("/mesh", self._delays)
        if self._revisions is not None:
            self._revisions.open(app)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _syncz(self, request: web.Request) -> web.Response:
        namespace = request.query.get("namespace", "")
        proxies = await self._plane.syncz()
        return web.json_response(
            [
                each
                for each in proxies
                if each["proxy"].endswith(f".{namespace}" if namespace else "")
            ]
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        del request  # one page for all
        text = page([({}, self._telemetry.metrics)]) + self._plane.metrics()
        return web.Response(text=text, content_type="text/plain")

    async def _faults(self, request: web.Request) -> web.Response:
        """``{"namespace": …, "deployment": …, "faults": {"error-rate": 0.1}}``; {} heals."""
        asked = await request.json()
        return _said(
            lambda: self._kubelet.set_faults(
                asked["namespace"], asked["deployment"], asked.get("faults") or {}
            )
        )

    async def _delays(self, request: web.Request) -> web.Response:
        """``{"pushDelay": "2s", "proxyDelay": "1s"}``; what is not named stays."""
        asked = await request.json()

        def change() -> int:
            for name, field in (("pushDelay", "push"), ("proxyDelay", "proxy")):
                if name in asked:
                    value = timedelta(seconds=seconds(asked[name]))
                    setattr(self._plane.delays, field, value)
            return 1

        return _said(change)


def _said(done: Callable[[], Any]) -> web.Response:
    try:
        return web.json_response({"touched": done()})
    except (KeyError, TypeError, ValueError) as error:
        return web.json_response({"error": str(error)}, status=400)
