"""A page over a fake cluster: what it shows is put there by hand, and so is who may ask."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout.controller.keeping.store import Store
from rollout.errors import RefusedError
from rollout.manifest import record, switchovers, upgrades
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.status import (
    Attempt,
    ConfirmedBy,
    Counted,
    Entry,
    Outcome,
    Phase,
    Revision,
    RolloutStatus,
    Stage,
    StageStatus,
    Standing,
    StepStatus,
    Verdict,
)
from rollout.model.traffic import Split
from rollout.model.upgrading import UpgradeStatus
from rollout.web.page import app, people
from rollout.web.page.board import Board
from rollout.web.page.people import Person, Sessions
from rollout.web.page.reader import Place, Reader
from tests.controller.shop import a_rollout
from tests.fakes import FakeKube

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD, NEW = "1f0c2a9d4e5b6a7f8c9d0e1f2a3b4c5d6e7f8a9b", "9d4e5b6a7f8c9d0e1f2a3b4c5d6e7f8a9b1f0c2a"
SECRET = "let-me-in"
Json = Mapping[str, Any]


@dataclass
class Somebody:
    """A person who was proved; ``asked``: what they asked. ``over``: their token is no more."""

    name: str = "ann@example.com"
    asked: list[tuple[str, Verb]] = field(default_factory=list)
    over: bool = False
    closed: bool = False
    until: datetime | None = None

    async def ask(self, place: Place, verb: Verb) -> None:
        if self.over:
            raise people.OverError("your token is over; log in anew")
        if place.name == "forbidden":
            raise RefusedError(f"{self.name} may not patch rollout {place.namespace}/forbidden")
        self.asked.append((place.id, verb))

    async def close(self) -> None:
        self.closed = True


@dataclass
class Doorkeeper:
    """Lets in whoever knows the secret."""

    who: Somebody = field(default_factory=Somebody)
    hint: str = "token"

    async def prove(self, secret: str) -> Person:
        if secret != SECRET:
            raise RefusedError("the API server does not take this token")
        return self.who


@dataclass
class World:
    """``kube``: what is in the cluster; ``now``: what the page takes for the time."""

    address: str = ""
    kube: FakeKube = field(default_factory=FakeKube)
    door: Doorkeeper = field(default_factory=Doorkeeper)
    now: datetime = NOON
    page: app.Page = field(init=False)

    def clock(self) -> datetime:
        return self.now

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def put(self, name: str, status: RolloutStatus, namespace: str = "shop", **meta: Any) -> None:
        """A Rollout of that status; ``meta``: more of its metadata; ``spec``: more of its spec."""
        spec = meta.pop("spec", {})
        obj = a_rollout(name, "v2", **spec)
        known = {**obj["metadata"], "namespace": namespace, **meta}
        stored = record.rollout_json(status, {}, self.now)
        self.kube.put({**obj, "metadata": known, "status": stored})

    def say(self, name: str, because: str, namespace: str = "shop") -> None:
        """The Rollout's status says something else."""
        obj = self.kube.get("Rollout", namespace, name)
        assert obj is not None
        self.kube.put({**obj, "status": {**obj["status"], "because": because}})


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[World]:
    """A page at a free port of this machine, with one login that works."""
    world = World()
    kinds = frozenset({upgrades.KIND, switchovers.KIND})
    board = Board(Reader(world.kube, Store(world.kube), lambda: kinds), world.clock)
    known = {"login": world.door, **settings}
    world.page = app.Page(board, app.Settings(**known), Sessions(world.clock))
    async with app.opened(world.page, "127.0.0.1", 0) as address:
        world.address = address
        yield world


def at(minutes: float) -> datetime:
    """So many minutes after the journey's begin."""
    return NOON + timedelta(minutes=minutes)


STEADY = RolloutStatus(
    phase=Phase.HEALTHY, because="v1 serves everyone", stable=Revision("v1", OLD)
)


