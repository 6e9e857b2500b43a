import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from rollout.controller.leader import BELIEF, LEASE, NAME, RENEW, Leader
from rollout.controller.ports import Json
from rollout.errors import OutsideError, RefusedError
from tests import virtual
from tests.controller.shop import JOURNEY, NAMESPACE, Shop, a_rollout
from tests.fakes import FakeKube

SPACE = "rollout-system"


def holder(kube: FakeKube) -> str:
    lease = kube.get("Lease", SPACE, NAME)
    return str(lease and lease["spec"]["holderIdentity"])


def replica(kube: FakeKube, name: str, told: list[bool] | None = None) -> Leader:
    heard = told if told is not None else []
    return Leader(kube, SPACE, name, virtual.clock, heard.append)


def test_the_first_to_come_leads_and_the_second_waits() -> None:
    async def story() -> None:
        kube = FakeKube()
        told: list[bool] = []
        first, second = replica(kube, "a", told), replica(kube, "b")
        tasks = [asyncio.create_task(one.run()) for one in (first, second)]
        await asyncio.sleep(60)
        assert (first.leading, second.leading, holder(kube), told) == (True, False, "a", [True])
        await _end(*tasks)

    virtual.run(story())


def test_a_dead_leader_is_followed_within_ten_seconds() -> None:
    async def story() -> None:
        kube = FakeKube()
        first, second = replica(kube, "a"), replica(kube, "b")
        tasks = [asyncio.create_task(one.run()) for one in (first, second)]
        await asyncio.sleep(60)
        await _end(tasks[0])
        began = asyncio.get_running_loop().time()
        while not second.leading:
            await asyncio.sleep(0.1)
        assert asyncio.get_running_loop().time() - began <= 10
        assert kube.get("Lease", SPACE, NAME)["spec"]["leaseTransitions"] == 1  # type: ignore[index]
        await _end(tasks[1])

    virtual.run(story())


def test_a_leader_that_goes_in_order_is_followed_at_once() -> None:
    async def story() -> None:
        kube = FakeKube()
        first, second = replica(kube, "a"), replica(kube, "b")
        tasks = [asyncio.create_task(one.run()) for one in (first, second)]
        await asyncio.sleep(60)
        await _end(tasks[0])
        await first.release()
        await asyncio.sleep(1.5)
        assert second.leading
        await _end(tasks[1])

    virtual.run(story())


def test_a_leader_that_cannot_renew_stops_before_anybody_may_follow() -> None:
    async def story() -> None:
        kube = FakeKube()
        leader = replica(kube, "a")
        task = asyncio.create_task(leader.run())
        await asyncio.sleep(60)

        def refuse(_: str) -> None:
            raise OutsideError("lease: no answer")

        kube.before = refuse
        await asyncio.sleep(BELIEF + 0.1)
        assert not leader.leading
        assert BELIEF + 1 < LEASE
        await _end(task)

    virtual.run(story())


def test_a_lease_that_was_slow_to_read_is_not_taken_from_its_living_holder() -> None:
    """One answer comes after 40 s, the next at once and before the holder has renewed again."""

    async def story() -> None:
        kube = SlowToRead()
        first, second = replica(kube, "a"), replica(kube, "b")
        tasks = [asyncio.create_task(first.run())]
        await asyncio.sleep(10.5)
        kube.waits = [40.0]
        tasks.append(asyncio.create_task(second.run()))
        await asyncio.sleep(100)
        lease = kube.get("Lease", SPACE, NAME)
        assert lease is not None
        assert (first.leading, second.leading) == (True, False)
        assert lease["spec"]["leaseTransitions"] == 0
        await _end(*tasks)

    virtual.run(story())


def test_a_lease_that_another_made_first_is_read_and_followed() -> None:
    """A 409 on create: whoever does not see the Lease in a cache must ask for it anew."""

    async def story() -> None:
        kube = FakeKube()
        first, second = replica(kube, "a"), replica(kube, "b")

        def made_meanwhile(write: str) -> None:
            kube.before = lambda _: None
            if write == f"create Lease {NAME}":
                kube.put(first._lease())

        kube.before = made_meanwhile
        task = asyncio.create_task(second.run())
        await asyncio.sleep(2.5)
        assert (second.leading, second.following, second.complaint) == (False, True, "")
        await asyncio.sleep(LEASE)
        assert (second.leading, holder(kube)) == (True, "b")
        await _end(task)

    virtual.run(story())


def test_a_leader_whose_lease_was_touched_or_deleted_goes_on() -> None:
    async def story() -> None:
        kube = FakeKube()
        told: list[bool] = []
        leader = replica(kube, "a", told)
        task = asyncio.create_task(leader.run())
        await asyncio.sleep(10)
        note = {"op": "add", "path": "/metadata/annotations", "value": {"by": "hand"}}
        await kube.patch("Lease", SPACE, NAME, [note])
        await asyncio.sleep(10)
        await kube.delete("Lease", SPACE, NAME)
        await asyncio.sleep(10)
        assert (leader.leading, holder(kube), told) == (True, "a", [True])
        await _end(task)

    virtual.run(story())


