"""P-GH, SEC-13, SEC-14, SEC-15, SEC-26: a forge that limits, refuses, lies, hangs, sends away."""

import base64
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pygit2
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from rollout.edges.forge import rest
from rollout.edges.forge.forges import Forges
from rollout.edges.proxy import Proxy
from rollout.edges.reach import Hosts
from rollout.errors import OutsideError, RefusedError
from rollout.lab.forge.faults import Fault, exhausted, limited
from rollout.lab.forge.server import Forge
from rollout.lab.programs.gitserver import Repository
from rollout.model.forge import CommitState, ForgeKind, Place, Standing

Entries = Mapping[str, bytes]


@dataclass
class Under:
    """The stand-in, one commit in it, and a clock of the test's own."""

    forge: Forge
    forges: Forges
    commit: str
    later: timedelta = timedelta(0)
    entries: dict[str, bytes] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    async def tell(self, entries: Entries | None = None, api: str = "", **more: str) -> None:
        place = Place(ForgeKind.GITHUB, api or self.forge.github_url, more.get("name", "lab/shop"))
        repo = self.forges.at(place, "forge", self.entries if entries is None else entries)
        state = CommitState(more.get("state", "success"))
        await repo.put_status(Standing("rollout/shop/shop", self.commit, state, "fine"))

    def posts(self) -> int:
        return sum(one.startswith("POST") and "/statuses/" in one for one in self.forge.asked)

    def states(self) -> list[str]:
        return [one["state"] for one in self.forge.projects["lab/shop"].statuses]


@pytest.fixture
async def under(tmp_path: Path) -> AsyncIterator[Under]:
    pygit2.init_repository(str(tmp_path / "shop.git"), bare=True, initial_head="main")
    shop = Repository(tmp_path / "shop.git", "http://127.0.0.1/shop.git")
    commit = shop.commit({"shop.yaml": "revision: v1\n"}, "v1")
    async with Forge() as forge:
        forge.add("lab/shop", shop)
        hosts = Hosts(["http://127.0.0.1:*"])
        made = Under(forge, Forges.of(hosts, Proxy(), datetime.now), commit)
        async with Forges.of(hosts, Proxy(), made.now) as made.forges:
            made.entries["token"] = forge.token.encode()
            yield made


async def test_a_secondary_limit_is_obeyed_and_nothing_is_asked_meanwhile(under: Under) -> None:
    under.forge.faults.tell(limited(30))
    with pytest.raises(OutsideError) as caught:
        await under.tell()
    assert caught.value.retry_after == 30
    asked = len(under.forge.asked)
    with pytest.raises(OutsideError, match="asked to wait"):
        await under.tell()
    assert len(under.forge.asked) == asked
    under.later = timedelta(seconds=31)
    await under.tell()
    assert under.states() == ["success"]


@pytest.mark.parametrize(
    "fault",
    [
        replace(limited(0), headers={}),  # known by its message alone
        Fault(status=429),
        Fault(status=429, body="<html>"),
    ],
)
async def test_a_limit_that_says_no_time_is_obeyed_for_a_minute_by_all_of_its_token(
    under: Under, fault: Fault
) -> None:
    under.forge.faults.tell(replace(fault))
    with pytest.raises(OutsideError) as caught:
        await under.tell()
    assert caught.value.retry_after == rest.USUAL_WAIT
    asked = len(under.forge.asked)
    with pytest.raises(OutsideError, match="asked to wait 60 s more"):
        await under.tell(name="lab/other")
    assert len(under.forge.asked) == asked
    under.later = timedelta(seconds=61)
    await under.tell()
    assert under.states() == ["success"]


async def test_a_primary_limit_is_obeyed_until_its_reset(under: Under) -> None:
    under.forge.faults.tell(exhausted(time.time() + 100))
    with pytest.raises(OutsideError) as caught:
        await under.tell()
    assert 90 < (caught.value.retry_after or 0) <= 100
    under.later = timedelta(seconds=101)
    await under.tell()


