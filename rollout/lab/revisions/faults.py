"""How a revision of the control plane, and the proxies that it injected, may misbehave."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Faults:
    """All may be set while it runs; the default is a good revision.

    ``down``: its pods run and answer nothing, so they are not ready.
    ``refuses``: injection answers with an error. ``proxyless``: injection answers, and adds none.
    ``lost_ca``: its certificate is of another root than its webhooks trust.
    ``foreign_root``: its own root is not the mesh's, and its webhooks say so.
    ``nack``: the type that its proxies refuse from now on: ``cds``, ``lds``, ``rds`` or ``eds``.
    ``push_seconds``: until a change has reached its proxies.
    ``errors``: the share of requests, 0 to 1, that its proxies answer with 503.
    ``resets``: the share that they cut off, as where two proxies do not trust each other.
    ``slow_ms``: what its proxies add to each request.
    """

    down: bool = False
    refuses: bool = False
    proxyless: bool = False
    lost_ca: bool = False
    foreign_root: bool = False
    nack: str = ""
    push_seconds: float = 0.0
    errors: float = 0.0
    resets: float = 0.0
    slow_ms: float = 0.0

    def changed(self, values: Mapping[str, object]) -> Self:
        """The same, but for ``values``.  Errors: ValueError names what is not known or not fit."""
        known = {each.name: type(each.default) for each in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"{name}: not a fault; known are {', '.join(sorted(known))}")
            wanted = (int, float) if known[name] is float else known[name]
            if not isinstance(value, wanted):
                raise ValueError(f"{name}: {value!r} is no {known[name].__name__}")  # noqa: TRY004
        return replace(self, **values)  # type: ignore[arg-type]  # each was looked at just now

    @property
    def proxy(self) -> dict[str, object]:
        """What a pod with such a proxy is like; names as in the shop's faults."""
        resets = 1.0 if self.foreign_root else self.resets
        return {
            "proxy-error-rate": self.errors,
            "reset-rate": resets,
            "proxy-latency-ms": self.slow_ms,
        }
