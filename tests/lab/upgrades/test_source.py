"""A control plane that git brings: a real source applies it, and the mesh goes to it, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from rollout import yamltext
from rollout.cli.lab import up as cli
from rollout.cli.lab.push import Checkout
from rollout.lab.kube.client import MUTATING
from rollout.lab.programs import processes
from rollout.lab.programs.processes import Child
from rollout.lab.revisions import installing
from rollout.lab.revisions.names import Revision
from rollout.lab.revisions.town import Town
from rollout.lab.world import World
from rollout.model.upgrading import Awaits, State
from tests.lab.upgrades.harness import NEW, OLD, PATIENCE, QUICK, Upgrading, upgrading

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(2 * PATIENCE)]
SPACE, NAME = NEW.namespace, "istio"
TOWN = Town(OLD.name, spaces=2, workloads=1)
POLICY = {
    f"{SPACE}/{NAME}": [
        "ServiceAccount",
        "MutatingWebhookConfiguration.admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
    ]
}
"""What of a control plane is none of the safe kinds; docs/policy.md."""
SPEC: dict[str, object] = {"path": "istio", "interval": "5s", "manifests": True}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with cli.world(controller=False, revisions=True) as (made, _):
        yield made


async def allowed(world: World) -> Child:
    """A controller whose operator lets the source write a control plane."""
    command = cli.controller_command(world)
    policy = world.kubeconfig.parent / "policy.yaml"
    policy.write_text(policy.read_text() + yamltext.document({"manifests": POLICY}))
    log = world.kubeconfig.parent / "controller.log"
    return await processes.start("controller", command, log=log)


def rendered(revision: Revision) -> str:
    """What `helm template` would print: every object of the revision, without its namespace."""
    return "---\n".join(yamltext.document(obj) for obj in installing.objects(revision))


async def source(world: World) -> Mapping[str, Any]:
    found = await world.kube.read(cli.SOURCE, SPACE, NAME)
    return found.get("status") or {}


async def begun(mesh: Upgrading) -> Checkout:
    """The upgrade is asked for, and its source is there; git has nothing of the revision yet."""
    world = mesh.world
    checkout = Checkout(world.git_url, world.kubeconfig.parent / "checkout")
    await checkout.push("istio/README.md", "the control planes of this mesh\n", "istio: begun")
    made = {"metadata": {"name": NAME, "namespace": SPACE}, "spec": SPEC | {"url": world.git_url}}
    await world.kube.create(cli.SOURCE, made)
    await mesh.ask(
        install={"manifests": {"source": f"{SPACE}/{NAME}"}},
        canary={"name": "canary", "namespaces": ["team-01"], **QUICK},
        waves=[{"name": "rest", "percentage": 100, **QUICK}],
        bake="1h",
        analysis={"interval": "1s", "warmup": "1s", "metrics": [{"name": "errors"}]},
    )
    return checkout


async def test_a_revision_that_git_brings_is_waited_for_gone_to_and_left_again(
    world: World,
) -> None:
    async with (
        upgrading(world, TOWN, revisions=(OLD,), start=allowed) as mesh,
        mesh.visited(20) as load,
    ):
        before = await mesh.snapshot()
        checkout = await begun(mesh)
        waiting = await mesh.until("waiting", lambda now: now.awaits is Awaits.INSTALLER)
        assert waiting.because == f"there is no control plane {NEW.name} yet"
        await checkout.push("istio/istiod.yaml", rendered(NEW), f"istio: {NEW.name}")
        await mesh.until("in the bake", lambda now: now.state is State.BAKE)
        assert set().union(*(await mesh.revisions()).values()) == {NEW.name}
        told = await source(world)
        assert (told.get("problem", ""), told.get("rejected", [])) == ("", [])
        hooks = (await world.kube.read(MUTATING, "", NEW.injector))["webhooks"]
        assert all(hook["clientConfig"]["caBundle"] for hook in hooks)
        await mesh.request("abort")
        await mesh.until("back", lambda now: now.state is State.RETURNED)
        assert set().union(*(await mesh.revisions()).values()) == {OLD.name}
        after = await mesh.snapshot()
        assert {key: after[key] for key in before} == before
    assert load.tally.failures == 0
