"""What a channel should have of a journey, from what it remembers alone; nothing is sent from here.

One message a journey, and its decisions in its thread. Each has a key, so whoever compares with
what stands there already never says a thing twice, after a crash neither.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rollout.messages import slack
from rollout.messages.slack import Card
from rollout.model.chat import Press, Ticket, Words
from rollout.model.journey import Decided, Journey, Reached, Step
from rollout.model.spec import NotifyOn


@dataclass(frozen=True, slots=True)
class Shown:
    """What ``channel`` should have of one journey.

    ``wanted``: it must be there; otherwise it is only kept true where it stands already.
    ``since``: when the journey began, so no older message is of it. ``ended``: when it was over.
    ``replies``: oldest first. ``pressing``: what a reader must see at once when it is another;
    all else may be shown a little later.
    """

    channel: str
    top: Words
    replies: tuple[Words, ...]
    wanted: bool
    since: datetime
    ended: datetime | None
    pressing: str


def shown(journey: Journey, repository: str = "") -> tuple[Shown, ...]:
    """Of every channel that it names: this journey, and the end of the one before.

    ``repository``: the url that its commits come from, for a link; empty: not known.
    """
    return (
        *(
            _present(journey, _Place(channel, repository))
            for channel in channels(journey)
            if journey.decisions
        ),
        *_past(journey, journey.number - 1),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it is shown, and where its commits can be read."""

    channel: str
    repository: str


def _present(journey: Journey, place: _Place) -> Shown:
    card, decisions = _card(journey, place), journey.decisions
    return Shown(
        place.channel,
        slack.words(card),
        tuple(_replies(journey, place.channel)),
        wanted=bool(heard_of(journey, place.channel)),
        since=decisions[0].at,
        ended=decisions[-1].at if journey.over else None,
        pressing=_pressing(card),
    )


def _pressing(card: Card) -> str:
    """Everything but verdicts, and numbers that merely count."""
    because = _NUMBERS.sub("#", card.because)
    return repr((card.state, card.percent, because, card.facts, card.tickets))


CALLED = 40  # people and groups whom one message names
_NUMBERS = re.compile(r"[0-9][0-9.,]*")


def channels(journey: Journey) -> tuple[str, ...]:
    """Every channel that it names, each once."""
    named = (journey.notify.slack, *(one.slack for one in journey.approvals))
    return tuple(dict.fromkeys(channel for channel in named if channel))


def asked_in(journey: Journey) -> str:
    """The channel in which people are asked to approve now; empty: nobody is asked in one."""
    step = journey.step
    if step is None or step.approval is None or not step.asks:
        return ""
    return step.approval.slack or journey.notify.slack


def heard_of(journey: Journey, channel: str) -> frozenset[NotifyOn]:
    """What has happened in this journey that ``channel`` wants to hear of."""
    notify = journey.notify
    wanted = frozenset(notify.events if channel == notify.slack else ())
    asked = {NotifyOn.WAITING} if channel == asked_in(journey) else set()
    return (journey.happened & wanted) | asked


def ticket(journey: Journey) -> Ticket:
    """What a button of now is for."""
    step = journey.step
    return Ticket(
        *(journey.kind, journey.namespace, journey.name, journey.uid, journey.commit),
        attempt=journey.number,
        step=step.index if step else -1,
        expires=_expires(step) if step else 0,
    )


def _expires(step: Step) -> int:
    if step.approval is None or step.confirmed_at is None:
        return 0
    return int((step.confirmed_at + step.approval.expires).timestamp())


def outcome(journey: Journey, decisions: tuple[Decided, ...]) -> str:
    """How a journey ended, in words; by its last decision that tells."""
    for one in reversed(decisions):
        if one.reached is Reached.ROLLED_BACK:
            return "Rolled back"
        if one.reached is Reached.PROMOTED:
            return journey.promoted
    return "Over"


def _key(journey: Journey, number: int) -> str:
    return f"{journey.uid}.{number}"


def _title(journey: Journey, decisions: tuple[Decided, ...]) -> str:
    return f"{journey.key} {decisions[0].title or journey.revision}"


