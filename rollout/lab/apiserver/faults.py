"""Faults that tests order: the next requests of a kind go wrong in a chosen way.

Source for what is worth ordering: docs/facts.md, on watches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .problems import Problem
from .storage.watch import Watch


@dataclass(frozen=True, slots=True)
class Call:
    """A request as a fault's condition sees it; ``resource`` is ``plural.group``."""

    verb: str
    resource: str
    namespace: str
    name: str
    subresource: str
    path: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens instead of, or after, the request.

    ``code`` 0 sends no answer at all: ``hang_s`` seconds of silence, then the connection is reset.
    ``body``: None makes a Status for ``code``; bytes are sent as they are, under ``content_type``.
    ``after``: the request is carried out first, so that only its answer is lost.
    """

    code: int = 0
    reason: str = "InternalError"
    message: str = "a fault was ordered"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = "application/json"
    hang_s: float = 0.0
    after: bool = False

    def problem(self) -> Problem:
        return Problem(self.code, self.reason, self.message, headers=self.headers)


CONFLICT = Fault(409, "Conflict", "the object has been modified; a fault was ordered")
SERVER_ERROR = Fault(500, "InternalError")
UNAVAILABLE = Fault(503, "ServiceUnavailable")
RESET_BEFORE = Fault()
RESET_AFTER = Fault(after=True)
BAD_GATEWAY_HTML = Fault(502, body=b"<html>502 Bad Gateway</html>", content_type="text/html")


def too_many(retry_after: str = "1") -> Fault:
    """A 429; ``retry_after`` as it stands in the header, sense or nonsense."""
    return Fault(429, "TooManyRequests", headers={"Retry-After": retry_after})


def hang(seconds: float, *, after: bool = False) -> Fault:
    """Silence for ``seconds``, then a reset; ``after``: the write has been done."""
    return Fault(hang_s=seconds, after=after)


Condition = Callable[[Call], bool]


@dataclass(slots=True)
class _Order:
    when: Condition
    fault: Fault
    left: int


class Faults:
    """The orders, first come first served, and the watches that can be broken."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []
        self.watches: set[Watch] = set()
        self.calls: list[Call] = []
        self.record = False

    def order(self, fault: Fault, when: Condition = lambda _: True, times: int = 1) -> None:
        """The next ``times`` requests for which ``when`` is true get ``fault``."""
        self._orders.append(_Order(when, fault, times))

    def clear(self) -> None:
        """Nothing goes wrong from now on; silent watches speak again."""
        self._orders.clear()
        self.silence_watches(silent=False)

    def of(self, call: Call) -> Fault | None:
        """The fault that ``call`` gets; it is used up by asking."""
        if self.record:
            self.calls.append(call)
        for order in self._orders:
            if order.when(call):
                order.left -= 1
                if order.left <= 0:
                    self._orders.remove(order)
                return order.fault
        return None

    def cut_watches(self, how: str = "eof", resource: str = "") -> int:
        """End open watches by ``eof``, ``reset`` or ``half`` a line; how many there were."""
        found = [watch for watch in self.watches if resource in ("", watch.scope.bucket)]
        for watch in found:
            watch.end(how)
        return len(found)

    def silence_watches(self, resource: str = "", *, silent: bool = True) -> int:
        """Open watches stay open and say nothing; what happens meanwhile is lost to them."""
        found = [watch for watch in self.watches if resource in ("", watch.scope.bucket)]
        for watch in found:
            watch.silent = silent
        return len(found)


def writes(call: Call) -> bool:
    """A condition: anything that changes objects."""
    return call.verb in ("create", "update", "patch", "delete", "deletecollection")


def on(verb: str, resource: str, name: str = "") -> Condition:
    """A condition: this verb on this ``plural.group``, of one name or of any."""

    def matches(call: Call) -> bool:
        return call.verb == verb and call.resource == resource and name in ("", call.name)

    return matches
