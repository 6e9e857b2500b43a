"""What the lab's visitors cost: ``python -m benchmarks.visitors [--rate 200] [--seconds 10]``.

Prints the lab's share of one core (visitors, its API server and control plane; Envoy and the shop
are other processes) beside that of the same program with no visitor at all.
"""

import argparse
import asyncio
import time

from rollout.lab import sample
from rollout.lab.load import Ask
from rollout.lab.world import World


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=10)
    given = parser.parse_args()
    asyncio.run(_measured(given.rate, given.seconds))


async def _measured(rate: int, seconds: int) -> None:
    async with World() as world:
        await world.apply(*sample.shop(v1=90, v2=10))
        await world.serving(sample.HOST)
        idle = await _share(seconds)
        async with world.load(rate, Ask(host=sample.HOST)) as load:
            await asyncio.sleep(1)
            load.take()
            busy = await _share(seconds)
            tally = load.take()
    print(f"{tally.requests / seconds:.0f} requests a second, {tally.failures} failed")
    print(f"{busy:.1%} of a core with them, {idle:.1%} without")


async def _share(seconds: int) -> float:
    """The share of one core that this process used in the next ``seconds``."""
    used = time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - used) / seconds


if __name__ == "__main__":
    main()
