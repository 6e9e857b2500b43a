"""Listeners: told at least once, the same news under the same nonce."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rollout.controller.app import Controller
from rollout.controller.chat.telling import Telling
from rollout.errors import OutsideError, RolloutError
from rollout.model.spec import Listener
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout

KEY = b"a key of sixteen or more bytes"


@dataclass
class FakeListeners:
    """``errors`` go wrong first."""

    news: list[Mapping[str, Any]] = field(default_factory=list)
    errors: list[RolloutError] = field(default_factory=list)
    tries: int = 0

    async def tell(
        self,
        news: Mapping[str, Any],
        listener: Listener,
        entries: Mapping[str, bytes],
        now: datetime,
    ) -> None:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        assert (listener.url, entries) == ("https://pager/x", {"key": KEY})
        self.news.append(news)


def a_shop(on: list[str]) -> Shop:
    shop = Shop()
    hook = {"url": "https://pager/x", "secretRef": {"name": "pager"}}
    shop.kube.put(
        a_rollout(notify={"webhook": hook, "events": on}),
        {
            "kind": "Secret",
            "metadata": {"name": "pager", "namespace": NAMESPACE},
            "data": {"key": base64.b64encode(KEY).decode()},
        },
    )
    return shop


def telling(shop: Shop, listeners: FakeListeners) -> Any:
    async def beside(made: Controller) -> None:
        told = Telling(shop.kube, listeners, virtual.clock, made.leads)
        shop.kube.listen(told.changed)
        made.when_leading(told.begin)
        await told.run()

    return (beside,)


def test_a_journey_is_told_thing_by_thing_once_each() -> None:
    async def whole(bad: bool) -> list[str]:
        shop, listeners = a_shop(["started", "promoted", "rolledBack", "degraded"]), FakeListeners()
        async with shop.controller(beside=telling(shop, listeners)):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: "canary" in shop.weights())
            shop.metrics.value = 7 if bad else 0
            await shop.until("Degraded" if bad else "Healthy")
            await asyncio.sleep(60)
        return [str(one["happened"]) for one in listeners.news]

    assert virtual.run(whole(bad=False)) == ["started", "promoted"]
    assert virtual.run(whole(bad=True)) == ["started", "rolledBack", "degraded"]


def test_a_listener_that_is_down_is_told_again_until_it_takes_it() -> None:
    async def whole() -> FakeListeners:
        shop, listeners = a_shop(["started"]), FakeListeners()
        listeners.errors = [OutsideError("503", 20), OutsideError("no answer")]
        async with shop.controller(beside=telling(shop, listeners)):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: bool(listeners.news))
        return listeners

    listeners = virtual.run(whole())
    assert listeners.tries == 3
    assert listeners.news[0]["nonce"].endswith(".1.started")


def test_what_one_replica_did_not_come_to_tell_the_next_one_tells_at_once() -> None:
    """Nothing else changes on the object: whoever takes over looks at it by itself."""

    async def whole() -> list[str]:
        shop, listeners = a_shop(["started"]), FakeListeners()
        async with shop.controller(namespace="rollout-system", identity="a"):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
            await shop.request("pause@1")
            await shop.until("Paused")
        async with shop.controller(
            namespace="rollout-system", identity="b", beside=telling(shop, listeners)
        ):
            await shop.comes(lambda: bool(listeners.news), 30)
        return [str(one["happened"]) for one in listeners.news]

    assert virtual.run(whole()) == ["started"]


def test_after_a_restart_the_newest_is_told_again_under_the_same_nonce() -> None:
    async def whole() -> list[str]:
        shop, listeners = a_shop(["started"]), FakeListeners()
        async with shop.controller(beside=telling(shop, listeners)):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: bool(listeners.news))
        async with shop.controller(beside=telling(shop, listeners)):
            await shop.comes(lambda: len(listeners.news) == 2)
        return [str(one["nonce"]) for one in listeners.news]

    first, second = virtual.run(whole())
    assert first == second
