"""U1 to U9: with one guard of an upgrade spoilt each is broken, and without, none is."""

from dataclasses import replace

import pytest

from rollout import upgrade as core
from rollout.model.reasons import Reason
from rollout.model.turn import SOON
from rollout.upgrade import ending, gateways, herding, passing, stages, waves, wayback
from rollout.upgrade.look import Look, Turn
from tests.sim import edits, meshes, scenes_meddled, scenes_mesh
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


def _minds_no_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "brake", lambda _: None)


def _asks_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = core.ask
    monkeypatch.setattr(core, "ask", lambda *seen: replace(ask(*seen), brake=True))


def _moves_whoever_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "members", lambda *_: ("ingress",))
    monkeypatch.setattr(herding, "left_since", lambda *_: "")


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
    "U7": Case(
        _world("brief", 60.0),
        (at(0.0, "mesh", "a freeze", 10.0), at(0.0, "mesh", "nobody validates", 40.0)),
        _minds_no_validator,
        "U7",
    ),
    "U8": Case(
        _world("brief", 160.0),
        (at(130.0, "mesh", "the new istiod is being replaced", 10.0),),
        _asks_at_rest,
        "U8",
    ),
    "U9": Case(_world("brief", 60.0), (), _moves_whoever_is_there, "U9"),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fails_where_its_guard_is_spoilt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[name].fails_unguarded(monkeypatch)


def test_all_that_can_be_done_to_a_mesh_is_done_in_a_scene() -> None:
    every = [*scenes_mesh.SCENES.values(), *scenes_meddled.SCENES.values()]
    plays = [rows for _, rows in every]
    assert {one.on for rows in plays for one in rows if one.do == "mesh"} == set(edits.EDITS)
    assert {setup.upgrade for setup, _ in every} == {*meshes.SHAPES, meshes.STILL}
