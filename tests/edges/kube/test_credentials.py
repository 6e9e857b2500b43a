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
from tests.effort import effort

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


def _text(user: object = None, **cluster: object) -> bytes:
    """A kubeconfig of one cluster; JSON is YAML."""
    return json.dumps(
        {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9", **cluster}}],
            "users": [{"name": "u", "user": user}] if user is not None else [],
        }
    ).encode()


CERTIFICATE = "a certificate or a key in it is no PEM"
ADDRESS = "its server or its proxy is no address"
ODD = {
    "empty": (b"", "no kubeconfig"),
    "a list": (b"[]", "no kubeconfig"),
    "a word": (b"hello", "no kubeconfig"),
    "no YAML": (b"a: [", "no kubeconfig"),
    "deep": (b"[" * 5000, "no kubeconfig"),
    "not UTF-8": (b"\xff\xfe\x00", "."),
    "contexts are a number": (b'{"current-context": "x", "contexts": 5}', "no kubeconfig"),
    "contexts are names": (b'{"current-context": "x", "contexts": ["x"]}', "."),
    "a context is a number": (
        b'{"current-context": "x", "contexts": [{"name": "x", "context": 7}]}',
        "no kubeconfig",
    ),
    "nothing but null": (
        b'{"current-context": "x", "contexts": [null], "clusters": [null], "users": [null]}',
        "no kubeconfig",
    ),
    "no cluster": (
        b'{"current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "c"}}]}',
        ".",
    ),
    "a server that is a number": (_text(server=5), "no kubeconfig"),
    "brackets": (_text(server="https://[::1"), ADDRESS),
    "a port": (_text(server="https://127.0.0.1:99999"), ADDRESS),
    "a proxy that is a number": (_text(**{"proxy-url": 5}), "its proxy is no text"),
    "a name of TLS that is one": (_text(**{"tls-server-name": 5}), "its tls-server-name is no"),
    "a CA in no base64": (_text(**{"certificate-authority-data": "!!!"}), CERTIFICATE),
    "a CA that is none": (_text(**{"certificate-authority-data": "aGVsbG8="}), CERTIFICATE),
    "a certificate that is none": (
        _text({"client-certificate-data": "aGVsbG8=", "client-key-data": "aGVsbG8="}),
        CERTIFICATE,
    ),
}


@pytest.mark.parametrize("what", ODD)
async def test_an_odd_kubeconfig_is_refused_in_one_sentence(what: str, tmp_path: Path) -> None:
    """Of the operator, and of whoever writes a Secret that a switchover names."""
    text, words = ODD[what]
    file = tmp_path / "config"
    file.write_bytes(text)
    for asked in (connect(str(file)), credentials.given(text)):
        with pytest.raises(RefusedError, match=words) as refused:
            await asked
        said = str(refused.value)
        assert not set(said.split()) & {"NoneType", "attribute", "Errno"}, said


async def test_a_kubeconfig_without_a_user_is_one_of_nobody(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_bytes(_text())
    for made in (await connect(str(file)), await credentials.given(_text())):
        assert made.configuration.api_key == {}
        await made.close()  # type: ignore[no-untyped-call]


async def test_a_token_in_the_wrong_place_is_in_no_sentence_sec_15(tmp_path: Path) -> None:
    """The package would say all of an entry in which it misses a key."""
    file = tmp_path / "config"
    users = [{"name": "u", "user": None, "token": "s3cret"}]
    text = json.dumps({**json.loads(_text()), "users": users})
    file.write_text(text)
    for asked in (connect(str(file)), credentials.given(text.encode())):
        with pytest.raises(
            RefusedError, match=r"Expected key user in .*users\[name=u\]"
        ) as refused:
            await asked
        assert "s3cret" not in str(refused.value)


async def test_a_kubeconfig_of_aliases_is_not_written_out_sec_08() -> None:
    """Whoever may write a Secret could keep everybody waiting by some hundred bytes."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 9)]
    with effort() as made, pytest.raises(RefusedError, match="no kubeconfig"):
        await credentials.given("\n".join([*lines, "current-context: x"]).encode())
    assert made.calls < 20_000


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
async def test_a_name_that_no_name_server_takes_is_no_answer(tmp_path: Path, host: str) -> None:
    file = tmp_path / "config"
    file.write_bytes(_text(server=f"https://{host}"))
    async with Kube(await connect(str(file)), concerns.of) as kube:
        with pytest.raises(OutsideError, match="no answer"):
            await kube.whoami()
