"""A thousand rollouts under way and ten thousand at rest in one process: memory, CPU, beginning.

``python -m benchmarks.crowd [--active N] [--idle N]``: the whole controller on virtual time before
the API server of ``benchmarks.under_way``, which keeps its own objects as compressed text here and
is taken off. What is left out is the HTTP client. The first process finds all of them new, begins
the thousand and is killed; the second begins after it. Of each it prints

* what it holds, every module of ``rollout run`` included;
* CPU of a core while all are at rest (the first), and while the thousand are within a step;
* what it needs until it has looked at all, and the second until it has taken back the one whose
  revision git has reverted meanwhile;
* the longest pass of Python's garbage collector, in which nobody is looked at, and how long one
  over everything takes.
"""

import argparse
import asyncio
import gc
import importlib
import itertools
import json
import logging
import multiprocessing
import pickle
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.holding import sample
from benchmarks.memory import texts
from benchmarks.under_way import Server, yardstick
from rollout import jsontext
from rollout.controller import collector
from rollout.controller.app import Controller, Outside, Settings
from rollout.controller.ports import Json
from rollout.edges.kube.source import named
from rollout.edges.kube.watch import PAGE
from tests import virtual
from tests.fakes import FakeMetrics, FakeProxies
from tests.lab.survival.plain import NAMESPACE

MEMORY, IDLE_CPU, RECOVERY = 512.0, 0.02, 5.0  # MiB, of a core, seconds
STEPS = [{"weight": 5, "bake": "1d"}]
WITHIN = 300.0  # seconds of each measurement
VERSIONS = itertools.count(1_000_000, 1_000_000)  # of objects: later servers' are higher


