"""What the stand-in is told to do wrong, one entry a call, in the order in which it was told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Fault:
    """One way to fail. ``method``: ``chat.postMessage``, or ``*``; ``times``: 0 means always.

    ``error``: the code of ``ok: false`` (``ratelimited`` is a 429); ``status``: an HTTP status
    instead, with no JSON; ``delay``: seconds before the answer; ``done``: the call has its effect,
    and only the answer is lost; ``cut``: the connection ends without an answer.
    """

    method: str = "*"
    error: str = ""
    status: int = 0
    retry_after: str = ""
    delay: float = 0.0
    done: bool = False
    cut: bool = False
    times: int = 1


@dataclass(slots=True)
class Faults:
    """Those in force."""

    waiting: list[Fault] = field(default_factory=list)

    def tell(self, asked: Mapping[str, Any]) -> None:
        """One more, as ``POST /lab/faults`` says it; ``{}`` heals everything."""
        if not asked:
            self.waiting.clear()
            return
        names = {"retryAfter": "retry_after"}
        self.waiting.append(Fault(**{names.get(key, key): value for key, value in asked.items()}))

    def next(self, method: str) -> Fault | None:
        """What goes wrong with this call of ``method``."""
        for fault in self.waiting:
            if fault.method in ("*", method):
                if fault.times:
                    fault.times -= 1
                    if not fault.times:
                        self.waiting.remove(fault)
                return fault
        return None
