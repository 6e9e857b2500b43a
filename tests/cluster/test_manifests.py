"""SEC-17: ``manifests: true`` under exactly what ``rollout rbac --manifests`` prints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollout.cli.manifests import rbac
from rollout.controller import rights
from rollout.controller.rights import Need
from rollout.controller.sources import parts
from rollout.lab.kube.client import Kind
from tests.cluster import objects, played
from tests.cluster.conftest import Control, kind_of
from tests.cluster.journeys import comes
from tests.cluster.replica import replica
from tests.cluster.test_replicas import ALWAYS, used
from tests.edges.git.depot import Depot

pytestmark = [pytest.mark.envtest, pytest.mark.long, pytest.mark.timeout(900)]
SPACE, BARE = "team", "team-bare"


async def budgets(control: Control) -> str:
    """The newest version that this API server has of PodDisruptionBudgets."""
    newest = Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
    return "policy/v1" if await played.serves(control.kube, newest) else "policy/v1beta1"


def team(value: str, budget: str) -> dict[str, Any]:
    """One object of every kind that a source may apply by itself, by kind."""
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    host = {"destination": {"host": "web"}}
    scaled = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    made: dict[tuple[str, str], dict[str, Any]] = {
        ("apps/v1", "Deployment"): {
            "spec": {"selector": {"matchLabels": labels}, "template": pod, "paused": True}
        },
        ("v1", "Service"): {"spec": {"selector": labels, "ports": [{"port": 80}]}},
        ("v1", "ConfigMap"): {"data": {"value": value}},
        ("autoscaling/v1", "HorizontalPodAutoscaler"): {"spec": {**scaled, "maxReplicas": 3}},
        (budget, "PodDisruptionBudget"): {
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
        },
        ("networking.istio.io/v1", "VirtualService"): {
            "spec": {"hosts": ["web"], "http": [{"route": [host]}]}
        },
        ("networking.istio.io/v1", "DestinationRule"): {"spec": {"host": "web"}},
    }
    note = {"team.example.com/value": value}
    return {
        kind: {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": "web", "annotations": note},
            **body,
        }
        for (version, kind), body in made.items()
    }


def files(made: dict[str, Any]) -> dict[bytes, object]:
    return {f"{kind.lower()}.yaml".encode(): json.dumps(obj).encode() for kind, obj in made.items()}


async def until(control: Control, space: str, true: Callable[[Any], bool]) -> Any:
    """The source's status, once it is so."""

    async def status() -> Any:
        return (await control.read("RolloutSource", space, "git")).get("status") or {}

    async def so() -> bool:
        return true(await status())

    await comes(so, status)
    return await status()


def asked(control: Control, since: int) -> list[Any]:
    """What was asked of objects; which kinds there are is open to everybody."""
    return [entry for entry in control.audited()[since:] if "objectRef" in entry]


async def test_every_safe_kind_is_applied_changed_and_pruned_under_just_the_documented_rights(
    control: Control, tmp_path: Path
) -> None:
    budget = await budgets(control)
    made = team("1", budget)
    assert {parts.group_kind(o["apiVersion"], o["kind"]) for o in made.values()} == parts.SAFE
    await control.apply(objects.namespace(SPACE))
    granted = rbac.manifests(SPACE, rbac.OWN, rights.USUAL | {Need.MANIFESTS})
    await control.granted(*granted)
    depot = Depot(tmp_path / "team.git")
    first = depot.commit(files(made))
    source = objects.source(SPACE, "git", str(depot.path))
    source["spec"] |= {"manifests": True, "prune": True}
    since, config = len(control.audited()), tmp_path / "config"
    control.kubeconfig(config, await control.token())
    await control.apply(source)
    with replica(tmp_path, config, control.mesh, "-n", SPACE) as one:
        await one.until_ready()
        await until(control, SPACE, lambda status: status.get("commit") == first)
        second = depot.commit(files(team("2", budget)))
        await until(control, SPACE, lambda status: status.get("commit") == second)
        for kind, obj in made.items():
            found = await control.kube.read(kind_of(obj), SPACE, "web")
            assert found["metadata"]["annotations"]["team.example.com/value"] == "2", kind
        kept = team("2", budget)["ConfigMap"]
        third = depot.commit(files({"ConfigMap": kept}))
        await until(control, SPACE, lambda status: status.get("commit") == third)
        await until(control, SPACE, lambda status: status.get("kinds") == ["v1 ConfigMap"])
    entries = asked(control, since)
    assert [one for one in entries if one["responseStatus"]["code"] == 403] == []
    done = used(entries)
    allowed = {*rights.calls(rights.USUAL | {Need.MANIFESTS})}
    assert done - allowed == ALWAYS
    wanted = {call for call in rights.calls(frozenset({Need.MANIFESTS})) if call.verb == "patch"}
    assert wanted - done == set()
    await control.revoked(*granted)


async def test_without_the_role_nothing_is_applied_and_the_missing_right_is_named(
    control: Control, tmp_path: Path
) -> None:
    space = objects.namespace(BARE)
    await control.apply(space)
    granted = rbac.manifests(BARE, rbac.OWN)
    await control.granted(*granted)
    depot = Depot(tmp_path / "bare.git")
    made = team("3", await budgets(control))["PodDisruptionBudget"]
    depot.commit(files({"PodDisruptionBudget": made}))
    source = objects.source(BARE, "git", str(depot.path))
    source["spec"] |= {"manifests": True}
    config = control.kubeconfig(tmp_path / "config", await control.token())
    await control.apply(source)
    with replica(tmp_path, config, control.mesh, "-n", BARE) as one:
        await one.until_ready()
        status = await until(
            control, BARE, lambda status: "poddisruptionbudgets" in json.dumps(status)
        )
    assert "forbidden" in json.dumps(status)
    await control.revoked(*granted)
