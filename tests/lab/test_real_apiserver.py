"""The lab's controllers are ordinary ones: they work against a real kube-apiserver too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rollout.lab import sample
from rollout.lab.kube.client import DEPLOYMENT, Kube
from rollout.lab.load import Ask
from rollout.lab.world import Settings, World
from tests.realkube import running

pytestmark = [pytest.mark.lab, pytest.mark.envtest]


@pytest.fixture
async def kube(tmp_path: Path) -> AsyncIterator[Kube]:
    with running(tmp_path) as real:
        kube = Kube(real.url, real.token, real.context())
        yield kube
        await kube.close()


async def test_pods_of_a_real_api_server_are_served_and_rolled(kube: Kube, tmp_path: Path) -> None:
    async with World(Settings(folder=tmp_path, prometheus=False, kube=kube)) as world:
        await world.apply(*sample.shop(v1=0, v2=100))
        await world.serving(sample.HOST)
        spec = {"spec": {"replicas": 3, "template": {"metadata": {"annotations": {"a": "b"}}}}}
        async with world.load(100, Ask(host=sample.HOST)) as load:
            await kube.patch(DEPLOYMENT, sample.NAMESPACE, "shop-v2", spec)
            await world.settled(sample.NAMESPACE, "shop-v2")
        assert load.tally.failures == 0
        assert set(load.tally.versions) == {"v2"}
