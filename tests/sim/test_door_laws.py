"""S47 to S50: with one guard spoilt each is broken, and without, none is."""

from dataclasses import replace
from typing import Any

import pytest

from rollout import requests
from rollout.controller.health import Health
from rollout.controller.keeping.inbox import Inbox
from rollout.controller.shards import Shards
from rollout.controller.sources import consent, leaves
from tests.sim import scenes_doors
from tests.sim.plan import Mishap, When
from tests.sim.steps import CALM, PUSH
from tests.sim.unguarded import Case

_SCENES = {name: one for table in scenes_doors.ALL for name, one in table.items()}


def _vouches_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "vouched_for", lambda driven, _: driven)


def _takes_another_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Inbox, "_refuse_another", lambda *_: None)


def _is_always_led(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shards, "leaderless", lambda _: "")


def _is_never_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Health, "unready", lambda _: "something is the matter")


def _takes_every_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """What asks less of people is in force at once."""
    monkeypatch.setattr(consent, "kept", lambda document, _: (document, ""))


def _applies_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rollout has written in a rule is git's again."""
    monkeypatch.setattr(leaves, "_destination_rule", lambda body, *_: {**body})


def _case(scene: str, spoil: Any, law: str) -> Case:
    return Case(*_SCENES[scene], spoil, law)


LAWS: dict[str, Case] = {
    "S47: told as another's": Case(
        CALM, (PUSH, Mishap("page", When(30.0), "pause")), _vouches_for_nobody, "S47"
    ),
    "S47: of another object": _case(
        "paused in Slack by one of a group, as it is made anew", _takes_another_for_it, "S47"
    ),
    "S48: nobody leads": _case(
        "the door of health, and nobody holds the Lease", _is_always_led, "S48"
    ),
    "S48: somebody leads": Case(
        replace(CALM, replicas=2, calm=240.0), (PUSH,), _is_never_ready, "S48"
    ),
    "S49": _case("git asks for other approvals, anybody", _takes_every_rule, "S49"),
    "S50": _case("the team pushes another subset at a step", _applies_as_it_is, "S50"),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fails_where_its_guard_is_spoilt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[name].fails_unguarded(monkeypatch)
