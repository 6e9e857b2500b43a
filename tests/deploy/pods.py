"""A pod of the controller as its Deployment says: its user, its read-only root, its token."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from rollout.lab.programs.processes import free_port
from tests.cluster.conftest import Control
from tests.cluster.replica import Replica

ROOT = Path(__file__).parents[2]
SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
Json = dict[str, Any]


@cache
def wheel(folder: Path) -> Path:
    """Our wheel, unpacked; what it needs comes from the environment of the tests."""
    source = folder / "source"
    kept = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rollout", source / "rollout", ignore=kept)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, *words, "--wheel-dir", str(folder), str(source)],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "wheel")
    return folder / "wheel"


@dataclass(frozen=True)
class Runtime:
    """What runs pods: ``bwrap``, and the folder of the unpacked wheel."""

    bwrap: Path
    wheel: Path
    folder: Path
    control: Control
    pods: list[int] = field(default_factory=list)

    @contextlib.contextmanager
    def pod(self, deployment: Json, config: Json, token: str) -> Iterator[Replica]:
        """One pod of ``deployment`` with the files of ``config``; it ends as by a kubelet."""
        folder = self.folder / f"pod-{free_port()}"
        with _process(self, folder, deployment, config, token) as (process, child, address):
            try:
                yield Replica(process, address, folder / "log")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()


@contextlib.contextmanager
def _process(
    runtime: Runtime, folder: Path, deployment: Json, config: Json, token: str
) -> Iterator[tuple[subprocess.Popen[bytes], int, str]]:
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    address = f"127.0.0.1:{free_port()}"
    for name in ("cache", "policy", "account"):
        (folder / name).mkdir(parents=True)
    for name, text in config["data"].items():
        (folder / "policy" / name).write_text(text)
    for name, text in _account(runtime.control, deployment, token).items():
        (folder / "account" / name).write_text(text)
    told, tells = os.pipe()
    command = [
        str(runtime.bwrap),
        *("--info-fd", str(tells)),
        *_sandbox(spec, container),
        *_mounts(runtime, folder, container),
        *_environment(runtime.control, deployment, container, address),
        *(str(Path(sys.executable).resolve()), "-s", "-P", "-m", "rollout", *container["args"]),
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[tells]) as process,
    ):
        os.close(tells)
        with os.fdopen(told) as info:
            text = info.read()
        assert text, (folder / "log").read_text()
        yield process, int(json.loads(text)["child-pid"]), address


def _account(control: Control, deployment: Json, token: str) -> dict[str, str]:
    return {
        "token": token,
        "ca.crt": control.real.ca.read_text(),
        "namespace": deployment["metadata"]["namespace"],
    }


def _sandbox(spec: Json, container: Json) -> list[str]:
    """What the pod's security context asks for; that is all of it, or the test fails here."""
    pod, inner = spec["securityContext"], container["securityContext"]
    assert (pod["runAsNonRoot"], inner["readOnlyRootFilesystem"]) == (True, True)
    assert inner["capabilities"] == {"drop": ["ALL"]}
    user, group = str(pod["runAsUser"]), str(pod["runAsGroup"])
    words = ["--unshare-user", "--uid", user, "--gid", group, "--cap-drop", "ALL"]
    return [*words, "--die-with-parent", "--clearenv"]


def _mounts(runtime: Runtime, folder: Path, container: Json) -> list[str]:
    """A root with Python, our wheel and the volumes that the container mounts; then read-only."""
    site = next(path for path in sys.path if path.endswith("site-packages"))
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    words = ["--tmpfs", "/", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "lib", "lib64"):
        words += ["--symlink", f"usr/{name}", f"/{name}"]
    words += ["--ro-bind", sys.base_prefix, sys.base_prefix]  # Python's own folder
    words += ["--ro-bind", site, "/opt/site", "--ro-bind", str(runtime.wheel), "/opt/rollout"]
    words += ["--bind", str(folder / "cache"), places["cache"], "--tmpfs", places["tmp"]]
    words += ["--ro-bind", str(folder / "policy"), places["policy"]]
    words += ["--ro-bind", str(folder / "account"), SECRETS]
    return [*words, "--remount-ro", "/"]


def _environment(control: Control, deployment: Json, container: Json, address: str) -> list[str]:
    """The container's own, where the API server is, and a port of this machine."""
    host, _, port = control.real.url.removeprefix("https://").rpartition(":")
    said = {entry["name"]: entry.get("value", "") for entry in container["env"]}
    said |= {
        "POD_NAMESPACE": deployment["metadata"]["namespace"],
        "ROLLOUT_LISTEN": address,
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "PYTHONPATH": "/opt/rollout:/opt/site",
        "HOME": "/tmp",
        "PATH": os.defpath,
    }
    return [word for name, value in said.items() for word in ("--setenv", name, value)]
