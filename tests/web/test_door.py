"""SEC-31: connections to our doors that ask nothing, never end asking, or take no answer."""

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from rollout.web import door
from rollout.web.door import Room

MOST = 8
LONG = 3600.0  # seconds
LARGE = b"x" * (64 << 20)
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Street:
    """Whoever comes to a door of ours, ``at`` its host and port."""

    at: tuple[str, int]
    wires: list[Wire] = field(default_factory=list)

    async def says(self, text: bytes) -> Wire:
        wire = await asyncio.open_connection(*self.at)
        self.wires.append(wire)
        wire[1].write(text)
        return wire

    async def hears(self, text: bytes) -> bytes:
        """The body of the answer, after which the connection ends."""
        reader, _ = await self.says(text)
        return (await reader.read()).partition(b"\r\n\r\n")[2]

    async def empties(self) -> None:
        for _, writer in self.wires:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def street(room: Room) -> AsyncIterator[Street]:
    app = web.Application()

    async def greet(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def much(_: web.Request) -> web.Response:
        return web.Response(body=LARGE)

    async def broken(_: web.Request) -> web.Response:
        raise IndexError("a fault of ours")

    app.router.add_get("/", greet)
    app.router.add_get("/broken", broken)
    app.router.add_post("/", echo)
    app.router.add_get("/much", much)
    async with door.opened(app, "127.0.0.1", 0, room) as address:
        host, _, port = address.rpartition(":")
        made = Street((host, int(port)))
        try:
            yield made
        finally:
            await made.empties()


async def ends(wires: Sequence[Wire]) -> None:
    """The other side has closed them all."""
    for reader, _ in wires:
        with contextlib.suppress(ConnectionResetError):
            while await reader.read(1 << 16):
                pass


ONCE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
KEPT = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


STARTS = [b"", b"G", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"\x16\x03\x01"]


@pytest.mark.parametrize("text", STARTS, ids=["silent", "a letter", "a header", "TLS"])
async def test_whoever_has_asked_nothing_by_then_goes_sec_31(text: bytes) -> None:
    async with street(Room(first=0.2)) as door_side:
        await ends([await door_side.says(text)])
    async with street(Room()) as door_side:
        assert await door_side.hears(ONCE) == b"hello"


async def test_who_has_asked_may_ask_again_however_much_later() -> None:
    for first in (0.1, 2.0, 60.0):  # seconds; the machine may be busy
        async with street(Room(first)) as door_side:
            reader, writer = await door_side.says(KEPT)
            try:
                assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
            except (asyncio.IncompleteReadError, ConnectionResetError):
                continue  # it had not asked in time
            await asyncio.sleep(2 * first)
            writer.write(ONCE)
            assert (await reader.read()).endswith(b"hello")
            break


@pytest.mark.parametrize("text", [b"", KEPT[:-2], KEPT], ids=["silent", "unfinished", "kept alive"])
async def test_however_many_stand_in_the_door_the_next_is_heard_sec_31(text: bytes) -> None:
    async with street(Room(LONG, MOST)) as door_side:
        crowd = [await door_side.says(text) for _ in range(4 * MOST)]
        assert [await door_side.hears(ONCE) for _ in range(3)] == [b"hello"] * 3
        await ends(crowd[: 3 * MOST])


async def test_whoever_takes_no_answer_makes_room_sec_31() -> None:
    async with street(Room(LONG, MOST)) as door_side:
        for _ in range(2 * MOST):
            await door_side.says(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await door_side.hears(ONCE) == b"hello"


async def test_a_body_is_taken_as_it_is_sent_and_never_unpacked_sec_31() -> None:
    bomb = gzip.compress(bytes(8 << 20))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: gzip\r\n"
    async with street(Room()) as door_side:
        sent = head + b"Content-Length: %d\r\n\r\n" % len(bomb) + bomb
        assert await door_side.hears(sent) == bomb


async def test_headers_without_end_are_refused_sec_31() -> None:
    many = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(5000))
    async with street(Room()) as door_side:
        reader, _ = await door_side.says(b"GET / HTTP/1.1\r\nHost: x\r\n" + many)
        assert (await reader.readline()).split()[1] == b"400"


BROKEN = (
    b"GET /login/callback?code=s3cret\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token : s3cret\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: s3cret\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nCookie: s3cret" + b"x" * 9000 + b"\r\n\r\n",
)


async def test_who_speaks_no_http_writes_nothing_into_our_log_sec_31(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each was a traceback with what was sent, tokens among it, as often as anybody liked."""
    async with street(Room()) as found:
        for text in BROKEN:
            reader, _ = await found.says(text)
            assert (await reader.read()).startswith(b"HTTP/1.0 400")
    assert caplog.records == []


async def test_a_fault_of_our_own_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with street(Room()) as found:
        await found.hears(b"GET /broken HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert "IndexError" in caplog.text
