"""Forges are told, one line of reports a source, beside the looks and never before them.

What is told is read when its turn comes, so the newest state wins and nothing piles up: at most one
report of each Rollout waits. A forge that is slow or dead delays its own source's reports alone.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from rollout.controller import telemetry
from rollout.controller.forges.report import Report, Subject, nothing_to_prove
from rollout.controller.keeping.store import unchanged
from rollout.controller.ports import Forges, Json, Kube
from rollout.controller.seeing import concerns, hooks
from rollout.controller.sources import apply
from rollout.errors import ConflictError, ManifestError, OutsideError, RefusedError, RolloutError
from rollout.manifest import objects, record
from rollout.messages import commits
from rollout.model.forge import Place
from rollout.model.source import ForgeStatus, Reported, RolloutSource

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0  # seconds after a failure, doubling
REFUSED_WAIT = 900.0  # seconds at the most until a Rollout that was refused is told again
LAZY = 60.0  # seconds between two reports that only count further
BEAT = 1.0  # seconds between two looks whether this replica leads
MOST = 500  # Rollouts of one source that are remembered; the newest of them
CONFLICTS = 5  # writes of the memory that others' may come before


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why a Rollout could not be told of."""

    because: str = ""


@dataclass(frozen=True, slots=True)
class _Said:
    """What was told of a Rollout last, and when."""

    pressing: str
    description: str
    at: float


