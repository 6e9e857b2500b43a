"""What a forge should show of a Rollout, from its status alone; nothing is sent from here."""

import re
from collections.abc import Iterator

from rollout.errors import visible
from rollout.messages import markdown
from rollout.model.forge import CommitState, Proposal, Standing
from rollout.model.sourcespec import CommitStatus
from rollout.model.spec import Rollout
from rollout.model.status import Entry, Phase, RolloutStatus, Stage

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NUMBERS = re.compile(r"[0-9][0-9.,]*")
LINES = 30  # of a pull request's evidence
_BACK = (Stage.WITHDRAWING, Stage.CLEANING)


def standing(rollout: Rollout, status: RolloutStatus, asked: CommitStatus) -> Standing | None:
    """How far the commit came that the Rollout is of; None: it is of none, or was not looked at.

    A commit that changes only words is of the journey that its revision has.
    """
    if not is_commit(rollout.commit) or status.observed_generation < rollout.generation:
        return None
    state, url = _state(rollout, status), filled(asked.target_url, rollout, rollout.commit)
    return Standing(context(rollout.key), rollout.commit, state, _sentence(state, status), url)


def _sentence(state: CommitState, status: RolloutStatus) -> str:
    """Why it stands there; of an end, the same one whoever looks, and when."""
    if state is CommitState.FAILURE and status.rejected is not None:
        return f"{status.rejected.revision.title} was rejected: {status.rejected.because}"
    if state is CommitState.SUCCESS and status.stable is not None:
        return f"{status.stable.title} has everyone"
    return status.because


def is_commit(text: str) -> bool:
    """Whether it is a commit's full id; annotations may say anything."""
    return bool(_COMMIT.fullmatch(text))


def context(key: str) -> str:
    """What the status of a Rollout, ``namespace/name``, is called at the forge."""
    return f"rollout/{key}"


def superseded(key: str, commit: str, by: str) -> Standing:
    """What becomes of a commit that was not over; ``by``: the next one, empty: the end of it."""
    why = f"superseded by {by[:10]}" if by else "its rollout is no more"
    return Standing(context(key), commit, CommitState.SUPERSEDED, why)


def filled(template: str, rollout: Rollout, commit: str) -> str:
    """``template`` with its placeholders; what else is in braces stays as it is."""
    text = template.replace("{namespace}", rollout.namespace).replace("{name}", rollout.name)
    return text.replace("{commit}", commit)


def pressing(rollout: Rollout, status: RolloutStatus) -> str:
    """What a reader must see at once when it is another; numbers that merely count are not."""
    step = status.attempt.step
    place = (step.index, step.name) if step else ()
    because = _NUMBERS.sub("#", status.because)
    return repr((rollout.commit, _state(rollout, status), status.phase, place, because))


def _state(rollout: Rollout, status: RolloutStatus) -> CommitState:
    if is_rejected(rollout, status):
        return CommitState.FAILURE
    if status.phase is Phase.HEALTHY and status.stage.name is Stage.IDLE:
        return CommitState.SUCCESS
    return CommitState.PENDING


def is_rejected(rollout: Rollout, status: RolloutStatus) -> bool:
    """Whether what git asks for is what was rejected: as soon as it goes back, not when it is."""
    rejected, stage = status.rejected, status.stage.name
    if rejected is None or not (stage in _BACK or status.phase is Phase.DEGRADED):
        return False
    if rollout.spec.revision:
        return rejected.revision.name == rollout.spec.revision
    return rejected.revision.commit == rollout.commit


def branch(rollout: Rollout, commit: str) -> str:
    """Of the pull request that takes ``commit`` back: one a commit, whoever opens it again.

    It ends with the commit, since git takes no branch whose name ends with ``.lock``.
    """
    return f"rollout/revert-{rollout.namespace}-{rollout.name}-{commit[:12]}"


def proposal(rollout: Rollout, status: RolloutStatus, base: str, path: str, text: str) -> Proposal:
    """The pull request whose file ``path`` is ``text``, with the reasons for it."""
    rejected = status.rejected
    name = rejected.revision.name if rejected else ""
    stable = status.stable.name if status.stable else ""
    commit = rejected.revision.commit if rejected else rollout.commit
    title = f"{rollout.key}: take {name} back to {stable}"
    return Proposal(
        branch(rollout, commit), base, path, text, title, "\n".join(_body(rollout, status, commit))
    )


def _body(rollout: Rollout, status: RolloutStatus, commit: str) -> Iterator[str]:
    rejected = status.rejected
    because = _line(rejected.because if rejected else status.because)
    name = rejected.revision.name if rejected else ""
    yield f"`{markdown.code(name)}` of `{rollout.key}` was rejected: {markdown.cell(because)}."
    yield ""
    yield f"It came with {commit}. Everyone is back, or on the way back, and it is not tried again"
    yield "by itself. This takes the change back in git, so that git says what is in force."
    evidence = [*_evidence(status)][:LINES]
    if evidence:
        fence = markdown.fence(evidence)
        yield from ("", "What was seen:", "", f"{fence}text", *evidence, fence)
    yield ""
    yield "Opened once for this commit: the RolloutSource says `onRejected: revertPullRequest`."
    yield f"To try it again instead: `rollout retry {rollout.name} -n {rollout.namespace}`."


def _evidence(status: RolloutStatus) -> Iterator[str]:
    """The verdicts in force, then the journey's decisions."""
    for verdict in status.attempt.verdicts:
        yield _line(f"{verdict.outcome.value}: {verdict.text}")
    for entry in _decisions(status):
        yield _line(f"{entry.at:%H:%M:%S} {entry.split} {entry.because}")
        if entry.evidence:
            yield _line(f"         {entry.evidence}")


def _decisions(status: RolloutStatus) -> Iterator[Entry]:
    """Those of this attempt, oldest first; an entry's id is ``attempt.epoch``."""
    number = str(status.attempt.number)
    return (one for one in status.history if one.id.partition(".")[0] == number)


def _line(text: str) -> str:
    return visible(text)[:400]
