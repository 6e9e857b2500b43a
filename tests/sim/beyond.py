"""Systems that the controller speaks to, as small as they can be: pods, Prometheus, proxies."""

import asyncio
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rollout.controller.metrics.together import WHO
from rollout.errors import Outside, OutsideError, RefusedError
from rollout.model.chat import Member
from rollout.model.observation import (
    HookAnswer,
    HookQuestion,
    HookVerdict,
    ProxySync,
    Reply,
    Series,
)
from tests import virtual
from tests.controller.shop import NAMESPACE, endpoints, obj
from tests.fakes_chat import FakeChat
from tests.fakes_repo import FakeRepo
from tests.make import START
from tests.sim.server import Commit, Json, Server

KUBELET = "kubelet"


@dataclass
class Past:
    """What something was, and since when: ``lately`` says what it was at all in a while."""

    times: list[float] = field(default_factory=lambda: [-math.inf])
    values: list[float] = field(default_factory=lambda: [0.0])

    def now(self, value: float) -> None:
        if value != self.values[-1]:
            self.times.append(virtual.passed())
            self.values.append(value)

    def at(self, when: float) -> float:
        return self.values[bisect_right(self.times, when) - 1]

    def lately(self, since: float) -> list[float]:
        """Every value from ``since`` on."""
        return self.values[bisect_right(self.times, since) - 1 :]


