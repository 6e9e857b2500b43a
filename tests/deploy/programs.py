"""Programs of the field that tests try our files with: built by Go, or unpacked from Debian's."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rollout.lab.programs import debian

SOURCES = Path(__file__).parent / "tools"
HELM, JQ, LUA = "helm.sh/helm/v3/cmd/helm", "./jq", "./lua"
BUILDING = 3600  # seconds; Helm with all of Kubernetes' client, on a busy machine


def built(package: str) -> Path:
    """The program of that Go package, at the version that ``tools/go.sum`` pins; built once.

    Skips the test where there is no Go.
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
        assert done.returncode == 0, done.stderr[-2000:]
        part.replace(program)
    return program


async def bubblewrap() -> Path:
    """``bwrap``, which gives a process a root and a user of its own."""
    return await debian.program("bubblewrap", "bwrap")
