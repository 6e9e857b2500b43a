"""From a push to the forge's answer: real git, real Envoy, a controller of its own process."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rollout.cli.lab import up as cli
from rollout.cli.lab.push import Checkout
from rollout.cli.lab.up import SOURCE
from rollout.lab.forge.faults import Fault, limited
from rollout.lab.forge.project import Project
from rollout.lab.kube.client import Kind, Object
from rollout.lab.load import Ask
from rollout.lab.programs.processes import Child
from rollout.lab.world import World
from tests.lab.journeys.harness import EVENT, ROLLOUT, until
from tests.lab.journeys.shop import Shop

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(300)]

SECRET = Kind("", "v1", "secrets", "Secret")
FILE = "deploy/shop.yaml"
MANIFEST = """\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {{name: shop, namespace: forged}}
spec:
  service: shop
  revision: {revision}      # the release
  workload: {{deployments: "shop-{{revision}}", drain: 1s}}
  strategy: {{canary: {{steps: [{{weight: 20, bake: 3s, timeBox: 15s}}], bakeAfterPromotion: 1s}}}}
  analysis:
    interval: 1s
    warmup: 1s
    metrics: [{{name: slo, successRate: {{min: 95%}}}}]
"""


def source(world: World) -> Object:
    """Polled once an hour, so that a webhook is the only way in which a push is heard of."""
    asked = {
        "forge": "github",
        "api": world.forge.github_url,
        "repository": "lab/shop",
        "secretRef": {"name": "forge"},
        "targetUrl": "https://rollout.example.com/{namespace}/{name}",
        "deployments": True,
        "onRejected": "revertPullRequest",
    }
    spec = {"url": world.git_url, "path": "deploy", "interval": "1h", "commitStatus": asked}
    return {"metadata": {"name": "git", "namespace": "forged"}, "spec": spec}


class Forged:
    """The world, somebody's checkout, and what the forge has by now."""

    def __init__(self, world: World, controller: Child) -> None:
        self.world = world
        self.controller = controller
        self.shop = Shop("forged")
        self.checkout = Checkout(world.git_url, world.kubeconfig.parent / "checkout")

    @property
    def project(self) -> Project:
        return self.world.forge.projects["lab/shop"]

    async def push(self, revision: str) -> str:
        return await self.checkout.push(FILE, MANIFEST.format(revision=revision), revision)

    def states(self, commit: str) -> list[str]:
        return [one["state"] for one in self.project.statuses if one["sha"] == commit]

    def deployed(self, commit: str) -> list[str]:
        mine = [one for one in self.project.deployments if one["sha"] == commit]
        return [status["state"] for one in mine for status in one["_statuses"]]

    async def comes(self, commit: str, state: str) -> None:
        async def so() -> bool:
            return self.states(commit)[-1:] == [state]

        await until(f"{state} of {commit[:8]}", so, 60)

    async def is_deployed(self, commit: str, state: str) -> None:
        async def so() -> bool:
            return self.deployed(commit)[-1:] == [state]

        await until(f"a deployment {state} of {commit[:8]}", so, 60)

    async def remembers(self) -> bool:
        """Whether the source's status names a pull request."""
        found = await self.world.kube.read(SOURCE, "forged", "git")
        forge = (found.get("status") or {}).get("forge") or {}
        return any(one.get("pullRequest") for one in forge.get("reported") or ())

    async def no_secret_is_told(self) -> None:
        """SEC-15: no token and no webhook's secret in a log line, an object, an Event, a forge."""
        world = self.world
        told = [(world.kubeconfig.parent / "controller.log").read_text(errors="replace")]
        told += [str((await world.kube.list(kind))[0]) for kind in (ROLLOUT, EVENT, SOURCE)]
        told.append(str([self.project.statuses, self.project.pulls, world.forge.deliveries]))
        secrets = [world.forge.token, *(hook.secret for hook in world.forge.hooks)]
        assert [one for one in secrets if any(one in text for text in told)] == []


@asynccontextmanager
async def forged() -> AsyncIterator[Forged]:
    async with cli.world() as (world, controller):
        assert controller is not None
        made = Forged(world, controller)
        bad = made.shop.deployment("v3", error_rate="0.5")
        await world.apply(*made.shop.by_role("v2"), bad)
        for name in ("shop-v1", "shop-v2", "shop-v3"):
            await world.settled("forged", name)
        token = base64.b64encode(world.forge.token.encode()).decode()
        metadata = {"name": "forge", "namespace": "forged"}
        await world.kube.create(SECRET, {"metadata": metadata, "data": {"token": token}})
        yield made


async def test_a_push_is_heard_shown_and_proposed_to_be_taken_back() -> None:
    async with forged() as told:
        world = told.world
        first = await told.push("v1")
        await world.kube.create(SOURCE, source(world))
        await told.comes(first, "success")
        async with world.load(60, Ask(host=told.shop.host)):
            good = await told.push("v2")
            await told.comes(good, "success")
            assert told.states(good)[0] == "pending"
            assert told.states(good).count("success") == 1
            assert told.deployed(good)[0] == "in_progress"
            await told.is_deployed(first, "inactive")
            bad = await told.push("v3")
            await told.comes(bad, "failure")

            async def proposed() -> bool:
                return bool(told.project.pulls)

            await until("a pull request", proposed, 60)
        (pull,) = told.project.pulls
        assert pull["title"] == "forged/shop: take v3 back to v2"
        assert "slo" in pull["body"]
        await told.is_deployed(bad, "failure")
        shown = [one for one in told.project.statuses if one["sha"] == bad][-1]
        assert shown["context"] == "rollout/forged/shop"
        assert shown["target_url"] == "https://rollout.example.com/forged/shop"
        assert "v3 was rejected: slo: canary" in shown["description"]
        merged = told.project.merge(pull)
        assert told.project.file(FILE, merged)[1].decode() == MANIFEST.format(revision="v2")
        await world.forge.pushed("lab/shop", bad)
        await told.comes(_last(told.project, merged), "success")
        assert {one.status for one in world.forge.deliveries[1:]} == {202}
        await told.no_secret_is_told()


def _last(project: Project, merged: str) -> str:
    """The commit that changed the file: a merge's second parent, as git log shows it."""
    parents = project.commit(merged).parent_ids
    return str(parents[1])


async def test_killed_on_the_way_and_with_a_forge_that_fails_there_is_one_of_each() -> None:
    async with forged() as told:
        world, controller = told.world, told.controller
        first = await told.push("v1")
        await world.kube.create(SOURCE, source(world))
        await told.comes(first, "success")
        await told.is_deployed(first, "success")  # after it, and the faults below are not for it
        for fault in (
            Fault("POST", "/statuses/", status=502, done=True),
            Fault("POST", "/deployments", cut=True, done=True),
            limited(1),
            Fault("POST", "/pulls", status=500, done=True),
        ):
            world.forge.faults.tell(fault)
        async with world.load(60, Ask(host=told.shop.host)):
            bad = await told.push("v3")
            for _ in range(4):
                await asyncio.sleep(2.5)
                os.kill(controller.pid, signal.SIGKILL)
                await controller.stop()
                controller = await cli.start_controller(world)
            try:
                await told.comes(bad, "failure")
                await until("the pull request is remembered", told.remembers, 90)
            finally:
                await controller.stop()
        assert told.states(bad).count("failure") == 1
        assert [one["sha"] for one in told.project.deployments] == [first, bad]
        assert len(told.project.pulls) == 1
