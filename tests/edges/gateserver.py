"""A real HTTP server that answers as a test says, and checks signatures in its own way."""

import asyncio
import hmac
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"


@dataclass
class Asked:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Gate:
    """``says``: the very bytes of the answer; ``pause``: seconds between two pieces of it."""

    says: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    pause: float = 0.0
    endless: bytes = b""
    seen: list[Asked] = field(default_factory=list)
    url: str = ""

    def json(self, text: str, status: str = "200 OK", kind: str = "application/json") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n"
        self.says = head.encode() + text.encode()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.seen.append(await _request(reader))
            if not self.pause:
                writer.write(self.says)
            for byte in self.says if self.pause else b"":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(self.pause)
            while self.endless:
                writer.write(self.endless)
                await writer.drain()
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in rest)}
    return Asked(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def gate(
    context: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Gate]:
    served = Gate()
    server = await asyncio.start_server(served.handle, host, 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    served.url = f"{'https' if context else 'http'}://{host}:{port}/gate"
    try:
        yield served
    finally:
        server.close()


def signed_by(key: bytes, asked: Asked) -> bool:
    """Whether the header has a signature by ``key``; as a receiver's author would write it."""
    parts = [part.split("=", 1) for part in asked.headers["x-rollout-signature"].split(",")]
    at = dict(parts)["t"]
    made = hmac.digest(key, f"{at}.".encode() + asked.body, "sha256").hex()
    return any(hmac.compare_digest(made, value) for name, value in parts if name == "v1")


def certificate(folder: Path, *, name: str = "IP:127.0.0.1", days: str = "2") -> Path:
    """A self-signed certificate with its key in one PEM file."""
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-nodes", "-keyout", str(key), "-out", str(cert), "-days", days),
        *("-subj", "/CN=gate", "-addext", f"subjectAltName={name}"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    return both


def served_with(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
