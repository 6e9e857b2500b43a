"""Custom resources: validation, defaults, pruning, status, scale, generation, versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import JSON_PATCH, Api
from tests.contract.objects import GADGET, WIDGET, gadget, virtual_service, widget

VIRTUAL_SERVICE = "networking.istio.io/v1/virtualservices"

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a type": ({"size": "big"}, "spec.size"),
    "no integer": ({"size": 1.5}, "spec.size"),
    "too much": ({"size": 101}, "spec.size"),
    "too little": ({"size": -1}, "spec.size"),
    "an enum": ({"colour": "blue"}, "spec.colour"),
    "a pattern": ({"label": "ABC"}, "spec.label"),
    "too long": ({"label": "abcdefghi"}, "spec.label"),
    "neither int nor string": ({"port": True}, "spec.port"),
    "an empty list": ({"plain": []}, "spec.plain"),
    "no list": ({"plain": "x"}, "spec.plain"),
    "a value twice": ({"tags": ["x", "x"]}, "spec.tags[1]"),
    "a key twice": ({"parts": [{"name": "x"}, {"name": "x"}]}, "spec.parts[1]"),
    "a value of another type": ({"limits": {"a": 1}}, "spec.limits.a"),
    "null for something required": ({"size": None}, "spec.size"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_schema_refuses(api: Api, what: str) -> None:
    spec, field = WRONG[what]
    answer = await api.post(api.path(GADGET), gadget(**spec))
    assert answer.problem == (422, "Invalid")
    assert answer["details"]["kind"] == "Gadget"
    assert [cause["field"] for cause in answer["details"]["causes"]] == [field]


async def test_every_mistake_is_told_at_once(api: Api) -> None:
    answer = await api.post(api.path(GADGET), gadget(size=101, colour="blue"))
    fields = {cause["field"] for cause in answer["details"]["causes"]}
    assert fields == {"spec.size", "spec.colour"}
    assert answer["message"].startswith('Gadget.example.dev "a" is invalid: [')


async def test_a_schema_takes_what_it_says(api: Api) -> None:
    spec: dict[str, Any] = {
        "port": "http",
        "note": None,
        "label": "abc",
        "size": 0,
        "limits": {"a": "b"},
    }
    made = await api.post(api.path(WIDGET), widget(**spec))
    assert (made.code, made["spec"]) == (201, {**spec, "colour": "red"})


async def test_unknown_fields_go_and_defaults_come(api: Api) -> None:
    sent = widget(unknown=1, free={"any": [1]}, parts=[{"name": "a", "extra": 1}], colour=None)
    made = await api.post(api.path(WIDGET), {**sent, "other": 1})
    assert "other" not in made.body
    assert made["spec"] == {
        "size": 1,
        "colour": "red",
        "free": {"any": [1]},
        "parts": [{"name": "a"}],
    }


async def test_a_create_has_no_status_and_a_write_of_the_spec_leaves_it(api: Api) -> None:
    path = api.path(WIDGET, "a")
    made = await api.post(api.path(WIDGET), {**widget(), "status": {"phase": "Ready"}})
    assert "status" not in made.body
    await api.patch(f"{path}/status", {"status": {"phase": "Ready"}})
    patched = await api.patch(path, {"spec": {"size": 2}, "status": {"phase": "Lost"}})
    assert (patched["spec"]["size"], patched["status"]) == (2, {"phase": "Ready"})


async def test_a_write_of_the_status_leaves_everything_else(api: Api) -> None:
    path = api.path(WIDGET, "a")
    made = await api.post(api.path(WIDGET), widget())
    wanted = {"spec": {"size": 9}, "status": {"phase": "Ready"}, "metadata": {"labels": {"a": "b"}}}
    answer = await api.patch(f"{path}/status", wanted)
    assert (answer.code, answer["spec"], answer["status"]) == (
        200,
        made["spec"],
        {"phase": "Ready"},
    )
    assert "labels" not in answer["metadata"]
    assert answer["metadata"]["generation"] == 1
    assert answer.version != made.version
    assert (await api.get(f"{path}/status")).body == answer.body


async def test_a_status_is_replaced_only_on_the_latest_revision(api: Api) -> None:
    path = api.path(WIDGET, "a/status")
    made = await api.post(api.path(WIDGET), widget())
    first = await api.put(path, {**made.body, "status": {"phase": "One"}})
    second = await api.put(path, {**made.body, "status": {"phase": "Two"}})
    assert (first.code, second.problem) == (200, (409, "Conflict"))


async def test_a_status_is_patched_with_a_test_of_the_revision(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget())
    patch = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": made.version},
        {"op": "add", "path": "/status", "value": {"phase": "Ready"}},
    ]
    path = api.path(WIDGET, "a/status")
    assert (await api.patch(path, patch, JSON_PATCH)).code == 200
    assert (await api.patch(path, patch, JSON_PATCH)).code == 422


async def test_a_status_has_a_schema_too(api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    answer = await api.patch(api.path(WIDGET, "a/status"), {"status": {"phase": 1, "extra": 1}})
    assert [cause["field"] for cause in answer["details"]["causes"]] == ["status.phase"]


async def test_a_kind_without_the_subresource_has_status_as_a_field(api: Api) -> None:
    made = await api.post(api.path(GADGET), {**gadget(), "status": {"phase": "Ready"}})
    assert made["status"] == {"phase": "Ready"}
    assert (await api.get(api.path(GADGET, "a/status"))).code == 404


async def test_the_generation_counts_changes_of_the_spec_only(api: Api) -> None:
    path = api.path(WIDGET, "a")
    await api.post(api.path(WIDGET), widget())
    steps = [
        await api.patch(path, {"metadata": {"labels": {"a": "b"}}}),
        await api.patch(path, {"spec": {"size": 2}}),
        await api.patch(path, {"spec": {"size": 2}}),
        await api.patch(f"{path}/status", {"status": {"phase": "x"}}),
        await api.patch(path, {"spec": {"size": 3}}),
    ]
    assert [step["metadata"]["generation"] for step in steps] == [1, 2, 2, 2, 3]


async def test_scale_reads_and_writes_one_number(api: Api) -> None:
    path = api.path(WIDGET, "a")
    await api.post(api.path(WIDGET), widget(size=3))
    scale = await api.get(f"{path}/scale")
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale",
        {"replicas": 3},
        {"replicas": 0},
    )
    new = await api.put(f"{path}/scale", {**scale.body, "spec": {"replicas": 5}})
    assert (new.code, new["spec"]) == (200, {"replicas": 5})
    old = await api.put(f"{path}/scale", {**scale.body, "spec": {"replicas": 6}})
    assert old.problem == (409, "Conflict")
    assert (await api.get(path))["spec"]["size"] == 5


async def test_every_served_version_shows_the_same_object(api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    path = api.path("example.dev/v1beta1/widgets", "a")
    other = await api.get(path)
    assert (other["apiVersion"], other["spec"]["size"]) == ("example.dev/v1beta1", 1)
    changed = await api.patch(path, {"spec": {"size": 2}})
    assert changed["apiVersion"] == "example.dev/v1beta1"
    found = await api.get(api.path(WIDGET, "a"))
    assert (found["apiVersion"], found["spec"]["size"]) == ("example.dev/v1", 2)


async def test_a_definition_says_that_it_is_established(api: Api) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.dev"
    status = (await api.get(path))["status"]
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert status["acceptedNames"]["listKind"] == "WidgetList"
    assert status["storedVersions"] == ["v1"]


async def test_discovery_knows_a_custom_kind(api: Api) -> None:
    found = await api.get("/apis/example.dev/v1")
    named = {one["name"]: one for one in found["resources"]}
    assert {"widgets", "widgets/status", "widgets/scale", "gadgets"} == set(named)
    assert (named["widgets"]["kind"], named["widgets"]["shortNames"]) == ("Widget", ["wi"])
    groups = (await api.get("/apis"))["groups"]
    ours = next(group for group in groups if group["name"] == "example.dev")
    assert ours["preferredVersion"]["version"] == "v1"


async def test_istio_prunes_what_it_does_not_know(istio: Api) -> None:
    sent = virtual_service()
    sent["spec"]["http"][0]["wieght"] = 3
    sent["spec"]["unknown"] = {}
    made = await istio.post(istio.path(VIRTUAL_SERVICE), sent)
    assert (made.code, made["spec"]) == (201, virtual_service()["spec"])


async def test_istio_refuses_what_is_of_another_type(istio: Api) -> None:
    sent = virtual_service()
    sent["spec"]["http"][0]["route"][0]["weight"] = "100"
    answer = await istio.post(istio.path(VIRTUAL_SERVICE), sent)
    assert answer.problem == (422, "Invalid")
    fields = [cause["field"] for cause in answer["details"]["causes"]]
    # A 1.20 server leaves the indices out.
    wanted = "spec.http.route.weight" if istio.real else "spec.http[0].route[0].weight"
    assert fields == [wanted]


async def test_istio_takes_one_way_of_matching_at_a_time(istio: Api) -> None:
    sent = virtual_service()
    sent["spec"]["http"][0]["match"] = [{"uri": {"exact": "/a", "prefix": "/b"}}]
    answer = await istio.post(istio.path(VIRTUAL_SERVICE), sent)
    assert answer.problem == (422, "Invalid")


async def test_a_weight_moves_by_json_patch_and_nothing_else_does(istio: Api) -> None:
    made = await istio.post(istio.path(VIRTUAL_SERVICE), virtual_service())
    weights = ((0, 100, 95), (1, 0, 5))
    patch = [
        step
        for index, old, new in weights
        for path in [f"/spec/http/0/route/{index}/weight"]
        for step in (
            {"op": "test", "path": path, "value": old},
            {"op": "replace", "path": path, "value": new},
        )
    ]
    path = istio.path(VIRTUAL_SERVICE, "reviews")
    moved = await istio.patch(path, patch, JSON_PATCH)
    assert moved["spec"] == virtual_service(95, 5)["spec"]
    assert moved["metadata"]["generation"] == made["metadata"]["generation"] + 1
    assert (await istio.patch(path, patch, JSON_PATCH)).code == 422


async def test_a_destination_rule_keeps_its_subsets(istio: Api) -> None:
    spec = {
        "host": "reviews",
        "subsets": [{"name": "stable", "labels": {"version": "v1"}}],
        "trafficPolicy": {"outlierDetection": {"consecutive5xxErrors": 5, "nothing": 1}},
    }
    sent = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "reviews"},
        "spec": spec,
    }
    path = istio.path("networking.istio.io/v1/destinationrules")
    made = await istio.post(path, sent)
    assert made["spec"]["subsets"] == spec["subsets"]
    assert made["spec"]["trafficPolicy"] == {"outlierDetection": {"consecutive5xxErrors": 5}}
