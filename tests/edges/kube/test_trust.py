"""An API server whose certificate is another by now, and the file of its CA, too."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube, connect, credentials
from rollout.errors import OutsideError
from tests.edges.gateserver import certificate, gate, served_with

VERSION = '{"major": "1", "minor": "33"}'


@dataclass(frozen=True)
class Renewed:
    """An API server that gets another certificate, and a client that knows it by a file of its CA.

    ``context``: what it serves with; ``second``: its other certificate.
    """

    kube: Kube
    ca: Path
    context: ssl.SSLContext
    second: Path

    def trusted(self) -> None:
        """The file of the CA is that of the second."""
        self.ca.write_text((self.second.parent / "cert.pem").read_text())


def made_anew(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return certificate(folder / name)


def kubeconfig(folder: Path, url: str, ca: Path) -> str:
    cluster = {"server": url.removesuffix("/gate"), "certificate-authority": str(ca)}
    text = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "first"}}],
    }
    (folder / "config").write_text(json.dumps(text))
    return str(folder / "config")


@pytest.fixture
async def renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Renewed]:
    """The client trusts the first certificate, and the server serves with it."""
    monkeypatch.setattr(credentials, "PAUSE", 0.0)
    first, second = made_anew(tmp_path, "first"), made_anew(tmp_path, "second")
    ca, context = tmp_path / "ca.crt", served_with(first)
    ca.write_text((first.parent / "cert.pem").read_text())
    async with gate(context) as server:
        server.json(VERSION)
        async with Kube(await connect(kubeconfig(tmp_path, server.url, ca)), concerns.of) as kube:
            yield Renewed(kube, ca, context, second)


async def test_a_ca_whose_file_was_replaced_is_trusted_without_a_restart(renewed: Renewed) -> None:
    assert await renewed.kube.version() == "1.33"
    renewed.context.load_cert_chain(renewed.second)
    with pytest.raises(OutsideError, match="certificate verify failed"):
        await renewed.kube.version()
    renewed.trusted()
    answers = await asyncio.gather(*(renewed.kube.version() for _ in range(5)))
    assert answers == ["1.33"] * 5


async def test_a_file_of_cas_that_holds_none_is_told_and_ends_nothing(renewed: Renewed) -> None:
    renewed.context.load_cert_chain(renewed.second)
    renewed.ca.write_text("")
    with pytest.raises(OutsideError, match="kubernetes: "):
        await renewed.kube.version()
    renewed.trusted()
    assert await renewed.kube.version() == "1.33"
