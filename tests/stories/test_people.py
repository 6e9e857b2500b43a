"""P-SLK, SEC-04 to SEC-06: pressed late, twice, by the wrong one, and while Slack is away."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.controller.chat.roster import Roster
from rollout.controller.keeping.inbox import NO_CHAT
from rollout.errors import OutsideError, RefusedError
from rollout.messages import slack
from rollout.model.chat import Click, Command, Press, Refusal, Sender, Ticket, Words
from rollout.model.ref import Ref
from rollout.model.status import Answer
from tests import virtual
from tests.controller.shop import NAMESPACE, Shop, a_rollout
from tests.fakes_chat import FakeChat
from tests.fakes_chat import buttons as pressable

ANN, BOB, EVE = "U0ANN", "U0BOB", "U0EVE"
HALF = {"stable": 50, "canary": 50}
FIVE = {"stable": 95, "canary": 5}
STABLE = {"stable": 100}

Story = Callable[[Shop], Awaitable[None]]
_numbers = itertools.count()


def play(story: Story, approval: dict[str, Any] | None = None, **spec: Any) -> Shop:
    """``story`` at a shop whose first step asks ann or bob in #releases."""
    asked = {"slack": "#releases", "approvers": [ANN, BOB]} | (approval or {})
    steps = [{"weight": 5, "bake": "1m", "approval": asked}, {"weight": 50, "bake": "1m"}]

    async def whole() -> Shop:
        shop = Shop()
        shop.kube.put(a_rollout(strategy={"canary": {"steps": steps}}, **spec))
        async with shop.controller():
            await shop.until("Healthy")
            await story(shop)
        return shop

    return virtual.run(whole())


async def asked(shop: Shop, revision: str = "v2") -> Words:
    """The message, once it asks for the first step's approval."""
    await shop.push(revision)
    await shop.comes(lambda: bool(buttons(shop, revision).get(Press.APPROVE)))
    return shop.chat.tops()[-1]


def buttons(shop: Shop, revision: str = "v2") -> dict[Press, Ticket]:
    """What can be pressed on the newest message, if it is of that revision."""
    tops = shop.chat.tops()
    return pressable(tops[-1].blocks) if tops and revision in tops[-1].text else {}


def a_click(who: str, press: Press, ticket: Ticket | None) -> Click:
    number = next(_numbers)
    return Click(Sender(who, "T1", "CRELEASES"), press, ticket, virtual.clock(), str(number), "t")


async def click(shop: Shop, who: str, press: Press, ticket: Ticket | None = None) -> Click:
    """``who`` presses it on the newest message; ``ticket``: of an older one instead."""
    made = a_click(who, press, ticket or buttons(shop)[press])
    await shop.hearing.hear(made)
    return made


class Away(FakeChat):
    """Nobody answers."""

    async def members(self, group: str) -> frozenset[str]:
        raise OutsideError("slack: no answer in 10 s")


def an_answer(shop: Shop, who: str) -> tuple[Ref, Answer, timedelta]:
    """A yes to the first step, as the hearing saves it."""
    given = Answer(True, virtual.clock(), 0, 1, "S0OPS", who=f"slack:{who}")
    return Ref("Rollout", "shop", "shop"), given, timedelta(hours=4)


def shown(shop: Shop) -> str:
    """The newest message as text."""
    top = shop.chat.tops()[-1]
    return top.text + json.dumps(top.blocks, ensure_ascii=False)


def told(shop: Shop) -> str:
    """The newest whisper."""
    return shop.chat.whispers[-1][1]


def test_a_click_promotes_and_the_one_message_is_updated_in_place() -> None:
    async def story(shop: Shop) -> None:
        first = await asked(shop)
        assert "waiting for approval: 0 of 1" in first.text
        assert shop.weights() == FIVE
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)
        await shop.comes(lambda: "Promoted" in shown(shop))
        assert f"step 1 approved by <@{ANN}>" in shown(shop)
        assert buttons(shop) == {}
        assert len(shop.chat.tops()) == 1

    play(story)


