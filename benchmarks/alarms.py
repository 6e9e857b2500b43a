"""How rarely is a good release sent back? The good scenarios alone, by the rule, seed after seed.

``python -m benchmarks.alarms [--first N] [--seeds N]`` prints a line a seed, 40 releases each, so
that it may be stopped whenever it has said enough: 75 seeds without any show 0.1 %.
``--incidents 20 29`` plays others: whose canary has an incident of so many seconds within the
first five minutes, in which 40 % of its requests fail, or all take eight times as long.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

from benchmarks.decisions import RULE, decided
from benchmarks.peers import ROLLBACK
from benchmarks.scenarios import SCENARIOS, Nature, Scenario

RISK = 0.05
GOOD = [scenario for scenario in SCENARIOS if scenario.kind == "good"]
INCIDENTS = {"errors": 0.0, "slow": 8.0}


def incidents(lengths: Sequence[float]) -> Iterator[Scenario]:
    """Good releases with an incident of each of ``lengths``, in seconds, from second 0 on."""
    for what, slows in INCIDENTS.items():
        for length in lengths:
            nature = Nature(blip=length, blip_after=0.0, blip_slows=slows)
            for rate in (10, 100, 1000):
                yield Scenario(f"{what} for {length:g} s at {rate}/s", "good", rate, nature=nature)


def at_most(wrong: int, every: int, risk: float = RISK) -> float:
    """The share that would show no more than ``wrong`` of ``every`` with a chance of ``risk``.

    Source: Clopper and Pearson, Biometrika 26 (1934), one-sided.
    """
    if wrong == every:
        return 1.0
    low, high = wrong / every, 1.0
    for _ in range(60):
        share = (low + high) / 2
        low, high = (share, high) if _chance(wrong, every, share) > risk else (low, share)
    return high


def _chance(most: int, every: int, share: float) -> float:
    """Of ``most`` or fewer of ``every``, if each has a chance of ``share``."""
    yes, no = math.log(share), math.log1p(-share)
    ways = (
        math.lgamma(every + 1) - math.lgamma(n + 1) - math.lgamma(every - n + 1)
        for n in range(most + 1)
    )
    return sum(math.exp(way + n * yes + (every - n) * no) for n, way in enumerate(ways))


def line(seed: int, releases: int, back: Counter[str], asked: int) -> str:
    """What all seeds until now have shown."""
    wrong = back.total()
    names = "".join(f"; {name}: {count}" for name, count in sorted(back.items()))
    limit = f"at most {at_most(wrong, releases):.3%} ({1 - RISK:.0%} sure)"
    return f"seed {seed}: of {releases} {wrong} went back, {limit}, {asked} asked a person{names}"


def main() -> int:
    given = _arguments().parse_args()
    good = [*incidents(given.incidents)] if given.incidents else GOOD
    back, releases, asked = Counter[str](), 0, 0
    for seed in range(given.first, given.first + given.seeds):
        for scenario in good:
            end = decided(RULE, scenario, seed)
            releases, asked = releases + 1, asked + end.asked
            if end.how == ROLLBACK:
                back[scenario.name] += 1
        print(line(seed, releases, back, asked), flush=True)
    return 0 if at_most(back.total(), releases) <= 0.001 else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=80)
    parser.add_argument("--incidents", type=float, nargs="+", help="of so many seconds")
    return parser


if __name__ == "__main__":
    sys.exit(main())
