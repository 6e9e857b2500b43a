"""JSON Patch, merge patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import JSON_PATCH, STRATEGIC_PATCH, Api
from tests.contract.objects import WIDGET, config_map, deployment, widget

CONFIG = "v1/configmaps"
DEPLOYMENT = "apps/v1/deployments"


async def test_a_test_that_holds_lets_the_patch_through(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget(plain=["x", "y"]))
    answer = await api.patch(
        api.path(WIDGET, "a"),
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": made.version},
            {"op": "test", "path": "/spec/plain/0", "value": "x"},
            {"op": "replace", "path": "/spec/plain/0", "value": "z"},
            {"op": "add", "path": "/spec/plain/-", "value": "end"},
            {"op": "add", "path": "/metadata/annotations", "value": {"example.dev/a": "1"}},
            {"op": "remove", "path": "/spec/colour"},
        ],
        JSON_PATCH,
    )
    assert answer.code == 200
    assert answer["spec"] == {"size": 1, "plain": ["z", "y", "end"], "colour": "red"}
    assert answer["metadata"]["annotations"] == {"example.dev/a": "1"}


FAILING: list[dict[str, Any]] = [
    {"op": "test", "path": "/spec/size", "value": 9},
    {"op": "test", "path": "/spec/nothing", "value": 9},
    {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
    {"op": "replace", "path": "/spec/plain/7", "value": "x"},
    {"op": "replace", "path": "/spec/nothing/deep", "value": "x"},
    {"op": "remove", "path": "/spec/nothing"},
    {"op": "add", "path": "/spec/plain/9", "value": "x"},
    {"op": "jump", "path": "/spec/size"},
]


@pytest.mark.parametrize("operation", FAILING, ids=lambda o: f"{o['op']}{o['path']}")
async def test_an_operation_that_does_not_fit_is_a_422_and_nothing_changes(
    api: Api, operation: dict[str, Any]
) -> None:
    made = await api.post(api.path(WIDGET), widget(plain=["x"]))
    sent = [{"op": "replace", "path": "/spec/size", "value": 5}, operation]
    answer = await api.patch(api.path(WIDGET, "a"), sent, JSON_PATCH)
    assert answer.problem == (422, "Invalid")
    assert answer["message"] == ("the server rejected our request due to an error in our request")
    assert (await api.get(api.path(WIDGET, "a"))).body == made.body


async def test_replace_adds_a_missing_key_to_a_map(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map(k="1"))
    sent = [{"op": "replace", "path": "/data/new", "value": "2"}]
    answer = await api.patch(api.path(CONFIG, "a"), sent, JSON_PATCH)
    assert (answer.code, answer["data"]) == (200, {"k": "1", "new": "2"})


async def test_a_test_for_null_holds_where_nothing_is(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map(k="1"))
    sent = [{"op": "test", "path": "/data/new", "value": None}]
    assert (await api.patch(api.path(CONFIG, "a"), sent, JSON_PATCH)).code == 200


async def test_slashes_and_tildes_are_escaped_in_paths(api: Api) -> None:
    await api.post(api.path(WIDGET), widget(limits={"x/a~b": "1"}))
    patch = [{"op": "replace", "path": "/spec/limits/x~1a~0b", "value": "2"}]
    answer = await api.patch(api.path(WIDGET, "a"), patch, JSON_PATCH)
    assert answer["spec"]["limits"] == {"x/a~b": "2"}


async def test_a_patch_that_is_no_list_is_a_400(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map())
    assert (await api.patch(api.path(CONFIG, "a"), {"op": "test"}, JSON_PATCH)).code == 400


async def test_a_merge_patch_merges_maps_and_replaces_lists(api: Api) -> None:
    await api.post(api.path(WIDGET), widget(plain=["x", "y"], limits={"a": "1", "b": "2"}))
    patch = {"spec": {"plain": ["z"], "limits": {"a": None, "c": "3"}}}
    answer = await api.patch(api.path(WIDGET, "a"), patch)
    assert answer["spec"]["plain"] == ["z"]
    assert answer["spec"]["limits"] == {"b": "2", "c": "3"}


@pytest.mark.parametrize("resource", [CONFIG, WIDGET])
async def test_a_merge_patch_with_an_old_revision_is_a_conflict(api: Api, resource: str) -> None:
    sent = config_map() if resource == CONFIG else widget()
    await api.post(api.path(resource), sent)
    patch = {"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}}
    assert (await api.patch(api.path(resource, "a"), patch)).problem == (409, "Conflict")


async def test_a_patch_cannot_rename(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map())
    assert (await api.patch(api.path(CONFIG, "a"), {"metadata": {"name": "b"}})).code == 400
    assert (await api.patch(api.path(CONFIG, "a"), {"metadata": {"namespace": "b"}})).code == 400


async def test_a_patch_that_changes_nothing_is_no_new_revision(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget())
    same = await api.patch(api.path(WIDGET, "a"), {"spec": {"size": 1}})
    assert same.version == made.version


async def test_custom_resources_take_no_strategic_patch(api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    answer = await api.patch(api.path(WIDGET, "a"), {}, STRATEGIC_PATCH)
    assert answer.problem == (415, "UnsupportedMediaType")
    assert (await api.patch(api.path(WIDGET, "a"), {}, "text/x-nothing")).code == 415


def _pod_spec(found: Any) -> Any:
    return found["spec"]["template"]["spec"]


async def test_a_strategic_patch_merges_containers_by_name(api: Api) -> None:
    sent = deployment()
    _pod_spec(sent)["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    await api.post(api.path(DEPLOYMENT), sent)
    wanted = [
        {"name": "app", "image": "app:2", "env": [{"name": "B", "value": "2"}]},
        {"name": "side", "image": "side:1"},
    ]
    patch = {"spec": {"template": {"spec": {"containers": wanted}}}}
    answer = await api.patch(api.path(DEPLOYMENT, "a"), patch, STRATEGIC_PATCH)
    found = {one["name"]: one for one in _pod_spec(answer)["containers"]}
    assert {name: one["image"] for name, one in found.items()} == {
        "app": "app:2",
        "side": "side:1",
    }
    assert {env["name"] for env in found["app"]["env"]} == {"A", "B"}


async def test_a_strategic_patch_deletes_by_directive(api: Api) -> None:
    sent = deployment()
    _pod_spec(sent)["containers"].append({"name": "side", "image": "side:1"})
    await api.post(api.path(DEPLOYMENT), sent)
    gone = [{"name": "side", "$patch": "delete"}]
    patch = {"spec": {"template": {"spec": {"containers": gone}}}}
    answer = await api.patch(api.path(DEPLOYMENT, "a"), patch, STRATEGIC_PATCH)
    assert [one["name"] for one in _pod_spec(answer)["containers"]] == ["app"]


async def test_a_strategic_patch_replaces_a_list_of_plain_values(api: Api) -> None:
    sent = deployment()
    _pod_spec(sent)["containers"][0]["args"] = ["a", "b"]
    await api.post(api.path(DEPLOYMENT), sent)
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "app", "args": ["c"]}]}}}}
    answer = await api.patch(api.path(DEPLOYMENT, "a"), patch, STRATEGIC_PATCH)
    assert _pod_spec(answer)["containers"][0]["args"] == ["c"]
