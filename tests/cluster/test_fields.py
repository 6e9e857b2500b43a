"""Whose fields they are: an author's own server-side apply before, in and after a journey."""

import re
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import rbac
from rollout.lab.kube.client import Object
from rollout.model.spec import MANAGER
from tests.cluster import objects
from tests.cluster.conftest import Control
from tests.cluster.journeys import Scene, comes
from tests.cluster.replica import replica

pytestmark = [pytest.mark.envtest, pytest.mark.timeout(900)]


def written(space: str, name: str, timeout: str, **destination: str) -> Object:
    """The author's manifest of a VirtualService."""
    route = {"route": [{"destination": {"host": name, **destination}}], "timeout": timeout}
    return {
        "apiVersion": objects.ISTIO,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": space},
        "spec": {"hosts": [name], "http": [route]},
    }


async def ours(scene: Scene, name: str) -> list[Any]:
    """What of the VirtualService's spec we are said to manage."""
    meta = (await scene.read("VirtualService", name))["metadata"]
    entries = meta.get("managedFields") or ()
    return [e["fieldsV1"]["f:spec"] for e in entries if e["manager"] == MANAGER]


async def is_ours_no_more(scene: Scene, name: str) -> None:
    async def true() -> bool:
        return not await ours(scene, name)

    await comes(true, lambda: ours(scene, name))


@pytest.mark.parametrize("manager", ["kubectl", "argocd-controller"])
@pytest.mark.parametrize("subset", ["v1", ""], ids=["subsets by version", "no subset"])
async def test_an_author_applies_as_before_once_the_journey_is_over(
    control: Control, tmp_path: Path, manager: str, subset: str
) -> None:
    space = f"{manager}-{subset or 'none'}"
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene, name = Scene(control, space, tmp_path), "shop"
    side = {"subset": subset} if subset else {}
    first = written(space, name, "1s", **side)
    assert await control.server_side(first, manager) == ""
    with replica(tmp_path, config, control.mesh, "-n", space):
        steps = [{"weight": 50, "bake": "1s", "approval": {"approvers": ["kubernetes"]}}]
        strategy = {"canary": {"steps": steps}}
        await scene.shop(name, mesh=bool(subset), entry=False, waiting=0, strategy=strategy)
        await scene.scale("shop-v2", 1)
        await scene.push(name, revision="v2")
        await scene.moves(name)
        refused = await control.server_side(written(space, name, "2s", **side), manager)
        assert re.search(f'conflict with "{MANAGER}".*: .spec.http', refused), refused
        await scene.asks(name, "promote")
        await scene.rests(name, 1, "v2")
        await is_ours_no_more(scene, name)
        assert await control.server_side(written(space, name, "3s", **side), manager) == ""
        await scene.rests(name, 1, "v2")
        http = (await scene.read("VirtualService", name))["spec"]["http"]
        assert [route["timeout"] for route in http] == ["3s"]
    await control.revoked(*rbac.manifests(space, rbac.OWN))


async def test_an_apply_by_force_in_mid_journey_is_taken_back_and_said(
    control: Control, tmp_path: Path
) -> None:
    space, name = "forced", "shop"
    await control.apply(objects.namespace(space))
    await control.granted(*rbac.manifests(space, rbac.OWN))
    config = control.kubeconfig(tmp_path / "config", await control.token())
    scene = Scene(control, space, tmp_path)
    manager = "argocd-controller"
    assert await control.server_side(written(space, name, "1s", subset="v1"), manager) == ""
    with replica(tmp_path, config, control.mesh, "-n", space):
        steps = [{"weight": 50, "bake": "1s", "approval": {"approvers": ["kubernetes"]}}]
        await scene.shop(name, entry=False, strategy={"canary": {"steps": steps}})
        await scene.push(name, revision="v2")
        await scene.moves(name)
        forced = written(space, name, "2s", subset="v1")
        for _ in range(6):
            assert await control.server_side(forced, manager, force=True) == ""

            async def divided() -> bool:
                http = (await scene.read("VirtualService", name))["spec"]["http"]
                weights = [side.get("weight") for side in http[0]["route"]]
                return weights == [50, 50] and http[0]["timeout"] == "2s"

            await comes(divided, lambda: scene.read("VirtualService", name))
        seen = await scene.status(name)
        assert seen["attempt"]["drift"]["count"] >= 5
        told = [entry["because"] for entry in seen["history"]]
        assert any("Argo CD keeps writing our weights" in because for because in told), told
    await control.revoked(*rbac.manifests(space, rbac.OWN))
