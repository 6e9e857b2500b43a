"""P-GH: one set of tests for the fake forge, and for ours before the stand-ins over real HTTP."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pygit2
import pytest

from rollout.controller.ports import Forge
from rollout.edges.forge.forges import Forges
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts
from rollout.errors import RefusedError
from rollout.lab.forge import server
from rollout.lab.programs.gitserver import Repository
from rollout.model.forge import CommitState, ForgeKind, Place, Proposal, Standing
from tests.fakes_forge import FakeForge

CONTEXT = "rollout/shop/reviews"
FILE = "deploy/shop é.yaml"
V1, V2 = "revision: v1\n", "revision: v2\n"
HOSTILE = "“</td>@everyone `$(x)` \x00\x1b[31m " + "ü" * 300 + " the end decides"


@dataclass
class Under:
    """A forge under test, its two commits, and what the project has of each commit."""

    forge: Forge
    commits: tuple[str, str]
    states: Callable[[str], list[str]]
    pulls: Callable[[], list[str]]


@pytest.fixture(params=["fake", "github", "gitlab"])
async def under(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Under]:
    if request.param == "fake":
        yield _fake()
        return
    pygit2.init_repository(str(tmp_path / "shop.git"), bare=True, initial_head="main")
    shop = Repository(tmp_path / "shop.git", "http://127.0.0.1/shop.git")
    commits = (shop.commit({FILE: V1}, "v1"), shop.commit({FILE: V2}, "v2"))
    clock = lambda: datetime.now(UTC)  # noqa: E731 - the loop's own is the same
    async with server.Forge() as made, Forges.of(Hosts([made.url]), Proxy(), clock) as forges:
        project = made.add("lab/shop", shop)
        kind = ForgeKind(request.param)
        api = made.github_url if kind is ForgeKind.GITHUB else made.gitlab_url
        forge = forges.at(Place(kind, api, "lab/shop"), "f", {"token": made.token.encode()})

        def states(commit: str) -> list[str]:
            mine = [one for one in project.statuses if one["sha"] == commit]
            return [_PLAIN.get(x := str(one.get("state", one.get("status"))), x) for one in mine]

        yield Under(forge, commits, states, lambda: [p["head"] for p in project.pulls])


_PLAIN = {"running": "pending", "failed": "failure"}


def _fake() -> Under:
    fake = FakeForge()
    commits = (fake.push("a" * 40, {FILE: V1}), fake.push("b" * 40, {FILE: V2}))

    def states(commit: str) -> list[str]:
        found = fake.state(commit, CONTEXT)
        return [found.value] if found else []

    return Under(fake, commits, states, lambda: [*fake.pulls])


def standing(commit: str, state: CommitState, text: str = "because") -> Standing:
    return Standing(CONTEXT, commit, state, text, "https://rollout.example.com/shop")


async def test_a_status_is_the_newest_and_said_once(under: Under) -> None:
    commit = under.commits[1]
    for state in (CommitState.PENDING, CommitState.PENDING, CommitState.SUCCESS):
        for _ in range(3):
            await under.forge.put_status(standing(commit, state))
    told = under.states(commit)
    assert told[-1] == "success"
    assert told.count("success") == 1
    assert told.count("pending") <= 1


async def test_a_failure_is_one(under: Under) -> None:
    await under.forge.put_status(standing(under.commits[1], CommitState.PENDING))
    await under.forge.put_status(standing(under.commits[1], CommitState.FAILURE))
    assert under.states(under.commits[1])[-1] == "failure"


async def test_contexts_are_apart(under: Under) -> None:
    one = standing(under.commits[1], CommitState.FAILURE)
    other = Standing("rollout/shop/cart", one.commit, CommitState.SUCCESS, "fine")
    await under.forge.put_status(one)
    await under.forge.put_status(other)
    before = under.states(one.commit)
    await under.forge.put_status(one)
    assert under.states(one.commit) == before


@pytest.mark.parametrize("text", ["", HOSTILE, "x" * 5000, "\n\r\n", "🙂" * 200])
async def test_no_words_are_refused(under: Under, text: str) -> None:
    await under.forge.put_status(standing(under.commits[0], CommitState.PENDING, text))
    await under.forge.put_status(standing(under.commits[0], CommitState.FAILURE, text))
    assert under.states(under.commits[0])[-1] == "failure"


async def test_files_and_parents_are_read(under: Under) -> None:
    first, second = under.commits
    assert await under.forge.parent(second) == first
    assert await under.forge.parent(first) == ""
    assert await under.forge.text(FILE, first) == V1
    assert await under.forge.text(FILE, second) == V2
    assert await under.forge.text(FILE, "main") == V2
    assert await under.forge.text("none.yaml", "main") is None
    assert await under.forge.default_branch() == "main"


def proposal(branch: str = "rollout/revert-shop-reviews-b2") -> Proposal:
    return Proposal(branch, "main", FILE, V1, "take it back", HOSTILE)


async def test_a_pull_request_is_opened_once(under: Under) -> None:
    assert await under.forge.proposed(proposal().branch) == ""
    url = await under.forge.propose(proposal())
    assert url.startswith("http")
    assert await under.forge.propose(proposal()) == url
    assert await under.forge.proposed(proposal().branch) == url
    assert under.pulls() == [proposal().branch]
    other = await under.forge.propose(proposal("rollout/revert-shop-cart-b2"))
    assert other != url


async def test_a_deployment_is_told_of_and_retired(under: Under) -> None:
    for commit in under.commits:
        for state in (CommitState.PENDING, CommitState.SUCCESS):
            for _ in range(2):
                await under.forge.put_deployment(standing(commit, state), "shop/reviews")
    await under.forge.put_deployment(standing("f" * 40, CommitState.SUPERSEDED), "")


async def test_a_commit_of_another_repository_is_refused(under: Under) -> None:
    with pytest.raises(RefusedError):
        await under.forge.put_status(standing("f" * 40, CommitState.SUCCESS))
