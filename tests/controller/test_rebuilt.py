"""Another build under the canary's name, as somebody's ``kubectl set image`` makes it."""

from rollout.controller.ports import Json
from tests.controller.shop import NAMESPACE, Shop
from tests.controller.test_app import play


def replaced(image: str) -> list[Json]:
    pods = {"metadata": {"labels": {"app": "shop", "version": "v2"}}}
    spec = {"containers": [{"name": "shop", "image": image}]}
    return [{"op": "replace", "path": "/spec/template", "value": pods | {"spec": spec}}]


async def rebuilt(shop: Shop) -> None:
    await shop.kube.patch("Deployment", NAMESPACE, "shop-v2", replaced("shop:v2"))
    await shop.push("v2")
    await shop.comes(lambda: shop.weights().get("canary") == 50)
    await shop.kube.patch("Deployment", NAMESPACE, "shop-v2", replaced("shop:v2-rebuilt"))
    await shop.comes(lambda: shop.weights().get("canary") == 5)
    assert shop.status()["attempt"]["number"] == 2
    told = [entry["because"] for entry in shop.status()["history"]]
    assert any(because.startswith("v2 was rebuilt: ") for because in told), told
    await shop.comes(shop.rests_on_v2)


def test_a_rebuilt_canary_begins_at_the_first_step() -> None:
    assert play(rebuilt).rests_on_v2()
