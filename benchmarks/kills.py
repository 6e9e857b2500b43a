"""Replicas killed at chosen moments of journeys of every kind, on a real kube-apiserver and etcd.

``python -m benchmarks.kills [--kills N] [--seed N] [--scenarios N]``: all scenarios side by side,
once without kills, then again and again until so many processes were killed. Exit code 1 if a
journey ended otherwise than without kills, a law was broken, a decision was lost or told twice, or
requests divided wrongly for longer than a restart takes.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rollout.controller.leader import LEASE
from tests.chaos.campaign import Played, Terms, played
from tests.chaos.scenarios import Scenario, scenarios
from tests.chaos.striker import Strike, counted

RESTART = LEASE + 2
"""Seconds in which another replica leads, and in which whoever leads has put a split right."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--scenarios", type=int, default=1000, help="only so many")
    parser.add_argument(
        "--ends", type=Path, help="file with how they end without kills; written if not there"
    )
    parser.add_argument("--replicas", type=int, default=4)
    parser.add_argument("--shards", type=int, default=3)
    given = parser.parse_args()
    every = scenarios()
    many = min(len(every), given.scenarios)
    chosen = [every[number * len(every) // many] for number in range(many)]
    print(f"seed {given.seed}, {len(chosen)} scenarios", flush=True)
    terms = Terms(given.seed, given.kills, given.replicas, given.shards)
    with tempfile.TemporaryDirectory() as folder:
        made = played(Path(folder), chosen, terms, given.ends)
    wrongs = [*_wrong(made)]
    print(*wrongs, sep="\n")
    _report(made, chosen)
    return int(bool(wrongs))


def _wrong(made: Played) -> Iterator[str]:
    """What was not as it must be."""
    yield from made.broken
    yield from made.otherwise
    yield from (f"S19: in no audit log: {each}" for each in made.lost)
    yield from (f"S19: told twice: {each}" for each in made.doubled)
    for wrong in made.wrong:
        if (seconds := made.led_wrong(wrong)) > RESTART:
            yield f"{wrong.scenario.name}: requests divided wrongly for {seconds:.1f} s"


def _report(made: Played, chosen: Sequence[Scenario]) -> None:
    for how in sorted({strike.how for strike in made.strikes}):
        mine = [strike for strike in made.strikes if strike.how == how]
        print(f"{how}: {len(mine)}; journeys under way: {_line([s.under_way for s in mine])}")
        print(f"  until others led all that it led, in s: {_line(_recoveries(mine))}")
        print(f"  moments: {', '.join(f'{n} {what}' for what, n in counted(mine).items())}")
    wholes = [wrong.until - wrong.since for wrong in made.wrong]
    print(f"wrong splits, in s: {_line(wholes)}")
    print(f"  while somebody led, in s: {_line([made.led_wrong(each) for each in made.wrong])}")
    print(f"decisions {made.decisions}, lost {len(made.lost)}, told twice {len(made.doubled)}")
    print(f"laws broken {len(made.broken)}, journeys that ended otherwise {len(made.otherwise)}")
    played_under = Counter(name for name, _ in made.ends)
    print(
        f"scenarios {len(chosen)}, of them under kills {len(played_under)}; journeys under kills "
        f"{played_under.total()}; versions in etcd {made.versions}"
    )


def _recoveries(strikes: Sequence[Strike]) -> list[float]:
    return [strike.recovery for strike in strikes if strike.recovery is not None]


def _line(numbers: Sequence[float]) -> str:
    if not numbers:
        return "none"
    return f"median {statistics.median(numbers):.1f}, most {max(numbers):.1f}, {len(numbers)} times"


if __name__ == "__main__":
    sys.exit(main())
