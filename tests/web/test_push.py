"""SEC-01, SEC-02, SEC-03, SEC-26, P-GH: forges' webhooks at our own door, over real HTTP."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import pytest

from rollout.controller.sources.pushed import Nudged
from rollout.edges.forge.hooks import LARGEST
from rollout.errors import OutsideError, RefusedError
from rollout.lab.forge import hooks
from rollout.lab.forge.hooks import FORGES, Moved
from rollout.model.forge import Push
from rollout.web.app import Settings, application, serve
from rollout.web.push import AT_ONCE, Door
from tests.web.test_app import Fine

SECRET = "a secret of the operator's"
MOVED = Moved("team/shop", "https://git.example.com/team/shop.git", "refs/heads/main", "a1", "b2")
Answer = tuple[int, str]


@dataclass
class Ear:
    """Whatever came through the door at ``url``."""

    url: str = ""
    heard: list[tuple[Push, str]] = field(default_factory=list)
    keys: dict[str, list[str]] = field(default_factory=lambda: {"": [SECRET]})
    nudged: Nudged | Exception = Nudged(1, 1)
    broken: Exception | None = None

    async def secrets(self, source: str) -> Sequence[str]:
        if self.broken:
            raise self.broken
        return self.keys.get(source, [])

    async def pushed(self, push: Push, only: str) -> Nudged:
        self.heard.append((push, only))
        if isinstance(self.nudged, Exception):
            raise self.nudged
        return self.nudged

    async def post(self, body: bytes, headers: dict[str, str], path: str = "") -> Answer:
        async with (
            aiohttp.ClientSession() as http,
            http.post(self.url + path, data=body, headers=headers) as answer,
        ):
            return answer.status, (await answer.text()).strip()


@asynccontextmanager
async def door() -> AsyncIterator[Ear]:
    ear = Ear()
    made = Door(ear.secrets, lambda: datetime.now(UTC), ear.pushed)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(Fine(), Settings(port=0, pushes=made), ready))
    try:
        ear.url = f"http://{await ready}/push"
        yield ear
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("name", [name for name in FORGES if name != "gitlab-signed"])
async def test_a_push_comes_in_as_each_forge_sends_it(name: str) -> None:
    async with door() as ear:
        body, headers = FORGES[name](MOVED, SECRET)
        assert await ear.post(body, headers) == (202, "1 source is read now")
        assert [only for _, only in ear.heard] == [""]
        assert ear.heard[0][0].concerns("https://git.example.com/team/shop", "main")


async def test_a_source_has_a_door_of_its_own_with_its_own_secret() -> None:
    async with door() as ear:
        ear.keys["shop/git"] = ["a secret of the shop's own"]
        body, headers = hooks.github(MOVED, "a secret of the shop's own")
        assert await ear.post(body, headers, "/shop/git") == (202, "1 source is read now")
        assert ear.heard[0][1] == "shop/git"
        assert (await ear.post(body, headers))[0] == 401
        assert (await ear.post(*hooks.github(MOVED, SECRET), "/shop/git"))[0] == 401


NO = (401, "not signed with a secret that is in force here")


@pytest.mark.parametrize("path", ["", "/shop/nobody", "/%00/%ff", "/kube-system/x"])
async def test_who_has_no_secret_learns_nothing_sec_02(path: str) -> None:
    """The same answer, whether there is such a source or none."""
    async with door() as ear:
        for body in (b"", b"[]", b"{", b"\xff" * 1000):
            assert await ear.post(body, {}, path) == NO
            assert await ear.post(body, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, path) == NO
        assert ear.heard == []


async def test_nothing_is_parsed_before_it_is_proved_sec_02(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes] = []
    monkeypatch.setattr("rollout.web.push.hooks.read", lambda _, body: read.append(body))
    async with door() as ear:
        assert await ear.post(*hooks.github(MOVED, "another secret, as long")) == NO
        assert read == []
        await ear.post(*hooks.github(MOVED, SECRET))
        assert len(read) == 1


async def test_a_secret_is_changed_without_a_gap_sec_26() -> None:
    async with door() as ear:
        new = "the next secret of the operator's"
        for keys, ok in (([SECRET], {SECRET}), ([new, SECRET], {new, SECRET}), ([new], {new})):
            ear.keys[""] = keys
            for secret in (SECRET, new):
                status = (await ear.post(*hooks.github(MOVED, secret)))[0]
                assert status == (202 if secret in ok else 401)


@pytest.mark.parametrize(
    ("nudged", "answer"),
    [
        (Nudged(0, 0), (200, "no RolloutSource follows that repository")),
        (Nudged(2, 0), (204, "")),
        (Nudged(3, 2), (202, "2 sources are read now")),
        (OutsideError("rolloutsources: not listed yet"), (503, "not ready; try again soon")),
    ],
)
async def test_the_answer_says_what_came_of_it(nudged: Nudged | Exception, answer: Answer) -> None:
    async with door() as ear:
        ear.nudged = nudged
        assert await ear.post(*hooks.github(MOVED, SECRET)) == answer


async def test_a_ping_is_answered_and_does_nothing() -> None:
    async with door() as ear:
        assert await ear.post(*hooks.github(MOVED, SECRET, "ping")) == (204, "")
        ping = hooks.bitbucket_server(MOVED, SECRET, "diagnostics:ping")
        assert await ear.post(*ping) == (204, "")
        assert ear.heard == []


async def test_what_is_genuine_and_cannot_be_read_is_said_to_be_so() -> None:
    async with door() as ear:
        body = b"[]"
        _, headers = hooks.github(MOVED, SECRET)
        headers["X-Hub-Signature-256"] = f"sha256={hooks._mac(SECRET, body)}"
        assert await ear.post(body, headers) == (400, "no push event that can be read")


async def test_a_secret_that_cannot_be_read_lets_nobody_in_and_is_not_told() -> None:
    async with door() as ear:
        ear.broken = RefusedError("/etc/rollout/push/secret: cannot be read (Permission denied)")
        answer = await ear.post(*hooks.github(MOVED, SECRET))
        assert answer == (503, "not ready; try again soon")


async def test_a_body_that_is_too_large_is_closed_at_the_cap_sec_03() -> None:
    """CVE-2024-40634 of Argo CD: a body without end filled its memory."""
    async with door() as ear, aiohttp.ClientSession() as http:
        async with http.post(ear.url, data=io.BytesIO(b"x" * (LARGEST + 1))) as answer:
            assert (answer.status, await answer.text()) == (413, "the body is too large\n")
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1 << 16
                yield b"x" * (1 << 16)

        try:
            async with http.post(ear.url, data=endless()) as answer:
                assert answer.status == 413
        except aiohttp.ClientError:
            pass  # cut off in the middle of what it sent
        assert sent < 64 << 20


async def test_a_slow_body_is_closed_at_the_deadline_sec_03(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rollout.web.push.DEADLINE", 0.3)

    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.05)

    async with door() as ear, aiohttp.ClientSession() as http:
        try:
            async with http.post(ear.url, data=slow()) as answer:
                assert answer.status == 408
        except aiohttp.ClientError:
            pass  # closed while it was still sending
        assert await ear.post(*hooks.github(MOVED, SECRET)) == (202, "1 source is read now")


async def test_more_at_once_than_there_is_room_for_are_asked_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rollout.web.push.DEADLINE", 30.0)
    end = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        yield b"x"
        await end.wait()

    async with door() as ear, aiohttp.ClientSession() as http:
        many = [asyncio.create_task(_status(http, ear.url, held())) for _ in range(AT_ONCE)]
        status = 0
        async with asyncio.timeout(300):
            while status != 503:
                status = (await ear.post(*hooks.github(MOVED, SECRET)))[0]
        end.set()
        assert {await one for one in many} <= {401, 503}
        assert (await ear.post(*hooks.github(MOVED, SECRET)))[0] == 202


async def _status(http: aiohttp.ClientSession, url: str, body: AsyncIterator[bytes]) -> int:
    async with http.post(url, data=body) as answer:
        return answer.status


async def test_every_route_but_health_wants_a_proof_sec_01() -> None:
    """From the route table itself, so that a new route is asked the question, too."""

    async def nobody(_: object) -> Sequence[str]:
        return ()

    made = Door(nobody, lambda: datetime.now(UTC), Ear().pushed)
    routes = application(Fine(), Settings(pushes=made)).router.routes()
    told = {(route.method, str(route.resource and route.resource.canonical)) for route in routes}
    open_ = {
        (verb, path) for path in ("/healthz", "/readyz", "/metrics") for verb in ("GET", "HEAD")
    }
    async with door() as ear, aiohttp.ClientSession() as http:
        base = ear.url.removesuffix("/push")
        for verb, path in told - open_:
            full = base + path.format(namespace="shop", name="git")
            async with http.request(verb, full, data=b"{}") as answer:
                assert answer.status == 401
