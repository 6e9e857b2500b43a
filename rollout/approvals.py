"""Who must say yes to a step, and whose yes counts now; people are asked elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from rollout.model.chat import PROOF
from rollout.model.reasons import Reason
from rollout.model.spec import BY_KUBERNETES, KUBERNETES_USER, Approval
from rollout.model.status import Answer

MEMBERS = timedelta(seconds=15)  # until it is asked again who is in a user group
NOBODY_KNOWN = "no author is known; push it from git, or end notAuthor"
"""Four eyes need two people: of a revision without an author nobody is surely another one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one step asks of people, and what they have answered to it.

    ``answers``: to this step of this attempt. ``author``: of the commit on its way.
    ``channel``: of a chat, in which they are asked; empty: in none.
    """

    approval: Approval
    answers: tuple[Answer, ...]
    author: str
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Guard:
    """An approval, and how many percent have the new revision when people are asked for it."""

    share: int
    approval: Approval


class Seen(Protocol):
    """What a look knows of a chat: who is in its groups, and why it could ask nobody."""

    @property
    def members(self) -> Mapping[str, frozenset[str]]: ...
    @property
    def unasked(self) -> Reason | None: ...


@dataclass(frozen=True, slots=True)
class Lack:
    """What a step's approval still lacks; ``left``: until that can change by time alone.

    ``late``: nobody gave it in time, so that a person must decide.
    """

    because: str
    left: timedelta = timedelta(0)
    late: bool = False


def lack(asked: Asked, waited: timedelta, seen: Seen, now: datetime) -> Lack | None:
    """What is missing, ``waited`` after the step was confirmed; None: enough people said yes."""
    approval = asked.approval
    if approval.not_author and not asked.author and waited < approval.expires:
        return Lack(f"waiting for approval: {NOBODY_KNOWN}", approval.expires - waited)
    unknown = [one for one in groups(asked, now) if one not in seen.members]
    given = _given(asked, now)
    yes = _people(one for one in given if not unknown and _is_still_in(approval, one, seen))
    if yes >= approval.quorum:
        return None
    if waited >= approval.expires:
        return Lack("nobody approved in time", late=True)
    because, left = f"waiting for approval: {yes} of {approval.quorum}", approval.expires - waited
    if unknown:
        because = f"waiting for approval: slack does not say who is in {unknown[0]} now"
        left = min(left, MEMBERS)
    elif seen.unasked is not None and asked.channel:
        because = f"{because}; {seen.unasked}"
    return Lack(because, left)


def groups(asked: Asked, now: datetime) -> tuple[str, ...]:
    """The user groups whose members must be known, since people were let in as one of them.

    Asked for once their answers would open the step: whoever has left the group since then is not
    on the list any more. Before that there is nothing to know.
    """
    given = _given(asked, now)
    if _people(given) < asked.approval.quorum:
        return ()
    return tuple(dict.fromkeys(one.entry for one in given if _is_by_group(asked.approval, one)))


def refusal(approval: Approval | None, answers: Iterable[Answer]) -> Reason | None:
    """The no of somebody who may say it, the author too; None when nobody said it."""
    for given in answers:
        if not given.yes and bar(approval, given, "") is None:
            why = f": {given.reason}" if given.reason else ""
            return Reason(f"rejected by {given.answerer}{why}")
    return None


def bar(approval: Approval | None, given: Answer, author: str) -> Reason | None:
    """Why the answer counts for nothing, in time or not; None: it counts.

    ``approval``: None where the step asks nobody, and a no is everybody's. ``author``: of the
    commit on its way, empty when there is none: then no yes is surely another person's.
    """
    if approval is None:
        return None
    if not _listed(approval, given):
        who = BY_KUBERNETES if _is_by_kubernetes(given) else given.who
        return Reason(f"{who} is not on the list of approvers")
    if not given.yes or not approval.not_author:
        return None
    if not author:
        return Reason(NOBODY_KNOWN)
    if not given.who.startswith(PROOF):
        return Reason("notAuthor needs a person whom Slack knows; answer there")
    return None if given.unlike == author else Reason(f"not told apart from {author}")


def eased(before: Sequence[Guard], after: Sequence[Guard]) -> Guard | None:
    """The first approval of ``before`` that ``after`` does not keep up; None: it asks no less.

    Each is kept up by one of its own: asked for no later, of no other people, as many of them.
    """
    left = list(after)
    for old in before:
        heir = next((one for one in left if _is_as_strict(one, old)), None)
        if heir is None:
            return old
        left.remove(heir)
    return None


def _is_as_strict(one: Guard, old: Guard) -> bool:
    people, known = set(one.approval.approvers), set(old.approval.approvers)
    return (
        one.share <= old.share
        and (not known or (bool(people) and people <= known))
        and one.approval.quorum >= old.approval.quorum
        and one.approval.not_author >= old.approval.not_author
    )


def _given(asked: Asked, now: datetime) -> tuple[Answer, ...]:
    """The yeses that are in time, of people who may."""
    return tuple(
        one
        for one in asked.answers
        if one.yes
        and now - one.at <= asked.approval.expires
        and bar(asked.approval, one, asked.author) is None
    )


def _people(given: Iterable[Answer]) -> int:
    """How many people these surely are: those of the door by which the most have come.

    Whoever answers in a chat may be whoever answers by Kubernetes, too, and nobody could tell; and
    an answer without a name may be that of anybody who has one there.
    """
    given = tuple(given)
    by_kubernetes = {one.who for one in given if _is_by_kubernetes(one)}
    others = {one.who for one in given if not _is_by_kubernetes(one)}
    return max(len(others), len(by_kubernetes - {""}) or len(by_kubernetes))


def _is_by_group(approval: Approval, given: Answer) -> bool:
    """Whether a user group alone let this person in."""
    return given.entry.startswith("S") and _user(given) not in approval.approvers


def _is_still_in(approval: Approval, given: Answer, seen: Seen) -> bool:
    if not _is_by_group(approval, given):
        return True
    return _user(given) in seen.members.get(given.entry, frozenset())


def _user(given: Answer) -> str:
    return given.who.removeprefix(PROOF)


def _is_by_kubernetes(given: Answer) -> bool:
    """Whether RBAC let it in: such a user has a name at most, and no address to be known by."""
    return not given.who or given.who.startswith(KUBERNETES_USER)


def _listed(approval: Approval, given: Answer) -> bool:
    """Whether the list names this person, or the proof by which they were let in.

    Nobody's name is proved to us by an annotation, only that Kubernetes' RBAC let it be written;
    at the page's login it is, and RBAC has let them write it as well.
    """
    proofs = {BY_KUBERNETES} if _is_by_kubernetes(given) else {_user(given), given.entry}
    return not approval.approvers or not proofs.isdisjoint(approval.approvers)
