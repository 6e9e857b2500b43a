"""Replicas that share the namespaces by Leases: evenly, without a gap, never two at once."""

import asyncio
from collections import Counter

import pytest

from rollout.controller import rights
from rollout.controller.leader import BELIEF, LEASE, RENEW, RETRY, holder, wished
from rollout.errors import OutsideError
from tests import virtual
from tests.controller.replicas import SPACE, Fleet
from tests.controller.shop import JOURNEY, NAMESPACE, Shop, a_rollout

SETTLED = 30.0  # seconds in which replicas share what there is, many times over


@pytest.mark.parametrize(
    ("count", "replicas", "shares"),
    [(1, 2, [0, 1]), (2, 2, [1, 1]), (5, 2, [2, 3]), (4, 3, [1, 1, 2]), (8, 3, [2, 3, 3])],
)
def test_replicas_hold_as_many_leases_each_to_within_one(
    count: int, replicas: int, shares: list[int]
) -> None:
    async def story() -> None:
        fleet = Fleet()
        fleet.start(*(f"r{n}" for n in range(replicas)), count=count)
        most = await fleet.watched(SETTLED, count)
        assert (fleet.held(), most) == (shares, 1)
        assert await fleet.led(count) == 0
        await fleet.stop()

    virtual.run(story())


def test_a_replica_that_comes_later_is_given_its_share_and_nobody_acts_twice_meanwhile() -> None:
    async def story() -> None:
        fleet = Fleet()
        fleet.start("a", count=4)
        assert await fleet.watched(SETTLED, 4) == 1
        assert fleet.held() == [4]
        fleet.start("b", "c", count=4)
        assert await fleet.watched(SETTLED, 4) == 1
        assert fleet.held() == [1, 1, 2]
        await fleet.stop()

    virtual.run(story())


def test_a_share_is_given_soon_whenever_the_replica_came() -> None:
    """Renewals and wishes have one period: one that always came between would never be heard."""

    async def came(after: float) -> float:
        fleet = Fleet()
        fleet.start("a", count=2)
        await asyncio.sleep(SETTLED + after)
        fleet.start("b", count=2)
        began = virtual.passed()
        while fleet.held() != [1, 1]:
            await asyncio.sleep(0.05)
        await fleet.stop()
        return virtual.passed() - began

    assert max(virtual.run(came(step / 20)) for step in range(int(RENEW * 20) + 1)) <= 5 * RENEW


def test_once_all_is_even_nobody_wishes_for_more() -> None:
    async def story() -> None:
        fleet = Fleet()
        fleet.start("a", "b", count=3)
        await asyncio.sleep(SETTLED)
        told = len(fleet.told)
        await asyncio.sleep(10 * SETTLED)
        leases = [fleet.kube.get("Lease", SPACE, name) for name in rights.leases(3)]
        assert [lease and wished(lease) for lease in leases] == ["", "", ""]
        assert len(fleet.told) == told
        await fleet.stop()

    virtual.run(story())


def test_the_shards_of_a_dead_replica_are_led_within_ten_seconds_whenever_it_died() -> None:
    async def died(after: float) -> float:
        fleet = Fleet()
        fleet.start("a", "b", count=4)
        await asyncio.sleep(SETTLED + after)
        await fleet.kill("a")
        seconds = await fleet.led(4)
        assert fleet.held() == [4]
        await fleet.stop()
        return seconds

    waits = [virtual.run(died(step / 10)) for step in range(int(RENEW * 10) + 1)]
    assert max(waits) <= LEASE + RETRY + 0.2 < 10


def test_the_shards_of_a_replica_that_ends_are_led_within_two_seconds() -> None:
    async def ended(after: float) -> float:
        fleet = Fleet()
        fleet.start("a", "b", count=4)
        await asyncio.sleep(SETTLED + after)
        await fleet.end("a")
        seconds = await fleet.led(4)
        await fleet.stop()
        return seconds

    assert max(virtual.run(ended(step / 10)) for step in range(int(RENEW * 10) + 1)) <= 1.2