def test_the_decisions_are_in_the_thread_once_each_and_those_on_the_list_are_called() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: "Promoted" in shown(shop))
        replies = [said.words for said in shop.chat.said if said.under]
        assert len({words.key for words in replies}) == len(replies)
        calls = [words.text for words in replies if f"<@{ANN}>" in words.text]
        assert len(calls) == 1
        assert calls[0].startswith(f"<@{ANN}>, <@{BOB}>: step 1 waits for an answer above")

    play(story)


def test_a_reject_asks_why_and_everyone_goes_back_with_the_reason() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        await click(shop, BOB, Press.REJECT)
        channel, ticket = slack.of_view(shop.chat.views[0]["private_metadata"])
        await shop.hearing.hear(Refusal(Sender(BOB, "T1", channel), ticket, "<!channel> slow"))
        await shop.comes(lambda: shop.weights() == STABLE, 10)
        await shop.comes(lambda: "Rolled back" in shown(shop))
        assert f"rejected by slack:{BOB}: &lt;!channel&gt; slow" in str(
            [said.words.text for said in shop.chat.said]
        )
        assert "<!channel>" not in str(shop.chat.said)

    play(story)


def test_who_is_not_on_the_list_is_told_so_alone_and_nothing_happens() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        for press in Press:
            await click(shop, EVE, press)
            assert shop.chat.whispers[-1][0] == EVE
            assert "you are not on the list of those who may answer" in told(shop)
        await asyncio.sleep(120)
        assert (shop.weights(), shop.chat.views) == (FIVE, [])

    play(story)


def test_whoever_left_the_group_before_the_answers_are_counted_is_not_counted_sec_05() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.groups["S0OPS"] = {ANN, BOB, EVE}
        await asked(shop)
        await click(shop, EVE, Press.APPROVE)
        shop.chat.groups["S0OPS"].discard(EVE)
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: shop.status()["because"] == "waiting for approval: 1 of 2", 180)
        assert shop.weights() == FIVE
        await click(shop, BOB, Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story, {"approvers": ["S0OPS"], "quorum": 2})


def test_a_step_waits_while_slack_does_not_say_who_is_in_the_group_p_slk() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.groups["S0OPS"] = {ANN, BOB}
        await asked(shop)
        await click(shop, ANN, Press.APPROVE)
        shop.hearing.inbox.members = Roster(Away(), shop.hearing.clock).members
        await shop.hearing.inbox.answer(*an_answer(shop, BOB))
        await asyncio.sleep(120)
        assert shop.weights() == FIVE
        assert "slack does not say who is in S0OPS now" in shop.status()["because"]
        shop.hearing.inbox.members = Roster(shop.chat, shop.hearing.clock).members
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story, {"approvers": ["S0OPS"], "quorum": 2})


def test_the_group_counts_as_it_is_at_the_press_sec_05() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.groups["S0OPS"] = {ANN, EVE}
        await asked(shop)
        shop.chat.groups["S0OPS"].discard(EVE)
        await click(shop, EVE, Press.APPROVE)
        assert "not on the list" in told(shop)
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story, {"approvers": ["S0OPS"]})


def test_a_group_that_cannot_be_read_lets_nobody_in_and_says_so() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        shop.chat.errors["members"] = RefusedError("slack user group S0OPS: is no user group")
        await click(shop, ANN, Press.APPROVE)
        assert told(shop) == "not done: slack user group S0OPS: is no user group"
        await asyncio.sleep(60)
        assert shop.weights() == FIVE

    play(story, {"approvers": ["S0OPS"]})


def test_where_the_list_is_empty_anyone_may_but_guests_and_strangers() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.outsiders.add(EVE)
        await asked(shop)
        await click(shop, EVE, Press.APPROVE)
        assert "guests, robots and other workspaces may not answer" in told(shop)
        await click(shop, "U0ANYONE", Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story, {"approvers": []})


