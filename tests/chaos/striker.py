"""Replicas struck at chosen moments: before a write of theirs, after it, or once it is answered."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from rollout.controller import rights
from rollout.controller.leader import LEASE
from rollout.controller.sharing import shard
from tests.chaos.fleet import Fleet, Pod
from tests.chaos.tap import Side, Write

STOPPED = LEASE + 4  # seconds; another replica leads by then
WAITS = 8.0  # seconds for the chosen write; after that any write will do
KILL, STOP = "kill -9", f"SIGSTOP for {LEASE + 4:g} s"
_KINDS = {
    "Rollout": 6,
    "VirtualService": 6,
    "DestinationRule": 3,
    "Deployment": 3,
    "Event": 2,
    "Lease": 1,
    "HorizontalPodAutoscaler": 1,
}
"""Of what kind the chosen write is, and how often."""


@dataclass(frozen=True, slots=True)
class Moment:
    """``kind``: of the write; empty: any that the shard's leader does."""

    kind: str
    side: Side
    how: str = KILL

    def is_now(self, write: Write, side: Side) -> bool:
        return side is self.side and self.kind in ("", write.kind)


@dataclass(slots=True)
class Strike:
    """``at``: by the loop's clock. ``pid``: of the process that was struck.

    ``under_way``: journeys that had begun and were not over, of all shards.
    ``led``: the shards that it led; ``again``: when other processes led all of them.
    """

    how: str
    write: Write
    side: Side
    at: float
    pid: int
    under_way: int
    led: Sequence[int] = ()
    again: float | None = None

    @property
    def moment(self) -> str:
        return f"{self.side} {self.write.kind}"

    @property
    def recovery(self) -> float | None:
        """Seconds until others led all that it led; None: it led nothing, or nobody does."""
        return None if self.again is None else self.again - self.at

    def told(self) -> str:
        what = f"{self.write.kind} {self.write.space}/{self.write.name}"
        again = "" if self.recovery is None else f", led again after {self.recovery:.1f} s"
        return f"{self.how} {self.side} {what}, {self.under_way} under way{again}"


@dataclass
class Striker:
    """``wanted``: how many kills in all; stops come besides. ``told``: each strike in its time."""

    fleet: Fleet
    rng: Random
    wanted: int
    under_way: Callable[[], int] = int
    strikes: list[Strike] = field(default_factory=list)
    told: Callable[[Strike], None] = lambda strike: print(strike.told(), flush=True)
    _armed: dict[int, Moment] = field(default_factory=dict)
    _struck: dict[int, asyncio.Future[Strike]] = field(default_factory=dict)
    _down: set[int] = field(default_factory=set)
    _leases: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def kills(self) -> int:
        return sum(strike.how == KILL for strike in self.strikes)

    async def run(self, pause: float) -> None:
        """Strikes at the leaders of all shards, each on its own, until there were enough kills.

        ``pause``: seconds at most from one recovery to the next moment.
        """
        async with asyncio.TaskGroup() as shards:
            for place in range(self.fleet.shards):
                shards.create_task(self._at(place, pause))

    async def seen(self, pod: Pod, write: Write, side: Side) -> bool:
        """Told of every write: whether its bytes pass on."""
        place = self._place(write)
        if write.kind == "Lease" and side is Side.HEARD:
            self._leases.set()
        moment = self._armed.get(place)
        if moment is None or not moment.is_now(write, side) or pod.pid in self._down:
            return True
        del self._armed[place]
        return await self._strike(pod, moment, write, place)

    async def _strike(self, pod: Pod, moment: Moment, write: Write, place: int) -> bool:
        pid = pod.pid
        os.kill(pid, signal.SIGKILL if moment.how == KILL else signal.SIGSTOP)
        self._down.add(pid)
        now = asyncio.get_running_loop().time()
        strike = Strike(moment.how, write, moment.side, now, pid, self.under_way())
        self.strikes.append(strike)
        self._struck[place].set_result(strike)
        if moment.how == KILL:
            return False
        await asyncio.sleep(STOPPED)
        self._down.discard(pid)
        with contextlib.suppress(ProcessLookupError):  # the play is over, and it has ended
            os.kill(pid, signal.SIGCONT)
        return True

    def _place(self, write: Write) -> int:
        if write.kind == "Lease":
            names = rights.leases(self.fleet.shards)
            return names.index(write.name) if write.name in names else 0
        return shard(write.space, self.fleet.shards)

    async def _at(self, place: int, pause: float) -> None:
        while self.kills < self.wanted:
            await self._led(place)
            await asyncio.sleep(self.rng.uniform(0, pause))
            self._struck[place] = asyncio.get_running_loop().create_future()
            self._armed[place] = chosen = self._moment()
            done, _ = await asyncio.wait((self._struck[place],), timeout=WAITS)
            if not done and place in self._armed:
                self._armed[place] = Moment("", chosen.side, chosen.how)
            strike = await self._struck[place]
            strike.led = await self.fleet.held_by(strike.pid)
            for led in strike.led:
                await self._led(led)
            if strike.led:
                strike.again = asyncio.get_running_loop().time()
            self.told(strike)

    async def _led(self, place: int) -> None:
        """A replica that lives, and does not stand still, leads the shard.

        It is asked again when some replica has written a Lease: to ask costs others the machine.
        """
        while not (held := await self.fleet.holders())[place:] or not self._lives(held[place]):
            self._leases.clear()
            await self._leases.wait()

    def _lives(self, name: str) -> bool:
        return bool(name) and self.fleet.pods[name].pid not in self._down

    def _moment(self) -> Moment:
        kind = self.rng.choices([*_KINDS], [*_KINDS.values()])[0]
        how = STOP if self.rng.random() < 0.12 else KILL
        return Moment(kind, self.rng.choice([*Side]), how)


def counted(strikes: Sequence[Strike]) -> Mapping[str, int]:
    """How often each moment was hit."""
    moments = sorted(strike.moment for strike in strikes)
    return {moment: moments.count(moment) for moment in dict.fromkeys(moments)}
