"""A release waits for the upgrade that moves its namespace, as long as it lasts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rollout.controller.upgrading.beside import upgrading
from rollout.manifest import upgrades
from rollout.model.upgrading import (
    Attempt,
    NamespaceStatus,
    Standing,
    State,
    StopStatus,
    UpgradeStatus,
    WaveStatus,
)
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SPEC = {"from": "1-29-6", "to": "1-30-3", "waves": [{"name": "all", "percentage": 100}]}


def upgrade(state: State, standing: Standing, space: str = NAMESPACE) -> dict[str, Any]:
    """One that moves the shop's namespace, paused by a person so that it stays where it is."""
    wave = WaveStatus("all", (NamespaceStatus(space, standing, NOON),), NOON)
    attempt = Attempt(1, "1-29-6", "1-30-3", StopStatus("all", NOON), (wave,))
    status = UpgradeStatus(state=state, attempt=attempt, since=NOON)
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ControlPlaneUpgrade",
        "metadata": {"name": "mesh"},
        "spec": SPEC,
        "status": upgrades.status_json(status, {}, NOON),
    }


def test_a_release_waits_and_says_so_and_goes_on_by_itself() -> None:
    async def story() -> Shop:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(beside=(upgrading(None, {}),)):
            await shop.until("Healthy")
            shop.kube.put(upgrade(State.WAVES, Standing.RESTARTING))
            await shop.push("v2")
            await shop.comes(lambda: "ROL-063" in shop.status().get("because", ""))
            warnings = " ".join(shop.status()["attempt"]["warnings"])
            assert "upgrade/mesh is moving its pods" in warnings
            assert shop.weights() == {"stable": 100}
            shop.kube.put(upgrade(State.DONE, Standing.MOVED))
            await shop.comes(shop.rests_on_v2)
        return shop

    virtual.run(story())


def test_an_upgrade_of_other_namespaces_holds_nobody() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout(), upgrade(State.WAVES, Standing.RESTARTING, "elsewhere"))
        async with shop.controller(beside=(upgrading(None, {}),)):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(shop.rests_on_v2)

    virtual.run(story())