async def test_the_last_request_of_an_hour_is_not_followed_by_another(under: Under) -> None:
    under.forge.github.limit = 2
    await under.tell()
    asked = len(under.forge.asked)
    with pytest.raises(OutsideError, match="asked to wait"):
        await under.tell(state="failure")
    assert len(under.forge.asked) == asked


async def test_a_limit_is_of_one_token(under: Under) -> None:
    under.forge.faults.tell(limited(30))
    with pytest.raises(OutsideError):
        await under.tell()
    app = under.forge.github.app
    await under.tell({"appId": str(app.id).encode(), "privateKey": app.pem.encode()})


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
async def test_what_passes_is_tried_again_and_done_once(under: Under, status: int) -> None:
    """Also where the effect was had, and only the answer was lost."""
    for done in (False, True):
        under.forge.faults.tell(Fault("POST", "/statuses/", status=status, done=done))
        with pytest.raises(OutsideError):
            await under.tell()
        under.later += timedelta(seconds=61)
    await under.tell()
    assert under.states() == ["success"]


async def test_a_connection_that_is_cut_is_no_answer(under: Under) -> None:
    under.forge.faults.tell(Fault("POST", cut=True, done=True))
    with pytest.raises(OutsideError, match="broke off"):
        await under.tell()
    await under.tell()
    assert under.states() == ["success"]


async def test_a_forge_that_hangs_is_left_in_time(
    under: Under, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PATIENCE", 0.3)
    under.forge.faults.tell(Fault(delay=5))
    with pytest.raises(OutsideError, match="no answer in"):
        await under.tell()


async def test_a_dead_forge_is_no_answer(under: Under) -> None:
    await under.forge.stop()
    with pytest.raises(OutsideError, match="cannot be reached"):
        await under.tell()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "does not take it"),
        (403, "may not"),
        (404, "not found"),
        (409, "does not take that"),
        (422, "does not take that"),
        (418, "answers 418"),
    ],
)
async def test_a_no_says_what_to_mend_and_nothing_of_the_forges_text_sec_14(
    under: Under, status: int, words: str
) -> None:
    body = '{"message": "internal host 10.0.0.7 says ghp_leak"}'
    under.forge.faults.tell(Fault(status=status, body=body))
    with pytest.raises(RefusedError, match=words) as caught:
        await under.tell()
    assert "10.0.0.7" not in str(caught.value)
    assert "ghp_" not in str(caught.value)


@pytest.mark.parametrize("body", ["", "[]", "null", "<html>", "[" * 100_000, '{"statuses": 7}'])
async def test_an_answer_that_is_odd_ends_nothing(under: Under, body: str) -> None:
    under.forge.faults.tell(Fault("GET", status=200, body=body))
    with contextlib.suppress(OutsideError):
        await under.tell()
    await under.tell(state="failure")
    assert under.states()[-1] == "failure"


async def test_an_answer_without_end_is_left(under: Under) -> None:
    under.forge.faults.tell(Fault("GET", status=200, body="x" * (rest.LARGEST + 1)))
    with pytest.raises(OutsideError, match="more than 4 MiB"):
        await under.tell()


@dataclass
class Thief:
    """Another host, to which a forge sends whoever asks."""

    heard: list[str] = field(default_factory=list)

    async def listen(self, request: web.Request) -> web.Response:
        self.heard.append(request.headers.get("Authorization", ""))
        return web.json_response({})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_never_carries_the_token_sec_13(under: Under, status: int) -> None:
    thief = Thief()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", thief.listen)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    where = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    under.forge.faults.tell(Fault(status=status, headers={"Location": where}))
    with pytest.raises(RefusedError, match="redirects"):
        await under.tell()
    assert thief.heard == []
    await runner.cleanup()


@pytest.mark.parametrize(
    "api",
    [
        "http://169.254.169.254/latest",
        "http://10.0.0.1/api/v3",
        "http://localhost:1/api",
        "https://[::1]/api/v3",
        "https://[::ffff:127.0.0.1]/api/v3",
        "ftp://127.0.0.1/",
        "http://[",
        "",
    ],
)
async def test_only_apis_that_the_operator_lets_are_asked_sec_13(under: Under, api: str) -> None:
    if api:
        with pytest.raises(RefusedError):
            await under.tell(api=api)
    assert under.forge.asked == []