def test_a_press_that_is_delivered_twice_or_played_again_acts_once_sec_04() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        pause = await click(shop, ANN, Press.PAUSE)
        await shop.until("Paused")
        await shop.request("resume@1")
        await shop.until("Progressing")
        await shop.hearing.hear(pause)
        await asyncio.sleep(30)
        assert shop.status()["phase"] == "Progressing"

    play(story)


def test_a_recorded_press_is_too_old_after_five_minutes_sec_04() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        old = a_click(ANN, Press.ABORT, buttons(shop)[Press.ABORT])
        await asyncio.sleep(301)
        await shop.hearing.hear(old)
        assert "press it once more" in told(shop)
        assert shop.weights() == FIVE

    play(story)


def test_a_press_that_is_delivered_again_after_a_restart_is_not_obeyed_twice_sec_04() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        pause = await click(shop, ANN, Press.PAUSE)
        await shop.until("Paused")
        await shop.request("resume@1")
        await shop.until("Progressing")
        await shop.restarted().hear(pause)
        await asyncio.sleep(30)
        assert shop.status()["phase"] == "Progressing"

    play(story)


def test_a_press_that_nobody_saved_is_obeyed_when_the_next_process_gets_it() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        pressed = a_click(ANN, Press.APPROVE, buttons(shop)[Press.APPROVE])
        await asyncio.sleep(10)
        await shop.restarted().hear(pressed)
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story)


def test_who_asked_outlives_the_process_that_saw_the_proof() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        vouched: list[str] = []
        shop.kube.listen(lambda *_: vouched.append(shop.status().get("vouched", {}).get("who")))
        await click(shop, ANN, Press.ABORT)
        assert f"slack:{ANN}" in vouched  # until the look that does it
        await shop.comes(lambda: shop.weights() == STABLE, 10)
        aborted = [e for e in shop.status()["history"] if e.get("request", "").startswith("abort")]
        assert [e["by"] for e in aborted] == [f"slack:{ANN}"]

    play(story)


def test_two_people_at_once_are_two_answers_and_one_step() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        await asyncio.gather(click(shop, ANN, Press.APPROVE), click(shop, BOB, Press.APPROVE))
        await shop.comes(lambda: shop.weights() == HALF, 60)
        await shop.comes(lambda: f"<@{BOB}>" in shown(shop))
        assert f"<@{ANN}>" in shown(shop)
        steps = [e["split"] for e in shop.status()["history"] if e["split"] == "50/50"]
        assert len(steps) >= 1

    play(story)


def test_approve_and_reject_at_once_is_a_no() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        await click(shop, BOB, Press.REJECT)
        _, ticket = slack.of_view(shop.chat.views[0]["private_metadata"])
        refusal = Refusal(Sender(BOB, "T1", "CRELEASES"), ticket, "")
        await asyncio.gather(click(shop, ANN, Press.APPROVE), shop.hearing.hear(refusal))
        await shop.comes(lambda: shop.weights() == STABLE, 10)

    play(story)


def test_a_second_yes_of_the_same_person_is_answered_and_a_quorum_is_of_different_people() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: "1 of 2" in shown(shop))
        await click(shop, ANN, Press.APPROVE)
        assert "you approved this step already, at " in told(shop)
        assert shop.weights() == FIVE
        await click(shop, BOB, Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story, {"quorum": 2})


def test_an_expired_prompt_is_answered_in_words_and_the_rollout_is_paused() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        ticket = buttons(shop)[Press.APPROVE]
        await shop.until("Paused")
        assert "nobody approved in time" in shop.status()["because"]
        await click(shop, ANN, Press.APPROVE, ticket)
        assert "the time to answer is over" in told(shop)
        await asyncio.sleep(60)
        assert shop.weights() == FIVE

    play(story, {"expires": "10m"})


