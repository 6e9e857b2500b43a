"""The reports of one source: what is due, what was said last, and what could not be."""

import asyncio
from dataclasses import dataclass, field

LAZY = 60.0  # seconds between two reports that only count further, and longer from one to the next
OFTEN = 100  # reports of one commit in one state that are told at once


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a Rollout could not be told of."""

    because: str = ""


@dataclass(frozen=True, slots=True)
class ForgeNews:
    """What is to be told of a Rollout: ``state`` of which commit, and in which words.

    ``pressing``: another one where the words do not merely count further.
    """

    state: str
    pressing: str
    description: str


@dataclass(frozen=True, slots=True)
class Said:
    """What was told of a Rollout last, when, and how often of that commit in that state.

    GitHub takes a thousand statuses of a commit and context, and none after them; so the more
    were told, the longer the next one waits, and another state always finds room.
    Source: docs.github.com, "REST API endpoints for commit statuses", "Create a commit status".
    """

    news: ForgeNews
    at: float
    times: int = 0

    def wait(self, news: ForgeNews, now: float) -> float:
        """Seconds until ``news``, which are others, may be told."""
        if news.state != self.news.state:
            return 0.0
        counts = news.pressing == self.news.pressing
        gap = LAZY * (1 + self.times if counts else max(0, self.times - OFTEN))
        return max(0.0, self.at + gap - now)

    def followed(self, news: ForgeNews, now: float) -> "Said":
        """What was told last, after ``news`` were."""
        return Said(news, now, self.times + 1 if news.state == self.news.state else 0)


@dataclass(slots=True)
class Line:
    """The reports of one source: which Rollouts are due, now and later, and when it may go on.

    ``problems``: of each Rollout that could not be told. ``failures``: how many in a row.
    ``shown``: the problem that the source's status has; None: nobody looked yet.
    """

    due: dict[str, None] = field(default_factory=dict)
    later: dict[str, float] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    problems: dict[str, Problem] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    shut: float = 0.0
    shown: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
