import asyncio

from rollout.controller.lanes import PATIENCE, TELLING, THINKING, Lanes
from tests import virtual


async def test_a_thousand_looks_at_one_instant_think_a_few_between_two_turns() -> None:
    lanes, turns, thoughts = Lanes(), 0, list[int]()

    async def look() -> None:
        async with lanes.thinking():
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