def test_a_replica_that_is_cut_off_stops_before_another_begins() -> None:
    async def story() -> None:
        fleet = Fleet()
        fleet.start("a", "b", count=2)
        await asyncio.sleep(SETTLED)
        fleet.wires["a"].cut = True
        assert await fleet.watched(SETTLED, 2) == 1
        assert (fleet.replicas["a"].held, fleet.replicas["b"].held) == (0, 2)
        fleet.wires["a"].cut = False
        assert await fleet.watched(SETTLED, 2) == 1
        assert fleet.held() == [1, 1]
        await fleet.stop()

    virtual.run(story())


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (2, 3), (5, 2), (8, 3)])
def test_another_number_of_shards_is_taken_over_as_the_old_replicas_end(
    before: int, after: int
) -> None:
    """Two act for a namespace at most until the old ones' next renewal; in the end none is left."""

    async def story() -> None:
        fleet = Fleet()
        fleet.start("a", "b", count=before)
        await asyncio.sleep(SETTLED)
        fleet.start("c", count=after)
        await asyncio.sleep(SETTLED)
        assert fleet.replicas["c"].held == 0
        assert fleet.replicas["c"].leaderless() == ""
        await fleet.end("a")
        fleet.start("d", count=after)
        await asyncio.sleep(2 * RENEW)
        acting = {name for n in range(50) for name in fleet.leaders(f"team-{n}")}
        assert acting in ({"b"}, {"c", "d"}, {"c"}, {"d"})
        await fleet.end("b")
        assert await fleet.led(after) <= LEASE + RETRY + 0.2
        assert await fleet.watched(SETTLED, after) == 1
        assert fleet.held() == sorted([after // 2, after - after // 2])
        await fleet.stop()

    virtual.run(story())


def test_a_wish_is_no_sign_of_life_of_a_dead_holder() -> None:
    async def story() -> None:
        fleet = Fleet()
        fleet.start("a", count=2)
        await asyncio.sleep(SETTLED)
        fleet.start("b", count=2)
        await asyncio.sleep(0.5)
        await fleet.kill("a")
        assert await fleet.led(2) <= LEASE + RETRY + 0.2
        await fleet.stop()

    virtual.run(story())


def test_a_lease_of_another_number_says_so_and_an_old_one_without_a_word_means_one() -> None:
    async def story() -> None:
        fleet = Fleet()
        fleet.kube.put(
            {
                "kind": "Lease",
                "metadata": {"name": rights.LEASE, "namespace": SPACE},
                "spec": {"holderIdentity": "of a release before", "leaseTransitions": 4},
            }
        )
        fleet.start("a", count=2)
        await asyncio.sleep(LEASE - 1)
        assert (fleet.held(), fleet.kube.get("Lease", SPACE, f"{rights.LEASE}-1")) == ([0], None)
        await asyncio.sleep(2 * RETRY + 1)
        assert fleet.held() == [2]
        await fleet.stop()

    virtual.run(story())


def test_a_journey_goes_on_at_its_step_while_its_shard_goes_from_hand_to_hand() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with shop.controller(namespace=SPACE, identity="a", shards=2) as first:
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(lambda: shop.weights() == {"stable": 95, "canary": 5})
            async with shop.controller(namespace=SPACE, identity="b", shards=2) as second:
                while first.holds(1) == second.holds(1) or not second.leading:
                    await asyncio.sleep(0.1)
                await shop.comes(lambda: shop.weights() == {"stable": 50, "canary": 50})
            await shop.comes(shop.rests_on_v2)
            assert (first.holds(0), first.holds(1)) == (True, True)
        assert shop.status()["attempt"]["number"] == 1
        assert shop.splits() == [*JOURNEY]

    virtual.run(story())


def test_two_numbers_of_shards_that_act_at_once_do_no_harm() -> None:
    """Each thinks that the namespace is its own, all the time; the losers of a race do nothing."""

    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with (
            shop.controller(namespace=SPACE, identity="a", shards=2),
            shop.controller(namespace=f"{SPACE}-too", identity="b", shards=3),
        ):
            await shop.until("Healthy")
            await shop.push("v2")
            await shop.comes(shop.rests_on_v2)
            await asyncio.sleep(60)
        assert shop.splits() == [*JOURNEY]
        assert shop.weights() == {"stable": 100}

    virtual.run(story())


def test_a_replica_looks_at_what_its_shards_have_and_at_nothing_else() -> None:
    async def story() -> None:
        shop = Shop()
        shop.kube.put(a_rollout())
        async with (
            shop.controller(namespace=SPACE, identity="a", shards=2) as first,
            shop.controller(namespace=SPACE, identity="b", shards=2) as second,
        ):
            await shop.until("Healthy")
            await asyncio.sleep(SETTLED)
            await shop.push("v2")
            await shop.comes(shop.rests_on_v2)
            mine, other = (first, second) if first.leads(NAMESPACE) else (second, first)
            assert [mine.leads(NAMESPACE), other.leads(NAMESPACE)] == [True, False]
            key = f"{NAMESPACE}/shop"
            assert (mine.newest(key) is not None, other.newest(key)) == (True, None)
            text = other.metrics_text()
            led = [f'rollout_shard_leader{{shard="{n}"}} {float(other.holds(n))}' for n in (0, 1)]
            for line in ("rollout_leader 1.0", "rollout_shards 2.0", *led):
                assert line in text.splitlines()
            assert mine.readiness() == other.readiness() == ""

    virtual.run(story())


def test_a_shard_that_nobody_may_hold_is_no_readiness() -> None:
    async def story() -> None:
        shop = Shop()

        def refuse(write: str) -> None:
            if f"{rights.LEASE}-1" in write:
                raise OutsideError("lease: no answer")

        shop.kube.before = refuse
        async with shop.controller(namespace=SPACE, identity="a", shards=2) as controller:
            await asyncio.sleep(SETTLED)
            why = f"no replica holds {rights.LEASE}-1: lease: no answer"
            assert controller.readiness() == why
            shop.kube.before = lambda _: None
            await asyncio.sleep(2 * RETRY)
            assert controller.readiness() == ""
            leases = [shop.kube.get("Lease", SPACE, name) for name in rights.leases(2)]
            assert Counter(holder(one) for one in leases if one) == {"a": 2}
            assert BELIEF + RENEW < LEASE

    virtual.run(story())
