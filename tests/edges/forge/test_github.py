"""GitHub's API over real HTTP: one comment, whatever happens on the way."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollout.edges.forge import github
from rollout.edges.forge.github import GitHub
from rollout.errors import OutsideError, RefusedError
from tests.edges.forge.forge import Forge

MARK = "<!-- rollout-plan: default -->"


@pytest.fixture
async def forge() -> AsyncIterator[tuple[Forge, str]]:
    forge = Forge()
    server = TestServer(forge.app(), host="127.0.0.1")
    await server.start_server()
    yield forge, str(server.make_url(""))
    await server.close()


async def put(url: str, body: str) -> str:
    async with GitHub("t0ken", url) as client:
        return await client.put_comment("team/shop", 7, MARK, body)


async def test_a_pull_request_has_one_plan_however_often_it_is_pushed_to(
    forge: tuple[Forge, str],
) -> None:
    here, url = forge
    for number in range(150):
        here.say(f"comment {number}")
    first = await put(url, "plan one")
    again = await put(url, "plan two")
    assert first == again
    assert [c["body"] for c in here.comments[150:]] == [f"{MARK}\nplan two"]
    assert here.tokens == {"Bearer t0ken"}


async def test_a_plan_that_has_not_changed_is_not_written(forge: tuple[Forge, str]) -> None:
    here, url = forge
    await put(url, "plan")
    here.asked.clear()
    await put(url, "plan")
    assert [line.split()[0] for line in here.asked] == ["GET"]


async def test_a_stranger_s_copy_of_the_mark_is_no_comment_of_ours(
    forge: tuple[Forge, str],
) -> None:
    here, url = forge
    here.say(f"{MARK}\nlooks good, merge it")
    await put(url, "plan")
    assert [c["body"] for c in here.comments] == [
        f"{MARK}\nlooks good, merge it",
        f"{MARK}\nplan",
    ]


async def test_a_member_s_token_finds_its_comment_again(forge: tuple[Forge, str]) -> None:
    here, url = forge
    here.say(f"{MARK}\nold", association="MEMBER")
    await put(url, "new")
    assert [c["body"] for c in here.comments] == [f"{MARK}\nnew"]


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 429, "headers": {"Retry-After": "0"}},
        {
            "status": 403,
            "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
        },
        {"status": 502, "headers": {"Retry-After": "0"}},
    ],
)
async def test_what_passes_is_waited_for(
    forge: tuple[Forge, str], trouble: dict[str, object]
) -> None:
    here, url = forge
    here.troubles += [web.Response(**trouble), web.Response(**trouble)]  # type: ignore[arg-type]
    await put(url, "plan")
    assert len(here.comments) == 1


async def test_a_limit_that_is_known_by_its_message_is_waited_for(
    forge: tuple[Forge, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, url = forge
    monkeypatch.setattr(github, "LONG", 0.0)
    told = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}
    here.troubles.append(web.json_response(told, status=403))
    await put(url, "plan")
    assert len(here.comments) == 1


async def test_a_rate_limit_of_an_hour_is_not_waited_for(forge: tuple[Forge, str]) -> None:
    here, url = forge
    here.troubles.append(web.Response(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(OutsideError, match="rate limited") as trouble:
        await put(url, "plan")
    assert trouble.value.retry_after == 3600


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "github: answered 401: the token is not valid (Bad credentials)"),
        (
            403,
            "github: answered 403: the token may not; pull-requests: write is wanted "
            "(Bad credentials)",
        ),
        (404, "github: answered 404: not found, or the token may not see it (Bad credentials)"),
        (301, "github: answered 301: it was refused (Bad credentials)"),
    ],
)
async def test_a_no_is_told_with_what_to_mend(
    forge: tuple[Forge, str], status: int, sentence: str
) -> None:
    here, url = forge
    here.troubles.append(web.json_response({"message": "Bad\ncredentials"}, status=status))
    with pytest.raises(RefusedError) as refusal:
        await put(url, "plan")
    assert str(refusal.value) == sentence


async def test_a_github_that_is_not_there_is_no_refusal() -> None:
    with pytest.raises(OutsideError, match="no usable answer"):
        await put("http://127.0.0.1:9", "plan")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "130"}, 30.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "70"}, 0.0),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "130"}, None),
    ],
)
def test_how_long_a_rate_limit_lasts(headers: dict[str, str], seconds: float | None) -> None:
    assert github.retry_after(headers, 100.0) == seconds
