"""The port ``Forges``: a repository at a forge, asked as its Secret lets us."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from rollout.edges.forge.github_repo import GitHubRepo
from rollout.edges.forge.gitlab_repo import GitLabRepo
from rollout.edges.forge.identity import Identity
from rollout.edges.forge.rest import Entries, Rest, Says, Shut
from rollout.edges.outward import Outward
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts
from rollout.model.forge import ForgeKind, Place

MOST = 1000  # tokens whose limits are remembered


@dataclass(slots=True)
class Forges:
    """``outward``: who may be asked."""

    outward: Outward
    clock: Callable[[], datetime]
    _shut: dict[str, Shut] = field(default_factory=dict)
    _identity: Identity = field(init=False)

    def __post_init__(self) -> None:
        self._identity = Identity(self.clock)

    @classmethod
    def of(cls, hosts: Hosts, proxy: Proxy, clock: Callable[[], datetime]) -> Self:
        """``hosts``: APIs that may be asked; ``proxy``: through whom."""
        return cls(Outward(hosts, proxy), clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.outward.close()

    def at(self, place: Place, secret: str, entries: Entries) -> GitHubRepo | GitLabRepo:
        """The repository; ``entries``: of the Secret of that name."""

        async def who() -> Says:
            return await self._identity.says(place, rest)

        def refused() -> None:
            self._identity.forget(place, entries)

        shut = self._shut.setdefault(_name(place, entries), Shut())
        if len(self._shut) > MOST:
            del self._shut[next(iter(self._shut))]
        rest = Rest(self.outward, place.api, secret, entries, who, self.clock, shut, refused)
        made = GitHubRepo if place.kind is ForgeKind.GITHUB else GitLabRepo
        return made(rest, place.repository)


def _name(place: Place, entries: Entries) -> str:
    """Of whoever asks: forges limit by token, and one token may be of many repositories."""
    said = (entries.get(name, b"") for name in ("token", "appId", "installationId"))
    return hashlib.sha256(b"\0".join((place.api.encode(), *said))).hexdigest()
