"""A law as a play and a guard: the play keeps the law, and breaks it where the guard is spoilt."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.sim import shrink, story
from tests.sim.plan import Mishap, Plan, Setup

Spoil = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Case:
    """``spoil``: takes the guard out; ``law``: what the play breaks then, before all others."""

    setup: Setup
    mishaps: tuple[Mishap, ...]
    spoil: Spoil
    law: str

    def fails_unguarded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Plays it twice."""
        failing = Plan(1, self.setup, self.mishaps)
        unspoilt = story.play(failing)
        assert unspoilt.broken == (), unspoilt.story[-40:]
        self.spoil(monkeypatch)
        assert shrink.law(story.play(failing).broken) == self.law