def test_a_button_of_another_attempt_step_commit_or_rollout_is_refused_sec_06() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        good = buttons(shop)[Press.APPROVE]
        for ticket, words in (
            (replace(good, attempt=good.attempt + 1), "that was for attempt"),
            (replace(good, step=1), "step 2 is over"),
            (replace(good, commit="other"), "git has another commit by now"),
            (replace(good, uid="other"), "is another one by now"),
            (replace(good, name="other"), "there is no rollout shop/other any more"),
        ):
            await click(shop, ANN, Press.APPROVE, ticket)
            assert words in told(shop)
        spoilt = replace(a_click(ANN, Press.APPROVE, good), ticket=None)
        await shop.hearing.hear(spoilt)
        assert "none of ours" in told(shop)
        await asyncio.sleep(60)
        assert shop.weights() == FIVE

    play(story)


def test_the_old_message_says_how_its_journey_ended_and_its_buttons_are_gone() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        old = buttons(shop)[Press.APPROVE]
        await asked(shop, "v3")
        assert len(shop.chat.tops()) == 2
        assert "Rolled back" in shop.chat.tops()[0].text
        assert all(block["type"] != "actions" for block in shop.chat.tops()[0].blocks)
        await click(shop, ANN, Press.APPROVE, old)
        assert "that was for attempt 1; it is over" in told(shop)

    play(story)


def test_whoever_wrote_the_commit_may_reject_and_not_approve() -> None:
    async def story(shop: Shop) -> None:
        await shop.kube.patch("Rollout", "shop", "shop", [
            {"op": "add", "path": "/metadata/annotations", "value": {
                "rollout.dev/author": "ann@example.com", "rollout.dev/commit": "c0ffee"}},
        ])  # fmt: skip
        await asked(shop)
        await click(shop, BOB, Press.APPROVE)
        assert "nobody in Slack has the address of the commit's author" in told(shop)
        shop.chat.emails["ann@example.com"] = ANN
        await click(shop, ANN, Press.APPROVE)
        assert "you wrote this commit; somebody else must approve it" in told(shop)
        assert shop.weights() == FIVE
        await click(shop, BOB, Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)

    play(story, {"notAuthor": True})


def test_where_nobody_is_known_to_have_written_it_four_eyes_count_no_yes() -> None:
    """SEC-28: applied by hand, or by a commit without an address."""

    async def story(shop: Shop) -> None:
        await asked(shop)
        await click(shop, BOB, Press.APPROVE)
        assert told(shop) == "shop/shop: no author is known; push it from git, or end notAuthor"
        assert shop.status()["because"] == (
            "waiting for approval: no author is known; push it from git, or end notAuthor"
        )
        assert shop.weights() == FIVE
        await click(shop, BOB, Press.REJECT)
        await shop.hearing.hear(
            Refusal(Sender(BOB, "T1", "CRELEASES"), buttons(shop)[Press.REJECT], "bad", "r1")
        )
        await shop.comes(lambda: shop.weights() == STABLE, 60)

    play(story, {"notAuthor": True})


def test_abort_takes_everyone_back_also_at_a_step_that_has_just_begun() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        abort = buttons(shop)[Press.ABORT]
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: shop.weights() == HALF, 60)
        await click(shop, BOB, Press.ABORT, abort)
        await shop.comes(lambda: shop.weights() == STABLE, 10)
        assert f"aborted by slack:{BOB}" in shop.status()["rejected"]["because"]

    play(story)


def test_slack_that_is_down_for_five_minutes_holds_says_so_and_goes_on() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.errors["*"] = OutsideError("slack: no answer")
        await shop.push("v2")
        await shop.comes(lambda: "slack: no answer" in shop.status()["because"])
        assert shop.status()["because"] == "waiting for approval: 0 of 1; slack: no answer"
        await asyncio.sleep(300)
        assert (shop.weights(), shop.chat.said) == (FIVE, [])
        shop.chat.errors.clear()
        await shop.comes(lambda: bool(buttons(shop)), 90)
        await click(shop, ANN, Press.APPROVE)
        await shop.comes(lambda: "Promoted" in shown(shop))
        assert len(shop.chat.tops()) == 1
        assert "slack" not in shop.status()["because"]

    play(story)


