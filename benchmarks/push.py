"""From a push to the first route change, with a webhook, and where the time goes.

``python -m benchmarks.push [--pushes N]``: the lab with a real Envoy and a controller of its own
process; each push asks for the other of two revisions, so every second one is a release and the
others take it back. Exit code 1 if the slowest of a hundred takes more than a second.

With ``--controller`` it is that process: the real one, whose parts say when they begin and end.
"""

import argparse
import asyncio
import functools
import itertools
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rollout.cli.lab import up
from rollout.cli.lab.up import SOURCE
from rollout.lab.kube.client import VIRTUALSERVICE, Kind, Object
from rollout.lab.programs import processes
from rollout.lab.world import World
from tests.lab.journeys.shop import Shop

ROLLOUT = Kind("rollout.dev", "v1alpha1", "rollouts", "Rollout")
SPACE = "pushed"
FILE = "deploy/shop.yaml"
PROMISE = 1.0  # seconds, of the slowest of a hundred
PATIENCE = 60.0
PARTS = ("verify", "wait", "fetch", "parse", "apply", "notice", "look", "patch")
MEANS = {
    "verify": "the webhook's body and its proof, until the source is woken",
    "wait": "until the source's look begins",
    "fetch": "list the refs and fetch the commit (a child process)",
    "parse": "find what changed, read the manifests (in the child)",
    "apply": "plan, and the Rollout's patch",
    "notice": "the watch brings the Rollout back, its look begins",
    "look": "ask, observe, decide, save the status",
    "patch": "from the saved status to the VirtualService's patch",
}
MANIFEST = """\
apiVersion: rollout.dev/v1alpha1
kind: Rollout
metadata: {{name: shop, namespace: pushed}}
spec:
  service: shop
  revision: {revision}
  workload: {{deployments: "shop-{{revision}}", drain: 1s}}
  strategy: {{canary: {{steps: [{{weight: 20, bake: 1h, timeBox: 2h}}]}}}}
  analysis: {{metrics: [], interval: 1s}}
  # push {number}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pushes", type=int, default=30)
    parser.add_argument("--controller", metavar="FILE")
    given, rest = parser.parse_known_args()
    if given.controller:
        return _controller(Path(given.controller), rest)
    return asyncio.run(_measured(given.pushes))


def _controller(file: Path, words: Sequence[str]) -> int:
    """``rollout …``, whose parts write when they happen; CLOCK_MONOTONIC is the machine's."""
    from rollout.cli import main as door  # noqa: PLC0415 - only this process needs the product
    from rollout.controller.keeping.store import Store  # noqa: PLC0415
    from rollout.controller.look import Looks  # noqa: PLC0415
    from rollout.controller.sources.look import Sources  # noqa: PLC0415
    from rollout.edges.git import polls, repo  # noqa: PLC0415
    from rollout.edges.kube import Kube  # noqa: PLC0415
    from rollout.web import push  # noqa: PLC0415

    out = file.open("a", buffering=1)

    def say(what: str) -> None:
        out.write(json.dumps([what, time.monotonic()]) + "\n")

    _wrap(push.Door, "handle", say, "hook")
    _wrap(Sources, "look", say, "source")
    _wrap(repo.GitRepo, "read", say, "read")
    _wrap(Looks, "look", say, "look")
    _wrap(Store, "save", say, "save")
    _wrap(Kube, "patch", say, "write", of=lambda _, kind, *__: str(kind))
    _wrap(polls.Polls, "tip", say, "tip")
    sys.argv = ["rollout", *words]
    door.main()
    return 0


def _wrap(
    owner: Any,
    name: str,
    say: Callable[[str], None],
    what: str,
    of: Callable[..., str] = lambda *_: "",
) -> None:
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)

    @functools.wraps(real)
    async def timed(*args: Any, **kwargs: Any) -> Any:
        which = f"{what} {of(*args)}".strip()
        say(f"{which} begins")
        try:
            return await real(*args, **kwargs)
        finally:
            say(f"{which} ends")

    setattr(owner, name, timed)


@dataclass
class Push:
    """When somebody pushed, and when the first route of it changed; seconds of one clock."""

    release: bool
    at: float
    changed: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def took(self) -> float:
        return self.changed - self.at


async def _measured(pushes: int) -> int:
    async with up.world(controller=False) as (world, _):
        file = world.kubeconfig.parent / "moments"
        shop = Shop(SPACE)
        await world.apply(*shop.by_role("v2"))
        for name in ("shop-v1", "shop-v2"):
            await world.settled(SPACE, name)
        world.repository.commit({FILE: MANIFEST.format(revision="v1", number=0)}, "v1")
        child = await _start(world, file)
        try:
            await world.kube.create(SOURCE, _source(world))
            await _until(lambda: _adopted(world))
            done = [await _push(world, number) for number in range(1, pushes + 1)]
        finally:
            await child.stop()
        _explain(done, [json.loads(line) for line in file.read_text().splitlines()])
    return _print(done)


