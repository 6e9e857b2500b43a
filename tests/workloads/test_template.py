import re
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.model.spec import Canary, Rollout, RolloutSpec, Strategy, Workload
from rollout.workloads import configuration, template

Json = dict[str, Any]
POD: Json = {
    "metadata": {"labels": {"app": "shop"}},
    "spec": {
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [{"name": "init", "envFrom": [{"secretRef": {"name": "keys"}}]}],
        "containers": [
            {
                "name": "app",
                "image": "shop:1",
                "env": [
                    {"name": "A", "value": "1"},
                    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "env", "key": "b"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "c"}}},
                    {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                ],
                "envFrom": [{"configMapRef": {"name": "maybe", "optional": True}}],
            }
        ],
        "volumes": [
            {"name": "a", "configMap": {"name": "env"}},
            {"name": "b", "secret": {"secretName": "tls"}},
            {"name": "c", "emptyDir": {}},
            {
                "name": "d",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "more"}},
                        {"secret": {"name": "token"}},
                        {"serviceAccountToken": {"path": "t"}},
                    ]
                },
            },
        ],
    },
}
SPEC: Json = {"replicas": 3, "template": POD}


def config(kind: str, name: str, **more: Any) -> Json:
    metadata = {"name": name, "namespace": "shop", "resourceVersion": "5", "labels": {"x": "y"}}
    return {"kind": kind, "metadata": metadata, "data": {"k": name}, **more}


CONFIGS = [
    config("ConfigMap", "env"),
    config("ConfigMap", "more"),
    config("Secret", "keys", type="Opaque"),
    config("Secret", "tls", type="kubernetes.io/tls"),
    config("Secret", "token", type="kubernetes.io/service-account-token"),
    config("ConfigMap", "unrelated"),
]


def rollout(spec: Json = SPEC, name: str = "shop") -> Rollout:
    asked = RolloutSpec("shop", Workload(template=spec), Strategy(canary=Canary()))
    return Rollout(name, "shop", "u-1", 1, asked)


def test_all_that_a_template_names_is_found_once() -> None:
    found = [(n.kind, n.name, n.optional) for n in configuration.named(POD)]
    assert found == [
        ("ConfigMap", "env", False),
        ("ConfigMap", "maybe", True),
        ("ConfigMap", "more", False),
        ("Secret", "keys", False),
        ("Secret", "tls", False),
        ("Secret", "token", False),
    ]


def test_what_is_missing_is_said_unless_it_is_optional() -> None:
    assert configuration.missing(POD, CONFIGS[1:]) == ("configmap env is not there",)
    assert configuration.missing(POD, CONFIGS) == ()


def test_the_hash_is_ten_safe_characters_and_stays_the_same() -> None:
    found = template.revision(SPEC, CONFIGS)
    assert re.fullmatch("[bcdfghjklmnpqrstvwxz2456789]{10}", found)
    assert template.revision(deepcopy(SPEC), reversed(CONFIGS)) == found


def image() -> tuple[Json, list[Json]]:
    changed = deepcopy(SPEC)
    changed["template"]["spec"]["containers"][0]["image"] = "shop:2"
    return changed, CONFIGS


def content() -> tuple[Json, list[Json]]:
    return SPEC, [config("ConfigMap", "env", data={"k": "2"}), *CONFIGS[1:]]


def gone() -> tuple[Json, list[Json]]:
    return SPEC, CONFIGS[1:]


@pytest.mark.parametrize("change", [image, content, gone])
def test_other_pods_or_other_configuration_is_another_revision(change: Any) -> None:
    assert template.revision(*change()) != template.revision(SPEC, CONFIGS)


def touched() -> list[Json]:
    found = deepcopy(CONFIGS)
    found[0]["metadata"]["resourceVersion"] = "6"
    return [*found, config("ConfigMap", "another")]


