"""A Rollout whose spec cannot be read when we start: its status is enough to go home by."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout

HALF = {"stable": 50, "canary": 50}
HOME = {"stable": 100}


async def mid_journey(shop: Shop) -> None:
    """v2 has half of the requests, and we end."""
    shop.kube.put(a_rollout())
    async with shop.controller():
        await shop.until("Healthy")
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == HALF)


def spoil(shop: Shop) -> None:
    """Somebody writes a spec that nobody can read."""
    shop.kube.put({**shop.rollout(), "spec": {"service": "shop", "strategy": "fast"}})


async def aborted(shop: Shop) -> None:
    await shop.request("abort@1")


async def deleted(shop: Shop) -> None:
    obj = shop.rollout()
    meta = {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    shop.kube.put({**obj, "metadata": meta})


@pytest.mark.parametrize("way", [aborted, deleted])
def test_abort_and_deletion_are_heard_without_a_spec(
    way: Callable[[Shop], Awaitable[None]],
) -> None:
    async def story() -> None:
        shop = Shop()
        await mid_journey(shop)
        spoil(shop)
        async with shop.controller():
            await asyncio.sleep(120)
            assert shop.weights() == HALF
            assert "it is required" in shop.status()["because"]
            await way(shop)
            await shop.comes(lambda: shop.weights() == HOME, 30)
        async with shop.controller():  # and once more in the middle of the way home
            if way is deleted:
                gone = ("Rollout", NAMESPACE, "shop")
                await shop.comes(lambda: gone not in shop.kube.objects, 600)
            else:
                await shop.comes(lambda: shop.status()["stage"]["name"] == "Idle", 600)
        assert shop.weights() == HOME

    virtual.run(story())


def test_a_deletion_ends_though_nobody_mends_the_status() -> None:
    """The API server would hold the object, and its namespace, for ever."""

    async def story() -> None:
        shop = Shop()
        await mid_journey(shop)
        obj = shop.rollout()
        shop.kube.put({**obj, "status": {**obj["status"], "stage": {"name": "Elsewhere"}}})
        async with shop.controller():
            await deleted(shop)
            await asyncio.sleep(20 * 60)
            assert "status.stage cannot be read" in shop.status()["because"]
            await shop.comes(lambda: ("Rollout", NAMESPACE, "shop") not in shop.kube.objects, 3600)
        assert shop.weights() == HALF

    virtual.run(story())


def test_a_spec_that_can_be_read_again_is_in_force_again() -> None:
    async def story() -> None:
        shop = Shop()
        await mid_journey(shop)
        spoil(shop)
        async with shop.controller():
            await aborted(shop)
            await shop.comes(lambda: shop.weights() == HOME, 30)
            status = shop.status()
            spec = {**a_rollout()["spec"], "revision": "v3"}
            shop.kube.put({**shop.rollout(), "spec": spec, "status": status})
            await shop.comes(lambda: shop.weights() == HALF, 600)

    virtual.run(story())
