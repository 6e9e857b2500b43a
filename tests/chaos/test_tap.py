"""A replica's writes are seen on its wire, and stop there when it is struck."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.chaos.tap import Side, Tap, Write, write

REQUEST = b"PATCH /apis/networking.istio.io/v1/namespaces/shop/virtualservices/web HTTP/1.1\r\n\r\n"
ROUTE = Write("VirtualService", "shop", "web")


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (REQUEST, ROUTE),
        (
            b"PATCH /apis/rollout.dev/v1alpha1/namespaces/shop/rollouts/web/status HTTP/1.1\r\n",
            Write("Rollout", "shop", "web"),
        ),
        (
            b"PATCH /apis/coordination.k8s.io/v1/namespaces/own/leases/a HTTP/1.1\r\n",
            Write("Lease", "own", "a"),
        ),
        (b"POST /api/v1/namespaces/shop/events HTTP/1.1\r\n", Write("Event", "shop", "")),
        (b"GET /apis/rollout.dev/v1alpha1/rollouts?watch=true HTTP/1.1\r\n", None),
        (b"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews HTTP/1.1\r\n", None),
        (b'{"spec": "PATCH /api/v1/namespaces/shop/events HTTP/1.1"}', None),
    ],
)
def test_a_write_is_read_from_the_first_line_of_its_request(
    line: bytes, seen: Write | None
) -> None:
    assert write(line) == seen


@pytest.mark.parametrize(
    ("struck", "served", "heard", "sides"),
    [
        (Side.BEFORE, 0, b"", [Side.BEFORE]),
        (Side.AFTER, 1, b"", [Side.BEFORE, Side.AFTER]),
        (None, 1, b"HTTP/1.1 200 OK\r\n\r\n", [Side.BEFORE, Side.AFTER, Side.HEARD]),
    ],
)
async def test_bytes_stop_where_the_replica_was_struck(
    struck: Side | None, served: int, heard: bytes, sides: list[Side]
) -> None:
    told: list[tuple[Write, Side]] = []

    async def seen(request: Write, side: Side) -> bool:
        told.append((request, side))
        return side is not struck

    requests: list[bytes] = []
    async with _wire(b"HTTP/1.1 200 OK\r\n\r\n", requests) as tap:
        tap.seen = seen
        assert await _asked(tap) == heard
    assert len(requests) == served
    assert told == [(ROUTE, side) for side in sides]


async def test_a_write_that_was_refused_is_none_that_was_done() -> None:
    told: list[Side] = []

    async def seen(_: Write, side: Side) -> bool:
        told.append(side)
        return True

    async with _wire(b"HTTP/1.1 409 Conflict\r\n\r\n", []) as tap:
        tap.seen = seen
        assert await _asked(tap) == b"HTTP/1.1 409 Conflict\r\n\r\n"
    assert told == [Side.BEFORE]


@contextlib.asynccontextmanager
async def _wire(answer: bytes, requests: list[bytes]) -> AsyncIterator[Tap]:
    """A wire to a server that says ``answer`` to everything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request := await reader.read(1 << 16):
            requests.append(request)
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, Tap(server.sockets[0].getsockname()[1]).running() as tap:
        yield tap


async def _asked(tap: Tap) -> bytes:
    """What the answer to ``REQUEST`` was, until the wire ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
    writer.write(REQUEST)
    answer = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(1 << 16):
            answer += chunk
    writer.close()
    return answer
