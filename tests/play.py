"""Play: a rollout as a script against a small world of nouns; prints the story when it fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rollout import reconcile
from rollout.model.action import (
    Action,
    Announce,
    Decision,
    EnsureWorkload,
    HandOver,
    LetGo,
    PointSubset,
    PruneWorkloads,
    ReleaseFields,
    ReleaseRoutes,
    RemoveSubset,
    Scale,
    SetRoute,
)
from rollout.model.finding import Finding
from rollout.model.observation import (
    Division,
    HookAnswer,
    HookQuestion,
    HookVerdict,
    NoAnswer,
    Observation,
    ProxySync,
    Questions,
    SeenAutoscaler,
    SeenTraffic,
    SeenWorkload,
    Serving,
    Value,
)
from rollout.model.reasons import Verb
from rollout.model.spec import Request, Rollout, RolloutSpec
from rollout.model.status import Outcome, Phase, Revision, RolloutStatus, Stage
from rollout.model.traffic import STABLE_ONLY, Route, Target
from tests import make

SETTLING = 40
"""Looks at one moment after which a story is a hot loop."""


_OF_THE_MESH = (SetRoute, ReleaseRoutes, PointSubset, RemoveSubset)


@dataclass
class World:
    """What the cluster holds, as far as the core can see it.

    ``route`` None: nothing of ours but, perhaps, the name of the stable subset.
    ``author``: the subset that the author's route names; "" for a host alone.
    ``home``, ``canary``: the subsets that the two sides of the routes name now.
    ``scaled``: what the autoscaler names; None: there is none. ``keda``: its problem, if any.
    ``webhook``: what every HTTP gate says; None: no answer yet. ``hooked``: whoever was asked.
    ``unwritable``: why a route with cohorts cannot be written.
    ``problems``: why pods do not come up; ``outdated``: settings of a Deployment, by revision.
    ``pods``: pods wanted, by revision; ``unready``: how many of them are not ready.
    ``builds``: what the Deployment of a revision runs, where that is more than its name;
    ``fields_held``: whether the objects name us as a manager; None: their server keeps no such
    list.
    ``replacing``: revisions whose Deployments still run pods of the build before.
    """

    route: Route | None = None
    author: str = "stable"
    home: str = ""
    canary: str = "canary"
    subsets: dict[str, Mapping[str, str]] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    pods: dict[str, int] = field(default_factory=dict)
    unready: dict[str, int] = field(default_factory=dict)
    builds: dict[str, str] = field(default_factory=dict)
    replacing: set[str] = field(default_factory=set)
    fields_held: bool | None = None
    epoch: int = 0
    taken: bool = True
    broken: str = ""
    unwritable: str = ""
    gone: str = ""
    owner: str = ""
    value: float | None = 0.0
    provider_down: bool = False
    scaled: str | None = None
    keda: str = ""
    findings: tuple[Finding, ...] = ()
    webhook: HookVerdict | None = None
    hooked: list[str] = field(default_factory=list)
    told: list[Announce] = field(default_factory=list)
    let_go: bool = False
    problems: dict[str, str] = field(default_factory=dict)
    outdated: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.author

    def ready(self, revision: str) -> int:
        return max(0, self.pods.get(revision, 0) - self.unready.get(revision, 0))

    def autoscale(self, pods: int) -> None:
        """The autoscaler wants ``pods`` of what it names, unless somebody has put it to 0."""
        name = (self.scaled or "").removeprefix("shop-")
        if self.pods.get(name):
            self.pods[name] = pods

    def split(self) -> Mapping[str, int]:
        """Share of ordinary requests by revision, in percent; "" where no subset tells."""
        shares: dict[str, int] = {}
        route = self.route or STABLE_ONLY
        for subset, weight in ((self.home, route.split.stable), (self.canary, route.split.canary)):
            if weight:
                name = self.subsets.get(subset, {}).get("version", "")
                shares[name] = shares.get(name, 0) + weight
        return shares

    def answer(
        self, asked: Questions, rollout: Rollout, stable: Revision | None, now: datetime
    ) -> Observation:
        """What a shell would see of this world."""
        name = rollout.spec.revision
        templated = rollout.spec.workload.template is not None
        build = "" if templated else self.builds.get(name, "")
        revision = Revision(name, rollout.commit, name if templated and self.builds else build)
        named = rollout.spec.workload.autoscaler
        autoscaler = self._autoscaler(named.name) if named else None
        down = self.provider_down
        others = [name for name in self.pods if stable is None or name != stable.name]
        return Observation(
            asked=revision,
            traffic=self._traffic(asked),
            workloads={r.name: self._workload(r.name) for r in (*asked.revisions, revision)},
            values=tuple(
                Value(q.metric, q.instant, self.value)
                for q in asked.values
                if self.value is not None and not down
            ),
            no_answers=tuple(
                NoAnswer(q.metric, Outcome.ERROR, "prometheus: no answer")
                for q in asked.values
                if down
            ),
            sync=ProxySync(3, 3) if self.taken else None,
            findings=self.findings if asked.preflight else (),
            webhook=self._hooked(asked.webhook),
            autoscaler=autoscaler,
            reached=self._reached() if asked.reached else None,
            strangers=sum(self.ready(name) for name in others),
        )

    def _autoscaler(self, name: str) -> SeenAutoscaler:
        if self.scaled is None:
            return SeenAutoscaler(name, exists=False, problem=f"hpa {name} is missing")
        return SeenAutoscaler(name, True, self.scaled, self.keda, self.owner)

    def _hooked(self, question: HookQuestion | None) -> HookAnswer | None:
        """What the HTTP gate has said by now; every nonce that it was asked is written down."""
        if question is None:
            return None
        self.hooked.append(question.nonce)
        return HookAnswer(question.nonce, self.webhook, "as told") if self.webhook else None

    def _traffic(self, asked: Questions) -> SeenTraffic:
        here = "virtualservice shop/shop http[0]"
        return SeenTraffic(
            managed=1,
            differences=() if self._as_asked(asked) else (here,),
            problems=(self.broken,) if self.broken else (),
            refused=(self.unwritable,) if self.unwritable and self._marked(asked) else (),
            gone=(self.gone,) if self.gone else (),
            divisions=(Division("http[0]", self._shares()),),
            subsets=self.subsets,
            serving=(self.home,),
            referenced=(self.home, *(() if self.route is None else (self.canary,))),
            made=tuple(sorted(self.made)),
            epoch=self.epoch,
            owner=self.owner,
            fields_held=bool(self.fields_held),
        )

    def _shares(self) -> dict[str, int]:
        """Percent of ordinary requests by subset, as the route has it."""
        split = (self.route or STABLE_ONLY).split
        sides = {self.home: split.stable, self.canary: split.canary}
        return {subset: weight for subset, weight in sides.items() if weight}

    def _reached(self) -> dict[str, tuple[Serving, ...]]:
        """Whose pods each side reaches: those that are ready, or else could be."""
        found = {}
        for side in self._shares():
            names = [name for name in self.pods if self._selects(side, name)]
            runs = [
                Serving(f"shop-{name}", Revision(name, "", self.builds.get(name, "")), ready)
                for name in names
                if (ready := self.ready(name)) or not any(map(self.ready, names))
            ]
            found[side] = tuple(runs)
        return found

    def _selects(self, subset: str, revision: str) -> bool:
        return not subset or self.subsets.get(subset, {}).get("version") == revision

    def _marked(self, asked: Questions) -> bool:
        return not asked.released and bool(asked.route.cohorts)

    def _as_asked(self, asked: Questions) -> bool:
        if asked.released:
            return self.route is None and self.home == self._given_back(asked.target)
        sides = (self.home, self.canary) == (asked.target.stable, asked.target.canary)
        return self.route == asked.route and sides

    def _given_back(self, target: Target) -> str:
        """What the author wrote, or the stable subset where that would reach others."""
        stays = self.author == target.stable or (not self.author and not target.apart)
        return self.author if stays else target.stable

    def _workload(self, name: str) -> SeenWorkload:
        exists = name in self.pods
        return SeenWorkload(
            revision=name,
            deployment=f"shop-{name}",
            exists=exists,
            wanted=self.pods.get(name, 0),
            ready=self.ready(name),
            labels={"version": name} if exists else {},
            problem=self.problems.get(name, ""),
            outdated=self.outdated.get(name, ()),
            build=self.builds.get(name, "") if exists else "",
            replacing=name in self.replacing,
        )

    def perform(self, action: Action) -> None:  # noqa: C901, PLR0912 - one exhaustive match
        """The action's state becomes the world's."""
        if self.fields_held is not None and isinstance(action, _OF_THE_MESH):
            self.fields_held = True
        match action:
            case SetRoute():
                self.route, self.epoch = action.route, action.epoch
                self.home, self.canary = action.target.stable, action.target.canary
            case ReleaseRoutes():
                self.route, self.epoch = None, 0
                self.home = self._given_back(action.target)
            case PointSubset():
                if action.name not in self.subsets:
                    self.made.add(action.name)
                self.subsets[action.name] = action.labels
            case RemoveSubset():
                assert action.name in self.made, f"not ours: {action}"
                self.made.discard(action.name)
                del self.subsets[action.name]
            case ReleaseFields():
                self.fields_held = None if self.fields_held is None else False
                self.epoch = 0 if action.marks else self.epoch
            case EnsureWorkload():
                self.pods[action.revision.name] = action.replicas
                self.outdated.pop(action.revision.name, None)
            case Scale():
                self.pods[action.name.removeprefix("shop-")] = action.replicas
            case HandOver():
                self.scaled = action.deployment
            case Announce():
                self.told.append(action)
            case LetGo():
                self.let_go = True
            case PruneWorkloads():
                kept = {*action.keep, *list(self.pods)[-action.history :]}
                self.pods = {name: n for name, n in self.pods.items() if name in kept}


class Play:
    """A story: pushes, time and mishaps; every look and its reason is written down."""

    def __init__(
        self,
        spec: RolloutSpec | None = None,
        world: World | None = None,
        *,
        revision: str = "v1",
    ) -> None:
        self.spec = spec or make.canary_spec()
        self.world = world or World(
            subsets={"stable": {"version": "v1"}}, pods={"v1": 4, "v2": 4, "v3": 4}
        )
        self.rollout = make.rollout(self.spec, revision)
        self.status = RolloutStatus()
        self.now = make.START
        self.story: list[str] = []
        self.commits = 1
        self.decision: Decision | None = None
        self.look()

    def push(self, revision: str) -> "Play":
        """A commit asks for ``revision``."""
        self.commits += 1
        self.rollout = replace(
            self.rollout,
            spec=replace(self.rollout.spec, revision=revision),
            commit=f"c{self.commits}",
            generation=self.rollout.generation + 1,
        )
        self._tell(f"push {revision}")
        return self.look()

    def request(self, verb: str, who: str = "") -> "Play":
        """A person asks for ``verb``."""
        nonce = str(len(self.story))
        self.rollout = replace(self.rollout, request=Request(Verb(verb), nonce, who))
        self._tell(f"request {verb}")
        return self.look()

    def after(self, *, value: float | None = 0.0, **time: float) -> "Play":
        """Time passes while the limit metric reads ``value``."""
        self.world.value = value
        self.now += timedelta(**time)
        self._tell(f"+{timedelta(**time)} value={value}")
        return self.look()

    def look(self) -> "Play":
        """Looks until nothing is left to do at this moment."""
        for _ in range(SETTLING):
            before = self.status
            decision = self.look_once()
            settled = decision.look_again != timedelta(0) and self.status == before
            if settled or self.world.let_go:
                return self
        raise AssertionError(f"a hot loop:\n{self}")

    def look_once(self, *, stop_after: int | None = None, lost: bool = False) -> Decision:
        """One look; ``stop_after`` actions the world ends (a crash between two effects).

        ``lost``: somebody else wrote the status first, so nothing is remembered and done.
        """
        questions = reconcile.ask(self.rollout, self.status, self.now)
        seen = self.world.answer(questions, self.rollout, self.status.stable, self.now)
        decision = reconcile.decide(self.rollout, self.status, seen, self.now)
        if lost:
            return decision
        self.status = decision.status
        self.decision = decision
        for action in decision.actions[:stop_after]:
            self.world.perform(action)
        if decision.actions or decision.because not in (self.story[-1:] or [""])[0]:
            self._tell(f"   {[type(a).__name__ for a in decision.actions]} {decision.because}")
        return decision

    def delete(self) -> "Play":
        """The Rollout is deleted; our finalizer holds it."""
        self.rollout = replace(self.rollout, deleting=True)
        self._tell("delete")
        return self.look()

    def until(self, phase: Phase, stage: Stage | None = None, *, limit: int = 400) -> "Play":
        """Time passes in quarter minutes until this phase (and stage)."""
        for _ in range(limit):
            if self.status.phase is phase and stage in (None, self.status.stage.name):
                return self
            self.after(value=self.world.value, seconds=15)
        raise AssertionError(f"never {phase}:\n{self}")

    def gives(self, **shares: int) -> "Play":
        """Ordinary requests divide like this, by revision."""
        assert dict(self.world.split()) == shares, f"{dict(self.world.split())}\n{self}"
        return self

    def _tell(self, line: str) -> None:
        self.story.append(line)

    def __str__(self) -> str:
        end = f"{self.status.phase} {self.status.stage.name} {self.status.stage.split}"
        return "\n".join((*self.story, end))
