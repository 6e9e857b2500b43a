"""U1 to U6: with one guard of an upgrade spoilt each is broken, and without, none is."""

import pytest

from rollout.model.reasons import Reason
from rollout.model.turn import SOON
from rollout.upgrade import ending, gateways, herding, passing, waves, wayback
from rollout.upgrade.look import Look, Turn
from tests.sim import meshes, scenes_mesh
from tests.sim.plan import Mishap, Setup, When
from tests.sim.steps import at
from tests.sim.unguarded import Case


def _world(shape: str, calm: float = 150.0) -> Setup:
    return Setup(calm=calm, last="", mesh=True, upgrade=shape)


def _asks_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the old control plane is removed nobody looks who uses it."""
    monkeypatch.setattr(ending, "users", lambda *_: iter(()))


def _judges_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "judged", lambda look: passing.go_on(look, "well"))


def _stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails stays where it is."""

    def stays(look: Look, because: Reason) -> Turn:
        return Turn(look.status, because, SOON)

    monkeypatch.setattr(wayback, "failed", stays)


def _waits_for_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateways, "_unready", lambda *_: None)


def _tries_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves, "injected", lambda *_: (None, True))


def _takes_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wayback, "unit", lambda _: None)


LAWS: dict[str, Case] = {
    "U1": Case(
        _world("", 420.0),
        (at(382.0, "mesh", "prod is moved back"),),
        _asks_nobody_else,
        "U1",
    ),
    "U2": Case(_world("brief"), (), _judges_nothing, "U2"),
    "U3": Case(_world("brief", 240.0), (at(8.0, "mesh", "shop1 fails", 220.0),), _stands, "U3"),
    "U4": Case(_world("gateway"), (), _waits_for_no_pod, "U4"),
    "U5": Case(_world("", 150.0), (at(50.0, "new istiod deaf", lasts=60.0),), _tries_nothing, "U5"),
    "U6": Case(
        _world("brief"),
        (Mishap("upgrade asked", When(40.0), "abort"),),
        _takes_nothing_back,
        "U6",
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fails_where_its_guard_is_spoilt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[name].fails_unguarded(monkeypatch)


def test_all_that_can_be_done_to_a_mesh_is_done_in_a_scene() -> None:
    plays = [rows for _, rows in scenes_mesh.SCENES.values()]
    assert {one.on for rows in plays for one in rows if one.do == "mesh"} == set(meshes.EDITS)
    assert {setup.upgrade for setup, _ in scenes_mesh.SCENES.values()} == set(meshes.SHAPES)
