"""What a channel should have of a journey, from the status alone; nothing is sent from here.

One message a journey, and its decisions in its thread. Each has a key, so whoever compares with
what stands there already never says a thing twice, after a crash neither.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rollout import gate, strategies
from rollout.messages import slack, terminal
from rollout.messages.slack import Card
from rollout.model.chat import Press, Ticket, Words
from rollout.model.reasons import PauseKind, WaitsFor
from rollout.model.spec import Approval, NotifyOn, Rollout
from rollout.model.status import Entry, Phase, RolloutStatus, Stage

_BACK = (Stage.WITHDRAWING, Stage.CLEANING)
_OVER = (Stage.BAKING, Stage.REPOINTING, Stage.RETURNING, Stage.RETIRING)
_UNDER_WAY = (Stage.PREPARING, Stage.STEPPING, Stage.SWITCHING, Stage.BAKING)


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


def shown(rollout: Rollout, status: RolloutStatus, repository: str = "") -> tuple[Shown, ...]:
    """Of every channel that the rollout names: this journey, and the end of the one before.

    ``repository``: the url that its commits come from, for a link; empty: not known.
    """
    number = status.attempt.number
    entries = decisions(status, number) if number else ()  # adopting is no journey
    return (
        *(
            _present(rollout, status, _Place(channel, repository), entries)
            for channel in channels(rollout)
            if entries
        ),
        *_past(rollout, status, number - 1),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where it is shown, and where its commits can be read."""

    channel: str
    repository: str


def _present(
    rollout: Rollout, status: RolloutStatus, place: _Place, entries: tuple[Entry, ...]
) -> Shown:
    card = _card(rollout, status, place, entries)
    return Shown(
        place.channel,
        slack.words(card),
        tuple(_replies(rollout, status, place.channel, entries)),
        wanted=bool(heard_of(rollout, status, place.channel)),
        since=entries[0].at,
        ended=entries[-1].at if status.stage.name is Stage.IDLE else None,
        pressing=_pressing(card),
    )


def _pressing(card: Card) -> str:
    """Everything but verdicts, and numbers that merely count."""
    because = _NUMBERS.sub("#", card.because)
    return repr((card.state, card.percent, because, card.facts, card.tickets))


_NUMBERS = re.compile(r"[0-9][0-9.,]*")


def channels(rollout: Rollout) -> tuple[str, ...]:
    """Every channel that the rollout names, each once."""
    named = (rollout.spec.notify.slack, *(one.slack for one in approvals(rollout)))
    return tuple(dict.fromkeys(channel for channel in named if channel))


def approvals(rollout: Rollout) -> tuple[Approval, ...]:
    """Of every step that has one, in order."""
    stops = strategies.plan(rollout.spec.strategy).stops
    return tuple(stop.step.approval for stop in stops if stop.step.approval is not None)


def approval(rollout: Rollout, index: int) -> Approval | None:
    """Of the step with that index; None: it has none, or there is no such step."""
    stops = strategies.plan(rollout.spec.strategy).stops
    return stops[index].step.approval if 0 <= index < len(stops) else None


def asked_in(rollout: Rollout, status: RolloutStatus) -> str:
    """The channel in which people are asked to approve now; empty: nobody is asked in one."""
    step = status.attempt.step
    found = approval(rollout, step.index) if step else None
    if found is None or status.waits_for is not WaitsFor.APPROVAL:
        return ""
    return found.slack or rollout.spec.notify.slack


def heard_of(rollout: Rollout, status: RolloutStatus, channel: str) -> frozenset[NotifyOn]:
    """What has happened in this journey that ``channel`` wants to hear of."""
    notify = rollout.spec.notify
    wanted = frozenset(notify.events if channel == notify.slack else ())
    asked = {NotifyOn.WAITING} if channel == asked_in(rollout, status) else set()
    return (happened(status) & wanted) | asked


def happened(status: RolloutStatus) -> frozenset[NotifyOn]:
    """Whatever is so now, and what this journey has passed."""
    entries, pause = decisions(status, status.attempt.number), status.attempt.pause
    stages = {entry.stage for entry in entries} | ({status.stage.name} if entries else set())
    by_itself = pause is not None and pause.kind is not PauseKind.PERSON
    so = {
        NotifyOn.STARTED: not stages.isdisjoint((Stage.STEPPING, Stage.SWITCHING)),
        NotifyOn.WAITING: by_itself or status.waits_for is WaitsFor.APPROVAL,
        NotifyOn.PROMOTED: not stages.isdisjoint(_OVER),
        NotifyOn.ROLLED_BACK: not stages.isdisjoint(_BACK),
        NotifyOn.PAUSED: pause is not None,
        NotifyOn.DEGRADED: bool(entries) and status.phase is Phase.DEGRADED,
    }
    return frozenset(notice for notice, true in so.items() if true)


def ticket(rollout: Rollout, status: RolloutStatus) -> Ticket:
    """What a button of now is for."""
    step, since = status.attempt.step, status.stage.confirmed_at
    found = approval(rollout, step.index) if step else None
    until = since + found.expires if since is not None and found is not None else None
    return Ticket(
        *(rollout.namespace, rollout.name, rollout.uid, rollout.commit),
        attempt=status.attempt.number,
        step=step.index if step else -1,
        expires=int(until.timestamp()) if until is not None else 0,
    )


