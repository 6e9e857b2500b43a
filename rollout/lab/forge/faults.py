"""What the stand-in is told to do wrong, one entry a request, in the order in which it was told."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Fault:
    """One way to fail. ``verb``, ``path``: which requests, ``*`` and a part of the path.

    ``status``: answered instead, with ``headers`` and ``body``; ``delay``: seconds before;
    ``done``: the request has its effect, and only the answer is lost; ``cut``: the connection ends
    without an answer; ``times``: 0 means always.
    """

    verb: str = "*"
    path: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = '{"message": "Server Error"}'
    delay: float = 0.0
    done: bool = False
    cut: bool = False
    times: int = 1


def limited(seconds: int, **more: Any) -> Fault:
    """GitHub's secondary limit: 403 with ``Retry-After``."""
    body = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
    return Fault(status=403, headers={"Retry-After": str(seconds)}, body=json.dumps(body), **more)


def exhausted(reset: float, **more: Any) -> Fault:
    """GitHub's primary limit: nothing left until ``reset``, seconds since 1970."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(reset))}
    body = {"message": "API rate limit exceeded for installation ID 1."}
    return Fault(status=403, headers=headers, body=json.dumps(body), **more)


@dataclass(slots=True)
class Faults:
    """Those in force."""

    waiting: list[Fault] = field(default_factory=list)

    def tell(self, fault: Fault) -> None:
        """One more."""
        self.waiting.append(fault)

    def asked(self, told: Mapping[str, Any]) -> None:
        """One more, as ``POST /lab/faults`` says it; ``{}`` heals everything."""
        if not told:
            self.waiting.clear()
            return
        self.waiting.append(Fault(**told))

    def next(self, verb: str, path: str) -> Fault | None:
        """What goes wrong with this request."""
        for fault in self.waiting:
            if fault.verb in ("*", verb) and fault.path in path:
                if fault.times:
                    fault.times -= 1
                    if not fault.times:
                        self.waiting.remove(fault)
                return fault
        return None
