"""A whole upgrade by the controller, between two istiods, on the lab's API server and a real one.

On the real one under the documented rights, and with webhooks that its own admission asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

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
from rollout.lab.kube.client import (
    MUTATING,
    NAMESPACE,
    SERVICE,
    VALIDATING,
    ApiRefusedError,
    Kind,
    Object,
)
from rollout.manifest import definition, schema, upgrades
from rollout.model.upgrading import State, UpgradeStatus
from tests.contract.conftest import CRDS
from tests.lab.revisions.mesh import NEW, OLD, Mesh
from tests.lab.upgrades.granted import granted
from tests.realkube import RealKube
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


async def begun(mesh: Mesh, names: list[str], **more: Any) -> None:
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
        **more,
    }
    obj = {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ControlPlaneUpgrade",
        "metadata": {"name": "mesh"},
        "spec": spec,
    }
    await made(mesh, UPGRADE, obj)


async def made(mesh: Mesh, kind: Kind, obj: Object) -> None:
    """It is there, as soon as the API server serves its kind; anew, if an older one was left."""
    while True:
        try:
            await mesh.kube.create(kind, obj)
        except ApiRefusedError as refused:
            if refused.status == 409:
                await gone(mesh, kind, obj["metadata"]["name"])
            elif refused.status != 404:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def gone(mesh: Mesh, kind: Kind, name: str) -> None:
    """Nobody looks at it any more, so that nobody lets it go."""
    await mesh.kube.patch(kind, "", name, {"metadata": {"finalizers": None}})
    with contextlib.suppress(ApiRefusedError):
        await mesh.kube.delete(kind, "", name)


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


@pytest.fixture
async def config(request: pytest.FixtureRequest, mesh: Mesh, tmp_path: Path) -> str:
    """Whom the controller is: nobody in particular on the lab's server, its account on a real."""
    if not mesh.real:
        return str(mesh.world.kubeconfig)
    real: RealKube = request.getfixturevalue("real_kube")
    return str(await granted(real, mesh.kube, tmp_path / "granted"))


async def test_a_mesh_goes_there_and_back_byte_by_byte(mesh: Mesh, config: str) -> None:
    first = await mesh.space("first", {"istio-injection": "enabled"})
    second = await mesh.space("second", {"istio.io/rev": OLD.name})
    for space in (first, second):
        await mesh.deploy(space, replicas=2)
    before = await carriers(mesh)
    await begun(mesh, [first, second])
    async with looking(mesh, config) as looks:
        await driven(mesh, looks, State.BAKE)
        assert {await mesh.revision(first), await mesh.revision(second)} == {NEW.name}
        await aborted(mesh)
        await driven(mesh, looks, State.RETURNED)
    assert await carriers(mesh) == before
    assert {await mesh.revision(first), await mesh.revision(second)} == {OLD.name}


@contextlib.asynccontextmanager
async def looking(mesh: Mesh, config: str) -> AsyncIterator[UpgradeLooks]:
    """The controller's own looks, with numbers that are always good."""
    api = await edge.connect(config, None, Proxy.of({}))
    async with edge.Kube(api, concerns.of) as kube:
        store, counted = UpgradeStore(kube), Counted()
        yield UpgradeLooks(
            store=store,
            surveyor=Surveyor(kube, kube, kube, counted, None, paths.definitions()),
            performer=Performer(kube, store, "test"),
            metrics=Instruments(),
            clock=clock,
            leads=lambda _: True,
        )


async def aborted(mesh: Mesh) -> None:
    text = {"metadata": {"annotations": {"rollout.dev/request": "abort@1"}}}
    await mesh.kube.patch(UPGRADE, "", "mesh", text)


SAIL = Kind("sailoperator.io", "v1", "istios", "Istio", namespaced=False)
BY_SAIL = {
    "metadata": {"name": "default"},
    "spec": {
        "version": "v1.29.6",
        "namespace": "istio-system",
        "updateStrategy": {
            "type": "RevisionBased",
            "inactiveRevisionDeletionGracePeriodSeconds": 30,
        },
    },
}


@pytest.fixture
def sail_crds() -> list[Object]:
    path = CRDS / "sail-operator.yaml"
    if not path.exists():
        pytest.skip(f"no CRDs of the Sail Operator at {path}; ROLLOUT_CRDS names the folder")
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


async def test_the_sail_operator_is_asked_by_its_own_object_which_comes_back_as_it_was(
    mesh: Mesh, config: str, sail_crds: list[Object]
) -> None:
    """By the operator's own definitions, which know its versions by name."""
    for crd in sail_crds:
        await mesh.kube.apply(crd)
    await made(mesh, SAIL, BY_SAIL)
    space = await mesh.space("first", {"istio.io/rev": OLD.name})
    before = (await mesh.kube.read(SAIL, "", "default"))["spec"]
    sail = {"istio": "default", "version": "v1.30.3"}
    await begun(mesh, [space], install={"sail": sail}, waves=[])
    async with looking(mesh, config) as looks:
        await driven(mesh, looks, State.CANARY)
        asked = (await mesh.kube.read(SAIL, "", "default"))["spec"]
        assert asked == {
            **before,
            "version": "v1.30.3",
            "updateStrategy": {
                "type": "RevisionBased",
                "inactiveRevisionDeletionGracePeriodSeconds": 7 * 24 * 3600 + 1,
            },
        }
        await aborted(mesh)
        await driven(mesh, looks, State.RETURNED)
    assert (await mesh.kube.read(SAIL, "", "default"))["spec"] == before
