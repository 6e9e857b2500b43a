"""What a forge should show of a commit, in every state of a journey."""

from dataclasses import replace

import pytest

from rollout.messages import commits
from rollout.model.forge import CommitState, ForgeKind
from rollout.model.sourcespec import CommitStatus
from rollout.model.spec import Rollout
from rollout.model.status import Phase, RolloutStatus, Stage, StageStatus
from tests import make
from tests.play import Play

ASKED = CommitStatus(ForgeKind.GITHUB, target_url="https://x.test/{namespace}/{name}?at={commit}")
COMMIT = "b" * 40


def at_step() -> Play:
    return Play(make.canary_spec(5, 50)).push("v2").after(seconds=15)


def of(play: Play, commit: str = COMMIT) -> tuple[Rollout, RolloutStatus]:
    rollout = replace(play.rollout, commit=commit)
    return rollout, replace(play.status, observed_generation=rollout.generation)


def state(play: Play) -> CommitState:
    found = commits.standing(*of(play), ASKED)
    assert found is not None
    return found.state


def test_a_journey_is_pending_with_its_sentence() -> None:
    play = at_step()
    found = commits.standing(*of(play), ASKED)
    assert found is not None
    assert (found.state, found.description) == (CommitState.PENDING, play.status.because)
    assert found.context == f"rollout/{play.rollout.key}"
    where = f"{play.rollout.namespace}/{play.rollout.name}"
    assert found.target_url == f"https://x.test/{where}?at={COMMIT}"


def test_a_revision_that_has_everyone_is_a_success() -> None:
    play = at_step().until(Phase.HEALTHY, Stage.IDLE)
    found = commits.standing(*of(play), ASKED)
    assert found is not None
    assert (found.state, found.description) == (CommitState.SUCCESS, "v2 has everyone")


def test_what_was_rejected_has_failed_as_soon_as_it_goes_back() -> None:
    play = at_step().after(seconds=15, value=5)
    assert play.status.phase is Phase.DEGRADED
    assert state(play) is CommitState.FAILURE
    rollout, status = of(play)
    back = replace(status, phase=Phase.ROLLING_BACK, stage=StageStatus(Stage.WITHDRAWING))
    assert commits.is_rejected(rollout, back)


def test_what_git_asks_for_next_is_not_what_was_rejected() -> None:
    play = at_step().after(seconds=15, value=5)
    rollout, status = of(play)
    other = replace(rollout, spec=replace(rollout.spec, revision="v3"))
    assert not commits.is_rejected(other, status)


@pytest.mark.parametrize("commit", ["", "HEAD", "../../etc", "b" * 39, "B" * 40, "b" * 40 + "\n"])
def test_what_is_no_commit_is_told_of_to_nobody(commit: str) -> None:
    assert commits.standing(*of(at_step(), commit), ASKED) is None


def test_a_spec_that_was_not_looked_at_is_not_told_of() -> None:
    rollout, status = of(at_step())
    newer = replace(rollout, generation=status.observed_generation + 1)
    assert commits.standing(newer, status, ASKED) is None


def test_numbers_alone_are_not_pressing() -> None:
    rollout, status = of(at_step())
    first = replace(status, because="baking: 12s of 60s")
    later = replace(status, because="baking: 40s of 60s")
    other = replace(status, because="waiting for approval: 0 of 1")
    assert commits.pressing(rollout, first) == commits.pressing(rollout, later)
    assert commits.pressing(rollout, first) != commits.pressing(rollout, other)


def test_a_proposal_says_what_why_and_what_was_seen() -> None:
    play = at_step().after(seconds=15, value=5)
    rollout, status = of(play)
    made = commits.proposal(rollout, status, "main", "deploy/shop.yaml", "revision: v1\n")
    assert made.title == f"{rollout.key}: take v2 back to v1"
    assert made.base == "main"
    assert status.rejected is not None
    assert "was rejected" in made.body
    assert play.status.attempt.verdicts[0].text[:30] in made.body
    assert "onRejected: revertPullRequest" in made.body


def test_no_word_of_the_evidence_ends_its_block_or_mentions_anybody_sec_20() -> None:
    play = at_step().after(seconds=15, value=5)
    rollout, status = of(play)
    assert status.rejected is not None
    evil = "```\n@org/everyone <img src=x> [a](javascript:x) \x1b[31m"
    verdicts = tuple(replace(one, text=evil) for one in status.attempt.verdicts)
    status = replace(
        status,
        rejected=replace(status.rejected, because=evil),
        attempt=replace(status.attempt, verdicts=verdicts),
    )
    body = commits.proposal(rollout, status, "main", "x.yaml", "").body
    head, fence, _ = body.partition("\n````text\n")
    assert fence
    assert "@org" not in head
    assert "<img" not in head
    assert "\x1b" not in body


def test_a_branch_is_one_a_commit_and_a_name_that_git_takes() -> None:
    rollout, _ = of(at_step())
    odd = replace(rollout, name="x.lock")
    assert commits.branch(odd, COMMIT).endswith("-x.lock-bbbbbbbbbbbb")
