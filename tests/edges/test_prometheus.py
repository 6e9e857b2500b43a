"""The edge against a server that answers well, badly, and with malice."""

import asyncio
import contextlib
import gzip
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollout.edges import promapi
from rollout.edges.prometheus import Access, Prometheus
from rollout.errors import OutsideError, RefusedError
from rollout.model.observation import Reply, Series
from tests.edges.wire import Wire, vector, wire
from tests.effort import effort

AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SECRET = "s3cret-of-upstream"


def client(served: Wire, **more: Any) -> Prometheus:
    return Prometheus(Access(served.url, **{"timeout": timedelta(seconds=2), **more}))


async def test_a_vector_becomes_series_of_one_point() -> None:
    async with wire() as served:
        served.says(vector(({"pod": "a"}, "12"), ({"pod": "b"}, "NaN")))
        reply = await client(served).instant("up", AT)
    assert reply.series[0] == Series({"pod": "a"}, ((AT, 12.0),))
    assert not reply.partial
    assert served.seen[0]["query"] == "up"
    assert float(served.seen[0]["time"]) == AT.timestamp()


async def test_a_matrix_becomes_series_of_points() -> None:
    result = [{"metric": {}, "values": [[AT.timestamp(), "1"], [AT.timestamp() + 15, "2"]]}]
    async with wire() as served:
        served.says({"status": "success", "data": {"resultType": "matrix", "result": result}})
        end, step = AT + timedelta(seconds=15), timedelta(seconds=15)
        reply = await client(served).range("up", AT, end, step)
    assert reply == Reply((Series({}, ((AT, 1.0), (end, 2.0))),))
    assert (served.seen[0]["path"], served.seen[0]["step"]) == ("/api/v1/query_range", "15.0")
    assert float(served.seen[0]["end"]) == end.timestamp()


async def test_warnings_make_an_answer_partial_and_infos_do_not() -> None:
    async with wire() as served:
        served.says({**vector(), "warnings": ["one store did not answer"]})
        assert (await client(served).instant("up", AT)).partial
        served.says({**vector(), "infos": ["metric might not be a counter"]})
        assert not (await client(served).instant("up", AT)).partial


async def test_a_scalar_is_a_series_without_labels() -> None:
    async with wire() as served:
        scalar = [AT.timestamp(), "1.5"]
        served.says({"status": "success", "data": {"resultType": "scalar", "result": scalar}})
        assert await client(served).instant("1.5", AT) == Reply((Series({}, ((AT, 1.5),)),))


async def test_a_long_query_travels_in_the_body() -> None:
    async with wire() as served:
        served.says(vector())
        await client(served).instant("x" * 100_000, AT)
    assert len(served.seen[0]["query"]) == 100_000


async def test_credentials_go_out_and_stay_out_of_every_text() -> None:
    access = Access("http://x", token="t0ken", user="u", password="passw0rd")
    assert "t0ken" not in repr(access)
    assert "passw0rd" not in repr(access)
    async with wire() as served:
        served.says(vector())
        await client(served, token="t0ken", tenant=("X-Scope-OrgID", "shop")).instant("up", AT)
        await client(served, user="u", password="p").instant("up", AT)
    assert served.asked_with[0]["Authorization"] == "Bearer t0ken"
    assert served.asked_with[0]["X-Scope-OrgID"] == "shop"
    assert served.asked_with[1]["Authorization"].startswith("Basic ")


async def test_a_redirect_is_refused_and_not_followed() -> None:
    async with wire() as served:
        served.headers = {"Location": "http://169.254.169.254/latest/meta-data"}
        served.says(SECRET.encode(), status=302)
        with pytest.raises(RefusedError, match="status 302"):
            await client(served, token="t0ken").instant("up", AT)
    assert len(served.seen) == 1


async def test_one_retry_and_no_more() -> None:
    async with wire() as served:
        served.says(vector())
        served.statuses = [503]
        await client(served).instant("up", AT)
        served.statuses = [503, 503, 503]
        with pytest.raises(OutsideError, match="status 503"):
            await client(served).instant("up", AT)
    assert len(served.seen) == 4


async def test_a_body_too_large_is_not_read() -> None:
    async with wire() as served:
        served.says(b" " * 2_000_000)
        with pytest.raises(OutsideError, match="too large"):
            await client(served, most_bytes=1_000_000).instant("up", AT)


async def test_a_body_that_drips_for_ever_is_given_up() -> None:
    async with wire() as served:
        served.drip = True
        with pytest.raises(OutsideError, match="no answer"):
            await client(served, timeout=timedelta(milliseconds=300)).instant("up", AT)


async def test_no_answer_in_time_and_nobody_there_are_told_apart() -> None:
    async with wire() as served:
        served.delay = 1.0
        with pytest.raises(OutsideError, match=r"no answer|no connection"):
            await client(served, timeout=timedelta(milliseconds=200)).instant("up", AT)
    with pytest.raises(OutsideError, match="no connection"):
        await Prometheus(Access("http://127.0.0.1:9")).instant("up", AT)


