"""What every core's turn is made of, whatever kind of object it looks at."""

from dataclasses import dataclass
from datetime import timedelta

from rollout.model.reasons import Cause
from rollout.model.units import sentence

HISTORY = 50
"""Decisions remembered: enough for a week of releases, small enough for a status."""

AT_ONCE = timedelta(0)
SOON = timedelta(seconds=5)
"""How often to look for what should have come as an event already."""


@dataclass(frozen=True, slots=True)
class Notice:
    """That people should hear of a turn; ``reason`` as of Kubernetes Events, in one word.

    ``warning``: a person should look at it. ``cause``: why everyone goes back; None: nobody does.
    """

    reason: str
    warning: bool = False
    cause: Cause | None = None


def short(text: str) -> str:
    """``text`` as one line: the one sentence of logs, Events, Slack and screens."""
    return sentence(" ".join(text.split()))
