"""Small builders with every default."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rollout.model.observation import Observation, SeenTraffic, SeenWorkload
from rollout.model.reasons import Verb
from rollout.model.spec import (
    Analysis,
    Approval,
    Canary,
    Failures,
    Metric,
    Request,
    Rollout,
    RolloutSpec,
    SecretRef,
    Step,
    Strategy,
    Webhook,
    Workload,
)
from rollout.model.status import (
    Attempt,
    Revision,
    RolloutStatus,
    Stage,
    StageStatus,
    StepStatus,
)
from rollout.model.traffic import Split, SubsetMode
from rollout.reconcile.look import Look

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PROMOTE = Request(Verb.PROMOTE, "1")
QA = Webhook("qa", "https://qa.example.com/gate", SecretRef("qa"))
LIMIT = Metric("errors-limit", query="errors", max=1, failures=Failures(consecutive=1))


def canary_spec(*weights: int, **changes: object) -> RolloutSpec:
    """A canary through these weights, judged by one plain limit."""
    steps = tuple(Step(weight=w, bake=MINUTE) for w in weights or (5, 50))
    return spec(Strategy(canary=Canary(steps)), **changes)


def spec(strategy: Strategy, **changes: object) -> RolloutSpec:
    """A spec of service shop with this strategy, judged by one plain limit."""
    plain = RolloutSpec(
        service="shop",
        revision="v1",
        workload=Workload(deployments="shop-{revision}"),
        strategy=strategy,
        analysis=Analysis(metrics=(LIMIT,)),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


MANAGED = canary_spec(5, 50, workload=Workload("shop-{revision}", scale="managed"))
"""One whose pods come and go at our word."""


def rollout(wanted: RolloutSpec, revision: str = "v1", commit: str = "c1") -> Rollout:
    """The Rollout shop/shop that asks for ``revision``."""
    return Rollout(
        name="shop",
        namespace="shop",
        uid="u1",
        generation=1,
        spec=replace(wanted, revision=revision),
        commit=commit,
    )


def look(
    status: RolloutStatus, *, deleting: bool = False, request: Request | None = None, **seen: Any
) -> Look:
    """A look at START at a rollout that asks for v2; four pods of v1 and v2 are ready."""
    pods = {name: workload(name) for name in ("v1", "v2")}
    plain = Observation(Revision("v2"), SeenTraffic(serving=("stable",)), workloads=pods)
    asked = replace(rollout(canary_spec(), "v2"), deleting=deleting, request=request)
    return Look(asked, status, replace(plain, **seen), START)


def workload(name: str, ready: int = 4, wanted: int = 4) -> SeenWorkload:
    labels = {"version": name}
    return SeenWorkload(
        name, f"shop-{name}", exists=True, wanted=wanted, ready=ready, labels=labels
    )


_STAGE = {"stage": "name", "since": "since"} | {
    name: name for name in ("split", "asked_at", "confirmed_at", "confirmed_by")
}
_ATTEMPT = {"attempt": "number"} | {
    name: name for name in (field.name for field in fields(Attempt)) if name != "number"
}


def changed(status: RolloutStatus, **flat: Any) -> RolloutStatus:
    """``status`` with these values where they belong: in its stage, its attempt or itself.

    ``stage`` is the stage's name, ``attempt`` the attempt's number.
    """
    stage = {_STAGE[name]: value for name, value in flat.items() if name in _STAGE}
    attempt = {_ATTEMPT[name]: value for name, value in flat.items() if name in _ATTEMPT}
    own = {k: v for k, v in flat.items() if k not in _STAGE and k not in _ATTEMPT}
    inner = replace(status.stage, **stage), replace(status.attempt, **attempt)
    return replace(status, stage=inner[0], attempt=inner[1], **own)


def status(**flat: Any) -> RolloutStatus:
    """As ``changed``, from nothing."""
    return changed(RolloutStatus(), **flat)


def at_step(index: int = 0, **changes: Any) -> RolloutStatus:
    """Stable is v1, and v2 is at this step of ``canary_spec()``, confirmed."""
    plain = RolloutStatus(
        stable=Revision("v1"),
        stable_subset="stable",
        subset_mode=SubsetMode.ROLE,
        revisions_isolated=True,
        epoch=7,
    )
    stage = StageStatus(Stage.STEPPING, START, Split.giving_canary((5, 50)[index]), START, START)
    step = StepStatus(index, f"step {index + 1}", START)
    attempt = Attempt(1, Revision("v2"), "canary", stable_pods=4, step=step)
    return changed(replace(plain, stage=stage, attempt=attempt), **changes)


def approved_at(weight: int) -> Strategy:
    """A canary that asks people at its first step, and then goes to a half."""
    first = Step(weight=weight, bake=MINUTE, approval=Approval())
    return Strategy(canary=Canary((first, Step(weight=50, bake=MINUTE))))


def baked() -> Strategy:
    """A canary of one step, whose old pods stay for ten minutes."""
    return Strategy(canary=Canary((Step(weight=50, bake=MINUTE),), 10 * MINUTE))
