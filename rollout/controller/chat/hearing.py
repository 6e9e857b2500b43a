"""What people press and type, weighed now and saved before anybody is told that it was heard.

Who may is asked anew at each press. Whoever is refused is told why, alone, and it is recorded;
nothing that is pressed twice, late, or by two at once does more than once.
Every replica hears: what is heard is kept by compare-and-swap, and weighed by the one that acts.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout import approvals
from rollout import journeys as kinds
from rollout.controller import telemetry
from rollout.controller.chat import tickets
from rollout.controller.keeping.inbox import Inbox, Sent
from rollout.controller.ports import Kube, People
from rollout.errors import RolloutError
from rollout.messages import journeys, slack
from rollout.model.audit import Act, Proof, Record
from rollout.model.chat import BEFORE, PROOF, Click, Command, Heard, Press, Refusal, Sender, Ticket
from rollout.model.journey import Journey
from rollout.model.reasons import Verb
from rollout.model.ref import Ref
from rollout.model.spec import Approval
from rollout.model.status import Answer

PROMPT = 2.5  # seconds for the answer to a command; Slack waits for three
MOST = 10_000  # presses remembered; they are forgotten in the order in which they came
USAGE = "try `/rollout status NAME`, `NAMESPACE/NAME`, `upgrade/NAME` or `switchover/NAME`"

_VERBS = {Press.PAUSE: Verb.PAUSE, Press.ABORT: Verb.ABORT}


async def unrecorded(_: Record) -> None:
    """Nobody keeps a log."""


class _NoError(Exception):
    """Somebody is refused; the text is what they read."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A press, or a submitted reason, and what it is about."""

    sender: Sender
    press: Press
    ticket: Ticket
    journey: Journey

    @property
    def ref(self) -> Ref:
        """The object."""
        return _ref(self.ticket)


