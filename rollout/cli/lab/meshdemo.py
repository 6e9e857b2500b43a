"""The demo of an upgrade: Istio's control plane goes to a good revision, and comes back from a bad.

Ten workloads of five namespaces serve visitors all the while; the second upgrade's proxies
break as soon as its second wave has moved.
"""

import asyncio
import textwrap
from collections import Counter
from dataclasses import dataclass, field

from rollout.cli import output
from rollout.cli.exits import Exit
from rollout.cli.lab import meshes
from rollout.cli.lab.liveness import alive
from rollout.lab.load import Load
from rollout.lab.programs.processes import Child
from rollout.lab.revisions.town import EDGE, GATEWAY, Town
from rollout.lab.world import World
from rollout.manifest import upgrades
from rollout.model.upgrading import Standing, State, UpgradeStatus

PAST = 20.0  # seconds of visits before the first upgrade: what a wave is compared with
TOO_LONG = 900.0  # seconds after which an upgrade has failed, on however slow a machine
TICK = 0.25
SPACES, WORKLOADS = 5, 2
"""Of the town: enough for three waves, few enough for minutes on a busy machine."""
BROKEN = 0.4
"""Of the requests that a pod with the bad revision's proxy gets: answered 503 by the proxy."""


@dataclass(slots=True)
class MeshAct:
    """One upgrade, how it should end, and what visitors met."""

    name: str
    before: str
    after: str
    ends: State
    breaks: str = ""
    broken: bool = False
    requests: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    ended_as_wanted: bool = False

    def lost(self, wave: tuple[str, ...]) -> int:
        """Requests that failed elsewhere than in ``wave``, the one that met the broken proxies."""
        excused = {f"{space}.example" for space in wave}
        return sum(count for host, count in self.failed.items() if host not in excused)


@dataclass(slots=True)
class MeshStage:
    """Everything that takes part."""

    world: World
    child: Child | None
    load: Load
    town: Town
    shown: tuple[object, ...] = ()


async def play(world: World, child: Child | None, rate: int) -> Exit:
    """Both upgrades; OK only if both ended as they should, and no request failed through us."""
    first, second, third = meshes.REVISIONS
    town = Town(first.name, SPACES, WORKLOADS)
    for revision in meshes.REVISIONS:
        await world.revisions.install(revision)
    await world.revisions.tag("default", first)
    await world.apply(*town.objects())
    for space in town.namespaces:
        for name in town.names:
            await world.settled(space, name)
    await world.settled(EDGE, GATEWAY)
    spaces, workloads = len(town.namespaces), len(town.namespaces) * len(town.names)
    said = f"{spaces} namespaces, {workloads} workloads, all at {first.name}"
    output.say(f"{said}; {rate} requests a second")
    async with world.edge_load(rate, EDGE, GATEWAY, town.asks()) as load:
        await asyncio.sleep(PAST)
        stage = MeshStage(world, child, load, town)
        good = MeshAct("good", first.name, second.name, State.DONE)
        await _played(stage, good)
        bad = MeshAct("bad", second.name, third.name, State.RETURNED, breaks=meshes.SECOND)
        before = await meshes.snapshot(world.kube)
        await _played(stage, bad)
        same = await meshes.snapshot(world.kube) == before
    return _told(good, bad, same=same)


async def _played(stage: MeshStage, act: MeshAct) -> None:
    """Until it is at its end, which is written down in ``act``."""
    output.say("")
    output.say(f"{act.before} -> {act.after}")
    clock = asyncio.get_running_loop().time
    began = clock()
    stage.load.take()
    await stage.world.kube.create(meshes.UPGRADE, meshes.upgrade(act.name, act.before, act.after))
    while not act.seconds:
        await asyncio.sleep(TICK)
        alive(stage.child)
        status = upgrades.status(await stage.world.kube.read(meshes.UPGRADE, "", act.name))
        _count(stage, act)
        await _break(stage, act, status)
        _say(stage, act, status, clock() - began)
        if status.state in (State.DONE, State.RETURNED) or clock() - began > TOO_LONG:
            act.seconds = clock() - began
            act.ended_as_wanted = status.state is act.ends
    await asyncio.sleep(1.0)
    _count(stage, act)


def _count(stage: MeshStage, act: MeshAct) -> None:
    tally = stage.load.take()
    act.requests += tally.requests
    act.failed += tally.failed_hosts


async def _break(stage: MeshStage, act: MeshAct, status: UpgradeStatus) -> None:
    """Once all of the wave has moved, every proxy of the new revision misbehaves."""
    stop = status.attempt.stop
    here = stop is not None and stop.name == act.breaks and stop.confirmed_at is not None
    if here and not act.broken:
        act.broken = True
        await stage.world.revisions.set_faults(act.after, errors=BROKEN)


def _say(stage: MeshStage, act: MeshAct, status: UpgradeStatus, seconds: float) -> None:
    """A line of figures and a sentence whenever a stop, a state or a namespace has changed."""
    stop = status.attempt.stop
    moved = sum(
        each.standing is Standing.MOVED for wave in status.attempt.waves for each in wave.namespaces
    )
    now = (act.name, status.state, stop.name if stop else "", moved)
    if now == stage.shown or status.state is State.IDLE:
        return
    stage.shown = now
    met = f"{act.requests:>6} requests {act.failed.total():>4} failed"
    of = f"{moved} of {len(stage.town.namespaces)} moved"
    output.say(f"{seconds:>4.0f} s  {where(status):<29}  {of}  {met}")
    output.say(told(status))


def where(status: UpgradeStatus) -> str:
    """The state, and of which wave, gateway or tag; a gateway without its namespace."""
    name = status.attempt.stop.name.rpartition("/")[2] if status.attempt.stop else ""
    return f"{status.state} {name}" if name and name != status.state.lower() else status.state


def told(status: UpgradeStatus) -> str:
    """The sentence of a status, whole, in lines of 80 columns."""
    indent = " " * 8
    lines = textwrap.wrap(status.because, 80 - len(indent), break_on_hyphens=False)
    return textwrap.indent("\n".join(lines), indent)


def _told(good: MeshAct, bad: MeshAct, *, same: bool) -> Exit:
    """The words at the end, and the outcome."""
    exposed = bad.failed.total() - bad.lost(meshes.EXPOSED)
    lost = good.lost(()) + bad.lost(meshes.EXPOSED)
    output.say("")
    for act, word in ((good, "reached everyone"), (bad, "was taken back")):
        verb = word if act.ended_as_wanted else "did not end as it should"
        output.say(f"{act.after} {verb} after {act.seconds:.0f} s, {act.requests} requests")
    output.say(f"failed through us: {lost}; by the bad revision's proxies: {exposed}")
    output.say(
        f"labels, tags and webhooks after the way back: {'as before' if same else 'CHANGED'}"
    )
    fine = good.ended_as_wanted and bad.ended_as_wanted and same and not lost
    return Exit.OK if fine else Exit.FAILED
