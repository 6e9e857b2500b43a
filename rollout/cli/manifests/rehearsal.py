"""A whole journey played in memory by the controller's own core and hands, as fast as it may go.

The gates but for the bake time are taken out: they say when, and a plan says what.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout import reconcile, strategies
from rollout.cli.manifests.memory import MemoryCluster
from rollout.controller.doing.perform import Performer
from rollout.controller.keeping.inbox import of_rollouts
from rollout.controller.keeping.store import Held, Store
from rollout.controller.ports import Answers
from rollout.controller.seeing import preflight
from rollout.controller.seeing.observe import Observer, no_gates
from rollout.istio import owner
from rollout.messages.planned import Moment, Planned
from rollout.model.action import Decision
from rollout.model.finding import Finding, Severity
from rollout.model.observation import (
    CountsQuestion,
    Observation,
    ProxySync,
    Questions,
    ValueQuestion,
)
from rollout.model.spec import Finish, Rollout, RolloutSpec, Step, Strategy
from rollout.model.status import (
    Attempt,
    Phase,
    Revision,
    RolloutStatus,
    Stage,
    StageStatus,
)
from rollout.model.traffic import SubsetMode
from rollout.model.units import counted

Json = Mapping[str, Any]

BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
LOOKS = 500
"""More than any journey takes: fifty steps of ten looks."""
NEXT = "next"
"""What the coming revision is called where git asks for what runs already."""
_SHOWN = (
    "VirtualService", "DestinationRule", "Deployment", "HorizontalPodAutoscaler", "ConfigMap",
    "Secret",
)  # fmt: skip
_TOLD = ("ROL-002", "ROL-010", "ROL-023", "ROL-026", "ROL-038", "ROL-062")
"""Rules whose warnings a plan tells: those about what the steps do, not about the pods."""
_BLIND = "there is no metric to judge by"  # true of a rehearsal, and no news


class _Nobody:
    """No metrics, and proxies that have everything at once."""

    async def ask(
        self, counts: tuple[CountsQuestion, ...], values: tuple[ValueQuestion, ...]
    ) -> Answers:
        return (), (), ()

    async def synced(self, since: datetime) -> ProxySync | None:
        return ProxySync(1, 1)


@dataclass(slots=True)
class _Stage:
    """The cluster, the controller's parts around it, and the clock."""

    cluster: MemoryCluster
    rollout: Rollout
    gates: tuple[Step, ...]
    whole: RolloutSpec
    status: RolloutStatus
    begin: datetime = BEGIN
    now: datetime = BEGIN
    because: str = ""
    journey: tuple[str, str] = ("", "")
    titles: tuple[str, str] = ("", "")
    invented: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    stands: tuple[str, ...] = ()
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster.put(_obj(self.rollout))

    async def look(self) -> Decision:
        """One look, as the controller takes it, but for its gates and its store."""
        held = Held(_obj(self.rollout), self.rollout, self.status)
        nobody, inbox = _Nobody(), of_rollouts(Store(self.cluster), lambda _: None)
        observer = Observer(self.cluster, nobody, nobody, no_gates, inbox)
        asked = reconcile.ask(self.rollout, self.status, self.now)
        seen = await observer.observe(held, asked)
        if asked.preflight:
            seen = replace(seen, findings=self._findings(asked, seen))
        decision = reconcile.decide(self.rollout, self.status, seen, self.now)
        performer = Performer(self.cluster, Store(self.cluster), "plan")
        held = replace(held, status=decision.status)
        for action in decision.actions:
            await performer.do(held, action, self.now)
        self._remember(decision)
        self.stands = _stands(decision.status, seen)
        self.status = decision.status
        return decision

    def _findings(self, asked: Questions, seen: Observation) -> tuple[Finding, ...]:
        """What the rules say of the journey with its gates, which the rehearsal leaves out."""
        spec = replace(
            self.rollout.spec, strategy=self.whole.strategy, analysis=self.whole.analysis
        )
        rollout, status = replace(self.rollout, spec=spec), self.status
        found = preflight.findings(
            self.cluster, rollout, asked.target, status.stable, status.attempt.canary or seen.asked
        )
        shown = (f for f in found if f.severity is Severity.WARN)
        told = (str(f) for f in shown if f.overruled or f.rule in _TOLD)
        self.warnings = tuple(dict.fromkeys((*self.warnings, *told)))
        return found

    def _remember(self, decision: Decision) -> None:
        """What was written in this look, as a moment; a new step is one even if nothing was."""
        written, self.cluster.written[:] = [*self.cluster.written], []
        before, after = self.status, decision.status
        if after.attempt.number > before.attempt.number:
            self.journey = (_name(after.stable), _name(after.attempt.canary))
            self.titles = (_title(after.stable), _title(after.attempt.canary))
        changes = tuple(each for each in written if each.kind in _SHOWN)
        step = (
            self.gates[after.attempt.step.index]
            if after.attempt.step and after.attempt.step != before.attempt.step
            else None
        )
        if changes or step is not None:
            promoted = _name(after.stable) == self.journey[1]
            weight = 100 if promoted else after.stage.split.canary
            because = _sentence(decision).removesuffix(_BLIND).rstrip(":; ")
            self.moments.append(Moment(self.now - self.begin, because, weight, changes, step))