def verdict(bad: float, every: float, evidence: float, until: datetime = NOON) -> Verdict:
    """Errors of the canary beside a stable that has 0.1 %."""
    counted = Counted("errors", bad, every, every * 0.009, every * 9)
    failed = evidence >= 200
    return Verdict(
        "errors",
        Outcome.FAIL if failed else Outcome.INCONCLUSIVE,
        f"errors: canary {bad / every:.2%} ({bad:.0f}/{every:.0f}) vs stable 0.10%",
        Standing.FAILED if failed else Standing.CLEAN,
        counted,
        evidence,
        since=NOON,
        until=until,
        step=0,
        bar=200.0,
        tolerated=0.0021,
    )


def slow(bad: float, every: float, evidence: float, until: datetime = NOON) -> Verdict:
    """Requests slower than a quarter of a second."""
    known = verdict(bad, every, evidence, until)
    counted = Counted("latency>250ms", bad, every, every * 0.27, every * 9)
    return replace(known, metric="latency", counted=counted, tolerated=0.043)


def stepping(index: int = 1, percent: int = 50, minutes: float = 3, **more: Any) -> RolloutStatus:
    """A journey to v2 at a step, with its decisions so far."""
    since = at(minutes)
    entries = (
        entry(1, at(0), Stage.PREPARING, "100/0", "a new revision was pushed"),
        entry(2, at(0.3), Stage.STEPPING, "95/5", "v2 is ready and its subset is there"),
        entry(3, at(1.6), Stage.STEPPING, "50/50", "the gate opened: certified on 4120 requests"),
    )
    status = RolloutStatus(
        phase=Phase.PROGRESSING,
        because="412 canary requests so far, no sign of harm, not certified yet",
        waits_for=WaitsFor.EVIDENCE,
        stable=Revision("v1", OLD),
        stage=StageStatus(
            Stage.STEPPING, since, Split.giving_canary(percent), since, since, ConfirmedBy.SYNCZ
        ),
        attempt=Attempt(
            3,
            Revision("v2", NEW),
            "canary",
            step=StepStatus(index, f"step {index + 1}", since),
            verdicts=(verdict(4, 4120, 1.7), slow(130, 4120, 0.6)),
        ),
        epoch=3,
        history=entries,
    )
    return replace(status, **more)


def entry(epoch: int, when: datetime, stage: Stage, split: str, because: str) -> Entry:
    """One decision of attempt 3."""
    return Entry(f"3.{epoch}", when, stage, split, because, "v2", "", NEW)


def waiting() -> RolloutStatus:
    """At its first step, which asks people."""
    status = stepping(0, 5, 1, because="waiting for approval: 0 of 1")
    return replace(status, waits_for=WaitsFor.APPROVAL)


def source(url: str = "https://github.com/example/shop.git") -> dict[str, Any]:
    """The RolloutSource that the label ``shop.apps`` names."""
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "RolloutSource",
        "metadata": {"name": "apps", "namespace": "shop"},
        "spec": {"url": url},
    }


def upgrade_object(status: UpgradeStatus) -> dict[str, Any]:
    """The ControlPlaneUpgrade mesh, from 1-29-6 to 1-30-3, with a canary and a wave."""
    spec = {
        "from": "1-29-6",
        "to": "1-30-3",
        "canary": {"name": "canary", "namespaces": ["sandbox"]},
        "waves": [
            {"name": "early", "namespaces": ["shop", "bookinfo"]},
            {"name": "rest", "oneAtATime": True},
        ],
    }
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": upgrades.KIND,
        "metadata": {"name": "mesh", "uid": "u", "generation": 1},
        "spec": spec,
        "status": upgrades.status_json(status, {}, NOON),
    }


def proxy(namespace: str, name: str, revision: str) -> dict[str, Any]:
    """A pod with a proxy that ``revision`` has injected."""
    notes = {"istio.io/rev": revision}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": notes},
        "spec": {"containers": [{"name": "istio-proxy"}]},
    }
