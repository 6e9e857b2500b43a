"""P-GH: reports beside the looks: once, newest first, and a dead forge costs nobody else."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rollout.controller.forges import reporting
from rollout.controller.forges.reporting import Reporting
from rollout.errors import OutsideError, RefusedError
from rollout.manifest import record, sources
from rollout.model.forge import CommitState
from rollout.model.source import ForgeStatus
from rollout.model.status import Phase, Rejected, Revision, RolloutStatus, Stage, StageStatus
from tests.fakes import FakeKube
from tests.fakes_forge import FakeForge

NOW = datetime(2026, 11, 29, tzinfo=UTC)
A, B = "a" * 40, "b" * 40
FILE = "deploy/shop.yaml"
CONTEXT = "rollout/market/shop"
V1, V2 = "spec:\n  revision: v1\n", "spec:\n  revision: v2\n"
MOVING = RolloutStatus(Phase.PROGRESSING, "at 5%", stage=StageStatus(Stage.STEPPING))
DONE = RolloutStatus(Phase.HEALTHY, "v2 has everyone")
FAILED = RolloutStatus(
    Phase.DEGRADED,
    "v2 was rejected: analysis failed at 5%",
    stable=Revision("v1", A),
    rejected=Rejected(Revision("v2", B), "analysis failed at 5%", NOW),
)


@dataclass
class World:
    """A source, a Rollout of it, and the forge that both come from."""

    kube: FakeKube = field(default_factory=FakeKube)
    forge: FakeForge = field(default_factory=FakeForge)
    leads: bool = True

    def __post_init__(self) -> None:
        self.forge.push(A, {FILE: V1})
        self.forge.push(B, {FILE: V2})
        data = {"token": base64.b64encode(b"ghp_x").decode()}
        secret = {"name": "forge", "namespace": "market"}
        self.kube.put({"kind": "Secret", "metadata": secret, "data": data})
        self.kube.list("Rollout")

    def source(self, **more: object) -> None:
        asked = {"forge": "github", "secretRef": {"name": "forge"}, **more}
        spec = {"url": "https://github.com/team/shop.git", "commitStatus": asked}
        old = self.kube.get("RolloutSource", "market", "git") or {}
        metadata = {"name": "git", "namespace": "market"}
        obj: dict[str, Any] = {"kind": "RolloutSource", "metadata": metadata, "spec": spec}
        if "status" in old:
            obj["status"] = old["status"]
        self.kube.put(obj)

    def rollout(self, status: RolloutStatus, commit: str = B, name: str = "shop") -> None:
        metadata = {
            "name": name,
            "namespace": "market",
            "labels": {"rollout.dev/source": "market.git"},
            "annotations": {"rollout.dev/commit": commit, "rollout.dev/file": FILE},
        }
        spec = {
            "service": "shop",
            "revision": "v2",
            "workload": {"deployments": "shop-{revision}"},
            "strategy": {"canary": {"steps": [{"weight": 5}]}},
        }
        seen = replace(status, observed_generation=1, observed_commit=commit)
        told = record.rollout_json(seen, {}, NOW)
        self.kube.put({"kind": "Rollout", "metadata": metadata, "spec": spec, "status": told})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reporting]:
        made = Reporting(self.kube, self.forge, lambda _: self.leads)
        self.kube.listen(made.changed)
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            self.kube._listeners.remove(made.changed)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def known(self) -> ForgeStatus:
        obj = self.kube.get("RolloutSource", "market", "git")
        assert obj is not None
        return sources.status(obj).forge

    def state(self, commit: str = B, context: str = CONTEXT) -> CommitState | None:
        return self.forge.state(commit, context)


async def so(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(300):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in (("FIRST_WAIT", 0.05), ("LONGEST_WAIT", 0.2), ("BEAT", 0.01)):
        monkeypatch.setattr(reporting, name, value)
    return World()


async def test_a_commits_way_is_told_once_each_state(world: World) -> None:
    world.source()
    async with world.running():
        world.rollout(MOVING)
        await so(lambda: world.state() is CommitState.PENDING)
        world.rollout(DONE)
        await so(lambda: world.state() is CommitState.SUCCESS)
        await so(lambda: bool(world.known().reported))
    assert world.forge.effects == [f"pending {CONTEXT} bbbb", f"success {CONTEXT} bbbb"]
    place, secret, entries = world.forge.at_[0]
    assert (place.api, place.repository) == ("https://api.github.com", "team/shop")
    assert (secret, dict(entries)) == ("forge", {"token": b"ghp_x"})


async def test_a_source_that_asks_for_nothing_is_told_nothing(world: World) -> None:
    metadata = {"name": "git", "namespace": "market"}
    spec = {"url": "https://github.com/team/shop.git"}
    world.kube.put({"kind": "RolloutSource", "metadata": metadata, "spec": spec})
    async with world.running():
        world.rollout(DONE)
        await asyncio.sleep(0.2)
        assert world.forge.calls == []
        world.source()  # and begins to, when it does
        await so(lambda: world.state() is CommitState.SUCCESS)


async def test_a_restart_asks_nothing_of_what_is_settled(world: World) -> None:
    world.source()
    world.rollout(DONE)
    async with world.running():
        await so(lambda: bool(world.known().reported))
    calls = len(world.forge.calls)
    async with world.running():
        await asyncio.sleep(0.2)
    assert len(world.forge.calls) == calls


async def test_a_death_between_two_effects_makes_none_of_them_twice(world: World) -> None:
    world.source(onRejected="revertPullRequest", deployments=True)
    world.rollout(FAILED)
    for _ in range(4):  # after the status, the deployment, the pull request, and then none
        world.forge.after = [asyncio.CancelledError()]
        made = Reporting(world.kube, world.forge)
        made._begin()
        line = made._lines["market/git"]
        assert line.task is not None
        await asyncio.wait([line.task], timeout=0.3)
        line.task.cancel()
        await asyncio.gather(line.task, return_exceptions=True)
    branch = "rollout/revert-market-shop-bbbbbbbbbbbb"
    assert world.forge.effects == [
        f"failure {CONTEXT} bbbb",
        "deployment failure bbbb",
        f"pull {branch}",
    ]
    assert world.known().reported[0].pull_request.endswith(branch)


async def test_the_newest_state_is_told_when_a_dead_forge_is_back(world: World) -> None:
    world.source()
    world.forge.errors = [OutsideError("forge: no answer")] * 4
    async with world.running():
        world.rollout(MOVING)
        await so(lambda: world.known().problem != "")
        assert world.known().problem == "market/shop: forge: no answer"
        for percent in range(50):
            world.rollout(replace(MOVING, because=f"at {percent}%"))
        world.rollout(DONE)
        await so(lambda: world.state() is CommitState.SUCCESS)
        await so(lambda: world.known().problem == "")
    assert world.forge.effects == [f"success {CONTEXT} bbbb"]


async def test_a_limit_is_obeyed(world: World) -> None:
    world.source()
    world.forge.errors = [OutsideError("forge: asks to wait 1 s", 1.0)]
    async with world.running():
        world.rollout(DONE)
        await so(lambda: len(world.forge.calls) == 1)
        began = asyncio.get_running_loop().time()
        world.rollout(replace(DONE, because="another sentence"))
        await so(lambda: world.state() is CommitState.SUCCESS)
        assert asyncio.get_running_loop().time() - began >= 0.9


async def test_what_is_refused_waits_alone(world: World) -> None:
    world.source()
    async with world.running():
        world.rollout(DONE, commit="c" * 40, name="lost")  # a commit that the forge has not
        await so(lambda: world.known().problem != "")
        world.rollout(DONE)
        await so(lambda: world.state() is CommitState.SUCCESS)
        assert world.known().problem.startswith("market/lost: forge: no commit")


async def test_a_commit_that_git_leaves_is_superseded(world: World) -> None:
    world.source(deployments=True)
    async with world.running():
        world.rollout(MOVING, commit=A)
        await so(lambda: bool(world.known().reported))
        world.rollout(DONE, commit=B)
        await so(lambda: world.state() is CommitState.SUCCESS)
        await so(lambda: world.known().reported[0].commit == B)
    assert world.state(A) is CommitState.SUPERSEDED
    assert world.forge.deployments == {
        (CONTEXT, A): CommitState.SUPERSEDED,
        (CONTEXT, B): CommitState.SUCCESS,
    }


async def test_a_commit_whose_rollout_is_deleted_is_superseded_and_forgotten(world: World) -> None:
    world.source()
    async with world.running():
        world.rollout(MOVING)
        await so(lambda: bool(world.known().reported))
        await world.kube.delete("Rollout", "market", "shop")
        await so(lambda: not world.known().reported)
    assert world.state() is CommitState.SUPERSEDED


async def test_a_rejected_commit_is_proposed_to_be_taken_back_once(world: World) -> None:
    world.source(onRejected="revertPullRequest")
    async with world.running():
        for _ in range(3):
            world.rollout(FAILED)
            await so(lambda: bool(world.known().reported[:1]))
        await so(lambda: world.known().reported[0].pull_request != "")
    (proposal,) = world.forge.pulls.values()
    assert (proposal.base, proposal.path, proposal.content) == ("main", FILE, V1)
    assert "analysis failed at 5%" in proposal.body
    assert world.known().reported[0].pull_request.startswith("https://forge.test/pulls/")


async def test_what_git_took_back_itself_is_not_proposed(world: World) -> None:
    world.source(onRejected="revertPullRequest")
    world.forge.branches["main"] = {}
    async with world.running():
        world.rollout(FAILED)
        await so(lambda: any(one.pull_request for one in world.known().reported))
    assert world.forge.pulls == {}
    assert world.known().reported[0].pull_request.startswith("none: ")


async def test_a_revert_that_nobody_can_make_is_said_and_the_status_stands(world: World) -> None:
    world.source(onRejected="revertPullRequest")
    world.forge.branches["main"] = {FILE: V2.replace("v2", "v3")}
    async with world.running():
        world.rollout(FAILED)
        await so(lambda: "revert it by hand" in world.known().problem)
    assert world.state() is CommitState.FAILURE
    assert world.known().reported[0].state is CommitState.FAILURE


async def test_a_secret_that_is_missing_is_named_and_used_once_it_is_there(world: World) -> None:
    world.source(secretRef={"name": "later"})
    async with world.running():
        world.rollout(DONE)
        await so(lambda: world.known().problem == "market/shop: secret later is missing")
        data = {"token": base64.b64encode(b"ghp_y").decode()}
        secret = {"name": "later", "namespace": "market"}
        world.kube.put({"kind": "Secret", "metadata": secret, "data": data})
        await so(lambda: world.state() is CommitState.SUCCESS)


async def test_a_replica_that_does_not_lead_tells_nothing(world: World) -> None:
    world.leads = False
    world.source()
    async with world.running() as reporting:
        world.rollout(MOVING)
        await asyncio.sleep(0.2)
        assert world.forge.calls == []
        world.leads = True
        reporting.begin()
        await so(lambda: world.state() is CommitState.PENDING)


async def test_a_slow_forge_holds_no_other_source(world: World) -> None:
    world.source()
    never = asyncio.Event()
    slow = FakeForge()

    async def hang(*_: object) -> None:
        await never.wait()

    slow.put_status = hang  # type: ignore[method-assign,assignment]
    real = world.forge.at

    def at(place: Any, secret: str, entries: Any) -> Any:
        return slow if "slow" in place.repository else real(place, secret, entries)

    world.forge.at = at  # type: ignore[method-assign]
    metadata = {"name": "slow", "namespace": "market"}
    asked = {"forge": "github", "secretRef": {"name": "forge"}}
    spec = {"url": "https://github.com/team/slow.git", "commitStatus": asked}
    world.kube.put({"kind": "RolloutSource", "metadata": metadata, "spec": spec})
    async with world.running():
        world.rollout(DONE, name="stuck")
        stuck = world.kube.get("Rollout", "market", "stuck")
        assert stuck is not None
        labels = {"rollout.dev/source": "market.slow"}
        world.kube.put({**stuck, "metadata": {**stuck["metadata"], "labels": labels}})
        world.rollout(DONE)
        await so(lambda: world.state() is CommitState.SUCCESS)


async def test_a_poisoned_rollout_or_source_holds_no_other(world: World) -> None:
    world.source()
    world.kube.put(
        {"kind": "RolloutSource", "metadata": {"name": "x", "namespace": "m"}, "spec": 7}
    )
    labels = {"rollout.dev/source": "market.git"}
    bad = {"name": "a-poison", "namespace": "market", "labels": labels}
    async with world.running():
        world.kube.put({"kind": "Rollout", "metadata": bad, "spec": {"strategy": 1}})
        world.rollout(DONE)
        await so(lambda: world.state() is CommitState.SUCCESS)


async def test_a_refusal_is_no_reason_to_ask_all_the_time(world: World) -> None:
    world.source()
    world.forge.errors = [RefusedError("secret forge: the forge does not take it (401)")] * 1000
    async with world.running():
        for number in range(50):
            world.rollout(DONE, name=f"shop-{number}")
        await asyncio.sleep(1.0)
    assert len(world.forge.calls) <= 15
