"""Server-side apply, and who manages what.

A 1.20 server takes the lists of custom resources as atomic, whatever their schema says, so keyed
lists are tried with a Deployment here and with custom resources in tests/lab/apiserver.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.client import JSON_PATCH, Api, Json
from tests.contract.objects import WIDGET, config_map, deployment, widget

CONFIG = "v1/configmaps"
DEPLOYMENT = "apps/v1/deployments"


def leaves(fields: Json, path: str = "") -> Iterator[str]:
    """Paths of what is managed, without the maps around it, in which versions differ."""
    for key, below in fields.items():
        if key != "." and (not below or set(below) == {"."}):
            yield f"{path}/{key}"
        yield from leaves(below, f"{path}/{key}")


def managed(found: Any) -> dict[tuple[str, str], set[str]]:
    """Leaves by manager and operation."""
    return {
        (entry["manager"], entry["operation"]): set(leaves(entry["fieldsV1"]))
        for entry in found["metadata"].get("managedFields", [])
    }


async def test_an_apply_creates_and_manages_just_what_it_says(api: Api) -> None:
    made = await api.apply(api.path(WIDGET, "a"), widget(limits={"x": "1"}), "one")
    assert made.code == 201
    assert made["spec"] == {"size": 1, "colour": "red", "limits": {"x": "1"}}
    assert managed(made) == {("one", "Apply"): {"/f:spec/f:size", "/f:spec/f:limits/f:x"}}


async def test_the_same_apply_twice_is_one_revision(api: Api) -> None:
    first = await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "one")
    again = await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "one")
    assert (again.code, again.version) == (200, first.version)


async def test_two_may_say_the_same(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "one")
    both = await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "two")
    assert managed(both) == {
        ("one", "Apply"): {"/f:data/f:k"},
        ("two", "Apply"): {"/f:data/f:k"},
    }


async def test_what_another_manages_is_a_conflict_with_a_cause_for_each_field(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1", l="1"), "one")
    answer = await api.apply(api.path(CONFIG, "a"), config_map(k="2", l="2"), "two")
    assert answer.problem == (409, "Conflict")
    assert answer["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "one"',
            "field": f".data.{key}",
        }
        for key in ("k", "l")
    ]
    assert answer["message"] == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.k\n- .data.l'
    )


async def test_force_takes_the_field_over(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1", l="1"), "one")
    taken = await api.apply(api.path(CONFIG, "a"), config_map(k="2"), "two", force="true")
    assert taken["data"] == {"k": "2", "l": "1"}
    assert managed(taken) == {
        ("one", "Apply"): {"/f:data/f:l"},
        ("two", "Apply"): {"/f:data/f:k"},
    }


async def test_what_is_no_longer_applied_goes(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1", l="1"), "one")
    less = await api.apply(api.path(CONFIG, "a"), config_map(l="1"), "one")
    assert less["data"] == {"l": "1"}


async def test_what_another_also_applies_stays(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1", l="1"), "one")
    await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "two")
    less = await api.apply(api.path(CONFIG, "a"), config_map(l="1"), "one")
    assert less["data"] == {"k": "1", "l": "1"}


async def test_a_write_without_apply_takes_fields_and_conflicts_later(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "one")
    patched = await api.patch(api.path(CONFIG, "a"), {"data": {"k": "2"}}, fieldManager="editor")
    assert managed(patched) == {("editor", "Update"): {"/f:data/f:k"}}
    answer = await api.apply(api.path(CONFIG, "a"), config_map(k="3"), "one")
    assert answer.problem == (409, "Conflict")
    assert answer["details"]["causes"][0]["message"] == 'conflict with "editor" using v1'


async def test_without_a_field_manager_it_is_the_user_agent(api: Api) -> None:
    api.headers["User-Agent"] = "my-tool/1.2 (linux)"
    made = await api.post(api.path(CONFIG), config_map(k="1"))
    assert set(managed(made)) == {("my-tool", "Update")}


async def test_containers_are_managed_by_name(api: Api) -> None:
    path = api.path(DEPLOYMENT, "a")
    await api.apply(path, deployment(), "one")
    side = deployment()
    side["spec"].pop("replicas")
    side["spec"]["template"]["spec"]["containers"] = [{"name": "side", "image": "side:1"}]
    both = await api.apply(path, side, "two")
    names = [one["name"] for one in both["spec"]["template"]["spec"]["containers"]]
    assert names == ["app", "side"]
    changed = deployment()
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "app:9"
    answer = await api.apply(path, changed, "three")
    assert answer["details"]["causes"][0]["field"] == (
        '.spec.template.spec.containers[name="app"].image'
    )


async def test_a_container_no_longer_applied_goes_alone(api: Api) -> None:
    path, more = api.path(DEPLOYMENT, "a"), deployment()
    more["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    await api.apply(path, more, "one")
    less = await api.apply(path, deployment(), "one")
    names = [one["name"] for one in less["spec"]["template"]["spec"]["containers"]]
    assert names == ["app"]


async def test_an_apply_needs_a_manager_and_no_managed_fields(api: Api) -> None:
    path, media = api.path(CONFIG, "a"), "application/apply-patch+yaml"
    assert (await api.patch(path, config_map(), media)).problem == (422, "Invalid")
    sent = config_map()
    sent["metadata"]["managedFields"] = [{"manager": "x"}]
    assert (await api.apply(path, sent, "one")).code == 400
    assert (await api.apply(path, config_map("other"), "one")).code == 400


async def test_an_apply_may_name_the_revision_it_means(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "one")
    sent = config_map(k="2")
    sent["metadata"]["resourceVersion"] = "1"
    answer = await api.apply(api.path(CONFIG, "a"), sent, "one")
    assert answer.problem == (409, "Conflict")


async def test_the_status_is_applied_by_itself(api: Api) -> None:
    await api.apply(api.path(WIDGET, "a"), widget(), "one")
    sent = {"apiVersion": "example.dev/v1", "kind": "Widget", "status": {"phase": "Ready"}}
    answer = await api.apply(
        api.path(WIDGET, "a/status"), {**sent, "metadata": {"name": "a"}}, "two"
    )
    assert answer.code == 200
    assert (answer["status"], answer["spec"]["size"]) == ({"phase": "Ready"}, 1)


async def test_an_apply_may_run_dry(api: Api) -> None:
    await api.apply(api.path(CONFIG, "a"), config_map(k="1"), "one", dryRun="All")
    assert (await api.get(api.path(CONFIG, "a"))).code == 404


async def test_whoever_takes_its_entry_out_of_the_managers_is_in_nobodys_way(api: Api) -> None:
    """As rollout.istio.fields does; a patch of nothing else makes no new entry."""
    path = api.path(CONFIG, "a")
    await api.apply(path, config_map(k="1", l="1"), "author")
    await api.patch(path, {"data": {"k": "2"}}, fieldManager="other")
    refused = await api.apply(path, config_map(k="3", l="1"), "author")
    assert refused.problem == (409, "Conflict")
    managers = [entry["manager"] for entry in (await api.get(path))["metadata"]["managedFields"]]
    at = f"/metadata/managedFields/{managers.index('other')}"
    test = {"op": "test", "path": f"{at}/manager", "value": "other"}
    remove = {"op": "remove", "path": at}
    await api.patch(path, [test, remove], JSON_PATCH, fieldManager="other")
    applied = await api.apply(path, config_map(k="3", l="1"), "author")
    assert (applied.code, applied["data"]) == (200, {"k": "3", "l": "1"})
    assert {*managed(applied)} == {("author", "Apply")}


async def test_one_empty_entry_means_that_nobody_manages_anything(api: Api) -> None:
    path = api.path(CONFIG, "a")
    await api.post(api.path(CONFIG), config_map("a", k="1"), fieldManager="other")
    reset = {"op": "replace", "path": "/metadata/managedFields", "value": [{}]}
    await api.patch(path, [reset], JSON_PATCH, fieldManager="other")
    assert managed(await api.get(path)) == {}
