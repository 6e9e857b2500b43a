"""The HTTP gate's edge against a real server that says anything at all."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollout.edges import webhook
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts
from rollout.edges.webhook import Entries, Webhooks
from rollout.errors import OutsideError, RefusedError, RolloutError
from rollout.model.observation import HookAnswer, HookQuestion, HookVerdict
from rollout.model.spec import SecretRef, Webhook
from tests.edges import gateserver
from tests.edges.gateserver import Gate, gate, signed_by

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = b"a key of more than sixteen bytes"
HERE = ("http://127.0.0.1:*", "https://127.0.0.1:*", "http://localhost:*")
OPEN = HookAnswer("n1", HookVerdict.OPEN)


def question(url: str, seconds: float = 5) -> HookQuestion:
    hook = Webhook("qa", url, SecretRef("qa"))
    object.__setattr__(hook, "timeout", timedelta(seconds=seconds))  # shorter than specs may say
    return HookQuestion(hook, "n1", "u1", "shop", "web", "v2", "c0ffee", 1, "half", 3, 50, 17)


async def ask(
    served: Gate,
    entries: Entries | None = None,
    hosts: Iterable[str] = HERE,
    seconds: float = 5,
    proxy: Proxy | None = None,
) -> HookAnswer:
    async with Webhooks(Hosts(hosts), proxy) as hooks:
        asked = question(served.url, seconds)
        return await hooks.ask(asked, {"key": KEY} if entries is None else entries, NOW)


async def test_the_request_is_signed_and_says_what_it_is_about() -> None:
    async with gate() as served:
        assert await ask(served) == OPEN
    [asked] = served.seen
    assert asked.line == "POST /gate HTTP/1.1"
    assert signed_by(KEY, asked)
    assert not signed_by(b"another", asked)
    assert asked.headers["x-rollout-signature"].startswith("t=1767225600,v1=")
    assert json.loads(asked.body) == {
        "version": 1,
        "nonce": "n1",
        "uid": "u1",
        "namespace": "shop",
        "rollout": "web",
        "webhook": "qa",
        "revision": "v2",
        "commit": "c0ffee",
        "step": 1,
        "stepName": "half",
        "weight": 50,
        "attempt": 3,
        "epoch": 17,
    }
    assert "cookie" not in asked.headers
    assert "authorization" not in asked.headers


async def test_while_a_key_is_changed_both_sign() -> None:
    old, new = KEY, b"the newer one, just as long as that"
    async with gate() as served:
        await ask(served, {"key": new + b"\n", "previous": old})
    assert [signed_by(key, served.seen[0]) for key in (old, new)] == [True, True]


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({}, "secret qa: has no entry key"),
        ({"key": b"short"}, "shorter than 16 bytes"),
        ({"key": KEY, "previous": b""}, "shorter than 16 bytes"),
        ({"key": KEY, "ca.crt": b"no PEM \xff"}, "ca.crt is no PEM"),
    ],
)
async def test_without_a_good_key_nothing_is_sent(entries: Entries, says: str) -> None:
    async with gate() as served:
        with pytest.raises(RefusedError, match=says):
            await ask(served, entries)
    assert served.seen == []


JSON = "application/json"
SAID = [
    ('{"verdict": "open"}', "200 OK", JSON, "open", ""),
    ('{"verdict": "open", "because": "all\\n green"}', "200 OK", JSON, "open", "all green"),
    ('{"verdict": "hold", "because": "3 of 9"}', "201 Created", JSON, "hold", "3 of 9"),
    ('{"verdict": "failed", "because": "p99"}', "202 Accepted", JSON, "failed", "p99"),
    ('{"verdict": "hold", "more": 1}', "200 OK", "application/problem+json", "hold", ""),
    ('{"verdict": "hold", "because": ["x"]}', "200 OK", JSON, "hold", ""),
    ('{"verdict": "hold", "because": "\\u001b[31mred"}', "200 OK", JSON, "hold", "[31mred"),
    (f'{{"verdict": "hold", "because": "{"x" * 999}"}}', "200 OK", JSON, "hold", "x" * 120),
    ("", "200 OK", JSON, "open", ""),
    ("", "200 OK", "text/html", "open", ""),
    ("", "202 Accepted", JSON, "hold", "answered 202 without a verdict"),
]


@pytest.mark.parametrize(("text", "status", "kind", "verdict", "because"), SAID)
async def test_what_is_said_plainly_is_taken(
    text: str, status: str, kind: str, verdict: str, because: str
) -> None:
    async with gate() as served:
        served.json(text, status, kind)
        assert await ask(served) == HookAnswer("n1", HookVerdict(verdict), because)


async def test_no_content_opens() -> None:
    async with gate() as served:
        served.says = b"HTTP/1.1 204 No Content\r\n\r\n"
        assert await ask(served) == OPEN


UNCLEAR = [
    ('{"verdict": "OPEN"}', "200 OK", JSON, "it names no verdict"),
    ('{"verdict": true}', "200 OK", JSON, "it names no verdict"),
    ('{"open": true}', "200 OK", JSON, "it names no verdict"),
    ('["open"]', "200 OK", JSON, "it names no verdict"),
    ('"open"', "200 OK", JSON, "it names no verdict"),
    ("null", "200 OK", JSON, "it names no verdict"),
    ('{"verdict": "open"', "200 OK", JSON, "its JSON cannot be read"),
    ("[" * 60_000, "200 OK", JSON, "its JSON cannot be read"),
    ('{"verdict": "open"}', "200 OK", "text/html", "its answer is no JSON"),
    ("<html>please log in</html>", "200 OK", "text/html", "its answer is no JSON"),
    ("x" * 70_000, "200 OK", JSON, "more than 64 KiB"),
    ('{"verdict": "open"}', "400 Bad Request", JSON, "it answers 400"),
    ('{"verdict": "open"}', "404 Not Found", JSON, "it answers 404"),
    ('{"verdict": "failed"}', "500 Oh", JSON, "it answers 500"),
    ('{"verdict": "open"}', "502 Bad Gateway", JSON, "it answers 502"),
    ('{"verdict": "open"}', "503 Busy", JSON, "it answers 503"),
    ('{"verdict": "open"}', "429 Slow", JSON, "it answers 429"),
]


@pytest.mark.parametrize(("text", "status", "kind", "says"), UNCLEAR)
async def test_what_is_not_said_plainly_is_no_answer(
    text: str, status: str, kind: str, says: str
) -> None:
    async with gate() as served:
        served.json(text, status, kind)
        with pytest.raises(OutsideError, match=says):
            await ask(served)


@pytest.mark.parametrize(
    ("status", "says"),
    [("401 No", "is the key right"), ("403 No", "is the key right"), ("302 There", "redirects")],
)
async def test_a_no_is_not_tried_elsewhere(status: str, says: str) -> None:
    async with gate() as served, gate() as other:
        there = f"HTTP/1.1 {status}\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"
        served.says = there.encode()
        with pytest.raises(RefusedError, match=says):
            await ask(served)
        assert other.seen == []


BROKEN = [
    (b"", "it broke off"),
    (b"HTTP/1.1 200 OK\r\n\r\n", "may be cut off"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", "it broke off"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "it broke off"),
    (gateserver.HEAD + b'\r\n{"verdict":"op', "its JSON cannot be read"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "it does not speak HTTP"),
]


@pytest.mark.parametrize(("says", "told"), BROKEN)
async def test_an_answer_that_is_cut_off_opens_nothing(says: bytes, told: str) -> None:
    async with gate() as served:
        served.says = says
        with pytest.raises(OutsideError, match=told):
            await ask(served)


async def test_a_chunked_end_is_an_end() -> None:
    async with gate() as served:
        served.says = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        assert await ask(served) == OPEN


async def test_an_answer_that_packs_itself_is_not_unpacked() -> None:
    async with gate() as served:
        packed = b"\x1f\x8b" + b"\0" * 40
        head = gateserver.HEAD + b"Content-Encoding: gzip\r\nContent-Length: 42\r\n\r\n"
        served.says = head + packed
        with pytest.raises(OutsideError, match="its JSON cannot be read"):
            await ask(served)
        assert served.seen[0].headers["accept-encoding"] == "identity"


async def test_one_who_speaks_a_byte_at_a_time_is_not_waited_for() -> None:
    async with gate() as served:
        served.json('{"verdict": "open"}')
        served.pause = 0.1
        with pytest.raises(OutsideError, match="none in 300ms"):
            await ask(served, seconds=0.3)


async def test_one_who_never_ends_is_not_listened_to() -> None:
    async with gate() as served:
        served.says = gateserver.HEAD + b"\r\n"
        served.endless = b" " * 10_000
        with pytest.raises(OutsideError, match="more than 64 KiB"):
            await ask(served)


async def test_how_long_a_busy_one_wants_to_be_left_alone_is_heard() -> None:
    found = []
    async with gate() as served:
        for wanted in ("7", "soon", "99999999", "-1"):
            head = f"HTTP/1.1 503 Busy\r\nRetry-After: {wanted}\r\nContent-Length: 0\r\n\r\n"
            served.says = head.encode()
            with pytest.raises(OutsideError) as caught:
                await ask(served)
            found.append(caught.value.retry_after)
    assert found == [7.0, None, None, None]


async def test_nobody_there_is_no_answer() -> None:
    async with gate() as served:
        pass
    with pytest.raises(OutsideError, match="it cannot be reached"):
        await ask(served)
    served.url = "https://gate.invalid/"
    with pytest.raises(OutsideError, match="it has a name that is not known"):
        await ask(served, hosts=["https://gate.invalid"])


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    pem = gateserver.certificate(tmp_path)
    async with gate(gateserver.served_with(pem)) as served:
        with pytest.raises(OutsideError, match="its certificate is not trusted"):
            await ask(served)
        assert served.seen == []
        ca = {"key": KEY, "ca.crt": (tmp_path / "cert.pem").read_bytes()}
        assert await ask(served, ca) == OPEN


async def test_a_certificate_of_another_host_is_not_trusted(tmp_path: Path) -> None:
    pem = gateserver.certificate(tmp_path, name="DNS:other.example")
    async with gate(gateserver.served_with(pem)) as served:
        ca = {"key": KEY, "ca.crt": (tmp_path / "cert.pem").read_bytes()}
        with pytest.raises(OutsideError, match="its certificate is not trusted"):
            await ask(served, ca)
        assert served.seen == []


async def test_a_named_host_is_asked_through_the_proxy_and_its_certificate_counts(
    tmp_path: Path,
) -> None:
    pem = gateserver.certificate(tmp_path)
    ca = {"key": KEY, "ca.crt": (tmp_path / "cert.pem").read_bytes()}
    async with gate(gateserver.served_with(pem)) as served, gateserver.tunnel() as carried:
        proxy = Proxy(carried.url)
        assert await ask(served, ca, proxy=proxy) == OPEN
        with pytest.raises(OutsideError, match="its certificate is not trusted"):
            await ask(served, proxy=proxy)
    place = served.url.removeprefix("https://").removesuffix("/gate")
    assert [one.line for one in carried.seen] == [f"CONNECT {place} HTTP/1.1"] * 2
    assert carried.seen[0].headers["proxy-authorization"].startswith("Basic ")
    [asked] = served.seen
    assert "proxy-authorization" not in asked.headers
    assert signed_by(KEY, asked)


async def test_whom_nobody_vouches_for_is_not_asked_through_a_proxy(tmp_path: Path) -> None:
    """The proxy stands in the company's network, and would reach what we may not."""
    async with (
        gate(gateserver.served_with(gateserver.certificate(tmp_path))) as served,
        gateserver.tunnel() as carried,
    ):
        port = served.url.rpartition(":")[2].partition("/")[0]
        with pytest.raises(RefusedError, match="its address may not be asked"):
            await ask(served, hosts=[f"https://*:{port}"], proxy=Proxy(carried.url))
    assert carried.seen == served.seen == []


