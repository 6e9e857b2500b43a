"""Each optional right taken away in turn: it is named, and what does not need it goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio import client

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.rights import Need
from rollout.controller.seeing import concerns
from rollout.edges import kube
from rollout.edges.kube import Kube
from rollout.lab.kube.client import Object
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.test_replicas import comes, push, rests, shop
from tests.fakes import FakeMetrics, FakeProxies

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(600)]

OPTIONAL = sorted(rights.USUAL - rights.REQUIRED)


def without(need: Need, space: str) -> list[Object]:
    """The documented rights in ``space``, but for all that ``need`` and not every Rollout has."""
    gone = {
        (rbac.resource(call.kind, call.subresource).partition(".")[0], call.verb)
        for call, needs in rights.calls().items()
        if need in needs and not rights.REQUIRED & set(needs)
    }
    return [_less(obj, gone) for obj in rbac.manifests(space, rbac.OWN)]


def _less(obj: Object, gone: set[tuple[str, str]]) -> Object:
    rules = [
        {**rule, "resources": [name], "verbs": verbs}
        for rule in obj.get("rules", ())
        for name in rule["resources"]
        if (verbs := [verb for verb in rule["verbs"] if (name, verb) not in gone])
    ]
    return {**obj, "rules": rules} if "rules" in obj else obj


@contextlib.asynccontextmanager
async def controller(control: Control, token: str, space: str) -> AsyncIterator[Controller]:
    settings = client.Configuration(host=control.real.url, ssl_ca_cert=str(control.real.ca))
    settings.api_key["BearerToken"] = f"Bearer {token}"
    api = client.ApiClient(configuration=settings)
    async with Kube(api, concerns.of, kube.scopes(space)) as edge:
        made = Controller(Outside(edge, FakeMetrics(), FakeProxies()), Settings())
        stop = asyncio.Event()
        task = asyncio.create_task(made.run(stop))
        try:
            yield made
        finally:
            stop.set()
            await task


@pytest.mark.parametrize("need", OPTIONAL)
async def test_an_optional_right_that_is_missing_is_named_and_the_rest_goes_on(
    control: Control, need: Need
) -> None:
    space = f"without-{need.name.lower().replace('_', '-')}"
    await control.apply(objects.namespace(space))
    await control.granted(*without(need, space))
    named = objects.with_subsets(space, "shop")
    await shop(control, space)
    await control.apply(*named)
    async with controller(control, await control.token(), space) as found:

        async def says() -> bool:
            return not found.readiness() and any(need in note for note in found.notes())

        async def what() -> object:
            return found.readiness(), found.notes()

        await comes(says, what)
        await rests(control, space, "shop", "v1")
        await push(control, space, "shop", "v2")
        await rests(control, space, "shop", "v2")
