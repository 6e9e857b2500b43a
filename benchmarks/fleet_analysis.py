"""A thousand rollouts under analysis in one process: queries per interval, CPU per look.

``python -m benchmarks.fleet_analysis [--rollouts N] [--pods N]`` prints the figures and checks the
bars: no more queries than metrics x windows x chunks, at most 1 ms of CPU per rollout and look.
The provider is a stand-in that answers at once; its own time is measured apart and taken off.
"""

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rollout.analysis.judge import Window, judge, questions
from rollout.controller.metrics.batcher import CHUNK, Batcher
from rollout.model.observation import Counts, NoAnswer, Reply, Series, Value
from rollout.model.spec import Canary, Rollout, RolloutSpec, Step, Strategy, Workload
from rollout.model.status import Standing

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=15)
BUCKETS = {"25": 0.3, "50": 0.6, "100": 0.9, "250": 0.985, "500": 0.995, "1000": 0.999, "+Inf": 1.0}
WRITES = 4  # looks between two status writes, which spell the checkpoint out
METRICS = 3  # errors, latency, unreached
NAME = re.compile(r"app[0-9]+-v[12]")
HOST = re.compile(r"(app[0-9]+)\\\\.shop")


@dataclass
class Provider:
    """Counters that grow by the second; ``spent``: its own CPU seconds."""

    pods: int
    spent: float = 0.0
    asked: list[str] = field(default_factory=list)

    async def instant(self, promql: str, at: datetime) -> Reply:
        return self._reply(promql, (at,))

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        return self._reply(
            promql, tuple(start + n * step for n in range((end - start) // step + 1))
        )

    def _reply(self, promql: str, instants: tuple[datetime, ...]) -> Reply:
        began = time.process_time()
        self.asked.append(promql)
        if 'destination_workload="unknown"' in promql:
            series = self._services(promql, instants)
        else:
            series = self._workloads(promql, instants)
        reply = Reply(tuple(series))
        self.spent += time.process_time() - began
        return reply

    def _services(self, promql: str, instants: tuple[datetime, ...]) -> list[Series]:
        return [
            Series(
                {
                    "rollout_part": part,
                    "pod": "gw",
                    "destination_service": f"{app}.shop.svc.cluster.local",
                },
                tuple((at, self._count(at, 40.0 * share)) for at in instants),
            )
            for app in set(HOST.findall(promql))
            for part, share in (("total", 1.0),)
        ]

    def _workloads(self, promql: str, instants: tuple[datetime, ...]) -> list[Series]:
        series = []
        slow = "_bucket" in promql
        parts = (
            [
                ({"rollout_part": "total", "le": le}, share)
                for le, share in BUCKETS.items()
                if "le=~" not in promql or f"{le}(" in promql or le == "+Inf"
            ]
            if slow
            else [({"rollout_part": "total"}, 1.0), ({"rollout_part": "bad"}, 0.002)]
        )
        for name in sorted(set(NAME.findall(promql))):
            for pod in range(self.pods):
                labels = {
                    "pod": f"{name}-{pod}",
                    "destination_workload": name,
                    "destination_workload_namespace": "shop",
                }
                for more, share in parts:
                    points = tuple((at, self._count(at, 20 * share / self.pods)) for at in instants)
                    series.append(Series({**labels, **more}, points))
                seen = tuple((at, at.timestamp() - 3) for at in instants)
                series.append(Series({"rollout_part": "seen", "pod": labels["pod"]}, seen))
        return series

    def _count(self, at: datetime, per_second: float) -> float:
        return float(int(((at - START).total_seconds() + 7200) * per_second))


@dataclass(frozen=True)
class Seen:
    """What the batcher answered."""

    counts: tuple[Counts, ...]
    values: tuple[Value, ...]
    no_answers: tuple[NoAnswer, ...]


@dataclass
class Subject:
    """One rollout under analysis."""

    number: int
    rollout: Rollout
    window: Window
    checkpoint: Mapping[str, object] = field(default_factory=dict)
    standing: Standing | None = None
    looks: int = 0

    async def look(self, batcher: Batcher, now: datetime) -> None:
        counts, values = questions(self.rollout, (), self.window, self.checkpoint, now)
        seen = Seen(*await batcher.ask(counts, values))
        found = judge(self.rollout, (), self.window, self.checkpoint, seen, now)
        self.checkpoint, self.standing = found.checkpoint, found.standing
        self.looks += 1
        if self.looks % WRITES == self.number % WRITES:
            dict(self.checkpoint)


def subject(number: int) -> Subject:
    name = f"app{number}"
    spec = RolloutSpec(
        service=name,
        workload=Workload(deployments=name + "-{revision}"),
        strategy=Strategy(canary=Canary((Step(weight=20), Step(weight=40)))),
        revision="v2",
    )
    names = {"v1": f"{name}-v1", "v2": f"{name}-v2"}
    window = Window("shop", "v1", "v2", names, START, 0, 50, 100)
    return Subject(number, Rollout(name, "shop", name, 1, spec), window)


async def run(rollouts: int, pods: int, looks: int) -> int:
    provider = Provider(pods)
    batcher = Batcher(provider)
    subjects = [subject(number) for number in range(rollouts)]
    now, queries, spent = START + timedelta(seconds=25), [], []
    for _ in range(looks):
        asked, own, began = batcher.asked, provider.spent, time.process_time()
        await asyncio.gather(*(one.look(batcher, now) for one in subjects))
        spent.append((time.process_time() - began - (provider.spent - own)) / rollouts * 1000)
        queries.append(batcher.asked - asked)
        now += INTERVAL
    steady = spent[3:]
    chunks = -(-2 * rollouts // CHUNK)
    most = METRICS * chunks
    per_look = sum(steady) / len(steady)
    standings = {s: sum(one.standing is s for one in subjects) for s in Standing}
    print(f"{rollouts} rollouts, {pods} pods a side, errors and latency, {looks} looks")
    print(f"queries per look: {queries} (at most {most} once all have begun)")
    print("CPU per rollout and look: " + ", ".join(f"{ms:.2f}" for ms in spent) + " ms")
    print(
        f"steady: {per_look:.2f} ms; standings: { {k.value: v for k, v in standings.items() if v} }"
    )
    kept = max(queries[3:]) <= most and per_look <= 1.0
    print("kept" if kept else "BROKEN")
    return 0 if kept else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=3)
    parser.add_argument("--looks", type=int, default=10)
    asked = parser.parse_args()
    return asyncio.run(run(asked.rollouts, asked.pods, asked.looks))


if __name__ == "__main__":
    sys.exit(main())
