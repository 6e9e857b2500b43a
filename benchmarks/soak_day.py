"""Does a controller hold more after a day of journeys? 24 hours of virtual time in some minutes.

``python -m benchmarks.soak_day [--hours N] [--shops N]``: the whole controller before the API
server of ``benchmarks.under_way``. At each place of ``--shops`` one shop follows another, all day:
it is made, has a journey that is taken back and one that is promoted, and is deleted, so no name
is used twice. Exit code 1 if what the process holds grows beyond chance after the first hours.

With PYTHONTRACEMALLOC=N set it says where in the code what was added was made.
"""

import argparse
import asyncio
import gc
import itertools
import logging
import sys
import time
from dataclasses import dataclass

from benchmarks.holding import Added, Sample, sample, told
from benchmarks.under_way import STEPS, Server
from rollout import memo
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.ports import Answers, Json
from rollout.model.observation import CountsQuestion, Value, ValueQuestion
from tests import virtual
from tests.controller.shop import NAMESPACE, a_rollout
from tests.controller.shop import objects as shop_objects
from tests.fakes import FakeProxies

EVERY = 600.0  # seconds between two samples
WARM = 4.0  # hours, before what is held is compared
DAY = "2026-01-06T00:00:00Z"


class Metrics:
    """Answers at once: a query that says bad is above every limit."""

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        return (), tuple(Value(q.metric, q.instant, 5.0 * (q.promql == "bad")) for q in values), ()


@dataclass
class Play:
    """Shops that come and go. ``journeys``: how many were begun and ended."""

    server: Server
    journeys: int = 0

    async def place(self, number: int) -> None:
        """One shop after another."""
        await asyncio.sleep(number * 60)
        for turn in itertools.count():
            await self._life(f"shop-{number}-{turn}")

    async def _life(self, name: str) -> None:
        made = shop_objects(name)
        self.server.put(*made, a_rollout(name, strategy={"canary": {"steps": STEPS}}))
        await self._rests(name, 0)
        for attempt, (revision, query) in enumerate((("v2", "bad"), ("v3", "good")), 1):
            ops: list[Json] = [
                {"op": "replace", "path": "/spec/revision", "value": revision},
                {"op": "replace", "path": "/spec/analysis/metrics/0/query", "value": query},
            ]
            await self.server.patch("Rollout", NAMESPACE, name, ops)
            await self._rests(name, attempt)
            self.journeys += 1
        going = [{"op": "add", "path": "/metadata/deletionTimestamp", "value": DAY}]
        await self.server.patch("Rollout", NAMESPACE, name, going)
        while self.server.get("Rollout", NAMESPACE, name):
            await asyncio.sleep(10)
        for obj in made:
            await self.server.delete(str(obj["kind"]), NAMESPACE, obj["metadata"]["name"])

    async def _rests(self, name: str, attempts: int) -> None:
        """So many journeys are over, however they ended."""
        while True:
            await asyncio.sleep(10)
            status = (self.server.get("Rollout", NAMESPACE, name) or {}).get("status") or {}
            idle = (status.get("stage") or {}).get("name") == "Idle" and status.get("stable")
            if idle and (status.get("attempt") or {}).get("number", 0) == attempts:
                return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--shops", type=int, default=3)
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # each journey that is taken back says so
    began = time.process_time()
    samples, journeys = virtual.run(_soaked(given.hours * 3600, given.shops))
    took = time.process_time() - began
    print(
        f"{given.hours:g} hours, {journeys} journeys at {given.shops} places, {took:.0f} s of CPU"
    )
    return int(told([each for each in samples if each.at >= WARM * 3600]))


async def _soaked(seconds: float, shops: int) -> tuple[list[Sample], int]:
    server = Server()
    controller = Controller(
        Outside(server, Metrics(), FakeProxies()), Settings(), virtual.clock, virtual.Alarms
    )
    stop, play, samples, added = asyncio.Event(), Play(server), list[Sample](), Added()
    running = asyncio.create_task(controller.run(stop))
    tasks = [running, *(asyncio.create_task(play.place(number)) for number in range(shops))]
    while virtual.passed() < seconds:
        died, _ = await asyncio.wait(tasks, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
        for task in died:
            task.result()
        _tidy(server)
        samples.append(sample(virtual.passed()))
        if virtual.passed() <= WARM * 3600:
            added.begin()
    added.tell()
    stop.set()
    await running
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return samples, play.journeys


def _tidy(server: Server) -> None:
    """The server's own notes are not the controller's, nor is what is to be collected."""
    server.writes.clear()
    for key in [key for key in server.objects if key[0] == "Event"]:
        del server.objects[key]
    memo.forget()
    gc.collect()


if __name__ == "__main__":
    sys.exit(main())
