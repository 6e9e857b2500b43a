"""Twenty good releases at 200 requests a second: how many requests fail because of us?

``python -m benchmarks.soak [--journeys 20] [--rate 200]`` prints the figures, for pods from a
template and for managed Deployments; exit code 0 only if not one request failed.
"""

import argparse
import asyncio
import sys

from rollout.cli.lab import up as cli
from tests.lab.journeys import soak
from tests.lab.journeys.harness import Journey, Lab
from tests.lab.journeys.shop import Shop


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=20)
    parser.add_argument("--rate", type=int, default=200)
    given = parser.parse_args()
    return asyncio.run(_soaked(given.journeys, given.rate))


async def _soaked(count: int, rate: int) -> int:
    failed = 0
    async with cli.world() as (world, controller):
        assert controller is not None
        lab = Lab(world, controller)
        for play in (soak.templates, soak.managed):
            journey = Journey(lab, Shop(f"soak-{play.__name__}"))
            found = await play(journey, count, rate)
            print(f"{play.__name__}: {found}", flush=True)
            failed += found.tally.failures
            await journey.ended()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
