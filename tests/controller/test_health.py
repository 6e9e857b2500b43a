"""Ready means: leads or follows a living leader, and sees what every Rollout needs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rollout.controller.app import Controller
from rollout.controller.health import ASKED, LASTING
from rollout.errors import RefusedError
from tests import virtual
from tests.controller.shop import Shop, a_rollout

SPACE = "rollout-system"
Story = Callable[[Shop, Controller], Awaitable[None]]


def play(story: Story, **settings: str) -> None:
    async def whole() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(**settings) as controller:
            await asyncio.sleep(3)
            await story(shop, controller)

    virtual.run(whole())


def test_a_leader_that_sees_everything_is_ready_and_has_nothing_to_note() -> None:
    async def story(_: Shop, controller: Controller) -> None:
        assert (controller.health(), controller.readiness(), controller.notes()) == ("", "", ())

    play(story, namespace=SPACE, identity="a")


def test_a_follower_of_a_living_leader_is_ready() -> None:
    async def story(shop: Shop, leader: Controller) -> None:
        async with shop.controller(namespace=SPACE, identity="b") as follower:
            await asyncio.sleep(3)
            assert (leader.leading, follower.leading, follower.readiness()) == (True, False, "")

    play(story, namespace=SPACE, identity="a")


def test_nobody_is_ready_where_nobody_leads() -> None:
    async def story(shop: Shop, controller: Controller) -> None:
        def refuse(write: str) -> None:
            if "Lease" in write:
                raise RefusedError("lease: 403 forbidden")

        shop.kube.before = refuse
        await asyncio.sleep(30)
        assert controller.readiness() == "no replica leads: lease: 403 forbidden"
        assert controller.health() == ""
        shop.kube.before = lambda _: None

    play(story, namespace=SPACE, identity="a")


def test_a_kind_that_every_rollout_needs_and_nobody_shows_is_no_readiness() -> None:
    async def story(shop: Shop, controller: Controller) -> None:
        shop.kube.hidden["Pod"] = "pod: 403 cannot list"
        assert controller.readiness() == "pod: 403 cannot list"

    play(story)


def test_a_kind_that_only_some_need_is_noted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "rollout")

    async def story(shop: Shop, controller: Controller) -> None:
        shop.kube.hidden["Gateway"] = "gateway: 403 cannot list"
        await asyncio.sleep(LASTING + 60)
        assert (controller.readiness(), controller.notes()) == ("", ("gateway: 403 cannot list",))
        del shop.kube.hidden["Gateway"]
        await asyncio.sleep(2)
        assert controller.notes() == ()

    play(story)
    told = [vars(one)["fields"] for one in caplog.records if one.message == "watch"]
    assert told == [
        {"kind": "Gateway", "error": "gateway: 403 cannot list"},
        {"kind": "Gateway", "because": "it is seen again"},
    ]


def test_a_right_that_is_missing_is_named_with_what_it_is_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "rollout")
    optional = "may not create Event: Events"
    needed = "may not patch Rollout/status: every Rollout"

    async def story(shop: Shop, controller: Controller) -> None:
        shop.kube.forbidden.add(("create", "Event", ""))
        await asyncio.sleep(ASKED)
        assert (controller.readiness(), controller.notes()) == ("", (optional,))
        shop.kube.forbidden.add(("patch", "Rollout", "status"))
        await asyncio.sleep(ASKED)
        assert (controller.readiness(), controller.notes()) == (needed, (optional,))
        shop.kube.forbidden.clear()
        await asyncio.sleep(ASKED)
        assert (controller.readiness(), controller.notes()) == ("", ())

    play(story)
    told = [
        (one.message, vars(one)["fields"]["because"])
        for one in caplog.records
        if "right" in one.message
    ]
    assert told == [
        ("right missing", optional),
        ("right missing", needed),
        ("right no longer missing", optional),
        ("right no longer missing", needed),
    ]