async def test_a_proxy_that_does_not_let_us_through_is_no_answer() -> None:
    async with gate() as served:
        served.url = served.url.replace("http:", "https:")
        said = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
        async with gateserver.tunnel(said) as carried:
            with pytest.raises(OutsideError, match="its proxy answers 407"):
                await ask(served, proxy=Proxy(carried.url))
        with pytest.raises(OutsideError, match="its proxy cannot be reached"):
            await ask(served, proxy=Proxy(carried.url))


@pytest.mark.parametrize("hosts", [(), ("https://*",), ("https://*.example.com",)])
async def test_who_is_not_on_the_list_is_never_reached(hosts: tuple[str, ...]) -> None:
    async with gate() as served:
        with pytest.raises(RefusedError, match="not on the controller's list"):
            await ask(served, hosts=hosts)
    assert served.seen == []


async def test_this_machine_is_refused_where_only_public_addresses_may_be_asked() -> None:
    """SEC-13."""
    async with gate() as served:
        with pytest.raises(RefusedError, match="its address may not be asked"):
            await ask(served, hosts=["http://*"])
    assert served.seen == []


async def test_a_name_is_judged_by_the_address_that_is_connected_to() -> None:
    """SEC-13, DNS rebinding.

    ``localhost`` stands for any name that a hostile zone lets point at us."""
    async with gate() as served:
        served.url = served.url.replace("127.0.0.1", "localhost")
        with pytest.raises(RefusedError, match="its address may not be asked"):
            await ask(served, hosts=["http://*"])
        assert served.seen == []
        assert await ask(served) == OPEN


@pytest.mark.parametrize("url", ["http://[::1/", "https://a:99999/", "https://:443/"])
async def test_an_address_that_cannot_be_read_is_refused(url: str) -> None:
    async with Webhooks(Hosts()) as hooks:
        with pytest.raises(RefusedError, match="host/path is wanted"):
            await hooks.ask(question(url), {"key": KEY}, NOW)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0", "[::ffff:127.0.0.1]"])
async def test_another_way_of_writing_this_machine_is_refused(host: str) -> None:
    """SEC-13."""
    async with Webhooks(Hosts()) as hooks:
        with pytest.raises(RolloutError, match=r"may not be asked|its url cannot be read"):
            await hooks.ask(question(f"https://{host}:9/"), {"key": KEY}, NOW)


def test_the_same_question_is_the_same_bytes() -> None:
    assert webhook.body(question("http://a/")) == webhook.body(question("http://a/"))
