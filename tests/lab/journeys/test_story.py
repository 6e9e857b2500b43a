"""P-SLK, SEC-04, SEC-10: releases through people, from a signed push over https to a click.

What goes wrong with people goes wrong here: a no, nobody, the wrong one, one press twice, two at
once, an unsigned commit, a Slack that is away, a controller that is killed again and again.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rollout.audit import chain
from rollout.audit.verify import File, verified
from rollout.cli.lab import people
from rollout.cli.lab import up as cli
from rollout.cli.lab.people import ANN, CHANNEL, EVE, Told
from rollout.cli.lab.up import AUDIT, SOURCE
from rollout.edges import auditlog
from rollout.lab.programs.processes import Child
from rollout.lab.slack.workspace import Message
from rollout.manifest import record
from rollout.model.reasons import PauseKind
from rollout.model.status import RolloutStatus, Stage
from tests.lab.journeys.harness import ROLLOUT, until
from tests.lab.journeys.shop import Shop

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(300)]
module = pytest.mark.asyncio(loop_scope="module")
BOB = "U0LABBOB1"


@dataclass
class Theatre:
    """The world with git behind https, its people, and the controller that may be killed."""

    told: Told
    child: Child
    number: int = 0

    async def killed(self) -> None:
        """``kill -9``, and the next one at once."""
        os.kill(self.child.pid, signal.SIGKILL)
        await self.child.stop()
        self.child = await cli.start_controller(self.told.world, signers=self.told.signers)


@dataclass
class Release:
    """One rollout in a namespace and a folder of its own, at v1; ``push`` asks for v2."""

    theatre: Theatre
    space: str
    approval: dict[str, Any] = field(default_factory=dict)
    commit: str = ""

    @property
    def world(self) -> Any:
        return self.theatre.told.world

    def manifest(self, revision: str) -> str:
        approval = {"slack": "#releases", "approvers": ["S0LABOPS1"], "expires": "10m"}
        asked = ", ".join(f"{key}: {value}" for key, value in (approval | self.approval).items())
        return (
            "apiVersion: rollout.dev/v1alpha1\n"
            "kind: Rollout\n"
            f"metadata: {{name: shop, namespace: {self.space}}}\n"
            "spec:\n"
            "  service: shop\n"
            f"  revision: {revision}\n"
            '  workload: {deployments: "shop-{revision}", drain: 1s}\n'
            "  strategy:\n"
            "    canary:\n"
            "      steps:\n"
            f"      - {{weight: 20, bake: 0s, approval: {{{asked}}}}}\n"
            "      bakeAfterPromotion: 0s\n"
            "  analysis: {metrics: [], interval: 1s}\n"
        ).replace("slack: #releases", 'slack: "#releases"')

    async def push(self, revision: str = "v2", *, signs: bool = True) -> str:
        file, text = f"{self.space}/shop.yaml", self.manifest(revision)
        checkout = self.theatre.told.checkout
        self.commit = await checkout.push(file, text, f"{self.space}: {revision}", signs=signs)
        return self.commit

    async def begin(self) -> None:
        world, shop = self.world, Shop(self.space)
        await world.apply(*shop.by_role("v2"))
        for name in ("shop-v1", "shop-v2"):
            await world.settled(self.space, name)
        await self.push("v1")
        data = {"ca.crt": people.encoded(world.git_ca)}
        metadata = {"name": "git", "namespace": self.space}
        await world.kube.create(people.SECRET, {"metadata": metadata, "data": data})
        spec = {
            "url": world.git_url,
            "path": self.space,
            "interval": "1h",
            "secretRef": {"name": "git"},
            "verify": [people.SIGNERS],
        }
        metadata = {"name": "git", "namespace": self.space}
        await world.kube.create(SOURCE, {"metadata": metadata, "spec": spec})
        await self.until("adopted", lambda s: s.stable is not None and s.stage.name is Stage.IDLE)

    async def status(self) -> RolloutStatus:
        return record.status(await self.world.kube.read(ROLLOUT, self.space, "shop"))

    async def until(self, what: str, holds: Any, seconds: float = 30) -> RolloutStatus:
        last = RolloutStatus()

        async def so() -> bool:
            nonlocal last
            try:
                last = await self.status()
            except Exception:  # not made yet
                return False
            return bool(holds(last))

        await until(f"{what} of {self.space}", so, seconds)
        return last

    def messages(self) -> list[Message]:
        tops = self.world.slack.space.channels[CHANNEL].tops()
        return [one for one in tops if f"{self.space}/shop v2" in one.text]

    async def asked(self) -> Message:
        async def so() -> bool:
            return any("approve" in str(one.blocks) for one in self.messages())

        await until("a message that asks", so)
        return self.messages()[0]

    async def press(self, who: str, action: str) -> dict[str, Any]:
        found = await self.asked()
        await self.world.slack.connected()
        payload = await self.world.slack.press(who, CHANNEL, found.ts, action)
        return dict(payload)

    async def says(self, words: str) -> None:
        async def so() -> bool:
            return any(words in one.text for one in self.messages())

        await until(f"a message that says {words}", so, 60)

    async def promoted(self) -> None:
        await self.until(
            "promoted",
            lambda s: s.stage.name is Stage.IDLE and s.stable is not None and s.stable.name == "v2",
            60,
        )
        await self.says("Promoted")

    def whispers(self, who: str) -> list[str]:
        mine = [one.text for one in self.world.slack.space.whispers if one.user == who]
        return [text for text in mine if f"{self.space}/shop" in text]

    def acts(self) -> list[tuple[str, str]]:
        """What people did, as the audit log has it, in its order."""
        path = self.world.kubeconfig.parent / AUDIT
        bodies = [chain.opened(line) for line in auditlog.lines(path)]
        mine = [body for body in bodies if body and body.get("object") == f"{self.space}/shop"]
        return [(b["act"], b.get("who", "")) for b in mine if b["act"] != "decision"]

    async def audited(self, *acts: tuple[str, str]) -> None:
        """The log has these acts of people, once each, and each decision once, and is whole."""
        status = await self.status()

        async def so() -> bool:
            return self.decisions() == [entry.id for entry in status.history]

        await until("every decision in the audit log", so)
        assert sorted(self.acts()) == sorted(acts)
        path = self.world.kubeconfig.parent / AUDIT
        assert verified([File("audit", list(auditlog.lines(path)))]).broken is None

    def decisions(self) -> list[str]:
        path: Path = self.world.kubeconfig.parent / AUDIT
        bodies = [chain.opened(line) for line in auditlog.lines(path)]
        mine = [b for b in bodies if b and b.get("object") == f"{self.space}/shop"]
        return [str(b["id"]).partition(".")[2] for b in mine if b.get("epoch")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theatre() -> AsyncIterator[Theatre]:
    async with cli.world(controller=False, https=True) as (world, _):
        told = await people.begun(world)
        made = Theatre(told, await cli.start_controller(world, signers=told.signers))
        try:
            yield made
        finally:
            await made.child.stop()


async def begun(theatre: Theatre, **approval: Any) -> Release:
    theatre.number += 1
    release = Release(theatre, f"story-{theatre.number}", approval)
    await release.begin()
    return release


@module
async def test_a_no_with_its_reason_takes_everyone_back(theatre: Theatre) -> None:
    release = await begun(theatre)
    await release.push()
    await release.press(ANN, "reject")
    slack = release.world.slack

    async def opened() -> bool:
        return bool(slack.space.views)

    await until("a modal", opened)
    await slack.submit(next(iter(slack.space.views)), reason="too slow")
    await release.says("Rolled back")
    rejected = (await release.status()).rejected
    assert rejected is not None
    assert rejected.because == f"rejected by slack:{ANN}: too slow"
    await release.audited(("rejection", f"slack:{ANN}"))


@module
async def test_a_question_that_nobody_answers_in_time_pauses_and_its_button_is_spent(
    theatre: Theatre,
) -> None:
    release = await begun(theatre, expires="6s")
    await release.push()
    button = await release.press(EVE, "approve")
    await release.until(
        "paused", lambda s: s.attempt.pause and s.attempt.pause.kind is PauseKind.UNAPPROVED
    )
    late = {**button, "user": {**button["user"], "id": ANN}}
    late["actions"] = [{**late["actions"][0], "action_ts": release.world.slack.space.ts()}]
    await release.world.slack.deliver("interactive", late)

    async def told() -> bool:
        return bool(release.whispers(ANN))

    await until("a word to ann", told)
    assert "the time to answer is over" in release.whispers(ANN)[0]
    assert (await release.status()).stage.split.canary == 20
    await release.audited(("refusal", f"slack:{EVE}"), ("refusal", f"slack:{ANN}"))


@module
async def test_the_wrong_person_a_replayed_press_and_two_at_once(theatre: Theatre) -> None:
    release = await begun(theatre, quorum=2)
    await release.push()
    slack = release.world.slack
    await release.press(EVE, "approve")
    pause = await release.press(ANN, "pause")
    await release.until("paused", lambda s: s.attempt.pause is not None)
    text = "resume@1"
    await release.world.kube.patch(
        *(ROLLOUT, release.space, "shop"),
        {"metadata": {"annotations": {"rollout.dev/request": text}}},
    )
    await release.until("resumed", lambda s: s.last_handled_request == text)
    await slack.deliver("interactive", pause)
    await theatre.killed()
    await slack.connected()
    await slack.deliver("interactive", pause)
    assert (await release.status()).attempt.pause is None
    await asyncio.gather(release.press(ANN, "approve"), release.press(BOB, "approve"))
    await release.promoted()
    assert len(release.messages()) == 1
    assert len(release.whispers(EVE)) == 1
    await release.audited(
        ("refusal", f"slack:{EVE}"),
        ("request", f"slack:{ANN}"),
        ("request", ""),
        ("approval", f"slack:{ANN}"),
        ("approval", f"slack:{BOB}"),
    )


@module
async def test_an_unsigned_commit_moves_nothing_and_a_signed_one_after_it_does(
    theatre: Theatre,
) -> None:
    release = await begun(theatre)
    commit = await release.push(signs=False)

    async def refused() -> bool:
        found = await release.world.kube.read(SOURCE, release.space, "git")
        return "sign" in str(found["status"].get("problem", ""))

    await until("a source that refuses the commit", refused)
    assert (await release.status()).attempt.canary is None
    release.approval = {"expires": "9m"}
    await release.push()
    await release.press(ANN, "approve")
    await release.promoted()
    path = release.world.kubeconfig.parent / AUDIT
    bodies = [chain.opened(line) for line in auditlog.lines(path)]
    sources = [b for b in bodies if b and b.get("object") == f"{release.space}/git"]
    assert [(b["stage"], b["proof"]) for b in sources] == [
        ("Applied", "commit signature"),
        ("Unread", "repository access"),
        ("Applied", "commit signature"),
    ]
    assert commit not in {b.get("commit") for b in sources if b["stage"] == "Applied"}


@module
async def test_slack_is_away_in_the_middle_and_the_question_comes_when_it_is_back(
    theatre: Theatre,
) -> None:
    release = await begun(theatre)
    slack = release.world.slack
    await slack.stop()
    try:
        await release.push()
        await release.until("told", lambda s: "slack: no answer" in s.because, 90)
    finally:
        await slack.start()
    await release.press(ANN, "approve")
    await release.promoted()
    assert len(release.messages()) == 1
    await release.audited(("approval", f"slack:{ANN}"))


@module
async def test_killed_again_and_again_there_is_one_message_and_one_line_of_each_act(
    theatre: Theatre,
) -> None:
    release = await begun(theatre)
    await release.push()
    await theatre.killed()
    await release.until("at its step", lambda s: s.stage.split.canary == 20, 60)
    await theatre.killed()
    await release.asked()
    await theatre.killed()
    await release.press(EVE, "approve")
    pressed = asyncio.create_task(release.press(ANN, "approve"))
    await release.until("approved", lambda s: s.attempt.approvals, 60)
    await theatre.killed()
    await pressed
    await release.promoted()
    await theatre.killed()
    await asyncio.sleep(3)
    assert len(release.messages()) == 1
    await release.audited(("refusal", f"slack:{EVE}"), ("approval", f"slack:{ANN}"))
    history = (await release.status()).history
    assert [e.by for e in history if e.request == "approve"] == [f"slack:{ANN}"]


async def test_the_demo_goes_the_whole_way_and_says_so() -> None:
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollout", "lab", "demo", "--people"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await demo.communicate()
    text = said.decode()
    assert demo.returncode == 0, text
    order = ["pull request", "validate", "plan", "push", "webhook", "canary", "slack"]
    order += ["eve presses", "ann presses", "promoted", "commit status", "audit"]
    places = [text.index(f"s  {what}") for what in order]
    assert places == sorted(places), text
    assert all(len(line) <= 80 for line in text.splitlines()[2:]), text
