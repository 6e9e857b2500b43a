"""The plan of an upgrade in words, and for machines."""

import json
from datetime import timedelta

from rollout.messages import waves
from rollout.messages.planned import Tone
from rollout.model.finding import Finding, Severity
from rollout.model.mesh import Restart
from rollout.model.ref import Ref
from rollout.model.upgradeplan import (
    PlannedSpace,
    PlannedStop,
    PlannedWave,
    PlannedWorkload,
    UpgradePlan,
)

WEB = PlannedWorkload(
    Ref("Deployment", "shop", "web"), 4, Restart.ANNOTATION, timedelta(seconds=80)
)
DB = PlannedWorkload(Ref("StatefulSet", "shop", "db"), 2, Restart.POD_BY_POD, timedelta(seconds=40))
SHOP = PlannedSpace(
    "shop",
    "istio.io/rev=prod",
    (WEB, DB),
    (Ref("PodDisruptionBudget", "shop", "tight"),),
    (Ref("Job", "shop", "sum"),),
    (Ref("Deployment", "shop", "edge"),),
    timedelta(seconds=120),
)
TAGGED = PlannedSpace("cart", "", (), takes=timedelta())
PLAN = UpgradePlan(
    "mesh",
    "1-29-6",
    "1-30-3",
    (
        PlannedWave("canary", (SHOP,), bake=timedelta(minutes=5), approval=True),
        PlannedWave("tagged", (TAGGED,), "prod", ("gone",), timedelta(minutes=5)),
    ),
    (PlannedStop("ingress/edge", "a second Deployment", timedelta(minutes=15)),),
    (PlannedStop("prod", "both carriers", timedelta(minutes=1)), PlannedStop("default", "all")),
    tuple("abcdef"),
    (Ref("Deployment", "plain", "own"),),
    timedelta(days=1),
    "asks",
)
FOUND = (
    Finding("UPG-012", Severity.BLOCK, "namespace x: names y"),
    Finding("UPG-038", Severity.INFO, "since 1.28: much"),
)
TEXT = """\
upgrade/mesh: 1-29-6 -> 1-30-3
2 waves, 2 namespaces, 2 workloads, 6 pods to restart
about 1d 28m in all; people and evidence may take longer
! UPG-012: namespace x: names y

wave canary: 1 namespace, 6 pods, about 7m
  bakes 5m, then asks people
  shop: istio.io/rev=prod -> istio.io/rev=1-30-3
    restarts 2 workloads, 6 pods, about 2m
    statefulset db pod by pod
    ! poddisruptionbudget tight lets no pod go now
    ! job sum cannot be restarted; the old revision stays until it is gone
    ! deployment edge would move in place

wave tagged: 1 namespace, 0 pods, about 5m
  bakes 5m
  tag prod moves to 1-30-3; labels stay as they are
  cart: by its tag
    restarts 0 workloads, 0 pods, about 0s
  ! not at 1-29-6: gone

gateway ingress/edge: about 15m
  a second Deployment

tag prod: about 1m
  both carriers

default: about 0s
  all

bake: 1d; nothing changes
then 1-29-6 is removed after a person's yes: no way back from there
! in no wave: a, b, c, d and 2 more
! named by their own pods: deployment plain/own"""


def test_a_plan_is_told_wave_by_wave() -> None:
    told = [line for line, _ in waves.lines(PLAN, FOUND)]
    assert "\n".join(told) == TEXT
    assert max(map(len, told)) <= 80


def test_what_a_person_must_look_at_stands_out() -> None:
    tones = dict(waves.lines(PLAN, FOUND))
    assert {tone for line, tone in tones.items() if line.lstrip().startswith("!")} == {Tone.WARNING}


def test_machines_get_all_of_it() -> None:
    told = waves.plain(PLAN, FOUND)
    assert json.loads(json.dumps(told)) == told
    assert (told["seconds"], told["pods"], told["removal"]) == (88080, 6, "asks")
    assert told["waves"][0]["namespaces"][0] == {
        "name": "shop",
        "label": "istio.io/rev=prod",
        "seconds": 120,
        "pods": 6,
        "workloads": [
            {"object": "deployment shop/web", "pods": 4, "restart": "annotation", "seconds": 80},
            {"object": "statefulset shop/db", "pods": 2, "restart": "pod by pod", "seconds": 40},
        ],
        "budgets": ["poddisruptionbudget shop/tight"],
        "left": ["job shop/sum"],
        "gateways": ["deployment shop/edge"],
    }
    assert told["findings"][0] == {
        "rule": "UPG-012",
        "severity": "block",
        "text": "namespace x: names y",
    }
