"""S19: killed before or after any single effect of a release through people; nothing is doubled.

From the push over Slack's question, a wrong person's press and an approval to the promotion: the
next process goes on, and at its end there is one message, and one audit line of each act.
"""

import asyncio
from dataclasses import dataclass, field

import pytest

from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.audit.recording import Recording
from rollout.controller.chat.hearing import Hearing
from rollout.controller.chat.roster import Roster
from rollout.controller.chat.showing import Showing
from rollout.model.audit import Act
from rollout.model.chat import Click, Press, Sender
from tests import virtual
from tests.controller.shop import Shop, a_rollout
from tests.fakes_audit import FakeLog
from tests.mortal import Life, MortalChat, MortalKube, MortalLog, killed
from tests.stories.test_people import ANN, EVE, HALF, buttons

APPROVAL = {"slack": "#releases", "approvers": [ANN]}
STEPS = [{"weight": 5, "bake": "10s", "approval": APPROVAL}, {"weight": 50, "bake": "10s"}]
SOME = 9  # every how many effects the short test looks at


@dataclass
class Process:
    """One controller with everything beside it, for as long as ``life`` lasts."""

    shop: Shop
    log: FakeLog
    life: Life
    hearing: asyncio.Future[Hearing] = field(default_factory=asyncio.Future)

    async def run(self) -> None:
        """Until it is killed, or cancelled."""
        kube = MortalKube(self.shop.kube, self.life)
        settings = Settings(beside=(self._record, self._talk))
        outside = Outside(kube, self.shop.metrics, self.shop.proxies)
        made = Controller(outside, settings, virtual.clock, virtual.Alarms)
        running = asyncio.create_task(made.run(asyncio.Event()))
        killed = asyncio.create_task(self.life.over.wait())
        try:
            await asyncio.wait((running, killed), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.life.over.set()
            for task in asyncio.all_tasks() - _spared:
                task.cancel()

    async def _record(self, made: Controller) -> None:
        kube, log = made.outside.kube, MortalLog(self.log, self.life)
        self.recording = Recording(kube, log, virtual.clock, made.metrics, "c")
        kube.listen(self.recording.changed)
        await self.recording.run()

    async def _talk(self, made: Controller) -> None:
        kube, inbox = made.outside.kube, made.inbox
        chat = MortalChat(self.shop.chat, self.life)
        inbox.chat, inbox.members = None, Roster(chat, virtual.clock).members
        told = Hearing(kube, chat, inbox, virtual.clock, record=self.recording.refused)
        showing = Showing(kube, chat, virtual.clock, inbox.trouble)
        kube.listen(showing.changed)
        self.hearing.set_result(told)
        await showing.run()


_spared: set[asyncio.Task[object]] = set()


@dataclass
class Release:
    """A release from its push to its end, whose first process is killed on the way."""

    first: Life
    shop: Shop = field(default_factory=Shop)
    log: FakeLog = field(default_factory=FakeLog)
    kills: int = 0

    async def play(self) -> None:
        self.shop.kube.put(a_rollout(strategy={"canary": {"steps": STEPS}}))
        me = asyncio.current_task()
        assert me is not None
        _spared.clear()
        self.running: Process | None = None
        alive = asyncio.create_task(self._alive())
        _spared.update((me, alive))
        try:
            await self.shop.until("Healthy")
            await self.shop.push("v2")
            await self.shop.comes(lambda: Press.APPROVE in buttons(self.shop))
            await self._pressed(EVE, "a")
            await self._pressed(ANN, "b")
            await self.shop.comes(lambda: self.shop.weights() == HALF, 600)
            await self.shop.comes(self.shop.rests_on_v2)
            await asyncio.sleep(60)  # the last update of the message, and of the status
        finally:
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)

    async def _alive(self) -> None:
        """A process, and another one a second after it was killed."""
        life = self.first
        while True:
            self.running = Process(self.shop, self.log, life)
            await self.running.run()
            await asyncio.sleep(1)
            self.kills, life = self.kills + 1, Life()

    async def _pressed(self, who: str, once: str) -> None:
        """As Slack has it: delivered until it is acknowledged, each time the same press."""
        at, ticket = virtual.clock(), buttons(self.shop)[Press.APPROVE]
        while True:
            process = self.running
            assert process is not None
            if not process.life.over.is_set():
                sender = Sender(who, "T1", "CRELEASES")
                click = Click(sender, Press.APPROVE, ticket, at, f"{who} {once}", "t")
                if await self._acknowledged(process, click):
                    return
            await asyncio.sleep(1)

    @staticmethod
    async def _acknowledged(process: Process, click: Click) -> bool:
        async def delivered() -> None:
            await (await asyncio.shield(process.hearing)).hear(click)

        hearing = asyncio.create_task(delivered())
        killed = asyncio.create_task(process.life.over.wait())
        done, _ = await asyncio.wait((hearing, killed), return_when=asyncio.FIRST_COMPLETED)
        return hearing in done and not hearing.cancelled()


def played(at: int = 0, *, after: bool = False) -> Release:
    """The release whose first process ends at its ``at``-th effect."""

    async def whole() -> Release:
        release = Release(Life(at, after))
        await release.play()
        return release

    return virtual.run(whole())


def effects() -> list[str]:
    """Those of a process that is never killed."""
    return played().first.names


def check(release: Release) -> None:
    """Nothing lost, nothing twice."""
    shop, log = release.shop, release.log
    assert [words.text.split(":")[0] for words in shop.chat.tops()] == ["shop/shop v2"]
    keys = [said.words.key for said in shop.chat.said]
    assert len(keys) == len(set(keys))
    history = [entry["id"] for entry in shop.status()["history"]]
    told = [one.id for one in log.told]
    assert [one.id.partition(".")[2] for one in log.told if one.epoch] == history
    assert len(told) == len(set(told))
    acts = [(one.act, one.who) for one in log.told if one.act is not Act.DECISION]
    assert sorted(acts) == [(Act.APPROVAL, f"slack:{ANN}"), (Act.REFUSAL, f"slack:{EVE}")]
    assert {user for user, _ in shop.chat.whispers} == {EVE}


def test_a_clean_release_has_every_kind_of_effect() -> None:
    release = played()
    check(release)
    assert {*release.first.names} >= {
        "patch Rollout status",
        "patch VirtualService",
        "patch DestinationRule",
        "create Event",
        "post in slack",
        "reply in slack",
        "update in slack",
        "whisper",
        "audit line",
    }


def test_killed_at_some_effects_nothing_is_lost_or_doubled() -> None:
    names = effects()
    for at in range(1, len(names) + 1, SOME):
        survived(names, at, after=bool(at % 2))


@pytest.mark.long
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_single_effect_nothing_is_lost_or_doubled(*, after: bool) -> None:
    names = effects()
    for at in range(1, len(names) + 1):
        survived(names, at, after=after)


def survived(names: list[str], at: int, *, after: bool) -> None:
    """The release that is killed at its ``at``-th effect ends as it should."""
    release = played(at, after=after)
    with killed(names, at, release.kills, after=after):
        check(release)
