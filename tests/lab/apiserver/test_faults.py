"""Faults that a test orders, as the client sees them."""

from __future__ import annotations

import json

import aiohttp
import pytest

from rollout.lab.apiserver import faults
from rollout.lab.apiserver.faults import Fault
from rollout.lab.apiserver.server import ApiServer
from tests.contract.client import Answer, Api
from tests.contract.objects import WIDGET, widget


async def patched(api: Api, size: int = 2) -> Answer:
    return await api.patch(api.path(WIDGET, "a"), {"spec": {"size": size}})


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (faults.CONFLICT, (409, "Conflict")),
        (faults.SERVER_ERROR, (500, "InternalError")),
        (faults.UNAVAILABLE, (503, "ServiceUnavailable")),
        (faults.too_many(), (429, "TooManyRequests")),
    ],
)
async def test_the_next_write_fails_and_the_one_after_does_not(
    server: ApiServer, api: Api, fault: Fault, problem: tuple[int, str]
) -> None:
    await api.post(api.path(WIDGET), widget())
    server.faults.order(fault, faults.writes)
    assert (await api.get(api.path(WIDGET, "a"))).code == 200
    assert (await patched(api)).problem == problem
    assert (await api.get(api.path(WIDGET, "a")))["spec"]["size"] == 1
    assert (await patched(api))["spec"]["size"] == 2


async def test_a_fault_lasts_as_often_as_it_was_ordered(server: ApiServer, api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    server.faults.order(faults.CONFLICT, faults.on("patch", "widgets.example.dev", "a"), times=3)
    assert [(await patched(api)).code for _ in range(4)] == [409, 409, 409, 200]


@pytest.mark.parametrize("said", ["1", "0.5", "-1", "inf", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_retry_after_is_sent_as_it_was_ordered(
    server: ApiServer, api: Api, said: str
) -> None:
    server.faults.order(faults.too_many(said))
    answer = await api.get(api.path(WIDGET))
    assert (answer.code, answer.headers["Retry-After"]) == (429, said)


async def test_an_answer_may_be_no_json_at_all(server: ApiServer, api: Api) -> None:
    server.faults.order(faults.BAD_GATEWAY_HTML)
    answer = await api.get(api.path(WIDGET))
    assert (answer.code, answer.body, answer.headers["Content-Type"]) == (502, None, "text/html")


@pytest.mark.parametrize(("fault", "size"), [(faults.RESET_BEFORE, 1), (faults.RESET_AFTER, 2)])
async def test_a_connection_is_lost_before_or_after_the_write(
    server: ApiServer, api: Api, fault: Fault, size: int
) -> None:
    await api.post(api.path(WIDGET), widget())
    server.faults.order(fault, faults.writes)
    with pytest.raises(aiohttp.ClientConnectionError):
        await patched(api)
    assert (await api.get(api.path(WIDGET, "a")))["spec"]["size"] == size


async def test_a_write_that_hangs_is_done_all_the_same(server: ApiServer, api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    server.faults.order(faults.hang(30, after=True), faults.writes)
    with pytest.raises(TimeoutError):
        await api.session.patch(
            api.url + api.path(WIDGET, "a"),
            data=json.dumps({"spec": {"size": 2}}),
            headers={"Content-Type": "application/merge-patch+json"},
            timeout=aiohttp.ClientTimeout(total=0.3),
        )
    assert (await api.get(api.path(WIDGET, "a")))["spec"]["size"] == 2


async def test_watches_end_cleanly(server: ApiServer, api: Api) -> None:
    async with api.watch(api.path(WIDGET)) as events:
        assert server.faults.cut_watches() == 1
        assert await events.next() == ("", {})


async def test_watches_are_reset(server: ApiServer, api: Api) -> None:
    async with api.watch(api.path(WIDGET)) as events:
        assert server.faults.cut_watches("reset", "widgets.example.dev") == 1
        with pytest.raises(aiohttp.ClientError):
            await events.next()


async def test_watches_end_in_the_middle_of_a_line(server: ApiServer, api: Api) -> None:
    async with api.watch(api.path(WIDGET)) as events:
        server.faults.cut_watches("half")
        with pytest.raises((aiohttp.ClientError, json.JSONDecodeError)):
            await events.next()


async def test_a_silent_watch_says_nothing_and_stays(server: ApiServer, api: Api) -> None:
    async with api.watch(api.path(WIDGET), allowWatchBookmarks="true") as events:
        assert server.faults.silence_watches("widgets.example.dev") == 1
        await api.post(api.path(WIDGET), widget("lost"))
        with pytest.raises(TimeoutError):
            await events.next(within_s=0.7)
        server.faults.clear()
        await api.post(api.path(WIDGET), widget("heard"))
        heard = [await events.next() for _ in range(2)]
    assert "heard" in [document["metadata"].get("name") for _, document in heard]


async def test_calls_are_recorded_for_those_who_count_them(server: ApiServer, api: Api) -> None:
    server.faults.record = True
    await api.post(api.path(WIDGET), widget())
    await patched(api)
    calls = [(call.verb, call.resource, call.name) for call in server.faults.calls]
    assert calls == [("create", "widgets.example.dev", ""), ("patch", "widgets.example.dev", "a")]
