"""Does the controller survive ``kill -9`` at random moments of the demo's own journeys?

``python -m benchmarks.survival [--seed N] [--kills N]``: five kills a journey; good releases, bad
ones that go back, and some that a person aborts, while visitors come through a real Envoy.
It prints when the controller was killed and what it cost; exit code 1 if a step was skipped or
repeated, or a promise was broken.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rollout.cli.lab import showcase
from rollout.lab.kube.client import Kind
from tests.lab.survival.arena import Arena, arena
from tests.lab.survival.endings import RESTART, STEPS, promoted, taken_back
from tests.lab.survival.killing import Killer, Moment, drawn

SPREAD = 12.0  # seconds between two kills at most: five of them reach a journey's end
EACH = 5  # kills of a journey
ROLLOUT = Kind("rollout.dev", "v1alpha1", "rollouts", "Rollout")


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
        done = 0
        for number, chosen in enumerate(_dealt(moments)):
            killer = Killer(made, chosen)
            async with killer.at_work():
                await _journey(made, number)
            print(killer.told(), flush=True)
            done += len(killer.done)
        slowest, failed = max(made.recoveries), made.load.tally.failed_versions
        print(f"kills {done}; slowest recovery {slowest:.2f} s")
        print(f"requests {made.load.tally.requests}, failed {dict(failed)}")
        lost = sum(count for version, count in failed.items() if version != showcase.BAD)
        return int(slowest > RESTART or lost > 0)


def _dealt(moments: Sequence[Moment]) -> Iterator[Sequence[Moment]]:
    """To two journeys at least, so that one of each end is played."""
    journeys = max(2, -(-len(moments) // EACH))
    for number in range(journeys):
        yield moments[number::journeys]


async def _journey(made: Arena, number: int) -> None:
    """To its end, which is as without a kill: good, bad, aborted, bad, and so on.

    What was rejected is tried again once git has asked for something else.
    """
    stable = made.status["stable"]["name"]
    other = "v2" if stable == "v1" else "v1"
    match number % 4:
        case 0:
            await made.journey(other, 150)
            promoted(made, other)
        case 1 | 3:
            await made.journey(showcase.BAD, 150)
            taken_back(made, showcase.BAD)
        case _:
            async with asyncio.TaskGroup() as both:
                both.create_task(made.journey(other, 150))
                both.create_task(_aborts(made, other, number))
            taken_back(made, other)


async def _aborts(made: Arena, revision: str, number: int) -> None:
    """A person takes the release back once some visitors have it."""
    while STEPS[1] not in made.commits.path(revision):
        await asyncio.sleep(0.05)
    asked = {"annotations": {"rollout.dev/request": f"abort@{number}"}}
    change = {"metadata": asked}
    await made.world.kube.patch(ROLLOUT, showcase.NAMESPACE, showcase.NAME, change)


if __name__ == "__main__":
    sys.exit(main())
