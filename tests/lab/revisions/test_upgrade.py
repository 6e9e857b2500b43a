"""A whole upgrade by the controller, between two istiods, on the lab's API server."""

from __future__ import annotations

import asyncio
import json

import pytest

from rollout.controller.instruments import Instruments
from rollout.controller.loop import clock
from rollout.controller.seeing import concerns
from rollout.controller.upgrading.doing import Performer
from rollout.controller.upgrading.keeping import UpgradeStore
from rollout.controller.upgrading.looks import UpgradeLooks
from rollout.controller.upgrading.seeing import Surveyor
from rollout.edges import kube as edge
from rollout.edges.kube import paths
from rollout.edges.proxy import Proxy
from rollout.errors import ConflictError, OutsideError
from rollout.lab.kube.client import MUTATING, NAMESPACE, SERVICE, VALIDATING, Kind
from rollout.manifest import definition, schema, upgrades
from rollout.model.upgrading import State, UpgradeStatus
from tests.lab.revisions.mesh import NEW, OLD, Mesh
from tests.upgrade.cluster import Mesh as Counted

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]
UPGRADE = Kind(
    "rollout.dev", "v1alpha1", "controlplaneupgrades", "ControlPlaneUpgrade", namespaced=False
)
KINDS = (NAMESPACE, MUTATING, VALIDATING, SERVICE)


async def carriers(mesh: Mesh) -> dict[str, str]:
    """Everything that says which revision something is at."""
    return {
        f"{kind.name} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}": json.dumps(
            [obj["metadata"].get("labels"), obj.get("webhooks"), obj.get("spec")], sort_keys=True
        )
        for kind in KINDS
        for obj in (await mesh.kube.list(kind))[0]
    }


async def begun(mesh: Mesh, names: list[str]) -> None:
    await mesh.kube.apply(definition.crd(schema.KINDS["ControlPlaneUpgrade"]))
    spec = {
        "from": OLD.name,
        "to": NEW.name,
        "minReplicas": 1,
        "canary": {"name": "canary", "namespaces": names[:1], "bake": "1s"},
        "waves": [{"name": "rest", "namespaces": names[1:], "bake": "1s"}],
        "default": {"bake": "1s"},
        "bake": "1s",
        "analysis": {"metrics": [], "interval": "1s"},
        "preflight": {
            "overrule": [
                {"rule": rule, "reason": "of no matter in this test"}
                for rule in ("UPG-001", "UPG-022", "UPG-024", "UPG-035", "UPG-050")
            ]
        },
    }
    obj = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ControlPlaneUpgrade",
        "metadata": {"name": "mesh"},
        "spec": spec,
    }
    while True:
        try:
            await mesh.kube.create(UPGRADE, obj)
        except Exception:  # the CRD is not established yet
            await asyncio.sleep(0.1)
        else:
            return


async def status(mesh: Mesh) -> UpgradeStatus:
    return upgrades.status(await mesh.kube.read(UPGRADE, "", "mesh"))


async def driven(mesh: Mesh, looks: UpgradeLooks, *states: State) -> UpgradeStatus:
    """Looks until one of the states."""
    told: list[str] = []
    for _ in range(1500):
        try:
            await looks.look("mesh")
        except (ConflictError, OutsideError) as error:
            told.append(str(error))
        now = await status(mesh)
        if told[-1:] != [now.because]:
            told.append(now.because)
        if now.state in states:
            return now
        await asyncio.sleep(0.2)
    raise AssertionError("\n".join(told[-40:]))


@pytest.mark.parametrize("mesh", ["lab"], indirect=True)
async def test_a_mesh_goes_there_and_back_byte_by_byte(mesh: Mesh) -> None:
    first = await mesh.space("first", {"istio-injection": "enabled"})
    second = await mesh.space("second", {"istio.io/rev": OLD.name})
    for space in (first, second):
        await mesh.deploy(space, replicas=2)
    before = await carriers(mesh)
    await begun(mesh, [first, second])
    api = await edge.connect(str(mesh.world.kubeconfig), None, Proxy.of({}))
    async with edge.Kube(api, concerns.of) as kube:
        store, counted = UpgradeStore(kube), Counted()
        looks = UpgradeLooks(
            store=store,
            surveyor=Surveyor(kube, kube, kube, counted, None, paths.definitions()),
            performer=Performer(kube, store, "test"),
            metrics=Instruments(),
            clock=clock,
            leading=lambda: True,
        )
        await driven(mesh, looks, State.BAKE)
        assert {await mesh.revision(first), await mesh.revision(second)} == {NEW.name}
        text = {"metadata": {"annotations": {"rollout.dev/request": "abort@1"}}}
        await mesh.kube.patch(UPGRADE, "", "mesh", text)
        await driven(mesh, looks, State.RETURNED)
    assert await carriers(mesh) == before
    assert {await mesh.revision(first), await mesh.revision(second)} == {OLD.name}