@dataclass(slots=True)
class Hearing:
    """``record``: where a refusal is recorded."""

    kube: Kube
    people: People
    inbox: Inbox
    clock: Callable[[], datetime]
    record: Callable[[Record], Awaitable[None]] = unrecorded
    _heard: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def hear(self, heard: Heard) -> None:
        """It is saved, or whoever said it was told why not. Errors: none.

        What is delivered twice, or recorded and played again, waits for the first and does nothing.
        """
        once = heard.once if isinstance(heard, Click | Refusal) else ""
        if not once:
            await self._weigh(heard)
            return
        if once not in self._heard:
            self._heard[once] = asyncio.create_task(self._weigh(heard), name="slack")
            if len(self._heard) > MOST:
                del self._heard[next(iter(self._heard))]
        await asyncio.shield(self._heard[once])

    async def _weigh(self, heard: Heard) -> None:
        try:
            match heard:
                case Click():
                    await self._click(heard)
                case Refusal():
                    await self._refuse(heard)
                case Command():
                    await self._whisper(heard.sender, await self.answer(heard))
        except _NoError as no:
            telemetry.info("refused in slack", because=str(no))
            await self._record(heard, str(no))
            await self._whisper(heard.sender, str(no))
        except RolloutError as error:
            telemetry.warn("slack not understood", error=str(error))
            await self._whisper(heard.sender, f"not done: {error}")
        except Exception as error:  # one press, whatever it holds, is not the others' trouble
            telemetry.bug("slack", error)

    async def answer(self, command: Command) -> str:
        """What whoever typed ``/rollout …`` reads. Errors: none."""
        verb, _, name = command.text.partition(" ")
        if verb != "status" or not name:
            return USAGE
        try:
            async with asyncio.timeout(PROMPT):
                return await self._status(name.strip(), command.sender)
        except TimeoutError:
            return "slack takes long to say which channel this is; type it once more"
        except RolloutError as error:
            return slack.safe(str(error))
        except Exception as error:  # as in ``hear``
            telemetry.bug("slack", error)
            return "a bug of ours; see the controller's log"

    async def _click(self, click: Click) -> None:
        now = self.clock()
        if click.press is None or click.ticket is None:
            raise _NoError("that button is none of ours any more")
        if now - click.at > tickets.FRESH:
            raise _NoError("that was pressed before we were listening; press it once more")
        if self._is_done(click.sender, click.press, click.ticket, click.at):
            return
        asked = self._about(click.sender, click.press, click.ticket, now)
        entry = await self._entry(asked)
        match click.press:
            case Press.APPROVE:
                await self._give(asked, entry, yes=True)
            case Press.REJECT:
                view = slack.reason_view(click.ticket, click.sender.channel, asked.journey.key)
                await self.people.open(click.trigger, view)
            case Press.PAUSE | Press.ABORT:
                sent = Sent(PROOF + click.sender.user, click.once, click.ticket.uid)
                await self.inbox.ask(asked.ref, _VERBS[click.press], sent, now)

    async def _refuse(self, refusal: Refusal) -> None:
        if refusal.ticket is None:
            raise _NoError("that form is none of ours any more")
        if self._is_done(refusal.sender, Press.REJECT, refusal.ticket):
            return
        asked = self._about(refusal.sender, Press.REJECT, refusal.ticket, self.clock())
        await self._give(asked, await self._entry(asked), yes=False, reason=refusal.reason)

    def _is_done(
        self, sender: Sender, press: Press, ticket: Ticket, since: datetime | None = None
    ) -> bool:
        """Whether a process before this one has heard it, and was killed before it said so."""
        found = self._read(_ref(ticket))
        if found is None or found.uid != ticket.uid:
            return False
        return tickets.is_done(press, ticket, sender.user, found, since)

    def _about(self, sender: Sender, press: Press, ticket: Ticket, now: datetime) -> _Asked:
        journey = self._read(_ref(ticket))
        if journey is None:
            raise _NoError(f"there is no {_what(ticket)} {ticket.key} any more")
        if why := tickets.spoilt(press, ticket, journey, now):
            raise _NoError(f"{ticket.key}: {why}")
        return _Asked(sender, press, ticket, journey)

    async def _entry(self, asked: _Asked) -> str:
        """What lets the sender in, asked of Slack now. Errors: ``_NoError`` when nothing does."""
        found = tickets.lists(asked.press, asked.journey)
        user, key = asked.sender.user, asked.ticket.key
        members: dict[str, frozenset[str]] = {}
        for group in tickets.groups(found):
            if user not in {one for known in members.values() for one in known}:
                members[group] = await self.people.members(group)
        entry = tickets.entry(found, user, members)
        if entry is None or not found:
            raise _NoError(f"{key}: you are not on the list of those who may answer; {_who(found)}")
        if not entry:
            person = await self.people.member(user)
            if person is None or person.outside or person.robot:
                raise _NoError(f"{key}: guests, robots and other workspaces may not answer")
        return entry

    async def _give(self, asked: _Asked, entry: str, *, yes: bool, reason: str = "") -> None:
        """The answer is in the status; the next look decides whether it counts."""
        user, ticket, now = asked.sender.user, asked.ticket, self.clock()
        listed = tickets.lists(asked.press, asked.journey)
        valid = max((one.expires for one in listed), default=timedelta(0))
        if said := tickets.answered(ticket, user, yes, asked.journey, now - valid):
            raise _NoError(f"{ticket.key}: {said}")
        unlike = await self._unlike(asked) if yes else ""
        answer = Answer(
            yes, now, ticket.step, ticket.attempt, entry, unlike, reason, who=PROOF + user
        )
        await self.inbox.answer(asked.ref, answer, valid, ticket.uid)
        telemetry.info(f"{'approved' if yes else 'rejected'} in slack", rollout=ticket.key)

    async def _unlike(self, asked: _Asked) -> str:
        """The commit's author, told apart from the sender, where the step asks for that."""
        author, key = asked.journey.author, asked.ticket.key
        found = tickets.lists(asked.press, asked.journey)
        if not any(one.not_author for one in found):
            return ""
        if not author:
            raise _NoError(f"{key}: {approvals.NOBODY_KNOWN}")
        known = await self.people.named(author)
        if not known:
            raise _NoError(
                f"{key}: nobody in Slack has the address of the commit's author "
                f"({slack.safe(author, 80)}), so nobody can be told apart from them"
            )
        if known == asked.sender.user:
            raise _NoError(f"{key}: you wrote this commit; somebody else must approve it")
        return author

    async def _status(self, name: str, sender: Sender) -> str:
        """The object of that name that is told of in the sender's channel."""
        before, slash, rest = name.partition("/")
        kind = BEFORE.get(before, "") if slash else ""
        namespace, _, plain = (rest if kind else name).rpartition("/")
        found = []
        for obj in self.kube.list(kind or "Rollout") if not kind or kind in self._kinds() else ():
            meta = obj["metadata"]
            if meta["name"] != plain or namespace not in ("", str(meta.get("namespace", ""))):
                continue
            read = kinds.perhaps(obj)
            if read is not None and await self._is_told_in(read, sender.channel):
                found.append(journeys.joined(read, kinds.of(obj).facts(obj, self.clock())))
        if not found:
            return f"no rollout {slack.safe(name, 80)} is told of in this channel; {USAGE}"
        return "\n\n".join(found[:3])

    def _kinds(self) -> Sequence[str]:
        return self.inbox.kinds()

    async def _is_told_in(self, journey: Journey, channel: str) -> bool:
        """A name is resolved first, since the sender's channel is told by its id."""
        for named in journeys.channels(journey):
            if named == channel or await self.people.channel(named) == channel:
                return True
        return False

    def _read(self, ref: Ref) -> Journey | None:
        if ref.kind not in self._kinds():
            return None
        return kinds.perhaps(self.kube.get(ref.kind, ref.namespace, ref.name))

    async def _record(self, heard: Heard, because: str) -> None:
        """Before the sender is told: what they hear of stands in the log."""
        if isinstance(heard, Command):
            return
        ticket, press = heard.ticket, Press.REJECT if isinstance(heard, Refusal) else heard.press
        digest = hashlib.sha256(heard.once.encode()).hexdigest()[:16]
        await self.record(
            Record(
                id=f"slack.{digest}",
                at=self.clock(),
                act=Act.REFUSAL,
                kind=ticket.kind if ticket else "",
                object=_ref(ticket).where if ticket else "",
                uid=ticket.uid if ticket else "",
                proof=Proof.SLACK,
                because=because,
                who=PROOF + heard.sender.user,
                request=press.value if press else "",
                commit=ticket.commit if ticket else "",
                attempt=ticket.attempt if ticket else 0,
            )
        )

    async def _whisper(self, sender: Sender, text: str) -> None:
        if not sender.channel:
            return
        try:
            await self.people.whisper(sender.channel, sender.user, text)
        except RolloutError as error:
            telemetry.warn("slack does not take an answer", error=str(error))


def _who(found: tuple[Approval, ...]) -> str:
    named: Mapping[str, None] = dict.fromkeys(entry for one in found for entry in one.approvers)
    return f"it has {', '.join(slack.safe(one) for one in named)}" if named else "it is empty"


def _ref(ticket: Ticket) -> Ref:
    return Ref(ticket.kind, ticket.namespace, ticket.name)


def _what(ticket: Ticket) -> str:
    return "rollout" if ticket.kind == "Rollout" else "object"
