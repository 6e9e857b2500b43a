"""The edges of switchovers, for the controller and for who asks the rules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rollout.cli import policy as policies
from rollout.cli import settings
from rollout.cli.settings import Settings
from rollout.controller.ports import Cluster, Metrics
from rollout.controller.switching.following import Beyond
from rollout.edges import kube
from rollout.edges.dns import NameServers
from rollout.edges.kube.clusters import Clusters
from rollout.edges.probe import Gateways
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts


@asynccontextmanager
async def beyond(
    given: Settings, allowed: policies.Policy, home: Cluster, metrics: Metrics
) -> AsyncIterator[Beyond]:
    """Every edge of a switchover, opened; all are closed at the end."""
    proxy = Proxy.of(settings.proxies())
    path = settings.kubeconfig(given.kubeconfig)
    clusters = Clusters(await kube.connect(path, given.context or None, proxy), proxy)
    try:
        gateways = Gateways(Hosts(allowed.webhooks))
        yield Beyond(home, clusters, metrics, NameServers(), gateways)
    finally:
        await clusters.home.close()
