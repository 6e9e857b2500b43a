"""A Deployment's spec inside a Rollout: what no API server would take, or nobody would notice."""

from typing import Any

import pytest

from rollout.manifest import deployments

LABELS = {"app": "till"}
PODS = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "till", "image": "x:1"}]}}


def told(**spec: Any) -> list[str]:
    """What is said of a sound spec with these fields."""
    whole = {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": PODS} | spec
    return [
        f"{'.'.join(map(str, one.path))} {one.found}; {one.wanted}" for one in deployments.of(whole)
    ]


COUNT = "a whole number from 0 to 2147483647 is wanted"
SHARE = "a whole number of pods, or a share such as 25%, is wanted"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"replica": 3}, "replica is unknown; did you mean replicas?"),
    ({"minreadySeconds": 3}, "minreadySeconds is unknown; did you mean minReadySeconds?"),
    (
        {"metadata": {"name": "x"}},
        "metadata is unknown; one of replicas, selector, template, strategy, minReadySeconds, "
        "revisionHistoryLimit, progressDeadlineSeconds is wanted",
    ),
    ({"paused": True}, "paused is true; leave it out: no pod would come"),
    ({"replicas": -1}, f"replicas is -1; {COUNT}"),
    ({"replicas": 10**12}, f"replicas is 1000000000000; {COUNT}"),
    ({"minReadySeconds": -5}, f"minReadySeconds is -5; {COUNT}"),
    (
        {"minReadySeconds": 700},
        "minReadySeconds is 700, and progressDeadlineSeconds 600; the deadline must be longer",
    ),
    (
        {"strategy": {"type": "Rolling"}},
        "strategy.type is 'Rolling'; RollingUpdate or Recreate is wanted",
    ),
    (
        {"strategy": {"typ": "Recreate"}},
        "strategy.typ is unknown; did you mean type?",
    ),
    (
        {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
        "strategy.rollingUpdate is a mapping; leave it out with Recreate",
    ),
    (
        {"strategy": {"rollingUpdate": {"maxSurge": "25"}}},
        f"strategy.rollingUpdate.maxSurge is '25'; {SHARE}",
    ),
    (
        {"strategy": {"rollingUpdate": {"maxUnavailable": -1}}},
        f"strategy.rollingUpdate.maxUnavailable is -1; {SHARE}",
    ),
    (
        {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}},
        "strategy.rollingUpdate lets no pod come or go; "
        "maxSurge or maxUnavailable above 0 is wanted",
    ),
]


@pytest.mark.parametrize(("spec", "words"), WRONG)
def test_what_would_come_to_nothing_is_a_mistake(spec: dict[str, Any], words: str) -> None:
    assert told(**spec) == [words]


RIGHT: list[dict[str, Any]] = [
    {},
    {"replicas": 0, "minReadySeconds": 0, "revisionHistoryLimit": 3, "paused": False},
    {"paused": None, "metadata": None},
    {"minReadySeconds": 700, "progressDeadlineSeconds": 701},
    {"strategy": {"type": "Recreate"}},
    {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "100%"}}},
    {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}},
    {"strategy": {"rollingUpdate": {"maxSurge": 0}}},
]


@pytest.mark.parametrize("spec", RIGHT)
def test_what_the_api_server_takes_is_none(spec: dict[str, Any]) -> None:
    assert told(**spec) == []


ODD: list[Any] = [None, 7, "text", [], {}, True, [None], 1.5, {"x": None}]


@pytest.mark.parametrize("field", ["strategy", "replicas", "minReadySeconds", "selector"])
@pytest.mark.parametrize("value", ODD)
def test_whatever_stands_there_is_read(field: str, value: Any) -> None:
    told(**{field: value})
    told(strategy={"type": value, "rollingUpdate": value})
    told(strategy={"rollingUpdate": {"maxSurge": value, "maxUnavailable": value}})
