"""The whole lab: everything started, everything stopped; what the parts do lives in the parts."""

import asyncio
import contextlib
import logging
import random
import shutil
import ssl
import sys
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

from rollout.errors import OutsideError, RolloutError
from rollout.lab.apiserver import authority
from rollout.lab.apiserver.server import ApiServer
from rollout.lab.apiserver.server import Settings as ApiSettings
from rollout.lab.cluster import accounts, deployments, endpoints, kubelet, pods, replicasets, sets
from rollout.lab.cluster.forwarding import KINDS as FORWARDED
from rollout.lab.cluster.network import Network, loopback
from rollout.lab.control import Control
from rollout.lab.forge.server import Forge
from rollout.lab.istiod.control_plane import KINDS as MESH_KINDS
from rollout.lab.istiod.control_plane import ControlPlane
from rollout.lab.istiod.gateways import PORT as GATEWAY_PORT
from rollout.lab.kube import crds
from rollout.lab.kube.client import (
    DEPLOYMENT,
    DESTINATIONRULE,
    ENDPOINTS,
    NAMESPACE,
    POD,
    VIRTUALSERVICE,
    ApiRefusedError,
    Kind,
    Kube,
    Object,
)
from rollout.lab.kube.watched import Watched, run, until
from rollout.lab.load import Ask, Load
from rollout.lab.metrics.telemetry import Telemetry
from rollout.lab.programs.envoy import Envoy
from rollout.lab.programs.gitserver import GitServer, Repository
from rollout.lab.programs.processes import free_port, start
from rollout.lab.programs.prometheus import Pages, Prometheus
from rollout.lab.revisions import keeping
from rollout.lab.revisions.doors import Revisions
from rollout.lab.slack.server import Slack

_log = logging.getLogger(__name__)
PROJECT = "lab/shop"
"""The repository, as the forge calls it."""
_KINDS = dict.fromkeys(
    (*deployments.KINDS, *replicasets.KINDS, *sets.KINDS, *MESH_KINDS, ENDPOINTS)
)

_MESH_DRAIN = 3.0
"""Seconds: where whole namespaces restart at once, the mesh hears of it later."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the world is made. ``folder``: where its files lie; a temporary one if None.

    ``scrape_interval``: Prometheus'; ``prometheus``: whether there is one at all.
    ``data``: the file that keeps the API's objects for the next time; None forgets them.
    ``ports``: fixed ones, by ``api api-tls gateway mesh prometheus control git slack forge``;
    others are free ones.
    ``kube``: an API server that runs already; None starts the lab's own.
    ``https``: whether git is served so, with a certificate by nobody but itself (``git_ca``).
    ``revisions``: istiods are pods, and proxies come by their injection; there are none at first.
    """

    folder: Path | None = None
    scrape_interval: timedelta = timedelta(seconds=1)
    prometheus: bool = True
    data: Path | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    kube: Kube | None = None
    https: bool = False
    revisions: bool = False


