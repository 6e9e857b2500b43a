"""How much CPU a command takes to start, beside Python itself: ``make bench-startup``.

Of bytecode that is there, as in an installation: the first run of each command writes it.
"""

import os
import resource
import subprocess
import sys
from statistics import median

RUNS = 7
COMMANDS = (
    ("--version",),
    ("--help",),
    ("crds",),
    ("install",),
    ("rbac",),
    ("validate", "examples/canary/rollout.yaml"),
    ("validate", "examples/canary"),
    ("plan", "examples/canary"),
    *((name, "--help") for name in ("status", "watch", "wait", "explain", "approve")),
    *((name, "--help") for name in ("preflight", "convert", "backtest", "audit", "lab")),
)


def seconds(command: list[str]) -> tuple[float, float]:
    """The least and the median CPU of some runs: what is over the least is the machine's noise."""
    _once(command)
    taken = [_once(command) for _ in range(RUNS)]
    return min(taken), median(taken)


def _once(command: list[str]) -> float:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = subprocess.DEVNULL
    env = {**environment, "TERM": "dumb"}
    subprocess.run(command, stdout=quiet, stderr=quiet, check=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    bare, middle = seconds([sys.executable, "-c", "pass"])
    print(f"{'command':<46}{'least CPU s':>12}{'median':>9}{'x bare Python':>15}")
    print(f"{'python -c pass':<46}{bare:>12.3f}{middle:>9.3f}{1.0:>15.1f}")
    for words in COMMANDS:
        least, middle = seconds([sys.executable, "-m", "rollout", *words])
        name = "rollout " + " ".join(words)
        print(f"{name:<46}{least:>12.3f}{middle:>9.3f}{least / bare:>15.1f}")


if __name__ == "__main__":
    main()
