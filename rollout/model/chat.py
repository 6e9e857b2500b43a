"""What is said in a chat and what comes back from it; a chat is Slack today."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from rollout.model.ref import Ref

PROOF = "slack:"
"""In front of a user's id where an answer says who gave it: Slack vouched for that id."""


class Press(StrEnum):
    """What a button asks for."""

    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    ABORT = "abort"


BEFORE = {"upgrade": "ControlPlaneUpgrade", "switchover": "ClusterSwitchover"}
"""What stands before a name, as in ``upgrade/mesh``, and the kind that it means."""
_SHORT = {kind: word for word, kind in BEFORE.items()}


def called(kind: str, namespace: str, name: str) -> str:
    """How people call an object that we drive: ``shop/reviews`` is a Rollout."""
    where = Ref(kind, namespace, name).where
    return f"{_SHORT[kind]}/{where}" if kind in _SHORT else where


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one button may be used for, and nothing else: it is part of the button.

    ``uid``: the object's; ``step``: its index, -1 before the first one.
    ``expires``: in whole seconds since 1970; 0: never, which only Pause and Abort have.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    commit: str
    attempt: int
    step: int
    expires: int = 0

    @property
    def key(self) -> str:
        """How people call the object."""
        return called(self.kind, self.namespace, self.name)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who spoke, where: ids, as Slack's signature or socket vouches for them.

    ``team``: the workspace that the person belongs to, which in a shared channel is not ours.
    """

    user: str
    team: str
    channel: str


@dataclass(frozen=True, slots=True)
class Click:
    """A pressed button. ``once``: another for each press, the same for each delivery of it.

    ``at``: when it was pressed, by Slack's clock. ``ticket`` None: not one of ours, or spoilt.
    ``trigger``: opens one modal within three seconds.
    """

    sender: Sender
    press: Press | None
    ticket: Ticket | None
    at: datetime
    once: str
    trigger: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A submitted rejection, with its reason in one short line.

    ``once``: another for each form that was opened, the same for each delivery of it.
    """

    sender: Sender
    ticket: Ticket | None
    reason: str
    once: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command's text."""

    sender: Sender
    text: str


Heard = Click | Refusal | Command


@dataclass(frozen=True, slots=True)
class Words:
    """One message: ``text`` for notifications and readers aloud, ``blocks`` as Block Kit has them.

    ``key``: what it speaks of; of the same key there is never a second one in a channel.
    """

    key: str
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()


class Place(NamedTuple):
    """A message that stands: the channel's id, and the message's ``ts``."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Member:
    """A person as the workspace knows them. ``outside``: a guest, or of another workspace."""

    id: str
    outside: bool = False
    robot: bool = False
