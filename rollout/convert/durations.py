"""Durations as Go and Kubernetes write them, in our own spelling."""

import re

from rollout import lenient

_GO = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")


def seconds(value: object) -> int | None:
    """``90``, ``"90"``, ``1m30s`` in seconds; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    text = str(value) if isinstance(value, str) else ""
    if (found := lenient.whole(text)) is not None:
        return found
    match = _GO.fullmatch(text)
    if not text or match is None:
        return None
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


def written(total: int) -> str:
    """The largest unit that keeps it whole: ``90s``, ``2m``, ``1h``."""
    for size, unit in ((3600, "h"), (60, "m")):
        if total and total % size == 0:
            return f"{total // size}{unit}"
    return f"{total}s"
