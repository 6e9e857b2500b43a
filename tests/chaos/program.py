"""``python -m tests.chaos.program CLOCK ...``: the controller, whose wall clock a file sets off.

CLOCK: a file with so many seconds; while there is none, the clock is right. The controller reads
the wall clock in one place; libfaketime, which would set libc's, is in no package registry.
"""

import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from rollout.cli import main
from rollout.controller import loop


def run(clock: Path, words: list[str]) -> None:
    """The command ``rollout`` with ``words``."""

    class Set(datetime):
        """A clock that somebody has set."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            off = float(clock.read_text()) if tz is UTC and clock.exists() else 0.0
            return datetime.now(tz) + timedelta(seconds=off)

    loop.datetime = Set  # type: ignore[attr-defined]
    sys.argv = ["rollout", *words]
    main.main()


if __name__ == "__main__":
    run(Path(sys.argv[1]), sys.argv[2:])
