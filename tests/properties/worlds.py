"""Every kind of journey in every kind of world, small enough to be drawn from."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from rollout.model.spec import (
    Approval,
    Autoscaler,
    BlueGreen,
    Canary,
    Dark,
    Finish,
    OnDrift,
    OnFailure,
    RolloutSpec,
    Step,
    Stickiness,
    Strategy,
    Traffic,
    Workload,
)
from rollout.model.status import Phase, Stage
from rollout.model.traffic import Cohort, Fault, StringMatch
from tests import make
from tests.make import MINUTE
from tests.play import Play, World

P = TypeVar("P", bound=Play)
TESTERS = Cohort(headers={"x-tester": StringMatch(exact="1")})

STRATEGIES: Mapping[str, Strategy] = {
    "canary": make.canary_spec(5, 25, 50).strategy,
    "testers first": Strategy(
        canary=Canary(
            (
                Step("testers", cohorts=(TESTERS,), mirror=0.1, fault=Fault(abort=503)),
                Step("some", weight=20, approval=Approval()),
                Step("half", weight=50, replicas=1),
            ),
            bake_after_promotion=5 * MINUTE,
        )
    ),
    "dark": Strategy(dark=Dark((Step(cohorts=(TESTERS,)), Step(mirror=0.5)), Finish.PROMOTE)),
    "dark, held": Strategy(dark=Dark((Step(mirror=0.5),))),
    "blue-green": Strategy(blue_green=BlueGreen((TESTERS,), keep_warm=10 * MINUTE)),
}
WORKLOADS: Mapping[str, Workload] = {
    "user": Workload(deployments="shop-{revision}"),
    "managed": Workload(deployments="shop-{revision}", scale="managed", min_canary_pods=2),
    "template": Workload(template={"replicas": 4}, drain=timedelta(0)),
    "autoscaled": Workload(template={}, drain=timedelta(0), autoscaler=Autoscaler("shop")),
    "autoscaled, managed": Workload(
        deployments="shop-{revision}", scale="managed", autoscaler=Autoscaler("shop")
    ),
}
CHANGES: Mapping[str, Mapping[str, object]] = {
    "plain": {},
    "sticky": {"traffic": Traffic(stickiness=Stickiness("reviews"))},
    "careful": {"on_drift": OnDrift.PAUSE, "on_failure": OnFailure.HOLD},
}
AUTHORS = ("", "stable", "v1")


def spec(strategy: str, workload: str, change: str) -> RolloutSpec:
    plain = make.spec(STRATEGIES[strategy], workload=WORKLOADS[workload])
    return replace(plain, **CHANGES[change])  # type: ignore[arg-type]


def begun(made: P) -> P:
    """The play once the pods of all revisions are there; only v1 has any when it is adopted."""
    made.world.pods.update(v2=4, v3=4)
    made.look()
    return made


def world(author: str) -> World:
    """Four pods of v1, which the author's routes reach; by version where they name it so."""
    names = ("v1", "v2", "v3") if author == "v1" else ()
    subsets: dict[str, Mapping[str, str]] = {name: {"version": name} for name in names}
    if author == "stable":
        subsets = {"stable": {"version": "v1"}}
    pods = {"v1": 4, "v2": 0, "v3": 0}
    return World(author=author, subsets=subsets, pods=pods, scaled="shop", fields_held=False)


def home(play: Play, limit: int = 300) -> Play:
    """A patient person sees the revision that git asks for through to the end."""
    for _ in range(limit):
        status = play.status
        asked = status.stable and status.stable.name == play.rollout.spec.revision
        if asked and (status.phase, status.stage.name) == (Phase.HEALTHY, Stage.IDLE):
            return play
        if status.rejected is not None:
            play.request("retry")
        elif status.attempt.pause is not None:
            # A no stays a no for its attempt: whoever wants it nevertheless must say promote.
            decided = "all steps" in status.because or "rejected by" in status.because
            play.request("promote" if decided else "resume")
        elif "approval" in status.because:
            play.request("approve")
        play.after(value=0.0, seconds=15)
    raise AssertionError(f"never home:\n{play}")
