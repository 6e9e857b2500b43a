"""``run``: the controller, put together from its settings; the one place that knows all edges."""

import asyncio
import logging
import os
import secrets
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import aiohttp

from rollout.cli import access, forges, live, pages, people, settings, signals, switching
from rollout.cli import policy as policies
from rollout.cli.forges import Inbound
from rollout.cli.recorder import Recorder
from rollout.cli.settings import Settings
from rollout.controller import app, collector, loop, telemetry
from rollout.controller.app import Beside, Controller, Outside
from rollout.controller.instruments import Instruments
from rollout.controller.metrics.batcher import Batcher
from rollout.controller.metrics.timed import Timed
from rollout.controller.ports import Metrics, Proxies
from rollout.controller.seeing import concerns
from rollout.controller.sources.applying import Applier
from rollout.controller.sources.following import Following
from rollout.controller.sources.look import KubeSecrets, Policy, Sources, Verify
from rollout.controller.sources.pushed import Pushes
from rollout.controller.switching import beside as switchovers
from rollout.controller.upgrading.beside import upgrading
from rollout.edges import kube
from rollout.edges.forge.forges import Forges
from rollout.edges.git.children import Starts
from rollout.edges.git.processes import Processes
from rollout.edges.git.repo import GitRepo
from rollout.edges.git.sidecar import Sidecar
from rollout.edges.istiods import PAGE, Istiods
from rollout.edges.kube import Kube, paths
from rollout.edges.prometheus import Prometheus
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts
from rollout.edges.syncz import Syncz
from rollout.edges.webhook import Webhooks
from rollout.errors import GIVEN, RefusedError
from rollout.web import app as web
from rollout.web import live as live_door

BEHIND = "unix:"


def run(given: Settings) -> None:
    """The controller, until SIGTERM or Ctrl-C."""
    _log(given.log_level)
    collector.rarely()
    asyncio.run(_run(given))


async def _run(given: Settings) -> None:
    stop = signals.asked_to_end()
    async with AsyncExitStack() as exits:
        allowed = policies.read(given.policy)
        path = settings.kubeconfig(given.kubeconfig)
        api = await kube.connect(path, given.context or None, Proxy.of(settings.proxies()))
        outside, cluster, sources, webhooks = await _outside(given, allowed, api, exits)
        told = await exits.enter_async_context(_forges(allowed))
        identity = _identity()
        recorder = Recorder(given.audit, identity, given.shards)
        talk = people.talk(allowed.slack, listens=bool(given.listen), record=recorder.refused)
        inbound = Inbound(forges.shared(allowed.push))
        edges = await exits.enter_async_context(
            switching.beyond(given, allowed, outside.kube, outside.metrics)
        )
        beside: tuple[Beside, ...] = (
            recorder.beside,
            _following(sources, cluster, allowed, inbound),
            people.telling(webhooks),
            switchovers.switching(edges),
            forges.reporting(told),
            *((talk.beside(),) if talk else ()),
            _live(cluster.server),
            await _upgrading(given, cluster, exits),
        )
        if given.listen:
            doors = web.Settings(slack=talk.door() if talk else None, pushes=inbound.door())
            beside = (*beside, _door(given.listen, doors))
        if given.page:
            beside = (*beside, pages.beside(given, allowed.page, api))
        mine = app.Settings(_lease_space(given), identity, beside, given.shards)
        telemetry.info("started", address=given.listen or None)
        await app.run(outside, mine, stop)
    telemetry.info("stopped")


async def _outside(
    given: Settings, allowed: policies.Policy, api: kube.Connection, exits: AsyncExitStack
) -> tuple[Outside, Kube, GitRepo, Webhooks]:
    """Every edge, opened; ``exits`` closes them."""
    proxy = Proxy.of(settings.proxies())
    told = Instruments()
    cluster = await exits.enter_async_context(
        Kube(api, concerns.of, kube.scopes(given.namespace), told=told.requested)
    )
    proxies = await _proxies(given, exits)
    repo = GitRepo(_readers(given.cache), local=allowed.local_git)
    exits.push_async_callback(repo.close)
    metrics = _metrics(given, told, exits)
    webhooks = await exits.enter_async_context(Webhooks(Hosts(allowed.webhooks), proxy))
    outside = Outside(cluster, metrics, proxies, webhooks=webhooks, instruments=told)
    return outside, cluster, repo, webhooks


