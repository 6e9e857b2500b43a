"""One play: a plan's world from its beginning over its mishaps to where everybody is home."""

import asyncio
import contextlib
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rollout import strategies
from rollout.manifest import objects as manifests
from rollout.model.reasons import PauseKind
from rollout.model.status import Phase, Stage
from tests import virtual
from tests.controller.shop import NAMESPACE
from tests.mortal import Life
from tests.sim import doors, objects, strangers, teams
from tests.sim.doing import DO
from tests.sim.gitlaws import Ears
from tests.sim.laws import settled
from tests.sim.mesh import Upgrading
from tests.sim.plan import MARKS, STRANGE, Plan
from tests.sim.process import owned
from tests.sim.switching import Switching
from tests.sim.truth import Bugs, buggy
from tests.sim.world import World

SETTLED = 4500.0
"""Seconds after the last fault in which everybody has come to rest (L1)."""
LATE = 150.0
"""Seconds besides those of its plan in which a patient person sees a new revision through (L7)."""
CAUTIOUS = 300.0
"""Seconds besides, where stable's last hour was such that more requests are wanted."""
QUIET = 150.0
"""Seconds of rest in which nobody writes anything (L2)."""
STEP = 5.0
TABLE = {**DO, **strangers.DO, **doors.DO, **teams.DO}
"""What each kind of mishap does; none is there twice, since one would hide the other."""
assert len(TABLE) == sum(map(len, (DO, strangers.DO, doors.DO, teams.DO)))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a play: laws that were broken, the log's digest, what happened how often."""

    broken: tuple[str, ...]
    digest: str
    fired: Counter[str]
    edges: Counter[str]
    seconds: float
    story: tuple[str, ...]
    effects: tuple[str, ...]
    splits: tuple[tuple[str, str], ...]
    times: tuple[tuple[str, float], ...]
    end: tuple[str, ...]


def play(
    plan: Plan, life: Life | None = None, beside: Callable[[World], object] | None = None
) -> Result:
    """The play of ``plan``; ``life``: of its first process, which may end at an effect.

    ``beside``: is given the world before anything happens in it.
    """
    random.seed(plan.seed)
    logger = logging.getLogger("rollout")
    before, logger.disabled = logger.disabled, True
    try:
        return virtual.run(_whole(plan, life or Life(), beside))
    finally:
        logger.disabled = before


async def _whole(plan: Plan, life: Life, beside: Callable[[World], object] | None) -> Result:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(owned)
    world = World(plan, TABLE, life)
    loop.set_exception_handler(lambda _, said: world.laws.unseen(said))
    if beside is not None:
        beside(world)
    with contextlib.ExitStack() as heard:
        heard.enter_context(_heard(world, sourced=plan.setup.sourced))
        heard.enter_context(buggy(world))
        heard.enter_context(doors.nonces(plan.seed))
        return await _played(world)


@contextlib.contextmanager
def _heard(world: World, *, sourced: bool) -> Iterator[None]:
    """No log line is of a bug; where there is git, every one is asked for its password."""
    logger = logging.getLogger("rollout")
    ears = [Bugs(world), *([Ears(world.laws.git)] if sourced else []), *world.ears]
    before = logger.disabled, logger.propagate, logger.level
    logger.disabled = logger.propagate = False
    logger.setLevel(logging.INFO if sourced or world.ears else logging.ERROR)
    for each in ears:
        logger.addHandler(each)
    try:
        yield
    finally:
        for each in ears:
            logger.removeHandler(each)
        logger.disabled, logger.propagate = before[:2]
        logger.setLevel(before[2])


async def _played(world: World) -> Result:
    world.begin()
    happening = asyncio.create_task(world.happen())
    try:
        await _story(world)
    except Exception as error:
        world.laws.broken("play", repr(error))
    finally:
        world.stopping = True
        if happening.done() and (undone := happening.exception()):
            world.laws.broken("play", f"a mishap could not be done: {undone!r}")
        happening.cancel()
        for process in world.processes.values():
            process.kill()
        await asyncio.sleep(0)
    return Result(
        tuple(world.laws.found),
        world.digest(),
        world.fired,
        world.laws.edges,
        virtual.passed(),
        tuple(world.story),
        tuple(world.life.names),
        tuple(world.laws.splits),
        tuple(world.laws.times),
        tuple(_end(world)),
    )


