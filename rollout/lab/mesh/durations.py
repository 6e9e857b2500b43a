"""Durations as Kubernetes and Go write them, and as protobuf's JSON wants them."""

import re

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")


def seconds(text: str) -> float:
    """Of ``1h30m``, ``250ms`` or ``2s``. Errors: ValueError for anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 1m30s or 250ms")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def proto(text: str) -> str:
    """The same in seconds with an ``s``; source: protobuf JSON mapping of Duration."""
    return f"{seconds(text):.9f}".rstrip("0").rstrip(".") + "s"
