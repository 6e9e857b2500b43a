"""What ``rollout uninstall`` says of each object that it lets go."""

from typing import Any

import pytest

from rollout.cli.installing import leave

HALF = {"split": {"stable": 50, "canary": 50}}


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