def test_a_dead_slack_delays_no_weight_down_s22() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        shop.chat.errors["*"] = OutsideError("slack: no answer")
        shop.metrics.value = 7
        at = asyncio.get_running_loop().time()
        await shop.comes(lambda: shop.weights() == STABLE, 60)
        assert asyncio.get_running_loop().time() - at <= 30

    play(story)


def test_an_archived_channel_is_named_in_the_status() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.errors["post"] = RefusedError("slack channel #releases: is archived")
        await shop.push("v2")
        await shop.comes(lambda: "is archived" in shop.status()["because"])

    play(story)


def test_a_limit_is_waited_for_as_long_as_slack_says() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.errors["post"] = OutsideError("slack: asks to wait 600 s", 600)
        await shop.push("v2")
        await shop.comes(lambda: "asks to wait" in shop.status()["because"])
        shop.chat.errors.clear()
        await asyncio.sleep(500)
        assert shop.chat.said == []
        await shop.comes(lambda: bool(buttons(shop)), 200)

    play(story)


def test_a_deleted_message_comes_back_while_people_must_read_it() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        shop.chat.said.clear()
        await click(shop, ANN, Press.PAUSE, await _ticket(shop))
        await shop.comes(lambda: "Paused" in str(shop.chat.tops()), 30)
        assert len(shop.chat.tops()) == 1

    play(story, notify={"slack": "#releases", "events": ["waiting", "paused"]})


async def _ticket(shop: Shop) -> Ticket:
    status, meta = shop.status(), shop.rollout()["metadata"]
    return Ticket("Rollout", "shop", "shop", meta["uid"], "", status["attempt"]["number"], 0)


def test_killed_between_post_and_save_there_is_one_message_and_each_reply_once() -> None:
    async def whole() -> Shop:
        shop = Shop()
        asking = {"slack": "#releases", "approvers": [ANN]}
        steps = [{"weight": 5, "bake": "1m", "approval": asking}, {"weight": 50, "bake": "1m"}]
        shop.kube.put(a_rollout(strategy={"canary": {"steps": steps}}))
        async with shop.controller():
            await shop.until("Healthy")
        await shop.push("v2")
        kills = 0
        while not shop.chat.unanswered:
            shop.chat.unanswered = [OutsideError("killed after this post")]
            async with shop.controller():
                await shop.comes(lambda: shop.status().get("waitsFor") == "Approval")
                for _ in range(100):
                    if shop.chat.unanswered:
                        await asyncio.sleep(0.2)
            kills += not shop.chat.unanswered
        shop.chat.unanswered.clear()
        assert kills >= 4
        async with shop.controller():
            await asyncio.sleep(1)  # until the new process listens
            await click(shop, ANN, Press.APPROVE)
            await shop.comes(lambda: "Promoted" in shown(shop))
        return shop

    shop = virtual.run(whole())
    assert len(shop.chat.tops()) == 1
    keys = [said.words.key for said in shop.chat.said]
    assert len(set(keys)) == len(keys)


def test_an_answer_that_is_lost_leaves_one_message() -> None:
    async def story(shop: Shop) -> None:
        shop.chat.unanswered = [OutsideError("slack: no answer")] * 4
        await asked(shop)
        await asyncio.sleep(120)
        keys = [said.words.key for said in shop.chat.said]
        assert len(set(keys)) == len(keys)

    play(story)


