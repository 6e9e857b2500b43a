"""What a real API server has around it, played: kubelets, Deployments' controllers, a mesh."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import web

from rollout.lab.cluster import deployments, pods, replicasets
from rollout.lab.kube.client import (
    DEPLOYMENT,
    NAMESPACE,
    POD,
    REPLICASET,
    SERVICE,
    Kind,
    Kube,
    Object,
)
from rollout.lab.kube.watched import Create, Patch, Plan, Watched, Write, run

SLICE = Kind("discovery.k8s.io", "v1beta1", "endpointslices", "EndpointSlice")
NEWER_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
BROKEN = "never-ready"  # an annotation of pods


@contextlib.asynccontextmanager
async def cluster(kube: Kube) -> AsyncIterator[Watched]:
    """Deployments become pods, pods become ready, ready pods become endpoints."""
    kind = SLICE if await serves(kube, SLICE) else NEWER_SLICE
    watched = Watched(kube, (DEPLOYMENT, REPLICASET, POD, SERVICE, NAMESPACE, kind))
    await watched.start()
    work = (
        run(watched, deployments.KINDS, deployments.plan),
        run(watched, replicasets.KINDS, replicasets.plan),
        run(watched, (POD,), _kubelet),
        run(watched, (SERVICE, POD, kind), lambda seen, now: _endpoints(seen, kind)),
    )
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield watched
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await watched.stop()


async def serves(kube: Kube, kind: Kind) -> bool:
    try:
        await kube.list(kind)
    except Exception:
        return False
    return True


def _kubelet(watched: Watched, now: datetime) -> Plan:
    """Every pod is ready at once, but for those that say that they never are."""
    return Plan([_ready(pod, now) for pod in watched.all(POD) if "podIP" not in _status(pod)])


def _status(pod: Object) -> Object:
    return dict(pod.get("status") or {})


def _ready(pod: Object, now: datetime) -> Write:
    meta, since = pod["metadata"], pods.stamp(now)
    up = "False" if BROKEN in (meta.get("annotations") or {}) else "True"
    kinds = {"PodScheduled": "True", "Initialized": "True", "ContainersReady": up, "Ready": up}
    conditions = [
        {"type": kind, "status": value, "lastTransitionTime": since}
        for kind, value in kinds.items()
    ]
    address = f"10.1.{hash(meta['name']) % 250 + 1}.{hash(meta['uid']) % 250 + 1}"
    status = {"phase": "Running", "podIP": address, "conditions": conditions}
    return Patch(POD, meta["namespace"], meta["name"], {"status": status}, "status")


def _endpoints(watched: Watched, kind: Kind) -> Plan:
    writes: list[Write] = []
    for service in watched.all(SERVICE):
        if selector := service["spec"].get("selector"):
            wanted = _slice(service, [p for p in watched.all(POD) if _is_behind(p, selector)])
            wanted["metadata"]["namespace"] = space = service["metadata"]["namespace"]
            held = watched.find(kind, space, wanted["metadata"]["name"])
            mine = [pod["targetRef"]["name"] for pod in wanted["endpoints"]]
            if held is None:
                writes.append(Create(kind, wanted))
            elif mine != [pod["targetRef"]["name"] for pod in held.get("endpoints") or ()]:
                change = {"endpoints": wanted["endpoints"]}
                writes.append(Patch(kind, space, held["metadata"]["name"], change))
    return Plan(writes)


def _is_behind(pod: Object, selector: Object) -> bool:
    return pods.ready(pod) and not pods.leaving(pod) and pods.selected(pods.labels(pod), selector)


def _slice(service: Object, behind: list[Object]) -> Object:
    name, space = service["metadata"]["name"], service["metadata"]["namespace"]
    endpoints = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": True},
            "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": space},
        }
        for pod in sorted(behind, key=lambda pod: str(pod["metadata"]["name"]))
        if pod["metadata"]["namespace"] == space
    ]
    meta = {"name": f"{name}-played", "labels": {"kubernetes.io/service-name": name}}
    return {"metadata": meta, "addressType": "IPv4", "ports": [], "endpoints": endpoints}


@contextlib.asynccontextmanager
async def mesh() -> AsyncIterator[str]:
    """The address of an istiod whose proxy takes everything at once, and a Prometheus of zeros.

    ``/gate`` there opens to whoever asks.
    """

    async def syncz(_: web.Request) -> web.Response:
        sent = {"sent": "n", "acked": "n", "sentTime": datetime.now(UTC).isoformat()}
        return web.json_response([{"proxy": "a.shop", "resources": {"RDS": sent}}])

    async def query(request: web.Request) -> web.Response:
        asked = {**request.query, **await request.post()}
        zero = {"metric": {}, "value": [float(str(asked.get("time", time.time()))), "0"]}
        data = {"resultType": "vector", "result": [zero]}
        return web.json_response({"status": "success", "data": data})

    async def query_range(request: web.Request) -> web.Response:
        asked = {**request.query, **await request.post()}
        start, end, step = (float(str(asked[name])) for name in ("start", "end", "step"))
        instants = [start + step * number for number in range(int((end - start) / step) + 1)]
        series = {"metric": {}, "values": [[instant, "0"] for instant in instants]}
        data = {"resultType": "matrix", "result": [series]}
        return web.json_response({"status": "success", "data": data})

    async def gate(_: web.Request) -> web.Response:
        return web.json_response({"verdict": "open"})

    app = web.Application()
    app.router.add_get("/debug/syncz", syncz)
    app.router.add_post("/gate", gate)
    app.router.add_route("*", "/api/v1/query", query)
    app.router.add_route("*", "/api/v1/query_range", query_range)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