async def test_a_changed_secret_is_used_at_the_next_request_sec_26(under: Under) -> None:
    with pytest.raises(RefusedError):
        await under.tell({"token": b"ghp_old"})
    await under.tell({"token": under.forge.token.encode() + b"\n"})
    assert under.states() == ["success"]


SECRET = b"ghp_planted0123456789"


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"token": b""},
        {"token": b"two\nlines"},
        {"token": SECRET + b"\r\nX-Evil: 1"},
        {"token": SECRET},
        {"appId": b"1"},
        {"appId": b"1", "privateKey": SECRET},
        {"appId": b"../../x", "privateKey": b""},
        {"token": SECRET, "ca.crt": b"no pem"},
    ],
)
async def test_a_secret_that_is_none_says_so_and_not_what_it_is_sec_15(
    under: Under, entries: Entries
) -> None:
    with pytest.raises(RefusedError) as caught:
        await under.tell(entries)
    assert "planted" not in str(caught.value)
    assert "planted" not in repr(caught.value.__cause__)
    assert "forge" in str(caught.value)


def app(under: Under, **more: bytes) -> dict[str, bytes]:
    made = under.forge.github.app
    return {"appId": str(made.id).encode(), "privateKey": made.pem.encode(), **more}


def grants(under: Under) -> int:
    return sum("access_tokens" in one for one in under.forge.asked)


async def test_an_app_finds_its_installation_and_keeps_its_token(under: Under) -> None:
    for state in ("pending", "success"):
        await under.tell(app(under), state=state)
    assert grants(under) == 1
    assert sum(one.endswith("/installation") for one in under.forge.asked) == 1
    assert under.states() == ["pending", "success"]


async def test_an_installation_that_is_named_is_not_looked_for(under: Under) -> None:
    named = str(under.forge.github.app.installation).encode()
    await under.tell(app(under, installationId=named))
    assert not any(one.endswith("/installation") for one in under.forge.asked)


async def test_an_apps_token_is_renewed_before_it_ends(under: Under) -> None:
    under.forge.github.app.lifetime = 600.0
    for _ in range(2):
        await under.tell(app(under))
    assert grants(under) == 1
    under.forge.github.app.lifetime = 200.0  # less than the five minutes before its end
    named = app(under, installationId=str(under.forge.github.app.installation).encode())
    for _ in range(2):
        await under.tell(named)
    assert grants(under) == 3


async def test_a_token_that_is_taken_back_is_made_anew(under: Under) -> None:
    await under.tell(app(under))
    under.forge.github.app.tokens.clear()
    with pytest.raises(RefusedError, match="does not take it"):
        await under.tell(app(under), state="failure")
    await under.tell(app(under), state="failure")
    assert grants(under) == 2
    assert under.states() == ["success", "failure"]


async def test_another_kind_of_key_is_refused_in_words(under: Under) -> None:
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(RefusedError, match="is no RSA key"):
        await under.tell(app(under, privateKey=other))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, rest.USUAL_WAIT),
        ({"Retry-After": "nan"}, rest.USUAL_WAIT),
        ({"Retry-After": "1e99"}, rest.LONGEST_WAIT),
        ({"Retry-After": "-5"}, 0.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1030"}, 30.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, 0.0),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1030"}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "1030"}, 30.0),
        ({"X-RateLimit-Remaining": "0"}, None),
    ],
)
def test_how_long_a_forge_wants_to_be_left_alone(
    headers: Mapping[str, str], wait: float | None
) -> None:
    assert rest.limit(headers, 1000.0) == wait


@given(st.text(), st.text())
def test_no_header_makes_us_wait_for_ever(asked: str, reset: str) -> None:
    limited_ = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    for headers in ({"Retry-After": asked}, limited_):
        found = rest.limit(headers, 1000.0)
        assert found is not None
        assert 0 <= found <= rest.LONGEST_WAIT


def test_a_token_is_in_no_representation_sec_15() -> None:
    assert base64.b64encode(SECRET).decode() not in repr(Forges.of(Hosts(), Proxy(), datetime.now))
