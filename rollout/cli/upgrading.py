"""What ``run`` needs for upgrades of the mesh: the istiods, and which kinds there may be."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp

from rollout.controller.app import Beside, Controller
from rollout.controller.upgrading.beside import upgrading
from rollout.edges.istiods import Istiods
from rollout.edges.kube import Kube, paths


def beside(cluster: Kube, namespace: str) -> Beside:
    """Upgrades, beside the rollouts; none where we reach one ``namespace`` alone."""

    async def run(controller: Controller) -> None:
        if namespace:
            await asyncio.Event().wait()
        async with AsyncExitStack() as exits:
            http = await exits.enter_async_context(aiohttp.ClientSession())
            istiods = Istiods(http, lambda: cluster.list("EndpointSlice"))
            await upgrading(istiods, paths.definitions())(controller)

    return run
