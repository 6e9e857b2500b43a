"""Git sources kept in force: read, decide (``apply.py``), write, remember; one look per source.

A look is run by ``loop.py``, which waits, retries and never runs two of one source at once.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zlib import crc32

from rollout.controller import telemetry
from rollout.controller.instruments import Instruments
from rollout.controller.keeping import events
from rollout.controller.keeping.events import Reporter
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Json, Kube
from rollout.controller.seeing import hooks
from rollout.controller.sharing import Leads, everything
from rollout.controller.sources import apply, parts, telling
from rollout.controller.sources.apply import ApplyPlan, Ground, Write
from rollout.controller.sources.applying import Applier, ApplyStep
from rollout.controller.sources.parts import Bounds
from rollout.errors import ManifestError, OutsideError, RefusedError
from rollout.manifest import sources
from rollout.model.source import (
    Origin,
    Problem,
    Reading,
    RolloutSource,
    SourceStatus,
)
from rollout.model.units import sentence

Asked = tuple[int, str, str]
"""What of a source, changed, is a reason to read the repository: see ``Sources.look``."""

FOLLOWING = timedelta(seconds=5)
"""How often a replica that does not lead asks itself whether it does by now."""
SOON = timedelta(seconds=10)  # until what waits for a rollout is tried again


class Repo(Protocol):
    """Git: one ref, read somewhere safe.

    Errors: ``OutsideError`` when there is no answer, ``RefusedError`` when it is no.
    """

    async def read(self, origin: Origin, since: str) -> Reading: ...


class Secrets(Protocol):
    """Where a source's credentials come from."""

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        """The decoded entries; ``RefusedError`` when there is no such Secret."""


@dataclass(frozen=True, slots=True)
class KubeSecrets:
    """Secrets of the cluster, through the watch cache; scope that kind's watch narrowly."""

    kube: Kube

    async def read(self, namespace: str, name: str) -> Mapping[str, str]:
        obj = await hooks.secret(self.kube, namespace, name)
        if obj is None:
            raise RefusedError(f"secret {namespace}/{name}: is missing; secretRef names it")
        found = {}
        for key, value in (obj.get("data") or {}).items():
            found[str(key)] = base64.b64decode(value).decode("utf-8", "replace")
        return found


