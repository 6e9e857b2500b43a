"""What the product is made of and runs as: locks, image, pods, and calls that are banned."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PINNED = re.compile(
    r"^[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^ ]+( ;[^\\]+)? \\(\n    --hash=sha256:[0-9a-f]{64} ?\\?)+$"
)
DANGERS = ("S301", "S302", "S307", "S311", "S324", "S501", "S506", "S602", "S604", "S605")
"""ruff's rules (flake8-bandit): pickle, marshal, eval, random, weak hashes, certificates that are
not looked at, yaml.load, shells."""


def test_sec_19_nothing_excuses_a_dangerous_call() -> None:
    """The rules are on for all of the product, and no line is let off."""
    settings = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^select = \[.*"S"', settings, re.MULTILINE | re.DOTALL)
    excused = [
        f"{file.relative_to(ROOT)}: {code}"
        for file in (ROOT / "rollout").rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        for code in DANGERS
        if "noqa" in line and re.search(rf"\b{code}\b", line)
    ]
    ours = [one for one in excused if not one.startswith("rollout/lab/")]
    assert ours == []


READERS = ("yaml.load", "yaml.load_all", "yaml.parse", "yaml.scan", "yaml.compose")


def test_sec_19_every_yaml_is_read_by_a_safe_loader() -> None:
    loaders = [loader for _, loader in _yaml_calls()]
    assert loaders
    assert {*loaders} <= {"CSafeLoader", "SafeLoader"}


def _yaml_calls() -> Iterator[tuple[str, str]]:
    for file in (ROOT / "rollout").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "yaml" in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS:
                [loader] = [k.value for k in node.keywords if k.arg == "Loader"]
                yield str(file), ast.unparse(loader).rpartition(".")[2]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_sec_25_every_package_has_its_version_and_hashes(lock: Path) -> None:
    text = "\n".join(
        line for line in lock.read_text().splitlines() if line and not line.lstrip().startswith("#")
    )
    entries = re.split(r"\n(?! )", text)
    assert entries
    assert [one for one in entries if PINNED.match(one) is None] == []


def test_sec_25_the_image_runs_as_nobody() -> None:
    users = re.findall(r"^USER (\S+)$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert users[-1] == "65532:65532"


def test_sec_18_the_pod_keeps_the_restricted_standard() -> None:
    """Source: kubernetes.io, "Pod Security Standards", Restricted."""
    objs = yaml.safe_load_all((ROOT / "deploy" / "base" / "controller.yaml").read_text())
    pods = [obj["spec"]["template"]["spec"] for obj in objs if obj["kind"] == "Deployment"]
    assert pods
    for pod in pods:
        assert not _breaches(pod)


def test_sec_18_a_pod_that_breaks_it_is_found() -> None:
    assert _breaches(
        {"hostNetwork": True, "containers": [{"name": "a"}], "volumes": [{"hostPath": 1}]}
    )


ALLOWED = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"}
    | {"projected", "secret"}
)


def _breaches(pod: dict[str, Any]) -> list[str]:
    found = [key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    found += [
        kind
        for v in pod.get("volumes") or ()
        for kind in v
        if kind != "name" and kind not in ALLOWED
    ]
    outer = pod.get("securityContext") or {}
    for container in (*pod["containers"], *(pod.get("initContainers") or ())):
        own = {**outer, **(container.get("securityContext") or {})}
        held = own.get("capabilities") or {}
        rules = {
            "runAsNonRoot": own.get("runAsNonRoot") is True and own.get("runAsUser", 1) != 0,
            "privileged": not own.get("privileged"),
            "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
            "capabilities": held.get("drop") == ["ALL"] and not held.get("add"),
            "seccompProfile": (own.get("seccompProfile") or {}).get("type")
            in ("RuntimeDefault", "Localhost"),
            "hostPort": not any(port.get("hostPort") for port in container.get("ports") or ()),
        }
        found += [f"{container['name']}: {rule}" for rule, kept in rules.items() if not kept]
    return found
