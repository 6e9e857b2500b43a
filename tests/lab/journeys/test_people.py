"""People on a real journey: real Envoy, a controller of its own process, and Slack's stand-in."""

import os
import signal
from typing import Any

import pytest

from rollout.cli.lab import up as cli
from rollout.lab.slack.workspace import BOT_USER, Channel, Message
from tests.lab.journeys.harness import EVENT, QUIET, ROLLOUT, Journey, Lab, until
from tests.lab.journeys.shop import Shop, canary

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ANN, EVE = "U0LABANN1", "U0LABEVE1"


def asking() -> dict[str, Any]:
    """A step at 20 % that people must let pass."""
    approval = {"slack": "C0LABREL1", "approvers": ["S0LABOPS1"], "expires": "10m"}
    return {"weight": 20, "bake": "0s", "approval": approval}


def room(journey: Journey) -> Channel:
    return journey.world.slack.space.channels["C0LABREL1"]


def message(journey: Journey) -> Message | None:
    """The newest of this journey's rollout; none before it was posted."""
    name = journey.shop.namespace + "/"
    mine = [one for one in room(journey).tops() if one.user == BOT_USER and name in one.text]
    return mine[0] if mine else None


async def asked(journey: Journey) -> Message:
    async def so() -> bool:
        found = message(journey)
        return found is not None and "approve" in str(found.blocks)

    await until("a message that asks", so)
    found = message(journey)
    assert found is not None
    return found


async def press(journey: Journey, user: str, action: str) -> None:
    found = await asked(journey)
    await journey.world.slack.press(user, "C0LABREL1", found.ts, action)


def says(journey: Journey, words: str) -> Any:
    async def so() -> bool:
        found = message(journey)
        return found is not None and words in found.text

    return until(f"a message that says {words}", so)


async def begun(journey: Journey) -> None:
    await journey.begin(*journey.shop.by_role("v2"), strategy=canary(asking()), analysis=QUIET)
    await journey.push("v2")


@pytest.mark.short
async def test_the_wrong_person_is_told_so_and_the_right_one_promotes(journey: Journey) -> None:
    await begun(journey)
    await press(journey, EVE, "approve")

    async def refused() -> bool:
        return any(one.user == EVE for one in journey.world.slack.space.whispers)

    await until("a word to eve", refused)
    await press(journey, ANN, "approve")
    await says(journey, "Promoted")
    assert journey.world.slack.unheard == []
    await no_secret_is_told(journey)


async def test_a_reject_with_its_reason_takes_everyone_back(journey: Journey) -> None:
    await begun(journey)
    await press(journey, ANN, "reject")
    slack = journey.world.slack

    async def opened() -> bool:
        return bool(slack.space.views)

    await until("a modal", opened)
    await slack.submit(next(iter(slack.space.views)), reason="too slow")
    await says(journey, "Rolled back")
    status = await journey.status()
    assert status.rejected is not None
    assert status.rejected.because == f"rejected by slack:{ANN}: too slow"


@pytest.mark.timeout(180)
async def test_while_slack_is_down_the_rollout_holds_and_says_so_and_then_goes_on(
    journey: Journey,
) -> None:
    slack = journey.world.slack
    await slack.stop()
    try:
        await begun(journey)
        await journey.until("told", lambda s: "slack: no answer" in s.because, 90)
        assert (await journey.status()).stage.split.canary == 20
    finally:
        await slack.start()
    await says(journey, "waiting for approval: 0 of 1")
    await slack.connected()
    await press(journey, ANN, "approve")
    await says(journey, "Promoted")


async def no_secret_is_told(journey: Journey) -> None:
    """S25, SEC-15: neither token is in a log line, an object, an Event or a message."""
    world, tokens = journey.world, journey.world.slack.tokens
    told = [(world.kubeconfig.parent / "controller.log").read_text(errors="replace")]
    told += [str((await world.kube.list(kind))[0]) for kind in (ROLLOUT, EVENT)]
    told.append(str(world.slack.space))
    assert [token for token in (tokens.bot, tokens.app) if any(token in one for one in told)] == []


async def test_killed_while_people_think_there_is_one_message_and_a_press_still_counts() -> None:
    async with cli.world() as (world, controller):
        assert controller is not None
        journey = Journey(Lab(world, controller), Shop("killed"))
        await begun(journey)
        await asked(journey)
        os.kill(controller.pid, signal.SIGKILL)
        await controller.stop()
        again = await cli.start_controller(world)
        try:
            await world.slack.connected()
            await press(journey, ANN, "approve")
            await says(journey, "Promoted")
        finally:
            await again.stop()
        assert len([one for one in room(journey).tops() if "killed/" in one.text]) == 1
