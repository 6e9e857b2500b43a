"""Forges are told, one line of reports a source, beside the looks and never before them.

What is told is read when its turn comes, so the newest state wins and nothing piles up: at most one
report of each Rollout waits. A forge that is slow or dead delays its own source's reports alone.
"""

import asyncio
from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace

from rollout import lenient
from rollout.controller import telemetry
from rollout.controller.forges.line import ForgeNews, Line, Problem, Said
from rollout.controller.forges.report import Report, Subject, nothing_to_prove
from rollout.controller.keeping.swap import unchanged
from rollout.controller.ports import Forges, Json, Kube
from rollout.controller.seeing import concerns, hooks
from rollout.controller.sharing import Leads, everything, namespace_of
from rollout.controller.sources import apply
from rollout.errors import ConflictError, OutsideError, RefusedError, RolloutError
from rollout.manifest import sources
from rollout.messages import commits
from rollout.model.forge import Place, Standing
from rollout.model.source import LABEL, ForgeStatus, Reported, RolloutSource

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0  # seconds after a failure, doubling
REFUSED_WAIT = 900.0  # seconds at the most until a Rollout that was refused is told again
BEAT = 1.0  # seconds between two looks whether this replica leads
MOST = 500  # Rollouts of one source that are remembered; the newest of them
CONFLICTS = 5  # writes of the memory that others' may come before


