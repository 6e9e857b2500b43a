"""What may go wrong in a pod, read from annotations or from the control API; nothing acts here."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

PREFIX = "lab.rollout.dev/"
# 2.326: the 99th percentile of the standard normal distribution.
_Z99 = 2.326


@dataclass(frozen=True, slots=True)
class Faults:
    """How a pod misbehaves; the default is a good pod that answers at once.

    ``error_rate``: share of requests from 0 to 1 that get ``error_code``.
    ``latency_ms``, ``latency_p99_ms``: median and 99th percentile of a log-normal delay.
    ``slow_rate``, ``slow_ms``: share of requests that take this long instead: a tail of its own.
    ``startup``: seconds until it listens. ``never_ready``: it listens, but the probe says no.
    ``crash_after``: requests until all its connections are reset; 0 is never.
    ``crash_after_seconds``: the same by age.
    ``proxy_error_rate``: share of requests that its proxy answers with 503, application unasked.
    ``reset_rate``: share that is cut off without an answer, as where TLS between proxies fails.
    ``proxy_latency_ms``: what its proxy adds to every answer.
    """

    error_rate: float = 0.0
    error_code: int = 500
    latency_ms: float = 0.0
    latency_p99_ms: float = 0.0
    slow_rate: float = 0.0
    slow_ms: float = 0.0
    startup: float = 0.1
    never_ready: bool = False
    crash_after: int = 0
    crash_after_seconds: float = 0.0
    proxy_error_rate: float = 0.0
    reset_rate: float = 0.0
    proxy_latency_ms: float = 0.0

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Self:
        """From names as in annotations, ``error-rate``, with or without ``lab.rollout.dev/``.

        Errors: ValueError names a value that cannot be, or a name that is not known.
        """
        return cls().changed(values)

    def changed(self, values: Mapping[str, object]) -> Self:
        """The same, but for ``values``; see ``read``."""
        known = {each.name: each.type for each in fields(self)}
        found: dict[str, object] = {}
        for key, value in values.items():
            name = key.removeprefix(PREFIX).replace("-", "_")
            if name == "crash_after" and str(value).endswith("s"):
                name = "crash_after_seconds"
            if name not in known:
                raise ValueError(f"{key}: not a fault; known are {', '.join(sorted(known))}")
            found[name] = _read(known[name], str(value))
        return replace(self, **found)  # type: ignore[arg-type]  # each was read as its own type

    def delay(self, chance: random.Random) -> float:
        """Seconds to wait before the next answer."""
        return self.proxy_latency_ms / 1000 + self._application(chance)

    def _application(self, chance: random.Random) -> float:
        if self.slow_rate and chance.random() < self.slow_rate:
            return self.slow_ms / 1000
        if self.latency_p99_ms <= self.latency_ms or not self.latency_ms:
            return self.latency_ms / 1000
        sigma = math.log(self.latency_p99_ms / self.latency_ms) / _Z99
        return self.latency_ms * math.exp(chance.gauss(0, sigma)) / 1000


def _read(kind: object, text: str) -> float | int | bool:
    if kind is bool:
        return text.lower() in ("true", "yes", "1")
    return int(text) if kind is int else _seconds(text)


def _seconds(text: str) -> float:
    for unit, size in (("ms", 0.001), ("s", 1.0), ("m", 60.0)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * size
    return float(text)


@dataclass(frozen=True, slots=True)
class Order:
    """What the kubelet tells the shop about one pod.

    ``series``: Istio's labels of all it serves. ``about``: what its answers say of it.
    """

    pod: str
    ip: str
    ports: tuple[int, ...]
    faults: Faults = field(default_factory=Faults)
    series: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