class Texts(dict[Any, Any]):
    """Objects by key, as compressed texts."""

    def __setitem__(self, key: object, obj: Json) -> None:
        super().__setitem__(key, zlib.compress(json.dumps(obj).encode(), 1))

    def __getitem__(self, key: object) -> Any:
        return json.loads(self.text(key))

    def get(self, key: object, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def text(self, key: object) -> bytes:
        """The object as it goes over the wire."""
        return zlib.decompress(super().__getitem__(key))

    def texts(self) -> dict[Any, bytes]:
        """All there are, as they are kept."""
        return {key: super(Texts, self).__getitem__(key) for key in self}

    def take(self, texts: dict[Any, bytes]) -> None:
        """All of another's ``texts``."""
        for key, text in texts.items():
            super().__setitem__(key, text)


class Passes:
    """How long the collector's passes took, in seconds of CPU."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._began = 0.0
        gc.callbacks.append(self._heard)

    def _heard(self, phase: str, _: object) -> None:
        if phase == "start":
            self._began = time.process_time()
        else:
            self.longest = max(self.longest, time.process_time() - self._began)


class Working(virtual.VirtualLoop):
    """Time passes while everybody sleeps, and while somebody works: a look takes what it takes."""

    def time(self) -> float:
        return super().time() + time.process_time()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--active", type=int, default=1000)
    parser.add_argument("--idle", type=int, default=10_000)
    given = parser.parse_args()
    print(f"{given.active} under way, {given.idle} at rest; yardstick {yardstick() * 1000:.0f} ms")
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "objects"
        ended = [_apart(work, given.active, given.idle, kept) for work in (_first, _second)]
    return max(ended)


def _apart(work: Callable[[int, int, Path], Coroutine[Any, Any, bool]], *given: Any) -> int:
    """Whether ``work`` missed a bar, in a process of its own, whose memory is its own, too."""
    process = multiprocessing.get_context("spawn").Process(target=_alone, args=(work, *given))
    process.start()
    process.join()
    return process.exitcode or 0


def _alone(work: Callable[[int, int, Path], Coroutine[Any, Any, bool]], *given: Any) -> None:
    importlib.import_module("rollout.cli.run")
    collector.rarely()
    logging.disable(logging.WARNING)
    passes = Passes()
    with asyncio.Runner(loop_factory=Working) as runner:
        missed = runner.run(work(*given))
    print(f"collector: longest pass {passes.longest * 1000:.0f} ms", flush=True)
    sys.exit(int(missed))


async def _first(active: int, idle: int, kept: Path) -> bool:
    """All are new to it; it is killed within the thousand's step, and ``kept`` is what is there."""
    before, objects = sample(0.0).rss, _filled(active + idle)
    filled = sample(0.0).rss
    async with _controller(objects) as begun:
        await asyncio.sleep(300)
        at_rest = await _share("all at rest", begun.server)
        await _push(begun.server, active)
        await asyncio.sleep(300)
        await _share(f"{active} within a step", begun.server)
        _memory(before, filled, active + idle)
    kept.write_bytes(pickle.dumps(objects.texts()))
    return at_rest > IDLE_CPU


async def _second(active: int, idle: int, kept: Path) -> bool:
    """It begins after that, and git has reverted one of the thousand."""
    before, objects = sample(0.0).rss, Texts()
    objects.take(pickle.loads(kept.read_bytes()))
    name = _name(active // 2)
    _revert(objects, name)
    filled = sample(0.0).rss
    print("killed, begun again:", flush=True)
    async with _controller(objects) as begun:
        recovered = begun.server.first[f"patch VirtualService {name}"]
        print(f"what git has reverted is taken back after {recovered:.1f} s of CPU", flush=True)
        await asyncio.sleep(300)
        await _share(f"{active} within a step", begun.server)
        held = _memory(before, filled, active + idle)
        began = time.process_time()
        gc.collect()
        print(f"collector: a pass over everything {(time.process_time() - began) * 1000:.0f} ms")
    return held > MEMORY or recovered > RECOVERY


def _memory(before: float, filled: float, count: int) -> float:
    """MiB that the process holds without the API server's objects."""
    held = (sample(0.0).rss - filled + before) / 1024
    each = (held - before / 1024) / count * 1024
    print(f"memory: {held:.0f} MiB (at most {MEMORY:g}), {before / 1024:.0f} of it before the")
    print(f"  first object; {each:.1f} KiB a rollout, under way or not", flush=True)
    return held


def _filled(count: int) -> Texts:
    """What the API server has."""
    objects = Texts()
    for number in range(count):
        for text in texts(_name(number), number):
            obj = json.loads(text)
            objects[obj["kind"], NAMESPACE, obj["metadata"]["name"]] = obj
    return objects


def _name(number: int) -> str:
    return f"shop-{number:05d}"


class Listed(Server):
    """``objects`` behind caches that are filled as by lists.

    ``first``: CPU seconds of ours until the first write of an object of that name.
    """

    def __init__(self, objects: Texts) -> None:
        super().__init__()
        self.began = time.process_time()
        self.objects, self._version = objects, next(VERSIONS)
        self.first: dict[str, float] = {}
        self.before, self._texts = self._note, objects.text
        kinds: dict[str, list[Any]] = {}
        for key in objects:
            kinds.setdefault(key[0], []).append(key)
        for kind, keys in kinds.items():
            self._list(kind, keys)

    def _list(self, kind: str, keys: list[Any]) -> None:
        """All of a kind, page by page as a watch takes them."""
        cache = self._cache(kind)
        for begin in range(0, len(keys), PAGE):
            with self._elsewhere():
                items = b",".join(map(self._texts, keys[begin : begin + PAGE]))
                page = b'{"items":[%b]}' % items
            cache.take([named(kind, obj) for obj in jsontext.read(page)["items"]])
        cache.settle({key[1:] for key in keys}, str(self._version))

    def used(self) -> float:
        """CPU seconds of ours since the beginning."""
        return time.process_time() - self.began - self.spent

    def _note(self, write: str) -> None:
        self.first.setdefault(write, self.used())


@dataclass(frozen=True, slots=True)
class Begun:
    """A controller that is at work."""

    server: Listed
    controller: Controller


@asynccontextmanager
async def _controller(objects: Texts) -> AsyncIterator[Begun]:
    """It has looked at all; at the end it is gone without a word."""
    server = Listed(objects)
    outside = Outside(server, FakeMetrics(), FakeProxies())
    controller = Controller(outside, Settings(), virtual.clock, virtual.Alarms)
    listed = server.used()
    task = asyncio.create_task(controller.run(asyncio.Event()))
    await asyncio.sleep(WITHIN)
    print(f"lists read in {listed:.1f} s of CPU, all looked at after {server.used():.1f} s")
    try:
        yield Begun(server, controller)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _share(what: str, server: Listed) -> float:
    """Of a core, for ``WITHIN`` seconds."""
    before = server.used()
    await asyncio.sleep(WITHIN)
    share = (server.used() - before) / WITHIN
    print(f"{what}: {share:.2%} of a core", flush=True)
    return share


async def _push(server: Listed, active: int) -> None:
    ops: list[Json] = [
        {"op": "replace", "path": "/spec/revision", "value": "v2"},
        {"op": "replace", "path": "/spec/strategy/canary/steps", "value": STEPS},
    ]
    for number in range(active):
        await server.patch("Rollout", NAMESPACE, _name(number), ops)


def _revert(objects: Texts, name: str) -> None:
    """The revision of ``name`` is again what it was."""
    obj = objects["Rollout", NAMESPACE, name]
    assert obj["status"]["stage"]["split"]["canary"] > 0
    obj["spec"]["revision"] = "v1"
    obj["metadata"]["generation"] += 1
    objects["Rollout", NAMESPACE, name] = obj


if __name__ == "__main__":
    sys.exit(main())