def _stands(status: RolloutStatus, seen: Observation) -> tuple[str, ...]:
    """What the last look found in the way, each whole; empty where only ``because`` says it."""
    blocks = tuple(str(f) for f in seen.findings if f.severity is Severity.BLOCK)
    if seen.traffic.problems or status.stage.name is not Stage.PREPARING:
        return seen.traffic.problems or seen.traffic.refused or seen.traffic.gone
    return blocks


async def play(
    rollout: Rollout, objs: Iterable[Json], status: RolloutStatus, now: datetime = BEGIN
) -> Planned:
    """The journey that a push of ``rollout`` begins among ``objs``, or goes on with.

    ``status``: what is remembered of it; a fresh one adopts what serves. One that is under way is
    met where it is at ``now``, since the routes in ``objs`` are.
    Where git asks for what is stable already, the journey of a revision ``next`` is shown.
    """
    cluster = MemoryCluster()
    cluster.put(*_relevant(objs))
    stops = strategies.plan(rollout.spec.strategy).stops
    gates = tuple(stop.step for stop in stops)
    resting = status.stage.name is Stage.IDLE
    if resting:
        stage = _Stage(cluster, _ungated(rollout), gates, rollout.spec, _at_rest(status))
    else:
        met = _under_way(status)
        stage = _Stage(cluster, _ungated(rollout), gates, rollout.spec, met, now, now)
        sides = (status.stable, status.attempt.canary or status.stable)
        stage.journey = (_name(sides[0]), _name(sides[1]))
        stage.titles = (_title(sides[0]), _title(sides[1]))
        stage.notes = (_place(status),)
    await _until_rest(stage)
    if (
        resting
        and stage.status.attempt.number == status.attempt.number
        and stage.status.stable is not None
    ):
        _release_next(stage)
        await _until_rest(stage)
    return _planned(rollout, stage, cluster)


async def _until_rest(stage: _Stage) -> None:
    """Looks while time or the looks themselves change anything."""
    waited = timedelta(0)
    for _ in range(LOOKS):
        before = stage.status
        decision = await stage.look()
        if decision.status.attempt.pause is not None:
            return  # what it waited for is worth more than that it gave up
        stage.because = _sentence(decision)
        if decision.look_again is None and stage.status == before:
            return
        stuck = (
            stage.status.stage.name is before.stage.name
            and stage.status.attempt.step == before.attempt.step
        )
        waited = waited + (decision.look_again or timedelta(0)) if stuck else timedelta(0)
        if waited > timedelta(days=30):
            return
        stage.now += decision.look_again or timedelta(0)


def _release_next(stage: _Stage) -> None:
    """Somebody pushes a revision that has pods just like stable's."""
    spec, stable = stage.rollout.spec, stage.status.stable
    assert stable is not None  # noqa: S101 - asked before
    stage.moments.clear()
    stage.now = BEGIN
    stage.notes = (f"{_title(stable)} is stable already; this is what the next push does",)
    stage.invented = True
    if spec.workload.template is not None:
        template = deepcopy(dict(spec.workload.template))
        meta = template.setdefault("template", {}).setdefault("metadata", {})
        meta["annotations"] = {**(meta.get("annotations") or {}), "rollout.dev/revision": NEXT}
        workload = replace(spec.workload, template=template)
        stage.rollout = replace(stage.rollout, spec=replace(spec, workload=workload))
        return
    pattern = spec.workload.deployments or ""
    name = pattern.replace("{revision}", stable.name)
    runs = stage.cluster.get("Deployment", stage.rollout.namespace, name)
    if runs is not None:
        stage.cluster.put(_renamed(runs, stable, pattern.replace("{revision}", NEXT)))
    stage.rollout = replace(stage.rollout, spec=replace(spec, revision=NEXT))


def _renamed(deployment: Json, stable: Revision, name: str) -> Json:
    """The Deployment of ``next``: stable's with its labels' values changed."""
    made = deepcopy(dict(deployment))
    made["metadata"]["name"] = name
    for labels in (made["spec"]["template"]["metadata"]["labels"], *_match_labels(made)):
        for key, value in labels.items():
            labels[key] = NEXT if value == stable.name else value
    return made


def _match_labels(deployment: Json) -> Iterator[dict[str, str]]:
    yield (deployment["spec"].get("selector") or {}).get("matchLabels") or {}