@dataclass(frozen=True, slots=True)
class Verify:
    """Whose signature a commit needs. ``signers``: names of the policy's; none: nobody's.

    ``every``: all commits since the one in force need it, not the last alone.
    """

    signers: tuple[str, ...] = ()
    every: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What the controller's configuration allows.

    ``signers``: name to an allowed-signers text. ``verify``: a source's key, or ``*``, to what its
    commits need at least. ``abroad``: a source's key to namespaces that
    it may write besides its own. ``manifests``: a source's key, or ``*``, to kinds that it may
    apply besides the safe ones. ``instance``: this process, as Events name it.
    """

    signers: Mapping[str, str] = field(default_factory=dict)
    verify: Mapping[str, Verify] = field(default_factory=dict)
    abroad: Mapping[str, frozenset[str]] = field(default_factory=dict)
    manifests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    instance: str = "rollout"

    def kinds(self, key: str) -> frozenset[str]:
        """What the source ``key`` may apply besides the safe kinds, as ``Kind.group``."""
        return frozenset((*self.manifests.get(key, ()), *self.manifests.get("*", ())))

    def verified(self, source: RolloutSource) -> Verify:
        """Whose signature its commits need: what it says itself, and no less than it must.

        Errors: ``RefusedError`` when it names others than it may.
        """
        spec = source.spec
        least = self.verify.get(source.key) or self.verify.get("*")
        names = self.signers if least is None else least.signers
        wanted = "a name of the controller's allowed signers is wanted"
        if least is not None:
            wanted = f"the controller's policy wants {' or '.join(least.signers)} here"
        if unknown := [name for name in spec.verify if name not in names]:
            raise RefusedError(f"rolloutsource {source.key}: verify names {unknown[0]!r}; {wanted}")
        every = spec.verify_mode == "every"
        if least is None:
            return Verify(spec.verify, every)
        return Verify(spec.verify or least.signers, every or least.every)


def phase(repository: str) -> timedelta:
    """When within any interval a repository is polled: each at a time of its own, and the same
    for all of its sources, so that one poll serves them.
    """
    return timedelta(milliseconds=crc32(repository.encode()))


@dataclass(slots=True)
class Sources:
    """Looks at RolloutSources; ``look`` is what ``Loop`` wants.

    ``steady``: seconds by a clock that nobody sets, by which repositories are polled.
    """

    kube: Kube
    repo: Repo
    secrets: Secrets
    team: Applier
    clock: Callable[[], datetime]
    policy: Policy = field(default_factory=Policy)
    leads: Leads = everything
    phase: Callable[[str], timedelta] = phase
    instruments: Instruments = field(default_factory=Instruments)
    steady: Callable[[], float] = lambda: asyncio.get_running_loop().time()
    _polled: dict[str, tuple[Asked, float]] = field(default_factory=dict)
    _nudged: set[str] = field(default_factory=set)

    def keys(self) -> list[str]:
        """Every source, ``namespace/name``; ``OutsideError`` while they are not known."""
        return [key for key, _ in self.urls()]

    def urls(self) -> list[tuple[str, str]]:
        """Every source's key and address."""
        found = []
        for obj in self.kube.list("RolloutSource"):
            metadata, url = obj["metadata"], (obj.get("spec") or {}).get("url")
            found.append((f"{metadata['namespace']}/{metadata['name']}", str(url)))
        return found

    def nudge(self, key: str) -> None:
        """The next look at ``key`` reads the repository, however short ago it was read.

        One that reads it now is followed by another: the push may have come after its fetch.
        """
        self._nudged.add(key)

    async def look(self, key: str) -> timedelta | None:
        """What git says is in force, and when to look again; None: there is no such source.

        A replica that does not lead looks again, too: whoever led may be gone by then.

        Errors: ``ConflictError`` when somebody wrote meanwhile, ``OutsideError`` when the API
        server does not answer.
        """
        namespace, _, name = key.partition("/")
        obj = self.kube.get("RolloutSource", namespace, name)
        gone = obj is None or bool(obj["metadata"].get("deletionTimestamp"))
        if obj is None or gone or not self.leads(namespace):
            self._polled.pop(key, None)
            self._nudged.discard(key)
            self.team.forget(key)
            return None if gone else FOLLOWING
        try:
            source = sources.source(obj)
        except ManifestError as error:
            because = "its own spec cannot be read; what was in force stays"
            before = sources.status(obj)
            await self._save(obj, before, replace(before, problem=str(error), because=because))
            return None  # nothing but another spec helps, and that wakes us
        asked, known = (source.generation, source.accept, source.pushed), self._polled.get(key)
        began = self.steady()
        if known and key not in self._nudged and known[0] == asked and began < known[1]:
            return timedelta(seconds=known[1] - began)  # woken by what we wrote ourselves
        self._nudged.discard(key)
        self._polled.pop(key, None)
        status = await self._follow(source)
        took = self.steady() - began
        unread = bool(status.problem) and not status.held
        self.instruments.fetched(key, took, self.clock(), failed=unread)
        await self._save(obj, source.status, status)
        # from now: what was slow must not put it beside the others of its repository
        wait = self._until_poll(source, self.clock())
        if self.team.waits(key):
            wait = min(wait, SOON)
        self._polled[key] = (asked, self.steady() + wait.total_seconds())
        return wait

    def _until_poll(self, source: RolloutSource, now: datetime) -> timedelta:
        due = self.phase(f"{source.spec.url} {_secret_name(source)}")
        return (due - (now - _EPOCH)) % source.spec.interval or source.spec.interval

    async def _follow(self, source: RolloutSource) -> SourceStatus:
        """What is to be remembered after the repository was read and its commit applied."""
        before = source.status
        try:
            reading = await self.repo.read(await self._origin(source), before.commit)
        except (OutsideError, RefusedError) as error:
            return telling.unread(before, error)
        plan = apply.plan(source, reading, self._ground(source))
        if plan.held:
            return telling.held(source, reading.commit, plan.held)
        if source.spec.manifests:
            return await self._whole(source, reading, plan)
        return telling.status(source, reading, plan, await self._written(plan))

    async def _written(self, plan: ApplyPlan) -> list[Problem]:
        return [problem for write in plan.writes if (problem := await self._write(write))]

    async def _whole(
        self, source: RolloutSource, reading: Reading, plan: ApplyPlan
    ) -> SourceStatus:
        """The team's own objects and ours as one release: all of it is well, or none is taken."""
        kinds = self.policy.kinds(source.key)
        try:
            wide = await self.team.wide(reading, kinds)
            bounds = Bounds(self.policy.abroad.get(source.key, frozenset()), kinds, wide)
            wrong = (*plan.rejected, *parts.refusals(source, reading, bounds))
            steps: tuple[ApplyStep, ...] = ()
            if not wrong:
                steps, wrong = await self.team.tried(source, reading, bounds, self.clock())
            wrong = wrong or await self.team.applied(source, steps) or (*await self._written(plan),)
            if wrong:
                return telling.rejected(source, wrong)
            return await self._pruned(source, reading, plan, bounds, bool(steps))
        except (OutsideError, RefusedError) as error:  # no answer, or a right that is missing
            return telling.waiting(source.status, str(error))

    async def _pruned(
        self,
        source: RolloutSource,
        reading: Reading,
        plan: ApplyPlan,
        bounds: Bounds,
        applied: bool,
    ) -> SourceStatus:
        """What is remembered once all of the commit is in force, and what git dropped is gone."""
        status = telling.status(source, reading, plan, ())
        before, known = source.status, parts.kinds(reading.parts)
        all_kinds = tuple(sorted({*before.kinds, *known}))
        if not source.spec.prune:
            return replace(status, kinds=all_kinds)
        changed = (reading.commit, source.generation) != (before.commit, before.observed_generation)
        if not (applied or changed or self.team.waits(source.key)):
            return replace(status, kinds=before.kinds)
        stays = await self.team.pruned(source, reading, bounds, all_kinds)
        if stays:
            because = sentence(f"{status.because}; {stays}")
            return replace(status, kinds=all_kinds, because=because, notes=(stays, *status.notes))
        return replace(status, kinds=all_kinds if reading.unread else known)

    async def _origin(self, source: RolloutSource) -> Origin:
        spec = source.spec
        secret = {}
        if spec.secret_ref:
            secret = dict(await self.secrets.read(source.namespace, spec.secret_ref.name))
        verify = self.policy.verified(source)
        signers = tuple(self.policy.signers[name] for name in verify.signers)
        where = source.key, spec.url, spec.ref, spec.path
        return Origin(
            *where,
            secret,
            signers,
            _secret_name(source),
            every=bool(signers) and verify.every,
            manifests=spec.manifests,
        )

    def _ground(self, source: RolloutSource) -> Ground:
        abroad = self.policy.abroad.get(source.key, frozenset())
        where = abroad | {source.namespace}
        present = {
            (kind, obj["metadata"]["namespace"], obj["metadata"]["name"]): obj
            for kind in apply.APPLIED
            for obj in self.kube.list(kind)
            if obj["metadata"]["namespace"] in where
        }
        return Ground(present, abroad, apply.labels(self.kube.list("RolloutSource")))

    async def _write(self, write: Write) -> Problem | None:
        """None when it is done; a no of the API server is this document's, not the others'."""
        kind, namespace, name = write.key
        try:
            if write.verb == "create":
                await self.kube.create(write.body)
            elif write.verb == "patch":
                await self.kube.patch(kind, namespace, name, write.body)
            else:
                await self.kube.delete(kind, namespace, name, write.body)
        except RefusedError as error:
            where = f"{write.file}:{write.line}" if write.line else write.file
            return Problem(write.file, write.line, f"{where}: {error}")
        telemetry.info(f"{write.verb} from git", kind=kind, object=f"{namespace}/{name}")
        return None

    async def _save(self, obj: Json, before: SourceStatus, status: SourceStatus) -> None:
        """The status is stored and told, if it says anything new."""
        if status == before:
            return
        now, metadata, stored = self.clock(), obj["metadata"], obj.get("status") or {}
        value = sources.status_json(status, stored, now)
        ops = [unchanged(obj), {"op": "add", "path": "/status", "value": value}]
        namespace, name = metadata["namespace"], metadata["name"]
        await self.kube.patch("RolloutSource", namespace, name, ops, "status")
        await self._tell(metadata, status, now)

    async def _tell(self, metadata: Json, status: SourceStatus, now: datetime) -> None:
        warning = bool(status.held or status.problem or status.rejected)
        say = telemetry.warn if warning else telemetry.info
        key = f"{metadata['namespace']}/{metadata['name']}"
        say("source", source=key, commit=status.commit, because=status.because)
        reporter = Reporter("sources", self.policy.instance)
        await events.tell(self.kube, telling.news(metadata, status), now, reporter)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _secret_name(source: RolloutSource) -> str:
    ref = source.spec.secret_ref
    return f"{source.namespace}/{ref.name}" if ref else ""
