"""Gateways asked past DNS: production host and SNI, at an address of our choice, over real TLS."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from rollout.edges.probe import Gateways
from rollout.edges.reach import Hosts
from rollout.model.switching import Probed
from rollout.model.switchover import Probe, Side

HERE = Hosts(["http://127.0.0.1:*", "https://127.0.0.1:*"])
HOST = "shop.example.com"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that signed itself for ``name``, and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@asynccontextmanager
async def gateway(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, list[str]]]:
    """A server on loopback, and the Host of every request that it has had."""
    hosts: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        hosts.append(request.host)
        await asyncio.sleep(30 if request.path == "/slow" else 0)
        return web.Response(status=503 if request.path == "/ill" else 200)

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"127.0.0.1:{port}", hosts
    finally:
        await runner.cleanup()


async def asked(url: str, address: str, hosts: Hosts = HERE, status: int = 200) -> str:
    told = await Gateways(hosts).probe(Side.GREEN, Probe(url, status), address)
    assert told == Probed(Side.GREEN, url, told.problem)
    return told.problem


async def test_the_production_host_is_asked_for_at_the_address_that_is_given() -> None:
    async with gateway() as (address, hosts):
        assert await asked(f"http://{HOST}/health", address) == ""
        assert hosts == [HOST]


async def test_another_status_is_a_problem() -> None:
    async with gateway() as (address, _):
        assert await asked(f"http://{HOST}/ill", address) == "503, 200 wanted"
        assert await asked(f"http://{HOST}/ill", address, status=503) == ""


async def test_a_certificate_must_be_for_the_host_and_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str | None] = []
    cert, key = certificate(tmp_path, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with gateway(context) as (address, _):
        assert "self-signed certificate" in await asked(f"https://{HOST}/", address)
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert await asked(f"https://{HOST}/", address) == ""
        assert "certificate is not valid for 'other.example.com'" in await asked(
            "https://other.example.com/", address
        )
    assert names[:2] == [HOST, HOST]


async def test_nobody_there_is_said() -> None:
    async with gateway() as (address, _):
        pass
    assert "refused" in (await asked(f"http://{HOST}/", address)).lower()


async def test_this_machine_is_asked_only_where_the_operator_says_so() -> None:
    async with gateway() as (address, hosts):
        said = await asked(f"http://{HOST}/", address, Hosts())
    assert said == "127.0.0.1 may not be asked; name it under webhooks in the policy"
    assert hosts == []


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
async def test_a_name_that_no_name_server_takes_is_a_problem(host: str) -> None:
    assert await asked(f"http://{HOST}/", f"{host}:80")
    assert await asked(f"https://{host}/", "127.0.0.1:9")


@pytest.mark.parametrize("address", ["::1", "2001:db8::1", "[::1]:9", "127.0.0.1"])
async def test_the_target_of_a_record_is_an_address_without_brackets(address: str) -> None:
    """Of an AAAA record the switchover's look ended as a bug of ours, each time."""
    said = await asked("http://shop.example.com:9/", address, Hosts(["http://*:*"]))
    assert said
    assert "is none" not in said


@pytest.mark.parametrize("address", ["a:b", "a:99999999", "[::1", "a:1:2", "\u202e:x", "a:²", " "])
async def test_a_target_that_is_no_address_is_a_problem_in_one_line(address: str) -> None:
    said = await asked(f"http://{HOST}/", address)
    assert said.isprintable()
    assert said
