"""S29, S32 to S46, L5 and L9: with one guard spoilt each is broken, and without, none is."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from rollout import hook
from rollout.controller import look
from rollout.controller.doing.perform import Performer
from rollout.controller.keeping import epochs
from rollout.controller.keeping.store import Store
from rollout.controller.keeping.swap import unchanged
from rollout.controller.leader import Leader
from rollout.controller.look import Looks
from rollout.controller.loop import Loop
from rollout.edges.kube import Kube
from rollout.edges.kube.cache import Cache
from rollout.edges.kube.source import Scope
from rollout.edges.kube.watch import Watch
from rollout.model.reasons import Cause, PauseKind, WaitsFor
from rollout.model.status import Phase, Stage
from rollout.model.turn import SOON
from rollout.reconcile import actions, holding, identity, journey, stages, subject
from rollout.reconcile.look import PROXIES, Look, Turn
from tests.sim.plan import Mishap, Subject, When
from tests.sim.steps import CALM, PUSH
from tests.sim.unguarded import Case, Spoil


def _blames_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes back is remembered as failed, though git merely asks for another."""
    withdraw = journey.withdraw

    def blamed(look: Look, because: str, cause: Cause, *, reject: bool) -> Turn:
        return withdraw(look, because, cause, reject=True)

    monkeypatch.setattr(journey, "withdraw", blamed)


def _takes_fright(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary with requests goes back at once, and nothing is the matter with it."""

    def back(look: Look) -> Turn | None:
        if look.status.stage.name is not Stage.STEPPING:
            return None
        return journey.withdraw(look, "it may be edited", Cause.REBUILT, reject=False)

    monkeypatch.setattr(identity, "canary_edited", back)


def _mistakes_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause that a person asked for is told as a failure."""
    pause = journey.pause

    def failed(look: Look, kind: PauseKind, because: str, by: str = "") -> Turn:
        return pause(look, PauseKind.FAILED, because, by)

    monkeypatch.setattr(journey, "pause", failed)


def _says_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    def waits(status: Any) -> Turn:
        return Turn(status, stages.WAITING, PROXIES, WaitsFor.DRAIN)

    monkeypatch.setattr(stages, "_proxies", waits)


def _looks_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "phase", lambda *_: Phase.HEALTHY)


def _leaves_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary without pods keeps its share."""
    monkeypatch.setattr(stages, "_lost", lambda look: Turn(look.status, "no pods", SOON))


def _writes_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    patch = Performer._patch

    async def always(self: Performer, kind: str, obj: Any, patches: Any) -> None:
        await patch(self, kind, obj, lambda held: patches(held) or [unchanged(held)])

    monkeypatch.setattr(Performer, "_patch", always)


def _tells_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reading is written as it comes."""
    monkeypatch.setattr(Store, "_refresh_due", staticmethod(lambda *_: True))


def _tells_never(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence alone is never written."""
    monkeypatch.setattr(Store, "_refresh_due", staticmethod(lambda *_: False))


def _leaves_its_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_subset_gone", lambda *_: ())


def _forgets_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Rollout names no more is not its authors' again before it is forgotten."""
    go_home = subject.go_home

    def home(look: Look) -> Turn:
        traffic = replace(look.seen.traffic, fields_held=False)
        return go_home(replace(look, seen=replace(look.seen, traffic=traffic)))

    monkeypatch.setattr(subject, "go_home", home)


def _leaves_old_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_pods_down", lambda *_: ())
    monkeypatch.setattr(holding, "drained", lambda look: replace(look.status, draining=None))


def _forgets_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git's word is heard once: what it asks for later is taken for what is there."""
    idle = stages._idle

    def deaf(look: Look) -> Turn:
        return stages.at_rest(look) if look.status.attempt.number else idle(look)

    monkeypatch.setitem(stages._STAGES, Stage.IDLE, deaf)


def _stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that has opened is not gone through."""
    monkeypatch.setattr(stages, "_next", lambda look, because: Turn(look.status, because, SOON))


def _dies_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task beside the looks ends as a bug, and nobody waits for it."""
    conclude = Looks._conclude

    async def bug() -> None:
        raise LookupError("nobody waits for it")

    async def concluded(self: Looks, one: Any) -> Any:
        asyncio.create_task(bug())  # noqa: RUF006 - that nobody has it is the point
        return await conclude(self, one)

    monkeypatch.setattr(Looks, "_conclude", concluded)


def _reads_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    each = Kube.each

    async def first(self: Kube, kind: str, scope: Scope) -> AsyncIterator[Any]:
        found = [obj async for obj in each(self, kind, scope)]
        for obj in found[:2]:
            yield obj

    monkeypatch.setattr(Kube, "each", first)


def _shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "newest", lambda *_: {})


def _lists_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each watch ends after a moment, and begins with a list."""

    async def follow(self: Watch) -> None:
        await asyncio.sleep(1.5)
        self._version = ""

    monkeypatch.setattr(Watch, "_follow", follow)


def _holds_since(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes a Lease says that it has been theirs since its last holder took it."""
    spec = Leader._spec

    def since(self: Leader, lease: Any, whose: str) -> Any:
        before = {"acquireTime": lease["spec"]["acquireTime"]} if lease else {}
        return {**spec(self, lease, whose), **before}

    monkeypatch.setattr(Leader, "_spec", since)