@dataclass(slots=True)
class World:
    """``async with World() as world:`` - a cluster with a mesh, metrics, git and nothing in it.

    ``api``: the lab's own API server, which can be told to fail; None: another's is used.
    """

    settings: Settings = field(default_factory=Settings)
    api_url: str = ""
    kubeconfig: Path = Path()
    gateway_url: str = ""
    mesh_url: str = ""
    prometheus_url: str = ""
    control_url: str = ""
    pods_url: str = ""
    envoy_url: str = ""
    git_ca: str = ""
    slack: Slack = field(default_factory=Slack)
    forge: Forge = field(default_factory=Forge)
    git: GitServer = field(init=False)
    repository: Repository = field(init=False)
    kube: Kube = field(init=False)
    telemetry: Telemetry = field(default_factory=Telemetry)
    api: ApiServer | None = None
    _exit: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _watched: Watched = field(init=False)
    _slices: Kind = field(init=False)
    _kubelet: kubelet.Kubelet = field(init=False)
    _plane: ControlPlane = field(init=False)
    _prometheus: Prometheus | None = None
    _revisions: Revisions | None = None

    @property
    def revisions(self) -> Revisions:
        """The control planes.  Errors: OutsideError in a world without."""
        if self._revisions is None:
            raise OutsideError("world: no revisions; Settings(revisions=True) is wanted")
        return self._revisions

    @property
    def syncz_url(self) -> str:
        """Where istiod's debug pages would be; ``/debug/syncz`` is the one there is."""
        return f"{self.control_url}/debug/syncz"

    @property
    def istiod_url(self) -> str:
        """The same of one istiod of many, by the address of its pod, which is to be filled in."""
        return f"{self.control_url}/istiod/{{address}}/debug/syncz"

    @property
    def git_url(self) -> str:
        return self.repository.url

    def addresses(self) -> dict[str, str]:
        """What people want to know of a running lab, in the order in which they want to know it."""
        return {
            "kubeconfig": str(self.kubeconfig),
            "gateway": self.gateway_url,
            "mesh": self.mesh_url,
            "prometheus": self.prometheus_url,
            "git": self.git_url,
            "slack": self.slack.url,
            "forge": self.forge.url,
            "syncz": self.syncz_url,
            "control": self.control_url,
        }

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._exit.aclose()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._exit.aclose()

    def ready_pods(self, namespace: str, service: str) -> list[str]:
        """Addresses of the ready pods behind a Service, as they can be connected to from here."""
        found = self._watched.find(ENDPOINTS, namespace, service) or {}
        return [
            loopback(each["ip"])
            for subset in found.get("subsets") or ()
            for each in subset.get("addresses") or ()
        ]

    def load(self, rps: float, ask: Ask | None = None) -> Load:
        """Visitors at the gateway; ``async with`` starts and stops them."""
        return Load(self.gateway_url, rps, ask)

    def edge_load(self, rps: float, namespace: str, service: str, ask: Callable[[], Ask]) -> Load:
        """Visitors at a gateway whose pods are behind a Service: each request at any ready one."""

        def target() -> str:
            ready = self.ready_pods(namespace, service)
            # Without any, where nobody listens: a load balancer without targets answers nothing.
            chosen = random.choice(ready) if ready else "127.0.0.1"  # noqa: S311 - a share
            return f"http://{chosen}:{GATEWAY_PORT if ready else 9}"

        return Load(target, rps, ask)

    @property
    def prometheus(self) -> Prometheus:
        """To be stopped and resumed.  Errors: OutsideError when the world has none."""
        if self._prometheus is None:
            raise OutsideError("world: there is no prometheus; Settings(prometheus=True) is wanted")
        return self._prometheus

    def tcp_url(self, port: int, host: str = "gateway") -> str:
        """Where connections to a TCP port of ``host`` go, its full name, or to the edge's."""
        return f"http://127.0.0.1:{self._plane.port(f'tcp|{port}|{host}')}"

    async def apply(self, *objects: Object) -> None:
        """Every object is there as given; namespaces that are missing are made."""
        for obj in objects:
            await self._namespace(obj["metadata"].get("namespace", ""))
            await self.kube.apply(obj)

    def set_faults(self, namespace: str, deployment: str, **faults: object) -> int:
        """As ``POST /faults``, names with underscores; without any the pods are healed."""
        named = {name.replace("_", "-"): value for name, value in faults.items()}
        return self._kubelet.set_faults(namespace, deployment, named)

    async def scraped(self) -> None:
        """Prometheus has seen every request that was answered before now."""
        await asyncio.sleep(0.1)  # Envoy flushes its log every 50 ms
        if self._prometheus is not None:
            await self._prometheus.scraped()

    async def pushed(self) -> None:
        """Envoy has taken every route and subset that the API server has."""
        for kind in (VIRTUALSERVICE, DESTINATIONRULE):
            for obj in (await self.kube.list(kind))[0]:
                await until(f"{kind.name} in the mesh", partial(self._watched.has, kind, obj))
        await until("an idle control plane", lambda: self._plane.idle)

    async def settled(self, namespace: str, deployment: str) -> None:
        """The Deployment is as its spec says: all pods new and available, none left over."""
        asked = await self.kube.read(DEPLOYMENT, namespace, deployment)

        def done() -> bool:
            found = self._watched.find(DEPLOYMENT, namespace, deployment) or {}
            generation = found.get("status", {}).get("observedGeneration", 0)
            return bool(
                generation >= asked["metadata"].get("generation", 1)
                and deployments.complete(found)
                and not self._leftovers(namespace, deployment)
            )

        await until(f"deployment {namespace}/{deployment} as wanted", done)
        await self.pushed()

    async def serving(self, host: str, path: str = "/") -> None:
        """Every Deployment has settled, and the gateway answers for ``host`` by a pod."""
        for each in (await self.kube.list(DEPLOYMENT))[0]:
            await self.settled(each["metadata"]["namespace"], each["metadata"]["name"])
        async with Load(self.gateway_url, 0, Ask(host=host, path=path)) as load:
            for _ in range(100):
                if (await load.send(1)).versions:
                    return
                await asyncio.sleep(0.05)
        raise OutsideError(f"{self.gateway_url}: no pod answers for {host} within 5 s")

    def _leftovers(self, namespace: str, deployment: str) -> bool:
        return any(
            pods.leaving(each) and pods.workload(each) == deployment
            for each in self._watched.all(POD)
            if each["metadata"]["namespace"] == namespace
        )

    async def _start(self) -> None:
        folder = self._folder()
        await self._api(folder)
        for crd in crds.istio():
            await self.kube.apply(crd)
        more = (*keeping.KINDS, *accounts.KINDS) if self.settings.revisions else ()
        self._slices = await endpoints.slices(self.kube)
        known = (*_KINDS, *endpoints.kinds(self._slices), *more)
        self._watched = Watched(self.kube, dict.fromkeys(known))
        await self._started(self._watched.start, self._watched.stop)
        await self._cluster(folder)
        await self._mesh(folder)
        self.git = GitServer(folder / "git")
        tls = await self._certified()
        port = self.settings.ports.get("git", 0)
        await self._started(partial(self.git.start, port, tls), self.git.stop)
        self.repository = self.git.create("shop")
        self.forge.add(PROJECT, self.repository)
        self.git.moved = self.forge.moved
        await self._started(
            partial(self.forge.start, self.settings.ports.get("forge", 0)), self.forge.stop
        )
        port = self.settings.ports.get("slack", 0)
        await self._started(partial(self.slack.start, port), self.slack.stop)

    async def _certified(self) -> ssl.SSLContext | None:
        """What git speaks https with; None: it speaks http. Errors: OutsideError."""
        if not self.settings.https:
            return None
        made = await authority.made()
        if made is None:
            raise OutsideError("openssl: not on PATH; install openssl, git's https needs it")
        self.git_ca = made.pem
        return made.context

    def _folder(self) -> Path:
        if self.settings.folder is not None:
            self.settings.folder.mkdir(parents=True, exist_ok=True)
            return self.settings.folder
        folder = Path(tempfile.mkdtemp(prefix="rollout-lab-"))
        self._exit.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    async def _api(self, folder: Path) -> None:
        if self.settings.kube is not None:
            self.kube = self.settings.kube
            return
        server = ApiServer(ApiSettings(data=self.settings.data, tls=True, reach=loopback))
        self.api = server
        ports = self.settings.ports
        self.api_url = await server.start(ports.get("api", 0), ports.get("api-tls", 0))
        self._exit.push_async_callback(server.stop)
        self.kube = Kube(self.api_url)
        self._exit.push_async_callback(self.kube.close)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(server.kubeconfig())

    async def _cluster(self, folder: Path) -> None:
        port = free_port()
        self.pods_url = f"http://127.0.0.1:{port}"
        shop = await start(
            "shop",
            [sys.executable, "-m", "rollout.lab.shop", port],
            log=folder / "shop.log",
            talks=True,
        )
        self._exit.push_async_callback(shop.stop)
        network = Network()
        self._exit.callback(network.close)
        if self.settings.revisions:
            self._revisions = await Revisions.made(self.kube, self._watched, self.telemetry)
            self._exit.push_async_callback(self._revisions.close)
        others = self._revisions.runtimes if self._revisions else ()
        drain = _MESH_DRAIN if self.settings.revisions else kubelet.DRAIN_SECONDS
        self._kubelet = kubelet.Kubelet(shop, network, others, drain)
        self._always(self._kubelet.listen(self._watched))
        self._always(run(self._watched, deployments.KINDS, deployments.plan))
        injects = not self.settings.revisions
        for kinds, made in ((replicasets.KINDS, replicasets.plan), (sets.KINDS, sets.plan)):
            self._always(run(self._watched, kinds, partial(made, injects=injects)))
        endpoints_of_pods = partial(endpoints.plan, slices=self._slices)
        self._always(run(self._watched, endpoints.kinds(self._slices), endpoints_of_pods))
        self._always(run(self._watched, kubelet.KINDS, self._kubelet.plan))
        if self._revisions is not None:
            self._revisions.concern(self._kubelet)
            forwarding = self._revisions.forwarding
            self._always(run(self._watched, FORWARDED, forwarding.plan))
            if self.settings.kube is not None:
                self._always(run(self._watched, accounts.KINDS, accounts.plan))
            self._always(run(self._watched, keeping.KINDS, self._revisions.plan))

    async def _mesh(self, folder: Path) -> None:
        envoy = Envoy(folder)
        self._exit.push_async_callback(envoy.stop)
        self._always(self.telemetry.listen(await envoy.start()))
        self._plane = plane = ControlPlane(self._watched, envoy, dict(self.settings.ports))
        await plane.start()
        self._always(plane.run())
        if self._revisions is not None:
            self._revisions.gateways.serve(plane)
        control = Control(plane, self._kubelet, self.telemetry, self._revisions)
        port = self.settings.ports.get("control", 0)
        await self._started(partial(control.start, port), control.stop)
        self.control_url = f"http://{control.address}"
        self.gateway_url = f"http://127.0.0.1:{plane.port('gateway')}"
        self.envoy_url = envoy.admin_url
        self.mesh_url = f"http://127.0.0.1:{plane.port('mesh')}"
        if self.settings.prometheus:
            await self._metrics(folder)

    def pages(self, **labels: str) -> Pages:
        """Where its metrics are, for a Prometheus of somebody else's, with ``labels`` on them."""
        urls = (self.control_url, self.pods_url, self.envoy_url)
        mesh, pods_page, envoy = (url.removeprefix("http://") for url in urls)
        return Pages(mesh, pods_page, envoy, labels)

    async def _metrics(self, folder: Path) -> None:
        self._prometheus = prometheus = Prometheus(
            folder, self.settings.scrape_interval, self.settings.ports.get("prometheus", 0)
        )
        self._exit.push_async_callback(prometheus.stop)
        await prometheus.start(self.pages(), istiods=self.settings.revisions)
        self.prometheus_url = prometheus.url

    async def _started(
        self, begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]
    ) -> None:
        self._exit.push_async_callback(end)
        await begin()

    def _always(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_complain)

        async def end() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self._exit.push_async_callback(end)

    async def _namespace(self, name: str) -> None:
        if not name:
            return
        try:
            await self.kube.create(NAMESPACE, {"metadata": {"name": name}})
        except ApiRefusedError as refused:
            if refused.status != 409:
                raise


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        bug = None if isinstance(error, RolloutError) else error
        _log.error("the lab lost a part: %s", error, exc_info=bug)
