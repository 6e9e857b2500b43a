"""What a channel should have, from the status alone."""

from dataclasses import replace
from datetime import timedelta

from rollout.journeys import rollouts
from rollout.messages import journeys, terminal
from rollout.model.chat import Press
from rollout.model.journey import Journey
from rollout.model.spec import Approval, Canary, Notify, NotifyOn, RolloutSpec, Step, Strategy
from rollout.model.status import Phase, Stage
from tests import make
from tests.make import MINUTE
from tests.play import Play

EVERYTHING = tuple(NotifyOn)


def spec(**notify: object) -> RolloutSpec:
    """A step that asks in #releases, then a half; all is told in #shop."""
    asking = Approval(slack="#releases", approvers=("U0ANN",))
    steps = (Step(weight=5, bake=MINUTE, approval=asking), Step(weight=50, bake=MINUTE))
    told = Notify(slack="#shop", events=EVERYTHING)
    return make.spec(Strategy(canary=Canary(steps)), notify=notify.get("notify", told))


def of(play: Play) -> Journey:
    return rollouts.journey(play.rollout, play.status)


def at_rest() -> Play:
    return Play(spec())


def asking() -> Play:
    return at_rest().push("v2").after(minutes=2)


def test_before_the_first_journey_nothing_is_shown() -> None:
    play = at_rest()
    assert journeys.shown(of(play)) == ()


def test_both_channels_show_the_journey_and_only_the_asked_one_has_the_answers() -> None:
    play = asking()
    found = {one.channel: one for one in journeys.shown(of(play))}
    assert [*found] == ["#shop", "#releases"]
    assert all(one.wanted for one in found.values())

    def pressed(channel: str) -> list[str]:
        buttons = found[channel].top.blocks[-1]["elements"]
        return [one["action_id"] for one in buttons]

    assert pressed("#releases") == [*Press]
    assert pressed("#shop") == ["pause", "abort"]
    assert [words.key.rpartition("/")[2] for words in found["#releases"].replies][-1] == "ask.0"
    assert not any("ask" in words.key for words in found["#shop"].replies)


def test_a_step_without_a_channel_of_its_own_asks_in_the_rollouts() -> None:
    play = asking()
    assert journeys.asked_in(of(play)) == "#releases"


def test_a_button_expires_with_the_approval() -> None:
    play = asking()
    made = journeys.ticket(of(play))
    since = play.status.stage.confirmed_at
    assert since is not None
    assert made.expires == int((since + timedelta(hours=4)).timestamp())
    assert (made.step, made.attempt, made.commit) == (0, 1, play.rollout.commit)


def test_the_end_is_told_by_the_last_decision_and_has_no_buttons() -> None:
    play = asking()
    play.request("promote", "ann").until(Phase.HEALTHY, Stage.IDLE)
    first = journeys.shown(of(play))[0]
    assert "Promoted" in first.top.text
    assert first.ended is not None
    assert all(block["type"] != "actions" for block in first.top.blocks)


def test_the_next_journey_leaves_the_one_before_with_its_outcome() -> None:
    play = asking()
    play.push("v3").after(minutes=1)
    told = journeys.shown(of(play))
    past = [one for one in told if one.ended is not None]
    assert [one.channel for one in past] == ["#shop", "#releases"]
    assert all("shop v2: Rolled back" in one.top.text for one in past)
    assert not any(one.wanted for one in past)


def test_what_only_counts_further_does_not_press() -> None:
    play = asking()
    one = journeys.shown(of(play))[0].pressing
    assert journeys.shown(of(play))[0].pressing == one
    play.request("pause", "ann")
    assert journeys.shown(of(play))[0].pressing != one


def test_each_thing_that_happens_is_known_from_the_status() -> None:
    play = asking()
    assert of(play).happened == {NotifyOn.STARTED, NotifyOn.WAITING}
    play.request("pause", "ann")
    assert NotifyOn.PAUSED in of(play).happened
    play.request("abort", "ann").until(Phase.DEGRADED, Stage.IDLE)
    wanted = {NotifyOn.STARTED, NotifyOn.ROLLED_BACK, NotifyOn.DEGRADED}
    assert of(play).happened == wanted


def test_what_a_person_asks_is_answered_in_lines() -> None:
    play = asking()
    text = journeys.joined(
        of(play),
        [(o.label, o.text) for o in terminal.facts(play.rollout.key, play.status, play.now)],
    )
    assert "*Phase* Progressing (waiting for approval: 0 of 1)" in text.splitlines()


def test_the_commit_is_a_link_where_its_repository_is_known() -> None:
    play = asking()
    play.rollout = replace(play.rollout, commit="c0ffee0")
    first = journeys.shown(of(play), "https://github.com/acme/shop.git")[0]
    facts = first.top.blocks[-2]["elements"][0]["text"]
    assert facts.startswith("commit <https://github.com/acme/shop/commit/c0ffee0|c0ffee0> · ")
