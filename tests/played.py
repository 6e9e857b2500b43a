"""Played: a rollout as a script against real VirtualServices and DestinationRules in memory.

The sister of ``play.py``: there the world is made of nouns, here of the objects of examples, and
every patch is the translators' own.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rollout import reconcile
from rollout.cli.manifests.memory import MemoryCluster
from rollout.controller.doing.perform import Performer
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Held, Store
from rollout.controller.ports import Answers
from rollout.controller.seeing.observe import Observer, no_gates
from rollout.model.observation import CountsQuestion, ProxySync, Value, ValueQuestion
from rollout.model.spec import Finish, Rollout, Step, Strategy
from rollout.model.status import Phase, RolloutStatus, Stage
from tests import make

Json = Mapping[str, Any]
LOOKS = 800
MESH = ("VirtualService", "DestinationRule")


@dataclass
class Numbers:
    """Every metric reads ``value``; proxies have at once whatever they are sent, as of ``sent``."""

    value: float = 0.0
    sent: datetime | None = None

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        return (), tuple(Value(q.metric, q.instant, self.value) for q in values), ()

    async def synced(self, since: datetime) -> ProxySync:
        return ProxySync(2, 2 if self.sent is not None and self.sent >= since else 0)


@dataclass
class Played:
    """One rollout among ``objs``; ``splits`` are the shares that ordinary routes have had.

    ``authored``: the shares that people wrote, whatever they sum to.
    """

    rollout: Rollout
    cluster: MemoryCluster
    numbers: Numbers = field(default_factory=Numbers)
    status: RolloutStatus = field(default_factory=RolloutStatus)
    now: datetime = make.START
    splits: list[tuple[int, ...]] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    authored: set[tuple[int, ...]] = field(default_factory=set)
    story: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, rollout: Rollout, objs: Iterable[Json]) -> "Played":
        """Gates are bake times and one limit; people are not asked."""
        cluster = MemoryCluster()
        mine = {
            "kind": "Rollout",
            "metadata": {
                "name": rollout.name,
                "namespace": rollout.namespace,
                "finalizers": ["rollout.dev/finalizer"],
            },
        }
        cluster.put(mine, *objs)
        made = cls(_limited(rollout), cluster)
        made.authored = {shares for _, shares in made.shares()}
        return made

    async def until(self, phase: Phase, stage: Stage | None = None) -> None:
        """Looks, and time between them, until this phase (and stage)."""
        for _ in range(LOOKS):
            again = await self.look()
            if self.status.phase is phase and stage in (None, self.status.stage.name):
                return
            self.now += timedelta(seconds=15) if again is None else again
        raise AssertionError(f"never {phase} {stage}:\n" + "\n".join(self.story))

    async def settle(self) -> None:
        """Looks, and time between them, until nothing but an event could change anything."""
        for _ in range(LOOKS):
            again = await self.look()
            if again is None:
                return
            self.now += again
        raise AssertionError("never at rest:\n" + "\n".join(self.story))

    async def look(self) -> timedelta | None:
        """One look, and what may never be."""
        obj = self.cluster.get("Rollout", self.rollout.namespace, self.rollout.name)
        assert obj is not None
        held = Held(obj, self.rollout, self.status)
        inbox = of_rollouts(Store(self.cluster), lambda _: None)
        observer = Observer(self.cluster, self.numbers, self.numbers, no_gates, inbox)
        asked = reconcile.ask(self.rollout, self.status, self.now)
        seen = await observer.observe(held, asked)
        decision = reconcile.decide(self.rollout, self.status, seen, self.now)
        performer = Performer(self.cluster, Store(self.cluster), "test")
        for action in decision.actions:
            await performer.do(replace(held, status=decision.status), action, self.now)
        if any(write.kind in MESH for write in self.cluster.written):
            self.numbers.sent = self.now
        self.cluster.written.clear()
        self.status = decision.status
        self.story.append(f"{self.status.stage.name} {self.status.stage.split} {decision.because}")
        self._check()
        return decision.look_again

    def objects(self) -> dict[str, Json]:
        """What a person wrote, without what the API server writes: name to object."""
        return {_name(obj): _plain(obj) for kind in MESH for obj in self.cluster.list(kind)}

    def _check(self) -> None:
        for name, weights in self.shares():
            whole = len(weights) < 2 or sum(weights) == 100 or weights in self.authored
            assert whole, (self.story, name, weights)
            if name.startswith("rollout-"):
                self.made.add(name)
            elif weights not in self.splits[-1:]:
                self.splits.append(weights)

    def shares(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Each http route's name, and its weights as they are written."""
        for obj in self.cluster.list("VirtualService"):
            for route in obj["spec"].get("http") or ():
                weights = tuple(entry.get("weight", 0) for entry in route.get("route") or ())
                yield str(route.get("name", "")), weights


def foreign(obj: Json) -> Json:
    """``obj`` without what is ours to write: what is left may never change."""
    kept = deepcopy(dict(obj))
    kept["metadata"].pop("annotations", None)
    for kind in ("http", "tls", "tcp"):
        routes = kept["spec"].get(kind) or []
        mine = [r for r in routes if not str(r.get("name", "")).startswith("rollout-")]
        kept["spec"][kind] = [{k: v for k, v in r.items() if k != "route"} for r in mine]
    return kept


def _limited(rollout: Rollout) -> Rollout:
    """Minutes for days, one limit, nobody asked, and no hold at the end."""
    spec, strategy = rollout.spec, rollout.spec.strategy
    short = {"bake_after_promotion": make.MINUTE}
    plain = Strategy(
        canary=strategy.canary
        and replace(strategy.canary, steps=_alone(strategy.canary.steps), **short),
        dark=strategy.dark
        and replace(
            strategy.dark, steps=_alone(strategy.dark.steps), finish=Finish.PROMOTE, **short
        ),
        blue_green=strategy.blue_green
        and replace(strategy.blue_green, bake=make.MINUTE, approval=None, keep_warm=make.MINUTE),
    )
    analysis = replace(spec.analysis, metrics=(make.LIMIT,))
    return replace(rollout, spec=replace(spec, strategy=plain, analysis=analysis))


def _alone(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(replace(s, bake=make.MINUTE, approval=None, webhook=None) for s in steps)


def _name(obj: Json) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def _plain(obj: Json) -> Json:
    meta = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
    return deepcopy({**obj, "metadata": meta})