def _card(journey: Journey, place: _Place) -> Card:
    decisions, over = journey.decisions, journey.over
    return Card(
        key=_key(journey, journey.number),
        title=_title(journey, decisions),
        state=outcome(journey, decisions) if over else journey.place,
        percent=None if over else journey.percent,
        because=decisions[-1].because if over else journey.because,
        side=journey.side,
        verdicts=() if over else (*journey.lines, *journey.verdicts),
        facts=tuple(_facts(journey, place.repository)),
        tickets=() if over else tuple(_tickets(journey, place.channel)),
    )


def _facts(journey: Journey, repository: str) -> Iterator[str]:
    """Safe already: people are mentioned in them."""
    if journey.commit:
        yield f"commit {slack.commit(repository, journey.commit)}"
    if journey.author:
        yield f"by {slack.safe(journey.author, 80)}"
    yield f"attempt {journey.number}"
    for given in journey.answers[-10:]:
        verb = "approved" if given.yes else "rejected"
        yield f"step {given.step + 1} {verb} by {slack.person(given.who)}"


def _tickets(journey: Journey, channel: str) -> Iterator[tuple[Press, Ticket]]:
    """Who may answer is said by the steps' lists; where there is none, nobody may press."""
    if not journey.approvals or not journey.under_way:
        return
    made = ticket(journey)
    if channel == asked_in(journey):
        yield from ((Press.APPROVE, made), (Press.REJECT, made))
    if journey.pause is None:
        yield (Press.PAUSE, made)
    yield (Press.ABORT, made)


def _replies(journey: Journey, channel: str) -> Iterator[Words]:
    key = _key(journey, journey.number)
    for one in journey.decisions:
        lines = [f"*{slack.safe(one.split or one.stage)}* {slack.safe(one.because)}"]
        if one.evidence:
            lines.append(slack.safe(one.evidence, 400))
        yield slack.reply(f"{key}/{one.id}", lines)
    step = journey.step
    if step is not None and channel == asked_in(journey):
        yield slack.reply(f"{key}/ask.{step.index}", [_asking(step)])


def _asking(step: Step) -> str:
    """A new message, since only such a one rings at those whom it names."""
    wanted, until = step.approval, _expires(step)
    people = _called(wanted.approvers) if wanted else ""
    when = f"<!date^{until}^{{date_short_pretty}} {{time}}|{until}>" if until else "it expires"
    quorum = f" ({wanted.quorum} are needed)" if wanted and wanted.quorum > 1 else ""
    named = f"{people or 'somebody'}: {slack.safe(step.name)}"
    return f"{named} waits for an answer above, until {when}{quorum}"


def _called(approvers: Sequence[str]) -> str:
    """As many as one message has room to ring at; groups first, since each of them is many."""
    groups_first = sorted(approvers, key=lambda entry: not entry.startswith("S"))
    more = [f"and {len(approvers) - CALLED} more"] if len(approvers) > CALLED else []
    return ", ".join([*map(slack.mention, groups_first[:CALLED]), *more])


def _past(journey: Journey, number: int) -> Iterator[Shown]:
    """The journey before, where a message of it stands: how it ended, and no buttons any more."""
    decisions = journey.journal.of_attempt(number)
    if not decisions or not number:
        return
    card = Card(
        key=_key(journey, number),
        title=_title(journey, decisions),
        state=outcome(journey, decisions),
        percent=None,
        because=decisions[-1].because,
        facts=(f"attempt {number}",),
    )
    for channel in channels(journey):
        at, ended = decisions[0].at, decisions[-1].at
        yield Shown(channel, slack.words(card), (), False, at, ended, _pressing(card))


def joined(journey: Journey, facts: Iterable[tuple[str, str]]) -> str:
    """What ``/rollout status`` answers: ``facts``, one a line, as text that does nothing."""
    lines = [f"*{label}* {slack.safe(text)}" for label, text in facts]
    people = [f"*Answered* {slack.person(one.who)}" for one in journey.answered]
    return slack.within([*lines, *people])