def test_a_lease_that_may_not_be_read_is_complained_of_once_and_nobody_leads(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        kube = Forbidden()
        leader = replica(kube, "a")
        task = asyncio.create_task(leader.run())
        await asyncio.sleep(30)
        assert (leader.leading, leader.following) == (False, False)
        assert leader.complaint == f"lease {SPACE}/{NAME}: 403 forbidden"
        kube.closed = False
        await asyncio.sleep(2)
        assert (leader.leading, leader.complaint) == (True, "")
        await _end(task)

    virtual.run(story())
    assert [record.message for record in caplog.records if record.message == "lease"] == ["lease"]


@dataclass
class Forbidden(FakeKube):
    """An API server on which Leases may not be read."""

    closed: bool = True

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        if self.closed:
            raise RefusedError(f"{kind.lower()} {namespace}/{name}: 403 forbidden")
        return await super().fetch(kind, namespace, name)


@dataclass
class SlowToRead(FakeKube):
    """An API server whose next answers to reads take so many seconds."""

    waits: list[float] = field(default_factory=list)

    async def fetch(self, kind: str, namespace: str, name: str) -> Json | None:
        if self.waits:
            await asyncio.sleep(self.waits.pop())
        return await super().fetch(kind, namespace, name)


@dataclass
class Late(FakeKube):
    """An API server whose answers to patches of ``slow`` take a while."""

    seconds: float = 0.0
    slow: str = "Lease"

    async def patch(
        self, kind: str, namespace: str, name: str, ops: Sequence[Json], subresource: str = ""
    ) -> Json:
        if kind == self.slow:
            await asyncio.sleep(self.seconds)
        return await super().patch(kind, namespace, name, ops, subresource)


def test_a_renewal_counts_from_when_it_was_asked_not_answered() -> None:
    async def story() -> None:
        kube = Late()
        leader = replica(kube, "a")
        task = asyncio.create_task(leader.run())
        await asyncio.sleep(1)
        kube.seconds = BELIEF + 1
        await asyncio.sleep(2 * BELIEF)
        assert not leader.leading
        await _end(task)

    virtual.run(story())


def test_whoever_may_not_act_for_a_moment_is_told_so_and_that_it_may_again() -> None:
    """A renewal that takes longer than the belief lasts, and then comes: between two tellings."""

    async def story() -> None:
        kube = Late()
        told: list[bool] = []
        leader = replica(kube, "a", told)
        task = asyncio.create_task(leader.run())
        await asyncio.sleep(RENEW - 0.5)
        kube.seconds = BELIEF - RENEW + 0.5
        await asyncio.sleep(BELIEF)
        assert (leader.leading, told) == (True, [True, False, True])
        await _end(task)

    virtual.run(story())


def test_a_journey_goes_on_though_each_renewal_of_the_lease_comes_a_moment_late() -> None:
    """The looks that fall into those moments do nothing, and are not lost."""

    async def story() -> None:
        shop = Shop(kube := Late())
        shop.kube.put(a_rollout())
        async with shop.controller(namespace=SPACE, identity="a"):
            await shop.until("Healthy")
            kube.seconds = BELIEF - RENEW - 0.1
            await shop.push("v2")
            await shop.comes(shop.rests_on_v2)

    virtual.run(story())


def test_two_controllers_of_which_each_thinks_it_leads_do_no_harm() -> None:
    """Argo Rollouts #2117: the losers of every race do nothing, and the journey ends well."""

    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(identity="a"), shop.controller(identity="b"):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(shop.rests_on_v2)
            await asyncio.sleep(60)
        assert shop.splits() == [*JOURNEY]
        events = [key for key in shop.kube.objects if key[0] == "Event"]
        assert len(events) == 6
        assert shop.weights() == {"stable": 100}

    virtual.run(story())


def test_a_controller_that_follows_writes_nothing() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(namespace=SPACE, identity="a"):
            await shop.until("Healthy")
            async with shop.controller(namespace=SPACE, identity="b"):
                await shop.push("v2")
                await shop.comes(shop.rests_on_v2)
        reporters = {
            obj["reportingInstance"] for key, obj in shop.kube.objects.items() if key[0] == "Event"
        }
        assert reporters == {"a"}

    virtual.run(story())


def test_a_follower_takes_a_journey_over_where_it_was_left() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(namespace=SPACE, identity="b"):
            async with shop.controller(namespace=SPACE, identity="a"):
                await shop.until("Healthy")
                await shop.push("v2")
                await shop.comes(lambda: shop.weights() == {"stable": 50, "canary": 50})
            await shop.comes(shop.rests_on_v2)
        assert shop.kube.get("VirtualService", NAMESPACE, "shop")
        assert shop.status()["attempt"]["number"] == 1

    virtual.run(story())


async def _end(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
