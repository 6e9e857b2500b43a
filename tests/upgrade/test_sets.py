"""StatefulSets and DaemonSets on their way there and back, by each of their update strategies."""

from typing import Any

import pytest

from rollout.model.upgrading import Awaits, State
from tests.upgrade.cluster import NEW, NODES, OLD, Mesh, built, carriers, is_ready, workload
from tests.upgrade.play import Play

PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
ON_DELETE = {"type": "OnDelete"}
SETS = [
    ("StatefulSet", None),
    ("StatefulSet", ON_DELETE),
    ("StatefulSet", PARTITION),
    ("DaemonSet", None),
    ("DaemonSet", ON_DELETE),
]


def a_set(kind: str, strategy: dict[str, Any] | None) -> dict[str, Any]:
    """Three pods of namespace ``shop2``."""
    made = workload("shop2", "db", NODES, kind)
    made["spec"] |= {"updateStrategy": strategy} if strategy else {}
    return {**made, "status": {"desiredNumberScheduled": NODES, "numberReady": NODES}}


def with_set(kind: str = "StatefulSet", strategy: dict[str, Any] | None = None) -> Mesh:
    mesh = built()
    mesh.put(a_set(kind, strategy))
    mesh.settle(6)
    return mesh


def pods(mesh: Mesh, kind: str) -> dict[str, list[str]]:
    """Pod of the set to the revisions of its proxies."""
    names = {p["metadata"]["name"] for p in mesh.pods_of(mesh.get(kind, "shop2", "db"))}
    return {p: found for p, found in mesh.proxies().items() if p.removeprefix("shop2/") in names}


def few_missing(mesh: Mesh) -> None:
    """At every moment all pods but one are there, and ready."""
    for kind in ("StatefulSet", "DaemonSet"):
        if (kind, "shop2", "db") in mesh.kube.objects:
            ready = [p for p in mesh.pods_of(mesh.get(kind, "shop2", "db")) if is_ready(p)]
            assert len(ready) >= NODES - 1


@pytest.mark.parametrize(("kind", "strategy"), SETS)
def test_a_set_goes_there_and_back_pod_by_pod(kind: str, strategy: dict[str, Any] | None) -> None:
    mesh = with_set(kind, strategy)
    before = carriers(mesh)
    mesh.watch = few_missing
    play = Play(mesh).begin(gateways=None, default=None, remove="keep").to(State.BAKE)
    assert list(pods(mesh, kind).values()) == [[NEW]] * NODES
    play.ask("abort").to(State.RETURNED)
    assert list(pods(mesh, kind).values()) == [[OLD]] * NODES
    assert carriers(mesh) == before


@pytest.mark.parametrize("strategy", [ON_DELETE, PARTITION])
def test_pods_that_are_moved_one_by_one_go_from_the_highest_on(strategy: dict[str, Any]) -> None:
    mesh = with_set(strategy=strategy)
    play = Play(mesh).begin(gateways=None, default=None, remove="keep").to(State.BAKE)
    gone = [write for write in play.mesh.kube.writes if write.startswith("delete Pod")]
    assert gone == ["delete Pod db-2", "delete Pod db-1", "delete Pod db-0"]


def test_a_budget_that_lets_no_pod_go_is_waited_for() -> None:
    mesh = with_set(strategy=ON_DELETE)
    budget = {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "db", "namespace": "shop2"},
        "spec": {"selector": {"matchLabels": {"app": "db"}}, "minAvailable": NODES},
        "status": {"disruptionsAllowed": 0, "expectedPods": NODES + 1, "desiredHealthy": NODES},
    }
    mesh.put(budget)
    play = Play(mesh).begin(gateways=None, default=None, remove="keep")
    play.until(lambda p: "lets no pod of db go now" in p.status.because)
    for _ in range(10):
        play.look()
    assert play.status.awaits is Awaits.PODS
    assert list(pods(mesh, "StatefulSet").values()) == [[OLD]] * NODES
    mesh.put({**budget, "status": {**budget["status"], "disruptionsAllowed": 1}})  # type: ignore[dict-item]
    play.to(State.BAKE)
    assert list(pods(mesh, "StatefulSet").values()) == [[NEW]] * NODES


@pytest.mark.parametrize("strategy", [None, ON_DELETE, PARTITION])
def test_a_pod_that_never_gets_ready_keeps_no_set_from_going_back(
    strategy: dict[str, Any] | None,
) -> None:
    """A StatefulSet waits for its broken pod for ever, also once a better template is there."""
    mesh = with_set(strategy=strategy)
    play = Play(mesh).begin(gateways=None, default=None, remove="keep")
    play.until(lambda p: p.status.because == "shop2: 2 of 3 workloads done, restarting db")
    mesh.unready = {"shop2"}
    play.until(
        lambda p: not all(map(is_ready, mesh.pods_of(mesh.get("StatefulSet", "shop2", "db"))))
    )
    play.ask("abort").to(State.RETURNING)
    mesh.unready = set()
    play.to(State.RETURNED)
    assert list(pods(mesh, "StatefulSet").values()) == [[OLD]] * NODES
