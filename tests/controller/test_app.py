"""Whole journeys through the shell: the real loop, look, store and translators on fakes."""


from tests import virtual
from tests.controller.shop import Shop, a_rollout


def test_a_good_revision_reaches_everyone() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller():
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.until("Progressing")
            await shop.until("Healthy")
            assert shop.status()["stable"]["name"] == "v2"
            assert shop.weights() == {"stable": 100}

    virtual.run(story())
