"""Each law can fail: with one guard spoilt the simulator names it, and without, nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout import confirm, gate, hook
from rollout.controller.keeping import store
from rollout.controller.loop import Loop
from rollout.controller.sources import apply, look
from rollout.controller.sources.apply import Write
from rollout.controller.upgrading import trials
from rollout.edges.kube import Kube, watch
from rollout.errors import ManifestError
from rollout.gate import Gate
from rollout.manifest import record
from rollout.model.reasons import Reason
from rollout.model.status import ConfirmedBy, Stage
from rollout.reconcile import drift, handover, requests, stages
from rollout.reconcile.look import Look, Turn, Writes
from tests.sim import neighbours, shrink, story
from tests.sim.plan import Mishap, Plan, Setup, Subject, When
from tests.sim.steps import CALM, PUSH
from tests.sim.unguarded import Case

GIT = replace(CALM, sourced=True)


def _opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate opens whatever it was told, and before anything was."""
    answer = gate.answer

    def opened(*asked: Any) -> gate.Finding:
        found = answer(*asked)
        return replace(found, gate=Gate.OPEN) if found.gate is Gate.HOLD else found

    monkeypatch.setattr(gate, "answer", opened)


def _believes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies are taken to have what was asked of them."""
    monkeypatch.setattr(confirm, "confirmed", lambda *_: ConfirmedBy.SYNCZ)


def _passes_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "holds", lambda *_: None)


def _hands_over_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """The autoscaler goes to the canary as soon as there is one, however many pods it leaves."""
    monkeypatch.setattr(handover, "goal", lambda status: status.attempt.canary or status.stable)
    monkeypatch.setattr(handover, "floor", lambda *_: 0)


def _overlooks_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's edit stays until the step is over, and the next one is written on top of it."""

    def left(looked: Look) -> Turn | None:
        if not drift._foreign(looked) or looked.status.stage.name is not Stage.STEPPING:
            return None
        turn = stages.advance(looked)
        on = turn.status.stage.split.canary > looked.status.stage.split.canary
        return turn if on else replace(turn, writes=Writes.NO_ROUTES)

    monkeypatch.setattr(drift, "drifted", left)


def _goes_back_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered to our writes of Deployments is forgotten."""
    written = Kube._written

    def forgotten(self: Any, kind: str, obj: Any) -> Any:
        return obj if kind == "Deployment" else written(self, kind, obj)

    monkeypatch.setattr(Kube, "_written", forgotten)


def _obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked before git goes back, or has nothing any more."""
    monkeypatch.setattr(apply, "_hold", lambda *_, **__: "")


def _prunes_what_it_cannot_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of(gone: Any, *_: Any) -> list[Write]:
        return [Write("delete", key) for key in sorted(gone)]

    monkeypatch.setattr(apply, "_prunes", all_of)


def _writes_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "_refusal", lambda *_: "")


def _tells_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that says what git was read with."""
    origin = look.Sources._origin

    async def with_secret(self: Any, source: Any) -> Any:
        made = await origin(self, source)
        return replace(made, ref=made.secret["password"])

    monkeypatch.setattr(look.Sources, "_origin", with_secret)


def _reads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look.Sources, "_until_poll", lambda *_: timedelta(days=1))


def _waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "GRACE_SECONDS", 500)


def _knows_no_later_word(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict:
        """How a status is read, but for words that it does not know."""

        def __getattr__(self, name: str) -> Any:
            return getattr(record, name)

        def status(self, obj: Any) -> Any:
            if "later" in obj.get("status", {}):
                raise ManifestError("rollout", 0, "status.later is not known", "take it away")
            return record.status(obj)

    monkeypatch.setattr(store, "record", Strict())


def _stumbles(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_of_none(_: Look) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(stages, "_stable_down", one_of_none)


def _accuses_stable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "_stable_down", lambda _: Reason("stable has no ready pods"))


def _hears_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "answered", lambda look: (look, None))


def _pauses_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said to be done, and is not."""
    monkeypatch.setattr(requests, "_pause", lambda looked, _: stages.advance(looked))


