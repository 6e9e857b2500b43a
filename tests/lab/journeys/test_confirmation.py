"""How the status says that the proxies have the route: in three ways, on a real Envoy."""

import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rollout.cli.lab import up as cli
from rollout.lab.programs import processes
from rollout.model.status import ConfirmedBy
from tests.lab.journeys.harness import QUIET, Journey, Lab, within
from tests.lab.journeys.shop import Shop, asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

STEPS = canary(asked(weight=20), asked(weight=50))


async def test_istiod_is_asked_where_it_answers(journey: Journey) -> None:
    await journey.begin(*journey.shop.by_role("v2"), strategy=STEPS)
    await journey.push("v2")
    assert (await journey.at_step(0)).stage.confirmed_by is ConfirmedBy.SYNCZ


@pytest_asyncio.fixture(loop_scope="session")
async def blind() -> AsyncIterator[Journey]:
    """A world whose controller knows no istiod."""
    async with cli.world(controller=False) as (world, _):
        command = (
            *(sys.executable, "-m", "rollout", "--kubeconfig", world.kubeconfig, "run"),
            *("--prometheus", world.prometheus_url, "--policy"),
            cli.local_policy(world.kubeconfig.parent),
        )
        log = world.kubeconfig.parent / "controller.log"
        child = await processes.start("controller", command, log=log)
        try:
            yield Journey(Lab(world, child), Shop("blind"))
        finally:
            await child.stop()


@pytest.mark.timeout(180)
async def test_else_requests_tell_by_their_shares_and_without_any_time_does(
    blind: Journey,
) -> None:
    """The very wait is the proof that nobody else was asked: 15 s at least without requests."""
    analysis = {**QUIET, "interval": "2s"}
    await blind.begin(*blind.shop.by_role("v2"), strategy=STEPS, analysis=analysis)
    async with blind.load(250):
        await blind.push("v2")
        seen = await blind.at_step(0, 60)
        assert seen.stage.confirmed_by is ConfirmedBy.SHARE
    assert within(await blind.visit(1000), "v2", 0.2)
    await blind.ask("approve")
    quiet = await blind.at_step(1, 60)
    assert quiet.stage.confirmed_by is ConfirmedBy.FLOOR
    assert quiet.stage.asked_at is not None
    assert quiet.stage.confirmed_at is not None
    assert (quiet.stage.confirmed_at - quiet.stage.asked_at).total_seconds() >= 15
