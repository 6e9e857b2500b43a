"""Who is in user groups now, asked when their members' answers are counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.controller import telemetry
from rollout.controller.ports import People
from rollout.errors import RolloutError

FRESH = timedelta(seconds=10)  # how long an answer counts as now: a look follows a look


@dataclass(slots=True)
class Roster:
    """Members of groups, each asked for once in a while."""

    people: People
    clock: Callable[[], datetime]
    _known: dict[str, tuple[datetime, frozenset[str]]] = field(default_factory=dict)

    async def members(self, groups: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
        """By group; one of which the chat says nothing is left out. Errors: none."""
        found = {}
        for group in groups:
            at, known = self._known.get(group, (None, frozenset[str]()))
            if at is None or self.clock() - at > FRESH:
                try:
                    known = await self.people.members(group)
                except RolloutError as error:
                    telemetry.warn("slack does not say who is in a group", error=str(error))
                    continue
                self._known[group] = self.clock(), known
            found[group] = known
        return found
