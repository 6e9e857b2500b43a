"""A real etcd and kube-apiserver, from the folder that KUBEBUILDER_ASSETS names."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rollout.lab.programs.processes import free_port, mortal

TOKEN = "admintoken"


@dataclass(frozen=True)
class RealKube:
    """``ca``: the file that signs the server's certificate. ``etcd``: its client URL.

    ``processes``: the ids of the API server's and etcd's.
    """

    url: str
    token: str
    ca: Path
    etcd: str
    processes: tuple[int, int]

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))


def assets() -> Path:
    """The folder with the programs; skips the test if there is none."""
    folder = os.environ.get("KUBEBUILDER_ASSETS", "")
    if not folder or not (Path(folder) / "kube-apiserver").exists():
        pytest.skip("KUBEBUILDER_ASSETS names no folder with etcd and kube-apiserver")
    return Path(folder)


@contextlib.contextmanager
def running(folder: Path, *flags: str, accounts: bool = False) -> Iterator[RealKube]:
    """Started and ready; they end with the block, or with us. ``folder`` takes data and logs.

    ``flags``: more of the API server's. ``accounts``: pods get the ServiceAccount ``default`` of
    their namespace, as in a cluster, which somebody must have made.
    """
    programs = assets()
    client, peer, port = (free_port() for _ in range(3))
    _write_secrets(folder)
    etcd = f"http://127.0.0.1:{client}"
    with contextlib.ExitStack() as stack:
        command = _etcd(programs, folder, etcd, peer)
        store = stack.enter_context(_process(command, folder / "etcd.log"))
        plain = [] if accounts else ["--disable-admission-plugins=ServiceAccount"]
        command = [*_apiserver(programs, folder, etcd, port), *plain, *flags]
        server = stack.enter_context(_process(command, folder / "apiserver.log"))
        ca, both = folder / "certs" / "apiserver.crt", (server.pid, store.pid)
        kube = RealKube(f"https://127.0.0.1:{port}", TOKEN, ca, etcd, both)
        _wait_ready(kube, server, folder)
        yield kube


def _write_secrets(folder: Path) -> None:
    (folder / "tokens.csv").write_text(f'{TOKEN},admin,admin,"system:masters"\n')
    key, public = folder / "sa.key", folder / "sa.pub"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True
    )


def _etcd(programs: Path, folder: Path, url: str, peer: int) -> list[str]:
    return [
        str(programs / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
    ]


def _apiserver(programs: Path, folder: Path, etcd: str, port: int) -> list[str]:
    return [
        str(programs / "kube-apiserver"),
        f"--etcd-servers={etcd}",
        f"--cert-dir={folder / 'certs'}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        *_no_plain_port(programs),
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'sa.pub'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


def _no_plain_port(programs: Path) -> list[str]:
    """Before 1.24 the API server had a port without TLS; after it, the flag itself is gone."""
    command = [str(programs / "kube-apiserver"), "--version"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    version = re.search(r"v(\d+)\.(\d+)", told)
    assert version, f"kube-apiserver --version says {told!r}"
    old = tuple(map(int, version.groups())) < (1, 24)
    return ["--insecure-port=0"] if old else []


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = mortal(log.stem, command)
    with log.open("wb") as output, subprocess.Popen(words, stdout=output, stderr=output) as found:
        try:
            yield found
        finally:
            found.terminate()
            try:
                found.wait(10)
            except subprocess.TimeoutExpired:
                found.kill()


def _wait_ready(kube: RealKube, server: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 300  # a busy machine is no fault
    while time.monotonic() < end and server.poll() is None:
        if _is_ready(kube):
            return
        time.sleep(0.1)
    pytest.fail(f"kube-apiserver is not ready; its log: {folder / 'apiserver.log'}")


def _is_ready(kube: RealKube) -> bool:
    asked = urllib.request.Request(
        f"{kube.url}/readyz", headers={"Authorization": f"Bearer {kube.token}"}
    )
    try:
        with urllib.request.urlopen(asked, context=kube.context(), timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
