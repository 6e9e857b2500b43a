"""Does the controller survive ``kill -9`` at ten random moments of the demo's own two journeys?

``python -m benchmarks.survival [--seed N] [--kills N]`` prints when it was killed and what it cost;
exit code 1 if a step was skipped or repeated, or a promise was broken.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.survival.arena import arena
from tests.lab.survival.endings import RESTART, promoted, taken_back
from tests.lab.survival.killing import Killer, drawn

SPREAD = 12.0  # seconds between two kills at most: five of them reach a journey's end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_survived(Path(folder), given.seed, given.kills))


async def _survived(folder: Path, seed: int, kills: int) -> int:
    async with arena(folder, quick=False) as made:
        print(f"seed {seed}")
        moments = drawn(seed, kills, SPREAD)
        good, bad = Killer(made, moments[::2]), Killer(made, moments[1::2])
        async with good.at_work():
            await made.journey("v2", 150)
        print(good.told())
        promoted(made, "v2")
        async with bad.at_work():
            await made.journey("v3", 150)
        print(bad.told())
        taken_back(made, "v3")
        slowest, failed = max(made.recoveries), made.load.tally.failed_versions
        print(f"kills {len(good.done) + len(bad.done)}; slowest recovery {slowest:.2f} s")
        print(f"requests {made.load.tally.requests}, failed {dict(failed)}")
        return int(slowest > RESTART or failed["v1"] + failed["v2"] + failed[""] > 0)


if __name__ == "__main__":
    sys.exit(main())
