"""One write that a plan shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One write to one object; ``before`` None: it is made, ``after`` None: it goes."""

    kind: str
    namespace: str
    name: str
    before: Json | None
    after: Json | None
    patch: tuple[Json, ...] = ()

    @property
    def object(self) -> str:
        """``VirtualService shop/reviews``."""
        return f"{self.kind} {self.namespace}/{self.name}"
