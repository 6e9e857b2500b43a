"""Questions of many rollouts -> few queries, and the answers back to whoever asked.

Rollouts share their instants, so that the first look at one fetches it for all that have asked
lately, 200 workloads a query; the others find it on the shelf.  Nothing is judged here.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from rollout.analysis import query
from rollout.controller.metrics import readings
from rollout.controller.metrics.readings import Page, Row, UnclearError, Workload
from rollout.controller.metrics.together import Together
from rollout.controller.ports import Answers
from rollout.errors import RolloutError
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    PodCount,
    Reply,
    Value,
    ValueQuestion,
    View,
)
from rollout.model.status import Outcome

CHUNK = 200  # workloads a query
GATHER = 0.05  # seconds in which looks join one query
REMEMBER = timedelta(minutes=2)  # a workload nobody asked about is no longer fetched for others
SHELF = 2  # instants a topic keeps
LATE = 2  # instants, of which each is asked as everybody does; more are a range of their own


class Provider(Protocol):
    """A metrics provider; its errors are ours: ``OutsideError``, ``RefusedError``."""

    async def instant(self, promql: str, at: datetime) -> Reply: ...
    async def range(
        self, promql: str, start: datetime, end: datetime, step: timedelta
    ) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Topic:
    """What a query counts, apart from whose it is and when.

    ``every``: every bucket there is, for the first look at a service.
    ``spaces``: of whole namespaces.
    """

    counting: Counting
    view: View
    every: bool = False
    spaces: bool = False


@dataclass(slots=True)
class _Batch:
    """One topic at some instants, for everyone who joins before it leaves."""

    topic: Topic
    instants: tuple[datetime, ...]
    workloads: set[Workload] = field(default_factory=set)
    bounds: set[timedelta] = field(default_factory=set)
    left: bool = False
    pages: dict[Workload, dict[datetime, dict[str, Row]] | Exception] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, question: CountsQuestion) -> bool:
        """Whether ``question`` is answered by this batch, which may still be waiting."""
        asked = question.asked
        if self.done.is_set() and any(isinstance(self.pages.get(w), Exception) for w in asked):
            return False  # what went wrong for those who were on time is tried anew
        if not self.left:
            self.workloads |= asked
            self.bounds |= set(question.bounds)
        return asked <= self.workloads and set(question.bounds) <= self.bounds


class Batcher:
    """Asks ``provider`` for everybody at once.

    ``asked``: queries sent so far, for our own metrics.
    """

    def __init__(self, provider: Provider, gather: float = GATHER) -> None:
        self._provider = provider
        self._gather = gather
        self._shelf: dict[Topic, dict[tuple[datetime, ...], list[_Batch]]] = {}
        self._lately: dict[Topic, dict[Workload, tuple[datetime, frozenset[timedelta]]]] = {}
        self._alike: dict[tuple[str, tuple[datetime, ...]], asyncio.Task[Reply]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._unions = Together(self._send, gather)
        self.asked = 0

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        """An answer for every instant of every question, or the reason why there is none."""
        grouped: dict[tuple[str, str], list[datetime]] = {}
        for question in values:
            grouped.setdefault((question.metric, question.promql), []).append(question.instant)
        # All have joined their batches before anybody waits: no task of its own for each.
        built_in = [q for q in counts if q.counting is not Counting.CUSTOM]
        shared = [[(one, self._batch(one)) for one in _apart(q)] for q in built_in if not q.sides]
        apart = [self._beside(q) for q in built_in if q.sides]
        own = (self._own(q) for q in counts if q.counting is Counting.CUSTOM)
        readings = (self._values(*key, tuple(at)) for key, at in grouped.items())
        alone = [*own, *readings]
        single = await asyncio.gather(*alone) if alone else []
        beside = [await self._together(*one) for one in apart]
        answers = [*[await self._shared(parts) for parts in shared], *beside, *single]
        told = [one for a in answers if not isinstance(a, NoAnswer) for one in a]
        return (
            tuple(one for one in told if isinstance(one, Counts)),
            tuple(one for one in told if isinstance(one, Value)),
            tuple(answer for answer in answers if isinstance(answer, NoAnswer)),
        )

    # Counters of the mesh: shared by all

    async def _shared(
        self, parts: Sequence[tuple[CountsQuestion, _Batch]]
    ) -> tuple[Counts, ...] | NoAnswer:
        told: list[Counts] = []
        for question, batch in parts:
            await batch.done.wait()
            try:
                found = _told(question, batch.pages)
            except (RolloutError, UnclearError) as error:
                return _no_answer(question.metric, error)
            if isinstance(found, Exception):
                return _no_answer(question.metric, found)
            told += found
        return tuple(told)

    def _beside(
        self, question: CountsQuestion
    ) -> tuple[CountsQuestion, list[list[tuple[CountsQuestion, _Batch]]]]:
        """A question of several sides, each with its own times, as one question a side."""
        ones = [
            replace(
                question,
                sides={name: side},
                instants=tuple(at - side.ago for at in question.instants),
            )
            for name, side in question.sides.items()
        ]
        return question, [[(part, self._batch(part)) for part in _apart(one)] for one in ones]

    async def _together(
        self, question: CountsQuestion, sides: Sequence[Sequence[tuple[CountsQuestion, _Batch]]]
    ) -> tuple[Counts, ...] | NoAnswer:
        """The sides' answers as one, at the times that were asked for."""
        answers = [await self._shared(parts) for parts in sides]
        told: dict[datetime, list[Counts]] = {at: [] for at in question.instants}
        for side, answer in zip(question.sides.values(), answers, strict=True):
            if isinstance(answer, NoAnswer):
                return answer
            for one in answer:
                told[one.at + side.ago].append(_later(one, side.ago))
        return tuple(_merged(question.metric, at, counts) for at, counts in told.items())

    def _batch(self, question: CountsQuestion) -> _Batch:
        every = question.counting is Counting.SLOW and not question.bounds
        topic = Topic(question.counting, question.view, every, bool(question.sides))
        self._note(topic, question)
        shelf = self._shelf.setdefault(topic, {})
        batches = shelf.setdefault(question.instants, [])
        batch = next((b for b in batches if b.takes(question)), None)
        if batch is None:
            batch = _Batch(topic, question.instants)
            batch.takes(question)
            batches.append(batch)
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return batch

    def _note(self, topic: Topic, question: CountsQuestion) -> None:
        """Who asks now will ask again at the next instant."""
        lately = self._lately.setdefault(topic, {})
        entry = (question.instants[-1], frozenset(question.bounds))
        lately |= dict.fromkeys(question.asked, entry)

    async def _run(self, batch: _Batch) -> None:
        try:
            await asyncio.sleep(self._gather)
            batch.left = True
            if len(batch.instants) == 1 and not batch.topic.every:
                self._expect(batch)
            workloads = sorted(batch.workloads)
            chunks = [workloads[i : i + CHUNK] for i in range(0, len(workloads), CHUNK)]
            await asyncio.gather(*(self._fetch_chunk(batch, chunk) for chunk in chunks))
        finally:
            self._tidy(batch)
            batch.done.set()

    def _expect(self, batch: _Batch) -> None:
        """Those that asked lately will ask for this instant too."""
        lately = self._lately[batch.topic]
        for workload, (at, bounds) in list(lately.items()):
            if batch.instants[-1] - at > REMEMBER:
                del lately[workload]
            else:
                batch.workloads.add(workload)
                batch.bounds |= bounds

    async def _fetch_chunk(self, batch: _Batch, chunk: Sequence[Workload]) -> None:
        promql = _promql(batch, chunk)
        try:
            reply = await self._send(promql, batch.instants)
            pages = readings.pages(reply, batch.instants, chunk)
            batch.pages |= {workload: _of(pages, workload) for workload in chunk}
        except (RolloutError, UnclearError) as error:
            # its traceback would hold this frame, and the batch so itself
            batch.pages |= dict.fromkeys(chunk, error.with_traceback(None))

    def _tidy(self, batch: _Batch) -> None:
        """Only the newest instants stay: a page for a thousand rollouts is some megabytes."""
        shelf = self._shelf[batch.topic]
        single = sorted(instants for instants in shelf if len(instants) == 1)
        keep = set() if batch.topic.every else set(single[-SHELF:])
        for instants in [i for i in shelf if i not in keep]:
            shelf[instants] = [b for b in shelf[instants] if not b.done.is_set() and b is not batch]
            if not shelf[instants]:
                del shelf[instants]

    # A metric's own counters and values

    async def _own(self, question: CountsQuestion) -> tuple[Counts, ...] | NoAnswer:
        try:
            return await self._own_counts(question)
        except (RolloutError, UnclearError) as error:
            return _no_answer(question.metric, error)

    async def _own_counts(self, question: CountsQuestion) -> tuple[Counts, ...]:
        pods: dict[datetime, tuple[PodCount, ...]] = dict.fromkeys(question.instants, ())
        texts = {
            revision: query.custom(
                question.bad,
                question.total,
                {"revision": revision, "version": revision, "workload": workload},
            )
            for revision, workload in question.workloads.items()
        }
        replies = await asyncio.gather(*(self._put(t, question.instants) for t in texts.values()))
        for revision, reply in zip(texts, replies, strict=True):
            for at, rows in readings.own(reply, question.instants).items():
                pods[at] += readings.counted(rows, revision)
        return tuple(Counts(question.metric, at, pods[at]) for at in question.instants)

    async def _values(
        self, metric: str, promql: str, instants: tuple[datetime, ...]
    ) -> tuple[Value, ...] | NoAnswer:
        try:
            found = readings.values(await self._put(promql, instants), instants)
        except (RolloutError, UnclearError) as error:
            return _no_answer(metric, error)
        return tuple(Value(metric, at, value) for at, value in sorted(found.items()))

    async def _put(self, promql: str, instants: tuple[datetime, ...]) -> Reply:
        """The reply to a query that somebody wrote; where few are missed, beside everybody's."""
        if len(instants) > LATE:
            return await self._send(promql, instants)
        ones = (self._unions.ask(promql, at) for at in instants)
        return readings.in_line(await asyncio.gather(*ones))

    async def _send(self, promql: str, instants: tuple[datetime, ...]) -> Reply:
        """The reply to one query; who asks the same at the same time gets the same."""
        key = (promql, instants)
        if key not in self._alike:
            task = asyncio.create_task(self._query(promql, instants))
            self._alike[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(self._alike[key])

    def _forget(self, key: tuple[str, tuple[datetime, ...]], done: asyncio.Task[Reply]) -> None:
        del self._alike[key]
        if not done.cancelled():
            done.exception()  # whoever asked may have gone; asyncio is told that it was looked at

    async def _query(self, promql: str, instants: tuple[datetime, ...]) -> Reply:
        if len(instants) == 1:
            self.asked += 1
            return await self._provider.instant(promql, instants[0])
        step = instants[1] - instants[0]
        self.asked += 1
        return await self._provider.range(promql, instants[0], instants[-1], step)


def _apart(question: CountsQuestion) -> tuple[CountsQuestion, ...]:
    """``question`` by its instants, where a late look missed one: others have it."""
    if len(question.instants) > LATE or (
        question.counting is Counting.SLOW and not question.bounds
    ):
        return (question,)
    return tuple(replace(question, instants=(at,)) for at in question.instants)


def _promql(batch: _Batch, chunk: Sequence[Workload]) -> str:
    if batch.topic.counting is Counting.ERRORS:
        return query.errors(batch.topic.view, chunk)
    if batch.topic.counting is Counting.UNREACHED:
        return query.unreached(host for _, host in chunk)
    return query.slow(batch.topic.view, chunk, () if batch.topic.every else sorted(batch.bounds))


def _of(
    pages: Mapping[datetime, Page], workload: Workload
) -> dict[datetime, dict[str, Row]] | Exception:
    """One workload's rows of every instant; what spoils one instant spoils the answer."""
    rows = {}
    for at, page in pages.items():
        found = page[workload]
        if isinstance(found, UnclearError):
            return found
        rows[at] = found
    return rows


def _told(
    question: CountsQuestion,
    pages: Mapping[Workload, dict[datetime, dict[str, Row]] | Exception],
) -> tuple[Counts, ...] | Exception:
    """The part of a batch that answers ``question``, or why there is none.

    That is not raised: each of a thousand would add its frames to the one error of all.
    """
    sides: dict[str, dict[datetime, dict[str, Row]]] = {}
    for revision, asked in _places(question):
        found = pages[asked]
        if isinstance(found, Exception):
            return found
        if not question.sides:
            sides[revision] = found
            continue
        rows = sides.setdefault(revision, {at: {} for at in question.instants})
        for at, page in found.items():
            rows[at] |= {f"{asked[0]}/{pod}": row for pod, row in page.items()}
    read = _reader(question, sides)
    return tuple(
        Counts(
            question.metric,
            at,
            tuple(pod for revision, rows in sides.items() for pod in read.pods(rows[at], revision)),
            read.bounds,
            readings.newest(rows[at] for rows in sides.values()),
        )
        for at in question.instants
    )


def _places(question: CountsQuestion) -> Sequence[tuple[str, Workload]]:
    """Whose counters make up which side."""
    if question.sides:
        return [
            (one, (name, "")) for one, side in question.sides.items() for name in side.namespaces
        ]
    return [(one, (question.namespace, name)) for one, name in question.workloads.items()]


def _later(counts: Counts, by: timedelta) -> Counts:
    """What was counted ``by`` before, as if it were counted now."""
    newest = counts.newest + by if counts.newest else None
    return replace(counts, at=counts.at + by, newest=newest)


def _merged(metric: str, at: datetime, sides: Sequence[Counts]) -> Counts:
    """Several sides at one instant; the bounds that each of them has, where each chose its own.

    A bound that one side lacks is not counted for any; a side without pods lacks none.
    """
    counted = [one for one in sides if one.pods]
    common = [
        bound
        for bound in (counted[0].bounds if counted else ())
        if all(bound in one.bounds for one in counted)
    ]
    pods = tuple(
        pod._replace(bad=tuple(pod.bad[one.bounds.index(bound)] for bound in common))
        if one.bounds
        else pod
        for one in counted
        for pod in one.pods
    )
    newest = [one.newest for one in sides if one.newest]
    return Counts(metric, at, pods, tuple(common), min(newest, default=None))


@dataclass(frozen=True, slots=True)
class _Reader:
    bounds: tuple[timedelta, ...]
    pods: Callable[[Mapping[str, Row], str], tuple[PodCount, ...]]


def _reader(
    question: CountsQuestion, sides: Mapping[str, Mapping[datetime, Mapping[str, Row]]]
) -> _Reader:
    if question.counting is not Counting.SLOW:
        return _Reader((), readings.counted)
    bounds = question.bounds or readings.all_bounds(
        rows for side in sides.values() for rows in side.values()
    )
    return _Reader(bounds, lambda rows, revision: readings.slow(rows, revision, bounds))


def _no_answer(metric: str, error: Exception) -> NoAnswer:
    unclear = isinstance(error, UnclearError)
    return NoAnswer(metric, Outcome.INCONCLUSIVE if unclear else Outcome.ERROR, str(error))