@dataclass(eq=False)
class Pods:
    """Deployments become pods, and pods endpoints; ``down``: pods of a revision that never are.

    ``ready``: how many are endpoints, by service and revision, ever since.
    """

    server: Server
    ready_after: float
    late: float = 0.0
    down: set[tuple[str, str]] = field(default_factory=set)
    ready: dict[tuple[str, str], Past] = field(default_factory=dict)
    _born: dict[str, float] = field(default_factory=dict)
    _run: dict[tuple[str, str], None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.listen.append(self._committed)

    def _committed(self, commit: Commit) -> None:
        meta = commit.new["metadata"]
        if commit.change.bucket == "Deployment" and meta["namespace"] == NAMESPACE:
            service = commit.new["spec"]["template"]["metadata"]["labels"]["app"]
            asyncio.get_running_loop().call_later(0.02, self.sync, service)

    def sync(self, service: str) -> None:
        """Pods and endpoints are what the Deployments and the world's state say."""
        ready = {revision: self._pods(service, revision) for revision in self._known(service)}
        asyncio.get_running_loop().call_later(self.late, self._serve, service, ready)

    def _known(self, service: str) -> list[str]:
        """Every revision that a Deployment of ``service`` runs, or ran."""
        for one in self.server.all("Deployment"):
            labels = one["spec"]["template"]["metadata"]["labels"]
            if one["metadata"]["namespace"] == NAMESPACE and labels["app"] == service:
                self._run.setdefault((service, labels["version"]))
        return [revision for known, revision in self._run if known == service]

    def _serve(self, service: str, ready: Mapping[str, int]) -> None:
        made = endpoints(service, ready)
        held = self.server.get("EndpointSlice", NAMESPACE, f"{service}-1")
        if held is None or held["endpoints"] != made["endpoints"]:
            self.server.put(made, actor=KUBELET)
        for revision, count in ready.items():
            self.ready.setdefault((service, revision), Past()).now(count)

    def _pods(self, service: str, revision: str) -> int:
        """How many are ready; the next ones make another sync."""
        name, now = f"{service}-{revision}", virtual.passed()
        deployment = self.server.get("Deployment", NAMESPACE, name)
        wanted = int(deployment["spec"].get("replicas", 1)) if deployment else 0
        pods = [f"{name}-h-{i}" for i in range(wanted)]
        for pod in [p for p in self._born if p.rpartition("-h-")[0] == name and p not in pods]:
            del self._born[pod]
            self.server.remove("Pod", NAMESPACE, pod, KUBELET)
        for pod in pods:
            if pod not in self._born:
                self._born[pod] = now
                self.server.put(_pod(name, pod, deployment or {}), actor=KUBELET)
        if (service, revision) in self.down:
            return 0
        waits = [self._born[pod] + self.ready_after - now for pod in pods]
        if young := [wait for wait in waits if wait > 1e-6]:
            asyncio.get_running_loop().call_later(max(young) + 0.001, self.sync, service)
        return sum(wait <= 1e-6 for wait in waits)


def _pod(name: str, pod: str, deployment: Json) -> Json:
    labels = {**deployment["spec"]["template"]["metadata"]["labels"], "pod-template-hash": "h"}
    made = obj("Pod", pod, {}, labels)
    owner = {"kind": "ReplicaSet", "name": f"{name}-h", "controller": True}
    return {**made, "metadata": {**made["metadata"], "ownerReferences": [owner]}}


_PART = re.compile(rf'label_replace\(\((.*?)\), "{WHO}", "(\d+)", "", ""\)')
"""One part of a union as ``rollout.controller.metrics.together`` writes it."""


@dataclass
class Numbers:
    """Prometheus: every rollout's limit reads what it is said to; ``trouble``: how it answers.

    ``bad``: that number ever since, by service.
    ``read``: the newest instant, in seconds of the play, that was told as one plain number.
    ``counters``: what answers queries of counters; None: nobody counts requests here.
    ``gateways``: what answers queries of the gateways of two clusters.
    ``pushes``: seconds that istiod says its pushes take; None: it is not scraped.
    ``asks``: how often it was asked for what.
    ``answered``: told of each query that had something for an answer.
    """

    trouble: str = ""
    latency: float = 0.01
    asks: Counter[str] = field(default_factory=Counter)
    bad: dict[str, Past] = field(default_factory=dict)
    blind: Past = field(default_factory=Past)
    uncounted: Past = field(default_factory=Past)
    read: dict[str, float] = field(default_factory=dict)
    counters: Callable[[str, Sequence[datetime]], Reply] | None = None
    gateways: Callable[[str, Sequence[datetime]], Reply] | None = None
    pushes: Callable[[], float] | None = None
    answered: Callable[[str, Sequence[datetime]], None] = lambda *_: None

    def says(self, trouble: str) -> None:
        self.trouble = trouble
        self.blind.now(bool(trouble) and trouble != "slow")
        self.uncounted.now(trouble not in ("", "slow", "two series"))  # sums of both are the same

    def of(self, service: str) -> Past:
        """What the limit of ``service`` has read ever since."""
        return self.bad.setdefault(service, Past())

    async def instant(self, promql: str, at: datetime) -> Reply:
        return await self._answer(promql, (at,))

    async def range(self, promql: str, start: datetime, end: datetime, step: timedelta) -> Reply:
        count = int((end - start) / step) + 1
        return await self._answer(promql, tuple(start + i * step for i in range(count)))

    async def _answer(self, promql: str, instants: tuple[datetime, ...]) -> Reply:
        await asyncio.sleep(15.0 if self.trouble == "slow" else self.latency)
        match self.trouble:
            case "down":
                raise OutsideError("prometheus: no answer", kind=Outside.SILENT)
            case "refuses":
                raise RefusedError("prometheus: 422 the query times out")
            case "empty":
                return Reply(())
        reply = self._told(promql, instants)
        if reply.series and not self.trouble:
            self.answered(promql, instants)
        return reply

    def _told(self, promql: str, instants: Sequence[datetime]) -> Reply:
        """What is known of the query; of a union, of each of its parts."""
        if parts := _PART.findall(promql):
            return self._together(parts, instants)
        self.asks[_about(promql)] += 1
        if promql.startswith("label_replace("):
            return self._counted(promql, instants)
        if "pilot_proxy_convergence_time" in promql and self.pushes is not None:
            return Reply((Series({}, tuple((at, self.pushes()) for at in instants)),))
        if not promql.startswith("errors_"):
            return Reply(())
        odd = {"nan": math.nan, "infinite": math.inf}.get(self.trouble)
        service = promql.removeprefix("errors_")
        past = self.of(service)
        if self.trouble in ("", "slow"):
            newest = (instants[-1] - START).total_seconds()
            self.read[service] = max(newest, self.read.get(service, 0.0))
        read = [past.at((at - START).total_seconds()) if odd is None else odd for at in instants]
        series = Series({}, tuple(zip(instants, read, strict=True)))
        twice = 2 if self.trouble == "two series" else 1
        return Reply((series,) * twice, partial=self.trouble == "partial")

    def _together(self, parts: Sequence[tuple[str, str]], instants: Sequence[datetime]) -> Reply:
        replies = [(place, self._told(promql, instants)) for promql, place in parts]
        series = (
            Series({**one.labels, WHO: place}, one.points)
            for place, reply in replies
            for one in reply.series
        )
        return Reply(tuple(series), partial=any(reply.partial for _, reply in replies))

    def _counted(self, promql: str, instants: Sequence[datetime]) -> Reply:
        """Istio's counters; where nobody counts requests, there are none."""
        asked = self.gateways if "source_workload=~" in promql else self.counters
        reply = asked(promql, instants) if asked else Reply(())
        odd = {"nan": math.nan, "infinite": math.inf}.get(self.trouble)
        series = reply.series
        if odd is not None:
            series = tuple(Series(s.labels, tuple((at, odd) for at, _ in s.points)) for s in series)
        if self.trouble == "two series":
            series = tuple(Series({**s.labels, "more": "x"}, s.points) for s in series) + series
        return Reply(series, partial=self.trouble == "partial")


def _about(promql: str) -> str:
    """What a query asks for, in a word."""
    if promql.startswith("label_replace("):
        return "counters"
    return "pushes" if "pilot_proxy_convergence_time" in promql else "limits"


@dataclass
class Gates:
    """HTTP gates, which all say the same; ``trouble``: what, if it is not open.

    ``opened``: what was said to be open: rollout, attempt and step. ``asked``: told each question.
    ``asks``: how many there were.
    """

    trouble: str = ""
    latency: float = 0.05
    opened: set[tuple[str, int, int]] = field(default_factory=set)
    asked: Callable[[HookQuestion], None] = lambda _: None
    asks: int = 0

    async def ask(
        self, question: HookQuestion, entries: Mapping[str, bytes], now: datetime
    ) -> HookAnswer:
        self.asks += 1
        self.asked(question)
        await asyncio.sleep(9.0 if self.trouble == "slow" else self.latency)
        match self.trouble:
            case "down":
                raise OutsideError("webhook qa: no answer", kind=Outside.SILENT)
            case "refuses":
                raise RefusedError("webhook qa: may not be asked")
            case "holds":
                return HookAnswer(question.nonce, HookVerdict.HOLD, "not yet")
            case "says failed":
                return HookAnswer(question.nonce, HookVerdict.FAILED, "the tests are red")
        self.opened.add((question.rollout, question.attempt, question.step))
        return HookAnswer(question.nonce, HookVerdict.OPEN)


@dataclass
class Istiod:
    """Proxies take what was written last after ``delay``; ``silent``: nobody says whether.
    ``alone``: it knows of no proxy.

    ``taken_at``: when the answer was last that they have everything. ``asks``: how often it was
    asked.
    """

    behind: bool = False
    silent: bool = False
    alone: bool = False
    delay: float = 0.5
    written_at: float = -math.inf
    taken_at: float = -math.inf
    asks: int = 0

    def committed(self, commit: Commit) -> None:
        if commit.change.bucket in ("VirtualService", "DestinationRule"):
            self.written_at = virtual.passed()

    async def synced(self, since: datetime) -> ProxySync | None:
        self.asks += 1
        if self.silent:
            return None
        if self.alone:
            return ProxySync(0, 0)
        if self.behind or virtual.passed() - self.written_at < self.delay:
            return ProxySync(3, 2, behind=1)
        self.taken_at = virtual.passed()
        return ProxySync(3, 3)


@dataclass
class Chat(FakeChat):
    """Slack; ``slow``: seconds that it takes to say who somebody is.

    ``asks``: how often it was asked who is in a group.
    """

    slow: float = 0.0
    asks: int = 0

    async def member(self, user: str) -> Member | None:
        if self.slow:
            await asyncio.sleep(self.slow)
        return await super().member(user)

    async def members(self, group: str) -> frozenset[str]:
        self.asks += 1
        if self.slow:
            await asyncio.sleep(self.slow)
        return await super().members(group)


@dataclass
class Repo(FakeRepo):
    """Git; ``tips``: what the branch has been at, and since when."""

    tips: list[tuple[float, str]] = field(default_factory=list)

    def push(self, files: Mapping[str, str], parent: str | None = None) -> str:
        commit = super().push(files, parent)
        self.tips.append((virtual.passed(), self.head))
        return commit

    def reset(self, commit: str) -> None:
        super().reset(commit)
        self.tips.append((virtual.passed(), commit))
