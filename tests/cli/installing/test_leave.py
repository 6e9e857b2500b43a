"""What ``rollout uninstall`` says of each object that it lets go."""

import asyncio
from itertools import count
from typing import Any

import pytest

from rollout.cli.installing import leave
from rollout.controller import rights
from rollout.errors import RefusedError
from rollout.lab.kube.client import Kind, Kube
from tests.cli.conftest import Run

NOON = "2026-03-02T12:00:00.000000Z"
HALF = {"split": {"stable": 50, "canary": 50}}


@pytest.mark.parametrize(
    ("lease", "told"),
    [
        (None, None),
        ({}, None),
        ({"holderIdentity": "", "renewTime": NOON, "leaseDurationSeconds": 15}, None),
        ({"holderIdentity": "a", "renewTime": None}, None),
        ({"holderIdentity": "a", "renewTime": NOON, "leaseDurationSeconds": 15}, None),
        (
            {"holderIdentity": "a", "renewTime": "2999-01-01T00:00:00", "leaseDurationSeconds": 1},
            "a replica leads; first kubectl -n own-",
        ),
        ({"holderIdentity": "a", "renewTime": "yesterday"}, "nobody can tell whether"),
        ({"holderIdentity": "a", "renewTime": 7}, "nobody can tell whether"),
        ({"holderIdentity": "a", "renewTime": {}}, "nobody can tell whether"),
        (
            {"holderIdentity": "a", "renewTime": NOON, "leaseDurationSeconds": 10**12},
            "nobody can tell whether",
        ),
        (
            {"holderIdentity": "a", "renewTime": NOON, "leaseDurationSeconds": 10**30},
            "nobody can tell whether",
        ),
        ("no mapping", None),
    ],
)
def test_whoever_may_still_lead_is_not_left_without_their_objects(
    run: Run, api: str, lease: object, told: str | None
) -> None:
    own = f"own-{next(_NUMBER)}"
    if lease is not None:
        asyncio.run(_leased(api, own, lease))
    asked = run("uninstall", "--own", own)
    if told is None:
        assert (asked.exit_code, asked.stderr) == (0, "0 let go; traffic stays where it is\n")
    else:
        assert isinstance(asked.exception, RefusedError)
        assert str(asked.exception).startswith(f"lease {own}/rollout-controller: {told}")


def test_a_replica_that_leads_the_last_shard_alone_is_not_left_without_its_objects(
    run: Run, api: str
) -> None:
    own, name = f"own-{next(_NUMBER)}", rights.leases(rights.MOST_SHARDS)[-1]
    held = {"holderIdentity": "a", "renewTime": "2999-01-01T00:00:00", "leaseDurationSeconds": 1}
    asyncio.run(_leased(api, own, held, name))
    asked = run("uninstall", "--own", own)
    assert isinstance(asked.exception, RefusedError)
    assert str(asked.exception) == (
        f"lease {own}/rollout-controller-7: a replica leads; "
        f"first kubectl -n {own} scale deployment/rollout --replicas=0"
    )


_NUMBER = count()


async def _leased(api: str, own: str, spec: object, name: str = rights.LEASE) -> None:
    """That Lease is there, whatever it says; the lab's API server takes more than a real one."""
    kube = Kube(api)
    meta = {"name": name, "namespace": own}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own}}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta}
    try:
        await kube.apply(space)
        await kube.create(
            Kind("coordination.k8s.io", "v1", "leases", "Lease"), {**lease, "spec": spec}
        )
    finally:
        await kube.close()


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        ("Rollout", {"stage": {"name": "Idle"}}, ""),
        ("Rollout", {}, ""),
        (
            "Rollout",
            {"stage": {"name": "Stepping", **HALF}},
            ": in a journey; 50% stay with the canary",
        ),
        ("ClusterSwitchover", {"stage": {"name": "Serving", "split": {"canary": 100}}}, ""),
        (
            "ClusterSwitchover",
            {"stage": {"name": "Shifting", **HALF}},
            ": in a journey; 50% stay with green",
        ),
        ("ControlPlaneUpgrade", {"state": "Done"}, ""),
        (
            "ControlPlaneUpgrade",
            {"state": "Waves"},
            ": in a journey at Waves; what has moved stays moved",
        ),
    ],
)
def test_what_is_let_go_in_mid_journey_is_said_of_every_kind(
    kind: str, status: dict[str, Any], said: str
) -> None:
    obj = {"metadata": {"name": "shop"}, "status": status}
    assert leave._line(kind, obj) == f"{kind.lower()} shop{said}"