@dataclass(slots=True)
class _Line:
    """The reports of one source: which Rollouts are due, now and later, and when it may go on.

    ``problems``: of each Rollout that could not be told. ``failures``: how many in a row.
    ``shown``: the problem that the source's status has; None: nobody looked yet.
    """

    due: dict[str, None] = field(default_factory=dict)
    later: dict[str, float] = field(default_factory=dict)
    said: dict[str, _Said] = field(default_factory=dict)
    problems: dict[str, _Problem] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    shut: float = 0.0
    shown: str | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Reporting:
    """``leading``: whether this replica may act now."""

    kube: Kube
    forges: Forges
    leading: Callable[[], bool] = lambda: True
    _lines: dict[str, _Line] = field(default_factory=dict)
    _generations: dict[str, int] = field(default_factory=dict)
    _leads: bool = False

    def changed(self, kind: str, touched: frozenset[str]) -> None:
        """A Rollout may have another status now, or a source another wish."""
        if kind == "Rollout" and self.leading():
            for key in concerns.itself(touched):
                self._soon(key)
        if kind == "RolloutSource" and self.leading():
            for concern in touched:
                self._wished(concern.removeprefix("RolloutSource "))

    def begin(self) -> None:
        """This replica leads from now on, and may not have for a moment: all is compared anew."""
        self._leads = False

    async def run(self) -> None:
        """For ever; at its end nothing is told any more."""
        try:
            while True:
                if not self.leading():
                    self._leads = False
                    await self._end()
                elif not self._leads:
                    self._leads = self._begin()
                await asyncio.sleep(BEAT)
        finally:
            await self._end()

    def _begin(self) -> bool:
        """Every Rollout is compared anew: another replica may have told since. False: not yet."""
        try:
            rollouts, _ = self.kube.list("Rollout"), self.kube.list("RolloutSource")
        except OutsideError:
            return False
        for obj in rollouts:
            self._soon(f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}")
        for source in self._sources().values():
            for gone in source.status.forge.reported:
                self._soon(gone.rollout)
        return True

    async def _end(self) -> None:
        tasks = [line.task for line in self._lines.values() if line.task]
        for task in tasks:
            task.cancel()
        self._lines.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _soon(self, key: str) -> None:
        source = self._source_of(key)
        if source is None or source.spec.commit_status is None:
            return
        line = self._lines.setdefault(source.key, _Line())
        line.due[key] = None
        line.news.set()
        if line.task is None:
            line.task = asyncio.create_task(self._work(source.key, line), name="forge")

    def _wished(self, key: str) -> None:
        """The source says something else now, so everything of it is told anew."""
        namespace, _, name = key.partition("/")
        obj = self.kube.get("RolloutSource", namespace, name)
        known = self._generations.get(key)
        if obj is None or known == obj["metadata"].get("generation"):
            return
        self._generations[key] = int(obj["metadata"].get("generation", 0))
        line = self._lines.get(key)
        if line is not None and known is not None:
            line.shut, line.said = 0.0, {}
        for rollout in self.kube.list("Rollout"):
            mine = f"{rollout['metadata'].get('namespace', '')}/{rollout['metadata']['name']}"
            source = self._source_of(mine)
            if source is not None and source.key == key:
                self._soon(mine)

    def _sources(self) -> Mapping[str, RolloutSource]:
        """By the label that their objects carry; what cannot be read is no source."""
        found = {}
        for obj in self.kube.list("RolloutSource"):
            try:
                source = objects.source(obj)
            except ManifestError:
                continue
            found[apply.label(source)] = source
        return found

    def _source_of(self, key: str) -> RolloutSource | None:
        """The source that the Rollout comes from, or, where it is gone, came from."""
        namespace, _, name = key.partition("/")
        try:
            obj, sources = self.kube.get("Rollout", namespace, name), self._sources()
        except OutsideError:
            return None
        if obj is not None:
            label = str((obj["metadata"].get("labels") or {}).get(apply.LABEL, ""))
            return sources.get(label)
        return next((one for one in sources.values() if one.status.forge.of(key)), None)

    async def _work(self, source: str, line: _Line) -> None:
        """For ever: what is due, one after the other, as forges want to be asked."""
        while True:
            await self._rest(line)
            key = next(iter(line.due), None)
            if key is None or _now() < line.shut:
                continue
            del line.due[key]
            try:
                await self._once(source, line, key)
            except RolloutError as error:
                await self._failed(source, line, key, error)
            except Exception as error:  # one report's trouble, whatever it is, is no other's
                telemetry.bug("forge", error, source=source, rollout=key)
                await self._failed(
                    source, line, key, OutsideError(f"forge: {type(error).__name__}")
                )
            else:
                await self._well(source, line, key)

    @staticmethod
    async def _rest(line: _Line) -> None:
        """Until something is due and the line is open."""
        now = _now()
        for key in [key for key, at in line.later.items() if at <= now]:
            del line.later[key]
            line.due[key] = None
        times = [*line.later.values(), *([max(line.shut, now)] if line.due else [])]
        wait = min(times, default=None)
        if wait is not None and wait <= now:
            return
        line.news.clear()
        try:
            async with asyncio.timeout(None if wait is None else wait - now):
                await line.news.wait()
        except TimeoutError:
            return

    async def _once(self, key: str, line: _Line, rollout: str) -> None:
        namespace, _, name = key.partition("/")
        stored = self.kube.get("RolloutSource", namespace, name)
        source = objects.source(stored) if stored is not None else None
        if source is None or source.spec.commit_status is None or not self.leading():
            return
        where, _, called = rollout.partition("/")
        obj = self.kube.get("Rollout", where, called)
        known = source.status.forge.of(rollout)
        if obj is None:
            if known is not None:
                await (await self._report(source)).end(rollout, known, "")
            await self._remember(key, rollout, None)
            return
        subject = Subject.of(obj)
        report = await self._report(source)
        standing = report.standing(subject)
        if standing is None or report.settled(subject, known):
            return
        if self._may_wait(line, rollout, subject, standing.description):
            return
        told = await report.tell(subject, standing, known)
        if told != known:
            await self._remember(key, rollout, told)
        if report.reverts(told):
            await self._remember(key, rollout, await report.revert(subject, told))
        line.said[rollout] = _Said(_pressing(subject), standing.description, _now())

    @staticmethod
    def _may_wait(line: _Line, rollout: str, subject: Subject, description: str) -> bool:
        """Whether it is said already; but for numbers, which are told a little later."""
        said = line.said.get(rollout)
        if said is None or said.pressing != _pressing(subject):
            return False
        left = said.at + LAZY - _now()
        if said.description != description and left > 0:
            line.later[rollout] = _now() + left
        return said.description == description or left > 0

    async def _report(self, source: RolloutSource) -> Report:
        asked = source.spec.commit_status
        assert asked is not None  # noqa: S101 - whoever calls has looked
        secret = asked.secret_ref or source.spec.secret_ref
        if secret is None:
            raise nothing_to_prove(asked)
        try:
            place = Place.of(asked.forge, source.spec.url, asked.api, asked.repository)
        except ValueError as error:
            raise RefusedError(f"commitStatus: {error}") from None
        entries = await hooks.entries(self.kube, source.namespace, secret.name)
        return Report(self.forges.at(place, secret.name, entries), asked, source.spec.ref)

    async def _failed(self, source: str, line: _Line, rollout: str, error: RolloutError) -> None:
        """The line waits: what one report was refused or not answered, others may be, too.

        One that was refused waits longer than the line, which goes on with the others.
        """
        line.failures += 1
        line.times[rollout] = line.times.get(rollout, 0) + 1
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(line.failures - 1, 6))
        if isinstance(error, OutsideError):
            line.due[rollout] = None
            line.shut = _now() + max(wait, error.retry_after or 0.0)
        else:
            again = LONGEST_WAIT * 2.0 ** min(line.times[rollout] - 1, 6)
            line.later[rollout] = _now() + min(REFUSED_WAIT, again)
            line.shut = _now() + wait
        known = line.problems.get(rollout, _Problem())
        if known.because != str(error):
            telemetry.warn("forge not told", source=source, rollout=rollout, error=str(error))
            line.problems[rollout] = _Problem(str(error))
        await self._show(source, line)

    async def _well(self, source: str, line: _Line, rollout: str) -> None:
        line.failures = 0
        line.times.pop(rollout, None)
        line.problems.pop(rollout, None)
        await self._show(source, line)

    async def _show(self, source: str, line: _Line) -> None:
        """The source's status has the first problem there is, and whose it is."""
        problem = "; ".join(f"{key}: {why.because}" for key, why in [*line.problems.items()][:1])
        if problem != line.shown:
            line.shown = problem
            await self._note(source, problem)

    async def _note(self, source: str, problem: str) -> None:
        await self._write(source, lambda forge: replace(forge, problem=problem[:300]))

    async def _remember(self, source: str, rollout: str, told: Reported | None) -> None:
        def change(forge: ForgeStatus) -> ForgeStatus:
            others = [one for one in forge.reported if one.rollout != rollout]
            kept = (*others, *([told] if told else []))[-MOST:]
            return replace(forge, reported=kept)

        await self._write(source, change)

    async def _write(self, key: str, change: Callable[[ForgeStatus], ForgeStatus]) -> None:
        """The source's status remembers it; a memory that is lost is made again by asking."""
        namespace, _, name = key.partition("/")
        for _ in range(CONFLICTS):
            obj = self.kube.get("RolloutSource", namespace, name)
            if obj is None:
                return
            before = record.source_status(obj).forge
            after = change(before)
            if after == before:
                return
            try:
                await self.kube.patch("RolloutSource", namespace, name, _ops(obj, after), "status")
            except ConflictError:
                continue  # the source itself was looked at meanwhile
            except RolloutError as error:
                telemetry.warn("report not remembered", source=key, error=str(error))
            return


def _ops(obj: Json, forge: ForgeStatus) -> list[Json]:
    value = record.forge_json(forge)
    if "status" not in obj:
        return [unchanged(obj), {"op": "add", "path": "/status", "value": {"forge": value}}]
    return [unchanged(obj), {"op": "add", "path": "/status/forge", "value": value}]


def _pressing(subject: Subject) -> str:
    return commits.pressing(subject.rollout, subject.status)


def _now() -> float:
    return asyncio.get_running_loop().time()
