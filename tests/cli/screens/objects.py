"""What the golden screens show: one release of each kind, as it is half-way."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from rollout.manifest import record, switchovers, upgrades
from rollout.model.reasons import Cause, PauseKind, WaitsFor
from rollout.model.spec import BY_KUBERNETES
from rollout.model.status import (
    Answer,
    ConfirmedBy,
    Counted,
    Drift,
    Entry,
    Outcome,
    Pause,
    Phase,
    Rejected,
    Revision,
    RolloutStatus,
    Stage,
    Standing,
    StepStatus,
    Verdict,
)
from rollout.model.traffic import Split
from rollout.model.units import sentence
from tests import make
from tests.messages.test_upgrades import NOON, STATUS
from tests.upgrade.switchover.world import World, at, spec

NAMESPACE = "store"
NOW = NOON + timedelta(minutes=4)
MINUTE = timedelta(minutes=1)
OLD = Revision("f46tmnjwhr", "a3c8e1f2b4d6", "f46tmnjwhr", image="checkout:2.0")
NEW = Revision("6s929z52vt", "0b9d8c7e6f5a", "6s929z52vt", image="checkout:2.1")
CANARY: Mapping[str, Any] = {
    "service": "reviews",
    "revision": "v2",
    "workload": {"deployments": "reviews-{revision}"},
    "strategy": {
        "canary": {
            "steps": [
                {
                    "name": "staff",
                    "weight": 0,
                    "cohorts": [{"headers": {"x-insider": {"exact": "1"}}}],
                },
                {"weight": 5, "bake": "5m", "timeBox": "20m"},
                {"weight": 40, "bake": "5m", "approval": {}},
            ]
        }
    },
}
TEMPLATE: Mapping[str, Any] = {
    "service": "checkout",
    "workload": {
        "template": {
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": {
                "metadata": {"labels": {"app": "checkout"}},
                "spec": {"containers": [{"name": "app", "image": "registry.example/checkout:2.1"}]},
            },
        }
    },
    "strategy": {"canary": {"steps": [{"weight": 5, "bake": "5m"}, {"weight": 40}]}},
}


def _verdict(name: str, standing: Standing, counted: Counted | None, text: str) -> Verdict:
    return Verdict(name, Outcome.INCONCLUSIVE, text, standing, counted, step=1)


STEPPING = make.changed(
    make.status(
        phase=Phase.PROGRESSING,
        stage=Stage.STEPPING,
        waits_for=WaitsFor.BAKE,
        because="baking for 5m",
        stable=Revision("v1", "8d1e7b6a5c4f"),
        canary=Revision("v2", "3f2a9c81d07b", image="reviews:1.4.0"),
        step=StepStatus(1, "step 2", NOON),
        split=Split(95, 5),
        asked_at=NOON,
        confirmed_at=NOON + 4 * timedelta(seconds=1),
        confirmed_by=ConfirmedBy.SYNCZ,
    ),
    attempt=3,
    verdicts=(
        _verdict(
            "errors", Standing.CLEAN, Counted("errors", 0, 248, 3, 4686), "errors: no sign of harm"
        ),
        _verdict(
            "latency",
            Standing.CERTIFIED,
            Counted("latency>250ms", 2, 248, 61, 4686),
            "latency: certified",
        ),
        Verdict(
            "queue-depth",
            Outcome.ERROR,
            "queue-depth: prometheus gives 3 series; one number is wanted; sum() makes one",
            Standing.ERROR,
            step=1,
        ),
    ),
    approvals=(Answer(True, NOON, 0, 3, reason="looks good to QA", claimed="ada"),),
    warnings=("ROL-052: deployment store/reviews-v2: no readiness probe; a pod serves too early",),
    drift=Drift(2, NOON, "virtualservice reviews http[0] weights"),
)
WHY = "QA has tried it for half an hour already, see ticket SHOP-1234"
HISTORY = (
    Entry(
        *("3.7", NOON - 9 * MINUTE, Stage.PREPARING, "100/0"),
        because="v2 was pushed, v1 is stable",
        revision="v2",
    ),
    Entry(
        *("3.8", NOON - 8 * MINUTE, Stage.STEPPING, "100/0"),
        because="v2 is ready",
        revision="v2",
    ),
    Entry(
        *("3.9", NOON, Stage.STEPPING, "95/5"),
        because=sentence(f"step skipped by ada (unverified): {WHY}"),
        revision="v2",
        by=BY_KUBERNETES,
        request="skip@1",
        claimed="ada",
        reason=WHY,
    ),
)
REJECTED = make.changed(
    make.status(
        phase=Phase.DEGRADED,
        stage=Stage.IDLE,
        because=f"{NEW.title} was rejected: errors: canary 9.5% (57/600) vs stable 0.1%",
        stable=OLD,
        rejected=Rejected(
            NEW,
            "errors: canary 9.5% (57/600) vs stable 0.1% (6/6000)",
            NOON,
            Cause.ANALYSIS_FAILED,
        ),
    ),
    attempt=2,
)
PAUSED = make.changed(
    make.status(
        phase=Phase.PAUSED,
        stage=Stage.STEPPING,
        because="paused by ada (unverified): the warehouse is counting stock",
        stable=OLD,
        canary=NEW,
        step=StepStatus(0, "step 1", NOON - MINUTE),
        split=Split(95, 5),
        asked_at=NOON - MINUTE,
        confirmed_at=NOON - MINUTE,
        confirmed_by=ConfirmedBy.SHARE,
    ),
    pause=Pause(
        PauseKind.PERSON,
        "paused by ada (unverified): the warehouse is counting stock",
        NOON,
        "ada (unverified)",
    ),
)


_WORLD = World(spec(10, 50))
_WORLD.run(at(Split(90, 10)))
SWITCHED = _WORLD.time
"""When the switchover's first tenth has arrived."""


def _rollout(name: str, wanted: Mapping[str, Any], status: RolloutStatus) -> Mapping[str, Any]:
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": wanted,
        "status": record.rollout_json(status, {}, NOON),
    }


def _upgrade() -> Mapping[str, Any]:
    waves = [{"name": "rest", "oneAtATime": True}]
    return {
        "apiVersion": "rollout.dev/v1alpha1",
        "kind": "ControlPlaneUpgrade",
        "metadata": {"name": "screens"},
        "spec": {"from": "1-29-6", "to": "1-30-3", "waves": waves},
        "status": upgrades.status_json(STATUS, {}, NOON),
    }


def _switchover() -> Mapping[str, Any]:
    path = Path(__file__).parents[3] / "examples" / "switchover" / "switchover.yaml"
    written = next(yaml.safe_load_all(path.read_text()))
    return {
        **written,
        "metadata": {"name": "edge", "namespace": NAMESPACE},
        "status": switchovers.status_json(_WORLD.status, {}, SWITCHED),
    }


def objects() -> list[Mapping[str, Any]]:
    """Every object, each with its status."""
    history = make.changed(STEPPING, history=HISTORY)
    return [
        _rollout("reviews", CANARY, history),
        _rollout("checkout", TEMPLATE, REJECTED),
        _rollout("payments", TEMPLATE, PAUSED),
        _upgrade(),
        _switchover(),
    ]
