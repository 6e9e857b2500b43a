"""Queries that people wrote for many rollouts -> few queries: unions whose parts keep apart.

Such queries cannot be merged by their labels: what another selector does to the aggregation
around it, nobody but Prometheus can say.  So they are put side by side, each as it stands and in
parentheses, and a label of ours tells the answers apart.  Whatever a union is refused for is
found by halving it; that query is asked alone from then on, and takes no other with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from rollout.errors import RefusedError, RolloutError
from rollout.manifest import promql as texts
from rollout.model.observation import Reply, Series

CHUNK = 50  # queries a union: Prometheus evaluates its parts one after the other
WHO = "rollout_query"  # our label: which query of the union a series belongs to
ALONE = timedelta(minutes=10)  # a query that spoiled a union is asked alone for so long
REMEMBER = timedelta(minutes=10)  # who has not asked for so long is not remembered
SHELF = 8  # instants that are kept; rollouts of different intervals have different ones

Send = Callable[[str, tuple[datetime, ...]], Awaitable[Reply]]


@dataclass(slots=True)
class _Union:
    """Queries at one instant, for everyone who joins before it leaves."""

    at: datetime
    queries: set[str] = field(default_factory=set)
    left: bool = False
    answers: dict[str, Reply | RolloutError] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Together:
    """Asks many queries at once by ``send``; each is answered as if it had been asked alone."""

    def __init__(self, send: Send, gather: float) -> None:
        self._send = send
        self._gather = gather
        self._shelf: dict[datetime, list[_Union]] = {}
        self._lately: dict[str, tuple[datetime, timedelta | None]] = {}
        self._alone: dict[str, datetime] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, promql: str, at: datetime) -> Reply:
        """The reply to ``promql`` at ``at``. Errors: the provider's."""
        self._note(promql, at)
        if not self._may_join(promql, at):
            return await self._send(promql, (at,))
        union = self._union(promql, at)
        late = union.done.is_set()
        await union.done.wait()
        answer = union.answers.get(promql)
        if isinstance(answer, Reply):
            return answer
        if answer is not None and not late:
            try:
                raise answer
            finally:
                del answer, union  # they hold this frame by its traceback, and would be held by it
        return await self._send(promql, (at,))  # also what went wrong for those on time

    def _note(self, promql: str, at: datetime) -> None:
        """Who asks now will ask again, after the same time as before."""
        last, step = self._lately.get(promql, (None, None))
        if last is None or at > last:
            self._lately[promql] = at, step if last is None else at - last

    def _may_join(self, promql: str, at: datetime) -> bool:
        until = self._alone.get(promql)
        return (until is None or at >= until) and joins(promql)

    def _union(self, promql: str, at: datetime) -> _Union:
        unions = self._shelf.setdefault(at, [])
        for union in unions:
            if promql in union.queries or not union.left:
                union.queries.add(promql)
                return union
        union = _Union(at, {promql})
        unions.append(union)
        task = asyncio.create_task(self._run(union))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return union

    async def _run(self, union: _Union) -> None:
        try:
            await asyncio.sleep(self._gather)
            union.left = True
            self._expect(union)
            queries = sorted(union.queries)
            chunks = [queries[i : i + CHUNK] for i in range(0, len(queries), CHUNK)]
            await asyncio.gather(*(self._fetch(union, chunk) for chunk in chunks))
        finally:
            self._tidy()
            union.done.set()

    def _expect(self, union: _Union) -> None:
        """Those that will ask for this very instant are fetched along."""
        self._alone = {one: until for one, until in self._alone.items() if until > union.at}
        for promql, (last, step) in list(self._lately.items()):
            if union.at - last > REMEMBER:
                del self._lately[promql]
            elif union.at - last == step and self._may_join(promql, union.at):
                union.queries.add(promql)

    async def _fetch(self, union: _Union, chunk: Sequence[str], *, suspected: bool = False) -> None:
        """The answers to ``chunk``; a query without one is asked again by whoever wants it.

        ``suspected``: a union was refused, and what for is among these.
        """
        if len(chunk) == 1 and not suspected:
            await self._single(union, chunk[0])
            return
        try:
            reply = await self._send(joined(chunk), (union.at,))
        except RefusedError:
            await self._halve(union, chunk)
        except RolloutError:
            self._part(union, chunk)  # one that takes too long must not keep the others waiting
        else:
            answers = parted(chunk, reply)
            if answers is None:
                self._part(union, chunk)
            else:
                union.answers |= answers

    async def _single(self, union: _Union, promql: str) -> None:
        try:
            union.answers[promql] = await self._send(promql, (union.at,))
        except RolloutError as error:
            union.answers[promql] = error.with_traceback(None)  # which holds this frame

    async def _halve(self, union: _Union, chunk: Sequence[str]) -> None:
        """What ``chunk`` was refused for is left over in the end."""
        if len(chunk) == 1:
            self._part(union, chunk)
            return
        half = len(chunk) // 2
        for part in (chunk[:half], chunk[half:]):
            await self._fetch(union, part, suspected=True)

    def _part(self, union: _Union, queries: Sequence[str]) -> None:
        self._alone |= dict.fromkeys(queries, union.at + ALONE)

    def _tidy(self) -> None:
        for at in sorted(self._shelf)[:-SHELF]:
            if all(union.left for union in self._shelf[at]):
                del self._shelf[at]


@lru_cache(4096)  # asked of each query at each instant, and it reads all of the text
def joins(promql: str) -> bool:
    """Whether ``promql`` can stand in parentheses beside others and change none of them.

    Its brackets must close within it, and no comment may hide from us where it ends: Prometheus
    ends one at a carriage return, too.
    Source: Prometheus, promql/parser/lex.go, ``isEndOfLine``.
    """
    plain = promql.replace("\n", " ").replace("\t", " ")
    return "#" not in promql and plain.isprintable() and not texts.wrong(promql)


def joined(queries: Sequence[str]) -> str:
    """One query for all of ``queries``, told apart by their place."""
    return " or ".join(
        f'label_replace(({promql}), "{WHO}", "{place}", "", "")'
        for place, promql in enumerate(queries)
    )


def parted(queries: Sequence[str], reply: Reply) -> Mapping[str, Reply] | None:
    """The replies to each of ``queries``, from the one to all of them.

    None: it does not say whose it is, or of which of them something may be missing.
    """
    series: dict[str, list[Series]] = {str(place): [] for place in range(len(queries))}
    if reply.partial or any(one.labels.get(WHO) not in series for one in reply.series):
        return None
    for one in reply.series:
        labels = {name: value for name, value in one.labels.items() if name != WHO}
        series[one.labels[WHO]].append(Series(labels, one.points))
    return {promql: Reply(tuple(series[str(place)])) for place, promql in enumerate(queries)}