def _readers(cache: Path) -> Starts:
    """Who reads git: child processes of ours, or those of ``git-reader`` behind its socket."""
    named, proxies = str(cache), settings.proxies()
    if named.startswith(BEHIND):
        return Sidecar(Path(named.removeprefix(BEHIND)), proxies)
    return Processes(cache, proxies)


def _forges(allowed: policies.Policy) -> Forges:
    return Forges.of(Hosts(allowed.forges), Proxy.of(settings.proxies()), loop.clock)


async def _proxies(given: Settings, exits: AsyncExitStack) -> Proxies | None:
    if not given.istiod or "{address}" in given.istiod:
        return None
    http = await exits.enter_async_context(aiohttp.ClientSession(trust_env=True))
    return Syncz(http, given.istiod.split(","))


def _metrics(given: Settings, told: Instruments, exits: AsyncExitStack) -> Metrics:
    if not given.prometheus:
        telemetry.warn("no prometheus is given: steps that are to be judged will hold")
        return access.Nowhere()
    prometheus = Prometheus(access.access(given))
    exits.callback(prometheus.close)
    return Batcher(Timed(prometheus, told))


async def _upgrading(given: Settings, cluster: Kube, exits: AsyncExitStack) -> Beside:
    """Upgrades of the mesh, beside the rollouts; istiods are asked where they can be reached."""
    http = await exits.enter_async_context(aiohttp.ClientSession())
    url = given.istiod if "{address}" in given.istiod else PAGE
    istiods = Istiods(http, lambda: cluster.list("EndpointSlice"), url=url)
    return upgrading(istiods, paths.definitions())


def _following(repo: GitRepo, cluster: Kube, allowed: policies.Policy, inbound: Inbound) -> Beside:
    """The sources, kept in force beside the rollouts; read at once when a push is told of."""

    async def beside(controller: Controller) -> None:
        sources = Sources(
            cluster,
            repo,
            KubeSecrets(cluster),
            Applier(cluster, cluster.objects),
            loop.clock,
            Policy(
                signers=allowed.signers,
                verify={
                    key: Verify(one.signers, one.mode == "every")
                    for key, one in allowed.verify.items()
                },
                abroad={key: frozenset(names) for key, names in allowed.abroad.items()},
                manifests=allowed.manifests,
                instance=controller.settings.identity,
            ),
            leads=controller.leads,
            instruments=controller.metrics,
        )
        following = Following(sources, cluster)
        pushes = Pushes(cluster, following.nudge, inbound.shared, loop.clock, sources.leads)
        inbound.pushes = pushes
        try:
            await following.run()
        finally:
            await pushes.stop()

    return beside


def _door(address: str, doors: web.Settings) -> Beside:
    """Health, metrics and what ``doors`` lets in besides, at ``address``, host:port."""
    host, port = settings.address("listen", address)
    mine = replace(doors, host=host, port=port)

    async def beside(controller: Controller) -> None:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            await web.serve(controller, mine, ready)
        except OSError as error:
            raise settings.taken(f"listen {address}", error) from error

    return beside


def _live(server: str) -> Beside:
    """What the last looks left, for commands on this machine."""

    async def beside(controller: Controller) -> None:
        async with live_door.opened(controller) as address:
            with live.announced(server, address):
                await asyncio.Event().wait()

    return beside


def _lease_space(given: Settings) -> str:
    """Where our Leases live; empty: there are none. Errors: ``RefusedError``."""
    own = settings.own_namespace()
    if given.shards > 1 and not own:
        raise RefusedError(
            f"shards {given.shards}: there is no namespace for their Leases outside a cluster; "
            "POD_NAMESPACE must name one"
        )
    return own


def _identity() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def _log(level: str) -> None:
    """JSON lines on stderr, ours at ``level``, everybody else's from warnings up."""
    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise RefusedError(f"log-level {level[:GIVEN]!r}: debug, info or warning is wanted")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(telemetry.Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("rollout").setLevel(level.upper())
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its retries are ours to tell
