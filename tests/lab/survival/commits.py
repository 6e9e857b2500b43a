"""What the API server committed, in its own order: the shares that each revision was given."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from rollout.cli.lab import showcase
from rollout.lab.apiserver.storage.ledger import Change, Ledger

Json = Mapping[str, Any]
Shares = Mapping[str, int]

ROUTES = "virtualservices.networking.istio.io"
RULES = "destinationrules.networking.istio.io"
ROLLOUTS = "rollouts.rollout.dev"
EVENTS = "events"


class Commits:
    """Listens at the ledger, so that nothing is missed and nothing is late.

    ``shares``: the share of every revision after each commit that changed them, and when.
    ``writes``: the kinds of all commits to objects that only a controller writes.
    ``wrong_for``: the longest time for which the routes were not what the status said, in seconds.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.status: Json = {}
        self.shares: list[tuple[float, Shares]] = []
        self.writes: list[str] = []
        self.wrong_for = 0.0
        self.on_commit: Callable[[str], None] = lambda _: None
        self._route: Json = {}
        self._rule: Json = {}
        self._wrong_since: float | None = None
        for bucket in (ROUTES, RULES):
            for stored in ledger.rows(bucket, showcase.NAMESPACE):
                self._take(bucket, stored.object)
        ledger.listen(self._hear)

    def forget(self) -> None:
        """A new journey begins: what was is not told again."""
        self.shares, self.writes, self.wrong_for = self.shares[-1:], [], 0.0

    def path(self, revision: str) -> list[int]:
        """The distinct shares of ``revision``, in the order in which it had them."""
        found: list[int] = []
        for _, shares in self.shares:
            share = shares.get(revision, 0)
            if not found or found[-1] != share:
                found.append(share)
        return found

    def _hear(self, change: Change) -> None:
        if change.bucket not in (ROUTES, RULES, ROLLOUTS):
            return
        self.writes.append(change.bucket)
        self._take(change.bucket, change.stored.object)
        self._compare()
        self.on_commit(change.bucket)

    def _take(self, bucket: str, obj: Json) -> None:
        if bucket == ROLLOUTS:
            self.status = obj.get("status") or {}
            return
        if bucket == ROUTES:
            self._route = obj
        else:
            self._rule = obj
        if self._route and self._rule:
            shares = served(self._route, self._rule)
            if not self.shares or self.shares[-1][1] != shares:
                self.shares.append((_now(), shares))

    def _compare(self) -> None:
        """How long the routes have not been what is remembered."""
        asked = wanted(self.status)
        right = asked is None or (self.shares and asked == self.shares[-1][1])
        if self._wrong_since is not None:
            self.wrong_for = max(self.wrong_for, _now() - self._wrong_since)
        self._wrong_since = None if right else self._wrong_since or _now()


def served(route: Json, rule: Json) -> Shares:
    """Revision to its share of ordinary requests, through the subsets' labels."""
    versions = {s["name"]: s["labels"].get("version", "") for s in rule["spec"]["subsets"]}
    shares: dict[str, int] = {}
    for entry in route["spec"]["http"][-1]["route"]:
        share = entry.get("weight", 100)
        version = versions[entry["destination"]["subset"]]
        if share:
            shares[version] = shares.get(version, 0) + share
    return shares


def wanted(status: Json) -> Shares | None:
    """What the routes should give by what is remembered; None before anything is."""
    if not status.get("stable"):
        return None
    canary = (status.get("attempt") or {}).get("canary") or {}
    names = {"stable": status["stable"]["name"], "canary": canary.get("name")}
    shares: dict[str, int] = {}
    for role, share in status["stage"]["split"].items():
        if share:
            shares[names[role]] = shares.get(names[role], 0) + share
    return shares


def _now() -> float:
    return asyncio.get_running_loop().time()
