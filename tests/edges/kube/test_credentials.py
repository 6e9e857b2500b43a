"""Tokens that end, are replaced or revoked; the lab's API server knows who may come."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube, connect, credentials
from rollout.edges.proxy import Proxy
from rollout.errors import OutsideError, RefusedError
from rollout.lab.apiserver.server import ApiServer
from rollout.lab.apiserver.wire.access import User
from tests.edges.gateserver import HEAD, gate

LEASE = ("Lease", "default", "nobody")


@dataclass
class Server:
    """An API server that lets one token in, and a kubeconfig whose plugin knows that token."""

    api: ApiServer
    url: str
    folder: Path

    def lets_in(self, token: str) -> None:
        self.api.access.tokens.clear()
        self.api.access.tokens[token] = User("somebody")

    def plugin_gives(self, token: str, seconds: float | None = None) -> None:
        status = {"token": token}
        if seconds is not None:
            ends = datetime.now(UTC) + timedelta(seconds=seconds)
            status["expirationTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = {"apiVersion": API, "kind": "ExecCredential", "status": status}
        (self.folder / "answer.json").write_text(json.dumps(answer))

    def kubeconfig(self, user: Mapping[str, object]) -> str:
        file = self.folder / "config"
        context = {"cluster": "lab", "user": "me"}
        cluster = {"server": self.url}
        text = {
            "current-context": "lab",
            "contexts": [{"name": "lab", "context": context}],
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "me", "user": user}],
        }
        file.write_text(json.dumps(text))
        return str(file)

    def plugin(self) -> str:
        """A kubeconfig whose plugin prints the answer, and counts how often it was asked."""
        script = self.folder / "plugin.py"
        script.write_text(
            f"open({str(self.folder / 'asked')!r}, 'a').write('.')\n"
            f"print(open({str(self.folder / 'answer.json')!r}).read())\n"
        )
        command = {"apiVersion": API, "command": sys.executable, "args": [str(script)]}
        return self.kubeconfig({"exec": command})

    @property
    def asked(self) -> int:
        return len((self.folder / "asked").read_text())


API = "client.authentication.k8s.io/v1"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    api = ApiServer()
    url = await api.start()
    made = Server(api, url, tmp_path)
    made.lets_in("first")
    yield made
    await api.stop()


async def test_a_plugin_is_asked_once_while_its_token_lasts(server: Server) -> None:
    server.plugin_gives("first", seconds=3600)
    async with Kube(await connect(server.plugin()), concerns.of) as kube:
        for _ in range(3):
            assert await kube.fetch(*LEASE) is None
    assert server.asked == 1


async def test_a_plugin_is_asked_again_before_its_token_ends(server: Server) -> None:
    server.plugin_gives("first", seconds=0)
    async with Kube(await connect(server.plugin()), concerns.of) as kube:
        server.plugin_gives("second", seconds=3600)
        server.lets_in("second")
        assert await kube.fetch(*LEASE) is None
        assert await kube.fetch(*LEASE) is None
    assert server.asked == 2


async def test_a_token_that_is_refused_is_asked_for_anew_and_the_request_repeated(
    server: Server,
) -> None:
    server.plugin_gives("first")
    async with Kube(await connect(server.plugin()), concerns.of) as kube:
        assert await kube.fetch(*LEASE) is None
        server.plugin_gives("second")
        server.lets_in("second")
        assert await kube.fetch(*LEASE) is None


async def test_a_token_written_into_the_kubeconfig_anew_is_read(server: Server) -> None:
    async with Kube(await connect(server.kubeconfig({"token": "first"})), concerns.of) as kube:
        assert await kube.fetch(*LEASE) is None
        server.kubeconfig({"token": "second"})
        server.lets_in("second")
        assert await kube.fetch(*LEASE) is None


async def test_a_revoked_token_is_a_sentence_and_not_a_storm_of_plugins(server: Server) -> None:
    server.plugin_gives("first")
    async with Kube(await connect(server.plugin()), concerns.of) as kube:
        server.lets_in("another")
        for _ in range(5):
            with pytest.raises(OutsideError, match="401 Unauthorized"):
                await kube.fetch(*LEASE)
    assert server.asked == 2


async def test_a_plugin_that_fails_later_is_told_and_asked_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PAUSE", 0.0)
    server.plugin_gives("first")
    async with Kube(await connect(server.plugin()), concerns.of) as kube:
        (server.folder / "answer.json").unlink()
        server.lets_in("second")
        with pytest.raises(OutsideError, match=r"kubernetes: exec: process returned 1\. .*"):
            await kube.fetch(*LEASE)
        server.plugin_gives("second")
        assert await kube.fetch(*LEASE) is None


async def test_every_request_says_what_the_package_s_own_first_one_says(tmp_path: Path) -> None:
    """The first goes through the package, which makes the connections; those after it do not."""
    ops = [{"op": "add", "path": "/metadata/labels", "value": {"a": "\u00e9 \ud800", "b": 1.5}}]
    async with gate() as door:
        answer = b'{"metadata": {"name": "shop", "namespace": "shop"}}'
        door.says = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
        here = Server(ApiServer(), door.url.removesuffix("/gate"), tmp_path)
        async with Kube(await connect(here.kubeconfig({"token": "first"})), concerns.of) as kube:
            for _ in range(2):
                await kube.patch("Rollout", "shop", "shop", ops)
    first, second = ({**one.headers, "content-length": ""} for one in door.seen)
    assert first == second
    assert first["content-type"] == "application/json-patch+json"
    assert door.seen[0].line == door.seen[1].line
    assert [json.loads(one.body) for one in door.seen] == [ops, ops]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/nowhere/aws-iam-authenticator"], "exec: '/nowhere/aws-iam-authenticator': .*No such"),
        ([sys.executable, "-c", "print('hello')"], "exec: failed to decode process output"),
        ([sys.executable, "-c", "raise SystemExit('log in first')"], "log in first"),
    ],
)
async def test_a_plugin_that_gives_nothing_at_the_start_is_a_clear_sentence(
    server: Server, command: list[str], words: str
) -> None:
    user = {"exec": {"apiVersion": API, "command": command[0], "args": command[1:]}}
    with pytest.raises(RefusedError, match=words):
        await connect(server.kubeconfig(user))


async def test_the_environments_proxy_is_resolved_once_and_never_asked_of_the_environment(
    server: Server,
) -> None:
    proxy = Proxy.of({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "10.0.0.0/8"})
    direct, inside, through = [
        await connect(server.kubeconfig({"token": "first"}), None, proxy)
        for server.url in ("http://shop.example", "https://10.0.0.1", "https://eks.example")
    ]
    found = [made.configuration.proxy for made in (direct, inside, through)]
    assert found == [None, None, "http://proxy:3128"]
    assert direct.configuration.client_session_kwargs == {"trust_env": False}
    for made in (direct, inside, through):
        await made.close()  # type: ignore[no-untyped-call]
