"""S19 for the mesh: killed before or after any single effect of a question and its answers.

A wave, a removal and a switchover's step ask two people in Slack; a stranger presses, one of the
two asks for a pause as well. Whenever the process dies, the next one goes on, and at the end there
is one message, each reply once, one line and one Event of each act, and each answer once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from rollout import journeys as kinds
from rollout.controller.audit.recording import Recording
from rollout.controller.chat.hearing import Hearing
from rollout.controller.chat.roster import Roster
from rollout.controller.chat.showing import Showing
from rollout.controller.instruments import Instruments
from rollout.controller.keeping.inbox import Box, Inbox
from rollout.controller.switching.store import Store
from rollout.controller.upgrading.keeping import UpgradeStore
from rollout.model.audit import Act
from rollout.model.chat import Click, Press, Sender, Ticket
from rollout.upgrade.requests import answered_in_chat as answered_upgrade
from rollout.upgrade.switchover.requests import answered_in_chat as answered_switchover
from tests import virtual
from tests.fakes import FakeKube
from tests.fakes_audit import FakeLog
from tests.fakes_chat import FakeChat, buttons
from tests.make import START
from tests.mortal import Life, MortalChat, MortalKube, MortalLog, killed
from tests.stories.test_mesh_people import ANN, BOB, CHANNEL, EVE, MADE

Json = dict[str, Any]


@dataclass
class Process:
    """The doors of one controller, for as long as ``life`` lasts; its cores do not look."""

    kube: FakeKube
    chat: FakeChat
    log: FakeLog
    kind: str
    life: Life
    hearing: Hearing | None = None

    async def run(self) -> None:
        kube, chat = MortalKube(self.kube, self.life), MortalChat(self.chat, self.life)
        boxes: dict[str, Box[Any, Any]] = {
            "ControlPlaneUpgrade": Box(UpgradeStore(kube), answered_upgrade, _unheard),
            "ClusterSwitchover": Box(Store(kube), answered_switchover, _unheard),
        }
        inbox = Inbox(kube, {self.kind: boxes[self.kind]})
        inbox.chat, inbox.members = None, Roster(chat, virtual.clock).members
        log = MortalLog(self.log, self.life)
        recording = Recording(kube, log, virtual.clock, Instruments(), "c", kinds=inbox.kinds)
        showing = Showing(kube, chat, virtual.clock, inbox.trouble, kinds=inbox.kinds)
        for listener in (recording, showing):
            kube.listen(listener.changed)
        self.hearing = Hearing(kube, chat, inbox, virtual.clock, record=recording.refused)
        tasks = [asyncio.create_task(one.run()) for one in (recording, showing)]
        await self.life.over.wait()
        for task in tasks:
            task.cancel()
        self.life.buried = True
        await asyncio.gather(*tasks, return_exceptions=True)


def _unheard(_: str) -> None:
    """No core looks in these stories."""


@dataclass
class Question:
    """One object that asks, from the question to both answers; its first process is killed."""

    made: str
    first: Life
    kube: FakeKube = field(default_factory=FakeKube)
    chat: FakeChat = field(default_factory=FakeChat)
    log: FakeLog = field(default_factory=FakeLog)
    kills: int = 0
    running: Process | None = None

    async def play(self) -> None:
        self.obj = MADE[self.made](START)
        self.kube.put(self.obj)
        alive = asyncio.create_task(self._alive())
        try:
            await self._comes(lambda: Press.APPROVE in self.tickets())
            await self._pressed(EVE, Press.APPROVE)
            await self._pressed(ANN, Press.APPROVE)
            await self._pressed(ANN, Press.PAUSE)
            await self._pressed(BOB, Press.APPROVE)
            await asyncio.sleep(120)  # the last update of the message
        finally:
            alive.cancel()
            if self.running is not None:
                self.running.life.over.set()
            await asyncio.gather(alive, return_exceptions=True)
            await asyncio.sleep(0)

    async def _alive(self) -> None:
        life = self.first
        while True:
            self.running = Process(self.kube, self.chat, self.log, self.obj["kind"], life)
            await self.running.run()
            await asyncio.sleep(1)
            self.kills, life = self.kills + 1, Life()

    async def _comes(self, true: Callable[[], object]) -> None:
        while not true():
            await asyncio.sleep(0.2)

    async def _pressed(self, who: str, press: Press) -> None:
        """Delivered until it is acknowledged, each time the same press."""
        at, ticket = virtual.clock(), self.tickets()[press]
        click = Click(Sender(who, "T1", CHANNEL), press, ticket, at, f"{who} {press}", "t")
        while not await self._acknowledged(click):
            await asyncio.sleep(1)

    async def _acknowledged(self, click: Click) -> bool:
        process = self.running
        if process is None or process.hearing is None or process.life.over.is_set():
            return False
        hearing = asyncio.create_task(process.hearing.hear(click))
        killed = asyncio.create_task(process.life.over.wait())
        done, _ = await asyncio.wait((hearing, killed), return_when=asyncio.FIRST_COMPLETED)
        killed.cancel()
        return hearing in done

    def tickets(self) -> dict[Press, Ticket]:
        return buttons(self.chat.tops()[-1].blocks if self.chat.said else ())

    @property
    def now(self) -> Json:
        meta = self.obj["metadata"]
        found = self.kube.get(self.obj["kind"], meta.get("namespace", ""), meta["name"])
        assert found is not None
        return dict(found)


def played(made: str, at: int = 0, *, after: bool = False) -> Question:
    """The question whose first process ends at its ``at``-th effect."""

    async def whole() -> Question:
        question = Question(made, Life(at, after))
        await question.play()
        return question

    return virtual.run(whole())


def check(question: Question) -> None:
    """Nothing lost, nothing twice."""
    chat, log, now = question.chat, question.log, question.now
    assert len(chat.tops()) == 1
    keys = Counter(said.words.key for said in chat.said)
    assert {*keys.values()} == {1}
    journey = kinds.of(now).read(now)
    assert [(one.who, one.yes) for one in journey.answers] == [
        (f"slack:{ANN}", True),
        (f"slack:{BOB}", True),
    ]
    assert now["metadata"]["annotations"]["rollout.dev/request"].startswith("pause@")
    assert now["status"]["vouched"]["who"] == f"slack:{ANN}"
    told = Counter(one.id for one in log.told)
    assert {*told.values()} == {1}
    acts = [(one.act, one.who) for one in log.told if one.act is not Act.DECISION]
    assert sorted(acts) == [
        (Act.APPROVAL, f"slack:{ANN}"),
        (Act.APPROVAL, f"slack:{BOB}"),
        (Act.REFUSAL, f"slack:{EVE}"),
    ]
    assert {user for user, _ in chat.whispers} == {EVE}
    top = chat.tops()[0]
    assert all(f"<@{who}>" in str(top.blocks) for who in (ANN, BOB))


@pytest.mark.parametrize("made", [*MADE])
def test_a_clean_question_has_every_kind_of_effect(made: str) -> None:
    question = played(made)
    check(question)
    kind = question.obj["kind"]
    assert {*question.first.names} >= {
        f"patch {kind} status",
        f"patch {kind}",
        "create Event",
        "post in slack",
        "reply in slack",
        "update in slack",
        "whisper",
        "audit line",
    }


@pytest.mark.long
@pytest.mark.parametrize(
    ("made", "after"),
    [
        pytest.param(made, after, marks=pytest.mark.short if after else ())
        for made in MADE
        for after in (False, True)
    ],
)
def test_killed_at_any_single_effect_nothing_is_lost_or_doubled(made: str, *, after: bool) -> None:
    names = played(made).first.names
    for at in range(1, len(names) + 1):
        question = played(made, at, after=after)
        with killed(names, at, question.kills, after=after):
            check(question)
