from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollout.errors import ManifestError
from rollout.manifest import objects
from rollout.model.reasons import Verb
from rollout.model.spec import (
    Analysis,
    AnalysisTemplateSpec,
    Canary,
    Metric,
    Request,
    Rollout,
    RolloutSpec,
    Strategy,
    TemplateUse,
    Workload,
)
from rollout.model.status import Revision, RolloutStatus, Subject

SPEC: dict[str, Any] = {
    "service": "shop",
    "revision": "v2",
    "workload": {"deployments": "shop-{revision}"},
    "strategy": {"canary": {}},
    "analysis": {"templates": [{"name": "defaults"}]},
}
METADATA: dict[str, Any] = {
    "name": "shop",
    "namespace": "market",
    "uid": "u-1",
    "generation": 4,
    "deletionTimestamp": "2026-03-01T13:00:00Z",
    "annotations": {
        "rollout.dev/commit": "c1",
        "rollout.dev/author": "ann@example.com",
        "rollout.dev/request": "abort@7f",
    },
}


def test_a_rollout_of_the_cluster_is_read_with_what_its_annotations_say() -> None:
    template = AnalysisTemplateSpec(metrics=(Metric("errors"),))
    obj = {"metadata": METADATA, "spec": SPEC}
    assert objects.rollout(obj, {"defaults": template, "others": template}) == Rollout(
        name="shop",
        namespace="market",
        uid="u-1",
        generation=4,
        spec=RolloutSpec(
            service="shop",
            revision="v2",
            workload=Workload(deployments="shop-{revision}"),
            strategy=Strategy(canary=Canary()),
            analysis=Analysis(templates=(TemplateUse("defaults"),)),
        ),
        commit="c1",
        author="ann@example.com",
        request=Request(Verb.ABORT, "7f"),
        deleting=True,
        deleted_at=datetime(2026, 3, 1, 13, tzinfo=UTC),
        templates={"defaults": template},
    )


def test_a_wrong_rollout_is_named_with_its_first_mistake() -> None:
    spec = SPEC | {"strategy": {"canary": {"steps": [{"weight": 50}, {"weight": 30}, {"w": 1}]}}}
    with pytest.raises(ManifestError) as caught:
        objects.rollout({"metadata": METADATA, "spec": spec})
    assert str(caught.value) == (
        "rollout market/shop: steps[2].w is unknown (and 1 more); one of name, weight, cohorts, "
        "mirror, fault, replicas, bake, timeBox, analysis, approval, webhook is wanted"
    )


@pytest.mark.parametrize("obj", [{}, {"spec": None}, {"metadata": 1, "spec": []}, {"spec": "x"}])
def test_an_object_of_any_shape_is_answered(obj: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        objects.rollout(obj)


@pytest.mark.parametrize(
    "text", ["@7f", "explode@7f", "abort@a b", "abort@" + "x" * 99, "abort 7f", "\u202eabort"]
)
def test_a_malformed_request_asks_for_nothing_and_is_kept_to_be_told(text: str) -> None:
    assert objects.request(text) is None
    assert objects.misread(text) == objects.one_line(text, 80)


@pytest.mark.parametrize("text", ["abort", "abort@", "ABORT@", " Abort\n"])
def test_whoever_writes_a_request_by_hand_may_leave_the_nonce_out(text: str) -> None:
    asked = objects.request(text)
    assert (asked, objects.misread(text)) == (Request(Verb.ABORT, ""), "")
    assert objects.request("abort@7f\n") == Request(Verb.ABORT, "7f")


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_no_request_is_none(text: str) -> None:
    assert (objects.request(text), objects.misread(text)) == (None, "")


def test_odd_metadata_keeps_nothing_from_being_looked_at() -> None:
    metadata = METADATA | {"generation": "x", "annotations": []}
    rollout = objects.rollout({"metadata": metadata, "spec": SPEC})
    assert (rollout.generation, rollout.request) == (0, None)


@pytest.mark.parametrize(
    ("spec", "channel", "listener"),
    [
        ({}, False, False),
        ({"notify": {"slack": "#a"}}, True, False),
        ({"notify": {"webhook": {"url": "https://a"}}}, False, True),
        ({"strategy": {"canary": {"steps": [{}, {"approval": {"slack": "#a"}}]}}}, True, False),
        ({"strategy": {"dark": {"steps": [{"approval": {"slack": "#a"}}]}}}, True, False),
        ({"strategy": {"blueGreen": {"approval": {"slack": "#a"}}}}, True, False),
        ({"strategy": {"canary": {"steps": [{"approval": {}}, 7]}}, "notify": []}, False, False),
    ],
)
def test_whether_anybody_is_told_of_it_is_known_without_reading_it_all(
    spec: dict[str, object], channel: bool, listener: bool
) -> None:
    obj = {"spec": spec}
    assert (objects.names_a_channel(obj), objects.names_a_listener(obj)) == (channel, listener)


def test_whose_pods_come_at_our_word_is_read_where_the_rest_of_a_spec_cannot_be() -> None:
    """Else pods that we had started would stay when nobody remembers the spec of before."""
    status = RolloutStatus(stable=Revision("v1"), subject=Subject("shop", "shop-{revision}"))
    managed = {"deployments": "other-{revision}", "scale": "managed", "drain": "5m"}
    unread = {**SPEC, "strategy": "none", "workload": managed}
    kept = objects.remembered({"metadata": METADATA, "spec": unread}, status)
    assert kept is not None
    wanted = Workload("shop-{revision}", scale="managed", drain=timedelta(minutes=5))
    assert kept.spec.workload == wanted
    odds: list[Any] = [{"scale": "managed"}, {**managed, "drain": -1}, {"template": {}}, "none"]
    for odd in odds:
        kept = objects.remembered({"metadata": METADATA, "spec": {"workload": odd}}, status)
        assert kept is not None
        assert kept.spec.workload == Workload("shop-{revision}")