def _forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the loop has of an object stays when that is gone."""
    monkeypatch.setattr(Loop, "forget", lambda *_: None)


def _keeps_the_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that is gone stays in the cache."""
    remove = Cache.remove

    def kept(self: Cache, obj: Any) -> frozenset[str]:
        return frozenset() if obj["kind"] == "Pod" else remove(self, obj)

    monkeypatch.setattr(Cache, "remove", kept)


def _follows(seconds: float) -> Spoil:
    """A watch is followed by the next one so much later, whatever the last one was."""

    async def once(self: Watch) -> None:
        self._version = self._version or await self._list()
        await self._follow()
        await asyncio.sleep(seconds)

    return lambda monkeypatch: monkeypatch.setattr(Watch, "_once", once)


def _counts_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look on the way back is counted as one."""
    monkeypatch.setattr(look, "_took_weight", look._takes_weight)


def _asks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate of a step is asked as soon as that is entered."""

    def webhook(rollout: Any, status: Any) -> Any:
        if status.stage.name is not Stage.STEPPING:
            return None
        return hook.question(rollout, holding.stop(rollout, status).step, status)

    module = importlib.import_module("rollout.reconcile.ask")
    monkeypatch.setattr(module, "_webhook", webhook)


def _begins_epochs_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(epochs, "kept", lambda stored, _: stored)


LAWS: dict[str, Case] = {
    "S32: rejected for nothing": Case(
        CALM, (PUSH, Mishap("push", When(30.0), "v1")), _blames_everybody, "S32",
    ),
    "S32: back for nothing": Case(CALM, (PUSH,), _takes_fright, "S32"),
    "S32: paused for something else": Case(
        CALM,
        (PUSH, Mishap("request", When(30.0), "pause"), Mishap("request", When(60.0), "resume")),
        _mistakes_a_pause,
        "S32",
    ),
    "S33: waits for something else": Case(CALM, (PUSH,), _says_drained, "S33"),
    "S33: in another phase": Case(CALM, (PUSH,), _looks_well, "S33"),
    "S34": Case(
        CALM,
        (PUSH, Mishap("canary crashes", When(30.0), lasts=100.0)),
        _leaves_the_dead,
        "S34",
    ),
    "S35": Case(CALM, (PUSH,), _writes_for_nothing, "S35"),
    "S36": Case(CALM, (PUSH,), _tells_at_once, "S36"),
    "S37: a subset is left": Case(CALM, (PUSH,), _leaves_its_subset, "S37"),
    "S37: pods are left": Case(
        replace(CALM, subjects=(Subject(workload="managed"),)), (PUSH,), _leaves_old_pods, "S37",
    ),
    "S37: git is not heard": Case(
        CALM, (PUSH, Mishap("push", When(120.0), "v3")), _forgets_the_last, "S37",
    ),
    "S37: what it names no more is held": Case(
        replace(CALM, fields=True, subjects=(Subject(author="edged"),)),
        (PUSH, Mishap("other names", When(30.0))),
        _forgets_at_once,
        "S37",
    ),
    "L9: it stands": Case(replace(CALM, calm=240.0), (PUSH,), _stands_still, "L9"),
    "L9: it is not told": Case(
        CALM, (PUSH, Mishap("bad", When(30.0), lasts=60.0)), _tells_never, "L9"
    ),
    "S29: a task that nobody waits for": Case(CALM, (PUSH,), _dies_unseen, "S29"),
    "S40: one page": Case(replace(CALM, read=True, page=2), (PUSH,), _reads_the_first_page, "S40"),
    "S40: an empty page": Case(replace(CALM, read=True), (PUSH,), _shows_nothing, "S40"),
    "S41": Case(CALM, (PUSH,), _lists_again, "S41"),
    "S41: cut off at once": Case(
        CALM,
        (PUSH, Mishap("watch cut", When(25.0)), Mishap("watch cut", When(25.5))),
        _follows(0.0),
        "S41",
    ),
    "L5: a watch that ended": Case(CALM, (PUSH,), _follows(0.5), "L5"),
    "S44": Case(CALM, (PUSH, Mishap("delete", When(40.0))), _forgets_nothing, "S44"),
    "S45": Case(
        replace(CALM, subjects=(Subject(workload="managed"),)), (PUSH,), _keeps_the_dead, "S45",
    ),
    "S19: an epoch falls": Case(
        CALM,
        (Mishap("status written over", When(10.0), on="gone"), PUSH),
        _begins_epochs_anew,
        "S19",
    ),
    "S43": Case(
        replace(CALM, replicas=2),
        (PUSH, Mishap("kill", When(40.0), value=20.0)),
        _holds_since,
        "S43",
    ),
    "S46": Case(
        replace(CALM, subjects=(Subject("gated"),)),
        (PUSH, Mishap("proxies behind", When(20.0), lasts=20.0)),
        _asks_at_once,
        "S46",
    ),
    "S42": Case(CALM, (PUSH, Mishap("request", When(30.0), "abort")), _counts_looks, "S42"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_a_law_fails_where_its_guard_is_spoilt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    LAWS[name].fails_unguarded(monkeypatch)