def _looks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the end of a bake, but long after it; no single step stands for ever (L9)."""
    monkeypatch.setattr(gate, "_sooner", lambda *_: timedelta(seconds=100))


LAWS: dict[str, Case] = {
    "S4: evidence of another step": Case(
        CALM,
        (PUSH, Mishap("prometheus empty", When(30.0), lasts=150.0)),
        _opens,
        "S4",
    ),
    "S4: proxies that are behind": Case(
        CALM,
        (PUSH, Mishap("proxies behind", When(20.0), lasts=60.0)),
        _believes,
        "S4",
    ),
    "S3: a gate that holds": Case(
        replace(CALM, subjects=(Subject("gated"),)),
        (PUSH, Mishap("gate holds", When(20.0), lasts=130.0)),
        _passes_gates,
        "S3",
    ),
    "S7: an autoscaler's fewer pods": Case(
        replace(CALM, subjects=(Subject(workload="scaled"),)),
        (PUSH,),
        _hands_over_early,
        "S7",
    ),
    "S12": Case(
        CALM,
        (PUSH, Mishap("weights edited", When(35.0), value=30.0)),
        _overlooks_edits,
        "S12",
    ),
    "S13": Case(
        Setup((Subject(workload="managed"),), calm=150.0, last=""),
        (PUSH, Mishap("watch silent", When(15.0), "Deployment", lasts=200.0)),
        _goes_back_in_time,
        "S13",
    ),
    "S15": Case(GIT, (PUSH, Mishap("pushed back", When(110.0), lasts=60.0)), _obeys, "S15"),
    "S16": Case(
        GIT,
        (PUSH, Mishap("broken yaml", When(50.0), lasts=60.0)),
        _prunes_what_it_cannot_read,
        "S16",
    ),
    "S17": Case(GIT, (PUSH, Mishap("all files gone", When(50.0), lasts=60.0)), _obeys, "S17"),
    "S24": Case(
        GIT,
        (PUSH, Mishap("wants another namespace", When(50.0), lasts=60.0)),
        _writes_anywhere,
        "S24",
    ),
    "S25": Case(GIT, (PUSH,), _tells_all, "S25"),
    "L6": Case(GIT, (PUSH,), _reads_once, "L6"),
    "L5": Case(
        CALM,
        (PUSH, Mishap("watch silent", When(40.0), lasts=150.0)),
        _waits_for_ever,
        "L5",
    ),
    "S29": Case(CALM, (PUSH,), _stumbles, "S29"),
    "S30": Case(CALM, (PUSH,), _accuses_stable, "S30"),
    "S31: never heard": Case(
        CALM,
        (PUSH, Mishap("request", When(45.0), "pause"), Mishap("request", When(120.0), "resume")),
        _hears_nobody,
        "S31",
    ),
    "S31: said to be done": Case(
        CALM,
        (PUSH, Mishap("request", When(45.0), "pause"), Mishap("request", When(120.0), "resume")),
        _pauses_later,
        "S31",
    ),
    "L7": Case(replace(CALM, calm=10.0, last="v2"), (), _looks_seldom, "L7"),
    "L8": Case(
        CALM,
        (PUSH, Mishap("a later version", When(50.0), value=3.0)),
        _knows_no_later_word,
        "L8",
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fails_where_its_guard_is_spoilt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[name].fails_unguarded(monkeypatch)


@pytest.mark.long
def test_an_upgrade_that_takes_the_brake_away_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """S28: nobody asks whether the istiod that is to validate next takes what it is given."""
    world = replace(CALM, mesh=True, calm=600.0)
    validator = "patch ValidatingWebhookConfiguration /istiod-default-validator"
    moved = next(line for line in story.play(Plan(1, world, ())).story if validator in line)
    before = When(float(moved.split()[0]) - 20.0)
    failing = Plan(1, world, (Mishap("new istiod deaf", before, lasts=60.0),))
    assert story.play(failing).broken == ()
    tried = trials.brake
    monkeypatch.setattr(trials, "brake", lambda asked, space, _: tried(asked, space))
    assert shrink.law(story.play(failing).broken) == "S28"


def test_a_poisoned_neighbour_costs_the_others_nothing() -> None:
    """L4: the same ways, and no later."""
    clean = neighbours.journeys()
    assert [name for name, *_ in clean].count("shop") == 4
    for poison in ("spec unreadable", "weights edited"):
        assert [*neighbours.late(clean, neighbours.journeys(poison))] == [], poison


def test_a_poisoned_neighbour_that_stops_the_others_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One look at a time, and whoever fails waits there: the others are late."""
    clean = neighbours.journeys()
    lock, once, failed = asyncio.Lock(), Loop._once, Loop._failed

    async def alone(self: Any, key: Any, state: Any) -> None:
        async with lock:
            await once(self, key, state)

    async def waits(self: Any, key: Any, state: Any, error: Any) -> float:
        await asyncio.sleep(await failed(self, key, state, error))
        return 0.0

    monkeypatch.setattr(Loop, "_once", alone)
    monkeypatch.setattr(Loop, "_failed", waits)
    assert [*neighbours.late(clean, neighbours.journeys("spec unreadable"))] != []
