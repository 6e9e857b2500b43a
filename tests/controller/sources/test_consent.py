"""SEC-29: a push that eases who must approve; whoever pushes is not who approves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout import approvals
from rollout.approvals import Guard
from rollout.manifest import sources
from rollout.messages import terminal
from rollout.model.spec import Approval
from tests.controller.sources.test_look import KEY, Play

ANN, BOB, EVE, OPS = "U0ANN1", "U0BOB1", "U0EVE1", "S0OPS1"


def shop(revision: str, *steps: str, more: str = "") -> str:
    return f"""\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {{name: shop}}
spec:
  service: shop
  revision: {revision}
  workload: {{deployments: "shop-{{revision}}"}}
  strategy: {{canary: {{steps: [{", ".join(steps)}]}}}}
{more}"""


def step(weight: int, approvers: str = "", **more: object) -> str:
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f'{{weight: {weight}, approval: {{slack: "#r", approvers: [{approvers}]{extra}}}}}'


RULE = step(20, f"{ANN}, {BOB}", quorum=2, notAuthor="true")


async def pushed(*files: dict[str, str], **spec: Any) -> Play:
    play = Play(**spec)
    for each in files:
        play.repo.push(each)
        await play.look()
    return play


def strategy(play: Play) -> Any:
    obj = play.kube.get("Rollout", "market", "shop")
    assert obj is not None
    return obj["spec"]["strategy"]


@pytest.mark.parametrize(
    "steps",
    [
        ("{weight: 20}",),  # gone
        (step(20, EVE, quorum=2, notAuthor="true"),),  # oneself
        (step(20, f"{ANN}, {BOB}, {EVE}", quorum=2, notAuthor="true"),),  # oneself, too
        (step(20, quorum=2, notAuthor="true"),),  # anyone
        (step(20, f"{ANN}, {BOB}", notAuthor="true"),),  # one is enough
        (step(20, f"{ANN}, {BOB}", quorum=2),),  # the author, too
        ("{weight: 99}", RULE.replace("20", "100")),  # asked once nearly everyone has it
    ],
)
async def test_the_old_rule_stays_and_all_else_of_the_commit_is_in_force(
    steps: tuple[str, ...],
) -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE)})
    before = strategy(play)
    commit = play.repo.push({"shop.yaml": shop("v2", *steps)})
    await play.look()
    assert (play.revision(), strategy(play)) == ("v2", before)
    assert play.ready == ("False", "Held")
    assert play.status["held"] == play.status["commit"] == commit
    [told] = play.status["rejected"]
    assert told["message"] == (
        "shop.yaml:1: rollout shop asks less of people than "
        f"the approval at 20% (quorum 2 of {ANN}, {BOB})"
    )
    assert "rollout accept git -n market" in play.status["problem"]
    source = play.kube.get("RolloutSource", "market", "git")
    assert source is not None
    shown = terminal.behind(sources.source(source))
    assert shown is not None
    assert "obey it with: `rollout accept git -n market`, or annotate it" in shown
    await play.look()
    assert play.kube.writes == []  # said once


@pytest.mark.parametrize(
    "steps",
    [
        (RULE,),
        (RULE, "{weight: 50}"),  # the ramp is nobody's consent
        (RULE.replace("20", "10"),),  # earlier
        (step(20, ANN, quorum=2, notAuthor="true"),),  # fewer people
        (step(20, f"{BOB}, {ANN}", quorum=3, notAuthor="true"),),
        (step(5, ANN), RULE),  # once more
        (RULE.replace("#r", "#other"),),
    ],
)
async def test_a_rule_that_asks_no_less_is_in_force_at_once(steps: tuple[str, ...]) -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE)}, {"shop.yaml": shop("v2", *steps)})
    assert play.ready == ("True", "Applied")
    assert len(strategy(play)["canary"]["steps"]) == len(steps)


async def test_a_person_who_may_change_the_source_lets_it_through() -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE)})
    commit = play.repo.push({"shop.yaml": shop("v2", "{weight: 20}")})
    await play.look()
    play.put({"url": "https://git.invalid/shop"}, **{"rollout.dev/accept": commit})
    await play.look()
    assert strategy(play) == {"canary": {"steps": [{"weight": 20}]}}
    assert play.ready == ("True", "Applied")


async def test_what_was_let_through_is_one_commit_and_not_the_next() -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE)})
    play.put({"url": "https://git.invalid/shop"}, **{"rollout.dev/accept": play.status["commit"]})
    play.repo.push({"shop.yaml": shop("v2", "{weight: 20}")})
    await play.look()
    assert play.ready == ("False", "Held")


async def test_by_three_pushes_it_is_no_easier_than_by_one() -> None:
    """A release, its way back with an easier rule, and another release under that one."""
    play = await pushed(
        {"shop.yaml": shop("v1", RULE)},
        {"shop.yaml": shop("v2", RULE)},
        {"shop.yaml": shop("v1", "{weight: 20}")},
    )
    assert play.revision() == "v1"  # a way back waits for nobody
    play.repo.push({"shop.yaml": shop("v3", "{weight: 20}")})
    await play.look()
    assert "quorum" in str(strategy(play))


async def test_nor_is_it_by_a_deletion_and_a_new_beginning() -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE), "b.yaml": other()}, prune=True)
    play.repo.push({"b.yaml": other()})
    await play.look()
    assert play.revision() == "v1"
    [told] = play.status["rejected"]
    assert "rollout shop asks nobody any more" in told["message"]
    play.put(
        {"url": "https://git.invalid/shop", "prune": True},
        **{"rollout.dev/accept": play.status["held"]},
    )
    await play.look()
    assert play.revision() is None


async def test_its_neighbours_in_the_same_commit_change_as_git_says() -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE), "b.yaml": other("v1")})
    play.repo.push({"shop.yaml": shop("v2", "{weight: 20}"), "b.yaml": other("v2")})
    await play.look()
    assert (play.revision("cart"), play.revision("shop")) == ("v2", "v2")


async def test_where_the_old_rule_does_not_fit_the_new_rest_the_whole_stays() -> None:
    rule = step(20, f"{ANN}, {BOB}", quorum=2, notAuthor="true").replace('slack: "#r", ', "")
    told = '  notify: {slack: "#r"}\n'
    play = await pushed({"shop.yaml": shop("v1", rule, more=told)})
    play.repo.push({"shop.yaml": shop("v2", "{weight: 20}")})
    await play.look()
    assert (play.revision(), "quorum" in str(strategy(play))) == ("v1", True)
    assert play.ready == ("False", "Held")


async def test_an_edit_by_hand_of_the_rule_is_put_back_by_the_next_look() -> None:
    """Whoever may patch the Rollout may promote it, too; what git says comes back all the same."""
    play = await pushed({"shop.yaml": shop("v1", RULE)})
    before = strategy(play)
    op = {"op": "add", "path": "/spec/strategy", "value": {"canary": {"steps": [{"weight": 5}]}}}
    await play.kube.patch("Rollout", "market", "shop", [op])
    await play.look()
    assert strategy(play) == before


async def test_a_false_author_by_hand_is_put_right_by_the_next_look() -> None:
    play = await pushed({"shop.yaml": shop("v1", RULE)})
    path = "/metadata/annotations/rollout.dev~1author"
    op = {"op": "add", "path": path, "value": "bob@example.com"}
    await play.kube.patch("Rollout", "market", "shop", [op])
    await play.sources.look(KEY)
    await play.look()
    obj = play.kube.get("Rollout", "market", "shop")
    assert obj is not None
    assert obj["metadata"]["annotations"]["rollout.dev/author"] == "ann@example.com"


def other(revision: str = "v1") -> str:
    return shop(revision, "{weight: 20}").replace("shop", "cart")


APPROVALS = st.builds(
    Approval,
    approvers=st.lists(st.sampled_from([ANN, BOB, EVE, OPS]), unique=True).map(tuple),
    quorum=st.integers(1, 3),
    not_author=st.booleans(),
)
RULES = st.lists(st.builds(Guard, st.integers(0, 100), APPROVALS), max_size=4)


@given(RULES, RULES, st.integers(0, 3))
def test_a_rule_keeps_itself_up_and_what_is_added_to_it_and_never_what_is_taken_away(
    rule: list[Guard], more: list[Guard], index: int
) -> None:
    assert approvals.eased(rule, rule) is None
    assert approvals.eased(rule, [*rule, *more]) is None
    if index < len(rule):
        assert approvals.eased(rule, rule[:index] + rule[index + 1 :]) is not None
