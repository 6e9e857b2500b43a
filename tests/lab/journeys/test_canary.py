"""Canary steps on a real Envoy: shares, cohorts, promotion and the ways back."""

import pytest

from tests.lab.journeys.harness import Journey, within
from tests.lab.journeys.shop import asked, canary

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="session")]


async def test_each_step_sends_its_share_and_the_last_everyone(journey: Journey) -> None:
    steps = canary(asked(weight=5), asked(weight=20), asked(weight=40))
    await journey.begin(*journey.shop.by_role("v2"), strategy=steps)
    before = await journey.mesh()
    await journey.push("v2")
    for index, share in enumerate((0.05, 0.20, 0.40)):
        await journey.at_step(index)
        tally = await journey.visit(1500)
        print(f"step {index}: {tally.share('v2'):.4f} asked {share}")
        assert tally.failures == 0
        assert within(tally, "v2", share)
        await journey.ask("approve")
    await journey.promoted("v2")
    assert (await journey.visit(200)).versions == {"v2": 200}
    after = await journey.mesh()
    print(after, before)
