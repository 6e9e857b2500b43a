"""Small builders with every default."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rollout.model.spec import (
    Analysis,
    Canary,
    Failures,
    Metric,
    Rollout,
    RolloutSpec,
    Step,
    Strategy,
    Workload,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
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
