"""A real kube-apiserver with its etcd, from the folder that KUBEBUILDER_ASSETS names."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

from rollout.errors import OutsideError
from rollout.lab.kube.client import Kube
from rollout.lab.programs.processes import Child, free_port, start


def assets() -> Path | None:
    """The folder with ``etcd`` and ``kube-apiserver``; None where nobody has named one."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(named) if named else None


@contextlib.asynccontextmanager
async def real_apiserver(binaries: Path, folder: Path) -> AsyncIterator[Kube]:
    """Its admin's client, once it is ready."""
    etcd, peer, port = free_port(), free_port(), free_port()
    children: list[Child] = []
    await _keys(folder)
    kube = Kube(f"https://127.0.0.1:{port}", "admintoken", _trusting())
    try:
        for command in (
            [
                *(binaries / "etcd", "--data-dir", folder / "etcd", "--unsafe-no-fsync"),
                *("--listen-client-urls", f"http://127.0.0.1:{etcd}"),
                *("--advertise-client-urls", f"http://127.0.0.1:{etcd}"),
                *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            ],
            [
                *(binaries / "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{etcd}"),
                *(f"--cert-dir={folder / 'certs'}", "--bind-address=127.0.0.1"),
                *(f"--secure-port={port}", "--insecure-port=0", "--authorization-mode=RBAC"),
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={folder / 'sa.pub'}",
                f"--service-account-signing-key-file={folder / 'sa.key'}",
                f"--token-auth-file={folder / 'tokens.csv'}",
                "--disable-admission-plugins=ServiceAccount",
                "--service-cluster-ip-range=10.0.0.0/24",
            ],
        ):
            child = await start(str(command[0]), command, log=folder / "api.log")
            children.append(child)
        await _ready(kube)
        yield kube
    finally:
        await kube.close()
        for child in reversed(children):
            await child.stop()


async def _keys(folder: Path) -> None:
    (folder / "tokens.csv").write_text('admintoken,admin,admin,"system:masters"\n')
    for command in (
        ("genrsa", "-out", "sa.key"),
        ("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"),
    ):
        quiet = asyncio.subprocess.DEVNULL
        made = await asyncio.create_subprocess_exec(
            "openssl", *command, cwd=folder, stdout=quiet, stderr=quiet
        )
        assert await made.wait() == 0


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _ready(kube: Kube) -> None:
    for _ in range(300):
        with contextlib.suppress(OutsideError, RuntimeError):
            if await kube.ready():
                return
        await asyncio.sleep(0.1)
    raise OutsideError("kube-apiserver: not ready within 30 s")
