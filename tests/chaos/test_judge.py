"""Each law of a campaign can fail: one version of a good history is spoilt, and the law says so."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from tests.chaos.campaign import Played
from tests.chaos.judge import Judge, Wrong
from tests.chaos.plane import Commit
from tests.chaos.scenarios import Scenario, scenarios
from tests.chaos.striker import KILL, Strike
from tests.chaos.tap import Side, Write

STEPS = Scenario(0, "steps", scenarios()[0].subject)
NAME, SPACE = STEPS.called, STEPS.space
SUBSETS = {"stable": "v1", "canary": "v2"}
PLAN = {"canary": {"steps": [{"weight": 5}, {"weight": 25}]}}


def test_a_journey_as_it_should_be_breaks_no_law() -> None:
    judge = _judged(_good())
    assert judge.broken == []
    assert judge.decided == {"u.1.1", "u.1.2", "u.1.3"}


def test_how_long_requests_divide_otherwise_than_decided_is_told() -> None:
    assert _judged(_good()).wrong == [
        Wrong(STEPS, since=3.0, until=4.0),
        Wrong(STEPS, since=5.0, until=6.0),
    ]


def test_what_somebody_else_wrote_breaks_no_law_and_is_wrong_until_it_is_set_right() -> None:
    edited = (*_good(), _route(30, 3), _route(25, 3))
    judge = _judged(edited, foreign={7})
    assert judge.broken == []
    assert judge.wrong[-1] == Wrong(STEPS, since=7.0, until=8.0)


def test_who_ends_with_another_split_than_decided_is_told() -> None:
    judge = _judged((*_good(), _route(30, 3)), foreign={7})
    judge.ended(9.0)
    assert judge.broken == ["steps: S27: {'v1': 75, 'v2': 25} and {'v1': 70, 'v2': 30}"]
    assert judge.wrong[-1] == Wrong(STEPS, since=7.0, until=9.0)


def test_a_subset_that_somebody_took_away_says_nothing_of_the_steps() -> None:
    history = [*_good()]
    history[6:6] = [_rule({"stable": "v1"})]
    judge = _judged([*history, _rule(SUBSETS)], foreign={6})
    assert judge.broken == []


@pytest.mark.parametrize(
    ("place", "spoilt", "law"),
    [
        (4, {"weights": (90, 5)}, "S1"),
        (4, {"share": 7, "status": 7}, "S5"),
        (4, {"share": 25, "status": 25}, "S5"),
        (4, {"share": 25}, "S20"),
        (4, {"epoch": 9}, "S20"),
        (6, {"epoch": 1}, "S10"),
    ],
)
def test_a_route_that_breaks_a_law(place: int, spoilt: dict[str, Any], law: str) -> None:
    history = [*_good()]
    share = spoilt.get("share", 5 if place == 4 else 25)
    history[place] = _route(
        share, spoilt.get("epoch", 2 if place == 4 else 3), spoilt.get("weights")
    )
    if "status" in spoilt:
        history[place - 1] = _rollout(2, spoilt["status"], ["1.1", "1.2"])
    assert law in {line.split(": ")[1] for line in _judged(history).broken}


@pytest.mark.parametrize(
    ("spoilt", "law"),
    [
        ({"epoch": 1}, "S10"),
        ({"ids": ["1.1", "1.3"]}, "S19"),
        ({"ids": ["1.1", "1.2", "1.2"]}, "S19"),
        ({"phase": "Degraded"}, "table"),
        ({"stage": "Retiring"}, "table"),
    ],
)
def test_a_status_that_breaks_a_law(spoilt: dict[str, Any], law: str) -> None:
    history = [*_good()]
    history[5] = _rollout(**{"epoch": 3, "share": 25, "ids": ["1.1", "1.2", "1.3"], **spoilt})
    assert law in {line.split(": ")[1] for line in _judged(history).broken}


def test_a_subset_that_has_requests_keeps_its_meaning() -> None:
    judge = _judged((*_good(), _rule({"stable": "v1", "canary": "v3"})))
    assert "S8" in {line.split(": ")[1] for line in judge.broken}


def test_a_wrong_split_counts_from_when_somebody_leads_again_after_the_last_strike() -> None:
    write = Write("Rollout", SPACE, NAME)
    shards = 1
    first = Strike(KILL, write, Side.AFTER, at=10.0, pid=1, under_way=1, led=[0], again=19.0)
    second = Strike(KILL, write, Side.AFTER, at=20.0, pid=2, under_way=1, led=[0], again=28.0)
    other = Strike(KILL, write, Side.AFTER, at=28.5, pid=3, under_way=1, led=[], again=None)
    made = Played(shards, [first, second, other])
    assert made.led_wrong(Wrong(STEPS, 10.0, 30.0)) == 2.0
    assert made.led_wrong(Wrong(STEPS, 10.0, 19.5)) == 0.5
    assert made.led_wrong(Wrong(STEPS, 29.0, 33.0)) == 4.0


def _good() -> Sequence[Any]:
    """Adopted, begun, at 5 % and at 25 %: the status first, and then the route."""
    return (
        _rule(SUBSETS),
        _rollout(1, 0, ["1.1"], stage="Preparing"),
        _route(0, 1),
        _rollout(2, 5, ["1.1", "1.2"]),
        _route(5, 2),
        _rollout(3, 25, ["1.1", "1.2", "1.3"]),
        _route(25, 3),
    )


def _judged(history: Sequence[Any], foreign: set[int] | None = None) -> Judge:
    """The judge of objects that etcd has had, a second and a version each."""
    judge = Judge({SPACE: STEPS}, foreign or set())
    judge.hear([Commit(n, obj, float(n)) for n, obj in zip(itertools.count(), history)])
    return judge


def _rollout(
    epoch: int, share: int, ids: Sequence[str], phase: str = "Progressing", stage: str = "Stepping"
) -> Any:
    status = {
        "phase": phase,
        "stage": {"name": stage, "split": {"stable": 100 - share, "canary": share}},
        "stable": {"name": "v1"},
        "attempt": {"number": 1, "canary": {"name": "v2"}},
        "epoch": epoch,
        "history": [
            {"id": each, "at": "2026-01-01T00:00:00Z", "stage": stage, "split": "", "because": ""}
            for each in ids
        ],
    }
    return {**_obj("Rollout", {"strategy": PLAN}), "status": status}


def _route(share: int, epoch: int, weights: tuple[int, int] | None = None) -> Any:
    pair = zip(SUBSETS, weights or (100 - share, share), strict=True)
    sent = [
        {"destination": {"host": NAME, "subset": subset}, "weight": weight}
        for subset, weight in pair
    ]
    made = _obj("VirtualService", {"http": [{"route": sent}]})
    noted = {f"rollout.dev/{NAME}.{SPACE}": f'{{"epoch": {epoch}}}'}
    return {**made, "metadata": {**made["metadata"], "annotations": noted}}


def _rule(subsets: dict[str, str]) -> Any:
    named = [{"name": name, "labels": {"version": each}} for name, each in subsets.items()]
    return _obj("DestinationRule", {"subsets": named})


def _obj(kind: str, spec: Any) -> Any:
    return {"kind": kind, "metadata": {"name": NAME, "namespace": SPACE, "uid": "u"}, "spec": spec}
