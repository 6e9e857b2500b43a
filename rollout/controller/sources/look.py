"""Git sources kept in force: read, decide (``apply.py``), write, remember; one look per source.

A look is run by ``loop.py``, which waits, retries and never runs two of one source at once.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zlib import crc32

from rollout.controller import telemetry
from rollout.controller.keeping import events
from rollout.controller.keeping.events import News, Reporter
from rollout.controller.keeping.store import unchanged
from rollout.controller.ports import Json, Kube
from rollout.controller.sources import apply
from rollout.controller.sources.apply import Ground, Plan, Write
from rollout.errors import ManifestError, OutsideError, RefusedError
from rollout.manifest import objects, record
from rollout.model.source import (
    Applied,
    Origin,
    Problem,
    Reading,
    RolloutSource,
    SourceStatus,
)
from rollout.model.status import sentence

Asked = tuple[int, str, str]
"""What of a source, changed, is a reason to read the repository: see ``Sources.look``."""

FOLLOWING = timedelta(seconds=5)
"""How often a replica that does not lead asks itself whether it does by now."""
SHOWN = 50  # entries of a list in the status; an object of etcd holds about 1 MiB


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
        obj = self.kube.get("Secret", namespace, name)
        if obj is None:
            raise RefusedError(f"secret {namespace}/{name}: is missing; secretRef names it")
        found = {}
        for key, value in (obj.get("data") or {}).items():
            found[str(key)] = base64.b64decode(value).decode("utf-8", "replace")
        return found


@dataclass(frozen=True, slots=True)
class Policy:
    """What the controller's configuration allows.

    ``signers``: name to an allowed-signers text. ``abroad``: a source's key to namespaces that
    it may write besides its own. ``instance``: this process, as Events name it.
    """

    signers: Mapping[str, str] = field(default_factory=dict)
    abroad: Mapping[str, frozenset[str]] = field(default_factory=dict)
    instance: str = "rollout"


def phase(repository: str) -> timedelta:
    """When within any interval a repository is polled: each at a time of its own, and the same
    for all of its sources, so that one poll serves them.
    """
    return timedelta(milliseconds=crc32(repository.encode()))


@dataclass(slots=True)
class Sources:
    """Looks at RolloutSources; ``look`` is what ``Loop`` wants."""

    kube: Kube
    repo: Repo
    secrets: Secrets
    clock: Callable[[], datetime]
    policy: Policy = field(default_factory=Policy)
    leading: Callable[[], bool] = lambda: True
    phase: Callable[[str], timedelta] = phase
    _polled: dict[str, tuple[Asked, datetime]] = field(default_factory=dict)
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
        if obj is None or gone or not self.leading():
            self._polled.pop(key, None)
            self._nudged.discard(key)
            return None if gone else FOLLOWING
        try:
            source = objects.source(obj)
        except ManifestError as error:
            because = "its own spec cannot be read; what was in force stays"
            before = record.source_status(obj)
            await self._save(obj, before, replace(before, problem=str(error), because=because))
            return None  # nothing but another spec helps, and that wakes us
        now = self.clock()
        asked, known = (source.generation, source.accept, source.pushed), self._polled.get(key)
        if known and key not in self._nudged and known[0] == asked and now < known[1]:
            return known[1] - now  # woken by what we wrote ourselves
        self._nudged.discard(key)
        self._polled.pop(key, None)
        status = await self._follow(source)
        await self._save(obj, source.status, status)
        now = self.clock()  # what was slow must not put it beside the others of its repository
        wait = self._until_poll(source, now)
        self._polled[key] = (asked, now + wait)
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
            because = sentence(f"not read: {_WHERE.sub('', str(error))}")
            return replace(before, problem=str(error), because=because)
        plan = apply.plan(source, reading, self._ground(source))
        if plan.held:
            return _held(source, reading.commit, plan.held)
        refused = [problem for write in plan.writes if (problem := await self._write(write))]
        return _status(source, reading, plan, refused)

    async def _origin(self, source: RolloutSource) -> Origin:
        spec = source.spec
        secret = {}
        if spec.secret_ref:
            secret = dict(await self.secrets.read(source.namespace, spec.secret_ref.name))
        unknown = [name for name in spec.verify if name not in self.policy.signers]
        if unknown:
            found = f"verify names {unknown[0]!r}"
            wanted = "a name of the controller's allowed signers is wanted"
            raise RefusedError(f"rolloutsource {source.key}: {found}; {wanted}")
        signers = tuple(self.policy.signers[name] for name in spec.verify)
        where = source.key, spec.url, spec.ref, spec.path
        return Origin(*where, secret, signers, _secret_name(source))

    def _ground(self, source: RolloutSource) -> Ground:
        abroad = self.policy.abroad.get(source.key, frozenset())
        where = abroad | {source.namespace}
        present = {
            (kind, obj["metadata"]["namespace"], obj["metadata"]["name"]): obj
            for kind in apply.APPLIED
            for obj in self.kube.list(kind)
            if obj["metadata"]["namespace"] in where
        }
        return Ground(present, abroad)

    async def _write(self, write: Write) -> Problem | None:
        """None when it is done; a no of the API server is this document's, not the others'."""
        kind, namespace, name = write.key
        try:
            if write.verb == "create":
                await self.kube.create(write.body)
            elif write.verb == "patch":
                await self.kube.patch(kind, namespace, name, write.body)
            else:
                await self.kube.delete(kind, namespace, name)
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
        value = record.source_json(status, stored, now)
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
        await events.tell(self.kube, _news(metadata, status), now, reporter)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _secret_name(source: RolloutSource) -> str:
    ref = source.spec.secret_ref
    return f"{source.namespace}/{ref.name}" if ref else ""


def _status(
    source: RolloutSource, reading: Reading, plan: Plan, refused: list[Problem]
) -> SourceStatus:
    lines = {(problem.file, problem.line) for problem in refused}
    applied = [
        Applied(one.kind, one.name, one.file, one.commit)
        for one in plan.kept
        if (one.file, one.line) not in lines
    ]
    rejected = (*plan.rejected, *refused)
    because = _in_force(len(applied), reading.commit)
    if reading.notes:
        where = reading.notes[0].partition(": ")[0]  # what it says of it stands in the notes
        more = f" and {len(reading.notes) - 1} more" if len(reading.notes) > 1 else ""
        because = sentence(f"{because}; passed over: {where}{more}")
    if rejected:
        because = _refused(rejected)
    return SourceStatus(
        commit=reading.commit,
        author=reading.author,
        because=because,
        applied=tuple(applied[:SHOWN]),
        rejected=tuple(replace(one, message=one.message[:300]) for one in rejected[:SHOWN]),
        notes=tuple(note[:300] for note in reading.notes[:SHOWN]),
        observed_generation=source.generation,
    )


def _held(source: RolloutSource, commit: str, why: str) -> SourceStatus:
    """What is in force stays, and how a person lets the commit through."""
    ask = f"rollout accept {source.name} -n {source.namespace}"
    return replace(
        source.status,
        held=commit,
        problem=f"obey it with: `{ask}`, or annotate it with {objects.ACCEPT}={commit}",
        because=f"commit {commit[:10]} {why}",
        rejected=(),
    )


def _in_force(count: int, commit: str) -> str:
    what = "1 manifest" if count == 1 else f"{count} manifests"
    return f"{what} of {commit[:10]} {'is' if count == 1 else 'are'} in force"


def _refused(rejected: Sequence[Problem]) -> str:
    """Where the first mistake is, and what it is; all of them are in the status and the Event."""
    more = f" and {len(rejected) - 1} more" if len(rejected) > 1 else ""
    return sentence(f"refused{more}: {rejected[0].message.partition('; ')[0]}")


_WHERE = re.compile(r"^(git|rolloutsource) \S+: ")
"""How a problem begins that the sentence need not repeat: it stands beside the source's name."""


def _digest(text: str) -> str:
    """Unlike for another trouble with the same commit, which is news, too."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _news(metadata: Json, status: SourceStatus) -> News:
    reason = record.reason(status)
    said = [status.because, status.problem, *status.notes[:3]]
    if status.rejected:
        said = ["refused: " + "; ".join(one.message for one in status.rejected[:3])]
    elif reason == "Unread":
        said = [f"not read: {status.problem}"]
    commit = (status.held or status.commit)[:10] or "none"
    return News(
        kind="RolloutSource",
        namespace=str(metadata["namespace"]),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid", "")),
        once=f"{commit}.{_digest(status.problem)}" if status.problem else commit,
        reason=reason,
        note="; ".join(text for text in said if text),
        warning=reason != "Applied",
    )