@dataclass(slots=True)
class Reporting:
    """``leads``: whether this replica may act now."""

    kube: Kube
    forges: Forges
    leads: Leads = everything
    _lines: dict[str, Line] = field(default_factory=dict)
    _generations: dict[str, int] = field(default_factory=dict)
    _labels: dict[str, str] = field(default_factory=dict)
    _reported: dict[str, str] = field(default_factory=dict)
    _begun: bool = False

    def changed(self, kind: str, touched: tuple[str, ...]) -> None:
        """A Rollout may have another status now, or a source another wish."""
        if kind == "Rollout":
            for key in concerns.itself(touched):
                self._soon(key)
        if kind == "RolloutSource":
            for concern in touched:
                self._wished(concern.removeprefix("RolloutSource "))

    def begin(self) -> None:
        """This replica leads more from now on, and may not have for a moment: all is compared."""
        self._begun = False

    async def run(self) -> None:
        """For ever; at its end nothing is told any more."""
        try:
            while True:
                await self._end({key for key in self._lines if not self._leads(key)})
                self._begun = self._begun or self._begin()
                await asyncio.sleep(BEAT)
        finally:
            await self._end({*self._lines})

    def _begin(self) -> bool:
        """Every Rollout is compared anew: another replica may have told since. False: not yet."""
        try:
            rollouts, kept = self.kube.list("Rollout"), self.kube.list("RolloutSource")
        except OutsideError:
            return False
        for obj in kept:
            self._labels[apply.label_of(*_name(obj))] = key = "/".join(_name(obj))
            for told in sources.status(obj).forge.reported:
                self._reported[told.rollout] = key
        for rollout in {*self._reported, *("/".join(_name(obj)) for obj in rollouts)}:
            self._soon(rollout)
        return True

    def _leads(self, source: str) -> bool:
        return self.leads(namespace_of(source))

    async def _end(self, keys: Set[str]) -> None:
        lines = [self._lines.pop(key) for key in keys]
        tasks = [line.task for line in lines if line.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _soon(self, key: str) -> None:
        source = self._source_of(key)
        if source is None or not self._leads(source) or not self._asks(source):
            return
        line = self._lines.setdefault(source, Line())
        line.due[key] = None
        line.news.set()
        if line.task is None:
            line.task = asyncio.create_task(self._work(source, line), name="forge")

    def _wished(self, key: str) -> None:
        """The source says something else now, so everything of it is told anew."""
        obj = self._source(key)
        known = self._generations.get(key)
        if obj is None or known == obj["metadata"].get("generation"):
            return
        self._generations[key] = int(obj["metadata"].get("generation", 0))
        self._labels[apply.label_of(*_name(obj))] = key
        line = self._lines.get(key)
        if line is not None and known is not None:
            line.shut, line.said = 0.0, {}
        try:
            rollouts = self.kube.list("Rollout")
        except OutsideError:
            return  # they are told of when they are known
        for rollout in rollouts:
            if self._labels.get(_label(rollout)) == key:
                self._soon("/".join(_name(rollout)))

    def _source(self, key: str) -> Json | None:
        namespace, _, name = key.partition("/")
        try:
            return self.kube.get("RolloutSource", namespace, name)
        except OutsideError:
            return None

    def _asks(self, source: str) -> bool:
        """Whether its forge is told anything; from the plain object, since most sources do not."""
        spec = lenient.mapping((self._source(source) or {}).get("spec"))
        return bool(spec.get("commitStatus"))

    def _source_of(self, key: str) -> str | None:
        """The source that the Rollout comes from, or, where it is gone, came from."""
        namespace, _, name = key.partition("/")
        try:
            obj = self.kube.get("Rollout", namespace, name)
        except OutsideError:
            return None
        return self._reported.get(key) if obj is None else self._labels.get(_label(obj))

    async def _work(self, source: str, line: Line) -> None:
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
    async def _rest(line: Line) -> None:
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

    async def _once(self, key: str, line: Line, rollout: str) -> None:
        namespace, _, name = key.partition("/")
        stored = self.kube.get("RolloutSource", namespace, name)
        source = sources.source(stored) if stored is not None else None
        if source is None or source.spec.commit_status is None or not self._leads(key):
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
        news = _news(subject, standing)
        if self._may_wait(line, rollout, news):
            return
        told = await report.tell(subject, standing, known)
        if told != known:
            await self._remember(key, rollout, told)
        if report.reverts(told):
            await self._remember(key, rollout, await report.revert(subject, told))
        said = line.said.get(rollout)
        line.said[rollout] = said.followed(news, _now()) if said else Said(news, _now())

    @staticmethod
    def _may_wait(line: Line, rollout: str, news: ForgeNews) -> bool:
        """Whether it is said already, or is told a little later."""
        said = line.said.get(rollout)
        if said is None:
            return False
        if said.news == news:
            return True
        left = said.wait(news, _now())
        if left > 0:
            line.later[rollout] = _now() + left
        return left > 0

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

    async def _failed(self, source: str, line: Line, rollout: str, error: RolloutError) -> None:
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
        known = line.problems.get(rollout, Problem())
        if known.because != str(error):
            telemetry.warn("forge not told", source=source, rollout=rollout, error=str(error))
            line.problems[rollout] = Problem(str(error))
        await self._show(source, line)

    async def _well(self, source: str, line: Line, rollout: str) -> None:
        line.failures = 0
        line.times.pop(rollout, None)
        line.problems.pop(rollout, None)
        await self._show(source, line)

    async def _show(self, source: str, line: Line) -> None:
        """The source's status has the first problem there is, and whose it is."""
        problem = "; ".join(f"{key}: {why.because}" for key, why in [*line.problems.items()][:1])
        if problem != line.shown:
            line.shown = problem
            await self._note(source, problem)

    async def _note(self, source: str, problem: str) -> None:
        await self._write(source, lambda forge: replace(forge, problem=problem[:300]))

    async def _remember(self, source: str, rollout: str, told: Reported | None) -> None:
        if told:
            self._reported[rollout] = source
        else:
            self._reported.pop(rollout, None)

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
            before = sources.status(obj).forge
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
    value = sources.forge_json(forge)
    if "status" not in obj:
        return [unchanged(obj), {"op": "add", "path": "/status", "value": {"forge": value}}]
    return [unchanged(obj), {"op": "add", "path": "/status/forge", "value": value}]


def _name(obj: Json) -> tuple[str, str]:
    return str(obj["metadata"].get("namespace", "")), str(obj["metadata"]["name"])


def _label(rollout: Json) -> str:
    return str((rollout["metadata"].get("labels") or {}).get(LABEL, ""))


def _news(subject: Subject, standing: Standing) -> ForgeNews:
    pressing = commits.pressing(subject.rollout, subject.status)
    return ForgeNews(f"{standing.commit} {standing.state}", pressing, standing.description)


def _now() -> float:
    return asyncio.get_running_loop().time()
