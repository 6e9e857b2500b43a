"""A pod of the controller as its Deployment says: its user, its read-only root, its token."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rollout.lab.programs.processes import free_port
from tests.cluster.conftest import Control
from tests.cluster.replica import Replica

ROOT = Path(__file__).parents[2]
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

    @contextlib.contextmanager
    def pod(self, deployment: Json, config: Json, token: str) -> Iterator[Replica]:
        """One pod of ``deployment`` with the files of ``config``; it ends as by a kubelet."""
        pod = Pod.made(self, deployment, config, token)
        with contextlib.ExitStack() as containers:
            for container in reversed(pod.spec["containers"]):
                process = containers.enter_context(_running(pod, container))
            yield Replica(process, pod.address, pod.folder / "rollout.log")

    def inside(self, container: str, deployment: Json, token: str, program: str) -> Any:
        """The JSON that this Python prints in that container of a pod, in its program's place."""
        pod = Pod.made(self, deployment, {"data": {}}, token)
        (found,) = (each for each in pod.spec["containers"] if each["name"] == container)
        done = subprocess.run(
            [*_command(pod, found), "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Pod:
    """``folder``: what its volumes hold, a folder each. ``address``: where it listens."""

    runtime: Runtime
    deployment: Json
    folder: Path
    address: str

    @classmethod
    def made(cls, runtime: Runtime, deployment: Json, config: Json, token: str) -> "Pod":
        port = free_port()
        pod = cls(runtime, deployment, runtime.folder / f"pod-{port}", f"127.0.0.1:{port}")
        for volume in pod.spec["volumes"]:
            (pod.folder / volume["name"]).mkdir(parents=True)
        for name, text in config["data"].items():
            (pod.folder / "policy" / name).write_text(text)
        for name, text in _account(pod, token).items():
            (pod.folder / "account" / name).write_text(text)
        return pod

    @property
    def spec(self) -> Json:
        spec: Json = self.deployment["spec"]["template"]["spec"]
        return spec


@contextlib.contextmanager
def _running(pod: Pod, container: Json) -> Iterator[subprocess.Popen[bytes]]:
    """The container's program; at the end it is asked to end, as by a kubelet."""
    told, tells = os.pipe()
    log = pod.folder / f"{container['name']}.log"
    command = [*_command(pod, container, tells), "-m", "rollout", *container["args"]]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, pass_fds=[tells]) as process,
    ):
        os.close(tells)
        with os.fdopen(told) as info:
            text = info.read()
        assert text, log.read_text()
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(json.loads(text)["child-pid"]), signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _command(pod: Pod, container: Json, info: int = -1) -> list[str]:
    """Python in the container; ``info``: where the sandbox tells its process."""
    return [
        str(pod.runtime.bwrap),
        *(["--info-fd", str(info)] if info >= 0 else []),
        *_sandbox(pod.spec, container),
        *_mounts(pod, container),
        *_environment(pod, container),
        *(str(Path(sys.executable).resolve()), "-s", "-P"),
    ]


def _account(pod: Pod, token: str) -> dict[str, str]:
    """What the projected volume ``account`` asks for; that is all of it, or the test fails."""
    (volume,) = (each for each in pod.spec["volumes"] if each["name"] == "account")
    told, ca, field = volume["projected"]["sources"]
    (certificates,), (space,) = ca["configMap"]["items"], field["downwardAPI"]["items"]
    assert certificates["key"] == "ca.crt"
    assert space["fieldRef"]["fieldPath"] == "metadata.namespace"  # stored: with its apiVersion
    return {
        told["serviceAccountToken"]["path"]: token,
        certificates["path"]: pod.runtime.control.real.ca.read_text(),
        space["path"]: pod.deployment["metadata"]["namespace"],
    }


def _sandbox(spec: Json, container: Json) -> list[str]:
    """What the security context asks for, and processes that no other container sees."""
    pod, inner = spec["securityContext"], container["securityContext"]
    assert (pod["runAsNonRoot"], inner["readOnlyRootFilesystem"]) == (True, True)
    assert inner["capabilities"] == {"drop": ["ALL"]}
    assert spec["automountServiceAccountToken"] is False
    user, group = (str((pod | inner)[key]) for key in ("runAsUser", "runAsGroup"))
    words = ["--unshare-user", "--uid", user, "--gid", group, "--cap-drop", "ALL"]
    return [*words, "--unshare-pid", "--as-pid-1", "--die-with-parent", "--clearenv"]


def _mounts(pod: Pod, container: Json) -> list[str]:
    """A root with Python, our wheel and the volumes that the container mounts; then read-only."""
    site = next(path for path in sys.path if path.endswith("site-packages"))
    words = ["--tmpfs", "/", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "lib", "lib64"):
        words += ["--symlink", f"usr/{name}", f"/{name}"]
    words += ["--ro-bind", "/etc/ssl", "/etc/ssl"]  # as Python's image has it
    words += ["--ro-bind", sys.base_prefix, sys.base_prefix]  # Python's own folder
    words += ["--ro-bind", site, sysconfig.get_path("purelib", vars={"base": sys.base_prefix})]
    words += ["--ro-bind", str(pod.runtime.wheel), "/opt/rollout"]
    for mount in container["volumeMounts"]:
        how = "--ro-bind" if mount.get("readOnly") else "--bind"
        words += [how, str(pod.folder / mount["name"]), mount["mountPath"]]
    return [*words, "--remount-ro", "/"]


def _environment(pod: Pod, container: Json) -> list[str]:
    """The container's own, where the API server is, and a port of this machine."""
    host, _, port = pod.runtime.control.real.url.removeprefix("https://").rpartition(":")
    said = {entry["name"]: entry.get("value", "") for entry in container.get("env", ())}
    if "POD_NAMESPACE" in said:
        said |= {
            "POD_NAMESPACE": pod.deployment["metadata"]["namespace"],
            "ROLLOUT_LISTEN": pod.address,
        }
    said |= {
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "PYTHONPATH": "/opt/rollout",
        "HOME": "/tmp",
        "PATH": os.defpath,
    }
    return [word for name, value in said.items() for word in ("--setenv", name, value)]
