"""The control planes as the rest of the lab meets them: made, given orders, and asked over HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from aiohttp import web

from rollout.lab.cluster.forwarding import Forwarding
from rollout.lab.cluster.kubelet import Kubelet, Runtime
from rollout.lab.cluster.network import loopback
from rollout.lab.istiod.gateways import Gateways
from rollout.lab.kube.client import NAMESPACE, ApiRefusedError, Kube
from rollout.lab.kube.watched import Plan, Watched, until
from rollout.lab.metrics.telemetry import Telemetry
from rollout.lab.revisions import authority, installing, keeping
from rollout.lab.revisions.authority import Authority
from rollout.lab.revisions.faults import Faults
from rollout.lab.revisions.names import Revision
from rollout.lab.revisions.planes import Planes
from rollout.lab.revisions.replica import Replica
from rollout.lab.revisions.webhooks import Client

_OPTIONAL = ("HorizontalPodAutoscaler", "PodDisruptionBudget")


@dataclass(slots=True)
class Revisions:
    """``planes`` run istiods, ``gateways`` run the pods of gateways, ``root`` is the mesh's.

    ``forwarding``: how an API server that is not the lab's comes to an istiod's webhooks.
    """

    kube: Kube
    planes: Planes
    gateways: Gateways
    root: Authority
    forwarding: Forwarding
    _kubelet: Kubelet | None = None

    @classmethod
    async def made(cls, kube: Kube, watched: Watched, telemetry: Telemetry) -> Self:
        root, foreign = await authority.made(), await authority.made()
        planes, gateways = Planes(watched, root, foreign), Gateways(telemetry)
        return cls(kube, planes, gateways, root, Forwarding(watched))

    @property
    def runtimes(self) -> Sequence[Runtime]:
        return (self.planes, self.gateways)

    def concern(self, kubelet: Kubelet) -> None:
        """From now on the faults of proxies reach the pods that ``kubelet`` runs."""
        self._kubelet = kubelet

    def plan(self, watched: Watched, now: datetime) -> Plan:
        """What istiods write by themselves."""
        return keeping.plan(self.planes, watched, now)

    async def by_url(self, revision: Revision) -> tuple[Client, Client]:
        """To ``install`` it with webhooks that are called by URL, where no Service can be."""
        front = await self.forwarding.front(revision.namespace, revision.istiod)
        return {"url": f"https://{front}/inject"}, {"url": f"https://{front}/validate"}

    async def install(
        self, revision: Revision, clients: tuple[Client, Client] | None = None
    ) -> None:
        """All its objects are there, its istiods answer, and its webhooks have their bundle.

        An API server older than the charts want has neither autoscalers nor budgets of today's
        versions, and does without.
        """
        await self.ensured(revision.namespace)
        await self.kube.apply(installing.secret(revision, self.root))
        for obj in installing.objects(revision, clients):
            try:
                await self.kube.apply(obj)
            except ApiRefusedError as refused:
                if refused.status != 404 or obj["kind"] not in _OPTIONAL:
                    raise
        await self.whole(revision)

    async def whole(self, revision: Revision, seconds: float = 60.0) -> None:
        """Errors: OutsideError when its istiods do not all answer within ``seconds``."""

        def answering() -> bool:
            found = [each for _, each in self.planes.replicas()]
            return sum(each.revision.name == revision.name for each in found) >= revision.replicas

        await until(f"{revision.istiod} answering", answering, seconds)
        await until(f"{revision.istiod} settled", lambda: self.planes.settled(revision), seconds)

    async def tag(self, name: str, revision: Revision) -> None:
        """As ``istioctl tag set``."""
        await installing.tag(self.kube, name, revision)

    async def uninstall(self, revision: Revision) -> None:
        """As ``helm delete``."""
        await installing.uninstall(self.kube, revision)

    async def set_faults(self, revision: str, **values: object) -> Faults:
        """In force when this returns; without ``values`` the revision is healed.

        Errors: ValueError names what is not known.
        """
        found = await self.planes.set_faults(revision, values)
        if self._kubelet is not None:
            self._kubelet.set_proxy_faults(revision, found.proxy)
        await self.gateways.set_errors(revision, found.errors)
        return found

    async def ensured(self, namespace: str, labels: Mapping[str, str] | None = None) -> None:
        """The namespace is there; labels are given to a new one only."""
        try:
            meta = {"name": namespace, "labels": dict(labels or {})}
            await self.kube.create(NAMESPACE, {"metadata": meta})
        except ApiRefusedError as refused:
            if refused.status != 409:
                raise

    async def close(self) -> None:
        await self.forwarding.close()
        await self.gateways.close()
        await self.planes.close()

    def open(self, app: web.Application) -> None:
        """The doors that are on the lab's control port.

        ``/istiod/NAMESPACE/POD/…`` and ``/istiod/ADDRESS/…`` are one istiod's own monitoring port,
        for those who cannot reach the pod's address; ``/istiod/metrics`` is what a scrape of all
        of them would show.
        """
        app.router.add_get("/istiod/metrics", self._scraped)
        app.router.add_get("/istiod/{namespace}/{pod}/debug/syncz", self._syncz)
        app.router.add_get("/istiod/{namespace}/{pod}/metrics", self._metrics)
        app.router.add_get("/istiod/{address}/debug/syncz", self._syncz)
        app.router.add_post("/revisions", self._ordered)

    async def _scraped(self, _: web.Request) -> web.Response:
        return web.Response(text=self.planes.metrics(), content_type="text/plain")

    async def _syncz(self, request: web.Request) -> web.Response:
        return self._replica(request).debug(request.headers, request.query.get("namespace", ""))

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=self._replica(request).page(), content_type="text/plain")

    def _replica(self, request: web.Request) -> Replica:
        asked = request.match_info
        address, key = asked.get("address", ""), f"{asked.get('namespace')}/{asked.get('pod')}"
        for known, replica in self.planes.replicas():
            if known == key or (address and replica.address == loopback(address)):
                return replica
        raise web.HTTPBadGateway(text=f"{address or key}: no istiod answers there\n")

    async def _ordered(self, request: web.Request) -> web.Response:
        """``{"revision": "1-30-3", "faults": {"errors": 0.3}}``; without faults it is healed."""
        asked: Any = await request.json()
        try:
            found = await self.set_faults(asked["revision"], **(asked.get("faults") or {}))
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"faults": repr(found)})
