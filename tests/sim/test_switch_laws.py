"""W1 to W9: with one guard of a switchover spoilt each is broken, and without, none is."""

import importlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from rollout.controller.switching import store
from rollout.dns import endpoint
from rollout.journeys import switchovers as journeys
from rollout.model.journey import Journal
from rollout.model.switchover import SwitchStage
from rollout.model.traffic import Split
from rollout.model.turn import SOON
from rollout.upgrade.switchover import ending, progress, requests, served, shifting, stages
from rollout.upgrade.switchover.look import Look, Turn, go_back
from tests.sim import scenes_switched, switches
from tests.sim.plan import Mishap, Setup
from tests.sim.steps import at
from tests.sim.unguarded import Case


def _world(shape: str = "plainly", calm: float = 180.0) -> Setup:
    return Setup(subjects=(), calm=calm, last="", switching=shape)


def _then(seconds: float, on: str, lasts: float = 0.0) -> Mishap:
    return at(seconds, "switch", on, lasts)


def _believes_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name servers, caches and requests are taken to be as was written."""
    agrees = served.Agreement(True, "", timedelta(0))
    monkeypatch.setattr(progress, "_agreement", lambda _: agrees)
    monkeypatch.setattr(progress, "cached_for", lambda *_: timedelta(0))
    monkeypatch.setattr(progress, "_divides", lambda _: True)


def _leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails stays where it is."""

    def stays(look: Look, because: str, **_: object) -> Turn:
        return Turn(look.status, because, SOON)

    monkeypatch.setattr(shifting, "go_back", stays)


def _takes_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blue is thought to carry everyone, whatever is seen of it."""
    monkeypatch.setattr(ending, "cannot_carry", lambda _: "")


def _tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journeys, "_journal", lambda _: Journal((), ()))


def _writes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record's TTL is written with its weight."""
    plain = endpoint.patches

    def patches(records: Sequence[Any], objs: Mapping[str, Any], split: Split) -> Any:
        made = plain(records, objs, split)
        ttl = {"op": "replace", "path": "/spec/endpoints/1/recordTTL", "value": 5}
        return {place: [*ops, ttl] for place, ops in made.items()}

    monkeypatch.setattr(endpoint, "patches", patches)


def _lets_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {SwitchStage.DRAINING: lambda look: ending._done(look, "done")}
    monkeypatch.setattr(stages, "_STAGES", {**stages._STAGES, **done})


def _fights(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody has written is written over."""
    decide = importlib.import_module("rollout.upgrade.switchover.decide")
    monkeypatch.setattr(decide, "_drifted", lambda _: None)


def _goes_home_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(look: Look, _: object) -> Any:
        return go_back(look, "no reason at all", reject=True)

    monkeypatch.setattr(shifting, "_failed", fails)


def _hears_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "answered", lambda look: (look, None))


def _writes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "worth_saving", lambda *_: True)


def _writes_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a status only gathers is written with each look."""
    monkeypatch.setattr(store, "LAZY", timedelta(0))


LAWS: dict[str, Case] = {
    "W1": Case(_world(), (), _believes_anybody, "W1"),
    "W2": Case(_world(), (_then(50.0, "green fails", 120.0),), _leaves_nothing, "W2"),
    "W2, shut": Case(_world(), (_then(50.0, "green is shut", 120.0),), _leaves_nothing, "W2"),
    "W3": Case(
        _world("plainly", 200.0),
        (_then(50.0, "blue has no pods", 140.0), _then(95.0, "git asks for blue")),
        _takes_everybody,
        "W3",
    ),
    "W5": Case(_world(), (), _tells_nobody, "W5"),
    "W6": Case(_world(), (), _writes_more, "W6"),
    "W7": Case(_world("lingering", 300.0), (), _lets_go_at_once, "W7"),
    "W8": Case(_world(), (_then(60.0, "the weights are edited", 60.0),), _fights, "W8"),
    "W9": Case(_world(), (), _goes_home_for_nothing, "W9"),
    "S31": Case(
        _world("plainly", 300.0),
        (at(35.0, "switchover asked", "pause"),),
        _hears_nobody,
        "S31",
    ),
    "S35": Case(_world(), (), _writes_all, "S35"),
    "S36": Case(_world(), (), _writes_evidence, "S36"),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fails_where_its_guard_is_spoilt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[name].fails_unguarded(monkeypatch)


def test_all_that_can_happen_to_a_switchover_happens_in_a_scene() -> None:
    plays = [rows for _, rows in scenes_switched.SCENES.values()]
    assert {one.on for rows in plays for one in rows if one.do == "switch"} == set(switches.EDITS)
    assert {setup.switching for setup, _ in scenes_switched.SCENES.values()} >= set(switches.SHAPES)
