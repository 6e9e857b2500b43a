"""The reports of one source: what is due, what was said last, and what could not be."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a Rollout could not be told of."""

    because: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What was told of a Rollout last, and when."""

    pressing: str
    description: str
    at: float


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