def _ungated(rollout: Rollout) -> Rollout:
    """``rollout`` with bake times as its only gates, and no hold at its end."""
    spec = rollout.spec
    strategy = Strategy(
        canary=spec.strategy.canary
        and replace(spec.strategy.canary, steps=_plain(spec.strategy.canary.steps)),
        dark=spec.strategy.dark
        and replace(
            spec.strategy.dark, steps=_plain(spec.strategy.dark.steps), finish=Finish.PROMOTE
        ),
        blue_green=spec.strategy.blue_green
        and replace(spec.strategy.blue_green, analysis=(), approval=None, webhook=None),
    )
    analysis = replace(spec.analysis, metrics=(), templates=(), interval=timedelta(days=30))
    return replace(rollout, request=None, spec=replace(spec, strategy=strategy, analysis=analysis))


def _plain(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(replace(step, analysis=(), approval=None, webhook=None) for step in steps)


def _at_rest(status: RolloutStatus) -> RolloutStatus:
    """What a finished journey would remember: who is stable, and the subsets' names."""
    if status.stable is None:
        return RolloutStatus()
    return replace(
        status,
        stage=StageStatus(),
        attempt=Attempt(status.attempt.number, subset=status.attempt.subset),
        phase=Phase.HEALTHY,
        waits_for=None,
        because="",
        draining=None,
        rejected=None,
        history=(),
    )


def _under_way(status: RolloutStatus) -> RolloutStatus:
    """What a journey in its middle remembers, without what only its gates and people said."""
    attempt = replace(
        status.attempt, pause=None, drift=None, verdicts=(), approvals=(), checkpoint={}
    )
    return replace(status, attempt=attempt)


def _place(status: RolloutStatus) -> str:
    where = status.attempt.step.name if status.attempt.step else status.stage.name.value.lower()
    name = _title(status.attempt.canary or status.stable)
    percent = status.stage.split.canary
    return f"a journey of {name} is under way ({where}, {percent}%); this begins there"


def _relevant(objs: Iterable[Json]) -> list[Json]:
    wanted = (*_SHOWN, "Service", "AnalysisTemplate", "Gateway")
    return [obj for obj in objs if obj.get("kind") in wanted]


def _obj(rollout: Rollout) -> Json:
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": rollout.name,
            "namespace": rollout.namespace,
            "uid": rollout.uid,
            "finalizers": ["rollout.dev/finalizer"],
        },
    }


def _planned(rollout: Rollout, stage: _Stage, cluster: MemoryCluster) -> Planned:
    status = stage.status
    resting = status.stage.name is Stage.IDLE
    complete = resting and bool(stage.moments) and status.attempt.pause is None
    first, *others = stage.stands or (stage.because,)
    called = _renaming(stage)
    return Planned(
        rollout=rollout,
        strategy=_strategy(rollout.spec.strategy),
        stable=stage.journey[0] or _name(status.stable),
        canary=stage.journey[1] or rollout.spec.revision,
        titles=(stage.titles[0], called(stage.titles[1])),
        moments=tuple(replace(one, because=called(one.because)) for one in stage.moments),
        ends=called(stage.because if complete else f"stops here: {first}"),
        complete=complete,
        notes=(
            *stage.notes,
            *stage.warnings,
            *(() if complete else (f"in the way, too: {other}" for other in others)),
            *_notes(rollout, status),
        ),
        ignore=_rules(stage.moments, cluster),
    )


def _renaming(stage: _Stage) -> Callable[[str], str]:
    """Sentences in which a release that nobody has written yet has no hash: it is the next."""
    made = stage.journey[1]
    hashed = stage.invented and made and stage.rollout.spec.workload.template is not None
    return lambda text: text.replace(made, NEXT) if hashed else text


def _sentence(decision: Decision) -> str:
    """Why, uncut: a plan has room for what a column of a table has none for."""
    return decision.whole or decision.because


def _rules(moments: Iterable[Moment], cluster: MemoryCluster) -> dict[str, str]:
    """The ignore rules of the objects that a GitOps tool owns and this journey writes."""
    changes = (change for moment in moments for change in moment.changes)
    touched = {change.object: (change.kind, change.namespace, change.name) for change in changes}
    found = {name: cluster.get(*key) for name, key in sorted(touched.items())}
    return {name: owner.rule(obj) for name, obj in found.items() if obj and owner.rule(obj)}


def _notes(rollout: Rollout, status: RolloutStatus) -> Iterator[str]:
    if strategies.plan(rollout.spec.strategy).finish is Finish.HOLD:
        there = f"{rollout.name} -n {rollout.namespace}"
        yield f"after the last step it holds until `rollout promote {there}` or abort"
    if status.subset_mode is SubsetMode.VERSION:
        yield "subsets are named by version, so git's weights for them do not count from now on"


def _strategy(strategy: Strategy) -> str:
    if strategy.canary is not None:
        return f"canary strategy, {counted(len(strategy.canary.steps), 'step')}"
    return "dark release" if strategy.dark is not None else "blue-green"


def _title(revision: Revision | None) -> str:
    return revision.title if revision else ""


def _name(revision: Revision | None) -> str:
    return revision.name if revision else ""
