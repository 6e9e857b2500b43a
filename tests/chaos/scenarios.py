"""The journeys that go on while replicas are killed: a strategy, whose objects, what comes between.

Strategies, authors and workloads are the simulation's (tests/sim/plan.py), and the names are those
of its crash points (tests/sim/crashes.py); here they are written to a real API server.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollout.lab.kube.client import Object
from tests.cluster import objects as cluster
from tests.sim import objects as sim
from tests.sim.plan import AUTHORS, STRATEGIES, WORKLOADS, Subject

QUICK = {'"20s"': '"6s"', '"30s"': '"8s"', '"1m"': '"10s"', "https://qa.invalid": "{mesh}"}
"""What makes the simulation's strategies those of a clock on the wall."""
APPROVAL = {"approvers": ["kubernetes"], "expires": "2h"}
OTHER_STEPS = {"canary": {"steps": [{"weight": 10, "bake": "6s"}, {"weight": 40, "bake": "6s"}]}}


@dataclass(frozen=True, slots=True)
class When:
    """The first moment in which all is so that is named, by the stored status.

    ``share``: the canary has so many percent or more, at a step or before it is stable.
    ``waits``: for what.
    """

    share: int | None = None
    waits: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Happening:
    """``do``, as the simulation's mishaps are called, to ``on``; ``lasts``: in seconds."""

    do: str
    when: When
    on: str = ""
    lasts: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """``number`` names its Rollout; ``orderly``: every step is taken once, in its order.

    ``turn``: how often it was played before, each time in another namespace.
    """

    number: int
    name: str
    subject: Subject
    happenings: tuple[Happening, ...] = ()
    orderly: bool = True
    turn: int = 0

    @property
    def called(self) -> str:
        return f"shop{self.number:02}"

    @property
    def space(self) -> str:
        return f"chaos-{self.number:02}-{self.turn}"


_FIRST, _LATER = When(share=1), When(share=25)
_ANSWERS = {
    "approved": (Happening("request", When(waits="Approval"), "approve"),),
    "dark held": (Happening("request", When(share=0, phase="Paused"), "promote"),),
}
"""What people answer to the strategies that ask them."""
_EVENTS: Mapping[str, tuple[Happening, ...]] = {
    "it fails": (Happening("bad", _FIRST),),
    "aborted": (Happening("request", _LATER, "abort"),),
    "skipped": (Happening("request", _FIRST, "skip"),),
    "promoted": (Happening("request", _FIRST, "promote"),),
    "pushed over": (Happening("push", _LATER, "v3"),),
    "reverted": (Happening("push", _LATER, "v1"),),
    "deleted": (Happening("delete", _LATER),),
    "other steps": (Happening("spec edited", _LATER),),
    "somebody edits": (Happening("weights edited", _LATER),),
    "applied again": (Happening("mesh applied again", _LATER),),
    "pods lost": (Happening("canary crashes", _LATER, lasts=20.0),),
    "paused and resumed": (
        Happening("request", _LATER, "pause"),
        Happening("request", When(share=25, phase="Paused"), "resume"),
    ),
    "aborted and retried": (
        Happening("request", _LATER, "abort"),
        Happening("request", When(phase="Degraded"), "retry"),
    ),
}
_ODD = {"skipped", "promoted", "other steps", "applied again"}
"""Events after which a journey's steps cannot be told one by one, or are other ones."""
_MORE = (
    ("it fails", Subject("blue-green", "user", "role")),
    ("it fails", Subject("sticky", "managed", "role")),
    ("it fails", Subject("steps", "user", "version")),
    ("it fails", Subject("steps", "scaled", "role")),
    ("aborted", Subject("sticky", "user", "host")),
    ("reverted", Subject("steps", "managed", "role")),
    ("pushed over", Subject("steps", "managed", "role")),
)
"""Events to other journeys than steps of people's own pods."""


def scenarios() -> list[Scenario]:
    """Every strategy in every shape, and everything that may come between."""
    return [
        Scenario(number, name, subject, happenings, orderly)
        for number, (name, subject, happenings, orderly) in enumerate(_scenarios())
    ]


def _scenarios() -> Iterator[tuple[str, Subject, tuple[Happening, ...], bool]]:
    for strategy in STRATEGIES:
        for author in AUTHORS:
            for workload in WORKLOADS if author == "role" else WORKLOADS[:1]:
                name, subject = _named(strategy, author, workload)
                yield name, subject, _ANSWERS.get(strategy, ()), True
    for event, happenings in _EVENTS.items():
        yield f"steps, {event}", Subject(), happenings, event not in _ODD
    rejected = Happening("request", When(waits="Approval"), "reject")
    yield "approved, rejected", Subject("approved"), (rejected,), True
    for event, subject in _MORE:
        name, _ = _named(subject.strategy, subject.author, subject.workload)
        yield f"{name}, {event}", subject, _EVENTS[event], event not in _ODD


def _named(strategy: str, author: str, workload: str) -> tuple[str, Subject]:
    return f"{strategy}, {author}, {workload}", Subject(strategy, workload, author)


def strategy(subject: Subject, mesh: str) -> Any:
    """What its Rollout asks; ``mesh``: where the gate is."""
    text = json.dumps(sim.STRATEGIES[subject.strategy])
    for long, quick in QUICK.items():
        text = text.replace(long, quick)
    made = json.loads(text.replace("{mesh}", mesh))
    for step in made.get("canary", {}).get("steps", ()):
        if "approval" in step:
            step["approval"] = APPROVAL
    return made


def weights(strategy: Any) -> list[int]:
    """The shares that a journey by that strategy gives the canary, from nobody to everyone."""
    steps = strategy.get("canary", {}).get("steps", ())
    shares = [0, *(int(step.get("weight", 0)) for step in steps), 100]
    return list(dict.fromkeys(shares))


def rollout(scenario: Scenario, mesh: str, revision: str = "v1") -> Object:
    made = sim.spec(scenario.called, scenario.subject, revision)
    limit = {**made["spec"]["analysis"]["metrics"][0]}
    wanted = {
        **made["spec"],
        "strategy": strategy(scenario.subject, mesh),
        "analysis": {"interval": "3s", "metrics": [limit]},
    }
    return _placed(scenario, {**made, "spec": wanted})


def routes(scenario: Scenario) -> list[Object]:
    """The author's DestinationRule and VirtualService, as on their first day."""
    made = sim.mesh(scenario.called, scenario.subject)
    return [_placed(scenario, {**obj, "apiVersion": cluster.ISTIO}) for obj in made]


def begin(scenario: Scenario) -> list[Object]:
    """All that is there before the Rollout: stable runs, and serves everyone."""
    space, name, subject = scenario.space, scenario.called, scenario.subject
    service = cluster.service(space, name)[0]
    running = [
        cluster.deployment(space, name, revision, int(_runs(subject, revision)))
        for revision in sim.REVISIONS
    ]
    made = [cluster.namespace(space), service, *routes(scenario), *running]
    if subject.workload == "scaled":
        made.append(cluster.autoscaler(space, f"{name}-load", f"{name}-v1"))
    if subject.strategy == "gated":
        made.append(cluster.secret(space, "qa", "a-key-that-only-the-two-know-of"))
    return made


def _runs(subject: Subject, revision: str) -> bool:
    """Whether people have started it; behind a bare host only v1 runs before it is adopted."""
    return revision == "v1" or (subject.author != "host" and subject.workload == "user")


def _placed(scenario: Scenario, obj: Any) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": scenario.space}}