WRONG: list[tuple[object, int]] = [
    (b"", 200),
    (b"<html>login please</html>", 200),
    (b'{"status": "success", "data": {"resultTy', 200),
    (b"[" * 100_000, 200),
    (b'{"status": "success", "data": {"resultType": "vector", "result": [NaN]}}', 200),
    (b"null", 200),
    (b"[]", 200),
    (b"{}", 200),
    ({"status": "success"}, 200),
    ({"status": "success", "data": None}, 200),
    ({"status": "success", "data": {"resultType": "vector"}}, 200),
    ({"status": "success", "data": {"resultType": "vector", "result": None}}, 200),
    ({"status": "success", "data": {"resultType": "vector", "result": 5}}, 200),
    ({"status": "success", "data": {"resultType": "vector", "result": [{}]}}, 200),
    ({"status": "success", "data": {"resultType": "vector", "result": [{"metric": 1}]}}, 200),
    ({"status": "success", "data": {"resultType": "matrix", "result": []}}, 200),
    ({"status": "success", "data": {"resultType": "string", "result": [1, "1"]}}, 200),
    ({"status": "success", "data": {"resultType": "scalar", "result": [1]}}, 200),
    ({"status": "success", "data": {"resultType": ["vector"], "result": []}}, 200),
    ({"status": "success", "data": {"resultType": "streams", "result": []}}, 200),
    ({"status": "error", "errorType": "timeout", "error": SECRET, "data": vector()["data"]}, 200),
    ({"status": "error", "errorType": "bad_data", "error": SECRET}, 400),
    ({"status": "error", "errorType": "execution", "error": SECRET}, 422),
    ({"status": "error", "errorType": SECRET, "error": SECRET}, 500),
    (SECRET.encode(), 401),
    (SECRET.encode(), 403),
    (SECRET.encode(), 404),
    (SECRET.encode(), 429),
    (SECRET.encode(), 502),
    (b"\xff\xfe\x00", 500),
]
WRONG_SAMPLES: list[object] = [
    {"metric": {}, "value": [1767614400, 1]},
    {"metric": {}, "value": ["1767614400", "1"]},
    {"metric": {}, "value": [True, "1"]},
    {"metric": {}, "value": [1e300, "1"]},
    {"metric": {}, "value": [1767614400, "one"]},
    {"metric": {}, "value": [1767614400]},
    {"metric": {}, "value": None},
    {"metric": {}, "value": [1767614400, "1", "2"]},
    {"metric": {}, "value": [1767614400, ""]},
    {"metric": [], "value": [1767614400, "1"]},
    {"metric": {}, "histogram": [1767614400, {"count": "1", "sum": "1"}]},
    {"metric": {}},
    [],
    "text",
]
WRONG += [
    ({"status": "success", "data": {"resultType": "vector", "result": [sample]}}, 200)
    for sample in WRONG_SAMPLES
]


@pytest.mark.parametrize("number", range(len(WRONG)))
async def test_whatever_is_not_the_apis_is_an_error_in_our_own_words(number: int) -> None:
    answer, status = WRONG[number]
    async with wire() as served:
        served.says(answer, status)
        with pytest.raises((OutsideError, RefusedError)) as caught:
            await client(served).instant("up", AT)
    text = str(caught.value)
    assert text.startswith("prometheus: ")
    assert SECRET not in text
    assert "\n" not in text
    assert len(text) < 120


async def test_a_small_body_that_unpacks_to_a_large_one_is_not_unpacked() -> None:
    """64 MiB of blanks in 64 KiB; no more than the limit and a piece is ever held."""
    bomb = gzip.compress(b" " * (64 << 20))
    async with wire() as served:
        served.headers = {"Content-Encoding": "gzip"}
        served.says(bomb)
        asked = client(served, most_bytes=1 << 20, timeout=timedelta(seconds=60))
        tracemalloc.start()
        try:
            with pytest.raises(OutsideError, match="too large"):
                await asked.instant("up", AT)
            held = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert held < 16 << 20


DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\nX-A: ", b"x"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n", b" "),
    "a body without a length": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", b" "),
}


@pytest.mark.parametrize("what", DRIPS)
async def test_whoever_sends_a_byte_now_and_then_keeps_no_thread(what: str) -> None:
    """Each byte comes in time, for the timeouts of ``requests``: the thread was lost for hours."""
    head, drop = DRIPS[what]
    there: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while not reader.at_eof():
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        there.discard(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        access = Access(f"http://127.0.0.1:{port}", timeout=timedelta(seconds=0.2), at_once=1)
        asked = Prometheus(access)
        for _ in range(2):  # with its only thread
            with pytest.raises(OutsideError, match="no answer in time"):
                await asked.instant("up", AT)
        asked.close()
        async with asyncio.timeout(30):
            while there:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("one", [b'{"metric":{},"value":[1,"1"]}', b"[1]", b"{}"])
async def test_an_answer_of_everything_there_is_is_not_read(one: bytes) -> None:
    """A query that forgets to sum, ``{__name__=~".+"}``: 33 MB of it took 550 MB of memory."""
    result = b",".join([one] * 400_001)
    body = b'{"status":"success","data":{"resultType":"vector","result":[' + result + b"]}}"
    async with wire() as served:
        served.says(body)
        with effort() as made, pytest.raises(OutsideError, match="too many series"):
            promapi.read(200, body, "vector")
        assert made.calls < 1000
        with pytest.raises(OutsideError, match=r"too many series|too large"):
            await client(served, timeout=timedelta(seconds=60)).instant("up", AT)


async def test_large_answers_are_read_one_after_the_other() -> None:
    result = [{"metric": {"pod": str(n)}, "value": [1, "1"]} for n in range(30_000)]
    async with wire() as served:
        served.says({"status": "success", "data": {"resultType": "vector", "result": result}})
        asked = client(served, timeout=timedelta(seconds=60))
        replies = await asyncio.gather(*(asked.instant("up", AT) for _ in range(3)))
    assert [len(reply.series) for reply in replies] == [30_000] * 3
