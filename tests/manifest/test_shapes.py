"""Other people's objects of any shape: what is odd is named, and no reader stumbles over it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollout.controller.seeing import concerns
from rollout.istio import traffic
from rollout.manifest import load, shapes
from rollout.model.traffic import Route, Split, Target
from rollout.workloads import configuration, hpa, observed

Json = Mapping[str, Any]
FILE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web]
  http:
  - match:
    -
    route: [{destination: {host: web}}]
"""
SHOP = "shop.shop.svc.cluster.local"


def an(kind: str, **whole: Any) -> Json:
    meta = {"name": "shop", "namespace": "shop", "labels": {"a": "b"}, "annotations": {"c": "d"}}
    return {"kind": kind, "metadata": meta, **whole}


POD = {"labels": {"app": "shop"}, "annotations": {"a": "b"}}
CONTAINER = {"name": "shop", "envFrom": [{"configMapRef": {"name": "c"}}], "env": [{"name": "A"}]}
SOUND: Mapping[str, Json] = {
    "VirtualService": an(
        "VirtualService",
        spec={
            "hosts": ["shop"],
            "gateways": ["mesh"],
            "exportTo": ["*"],
            "http": [
                {"name": "api", "match": [{"uri": {"prefix": "/api"}}], "delegate": {"name": "x"}},
                {
                    "name": "primary",
                    "match": [{"headers": {"x": {"exact": "1"}}, "sourceLabels": {"a": "b"}}],
                    "mirrors": [{"destination": {"host": "other"}, "percentage": {"value": 5}}],
                    "route": [
                        {"destination": {"host": "shop", "subset": "stable"}, "weight": 60},
                        {"destination": {"host": "shop", "subset": "canary"}, "weight": 40},
                    ],
                },
            ],
        },
    ),
    "DestinationRule": an(
        "DestinationRule",
        spec={
            "host": "shop",
            "exportTo": ["."],
            "trafficPolicy": {"connectionPool": {"http": {"maxRetries": 1}}},
            "subsets": [
                {"name": "stable", "labels": {"version": "v1"}, "trafficPolicy": {"tls": {}}},
                {"name": "canary", "labels": {"version": "v2"}},
            ],
        },
    ),
    "Deployment": an(
        "Deployment",
        spec={
            "replicas": 2,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": POD, "spec": {"containers": [CONTAINER]}},
        },
    ),
    "Service": an("Service", spec={"selector": {"app": "shop"}, "ports": [{"port": 80}]}),
    "ConfigMap": an("ConfigMap", data={"A": "b"}),
    "HorizontalPodAutoscaler": an(
        "HorizontalPodAutoscaler",
        spec={"scaleTargetRef": {"kind": "Deployment", "name": "shop"}, "minReplicas": 2},
    ),
}
JUNK = st.sampled_from([None, 7, 0.5, True, "text", "", [], [None], {}, {"x": None}, [{"y": 1}]])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place below ``value`` that something else can be put in, but its kind and name."""
    if path and path not in (("kind",), ("metadata",), ("metadata", "name")):
        yield path
    inside = value.items() if isinstance(value, Mapping) else ()
    for key, each in inside if isinstance(value, Mapping) else enumerate(value or ()):
        if isinstance(each, Mapping | list) or isinstance(value, Mapping | list):
            yield from places(each if isinstance(each, Mapping | list) else None, (*path, key))


def spoilt(obj: Json, path: tuple[Any, ...], junk: Any) -> Any:
    made: Any = deepcopy(obj)
    at = made
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = junk
    return made


@st.composite
def objects(draw: st.DrawFn) -> Json:
    """A sound object with up to three places spoilt."""
    found = SOUND[draw(st.sampled_from(sorted(SOUND)))]
    for _ in range(draw(st.integers(0, 3))):
        found = spoilt(found, draw(st.sampled_from([*places(found)])), draw(JUNK))
    return found


def readers(obj: Json) -> None:
    """Everything that a look makes of an object of that kind."""
    target = Target("shop", "shop", SHOP, stable="stable", canary="canary")
    route = Route(Split.giving_canary(10))
    match obj["kind"]:
        case "VirtualService":
            traffic.seen([obj], [], target, route)
            traffic.seen([obj], [], target, None)
        case "DestinationRule":
            traffic.seen([SOUND["VirtualService"]], [obj], target, route)
        case "Deployment":
            observed.seen("v1", "shop", obj, [], [])
            configuration.named(obj["spec"]["template"])
        case "HorizontalPodAutoscaler":
            hpa.problem(obj)
            hpa.least(obj)
        case "ConfigMap":
            configuration.content({"spec": {"containers": [CONTAINER]}}, [obj])


@given(objects())
@settings(max_examples=600, suppress_health_check=list(HealthCheck))
def test_no_reader_stumbles_over_an_object_once_it_is_mended(obj: Json) -> None:
    concerns.of(obj)
    made = shapes.mended(obj)
    readers(made)
    assert shapes.odd(made) == ()
    assert (made is obj) == (shapes.odd(obj) == ())


NULLS: tuple[dict[str, Any], ...] = (
    {"mirrors": [{"destination": None}]},
    {"mirror": None},
    {"mirror": {}},
    {"route": [{"destination": {"host": None}}]},
    {"match": None},
)


@pytest.mark.parametrize("fields", NULLS, ids=str)
def test_null_is_read_as_nothing_wherever_it_stands(fields: dict[str, Any]) -> None:
    sound = SOUND["VirtualService"]
    route = {**sound["spec"]["http"][0], **fields}
    obj = {**sound, "spec": {**sound["spec"], "http": [route]}}
    concerns.of(obj)
    readers(shapes.mended(obj))


def same_places(one: Any, other: Any) -> bool:
    """Whether lists that are still lists have kept their length, at every depth."""
    if isinstance(one, list) and isinstance(other, list) and other:
        return len(one) == len(other) and all(map(same_places, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(same_places(value, other[key]) for key, value in one.items() if key in other)
    return True


@given(objects())
def test_elements_keep_their_places_so_that_a_patch_fits_the_object_as_it_is(obj: Json) -> None:
    assert same_places(obj, shapes.mended(obj))


@pytest.mark.parametrize("obj", SOUND.values(), ids=SOUND)
def test_a_sound_object_is_itself(obj: Json) -> None:
    assert shapes.odd(obj) == ()
    assert shapes.mended(obj) is obj


def test_an_oddity_is_told_with_its_file_and_line() -> None:
    assert [str(one) for one in load.oddities("web.yaml", FILE.encode())] == [
        "web.yaml:13: VirtualService http[0].match[0] is null; a mapping is wanted"
    ]


@pytest.mark.parametrize("path", sorted(Path("examples").rglob("*.yaml")), ids=str)
def test_nothing_in_the_examples_is_odd(path: Path) -> None:
    assert load.oddities(str(path), path.read_bytes()) == ()