def _end(world: World) -> Iterator[str]:
    """Where everybody ended, and what was written in the objects."""
    for name, _ in world.subjects:
        status = objects.status(world.rollout(name) or {})
        stable = status.stable.name if status.stable else ""
        yield f"{name} {status.phase} {status.stage.name} {stable}"
    if world.switching is not None:
        yield world.switching.end()
    for kind in ("VirtualService", "DestinationRule", "Deployment"):
        for obj in world.server.all(kind):
            if obj["metadata"]["namespace"] != NAMESPACE:
                continue
            yield f"{kind} {obj['metadata']['name']} {json.dumps(obj.get('spec'), sort_keys=True)}"


async def _story(world: World) -> None:
    setup = world.plan.setup
    while virtual.passed() < setup.calm + 0.01:
        await asyncio.sleep(STEP)
        _staff(world)
        world.laws.bounded()
        if world.laws.found:
            return
    world.calm()
    await _deleted(world)
    if not await _comes(world, SETTLED, lambda n: settled(world.status(n))):
        return
    for beside in (world.upgrading, world.switching):
        if beside is not None and not await _rested(beside):
            return
    last = setup.last
    for who, _ in enumerate(world.subjects if last else ()):
        world.push(who, last)
    done = (
        (lambda n: _home(world, n, world.named(n, last))) if last else (lambda n: _idle(world, n))
    )
    odd = world.counters is not None and any(way.odd for way in world.counters.ways.values())
    late = LATE + (CAUTIOUS if odd else 0)
    seconds = _planned(world) + late if last else SETTLED
    if not await _comes(world, seconds, done, law="L7" if last else "L1", patient=True):
        return
    await _at_rest(world)


def _planned(world: World) -> float:
    """Seconds that the slowest journey bakes by the plan that git has."""
    found = 0.0
    for name, subject in world.subjects:
        spec = manifests.rollout(objects.spec(name, subject, world.named(name, "v1"))).spec
        stops = strategies.plan(spec.strategy)
        lasts = (max(stop.step.bake, stop.step.time_box or stop.step.bake) for stop in stops.stops)
        bakes = sum(lasts, stops.keep_old)
        found = max(found, bakes.total_seconds())
    return found


def _staff(world: World) -> None:
    """People start their other revisions once it is known which is stable."""
    for name, subject in world.subjects:
        if name not in world.staffed:
            world.scale_people(name, subject)


async def _deleted(world: World) -> None:
    """L1 of a Rollout that is being deleted: it goes; git, or a person, writes it anew."""
    for name, _subject in world.subjects:
        held = world.rollout(name)
        if held is not None and held["metadata"].get("deletionTimestamp"):
            for _ in range(int(SETTLED / STEP)):
                await asyncio.sleep(STEP)
                if world.rollout(name) is None or world.laws.found:
                    break
            else:
                world.laws.broken("L1", f"{name}: deleted, and it does not go")
        if world.rollout(name) is None and not world.plan.setup.sourced:
            world.staffed.discard(name)
            world.server.put(world.spec(name))


async def _rested(beside: Upgrading | Switching) -> bool:
    """L1 of an upgrade, or a switchover: it rests, and a patient person sees it through."""
    for turn in range(int(SETTLED / STEP)):
        if beside.world.laws.found:
            return False
        if beside.rests:
            for _ in range(12):
                await asyncio.sleep(STEP)
                beside.world.laws.pace.bounded()
            beside.quiet()
            return True
        if turn % 3 == 0:
            beside.patience()
        await asyncio.sleep(STEP)
        beside.world.laws.pace.bounded()
    beside.world.laws.broken("L1", beside.stands)
    return False


async def _comes(
    world: World,
    seconds: float,
    true: Callable[[str], bool],
    *,
    law: str = "L1",
    patient: bool = False,
) -> bool:
    """Whether it is so of every rollout within ``seconds``; where not, ``law`` is broken.

    ``patient``: there is a person who sees those through of which it is not so yet.
    """
    names = [name for name, _ in world.subjects]
    for turn in range(int(seconds / STEP)):
        if world.laws.found:
            return False
        _staff(world)
        if all(true(name) for name in names):
            return True
        if patient and turn % 3 == 0:
            for who, name in enumerate(names):
                if not true(name):
                    _patience(world, who, name)
        await asyncio.sleep(STEP)
        world.laws.pace.bounded()
    waiting = [
        f"{n}: {world.status(n).get('phase')} {world.status(n).get('because')}"
        for n in names
        if not true(n)
    ]
    world.laws.broken(law, f"not within {seconds} s: {waiting}")
    return False