def outcome(entries: tuple[Entry, ...]) -> str:
    """How a journey ended, in words; by its last decision that tells."""
    for entry in reversed(entries):
        if entry.stage in _BACK:
            return "Rolled back"
        if entry.stage in _OVER:
            return "Promoted"
    return "Over"


def decisions(status: RolloutStatus, number: int) -> tuple[Entry, ...]:
    """The decisions of that attempt, oldest first; an entry's id is ``attempt.epoch``."""
    return tuple(entry for entry in status.history if entry.id.split(".")[0] == str(number))


def _key(rollout: Rollout, number: int) -> str:
    return f"{rollout.uid}.{number}"


def _title(rollout: Rollout, entries: tuple[Entry, ...]) -> str:
    return f"{rollout.key} {entries[0].image or entries[0].revision}"


def _card(
    rollout: Rollout, status: RolloutStatus, place: _Place, entries: tuple[Entry, ...]
) -> Card:
    attempt, over = status.attempt, status.stage.name is Stage.IDLE
    step = f", {attempt.step.name}" if attempt.step else ""
    return Card(
        key=_key(rollout, attempt.number),
        title=_title(rollout, entries),
        state=outcome(entries) if over else f"{status.phase.value}{step}",
        percent=None if over else terminal.percent(status),
        because=entries[-1].because if over else status.because,
        verdicts=() if over else tuple(_verdicts(status)),
        facts=tuple(_facts(rollout, status, place.repository)),
        tickets=() if over else tuple(_tickets(rollout, status, place.channel)),
    )


def _verdicts(status: RolloutStatus) -> Iterator[str]:
    for warning in status.attempt.warnings:
        yield f"warning: {warning}"
    for verdict in status.attempt.verdicts:
        yield f"{verdict.outcome.value}: {verdict.text}"


def _facts(rollout: Rollout, status: RolloutStatus, repository: str) -> Iterator[str]:
    """Safe already: people are mentioned in them."""
    if rollout.commit:
        yield f"commit {slack.commit(repository, rollout.commit)}"
    if rollout.author:
        yield f"by {slack.safe(rollout.author, 80)}"
    yield f"attempt {status.attempt.number}"
    for given in status.attempt.approvals[-10:]:
        verb = "approved" if given.yes else "rejected"
        yield f"step {given.step + 1} {verb} by {slack.person(given.who)}"


def _tickets(
    rollout: Rollout, status: RolloutStatus, channel: str
) -> Iterator[tuple[Press, Ticket]]:
    """Who may answer is said by the steps' lists; where there is none, nobody may press."""
    if not approvals(rollout) or status.stage.name not in _UNDER_WAY:
        return
    made = ticket(rollout, status)
    if channel == asked_in(rollout, status):
        yield from ((Press.APPROVE, made), (Press.REJECT, made))
    if status.attempt.pause is None:
        yield (Press.PAUSE, made)
    yield (Press.ABORT, made)


def _replies(
    rollout: Rollout, status: RolloutStatus, channel: str, entries: tuple[Entry, ...]
) -> Iterator[Words]:
    key = _key(rollout, status.attempt.number)
    for entry in entries:
        lines = [f"*{slack.safe(entry.split)}* {slack.safe(entry.because)}"]
        if entry.evidence:
            lines.append(slack.safe(entry.evidence, 400))
        yield slack.reply(f"{key}/{entry.id}", lines)
    step = status.attempt.step
    found = approval(rollout, step.index) if step else None
    if step is not None and found is not None and channel == asked_in(rollout, status):
        yield slack.reply(f"{key}/ask.{step.index}", [_asking(rollout, status, found)])


def _asking(rollout: Rollout, status: RolloutStatus, found: Approval) -> str:
    """A new message, since only such a one rings at those whom it names."""
    people = ", ".join(slack.mention(one) for one in found.approvers) or "somebody"
    step = status.attempt.step
    until = ticket(rollout, status).expires
    named = slack.safe(step.name) if step else "the step"
    when = f"<!date^{until}^{{date_short_pretty}} {{time}}|{until}>" if until else "it expires"
    quorum = f" ({found.quorum} are needed)" if found.quorum > 1 else ""
    return f"{people}: {named} waits for an answer above, until {when}{quorum}"


def _past(rollout: Rollout, status: RolloutStatus, number: int) -> Iterator[Shown]:
    """The journey before, where a message of it stands: how it ended, and no buttons any more."""
    entries = decisions(status, number)
    if not entries or not number:
        return
    card = Card(
        key=_key(rollout, number),
        title=_title(rollout, entries),
        state=outcome(entries),
        percent=None,
        because=entries[-1].because,
        facts=(f"attempt {number}",),
    )
    for channel in channels(rollout):
        at, ended = entries[0].at, entries[-1].at
        yield Shown(channel, slack.words(card), (), False, at, ended, _pressing(card))


def joined(rollout: Rollout, status: RolloutStatus, now: datetime) -> str:
    """What ``/rollout status`` answers: the facts, one a line, as text that does nothing."""
    facts = terminal.facts(rollout.key, status, now)
    lines = [f"*{one.label}* {slack.safe(f'{one.text} {one.faint}')}" for one in facts]
    answered = gate.answers(status)
    people = [f"*Answered* {slack.person(one.who)}" for one in answered]
    return slack.within([*lines, *people])
