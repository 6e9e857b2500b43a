"""Does a controller that has worked for an hour hold more than before? Memory, tasks, files.

``python -m benchmarks.soak_hour [--minutes N] [--shops N]`` needs KUBEBUILDER_ASSETS: ``rollout
run`` as a process beside a real kube-apiserver and etcd. At each place of ``--shops`` one shop
follows another: it is made, has three journeys of five steps, of which the second is taken back,
and is deleted, so no name is used twice. Exit code 1 if what it holds grows beyond chance once it
is warm.

With ``--controller`` it is that process: the real one, which notes every few seconds what it holds.
With PYTHONTRACEMALLOC=N set it says at its end where in the code what was added was made.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from aiohttp import web

from benchmarks import processes
from benchmarks.holding import Added, Sample, sample, told
from rollout.controller.metrics.together import WHO
from rollout.lab.programs.processes import Child, free_port
from rollout.lab.programs.processes import start as started
from tests.cluster import played
from tests.lab.survival import plain
from tests.lab.survival.plain import NAMESPACE, Api
from tests.realkube import RealKube, running

Json = Mapping[str, Any]
T = TypeVar("T")

STEPS = tuple({"weight": weight, "bake": "8s"} for weight in (5, 10, 20, 30, 40))
REVISIONS = ("v1", "v2", "v3", "v4")
BAD = "v3"
EVERY = 5.0  # seconds between two samples
FIRST = 60  # samples until what is held is no news any more
WARM = 0.2  # of the time, before what is held is compared
PART = re.compile(rf'label_replace\(\(([^()]*)\), "{WHO}", "([0-9]+)", "", ""\)')
LOOKS = re.compile(r'^rollout_reconciles_total{result="(\w+)"} ([0-9.e+]+)$', re.MULTILINE)
SENT = re.compile(
    r'^rollout_api_request_seconds_count{method="(\w+)",.*} ([0-9.e+]+)$', re.MULTILINE
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--shops", type=int, default=30)
    parser.add_argument("--controller", metavar="FILE")
    given, rest = parser.parse_known_args()
    if given.controller:
        return _controller(Path(given.controller), rest)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as real:
        return asyncio.run(_soaked(real, Path(folder), given.minutes * 60, given.shops))


def _controller(file: Path, words: Sequence[str]) -> int:
    """``rollout …``, with a task beside it that samples."""
    from rollout.cli import main as door  # noqa: PLC0415 - only this process needs the product
    from rollout.controller import app  # noqa: PLC0415

    run = app.run

    async def sampled(*given: Any) -> None:
        added = Added()
        task = asyncio.create_task(_sampling(file, added))
        try:
            await run(*given)
        finally:
            task.cancel()
            added.tell()

    app.run = sampled  # type: ignore[assignment]
    sys.argv = ["rollout", *words]
    door.main()
    return 0


async def _sampling(file: Path, added: Added) -> None:
    loop = asyncio.get_running_loop()
    with file.open("a", buffering=1) as out:
        for number in itertools.count(1):
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            out.write(json.dumps(asdict(sample(time.monotonic(), loop.time() - due))) + "\n")
            if number == FIRST:
                added.begin()


async def _soaked(real: RealKube, folder: Path, seconds: float, shops: int) -> int:
    async with plain.connected(real) as api, _prometheus() as prometheus, played.mesh() as mesh:
        doors = folder / "samples", free_port()
        words = ("--prometheus", prometheus, "--istiod", f"{mesh}/debug/syncz")
        child = await _start(real, folder, doors, words)
        play = Play(api, time.monotonic() + seconds)
        try:
            tasks = [asyncio.create_task(play.place(number)) for number in range(shops)]
            tasks.append(asyncio.create_task(play.look()))
            metrics = await _scraped(doors[1], tasks, play.end)
            used = processes.cpu(child.pid)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await child.stop(60)
    journeys = f"{play.shops} shops, {play.journeys} journeys, {used / seconds:.1%} of a core"
    print(f"{seconds / 60:.0f} minutes, {shops} shops at once: {journeys}")
    return _print(doors[0], metrics, folder / "controller.log")


async def _start(
    real: RealKube, folder: Path, doors: tuple[Path, int], words: Sequence[str]
) -> Child:
    config = folder / "config"
    cluster = {"server": real.url, "certificate-authority": str(real.ca)}
    known = {
        "current-context": "real",
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "me"}}],
        "clusters": [{"name": "real", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": real.token}}],
    }
    config.write_text(json.dumps(known))
    program = (sys.executable, "-m", "benchmarks.soak_hour", "--controller", doors[0])
    kept = ("--cache", folder / "cache", "--audit", folder / "audit.jsonl")
    listen = ("--listen", f"127.0.0.1:{doors[1]}")
    command = (*program, "--kubeconfig", config, "run", *listen, *kept, *words)
    return await started("controller", command, log=folder / "controller.log")


@dataclass
class Play:
    """Shops that come and go until ``end``, by the monotonic clock."""

    api: Api
    end: float
    shops: int = 0
    journeys: int = 0

    def __post_init__(self) -> None:
        self.statuses: dict[str, Json] = {}
        self.looked = asyncio.Condition()

    async def look(self) -> None:
        """Every status, by one request every two seconds."""
        while True:
            listed = json.loads(await _patiently(self.api.read, Api.path("Rollout", NAMESPACE)))
            self.statuses = {
                str(obj["metadata"]["name"]): obj.get("status") or {} for obj in listed["items"]
            }
            async with self.looked:
                self.looked.notify_all()
            await asyncio.sleep(2)

    async def place(self, number: int) -> None:
        """One shop after another."""
        await asyncio.sleep(number * 2)
        for turn in itertools.count():
            await self._life(f"shop-{number}-{turn}")
            self.shops += 1

    async def _life(self, name: str) -> None:
        made = plain.shop(name, REVISIONS)
        rollout = plain.a_rollout(name, STEPS, analysis=_analysis(name, REVISIONS[0]))
        for obj in (*made, rollout):
            await _patiently(self.api.create, obj)
        await self._until(lambda: _rests(self.statuses.get(name, {}), 0))
        for attempt, revision in enumerate(REVISIONS[1:], 1):
            ops: list[Json] = [
                {"op": "replace", "path": "/spec/analysis", "value": _analysis(name, revision)},
                {"op": "replace", "path": "/spec/revision", "value": revision},
            ]
            await _patiently(self.api.patch, Api.path("Rollout", NAMESPACE, name), ops)
            await self._until(lambda n=attempt: _rests(self.statuses[name], n))  # type: ignore[misc]
            self.journeys += 1
        await self._delete(rollout)
        await self._until(lambda: name not in self.statuses)
        for obj in made:
            await self._delete(obj)

    async def _delete(self, obj: Json) -> None:
        path = Api.path(str(obj["kind"]), NAMESPACE, str(obj["metadata"]["name"]))
        with contextlib.suppress(GoneError):
            await _patiently(self.api.send, "DELETE", path, {"gracePeriodSeconds": 0})

    async def _until(self, true: Callable[[], bool]) -> None:
        async with self.looked:
            await self.looked.wait()
            await self.looked.wait_for(true)


class GoneError(Exception):
    """There is no such object."""


async def _patiently(ask: Callable[..., Awaitable[T]], *what: Any) -> T:
    """Its answer; asked again while the server says that it had no time, as a busy one does.

    Errors: ``GoneError``, as when it was deleted by a request whose answer came too late.
    """
    while True:
        try:
            return await ask(*what)
        except AssertionError as refused:
            if '"reason":"NotFound"' in str(refused):
                raise GoneError from refused
            if '"reason":"Timeout"' not in str(refused):
                raise
        except TimeoutError:
            pass
        await asyncio.sleep(1)


def _analysis(name: str, revision: str) -> Json:
    query = f"{name}:{'bad' if revision == BAD else 'good'}"
    limit = {"name": "limit", "query": query, "max": 1, "failures": {"consecutive": 1}}
    return {"metrics": [limit], "interval": "5s", "warmup": "1s"}


def _rests(status: Json, attempts: int) -> bool:
    """So many journeys are over, however they ended."""
    idle = (status.get("stage") or {}).get("name") == "Idle" and bool(status.get("stable"))
    return idle and (status.get("attempt") or {}).get("number", 0) == attempts


@contextlib.asynccontextmanager
async def _prometheus() -> AsyncIterator[str]:
    """The address of one that says what each query's last word is: 5 for a bad release, else 0."""

    async def query(request: web.Request) -> web.Response:
        asked = {**request.query, **await request.post()}
        parts = PART.findall(str(asked["query"])) or [(str(asked["query"]), "")]
        found = [_series(text, {WHO: place} if place else {}, asked) for text, place in parts]
        kind = "vector" if "time" in asked else "matrix"
        return web.json_response(
            {"status": "success", "data": {"resultType": kind, "result": found}}
        )

    site = web.Application()
    for name in ("query", "query_range"):
        site.router.add_route("*", f"/api/v1/{name}", query)
    runner = web.AppRunner(site, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _series(text: str, labels: Mapping[str, str], asked: Mapping[str, Any]) -> Json:
    value = "5" if text.endswith(":bad") else "0"
    if "time" in asked:
        return {"metric": labels, "value": [float(asked["time"]), value]}
    start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
    instants = (start + step * number for number in range(int((end - start) / step) + 1))
    return {"metric": labels, "values": [[instant, value] for instant in instants]}


async def _scraped(port: int, tasks: Sequence["asyncio.Task[None]"], end: float) -> str:
    """The controller's own metrics at ``end``, if none of ``tasks`` dies; read every 15 s."""
    text = ""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        while (left := end - time.monotonic()) > 0:
            died, _ = await asyncio.wait(
                tasks, timeout=min(15.0, left), return_when=asyncio.FIRST_COMPLETED
            )
            for task in died:
                task.result()
            text = await _metrics(http) or text
    return text


async def _metrics(http: aiohttp.ClientSession) -> str:
    try:
        async with http.get("/metrics") as answer:
            return await answer.text()
    except aiohttp.ClientError:
        return ""


def _print(file: Path, metrics: str, log: Path) -> int:
    looks = {result: int(float(count)) for result, count in LOOKS.findall(metrics)}
    sent = Counter[str]()
    for method, count in SENT.findall(metrics):
        sent[method] += int(float(count))
    print(f"looks {looks}, requests {dict(sent)}")
    words = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    events = Counter(f"{w['level']} {w['event']}" for w in words if w["level"] != "info")
    print(f"in the log: {dict(events) or 'neither warning nor error'}")
    samples = [Sample(**json.loads(line)) for line in file.read_text().splitlines()]
    warm = samples[int(len(samples) * WARM) :]
    return int(told(warm))


if __name__ == "__main__":
    sys.exit(main())
