"""An autoscaler in a whole journey of the shell, and an API server that will not have it."""

from collections.abc import Awaitable, Callable
from typing import Any

from rollout import reconcile
from rollout.controller.doing import deployments
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Held, Store
from rollout.controller.ports import Json
from rollout.controller.seeing import pods
from rollout.controller.seeing.observe import Observer, no_gates
from rollout.errors import OutsideError, RefusedError
from rollout.model.action import HandOver
from rollout.model.observation import SeenAutoscaler
from rollout.model.spec import Autoscaler, Workload
from rollout.model.status import RolloutStatus
from tests import make, virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout, objects
from tests.fakes import FakeKube, FakeMetrics

MANAGED = {"deployments": "shop-{revision}", "scale": "managed", "autoscaler": {"name": "shop"}}
SPEC = make.canary_spec(workload=Workload(template={}, autoscaler=Autoscaler("shop")))


def hpa(deployment: str = "shop") -> Json:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    meta = {"name": "shop", "namespace": NAMESPACE}
    return {"kind": pods.HPA, "metadata": meta, "spec": {"scaleTargetRef": ref, "maxReplicas": 9}}


def scaled(shop: Shop) -> str:
    found: Any = shop.kube.get(pods.HPA, NAMESPACE, "shop")
    return str(found["spec"]["scaleTargetRef"]["name"])


def play(story: Callable[[Shop], Awaitable[None]]) -> Shop:
    async def whole() -> Shop:
        shop = Shop()
        shop.kube.put(a_rollout(workload=MANAGED), hpa())
        async with shop.controller():
            await shop.comes(lambda: scaled(shop) == "shop-v1", 60)
            await story(shop)
        return shop

    return virtual.run(whole())


def test_it_follows_the_release() -> None:
    async def story(shop: Shop) -> None:
        await shop.push("v2")
        await shop.comes(lambda: shop.weights() == {"stable": 50, "canary": 50})
        assert scaled(shop) == "shop-v1"
        await shop.comes(shop.rests_on_v2)

    assert scaled(play(story)) == "shop-v2"


def test_a_no_of_the_api_server_holds_the_old_pods_and_lets_nothing_else_fail() -> None:
    def forbidden(write: str) -> None:
        if pods.HPA in write:
            raise RefusedError("hpa shop/shop: 403 forbidden")

    async def story(shop: Shop) -> None:
        shop.kube.before = forbidden
        await shop.push("v2")
        await shop.comes(lambda: "autoscaler shop is to scale shop-v2" in shop.status()["because"])
        shop.kube.before = lambda _: None
        await shop.request("resume@1")
        await shop.comes(shop.rests_on_v2)

    assert scaled(play(story)) == "shop-v2"


class Blind(FakeKube):
    """An API server that lets nobody read autoscalers."""

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        if kind == pods.HPA:
            raise OutsideError("horizontalpodautoscaler: not listed yet")
        return super().get(kind, namespace, name)


async def test_one_that_cannot_be_read_ends_no_look() -> None:
    kube, numbers = Blind(), FakeMetrics()
    kube.put(*objects(), a_rollout())
    held = Held(kube.objects["Rollout", "shop", "shop"], make.rollout(SPEC), RolloutStatus())
    observer = Observer(kube, numbers, None, no_gates, of_rollouts(Store(kube), lambda _: None))
    asked = reconcile.ask(held.rollout, held.status, make.START)
    seen = await observer.observe(held, asked)
    problem = "horizontalpodautoscaler: not listed yet"
    assert seen.autoscaler == SeenAutoscaler("shop", exists=True, problem=problem)


async def test_one_that_is_not_there_is_not_made() -> None:
    kube = FakeKube()
    await deployments.hand_over(kube, make.rollout(SPEC), HandOver("shop", "shop-v2"))
    assert kube.writes == []


def test_its_changes_wake_the_rollout() -> None:
    async def story(shop: Shop) -> None:
        shop.kube.put(hpa("somebody-elses"))
        await shop.comes(lambda: scaled(shop) == "shop-v1", 30)

    play(story)