def test_replicas_and_unrelated_objects_are_no_part_of_a_revision() -> None:
    assert template.revision(SPEC | {"replicas": 9}, touched()) == template.revision(SPEC, CONFIGS)


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_content_is_a_different_hash(one: str, two: str) -> None:
    first, second = (
        template.revision(SPEC, [config("ConfigMap", "env", data={"k": v})]) for v in (one, two)
    )
    assert (first == second) == (one == two)


def test_the_deployment_is_the_authors_with_our_labels_and_owner() -> None:
    made = template.objects(rollout(), "bcd", CONFIGS, 2).deployment
    ours = {"rollout.dev/rollout": "shop", "rollout.dev/revision": "bcd"}
    assert made["metadata"] == {
        "name": "shop-bcd",
        "namespace": "shop",
        "labels": ours,
        "ownerReferences": [
            {
                "apiVersion": "rollout.dev/v1alpha1",
                "kind": "Rollout",
                "name": "shop",
                "uid": "u-1",
                "controller": True,
            }
        ],
    }
    spec = made["spec"]
    assert (spec["replicas"], spec["minReadySeconds"], spec["selector"]) == (
        2,
        5,
        {"matchLabels": ours},
    )
    assert spec["template"]["metadata"]["labels"] == {"app": "shop", "version": "bcd"} | ours


def test_a_version_label_and_a_settling_time_of_the_authors_stay() -> None:
    spec = {"minReadySeconds": 0, "template": {"metadata": {"labels": {"version": "7"}}}}
    made = template.objects(rollout(spec), "bcd", [], 1).deployment["spec"]
    assert made["minReadySeconds"] == 0
    assert made["template"]["metadata"]["labels"]["version"] == "7"


def test_configuration_is_copied_and_the_pods_use_the_copies() -> None:
    made = template.objects(rollout(), "bcd", CONFIGS, 1)
    names = [c["metadata"]["name"] for c in made.configs]
    assert names == ["env-bcd", "more-bcd", "keys-bcd", "tls-bcd"]
    assert all(c["immutable"] and "resourceVersion" not in c["metadata"] for c in made.configs)
    assert [c.get("type") for c in made.configs] == [None, None, "Opaque", "kubernetes.io/tls"]
    used = [(n.kind, n.name) for n in configuration.named(made.deployment["spec"]["template"])]
    assert used == [
        ("ConfigMap", "env-bcd"),
        ("ConfigMap", "maybe"),
        ("ConfigMap", "more-bcd"),
        ("Secret", "keys-bcd"),
        ("Secret", "tls-bcd"),
        ("Secret", "token"),
    ]


def test_making_objects_changes_nothing_that_was_handed_in() -> None:
    before = deepcopy((SPEC, CONFIGS))
    template.objects(rollout(), "bcd", CONFIGS, 1)
    assert before == (SPEC, CONFIGS)


def test_a_long_name_is_cut_where_pods_and_labels_have_no_room_for_it() -> None:
    long = replace(rollout(), name="x" * 60 + "y" * 60)
    made = template.objects(long, "bcd", CONFIGS, 1).deployment
    assert made["metadata"]["name"] == long.deployment("bcd")
    labels = made["metadata"]["labels"].values()
    assert max(map(len, labels)) <= 63


def test_a_namesakes_objects_are_not_ours() -> None:
    made = template.objects(rollout(), "bcd", [], 1).deployment
    assert template.is_ours(made, rollout())
    made["metadata"]["ownerReferences"][0]["uid"] = "u-0"
    assert not template.is_ours(made, rollout())
    assert not template.is_ours(CONFIGS[0], rollout())


def test_beyond_the_history_the_oldest_go_with_their_configuration() -> None:
    owned = []
    for age, revision in enumerate(("old", "mid", "new", "live")):
        made = template.objects(rollout(), revision, CONFIGS[:1], 1)
        made.deployment["metadata"]["creationTimestamp"] = f"2026-01-0{age + 1}T00:00:00Z"
        owned += [*made.configs, made.deployment]
    gone = template.beyond([*owned, CONFIGS[0]], ["live"], 1)
    assert tuple((o["kind"], o["metadata"]["name"]) for o in gone) == (
        ("Deployment", "shop-mid"),
        ("Deployment", "shop-old"),
        ("ConfigMap", "env-mid"),
        ("ConfigMap", "env-old"),
    )
    assert template.beyond(owned, ["live", "old"], 5) == ()


