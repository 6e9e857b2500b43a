"""What an upgrade may ask for, and what of it cannot be built."""

import pytest

from rollout.model.upgrade import (
    ControlPlaneUpgradeSpec,
    External,
    GatewayMove,
    Install,
    Manifests,
    Wave,
)


def test_the_canary_goes_before_the_waves() -> None:
    canary, rest = Wave("canary", namespaces=("a",)), Wave("rest", one_at_a_time=True)
    assert ControlPlaneUpgradeSpec("a", "b", waves=(rest,)).groups == (rest,)
    assert ControlPlaneUpgradeSpec("a", "b", canary=canary, waves=(rest,)).groups == (canary, rest)


def test_a_wave_names_its_namespaces_in_one_way() -> None:
    with pytest.raises(ValueError, match="in 0 ways"):
        Wave("none")
    with pytest.raises(ValueError, match="in 2 ways"):
        Wave("both", namespaces=("a",), tag="prod")


def test_there_is_one_way_to_install() -> None:
    assert Install() == Install(None, None, None)
    with pytest.raises(ValueError, match="2 ways to install"):
        Install(external=External(), manifests=Manifests("mesh/istio"))


@pytest.mark.parametrize("shares", [(), (0, 100), (50, 50, 100), (50, 10, 100), (10, 50)])
def test_a_gateway_s_shares_rise_to_all_of_it(shares: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shares must rise from 1 or more to 100"):
        GatewayMove(deployment="ingress/gw", shares=shares)


def test_a_gateway_is_a_deployment_or_a_gateway() -> None:
    assert GatewayMove(gateway="ingress/gw").name == "ingress/gw"
    assert GatewayMove(deployment="ingress/gw").name == "ingress/gw"
    with pytest.raises(ValueError, match="not both"):
        GatewayMove(deployment="ingress/gw", gateway="ingress/gw")
