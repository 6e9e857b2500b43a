"""How much CPU a command takes to start, beside Python itself: ``make bench-startup``."""

import os
import resource
import subprocess
import sys

RUNS = 5
COMMANDS = (
    ("--version",),
    ("--help",),
    ("crds",),
    ("validate", "examples/canary"),
    ("plan", "examples/canary"),
    *((name, "--help") for name in ("status", "watch", "wait", "explain", "abort", "preflight")),
)


def seconds(command: list[str]) -> float:
    """The least CPU of some runs: what is more is the machine's noise."""
    return min(_once(command) for _ in range(RUNS))


def _once(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "TERM": "dumb"}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    bare = seconds([sys.executable, "-c", "pass"])
    print(f"{'command':<28}{'CPU s':>7}{'x bare Python':>15}")
    print(f"{'python -c pass':<28}{bare:>7.3f}{1.0:>15.1f}")
    for words in COMMANDS:
        taken = seconds([sys.executable, "-m", "rollout", *words])
        print(f"{'rollout ' + ' '.join(words):<28}{taken:>7.3f}{taken / bare:>15.1f}")


if __name__ == "__main__":
    main()