def test_by_default_a_channel_hears_only_of_what_went_back_and_what_waits() -> None:
    def journey(on: list[str] | None, bad: bool) -> list[str]:
        async def whole() -> Shop:
            shop = Shop()
            notify: dict[str, Any] = {"slack": "#all"} | ({"events": on} if on else {})
            shop.kube.put(a_rollout(notify=notify))
            async with shop.controller():
                await shop.until("Healthy")
                await shop.push("v2")
                await shop.comes(lambda: shop.weights() == FIVE)
                shop.metrics.value = 7 if bad else 0
                await shop.until("Degraded" if bad else "Healthy")
                await asyncio.sleep(60)
            return shop

        return [top.text.split(",")[0] for top in virtual.run(whole()).chat.tops()]

    assert journey(None, bad=False) == []
    assert journey(None, bad=True) == ["shop/shop v2: Rolled back"]
    assert journey(["started"], bad=False) == ["shop/shop v2: Promoted"]
    assert journey(["promoted"], bad=True) == []


@pytest.mark.parametrize("text", ["", "status", "abort shop", "status nowhere", "status <!here>"])
def test_a_command_that_means_nothing_is_answered_with_what_it_could_be(text: str) -> None:
    async def story(shop: Shop) -> None:
        said = await shop.hearing.answer(Command(Sender(EVE, "T1", "CRELEASES"), text))
        assert "/rollout status NAME" in said
        assert "<!here>" not in said

    play(story)


def test_status_is_told_in_the_channels_that_the_rollout_names_and_nowhere_else() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        here, there = (Sender(EVE, "T1", channel) for channel in ("CRELEASES", "COTHER"))
        for name in ("shop", "shop/shop"):
            said = await shop.hearing.answer(Command(here, f"status {name}"))
            assert "*Phase* Progressing (waiting for approval: 0 of 1)" in said
        said = await shop.hearing.answer(Command(there, "status shop"))
        assert said.startswith("no rollout shop is told of in this channel")

    play(story)


class Slow(FakeChat):
    """Every channel is looked for in a long list."""

    async def channel(self, name: str) -> str:
        await asyncio.sleep(5)
        return await FakeChat.channel(self, name)


def test_a_command_is_answered_before_slack_gives_it_up() -> None:
    async def story(shop: Shop) -> None:
        await asked(shop)
        shop.hearing.people = Slow()
        began = virtual.clock()
        said = await shop.hearing.answer(Command(Sender(EVE, "T1", "CRELEASES"), "status shop"))
        assert said == "slack takes long to say which channel this is; type it once more"
        assert virtual.clock() - began < timedelta(seconds=3)

    play(story)


def test_a_rollout_that_names_a_channel_says_when_the_controller_has_no_slack() -> None:
    async def whole() -> None:
        shop = Shop()
        steps = [{"weight": 5, "bake": "1m", "approval": {"slack": "#r", "approvers": [ANN]}}]
        shop.kube.put(a_rollout(strategy={"canary": {"steps": steps}}))
        async with shop.controller() as running:
            await shop.until("Healthy")
            running.inbox.chat = NO_CHAT
            await shop.push("v2")
            await shop.comes(lambda: "the controller has no slack" in shop.status()["because"])

    virtual.run(whole())


def test_a_press_at_a_replica_that_does_not_act_for_the_rollout_counts_all_the_same() -> None:
    """It is kept in the status by compare-and-swap; whoever acts for the namespace weighs it."""

    async def story() -> None:
        asks = {"slack": "#releases", "approvers": [ANN]}
        steps = [{"weight": 5, "bake": "1m", "approval": asks}]
        shop = Shop()
        shop.kube.put(a_rollout(strategy={"canary": {"steps": steps}}))
        lease: dict[str, Any] = {"namespace": "rollout-system", "shards": 2}
        async with shop.controller(identity="a", **lease) as first:
            await shop.until("Healthy")
            async with shop.controller(identity="b", **lease) as hearing:
                while not hearing.leading:
                    await asyncio.sleep(1)
                await asked(shop)
                assert (first.leads(NAMESPACE), hearing.leads(NAMESPACE)) == (True, False)
                await click(shop, ANN, Press.APPROVE)
                await shop.comes(shop.rests_on_v2)

    virtual.run(story())
