"""P-SLK, SEC-04 to SEC-06 for the mesh: a wave, a removal and a switchover's step asked in Slack.

Over the wire of Slack's stand-in: posted by its Web API, pressed through its socket.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from rollout import journeys as kinds
from rollout.controller.audit.recording import Recording
from rollout.controller.chat.hearing import Hearing
from rollout.controller.chat.roster import Roster
from rollout.controller.chat.showing import Showing
from rollout.controller.chat.telling import due
from rollout.controller.instruments import Instruments
from rollout.controller.keeping.inbox import Box, Inbox
from rollout.controller.loop import clock
from rollout.controller.switching.store import Store
from rollout.controller.upgrading.keeping import UpgradeStore
from rollout.edges.slack.calls import Calls
from rollout.edges.slack.client import Client
from rollout.edges.slack.socket import Socket
from rollout.lab.slack.faults import Fault, Faults
from rollout.lab.slack.server import Slack
from rollout.manifest import switchovers, upgrades
from rollout.model.audit import Act
from rollout.model.chat import Click, Press, Refusal, Sender, Ticket
from rollout.model.journey import Journey
from rollout.model.reasons import Verb, WaitsFor
from rollout.model.spec import Approval
from rollout.model.status import Answer, RefusedRequest, StepStatus
from rollout.model.switchover import (
    Side,
    SwitchAttempt,
    SwitchEntry,
    SwitchoverStatus,
    SwitchStage,
    SwitchStageStatus,
)
from rollout.model.traffic import Split
from rollout.model.upgrading import (
    Attempt,
    Awaits,
    State,
    StopStatus,
    UpgradeEntry,
    UpgradeStatus,
)
from rollout.upgrade.requests import answered_in_chat as answered_upgrade
from rollout.upgrade.switchover.requests import answered_in_chat as answered_switchover
from tests.fakes import FakeKube
from tests.fakes_audit import FakeLog
from tests.fakes_chat import buttons
from tests.make import MINUTE
from tests.upgrade.cluster import built
from tests.upgrade.play import Play, manifest
from tests.upgrade.switchover.world import World, at, spec

CHANNEL = "C0LABREL1"
ANN, BOB, EVE = "U0LABANN1", "U0LABBOB1", "U0LABEVE1"
APPROVAL = {"slack": CHANNEL, "approvers": [ANN, BOB], "quorum": 2}
Json = dict[str, Any]
MANIFEST = manifest()


def an_upgrade(now: datetime, state: State, stop: str) -> Json:
    obj = manifest(
        waves=[{"name": "rest", "oneAtATime": True, "approval": APPROVAL}],
        approval=APPROVAL,
    )
    where = StopStatus(stop, now - timedelta(minutes=1), number=4, confirmed_at=now)
    status = UpgradeStatus(
        state=state,
        awaits=Awaits.APPROVAL,
        because="waiting for approval: 0 of 2",
        attempt=Attempt(1, "1-29-6", "1-30-3", stop=where),
        epoch=1,
        history=(UpgradeEntry("1.1", now, state, "begun", stop),),
    )
    return {**_placed(obj, ""), "status": upgrades.status_json(status, {}, now)}


def a_switchover(now: datetime) -> Json:
    side = {"gateway": {}, "kubeconfig": {"name": "k"}}
    asked = {
        "blue": {**side, "setIdentifier": "blue"},
        "green": {**side, "setIdentifier": "green"},
        "dns": {"names": ["a.example.com"], "endpoints": [{"name": "a"}], "nameServers": ["ns"]},
        "probes": [{"url": "https://a.example.com/"}],
        "serve": "green",
        "steps": [{"weight": 10, "approval": APPROVAL}],
        "dataCanGoBack": True,
    }
    step = StepStatus(0, "10%", now)
    stage = SwitchStageStatus(
        SwitchStage.SHIFTING, now, Split(90, 10), asked_at=now, confirmed_at=now
    )
    status = SwitchoverStatus(
        serving=Side.BLUE,
        waits_for=WaitsFor.APPROVAL,
        because="waiting for approval: 0 of 2",
        stage=stage,
        attempt=SwitchAttempt(1, step),
        epoch=1,
        history=(SwitchEntry("1.1", now, SwitchStage.SHIFTING, "90/10", "begun"),),
    )
    obj = {"kind": "ClusterSwitchover", "metadata": {"name": "mesh"}, "spec": asked}
    return {**_placed(obj, "shop"), "status": switchovers.status_json(status, {}, now)}


def _placed(obj: Json, namespace: str) -> Json:
    meta = {**obj["metadata"], "generation": 1}
    return {**obj, "metadata": meta | ({"namespace": namespace} if namespace else {})}


MADE: dict[str, Callable[[datetime], Json]] = {
    "wave": lambda now: an_upgrade(now, State.WAVES, "rest"),
    "removal": lambda now: an_upgrade(now, State.REMOVE, "remove"),
    "switchover": a_switchover,
}


@dataclass
class Scene:
    """One object that asks, everything that shows it and hears people, and Slack."""

    slack: Slack
    kube: FakeKube
    kind: str
    namespace: str
    hearing: Hearing
    log: FakeLog
    woken: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def obj(self) -> Json:
        found = self.kube.get(self.kind, self.namespace, "mesh")
        assert found is not None
        return dict(found)

    @property
    def journey(self) -> Journey:
        return kinds.of(self.obj).read(self.obj)

    @property
    def status(self) -> Json:
        return dict(self.obj["status"])

    def messages(self) -> list[Any]:
        return list(self.slack.space.channels[CHANNEL].tops())

    def posted(self) -> list[Any]:
        """Everything that stands in the channel, in threads too."""
        return self.slack.space.channels[CHANNEL].messages

    def thread(self) -> str:
        top = self.messages()[0].ts
        return str([one.text for one in self.slack.space.channels[CHANNEL].thread(top)])

    def tickets(self) -> dict[Press, Ticket]:
        return buttons(self.messages()[0].blocks if self.messages() else ())

    def answers(self) -> list[tuple[str, bool]]:
        return [(one.who, one.yes) for one in self.journey.answers]

    def told(self, user: str) -> str:
        """The newest whisper to ``user``."""
        mine = [one.text for one in self.slack.space.whispers if one.user == user]
        return mine[-1] if mine else ""

    async def press(self, user: str, press: Press) -> None:
        await self.slack.press(user, CHANNEL, self.messages()[0].ts, press.value)

    def changes(self, **status: Any) -> None:
        """The looks have gone on meanwhile."""
        self.kube.put({**self.obj, "status": {**self.status, **status}})


async def comes(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Failing(Faults):
    """The ``call``-th post goes wrong as ``fault`` says, and no other."""

    call: int = 0
    fault: Fault = field(default_factory=Fault)
    posts: int = 0

    def next(self, method: str) -> Fault | None:
        self.posts += method == "chat.postMessage"
        is_it = method == "chat.postMessage" and self.posts == self.call
        return self.fault if is_it else None


@asynccontextmanager
async def scene(obj: Json, faults: Faults | None = None) -> AsyncIterator[Scene]:
    kube, log, kind = FakeKube(), FakeLog(), obj["kind"]
    kube.put(obj)
    async with Slack() as slack, aiohttp.ClientSession() as http:
        client = Client(Calls(http, lambda: slack.tokens.bot, slack.api_url))
        slack.faults = faults or slack.faults
        woken: list[str] = []
        troubles: list[str] = []
        boxes: dict[str, Box[Any, Any]] = {
            "ControlPlaneUpgrade": Box(UpgradeStore(kube), answered_upgrade, woken.append),
            "ClusterSwitchover": Box(Store(kube), answered_switchover, woken.append),
        }
        inbox = Inbox(kube, {kind: boxes[kind]})
        inbox.chat, inbox.members = None, Roster(client, clock).members
        recording = Recording(kube, log, clock, Instruments(), "c", kinds=inbox.kinds)
        hearing = Hearing(kube, client, inbox, clock, record=recording.refused)
        showing = Showing(
            kube, client, clock, lambda _, why: troubles.append(why or ""), kinds=inbox.kinds
        )
        for listener in (recording, showing):
            kube.listen(listener.changed)
        socket = Socket(
            Calls(http, lambda: slack.tokens.app, slack.api_url),
            hearing.hear,
            hearing.answer,
            lambda _: None,
        )
        tasks = [asyncio.create_task(one.run()) for one in (recording, showing, socket)]
        namespace = obj["metadata"].get("namespace", "")
        made = Scene(slack, kube, kind, namespace, hearing, log, woken, troubles)
        try:
            await slack.connected()
            await comes(lambda: Press.APPROVE in made.tickets())
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(params=[*MADE])
async def asking(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with scene(MADE[request.param](clock())) as made:
        yield made


async def test_people_are_asked_once_with_every_button_and_called_in_the_thread(
    asking: Scene,
) -> None:
    assert [*asking.tickets()] == [*Press]
    assert len(asking.messages()) == 1
    await comes(lambda: f"<@{ANN}>, <@{BOB}>" in asking.thread())
    assert asking.journey.key in asking.messages()[0].text


async def test_two_on_the_list_make_a_quorum_and_each_is_recorded_once(asking: Scene) -> None:
    await asking.press(ANN, Press.APPROVE)
    await comes(lambda: asking.answers() == [(f"slack:{ANN}", True)])
    await asking.press(ANN, Press.APPROVE)
    await asking.press(BOB, Press.APPROVE)
    await comes(lambda: len(asking.answers()) == 2)
    assert asking.answers() == [(f"slack:{ANN}", True), (f"slack:{BOB}", True)]
    key = "/".join(part for part in (asking.namespace, "mesh") if part)
    assert set(asking.woken) == {key}
    await comes(lambda: sum(one.act is Act.APPROVAL for one in asking.log.told) == 2)
    approved = [(one.who, one.object) for one in asking.log.told if one.act is Act.APPROVAL]
    assert approved == [(f"slack:{ANN}", key), (f"slack:{BOB}", key)]
    await comes(lambda: f"approved by <@{BOB}>" in str(asking.messages()[0].blocks))
    assert len(asking.messages()) == 1


async def test_sec_05_whoever_is_not_on_the_list_changes_nothing_and_that_is_recorded(
    asking: Scene,
) -> None:
    before = asking.status
    for press in (Press.APPROVE, Press.ABORT, Press.PAUSE):
        await asking.press(EVE, press)
    await comes(lambda: sum(one.act is Act.REFUSAL for one in asking.log.told) == 3)
    assert asking.status == before
    assert "you are not on the list" in asking.told(EVE)
    refused = {(one.who, one.kind, one.uid) for one in asking.log.told if one.act is Act.REFUSAL}
    assert refused == {(f"slack:{EVE}", asking.kind, asking.journey.uid)}


def a_click(ticket: Ticket, once: str = "1") -> Click:
    return Click(Sender(ANN, "T0LAB", CHANNEL), Press.APPROVE, ticket, clock(), once, "t")


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ({"uid": "uid-0"}, "is another one by now"),
        ({"commit": "c0ffee"}, "git has another commit by now"),
        ({"attempt": 0}, "that was for attempt 0; it is over"),
        ({"step": 9}, "step 10 is over"),
        ({"expires": 1}, "the time to answer is over"),
        ({"name": "other"}, "there is no object"),
        ({"kind": "Secret"}, "there is no object"),
    ],
)
async def test_sec_06_a_button_is_good_for_one_object_commit_attempt_step_and_time(
    asking: Scene, spoilt: Json, why: str
) -> None:
    ticket = replace(asking.tickets()[Press.APPROVE], **spoilt)
    await asking.hearing.hear(a_click(ticket))
    assert why in asking.told(ANN)
    assert asking.answers() == []


async def test_sec_04_a_press_that_is_played_again_has_no_second_effect(asking: Scene) -> None:
    click = a_click(asking.tickets()[Press.APPROVE])
    for _ in range(3):
        await asking.hearing.hear(click)
    assert asking.answers() == [(f"slack:{ANN}", True)]
    assert len(asking.status["history"]) == 2


TROUBLES = {
    "answer lost": (Fault(done=True, cut=True), "slack: no answer (ServerDisconnectedError)"),
    "down": (Fault(status=503), "slack: answers 503"),
    "limited": (Fault(error="ratelimited", retry_after="1"), "slack: asks to wait 1 s"),
    "revoked": (Fault(error="invalid_auth"), "the token is refused (invalid_auth)"),
    "archived": (Fault(error="is_archived"), "is archived; name another one"),
    "too long": (Fault(error="msg_too_long"), "slack says msg_too_long"),
}


@pytest.mark.long
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(one, marks=pytest.mark.short if one == "answer lost" else ())
        for one in TROUBLES
    ],
)
async def test_whatever_slack_answers_to_whichever_post_there_is_one_message_and_each_reply_once(
    trouble: str, call: int
) -> None:
    """P-SLK: the message, the decision's reply and the question's, each in turn."""
    fault, said = TROUBLES[trouble]
    async with scene(MADE["wave"](clock()), Failing(call=call, fault=fault)) as asking:
        await comes(lambda: "waits for an answer above" in asking.thread())
        await comes(lambda: asking.troubles[-1:] == [""])  # it is told, until it is over
        assert [one for one in asking.troubles if said in one and one]
        assert len(asking.messages()) == 1
        keys = [one.metadata["event_payload"]["key"] for one in asking.posted()]
        assert len(keys) == len(set(keys)) == 3
        await asking.press(ANN, Press.APPROVE)
        await comes(lambda: asking.answers() == [(f"slack:{ANN}", True)])


async def test_a_no_with_its_reason_is_in_the_status(asking: Scene) -> None:
    sender = Sender(BOB, "T0LAB", CHANNEL)
    ticket = asking.tickets()[Press.REJECT]
    await asking.hearing.hear(Refusal(sender, ticket, "not today", "form 1"))
    assert asking.answers() == [(f"slack:{BOB}", False)]
    assert asking.status["history"][-1]["evidence"] == f"on the list as {BOB}; reason: not today"


async def test_a_pause_in_slack_is_a_request_whose_sender_the_status_names(asking: Scene) -> None:
    await asking.press(ANN, Press.PAUSE)
    await comes(lambda: "vouched" in asking.status)
    text = asking.obj["metadata"]["annotations"]["rollout.dev/request"]
    assert text.startswith("pause@")
    assert asking.status["vouched"] == {"text": text, "who": f"slack:{ANN}"}


async def test_the_slash_command_tells_where_it_stands_in_its_channel(asking: Scene) -> None:
    short = {"ControlPlaneUpgrade": "upgrade", "ClusterSwitchover": "switchover"}[asking.kind]
    told = await asking.slack.command(EVE, CHANNEL, f"status {short}/mesh")
    assert "waiting for approval: 0 of 2" in told


async def test_a_listener_hears_of_it_once_a_step_with_its_kind(asking: Scene) -> None:
    wanted = replace(asking.journey, notify=replace(asking.journey.notify))
    [news] = due(wanted, clock())
    assert (news["kind"], news["happened"]) == (asking.kind, "waiting")
    ticket = asking.tickets()[Press.APPROVE]
    assert news["nonce"] == f"{ticket.uid}.1.waiting.{ticket.step}"


# What the cores make of the answers


def answer(who: str, number: int, now: datetime, *, yes: bool = True) -> Answer:
    return Answer(yes, now, number, 1, who, who=f"slack:{who}")


def waiting_wave() -> Play:
    first, *others = MANIFEST["spec"]["waves"]
    waves = [{**first, "approval": APPROVAL}, *others]
    play = Play(built()).begin(waves=waves, analysis={"metrics": []})
    return play.until(lambda play: play.status.awaits == "Approval")


def said(play: Play, who: str, *, yes: bool = True) -> None:
    stop = play.status.attempt.stop
    assert stop is not None
    status = answered_upgrade(
        play.status, answer(who, stop.number, play.now, yes=yes), timedelta(hours=4)
    )
    obj = play.mesh.get("ControlPlaneUpgrade", "", "mesh")
    play.mesh.put({**obj, "status": upgrades.status_json(status, obj["status"], play.now)})


def newest(play: Play) -> str:
    held = play.looks.store.load("mesh")
    assert held is not None
    return held.status.because


def test_a_wave_goes_on_with_its_quorum_and_an_annotation_is_not_on_the_list() -> None:
    play = waiting_wave()
    play.ask("approve").look()
    play.look()
    assert newest(play) == "waiting for approval: 0 of 2"
    said(play, ANN)
    play.look()
    assert newest(play) == "waiting for approval: 1 of 2"
    said(play, BOB)
    play.until(lambda play: play.status.attempt.stop.name == "by-tag")  # type: ignore[union-attr]


NO_AUTHOR = "approve: no author is known; push it from git, or end notAuthor"


def test_four_eyes_of_a_wave_refuse_a_yes_where_no_author_is_known() -> None:
    """SEC-28."""
    first, *others = MANIFEST["spec"]["waves"]
    waves = [{**first, "approval": {"slack": CHANNEL, "notAuthor": True}}, *others]
    play = Play(built()).begin(waves=waves, analysis={"metrics": []})
    play.until(lambda play: play.status.awaits == "Approval")
    play.ask("approve", "7").look()
    assert [one.because for one in play.status.refused_requests] == [NO_AUTHOR]
    said(play, ANN)
    play.look()
    assert newest(play) == f"waiting for approval: {NO_AUTHOR.removeprefix('approve: ')}"


def test_a_no_in_slack_takes_the_wave_back_and_names_who_said_it() -> None:
    play = waiting_wave()
    said(play, ANN, yes=False)
    play.to(State.RETURNING)
    assert play.status.attempt.way_back is not None
    assert play.status.attempt.way_back.because == f"rejected by slack:{ANN}"


def test_what_an_upgrade_refuses_is_remembered_beside_its_history_with_who_asked() -> None:
    play = waiting_wave()
    before = [one.because for one in play.status.history]
    play.ask("promote", "7").look()
    assert [one.because for one in play.status.history] == before
    told = [(one.request, one.by, one.because) for one in play.status.refused_requests]
    assert told == [("promote@7", "kubernetes", "promote: nothing to promote in waves")]


def test_who_paused_an_upgrade_stands_with_the_decision() -> None:
    play = waiting_wave()
    play.ask("pause", "8").look()
    assert [(one.by, one.request) for one in play.status.history[-1:]] == [
        ("kubernetes", "pause@8")
    ]


def waiting_step() -> World:
    world = World(spec(10, 50))
    asked = Approval(slack=CHANNEL, approvers=(ANN, BOB), quorum=2, expires=10 * MINUTE)
    first = replace(world.spec.steps[0], approval=asked)
    world.spec = replace(world.spec, steps=(first, *world.spec.steps[1:]))
    world.run(lambda d: d.status.waits_for is WaitsFor.APPROVAL)
    return world


def said_to(world: World, who: str, *, yes: bool = True) -> None:
    given = answer(who, 0, world.time, yes=yes)
    world.status = answered_switchover(world.status, given, timedelta(hours=4))


def test_a_switchovers_step_goes_on_with_its_quorum_and_not_by_one_person_twice() -> None:
    world = waiting_step()
    world.ask(Verb.APPROVE)
    said_to(world, ANN)
    said_to(world, ANN)
    world.look()
    assert world.look().because == "waiting for approval: 1 of 2"
    said_to(world, BOB)
    world.run(at(Split(50, 50)))


def test_four_eyes_of_a_switchover_refuse_a_yes_where_no_author_is_known() -> None:
    """SEC-28."""
    world = World(spec(10, 50))
    asked = Approval(slack=CHANNEL, not_author=True)
    steps = (replace(world.spec.steps[0], approval=asked), *world.spec.steps[1:])
    world.spec = replace(world.spec, steps=steps)
    world.run(lambda d: d.status.waits_for is WaitsFor.APPROVAL)
    world.ask(Verb.APPROVE)
    assert world.look().status.refused_requests[-1].because == NO_AUTHOR
    said_to(world, ANN)
    assert world.look().because == f"waiting for approval: {NO_AUTHOR.removeprefix('approve: ')}"


def test_a_no_in_slack_takes_everyone_back_to_blue() -> None:
    world = waiting_step()
    said_to(world, BOB, yes=False)
    decision = world.look()
    assert decision.status.stage.name is SwitchStage.RETURNING
    assert decision.because == f"rejected by slack:{BOB}"


def test_a_step_of_a_switchover_that_nobody_approves_in_time_is_paused() -> None:
    world = waiting_step()
    world.run(lambda d: d.because == "nobody approved in time")


def test_what_a_switchover_refuses_is_no_decision_of_its_history() -> None:
    world = waiting_step()
    before = world.status.history
    world.ask(Verb.RETRY)
    world.look()
    assert world.status.history == before
    assert world.status.refused_requests == (
        RefusedRequest(
            "retry@n1",
            "kubernetes",
            world.status.refused_requests[0].at,
            "retry: nothing to retry while shifting",
        ),
    )