async def _start(world: World, file: Path) -> processes.Child:
    """As ``up.start_controller``, with a program that tells its moments."""
    command = up.controller_command(world)
    product = command[command.index("rollout") + 1 :]
    timed = (sys.executable, "-m", "benchmarks.push", "--controller", file, *product)
    return await processes.start(
        "controller", timed, log=world.kubeconfig.parent / "controller.log"
    )


def _source(world: World) -> Object:
    spec = {"url": world.git_url, "path": "deploy", "interval": "1h"}
    return {"metadata": {"name": "git", "namespace": SPACE}, "spec": spec}


async def _adopted(world: World) -> bool:
    found = await world.kube.read(ROLLOUT, SPACE, "shop")
    return bool((found.get("status") or {}).get("stable"))


async def _push(world: World, number: int) -> Push:
    """One push, its webhook, and the first change of the VirtualService after it."""
    release = number % 2 == 1
    before = await _weights(world)
    text = MANIFEST.format(revision="v2" if release else "v1", number=number)
    old = world.repository.head()
    world.repository.commit({FILE: text}, f"push {number}")
    push = Push(release, time.monotonic())
    telling = asyncio.create_task(world.forge.pushed("lab/shop", old))
    deadline = push.at + PATIENCE
    while await _weights(world) == before:
        if time.monotonic() > deadline:
            raise SystemExit(f"push {number}: no route changed in {PATIENCE:g} s")
        await asyncio.sleep(0.005)
    push.changed = time.monotonic()
    await telling
    await _until(lambda: _rests(world, release))
    return push


async def _weights(world: World) -> Any:
    found = await world.kube.read(VIRTUALSERVICE, SPACE, "shop")
    return found["spec"]["http"]


async def _rests(world: World, release: bool) -> bool:
    """The step is reached, or everyone is back and nothing is left to do."""
    status = (await world.kube.read(ROLLOUT, SPACE, "shop")).get("status") or {}
    stage = status.get("stage") or {}
    if release:
        return stage.get("name") == "Stepping" and "confirmedAt" in stage
    return stage.get("name") == "Idle" and status.get("phase") == "Healthy"


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if await true():
                return
        except Exception:
            pass
        await asyncio.sleep(0.05)
    raise SystemExit("the lab does not come to rest")


def _explain(done: Sequence[Push], moments: Sequence[tuple[str, float]]) -> None:
    """Each push's time, divided at what the controller said of itself."""
    for push, end in itertools.zip_longest(done, [one.at for one in done[1:]], fillvalue=None):
        if push is None:
            continue
        mine = [(what, at) for what, at in moments if push.at <= at and (not end or at < end)]
        _divide(push, mine)


def _divide(push: Push, mine: Sequence[tuple[str, float]]) -> None:
    marks = {
        "verify": _first(mine, "hook ends", push.at),
        "wait": _first(mine, "read begins", push.at),
    }
    marks["fetch"] = _first(mine, "tip ends", marks["wait"])
    marks["parse"] = _first(mine, "read ends", marks["fetch"])
    marks["apply"] = _first(mine, "write Rollout ends", marks["parse"])
    marks["notice"] = _first(mine, "look begins", marks["apply"])
    patched = _first(mine, "write VirtualService ends", marks["notice"])
    saved = [at for what, at in mine if what == "save ends" and at <= patched]
    marks["look"] = max(saved, default=patched)
    marks["patch"] = patched
    before = push.at
    for part in PARTS:
        push.parts[part] = max(0.0, marks[part] - before)
        before = max(before, marks[part])


def _first(mine: Sequence[tuple[str, float]], wanted: str, after: float) -> float:
    return min((at for what, at in mine if what == wanted and at >= after), default=after)


def _print(done: Sequence[Push]) -> int:
    for name, some in (
        ("all", done),
        ("release", [one for one in done if one.release]),
        ("back", [one for one in done if not one.release]),
    ):
        took = [one.took for one in some]
        print(f"{name:8} {len(took):3}  p50 {_at(took, 50):.3f} s  p99 {_at(took, 99):.3f} s")
    print(f"{'part':8} {'p50':>8} {'p99':>8}  of the releases: what it is")
    for part in PARTS:
        took = [one.parts[part] for one in done if one.release]
        print(f"{part:8} {_at(took, 50):7.3f}s {_at(took, 99):7.3f}s  {MEANS[part]}")
    return int(_at([one.took for one in done], 99) > PROMISE)


def _at(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    sys.exit(main())
