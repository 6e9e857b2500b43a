"""What an API server of a whole cluster refuses: a namespace that ends, a quota that is used up."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import rbac
from rollout.lab.kube.client import ApiRefusedError
from tests.cluster import objects
from tests.cluster.conftest import Control, kind_of
from tests.cluster.journeys import Scene, comes
from tests.cluster.replica import replica

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]


async def test_a_namespace_that_is_deleted_in_mid_journey_ends_and_leaves_no_split_elsewhere(
    control: Control, tmp_path: Path
) -> None:
    """Its VirtualService is in another namespace, and outlives it.

    Nobody collects the canary's pods here, so that the route may name subset stable to the end.
    """
    space, edge, name = "ending", "ending-edge", "shop"
    await control.apply(objects.namespace(space), objects.namespace(edge))
    await control.granted(*rbac.manifests("", rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene = Scene(control, space, tmp_path)
    host = f"{name}.{space}.svc.cluster.local"
    route = objects.mesh(edge, name, host)
    await control.apply(*objects.service(space, name)[:1], route)
    strategy = {"canary": {"steps": [{"weight": 50, "bake": "1h"}]}}
    traffic = {"virtualServices": [{"name": name, "namespace": edge}]}
    with replica(tmp_path, config, control.mesh):
        workload = {"template": objects.template("v1", name), "drain": "1s"}
        more = {"strategy": strategy, "traffic": traffic, "workload": workload}
        await control.apply(objects.rollout(space, name, None, **more))
        await scene.rests(name)
        await scene.push(name, workload={"template": objects.template("v2", name)})
        await scene.moves(name)
        await control.delete("Namespace", "", space)
        await asyncio.gather(
            *(emptied(control, space, kind) for kind in ("Rollout", "Deployment", "Service")),
            emptied(control, space, "DestinationRule"),
        )
        left = await control.read("VirtualService", edge, name)
        sides = [side["destination"] for side in left["spec"]["http"][0]["route"]]
        assert [side.get("subset", "stable") for side in sides] == ["stable"]
        assert not left["metadata"].get("annotations")
    await control.revoked(*rbac.manifests("", rbac.OWN))


async def emptied(control: Control, space: str, kind: str) -> None:
    """As the namespace controller does: whatever is there is deleted, until nothing is."""

    async def empty() -> bool:
        there = [o for o in await control.listed(kind) if o["metadata"]["namespace"] == space]
        for obj in there:
            if not obj["metadata"].get("deletionTimestamp"):
                with contextlib.suppress(ApiRefusedError):
                    await control.delete(kind, space, obj["metadata"]["name"])
        return not there

    await comes(empty, lambda: control.listed(kind))


async def test_a_quota_that_is_used_up_is_told_to_its_end_and_waited_for(
    control: Control, tmp_path: Path
) -> None:
    space, name = "tight", "a-service-with-quite-a-long-name"
    limit = "count/deployments.apps"
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene = Scene(control, space, tmp_path)
    await control.apply(*objects.service(space, name))
    with replica(tmp_path, config, control.mesh, "-n", space):
        workload = {"template": objects.template("v1", name), "drain": "1s"}
        await control.apply(objects.rollout(space, name, None, workload=workload))
        await scene.rests(name)
        await control.apply(objects.quota(space, "tight", {limit: "1"}))
        await used(control, space, {limit: "1"})
        await scene.push(name, workload={"template": objects.template("v2", name)})

        async def told() -> bool:
            because = str((await scene.status(name)).get("because"))
            return because.startswith("deployment") and because.endswith(f"limited: {limit}=1")

        await comes(told, lambda: scene.status(name))
        notes = [event["message"] for event in await control.listed("Event")]
        assert any("exceeded quota: tight" in note and f"{limit}=1" in note for note in notes)
        await control.apply(objects.quota(space, "tight", {limit: "5"}))
        await used(control, space, {limit: "1"})
        await scene.rests(name, 1)
    await control.revoked(*rbac.manifests(space, rbac.OWN))


async def used(control: Control, space: str, now: dict[str, Any]) -> None:
    """What the quota controller counts."""
    quota = await control.read("ResourceQuota", space, "tight")
    status = {"status": {"hard": quota["spec"]["hard"], "used": now}}
    await control.kube.patch(kind_of(quota), space, "tight", status, "status")
