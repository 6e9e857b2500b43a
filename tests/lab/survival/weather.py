"""An API server on a bad day: every fault the lab can order, in seeded order, all along a journey.

Source of what is worth ordering: docs/facts.md, on watches.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self

from rollout.lab.apiserver import faults
from rollout.lab.apiserver.faults import Call, Fault
from rollout.lab.apiserver.server import ApiServer
from tests.lab.survival.commits import EVENTS, ROLLOUTS, ROUTES, RULES

SOURCES = "rolloutsources.rollout.dev"
OURS = (ROLLOUTS, ROUTES, RULES, EVENTS, SOURCES)
"""What only a controller writes; the lab's own parts shall have good weather."""

OFTEN = 0.25
"""The share of our writes that go wrong: a status and its route go well in half of the looks."""

ANSWERS = {
    "conflict": faults.CONFLICT,
    "429 without sense": faults.too_many("soon"),
    "429 in the past": faults.too_many("-3"),
    "429 of a date": faults.too_many("Wed, 21 Oct 2015 07:28:00 GMT"),
    "429 at once": faults.too_many("0"),
    "429 for a second": faults.too_many("1"),
    "500": faults.SERVER_ERROR,
    "503": faults.UNAVAILABLE,
    "502 in HTML": faults.BAD_GATEWAY_HTML,
    "200 in HTML": Fault(200, body=b"<html>hello</html>", content_type="text/html", after=True),
    "reset before": faults.RESET_BEFORE,
    "reset after": faults.RESET_AFTER,
    "silence after": faults.hang(0.5, after=True),
}
"""What a write of ours may get instead of its answer."""


@dataclass
class Weather:
    """Bad weather for a controller's writes and watches; ``seen`` counts what was met, by name."""

    api: ApiServer
    seed: int
    seen: Counter[str] = field(default_factory=Counter)

    @contextlib.asynccontextmanager
    async def bad(self) -> AsyncIterator[Self]:
        """Until the end of the block."""
        chance = random.Random(self.seed)
        tasks = [asyncio.create_task(work(chance)) for work in (self._writes, self._watches)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.api.faults.clear()

    async def _writes(self, chance: random.Random) -> None:
        """Of the writes of ours, some go wrong, in all the ways in turn."""
        while True:
            for name in chance.sample(sorted(ANSWERS), len(ANSWERS)):
                await self._met(name, chance)

    async def _met(self, name: str, chance: random.Random) -> None:
        """A write of ours got the answer of that name."""
        met = asyncio.Event()

        def meets(call: Call) -> bool:
            ours = call.resource in OURS and faults.writes(call)
            if ours and chance.random() < OFTEN:
                met.set()
                return True
            return False

        self.api.faults.order(ANSWERS[name], meets)
        await met.wait()
        self.seen[name] += 1

    async def _watches(self, chance: random.Random) -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.5, 2.0))
            how = chance.choice(("eof", "reset", "half", "silent", "410"))
            match how:
                case "silent":  # the lab's mesh watches the routes, too, and would stand still
                    self.api.faults.silence_watches(ROLLOUTS)
                case "410":
                    self.api.store.ledger.compact()
                    self.api.faults.cut_watches("eof", chance.choice(OURS))
                case _:
                    self.api.faults.cut_watches(how, chance.choice(OURS))
            self.seen[f"watch {how}"] += 1
