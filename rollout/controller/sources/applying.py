"""A team's own objects to the cluster: tried dry, applied in order, and pruned when git lets go."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from rollout.controller import telemetry
from rollout.controller.ports import Json, Kube, Objects
from rollout.controller.sources import byright, leaves, parts
from rollout.controller.sources.apply import is_anothers, label, labels
from rollout.controller.sources.parts import Bounds, Ref
from rollout.errors import Outside, OutsideError, OwnedError, RefusedError
from rollout.model.source import LABEL, Part, Problem, Reading, RolloutSource, is_within
from rollout.model.spec import MANAGER

AGAIN = timedelta(minutes=10)  # what others changed meanwhile is put back
AT_ONCE = 8  # requests
BEAT = 0.2  # seconds between two looks whether a new kind is served
ESTABLISHING = 50  # such looks; then the commit waits for the next one

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ApplyStep:
    """One object on its way: ``body`` as it is applied, ``force``: over fields of our rollouts."""

    part: Part
    ref: Ref
    body: Json
    force: bool = False


@dataclass(frozen=True, slots=True)
class _Around:
    """What a commit finds, and brings: rollouts that write, the labels of all sources.

    ``made``: its own Namespaces; ``defined``: its own kinds, as apiVersion and kind.
    """

    driving: Sequence[leaves.Driver]
    sources: Collection[str]
    made: Collection[str]
    defined: Collection[tuple[str, str]]


@dataclass(slots=True)
class _Done:
    """What of a source is in force: the digest of each part, and since when all of them are.

    ``busy``: what a rollout is writing; ``staying``: what it still needs, and git has no more.
    """

    digests: dict[Ref, str] = field(default_factory=dict)
    since: datetime | None = None
    busy: str = ""
    staying: str = ""


@dataclass(slots=True)
class Applier:
    """Server-side apply with our own field manager; nothing is taken from other managers.

    What was applied is remembered while we live: a commit that changes one file costs that file.
    """

    kube: Kube
    objects: Objects
    _done: dict[str, _Done] = field(default_factory=dict)

    async def wide(self, reading: Reading, kinds: Collection[str]) -> frozenset[tuple[str, str]]:
        """The kinds of the reading, of those that may be applied, that stand in no namespace."""
        asked = {
            (one.api_version, one.kind)
            for one in reading.parts
            if parts.group_kind(one.api_version, one.kind) in parts.SAFE | set(kinds)
        }
        defined = parts.brought(reading)
        found = [key for key in sorted(asked) if not await self._in_namespaces(key, defined)]
        return frozenset(found)

    async def _in_namespaces(
        self, key: tuple[str, str], defined: Mapping[tuple[str, str], bool]
    ) -> bool:
        """As the API server has it; of a kind that it does not know, as its definition will."""
        try:
            return await self.objects.in_namespaces(*key)
        except OutsideError as error:
            if not _comes(error, key, defined):
                raise
            return defined[key]

    async def tried(
        self, source: RolloutSource, reading: Reading, bounds: Bounds, now: datetime
    ) -> tuple[tuple[ApplyStep, ...], tuple[Problem, ...]]:
        """What is to be applied now, each tried dry, or why not all of it can be."""
        done = self._done.setdefault(source.key, _Done())
        due = done.since is None or now - done.since >= AGAIN
        refs = [(one, parts.ref(source, one, bounds)) for one in reading.parts]
        changed = [
            (part, ref) for part, ref in refs if due or done.digests.get(ref) != parts.digest(part)
        ]
        if due:
            done.since = now
        around = _Around(
            leaves.drivers(self.kube) if changed else (),
            labels(self.kube.list("RolloutSource")),
            {part.name for part in reading.parts if part.kind == "Namespace"},
            parts.brought(reading),
        )
        tries = [partial(self._try, source, part, ref, around) for part, ref in changed]
        try:
            results = await _each(tries)
        except leaves.Busy as busy:
            done.since, done.busy = None, str(busy)
            raise
        done.busy = ""
        steps = tuple(one for one in results if isinstance(one, ApplyStep))
        return steps, tuple(one for one in results if isinstance(one, Problem))

    async def _try(
        self, source: RolloutSource, part: Part, ref: Ref, around: _Around
    ) -> ApplyStep | Problem:
        """The step, as the API server would take it."""
        live = await self._live(ref, around.defined)
        owner = parts.owner(live) if live else ""
        if is_anothers(source, owner, around.sources):
            return parts.problem(part, f"belongs to source {owner}; one source is wanted")
        body = parts.body(part, ref, parts.mark(source, live))
        try:
            step = ApplyStep(part, ref, leaves.dressed(body, live, around.driving, self.kube))
            if live is None and ref[2] in around.made:
                return step  # its namespace comes first
            return await self._agreed(step)
        except OwnedError as error:
            return parts.problem(part, _owned(error))
        except RefusedError as error:
            return parts.problem(part, f"is refused: {error}")
        except OutsideError as error:
            if not _comes(error, ref[:2], around.defined):
                raise
            return step  # its definition comes first

    async def _live(self, ref: Ref, defined: Collection[tuple[str, str]]) -> Json | None:
        try:
            return await self.objects.read(*ref)
        except OutsideError as error:
            if not _comes(error, ref[:2], defined):
                raise
            return None

    async def _agreed(self, step: ApplyStep) -> ApplyStep:
        """``step`` without the fields that rollouts and autoscalers have written.

        Errors: ``OwnedError`` for fields of anybody else.
        """
        try:
            await self.objects.apply(step.body, dry=True, force=step.force)
        except OwnedError as error:
            fields = [name for name, _ in error.fields]
            if all(manager == MANAGER for _, manager in error.fields) and _is_dressed(step.body):
                return await self._agreed(replace(step, force=True))
            kind = step.ref[1]
            others = [f for f, manager in error.fields if manager != MANAGER]
            theirs = [f for f in others if not byright.is_theirs(kind, f)]
            left = [f for f in fields if byright.is_theirs(kind, f) or "[" not in f]
            body = byright.without(step.body, left)
            if theirs or body == step.body:
                raise
            return await self._agreed(replace(step, body=body))
        return step

    async def applied(
        self, source: RolloutSource, steps: Iterable[ApplyStep]
    ) -> tuple[Problem, ...]:
        """Stage by stage; what is refused ends it, and is told."""
        done = self._done.setdefault(source.key, _Done())
        by_stage: dict[int, list[ApplyStep]] = {}
        for step in steps:
            by_stage.setdefault(parts.stage(*step.ref[:2]), []).append(step)
        for _, mine in sorted(by_stage.items()):
            for version, kind in {step.ref[:2] for step in mine}:
                await self._until_known(version, kind)
            results = await _each([partial(self._apply, done, step) for step in mine])
            if problems := tuple(one for one in results if one is not None):
                return problems
        return ()

    async def _until_known(self, api_version: str, kind: str) -> None:
        """A kind whose definition has just been applied is served a moment later.

        Errors: ``OutsideError`` where it is not, and the next look goes on.
        """
        for _ in range(ESTABLISHING):
            try:
                await self.objects.in_namespaces(api_version, kind)
            except OutsideError as error:
                if error.kind is not Outside.UNKNOWN_KIND:
                    raise
                await asyncio.sleep(BEAT)
            else:
                return
        await self.objects.in_namespaces(api_version, kind)

    async def _apply(self, done: _Done, step: ApplyStep) -> Problem | None:
        try:
            await self.objects.apply(step.body, force=step.force)
        except OwnedError as error:
            return parts.problem(step.part, _owned(error))
        except RefusedError as error:
            return parts.problem(step.part, f"is refused: {error}")
        done.digests[step.ref] = parts.digest(step.part)
        _, kind, namespace, name = step.ref
        telemetry.info("apply from git", kind=kind, object=f"{namespace}/{name}")
        return None

    async def pruned(
        self, source: RolloutSource, reading: Reading, bounds: Bounds, kinds: Iterable[str]
    ) -> str:
        """What the source made of ``kinds`` and git has no more is gone; why something stays."""
        done = self._done.setdefault(source.key, _Done())
        refs = {parts.ref(source, one, bounds) for one in reading.parts}
        kept = {(parts.group_kind(r[0], r[1]), r[2], r[3]) for r in refs}
        for lost in [ref for ref in done.digests if ref not in refs]:
            del done.digests[lost]
        present = [obj for kind in kinds for obj in await self._made(source, kind, bounds)]
        driving, staying = leaves.drivers(self.kube), ""
        for obj in parts.gone(present, source, kept):
            if is_within(parts.file(obj), reading.unsure):
                continue  # it may still be in git
            if why := leaves.use(obj, driving):
                staying = f"{obj['kind'].lower()} {obj['metadata']['name']} stays: {why}"
                continue
            await self.objects.remove(obj)
            telemetry.info("delete from git", kind=str(obj["kind"]), object=_place(obj))
        done.staying = staying
        return staying

    async def _made(self, source: RolloutSource, kind: str, bounds: Bounds) -> Sequence[Json]:
        version, _, name = kind.partition(" ")
        mark = f"{LABEL}={label(source)}"
        spaces = sorted({source.namespace, *bounds.abroad})
        try:
            if not await self.objects.in_namespaces(version, name):
                spaces = [""]
            found = [await self.objects.marked(version, name, space, mark) for space in spaces]
        except OutsideError as error:
            if error.kind is Outside.UNKNOWN_KIND:
                return ()  # its CRD is gone, and all objects with it
            raise
        return [obj for one in found for obj in one]

    def waits(self, key: str) -> bool:
        """Whether something of the source ``key`` waits for a rollout."""
        return bool((found := self._done.get(key)) and (found.busy or found.staying))

    def forget(self, key: str) -> None:
        """The source is gone, or what it says has to be done anew."""
        self._done.pop(key, None)


def _comes(error: OutsideError, key: tuple[str, str], defined: Collection[tuple[str, str]]) -> bool:
    """Whether a kind that is not known yet is one that the commit itself defines."""
    return error.kind is Outside.UNKNOWN_KIND and key in defined


def _is_dressed(body: Json) -> bool:
    """Whether a rollout's leaves are in it, and nobody has written since they were read."""
    return "resourceVersion" in body["metadata"]


def _owned(error: OwnedError) -> str:
    name, manager = error.fields[0]
    more = f" and {len(error.fields) - 1} more" if len(error.fields) > 1 else ""
    wanted = "leave it out of git, or let git have it: kubectl apply --server-side"
    return (
        f"has {name}{more}, which {manager} has written otherwise; {wanted} --force-conflicts "
        "--field-manager=rollout-source"
    )


def _place(obj: Json) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


async def _each(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """What each gives, a few at once. Errors: the first, when all have ended."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await call()

    ended = await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)
    for result in ended:
        if isinstance(result, BaseException):
            raise result
    return [result for result in ended if not isinstance(result, BaseException)]
