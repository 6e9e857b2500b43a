"""What the rules are asked about, and a Rollout about which they cannot be asked."""

from typing import Any

import pytest

from rollout import reconcile
from rollout.cli.cluster import SeenRollout
from rollout.cli.manifests import preflight as command
from rollout.controller.ports import Json
from rollout.controller.seeing import preflight
from rollout.errors import OutsideError
from rollout.manifest import objects
from rollout.model.finding import Finding, Severity
from rollout.model.status import Revision, RolloutStatus
from rollout.model.traffic import SubsetMode
from rollout.preflight.snapshot import Case
from tests.controller.shop import NAMESPACE, a_rollout
from tests.controller.shop import objects as shop_objects
from tests.fakes import FakeKube
from tests.make import START

V1 = Revision("v1")
TESTERS = {"name": "testers", "cohorts": [{"headers": {"x-tester": {"exact": "1"}}}], "bake": "1m"}
BY_VERSION: list[Json] = [
    {
        "kind": "DestinationRule",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {
            "host": "shop",
            "subsets": [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")],
        },
    },
    {
        "kind": "VirtualService",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {
            "hosts": ["shop"],
            "http": [{"route": [{"destination": {"host": "shop", "subset": "v1"}}]}],
        },
    },
]


def seen(kube: FakeKube) -> SeenRollout:
    obj = a_rollout(strategy={"canary": {"steps": [TESTERS, {"weight": 20}]}})
    kube.put(*shop_objects(), *BY_VERSION, obj)
    return SeenRollout(
        obj,
        objects.rollout(obj),
        RolloutStatus(stable=V1, stable_subset="v1", subset_mode=SubsetMode.VERSION),
    )


def test_at_rest_on_subsets_by_version_a_step_for_testers_is_no_trouble() -> None:
    kube = FakeKube()
    found = seen(kube)
    asked = reconcile.ask(found.rollout, found.status, START)
    told = preflight.findings(kube, found.rollout, asked.target, V1, None)
    assert [f for f in told if f.severity is Severity.BLOCK] == []
    assert [f for f in told if "could not be judged" in f.text] == []


class Broken(FakeKube):
    """A cluster in which asking for Services goes wrong."""

    error: Exception = OutsideError("service: forbidden")

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        if kind == "Service":
            raise self.error
        return super().get(kind, namespace, name)

    def list(self, kind: str, concern: str = "") -> Any:
        if kind == "Service":
            raise self.error
        return super().list(kind, concern)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OutsideError("service: forbidden"), "service: forbidden"),
        (StopIteration(), "it cannot be judged (a bug of ours: StopIteration: )"),
    ],
)
def test_a_rollout_that_cannot_be_judged_says_so_and_hides_nobody(
    error: Exception, told: str
) -> None:
    kube = Broken()
    kube.error = error
    found = seen(kube)
    findings = command.judged(kube, found)
    assert findings == (Finding(preflight.UNREAD, Severity.BLOCK, told),)


def test_what_is_odd_of_our_own_objects_blocks_with_its_path() -> None:
    kube = FakeKube()
    found = seen(kube)
    odd = {**BY_VERSION[1]["spec"], "http": [{"match": [None], **BY_VERSION[1]["spec"]["http"][0]}]}
    kube.put({**BY_VERSION[1], "spec": odd})
    asked = reconcile.ask(found.rollout, found.status, START)
    told = preflight.findings(kube, found.rollout, asked.target, V1, None)
    text = "virtualservice shop/shop: http[0].match[0] is null; a mapping is wanted"
    assert told[0] == Finding("ROL-000", Severity.BLOCK, text)
    assert [f for f in told if "could not be judged" in f.text] == []


def case_of(**spec: Any) -> Case:
    obj = a_rollout(**spec)
    kube = FakeKube()
    kube.put(*shop_objects(), *BY_VERSION, obj)
    rollout, status = objects.rollout(obj), RolloutStatus(stable=V1)
    return preflight.case(kube, rollout, reconcile.ask(rollout, status, START).target, V1, None)


def test_the_rules_are_asked_about_the_gates_and_what_a_person_has_overruled() -> None:
    judged = {"name": "own", "successRate": {"min": "99%"}}
    steps = [
        {"weight": 5, "analysis": [judged]},
        {"weight": 20, "analysis": [{**judged, "dryRun": True}]},
    ]
    case = case_of(
        strategy={"canary": {"steps": steps}},
        analysis={"metrics": [{"name": "q", "query": "up", "max": 1}], "reporter": "destination"},
        preflight={"overrule": [{"rule": "ROL-029", "reason": "b goes on Monday"}]},
    )
    assert (case.counted, case.server_side) == (("own",), True)
    assert case.overruled == {"ROL-029": "b goes on Monday"}


def test_the_default_gate_counts_requests() -> None:
    strategy = {"canary": {"steps": [{"weight": 5}]}}
    assert case_of(strategy=strategy, analysis={}).counted == ("errors", "latency")
