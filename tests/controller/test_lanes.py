import asyncio
from contextlib import AbstractAsyncContextManager

from rollout.controller.lanes import GIVEN_AGAIN, GIVES_WAY, PATIENCE, TELLING, THINKING, Lanes
from tests import virtual


async def test_a_thousand_looks_at_one_instant_think_a_few_between_two_turns() -> None:
    lanes, turns, thoughts = Lanes(), 0, list[int]()

    async def look() -> None:
        async with lanes.thinking(urgent=False):
            thoughts.append(turns)

    looks = [asyncio.create_task(look()) for _ in range(1000)]
    while not all(each.done() for each in looks):
        turns += 1
        await asyncio.sleep(0)
    assert max(thoughts.count(turn) for turn in set(thoughts)) <= THINKING


async def test_taking_weight_away_does_not_wait_for_other_writers() -> None:
    lanes = Lanes()
    async with asyncio.TaskGroup() as group:
        ordinary = [group.create_task(_writes(lanes)) for _ in range(1000)]
        await asyncio.sleep(0)
        async with asyncio.timeout(300), lanes.writing(urgent=True):
            pass
        for each in ordinary:
            each.cancel()


async def _writes(lanes: Lanes) -> None:
    async with lanes.writing(urgent=False):
        await asyncio.Event().wait()


def test_those_that_only_tell_leave_room_and_a_server_that_is_slow_keeps_none_for_long() -> None:
    async def story() -> None:
        lanes, began = Lanes(), list[float]()

        async def one() -> None:
            async with lanes.telling():
                began.append(virtual.passed())
                await asyncio.sleep(60)

        tasks = [asyncio.create_task(one()) for _ in range(20)]
        await asyncio.sleep(1)
        assert len(began) == TELLING
        async with lanes.writing(urgent=False):
            pass
        await asyncio.sleep(PATIENCE)
        assert len(began) == 20
        await asyncio.gather(*tasks)

    virtual.run(story())


def test_others_give_way_while_weight_is_taken_away_and_a_tenth_of_the_time_at_most() -> None:
    async def story() -> None:
        lanes = Lanes()

        async def waited(lane: AbstractAsyncContextManager[None]) -> float:
            began = virtual.passed()
            async with lane:
                return virtual.passed() - began

        async def beside(seconds: float) -> list[float]:
            """How long one that thinks, one that tells and one that is urgent wait meanwhile."""
            async with lanes.writing(urgent=True):
                ordinary = lanes.thinking(urgent=False), lanes.telling()
                others = [asyncio.create_task(waited(lane)) for lane in ordinary]
                others.append(asyncio.create_task(waited(lanes.thinking(urgent=True))))
                await asyncio.sleep(seconds)
            return [round(each, 3) for each in await asyncio.gather(*others)]

        short, long = GIVES_WAY / 2, GIVES_WAY * 2
        assert await beside(short) == [short, short, 0]
        await asyncio.sleep(short)
        assert await beside(short) == [0, 0, 0]
        await asyncio.sleep(GIVEN_AGAIN)
        assert await beside(long) == [GIVES_WAY, GIVES_WAY, 0]

    virtual.run(story())
