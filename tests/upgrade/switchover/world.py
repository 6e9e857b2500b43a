"""Two clusters, a zone and their visitors, as plain arithmetic: what a switchover meets, no I/O.

Times are whole seconds since ``START``; blue has served everyone for two hours before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rollout.model.finding import Finding
from rollout.model.observation import (
    Counting,
    Counts,
    CountsQuestion,
    NoAnswer,
    PodCount,
)
from rollout.model.reasons import Verb
from rollout.model.spec import Request
from rollout.model.status import Outcome
from rollout.model.switching import (
    DnsQuestion,
    Probed,
    RecordPair,
    RestartGateway,
    SeenCluster,
    SeenRecords,
    Served,
    SetWeights,
    Sighting,
    SwitchAction,
    SwitchDecision,
    SwitchQuestions,
)
from rollout.model.switchover import (
    Cluster,
    Dns,
    Probe,
    RecordObject,
    ShiftStep,
    Side,
    Switchover,
    SwitchoverSpec,
    SwitchoverStatus,
)
from rollout.model.traffic import Split
from rollout.upgrade import switchover as core

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOST = "shop.example.com"
TARGETS = {Side.BLUE: ("192.0.2.1",), Side.GREEN: ("198.51.100.1",)}
BOUNDS = (0.1, 0.5, 1.0)  # seconds
PAST = 3900
PLACE = "dnsendpoint shop/shop"


def spec(*weights: int, serve: Side = Side.GREEN, **changes: object) -> SwitchoverSpec:
    """A switchover by ``weights``, each of a minute at least."""
    given = SwitchoverSpec(
        blue=Cluster("blue"),
        green=Cluster("green", label="green"),
        dns=Dns((HOST,), (RecordObject("shop"),), ("ns1.example.com", "ns2.example.com")),
        probes=(Probe(f"https://{HOST}/health"),),
        serve=serve,
        steps=tuple(ShiftStep(weight) for weight in weights or (10, 50)),
        bake=timedelta(minutes=5),
        data_can_go_back=True,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


@dataclass
class World:
    """What is outside, and how it answers; ``look`` does one look of the core on it.

    ``delay``: seconds from a write to the name servers. ``ttl``: seconds that resolvers keep.
    ``lag``: seconds more until requests follow.
    ``bad``: the share of failing requests by side. ``rate``: requests a second of all users.
    ``stuck``: the share of users whose connections stay on blue until its gateway is restarted.
    """

    spec: SwitchoverSpec = field(default_factory=spec)
    status: SwitchoverStatus = field(default_factory=SwitchoverStatus)
    now: int = 0
    weights: tuple[int, int] = (100, 0)
    version: int = 1
    delay: int = 20
    ttl: int = 30
    lag: int = 10
    rate: int = 100
    stuck: float = 0.0
    restarts: set[Side] = field(default_factory=set)
    bad: dict[Side, float] = field(default_factory=lambda: {Side.BLUE: 0.001, Side.GREEN: 0.001})
    pods: dict[Side, int] = field(default_factory=lambda: {Side.BLUE: 4, Side.GREEN: 4})
    probes_fail: set[Side] = field(default_factory=set)
    unreachable: set[Side] = field(default_factory=set)
    untried: set[Side] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    silent_records: bool = False
    prometheus: bool = True
    findings: tuple[Finding, ...] = ()
    editor: str = ""
    request: Request | None = None
    deleting: bool = False
    story: list[str] = field(default_factory=list)
    written: list[tuple[int, int]] = field(default_factory=list)
    actions: list[SwitchAction] = field(default_factory=list)
    _changes: list[tuple[int, int]] = field(default_factory=list)
    _counted: list[dict[Side, tuple[float, float]]] = field(default_factory=list)
    _asked: int = 0
    _deleted_at: datetime | None = None

    def __post_init__(self) -> None:
        self._changes = [(-PAST, self._share())]
        whole = dict.fromkeys(Side, (0.0, 0.0))
        for second in range(-PAST, 0):
            whole = self._one_more(whole, second)

    # What happens

    @property
    def time(self) -> datetime:
        return START + self.now * SECOND

    @property
    def subject(self) -> Switchover:
        return Switchover(
            "edge",
            "shop",
            "u-1",
            1,
            self.spec,
            request=self.request,
            deleting=self.deleting,
            deleted_at=self._deleted_at if self.deleting else None,
        )

    def pass_time(self, seconds: int) -> None:
        """Users come, weights spread."""
        for _ in range(seconds):
            self._one_more(self._counted[-1], self.now)
            self.now += 1

    def edit(self, blue: int, green: int, by: str = "") -> None:
        """Somebody writes the weights."""
        self.weights, self.editor = (blue, green), by
        self.version += 1
        self._changes.append((self.now, self._share()))

    def ask(self, verb: Verb) -> None:
        """A person asks once."""
        self._asked += 1
        self.request = Request(verb, f"n{self._asked}")

    def look(self) -> SwitchDecision:
        """One look: ask, see, decide, remember, do."""
        if self.deleting and self._deleted_at is None:
            self._deleted_at = self.time
        questions = core.ask(self.subject, self.status, self.time)
        decision = core.decide(self.subject, self.status, self.see(questions), self.time)
        stage, because = decision.status.stage, decision.because
        line = f"{self.now:5} {stage.name:<10} {stage.split!s:<7} {because}"
        if not self.story or self.story[-1][6:] != line[6:]:
            self.story.append(line)
        self.status = decision.status
        for action in decision.actions:
            self.do(action)
        return decision

    def do(self, action: SwitchAction) -> None:
        """The action is done, if nobody wrote the object since it was seen."""
        self.actions.append(action)
        if isinstance(action, SetWeights) and action.versions == {PLACE: str(self.version)}:
            split = action.split
            self.written.append((split.stable, split.canary))
            self.edit(split.stable, split.canary)
        if isinstance(action, RestartGateway):
            self.restarts.add(action.side)

    def run(self, until: Callable[[SwitchDecision], bool], seconds: int = 7200) -> SwitchDecision:
        """Looks every five seconds, and at once where the core asks for it."""
        end = self.now + seconds
        while self.now <= end:
            decision = self.look()
            if until(decision):
                return decision
            if decision.look_again != timedelta(0):
                self.pass_time(5)
        raise AssertionError("\n".join(["it never came to that:", *self.story]))

    # What is seen

    def see(self, questions: SwitchQuestions) -> Sighting:
        counts, no_answers = self._counts(questions.counts)
        return Sighting(
            records=self.records(),
            clusters={side: self._cluster(side) for side in Side},
            served=self._served(questions.dns),
            probed=tuple(self._probed(side) for side in questions.probes),
            counts=counts,
            no_answers=no_answers,
            findings=self.findings if questions.preflight else (),
        )

    def records(self) -> SeenRecords:
        if self.silent_records:
            return SeenRecords(silent=(f"{PLACE}: no answer",))
        blue, green = self.weights
        pair = RecordPair(HOST, "A", PLACE, blue, green, self.ttl * SECOND, TARGETS)
        return SeenRecords((pair,), versions={PLACE: str(self.version)}, editor=self.editor)

    def share_at(self, second: int) -> float:
        """Green's share of resolutions that the name servers give out."""
        served = [share for at, share in self._changes if at + self.delay <= second]
        return (served or [self._changes[0][1]])[-1] / 100

    def _share(self) -> int:
        blue, green = self.weights
        return round(100 * green / (blue + green))

    def _one_more(
        self, before: dict[Side, tuple[float, float]], second: int
    ) -> dict[Side, tuple[float, float]]:
        green = self.share_at(second - self.ttl - self.lag)
        green *= 1 if self.restarts else 1 - self.stuck
        now = {}
        for side, share in ((Side.BLUE, 1 - green), (Side.GREEN, green)):
            total, bad = before[side]
            requests = self.rate * share
            now[side] = total + requests, bad + requests * self.bad[side]
        self._counted.append(now)
        return now

    def _cluster(self, side: Side) -> SeenCluster:
        if side in self.unreachable:
            return SeenCluster(side, problem="its API server does not answer")
        return SeenCluster(side, self.pods[side], 4)

    def _probed(self, side: Side) -> Probed:
        url = f"https://{HOST}/health"
        if side in self.untried:
            return Probed(side, url, "its address is not known", tried=False)
        return Probed(side, url, "connection refused" if side in self.probes_fail else "")

    def _served(self, question: DnsQuestion | None) -> tuple[Served, ...]:
        if question is None:
            return ()
        return tuple(
            self._answers(server, name, question.times)
            for server in question.servers
            for name in question.names
        )

    def _answers(self, server: str, name: str, times: int) -> Served:
        share = self._changes[0][1] / 100 if server in self.stale else self.share_at(self.now)
        green = round(times * share)
        told = {TARGETS[Side.BLUE][0]: times - green, TARGETS[Side.GREEN][0]: green}
        return Served(server, name, {k: n for k, n in told.items() if n}, self.ttl * SECOND)

    def _counts(
        self, questions: tuple[CountsQuestion, ...]
    ) -> tuple[tuple[Counts, ...], tuple[NoAnswer, ...]]:
        if not self.prometheus:
            gone = (NoAnswer(q.metric, Outcome.ERROR, "no answer") for q in questions)
            return (), tuple(gone)
        return tuple(self._count(q, at) for q in questions for at in q.instants), ()

    def _count(self, question: CountsQuestion, at: datetime) -> Counts:
        second = round((at - START) / SECOND)
        counted = self._counted[max(0, min(second + PAST, len(self._counted) - 1))]
        bounds = question.bounds or tuple(timedelta(seconds=b) for b in BOUNDS)
        slow = question.counting is Counting.SLOW
        pods = []
        for side in question.workloads:
            total, bad = counted[Side(side)]
            worse = tuple(round(total * 0.02 / (1 + i)) for i in range(len(bounds)))
            pods.append(
                PodCount(side, f"gw-{side}", worse if slow else (round(bad),), round(total))
            )
        return Counts(question.metric, at, tuple(pods), bounds if slow else ())


def at(split: Split) -> Callable[[SwitchDecision], bool]:
    """Until requests are known to divide so."""
    return lambda d: d.status.stage.split == split and d.status.stage.confirmed_at is not None
