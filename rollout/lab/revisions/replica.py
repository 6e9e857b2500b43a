"""One istiod's doors: injection and validation over HTTPS, metrics and debug pages over HTTP.

Source: istio/istio, pilot/pkg/bootstrap (``sidecarinjector.go``, ``configcontroller.go``),
pilot/pkg/xds/debug.go for who may read the debug pages.
"""

import json
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from rollout.lab.kube.client import Object
from rollout.lab.metrics.exposition import Labels, labels
from rollout.lab.revisions import injection, validation
from rollout.lab.revisions.counting import Counts
from rollout.lab.revisions.faults import Faults
from rollout.lab.revisions.fleet import Proxy
from rollout.lab.revisions.names import Revision
from rollout.lab.revisions.workload import HTTP, MONITORING, WEBHOOKS

Allowed = Callable[[str], bool]
"""Whether a bearer token may read the debug pages; they take one of audience ``istio-ca``."""


@dataclass(slots=True)
class Replica:
    """One pod of an istiod. ``proxies``: those connected to it, asked anew each time."""

    revision: Revision
    pod: str
    address: str
    faults: Callable[[], Faults]
    proxies: Callable[[], list[Proxy]]
    may_read: Allowed
    counts: Counts = field(default_factory=Counts)
    _runners: list[web.AppRunner] = field(default_factory=list)

    async def start(self, tls: ssl.SSLContext) -> None:
        """All doors are open; each on the port that the Deployment names."""
        hooks = web.Application(client_max_size=2**24)
        hooks.router.add_post("/inject", self._inject)
        hooks.router.add_post("/inject/{rest:.*}", self._inject)
        hooks.router.add_post("/validate", self._validate)
        await self._open(hooks, WEBHOOKS, tls)
        for port in (HTTP, MONITORING):
            await self._open(self._pages(), port)

    async def stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    @property
    def is_open(self) -> bool:
        return bool(self._runners)

    def page(self, where: Mapping[str, str] | None = None) -> str:
        """Its metrics; ``where``: labels that a scrape would give them."""
        versions: dict[Labels, float] = {}
        for each in self.proxies():
            key = labels({"version": each.version})
            versions[key] = versions.get(key, 0) + 1
        build = {"component": "pilot", "tag": self.revision.version}
        gauges: dict[str, dict[Labels, float]] = {
            "istio_build": {labels(build): 1.0},
            "pilot_info": {labels({"version": f"{self.revision.version}-lab-Clean"}): 1.0},
            "pilot_xds": versions,
        }
        present = {name: rows for name, rows in gauges.items() if rows}
        return self.counts.page(present, labels(dict(where or {})))

    def debug(self, headers: Mapping[str, str], namespace: str = "") -> web.Response:
        """``/debug/syncz``, for those who may read it."""
        token = headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if not self.may_read(token):
            return web.Response(status=401, text="Authentication failed\n")
        found = [each for each in self.proxies() if each.name.endswith(f".{namespace}")]
        chosen = found if namespace else self.proxies()
        return web.json_response([each.entry() for each in chosen])

    async def _open(
        self, app: web.Application, port: int, tls: ssl.SSLContext | None = None
    ) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, self.address, port, ssl_context=tls, reuse_address=True).start()

    def _pages(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/debug/syncz", self._syncz)
        app.router.add_get("/version", self._version)
        return app

    async def _ready(self, _: web.Request) -> web.Response:
        return web.Response(text="")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=self.page(), content_type="text/plain")

    async def _syncz(self, request: web.Request) -> web.Response:
        return self.debug(request.headers, request.query.get("namespace", ""))

    async def _version(self, _: web.Request) -> web.Response:
        return web.Response(text=f"{self.revision.version}-lab-Clean")

    async def _inject(self, request: web.Request) -> web.Response:
        review = await request.json()
        self.counts.add("sidecar_injection_requests_total")
        if self.faults().refuses:
            self.counts.add("sidecar_injection_failure_total")
            return _reviewed(review, allowed=False, message="the lab was told to refuse")
        asked = review["request"]
        pod = asked["object"]
        # A pod of a ReplicaSet has no namespace of its own yet; the request knows it.
        space = str(asked.get("namespace") or pod["metadata"].get("namespace") or "")
        made = None if self.faults().proxyless else injection.injected(pod, space, self.revision)
        self.counts.observe("sidecar_injection_time_seconds", 0.001)
        if made is None:
            self.counts.add("sidecar_injection_skip_total")
            return _reviewed(review, allowed=True)
        self.counts.add("sidecar_injection_success_total")
        return _reviewed(review, allowed=True, patch=_patch(pod, made))

    async def _validate(self, request: web.Request) -> web.Response:
        review = await request.json()
        resource = review["request"]["resource"]
        about = {name: str(resource[name]) for name in ("group", "resource", "version")}
        found = validation.flaws(review["request"].get("object") or {})
        if not found:
            self.counts.add("galley_validation_passed", **about)
            return _reviewed(review, allowed=True)
        self.counts.add("galley_validation_failed", reason="invalid_resource", **about)
        return _reviewed(review, allowed=False, message=_told(found))


def _told(found: list[str]) -> str:
    """Source: hashicorp/go-multierror, by which istiod joins several."""
    if len(found) == 1:
        return f"configuration is invalid: {found[0]}"
    listed = "".join(f"\n\t* {each}" for each in found)
    return f"configuration is invalid: {len(found)} errors occurred:{listed}\n\n"


def _patch(pod: Object, made: Object) -> list[Object]:
    """Whole parts of metadata and spec that differ."""
    return [
        {"op": "add", "path": f"/{part}/{name}", "value": value}
        for part in ("metadata", "spec")
        for name, value in made[part].items()
        if pod[part].get(name) != value
    ]


def _reviewed(
    review: Any, *, allowed: bool, message: str = "", patch: list[Object] | None = None
) -> web.Response:
    response: Object = {"uid": review["request"]["uid"], "allowed": allowed}
    if message:
        response["status"] = {"metadata": {}, "message": message}
    if patch is not None:
        response["patchType"] = "JSONPatch"
        response["patch"] = b64encode(json.dumps(patch).encode()).decode()
    return web.json_response(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
    )
