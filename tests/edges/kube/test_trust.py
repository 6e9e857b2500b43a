"""An API server whose certificate is another by now, and the file of its CA, too."""

import asyncio
import json
from pathlib import Path

import pytest

from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube, connect, credentials
from rollout.errors import OutsideError
from tests.edges.gateserver import certificate, gate, served_with

VERSION = '{"major": "1", "minor": "33"}'


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


async def test_a_ca_whose_file_was_replaced_is_trusted_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PAUSE", 0.0)
    first, second = made_anew(tmp_path, "first"), made_anew(tmp_path, "second")
    ca, context = tmp_path / "ca.crt", served_with(first)
    ca.write_text((first.parent / "cert.pem").read_text())
    async with gate(context) as server:
        server.json(VERSION)
        async with Kube(await connect(kubeconfig(tmp_path, server.url, ca)), concerns.of) as kube:
            assert await kube.version() == "1.33"
            context.load_cert_chain(second)
            with pytest.raises(OutsideError, match="certificate verify failed"):
                await kube.version()
            ca.write_text((second.parent / "cert.pem").read_text())
            answers = await asyncio.gather(*(kube.version() for _ in range(5)))
            assert answers == ["1.33"] * 5


async def test_a_file_of_cas_that_holds_none_is_told_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PAUSE", 0.0)
    first, second = made_anew(tmp_path, "first"), made_anew(tmp_path, "second")
    ca, context = tmp_path / "ca.crt", served_with(first)
    ca.write_text((first.parent / "cert.pem").read_text())
    async with gate(context) as server:
        server.json(VERSION)
        async with Kube(await connect(kubeconfig(tmp_path, server.url, ca)), concerns.of) as kube:
            context.load_cert_chain(second)
            ca.write_text("")
            with pytest.raises(OutsideError, match="kubernetes: "):
                await kube.version()
            ca.write_text((second.parent / "cert.pem").read_text())
            assert await kube.version() == "1.33"