_COUNTED = (PauseKind.SUSPICIOUS, PauseKind.LITTLE_TRAFFIC, PauseKind.UNCERTIFIED)
"""Where more of the same tells nothing new: a person decides. So it is of a failure that counts
show and that is held, since evidence does not begin anew when somebody resumes."""
_LACK = re.compile(r"needs (\d+) canary pod")


def _patience(world: World, who: int, name: str) -> None:
    """A patient person sees the revision that git asks for through to the end."""
    status = objects.status(world.rollout(name) or {})
    because = status.because
    if status.last_handled_request != _asked(world, name):
        return  # the last one is on its way
    if status.rejected is not None:
        world.request(who, "retry")
    elif status.attempt.pause is not None:
        kind = status.attempt.pause.kind
        subject = world.subjects[who][1]
        held = kind is PauseKind.FAILED and subject.counts
        undecided = held or kind in _COUNTED or subject.judged in objects.UNKNOWABLE
        decided = "all steps" in because or "rejected by" in because or undecided
        world.request(who, "promote" if decided else "resume")
    elif status.waits_for == "Approval":
        world.request(who, "promote")
    elif "was edited: delete it" in because and status.attempt.canary is not None:
        canary = f"{name}-{status.attempt.canary.name}"
        world.server.remove("Deployment", NAMESPACE, canary)
    elif (lack := _LACK.search(because)) and world.subjects[who][1].workload == "user":
        revision = status.attempt.canary  # whoever scales both sides is asked for more pods of it
        if revision is not None:
            wanted = [{"op": "replace", "path": "/spec/replicas", "value": int(lack[1])}]
            world.server.change("Deployment", NAMESPACE, f"{name}-{revision.name}", wanted)
    elif status.waits_for == "Objects" and world.subjects[who][1].author == "version":
        world.name_stable(name)


def _asked(world: World, name: str) -> str:
    notes = (world.rollout(name) or {"metadata": {}})["metadata"].get("annotations") or {}
    return str(notes.get("rollout.dev/request", ""))


def _home(world: World, name: str, revision: str) -> bool:
    status = objects.status(world.rollout(name) or {})
    there = status.stable is not None and status.stable.name == revision
    return there and (status.phase, status.stage.name) == (Phase.HEALTHY, Stage.IDLE)


def _idle(world: World, name: str) -> bool:
    """No journey is under way: the last one was promoted, or taken back."""
    status = objects.status(world.rollout(name) or {})
    return status.phase in (Phase.HEALTHY, Phase.DEGRADED) and status.stage.name == Stage.IDLE


async def _at_rest(world: World) -> None:
    """L2, S19, S22, S27: nobody writes any more, and everything is as it says."""
    await asyncio.sleep(90)  # refreshes of sentences, messages, the audit log
    before = len(world.story)
    world.laws.pace.bounded()
    await asyncio.sleep(QUIET)
    world.laws.pace.bounded()
    late = [line for line in world.story[before:] if "controller" in line and "Lease" not in line]
    if late:
        world.laws.broken("L2", f"at rest, and still: {late[:3]}")
    for name, subject in world.subjects:
        world.laws.quiet(name)
        vs = world.server.get("VirtualService", NAMESPACE, name)
        authored = objects.mesh(name, subject)[-1]
        marked = any(world.fired[kind] for kind in (*MARKS, *STRANGE))
        marked = marked or world.laws.of(name).scribbled
        theirs = vs is None or vs.get("spec") == authored["spec"] or marked or world.team
        if subject.author == "role" and not theirs:
            world.laws.broken("L3", f"{name}: at rest, and its routes are not the author's")
    if world.team is not None:
        world.team.ended()
    world.laws.audited()
    world.laws.kept.true()
    for process in world.processes.values():
        world.laws.counted.ended(process, rests=True)
