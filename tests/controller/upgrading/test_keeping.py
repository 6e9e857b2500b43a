"""What an upgrade remembers is written when it says something new, and not again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollout.controller.upgrading.keeping import UpgradeStore
from rollout.model.upgrading import State, UpgradeStatus
from tests.fakes import FakeKube

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
DONE = UpgradeStatus(state=State.DONE, since=NOON, because="the upgrade is done")
UPGRADE = {
    "apiVersion": "rollout.dev/v1alpha1",
    "kind": "ControlPlaneUpgrade",
    "metadata": {"name": "mesh"},
    "spec": {"from": "1-29-6", "to": "1-30-3", "waves": [{"name": "all", "percentage": 100}]},
}


def written(*statuses: tuple[int, UpgradeStatus]) -> list[int]:
    """The minutes in which a write was made, of looks that left those statuses in those minutes."""

    async def looks() -> list[int]:
        kube, minutes = FakeKube(), []
        kube.put(UPGRADE)
        store = UpgradeStore(kube)
        for minute, status in statuses:
            before, held = len(kube.writes), store.load("mesh")
            assert held is not None
            await store.save(held, status, NOON + timedelta(minutes=minute))
            minutes += [minute] * (len(kube.writes) - before)
        return minutes

    return asyncio.run(looks())


def test_a_status_that_stays_is_written_once() -> None:
    assert written((0, DONE), (1, DONE), (2, DONE), (60, DONE)) == [0]


def test_a_number_that_moves_is_written_once_its_minute_is_over() -> None:
    rises = [replace(DONE, because=f"{count} requests were counted") for count in range(3)]
    assert written((0, rises[0]), (0, rises[1]), (2, rises[1]), (4, rises[1])) == [0, 2]


async def test_an_epoch_never_falls_whatever_somebody_wrote_over_a_status() -> None:
    kube = FakeKube()
    kube.put(UPGRADE)
    store = UpgradeStore(kube)
    held = store.load("mesh")
    assert held is not None
    await store.save(held, replace(DONE, epoch=7), NOON)
    emptied = [{"op": "replace", "path": "/status", "value": {}}]
    await kube.patch("ControlPlaneUpgrade", "", "mesh", emptied, "status")
    held = store.load("mesh")
    assert held is not None
    assert held.status == UpgradeStatus(epoch=7)
