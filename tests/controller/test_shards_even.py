"""Whatever became of the replicas: once they are left alone, they share the Leases evenly.

No rule of sharing may wait for a moment that may never come, as one without a renewal.
"""

import asyncio
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.controller import rights
from rollout.controller.leader import BELIEF, LEASE, RENEW, holder, wished
from tests import virtual
from tests.controller.replicas import SPACE, Fleet, space

SLOW = 1.9  # seconds of the slowest request that a holder survives: two fit between belief's ends
SOON = 15.0  # seconds in which each of a replica's Leases comes to it, whatever was before
QUIET = 60.0


@dataclass(frozen=True, slots=True)
class Mishap:
    """What becomes of which replica, ``after`` so many seconds, and for how long."""

    what: str
    which: int
    after: float
    lasts: float


@dataclass(frozen=True, slots=True)
class World:
    """``waits``: the least and the most seconds that half a request of a replica takes."""

    shards: int
    waits: tuple[tuple[float, float], ...]
    mishaps: tuple[Mishap, ...]
    seed: int


HALF = st.floats(0.0, SLOW / 2).map(lambda seconds: round(seconds, 2))
WAITS = st.tuples(HALF, HALF).map(lambda pair: (min(pair), max(pair)))
SECONDS = st.floats(0.0, 12.0).map(lambda seconds: round(seconds, 1))
MISHAPS = st.builds(
    Mishap, st.sampled_from(["kill", "end", "stop", "cut"]), st.integers(0, 3), SECONDS, SECONDS
)
WORLDS = st.builds(
    World,
    st.integers(2, rights.MOST_SHARDS),
    st.lists(WAITS, min_size=2, max_size=4).map(tuple),
    st.lists(MISHAPS, max_size=8).map(tuple),
    st.integers(0, 9),
)


async def _replica(fleet: Fleet, world: World, place: int, mine: list[Mishap]) -> None:
    """One replica through its mishaps; begun again under another name whenever it ended."""
    draw = random.Random(world.seed * 10 + place)
    number = 0

    def begun() -> str:
        name = f"r{place}-{number}"
        fleet.start(name, count=world.shards, waits=world.waits[place], drawn=draw)
        return name

    name = begun()
    for mishap in mine:
        await asyncio.sleep(mishap.after)
        wire = fleet.wires[name]
        match mishap.what:
            case "kill" | "end":
                await (fleet.kill(name) if mishap.what == "kill" else fleet.end(name))
                await asyncio.sleep(mishap.lasts)
                number += 1
                name = begun()
            case "stop":
                wire.at_work.clear()
                await asyncio.sleep(mishap.lasts)
                wire.at_work.set()
            case _:
                wire.cut = True
                await asyncio.sleep(mishap.lasts)
                wire.cut = False


async def _left_alone(world: World) -> None:
    fleet, replicas = Fleet(), len(world.waits)
    ways: list[list[Mishap]] = [[] for _ in range(replicas)]
    for mishap in world.mishaps:
        ways[mishap.which % replicas].append(mishap)
    async with asyncio.TaskGroup() as struck:
        for place, mine in enumerate(ways):
            struck.create_task(_replica(fleet, world, place, mine))
        watch = struck.create_task(_never_two(fleet, world.shards))
        await asyncio.sleep(sum(one.after + one.lasts for one in world.mishaps) + 10)
        for _ in range(world.shards):
            await asyncio.sleep(SOON)
        watch.cancel()
    least, more = divmod(world.shards, replicas)
    even = sorted([least] * (replicas - more) + [least + 1] * more)
    told = len(fleet.told)
    assert fleet.held() == even
    await asyncio.sleep(QUIET)
    assert (fleet.held(), len(fleet.told) - told) == (even, 0)
    leases = [fleet.kube.get("Lease", SPACE, name) for name in rights.leases(world.shards)]
    assert [lease and wished(lease) for lease in leases] == [""] * world.shards
    assert {holder(lease) for lease in leases if lease} <= {*fleet.replicas}
    await fleet.stop()


async def _never_two(fleet: Fleet, count: int) -> None:
    spaces = [space(place, count) for place in range(count)]
    while True:
        assert all(len(fleet.leaders(one)) <= 1 for one in spaces)
        await asyncio.sleep(0.1)


@settings(max_examples=30)
@given(WORLDS)
def test_replicas_that_are_left_alone_share_evenly_whatever_they_went_through(
    world: World,
) -> None:
    virtual.run(_left_alone(world))


@pytest.mark.parametrize("half", [0.1, 0.5, 0.75, SLOW / 2])
def test_a_share_comes_however_long_requests_take_and_whenever_the_replica_came(
    half: float,
) -> None:
    """A wish that had to be written between two renewals never was, at 2 s a request."""

    async def came(after: float) -> float:
        fleet = Fleet()
        fleet.start("a", count=2, waits=(half, half))
        await asyncio.sleep(QUIET + after)
        fleet.start("b", count=2, waits=(half, half))
        began = virtual.passed()
        while fleet.held() != [1, 1]:
            await asyncio.sleep(0.1)
        await fleet.stop()
        return virtual.passed() - began

    assert max(virtual.run(came(step / 5)) for step in range(int(RENEW * 5))) <= SOON


def test_a_request_that_is_never_answered_delays_who_follows_by_as_long_as_it_is_of_use() -> None:
    """A connection that died without a word: half a minute went by until it was given up."""

    async def story() -> None:
        fleet = Fleet()
        fleet.start("a", "b", count=2)
        await asyncio.sleep(QUIET)
        heir = fleet.wires["b"]
        heir.waits = (1000.0, 1000.0)
        await asyncio.sleep(1.0)
        heir.waits = (0.005, 0.005)
        await fleet.kill("a")
        assert await fleet.led(2) <= LEASE + BELIEF
        await fleet.stop()

    virtual.run(story())