def test_settings_that_change_no_pod_are_compared_by_what_the_template_says() -> None:
    stored = {
        "minReadySeconds": 5,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
    }
    said: list[tuple[Any, tuple[str, ...]]] = [
        ({}, ()),
        ({"minReadySeconds": 4}, ("minReadySeconds",)),
        ({"strategy": {"rollingUpdate": {"maxSurge": "25%"}}}, ()),
        ({"strategy": {"rollingUpdate": {"maxSurge": 0}}}, ("strategy",)),
        ({"strategy": {"type": "Recreate"}, "progressDeadlineSeconds": 9}, (
            "progressDeadlineSeconds", "strategy",
        )),
    ]  # fmt: skip
    for wanted, outdated in said:
        assert template.outdated({"spec": stored}, wanted) == outdated, wanted


def test_settings_are_put_whole_so_that_the_api_server_fills_in_the_rest() -> None:
    wanted = {"minReadySeconds": 4, "strategy": {"type": "Recreate"}}
    remembered = {"rollout.dev/settings": "minReadySeconds,strategy"}
    assert template.settle({"spec": {"minReadySeconds": 4}}, wanted) == [
        {"op": "add", "path": "/spec/strategy", "value": {"type": "Recreate"}},
        {"op": "add", "path": "/metadata/annotations", "value": remembered},
    ]
    assert template.settle({"spec": wanted}, wanted) == []


def stored(said: str, **spec: Any) -> dict[str, Any]:
    marks = {"annotations": {"rollout.dev/settings": said}} if said else {}
    return {"metadata": marks, "spec": {"minReadySeconds": 5, **spec}}


ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
USUAL = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}


def test_what_the_author_takes_back_is_the_default_again_and_is_not_fought_over() -> None:
    before = stored("progressDeadlineSeconds,strategy", strategy=ROLLING, progressDeadlineSeconds=9)
    assert template.outdated(before, {}) == ("progressDeadlineSeconds", "strategy")
    assert template.settle(before, {}) == [
        {"op": "add", "path": "/spec/progressDeadlineSeconds", "value": 600},
        {"op": "add", "path": "/spec/strategy", "value": USUAL},
        {"op": "remove", "path": "/metadata/annotations/rollout.dev~1settings"},
    ]
    half = {"strategy": {"rollingUpdate": {"maxSurge": 1}}}
    assert template.outdated(stored("strategy", strategy=ROLLING), half) == ("strategy",)
    others = stored("", strategy=ROLLING, progressDeadlineSeconds=9, revisionHistoryLimit=3)
    assert template.outdated(others, {}) == ()


def test_old_replica_sets_are_kept_as_the_author_says() -> None:
    said = {**SPEC, "revisionHistoryLimit": 3}
    made = [template.objects(rollout(s), "bcd", CONFIGS, 1).deployment for s in (SPEC, said)]
    assert [one["spec"]["revisionHistoryLimit"] for one in made] == [0, 3]
    assert made[1]["metadata"]["annotations"]["rollout.dev/settings"] == "revisionHistoryLimit"
    assert template.outdated(made[1], said) == ()


def test_a_revision_is_told_by_the_copies_of_what_is_gone() -> None:
    made = template.revision(SPEC, CONFIGS)
    copied = configuration.copies(POD, CONFIGS[:1], made)
    kept = configuration.originals(copied, made)
    assert template.revision(SPEC, [*CONFIGS[1:], *kept]) == made
    other = {**kept[0], "data": {"k": "other"}}
    assert template.revision(SPEC, [*CONFIGS[1:], other]) != made
