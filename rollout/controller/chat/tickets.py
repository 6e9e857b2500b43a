"""What a pressed button may do, from plain values; nobody is asked and nothing is written here.

A button is for one object, commit, step, attempt and time. To take traffic away, or to stand
still, the object and the attempt are enough: a step that has just begun is no reason to refuse.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from rollout.model.chat import PROOF, Press, Ticket
from rollout.model.journey import Journey
from rollout.model.spec import Approval

SKEW = timedelta(seconds=2)  # that Slack's clock may be ahead of ours
FRESH = timedelta(minutes=5)  # how old a press may be; older ones may be somebody's recording


def spoilt(press: Press, ticket: Ticket, journey: Journey, now: datetime) -> str:
    """Why the button is good for nothing any more, in words; empty while it is."""
    if journey.uid != ticket.uid:
        return f"{ticket.key} is another one by now; that button was for one that is deleted"
    if journey.number != ticket.attempt:
        return f"that was for attempt {ticket.attempt}; it is over"
    if journey.over:
        return "that journey is over"
    if press in (Press.PAUSE, Press.ABORT):
        return ""
    step = journey.step
    if step is None or step.index != ticket.step:
        return f"step {ticket.step + 1} is over; nothing waits for an answer to it"
    if journey.commit != ticket.commit:
        return "git has another commit by now; look at the message and press again"
    if ticket.expires and now.timestamp() > ticket.expires:
        return "the time to answer is over; the rollout is paused or soon will be"
    if press is Press.APPROVE and not step.asks:
        return "nothing waits for an approval now"
    return ""


def is_done(
    press: Press, ticket: Ticket, user: str, journey: Journey, since: datetime | None
) -> bool:
    """Whether this very press had its effect: it is delivered again to a process that follows.

    ``since``: when it was pressed, by Slack's clock; None: not known.
    """
    earliest = since - SKEW if since is not None else None
    return any(
        one.by == PROOF + user
        and one.request.partition("@")[0] == press
        and (earliest is None or one.at >= earliest)
        for one in journey.journal.of_attempt(ticket.attempt)
    )


def answered(ticket: Ticket, user: str, yes: bool, journey: Journey, since: datetime) -> str:
    """That this person said the same before, in words; empty when not, or not ``since`` then."""
    for given in journey.answered:
        same = given.who == PROOF + user and given.yes is yes and given.step == ticket.step
        if same and given.at >= since:
            verb = "approved" if yes else "rejected"
            return f"you {verb} this step already, at {given.at:%H:%M} UTC"
    return ""


def lists(press: Press, journey: Journey) -> tuple[Approval, ...]:
    """Whose lists say who may press it: the step's own; to go back or to pause, any step's."""
    if press in (Press.PAUSE, Press.ABORT):
        return journey.approvals
    step = journey.step
    return (step.approval,) if step is not None and step.approval is not None else ()


def groups(found: tuple[Approval, ...]) -> tuple[str, ...]:
    """The user groups whose members must be known, each once."""
    named = (entry for one in found for entry in one.approvers if entry.startswith("S"))
    return tuple(dict.fromkeys(named))


def entry(
    found: tuple[Approval, ...], user: str, members: Mapping[str, frozenset[str]]
) -> str | None:
    """What of the lists lets ``user`` in; empty: a list that lets in anyone; None: nothing."""
    if any(not one.approvers for one in found):
        return ""
    for one in found:
        for named in one.approvers:
            if named == user or user in members.get(named, frozenset()):
                return named
    return None
