"""A look that fails all the same: people hear why within seconds, and every way back works."""

import asyncio
from typing import Any

import pytest

from rollout import reconcile
from rollout.controller import look as looks
from rollout.model.action import Decision
from rollout.model.observation import Observation, Questions
from rollout.model.spec import Rollout
from rollout.model.status import RolloutStatus
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout

WAYS = ("abort", "revert", "delete")


class Buggy:
    """The core with a bug in what it makes of numbers: each look that has any fails."""

    def __init__(self) -> None:
        self.broken = self.speechless = False
        self.error: Exception = ZeroDivisionError("a bug")

    def ask(
        self, rollout: Rollout, status: RolloutStatus, now: Any, *, outside: bool = True
    ) -> Questions:
        if self.speechless and outside and status.stage.split.canary:
            raise self.error
        return reconcile.ask(rollout, status, now, outside=outside)

    def decide(
        self, rollout: Rollout, status: RolloutStatus, seen: Observation, now: Any
    ) -> Decision:
        if self.broken and seen.values:
            raise self.error
        return reconcile.decide(rollout, status, seen, now)


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> Buggy:
    made = Buggy()
    monkeypatch.setattr(looks, "reconcile", made)
    return made


async def at_five(shop: Shop) -> None:
    shop.kube.put(a_rollout(strategy={"canary": {"steps": [{"weight": 5, "bake": "1h"}]}}))
    await shop.until("Healthy")
    await shop.push("v2")
    await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})


async def back(shop: Shop, way: str) -> None:
    if way == "abort":
        await shop.request("abort@1")
    elif way == "revert":
        await shop.push("v1")
    else:
        gone = {**shop.rollout()["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        shop.kube.put({**shop.rollout(), "metadata": gone})


def test_the_status_says_why_within_seconds_and_what_is_new_and_when_it_is_over(
    core: Buggy,
) -> None:
    async def story() -> None:
        shop = Shop()
        async with shop.controller():
            await at_five(shop)
            core.broken = True
            because = "a bug of ours (ZeroDivisionError); see the controller's log"
            await shop.comes(lambda: shop.status()["because"] == because, 60)
            core.error = KeyError("another")
            because = "a bug of ours (KeyError); see the controller's log"
            await shop.comes(lambda: shop.status()["because"] == because, 60)
            core.broken = False
            await shop.comes(lambda: shop.status()["because"] == "baking for 1h", 90)

    virtual.run(story())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bug", ["broken", "speechless"])
def test_every_way_back_works_though_each_look_fails(core: Buggy, bug: str, way: str) -> None:
    async def story() -> None:
        shop = Shop()
        async with shop.controller():
            await at_five(shop)
            setattr(core, bug, True)
            await asyncio.sleep(120)
            await back(shop, way)
            await shop.comes(lambda: not shop.weights().get("canary"), 3)
            if way == "delete":
                gone = ("Rollout", NAMESPACE, "shop")
                await shop.comes(lambda: gone not in shop.kube.objects, 120)

    virtual.run(story())
