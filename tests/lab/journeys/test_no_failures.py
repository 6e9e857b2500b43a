"""Not one request fails because of a good release: the short form of ``make soak``."""

import pytest

from tests.lab.journeys import soak
from tests.lab.journeys.harness import Journey

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]


async def test_templates_come_and_go_without_a_failed_request(journey: Journey) -> None:
    found = await soak.templates(journey, 2, 200)
    print(found)
    assert (found.journeys, found.tally.failures) == (2, 0)


async def test_deployments_scaled_to_and_fro_lose_no_request(journey: Journey) -> None:
    found = await soak.managed(journey, 2, 200)
    print(found)
    assert (found.journeys, found.tally.failures) == (2, 0)
