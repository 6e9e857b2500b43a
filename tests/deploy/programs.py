"""Programs of the field that tests try our files with: built by Go, or unpacked from Debian's."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rollout.lab.programs import debian

SOURCES = Path(__file__).parent / "tools"
HELM, JQ, LUA = "helm.sh/helm/v3/cmd/helm", "./jq", "./lua"
UNREACHED = re.compile(
    r"proxyconnect|dial tcp|no such host|i/o timeout|40[34] |410 Gone|disabled by"
)
"""What Go says where a module cannot be fetched; anything else is our fault."""

BUILDING = 3600  # seconds; Helm with all of Kubernetes' client, on a busy machine


def built(package: str) -> Path:
    """The program of that Go package, at the version that ``tools/go.sum`` pins; built once.

    Skips the test where there is no Go, or no proxy from which its modules come.
    """
    name = package.rsplit("/", 1)[1]
    text = b"".join(path.read_bytes() for path in sorted(SOURCES.rglob("*")) if path.is_file())
    cache = debian.cache() / "go" / hashlib.sha256(text).hexdigest()[:16]
    program = cache / name
    if not program.exists():
        go = shutil.which("go")
        if go is None:
            pytest.skip(f"go is not on PATH: {name} is built with it")
        part = cache / f"{name}.{os.getpid()}"
        command = [go, "build", "-mod=readonly", "-o", str(part), package]
        done = subprocess.run(
            command, cwd=SOURCES, capture_output=True, text=True, timeout=BUILDING, check=False
        )
        if done.returncode != 0 and UNREACHED.search(done.stderr):
            pytest.skip(f"{name} cannot be built here: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr[-2000:]
        part.replace(program)
    return program


async def bubblewrap() -> Path:
    """``bwrap``, which gives a process a root and a user of its own.

    Skips the test where the kernel gives nobody a user namespace.
    """
    program = await debian.program("bubblewrap", "bwrap")
    words = (str(program), "--unshare-user", "--ro-bind", "/", "/", "true")
    tried = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no user namespaces here: {tried.stderr.strip()}")
    return program
