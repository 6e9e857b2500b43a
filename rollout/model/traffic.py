"""Where requests go: splits, cohorts, mirrors; the rule that weights sum to 100 lives here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field

from rollout.model.units import CONFIG, Duration, Share


def full_host(service: str, namespace: str) -> str:
    """The full host name of a Kubernetes Service (short names are the mesh's oldest trap)."""
    return f"{service}.{namespace}.svc.cluster.local"


_CLAIM = re.compile(r"@request\.auth\.claims(\.[^.]+(\.[^.]+)*|(\[[^\[\]]+\])+)", re.IGNORECASE)


def is_claim(header: str) -> bool:
    """Whether the key of a header match names a claim of the request's token, and no header.

    Source: Istio, pkg/jwt, ``ToRoutingClaim``; the names of claims keep their case.
    """
    return _CLAIM.fullmatch(header) is not None


@dataclass(frozen=True, slots=True)
class Split:
    """How ordinary requests divide between two revisions, in whole percent."""

    __pydantic_config__ = CONFIG

    stable: int
    canary: int

    def __post_init__(self) -> None:
        whole = all(type(side) is int for side in (self.stable, self.canary))
        if not whole or min(self.stable, self.canary) < 0 or self.stable + self.canary != 100:
            raise ValueError(f"weights must be whole percents that sum to 100, got {self!r}")

    @classmethod
    def giving_canary(cls, percent: int) -> Self:
        """The split in which the canary has ``percent`` and stable the rest."""
        return cls(100 - percent, percent)

    def __str__(self) -> str:
        return f"{self.stable}/{self.canary}"


@dataclass(frozen=True, slots=True)
class StringMatch:
    """One way to match a string, in Envoy's terms; exactly one field is set."""

    __pydantic_config__ = CONFIG

    exact: Annotated[str | None, Field(description="the whole value")] = None
    prefix: Annotated[str | None, Field(description="how the value begins")] = None
    regex: Annotated[str | None, Field(description="RE2, matching the whole value")] = None
    present: Annotated[bool | None, Field(description="true: any value will do")] = None

    def __post_init__(self) -> None:
        ways = [w for w in (self.exact, self.prefix, self.regex) if w is not None]
        if len(ways) + (self.present is not None) != 1 or self.present is False:
            raise ValueError("must have exactly one of exact, prefix, regex, present: true")

    def of(self, name: str) -> str:
        """``name`` with this match, as people write it: ``x-insider=1``, ``path=/api*``."""
        if self.exact is not None:
            return f"{name}={self.exact}"
        if self.prefix is not None:
            return f"{name}={self.prefix}*"
        return f"{name}~{self.regex}" if self.regex is not None else name


@dataclass(frozen=True, slots=True)
class Cohort:
    """Requests that share marks: every mark named must match (AND)."""

    __pydantic_config__ = CONFIG

    headers: Annotated[
        Mapping[str, StringMatch], Field(description="by lower-case header name")
    ] = field(default_factory=dict)
    cookies: Annotated[
        Mapping[str, StringMatch], Field(description="by cookie name, whatever else is sent")
    ] = field(default_factory=dict)
    query: Annotated[Mapping[str, StringMatch], Field(description="by query parameter")] = field(
        default_factory=dict
    )
    path: Annotated[StringMatch | None, Field(description="the request's path")] = None
    method: Annotated[StringMatch | None, Field(description="the request's method")] = None

    def __post_init__(self) -> None:
        marks = (self.headers, self.cookies, self.query, self.path, self.method)
        if not any(marks):
            raise ValueError("needs at least one of headers, cookies, query, path, method")

    def __str__(self) -> str:
        """Its marks as people write them: ``x-insider=1``, ``cookie beta=1 and path=/api*``."""
        marks = [match.of(name) for name, match in self.headers.items()]
        marks += [match.of(f"cookie {name}") for name, match in self.cookies.items()]
        marks += [match.of(f"query {name}") for name, match in self.query.items()]
        marks += [self.path.of("path")] if self.path else []
        marks += [self.method.of("method")] if self.method else []
        return " and ".join(marks)


@dataclass(frozen=True, slots=True)
class Fault:
    """A rehearsal for the requests of the cohorts only: delay, abort, or both."""

    __pydantic_config__ = CONFIG

    delay: Annotated[Duration | None, Field(description="added before the request goes on")] = None
    abort: Annotated[
        int | None, Field(ge=200, le=599, description="HTTP status answered instead")
    ] = None
    percent: Annotated[Share, Field(description="the share of cohort requests")] = 1.0

    def __post_init__(self) -> None:
        if self.delay is None and self.abort is None:
            raise ValueError("needs delay, abort or both")


@dataclass(frozen=True, slots=True)
class Sticky:
    """Users stay on the version they got: the cookie that pins them, and its values now.

    ``value``: of those who got the canary; new for each attempt, so a rollback forgets everybody.
    ``home``: of those who got stable at this step; empty: they are drawn anew at each request.
    ``earlier``: values that stable's users got at earlier steps, and how many percent of them
    move to the canary now; the others stay.
    """

    __pydantic_config__ = CONFIG

    cookie: str
    value: str
    max_age: Duration
    home: str = ""
    earlier: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests go at one moment; equal routes are the same traffic.

    ``cohorts``: OR between entries, all to the canary, before the split is asked.
    ``mirror``: share of requests to stable that are copied to the canary.
    ``preview_host``: a host whose every request goes to the canary.
    """

    __pydantic_config__ = CONFIG

    split: Split
    cohorts: tuple[Cohort, ...] = ()
    mirror: Share | None = None
    fault: Fault | None = None
    sticky: Sticky | None = None
    preview_host: str | None = None

    @property
    def reaches_canary(self) -> bool:
        """Whether any request at all, copies included, can reach the canary."""
        return bool(self.split.canary or self.cohorts or self.mirror or self.preview_host)

    @property
    def sent(self) -> str:
        """What the canary gets of the requests: ``5%``, ``x-insider=1``, ``5% and x-insider=1``."""
        parts = [" or ".join(map(str, self.cohorts))] if self.cohorts else []
        parts += [f"all of {self.preview_host}"] if self.preview_host else []
        parts += [f"a copy of {100 * self.mirror:g}%"] if self.mirror else []
        if self.split.canary or not parts:
            parts.insert(0, f"{self.split.canary}%")
        return " and ".join(parts)

    @property
    def is_dressed(self) -> bool:
        """Whether weights alone cannot say it."""
        return bool(self.cohorts or self.mirror or self.sticky or self.preview_host)


STABLE_ONLY = Route(Split(100, 0))
"""Everybody on stable and nothing of ours left beside it."""


@dataclass(frozen=True, slots=True)
class VirtualServiceRef:
    """A VirtualService to manage; ``routes`` names its routes, empty means all of the service's.

    ``namespace`` empty means the rollout's own.
    """

    __pydantic_config__ = CONFIG

    name: str
    namespace: str = ""
    routes: tuple[str, ...] = ()


class SubsetMode(StrEnum):
    """How the DestinationRule names our two sides."""

    ROLE = "role"  # subsets stable and canary, re-pointed at weight 0
    VERSION = "version"  # subsets v1, v2, …; their weights stay ours


STABLE, CANARY = "stable", "canary"
"""The subsets' names by role, where the author has none of their own for stable's."""


@dataclass(frozen=True, slots=True)
class Target:
    """What of the mesh's objects belongs to one rollout at one moment.

    ``host``: the service's full name, ``reviews.bookinfo.svc.cluster.local``.
    ``stable``, ``canary``: subset names by role; ``canary`` is empty when there is none to name.
    ``virtual_services``: empty means every one that sends this host's traffic.
    ``destination_rule``: name in the rollout's namespace.
    ``apart``: pods of other revisions are behind the service, so a released route must still
    name the stable subset where its author named none.
    """

    rollout: str
    namespace: str
    host: str
    stable: str
    canary: str
    virtual_services: tuple[VirtualServiceRef, ...] = ()
    destination_rule: str = ""
    apart: bool = False
