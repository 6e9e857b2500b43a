"""The stand-in by itself: git, people and programs see one repository, as at a real forge."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from yarl import URL

from rollout.lab.forge.faults import Fault, exhausted, limited
from rollout.lab.forge.server import Forge, Hook
from rollout.lab.programs.gitserver import GitServer, Repository

pytestmark = pytest.mark.lab
Told = Mapping[str, Any]


@dataclass
class Under:
    """A forge with the project ``lab/shop``, and somebody who asks it."""

    forge: Forge
    git: GitServer
    shop: Repository
    http: aiohttp.ClientSession

    async def github(
        self, verb: str, path: str, body: Told | None = None, token: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or self.forge.token}"}
        url = f"{self.forge.github_url}{path}"
        async with self.http.request(verb, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def gitlab(self, verb: str, path: str, body: Told | None = None) -> tuple[int, Any]:
        headers = {"PRIVATE-TOKEN": self.forge.token}
        url = f"{self.forge.gitlab_url}/projects/lab%2Fshop{path}"
        from_text = URL(url, encoded=True)
        async with self.http.request(verb, from_text, json=body, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def under(tmp_path: Path) -> AsyncIterator[Under]:
    git = GitServer(tmp_path)
    await git.start()
    shop = git.create("shop")
    shop.commit({"deploy/shop.yaml": "revision: v1\n"}, "v1")
    async with Forge() as forge, aiohttp.ClientSession() as http:
        forge.add("lab/shop", shop)
        git.moved = forge.moved
        yield Under(forge, git, shop, http)
    await git.stop()


REPO = "/repos/lab/shop"


async def test_github_keeps_statuses_newest_first(under: Under) -> None:
    sha = under.shop.head()
    for state in ("pending", "success"):
        told = {"state": state, "context": "rollout/shop/shop", "description": state}
        assert (await under.github("POST", f"{REPO}/statuses/{sha}", told))[0] == 201
    status, found = await under.github("GET", f"{REPO}/commits/{sha}/statuses")
    assert (status, [one["state"] for one in found]) == (200, ["success", "pending"])


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"state": "fine"}, 422),
        ({"state": "pending", "description": "x" * 141}, 422),
        ({"state": "pending", "description": "x" * 140}, 201),
    ],
)
async def test_github_takes_what_it_takes(under: Under, told: Told, status: int) -> None:
    sha = under.shop.head()
    assert (await under.github("POST", f"{REPO}/statuses/{sha}", told))[0] == status
    assert (await under.github("POST", f"{REPO}/statuses/{'0' * 40}", told))[0] == 422
    assert (await under.github("POST", f"/repos/lab/none/statuses/{sha}", told))[0] == 404
    assert (await under.github("POST", f"{REPO}/statuses/{sha}", told, "bad"))[0] == 401


async def test_github_reverts_by_branch_file_and_pull_request(under: Under) -> None:
    base = under.shop.head()
    ref = {"ref": "refs/heads/back", "sha": base}
    assert (await under.github("POST", f"{REPO}/git/refs", ref))[0] == 201
    assert (await under.github("POST", f"{REPO}/git/refs", ref))[0] == 422
    _, file = await under.github("GET", f"{REPO}/contents/deploy/shop.yaml?ref=back")
    assert base64.b64decode(file["content"]) == b"revision: v1\n"
    pull = {"title": "back", "head": "back", "base": "main", "body": "why"}
    assert (await under.github("POST", f"{REPO}/pulls", pull))[0] == 422  # nothing differs
    content = base64.b64encode(b"revision: v0\n").decode()
    told = {"message": "back", "content": content, "branch": "back", "sha": file["sha"]}
    path = f"{REPO}/contents/deploy/shop.yaml"
    assert (await under.github("PUT", path, {**told, "sha": "stale"}))[0] == 409
    assert (await under.github("PUT", path, told))[0] == 200
    status, made = await under.github("POST", f"{REPO}/pulls", pull)
    assert (status, made["state"]) == (201, "open")
    assert (await under.github("POST", f"{REPO}/pulls", pull))[0] == 422
    _, found = await under.github("GET", f"{REPO}/pulls?head=lab:back&state=all")
    assert [one["number"] for one in found] == [made["number"]]
    await under.github("PUT", f"{REPO}/pulls/{made['number']}/merge")
    _, file = await under.github("GET", f"{REPO}/contents/deploy/shop.yaml")
    assert base64.b64decode(file["content"]) == b"revision: v0\n"


async def test_github_retires_a_deployment_when_the_next_one_succeeds(under: Under) -> None:
    told = {"ref": under.shop.head(), "required_contexts": [], "environment": "shop"}
    ids = []
    for _ in range(2):
        _, made = await under.github("POST", f"{REPO}/deployments", told)
        ids.append(made["id"])
        path = f"{REPO}/deployments/{made['id']}/statuses"
        assert (await under.github("POST", path, {"state": "success"}))[0] == 201
    states = [
        (await under.github("GET", f"{REPO}/deployments/{one}/statuses"))[1][0]["state"]
        for one in ids
    ]
    assert states == ["inactive", "success"]


async def test_gitlab_refuses_the_state_that_a_status_has(under: Under) -> None:
    sha = under.shop.head()
    running = {"state": "running", "name": "rollout/shop/shop"}
    assert (await under.gitlab("POST", f"/statuses/{sha}", running))[0] == 201
    status, told = await under.gitlab("POST", f"/statuses/{sha}", running)
    assert (status, told["message"][:40]) == (400, "Cannot transition status via :run from :")
    assert (await under.gitlab("POST", f"/statuses/{sha}", {**running, "state": "success"}))[
        0
    ] == 201
    _, found = await under.gitlab("GET", f"/repository/commits/{sha}/statuses")
    assert [(one["name"], one["status"]) for one in found] == [("rollout/shop/shop", "success")]


async def test_a_faults_turn_comes_once_and_may_follow_the_effect(under: Under) -> None:
    under.forge.faults.tell(Fault(verb="POST", path="/statuses/", status=502, done=True))
    under.forge.faults.tell(limited(7))
    sha = under.shop.head()
    told = {"state": "pending"}
    assert (await under.github("POST", f"{REPO}/statuses/{sha}", told))[0] == 502
    assert (await under.github("GET", f"{REPO}/commits/{sha}/statuses"))[0] == 403
    status, found = await under.github("GET", f"{REPO}/commits/{sha}/statuses")
    assert (status, len(found)) == (200, 1)
    under.forge.faults.tell(exhausted(time.time() + 5))
    assert (await under.github("GET", REPO))[0] == 403


def jwt(forge: Forge, **claims: object) -> str:
    def part(told: Told) -> str:
        return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()

    now = int(time.time())
    told = {"iat": now - 60, "exp": now + 540, "iss": str(forge.github.app.id), **claims}
    signed = f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(told)}"
    proof = forge.github.app.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(proof).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("claims", "status"),
    [({}, 201), ({"iss": "1"}, 401), ({"exp": time.time() + 9999}, 401), ({"exp": 1}, 401)],
)
async def test_an_app_gets_its_token_by_its_key(under: Under, claims: Told, status: int) -> None:
    proof = jwt(under.forge, **claims)
    path = f"/app/installations/{under.forge.github.app.installation}/access_tokens"
    got, told = await under.github("POST", path, token=proof)
    assert got == status
    if status == 201:
        assert (await under.github("GET", REPO, token=told["token"]))[0] == 200
        under.forge.github.app.tokens[told["token"]] = time.time() - 1
        assert (await under.github("GET", REPO, token=told["token"]))[0] == 401


async def test_a_git_push_is_told_to_the_webhook(under: Under, tmp_path: Path) -> None:
    heard: list[str] = []
    arrived = asyncio.Event()

    async def listen(request: web.Request) -> web.Response:
        heard.append((await request.json())["ref"])
        arrived.set()
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/push", listen)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/push"
    under.forge.hooks.append(Hook(url, "a secret as long as it has to be"))
    script = (
        f"git clone -q {under.shop.url} c && cd c && echo 'revision: v2' > deploy/shop.yaml && "
        "git -c user.name=a -c user.email=a@b commit -qam v2 && git push -q"
    )
    process = await asyncio.create_subprocess_shell(script, cwd=tmp_path)
    assert await process.wait() == 0
    async with asyncio.timeout(300):
        await arrived.wait()
        while not under.forge.deliveries:
            await asyncio.sleep(0.01)
    assert heard == ["refs/heads/main"]
    assert [one.status for one in under.forge.deliveries] == [202]
    await runner.cleanup()
