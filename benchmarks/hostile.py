"""How long one hostile file of at most 1 MiB keeps its reader busy.

``python -m benchmarks.hostile`` prints each file's CPU time, and as a ratio to the time in which
libyaml alone goes over 1 MiB of plain manifests on the same machine. The promise: 250 ms, a line.
"""

import sys
import time
from collections.abc import Callable

import yaml

from rollout.manifest import load
from tests.edges.git.hostile import HOSTILE
from tests.ports.test_repo import SHOP

PROMISE = 0.25
PLAIN = (SHOP % "v1" + "---\n").encode()
ROUNDS = 5


def spent(work: Callable[[], object]) -> float:
    """The least CPU seconds of a few rounds."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return min(once() for _ in range(ROUNDS))


def main() -> int:
    plain = PLAIN * ((1 << 20) // len(PLAIN))
    bare = spent(lambda: sum(1 for _ in yaml.parse(plain, Loader=yaml.CSafeLoader)))
    print(f"libyaml alone, 1 MiB of plain manifests: {bare * 1000:.0f} ms")
    slowest = max(_told(name.decode(), data, bare) for name, data in sorted(HOSTILE.items()))
    word = "kept" if slowest <= PROMISE else "broken"
    print(f"{word}: slowest {slowest * 1000:.0f} ms, at most {PROMISE * 1000:.0f}")
    return int(slowest > PROMISE)


def _told(name: str, data: bytes, bare: float) -> float:
    taken = spent(lambda: load.text(name, data))
    print(f"{name:16} {taken * 1000:6.1f} ms  {taken / bare:5.3f}")
    return taken


if __name__ == "__main__":
    sys.exit(main())
