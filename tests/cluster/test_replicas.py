"""Two replicas under exactly the documented rights, in a namespace of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import rbac
from rollout.controller import rights
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.replica import PATIENCE, Replica, replica

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(600)]


async def comes(true: Callable[[], Awaitable[bool]], what: Callable[[], Awaitable[Any]]) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not await true():
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(await what()) from None


async def status(control: Control, space: str, name: str) -> Any:
    return (await control.read("Rollout", space, name)).get("status") or {}


async def rests(control: Control, space: str, name: str, revision: str) -> None:
    """The journey to ``revision`` is over and good."""

    async def true() -> bool:
        found = await status(control, space, name)
        stable = (found.get("stable") or {}).get("name", "")
        resting = (found.get("stage") or {}).get("name") == "Idle" and found.get(
            "phase"
        ) == "Healthy"
        return resting and (stable == revision or not revision)

    async def what() -> Any:
        found = await status(control, space, name)
        return {key: found.get(key) for key in ("phase", "stage", "stable", "because", "pause")}

    await comes(true, what)


async def push(control: Control, space: str, name: str, revision: str) -> None:
    await control.change("Rollout", space, name, spec={"revision": revision})


async def holder(control: Control) -> str:
    lease = await control.read("Lease", rbac.OWN, rights.LEASE)
    return str(lease["spec"]["holderIdentity"])


def leads(replicas: list[Replica], held: str) -> Replica:
    """The replica that ``held`` names: host, process id and a random word."""
    return next(one for one in replicas if held.split("-")[-2] == str(one.process.pid))


async def shop(control: Control, space: str, name: str = "shop") -> None:
    runs = [objects.deployment(space, name, revision) for revision in ("v1", "v2")]
    mesh = (*objects.service(space, name), *objects.with_subsets(space, name))
    await control.apply(*mesh, *runs, objects.rollout(space, name))


async def test_with_n_two_replicas_agree_and_the_other_takes_over_in_mid_journey(
    control: Control, tmp_path: Path
) -> None:
    """The Lease is in a namespace that ``-n`` does not name, and no right is to list Leases."""
    space = "one-namespace"
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    await shop(control, space)
    with (
        replica(tmp_path, config, control.mesh, "-n", space) as first,
        replica(tmp_path, config, control.mesh, "-n", space) as second,
    ):
        for one in (first, second):
            assert await one.until_ready() == "ok\n"
        await rests(control, space, "shop", "v1")
        await push(control, space, "shop", "v2")

        async def moving() -> bool:
            return int((await status(control, space, "shop"))["stage"]["split"]["canary"]) > 0

        await comes(moving, lambda: status(control, space, "shop"))
        leader = leads([first, second], await holder(control))
        other = second if leader is first else first
        leader.kill()
        await rests(control, space, "shop", "v2")
        assert leads([other], await holder(control)) is other
        assert await other.until_ready() == "ok\n"
        with replica(tmp_path, config, control.mesh, "-n", space) as third:
            assert await third.until_ready() == "ok\n"
    refused = [one for one in control.audited() if one["responseStatus"]["code"] == 403]
    assert refused == []
