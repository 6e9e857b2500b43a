"""Create, read, replace and delete, and what the server says when it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import Api
from tests.contract.objects import WIDGET, config_map, widget

CONFIG = "v1/configmaps"
NOT_ALLOWED = "no new finalizers can be added if the object is being deleted"


async def test_a_create_fills_in_what_only_the_server_knows(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget())
    metadata = made["metadata"]
    assert made.code == 201
    assert metadata["generation"] == 1
    assert metadata["namespace"] == api.namespace
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert int(metadata["resourceVersion"]) > 0
    assert (await api.get(api.path(WIDGET, "a"))).body == made.body


async def test_a_name_is_taken_once(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map())
    again = await api.post(api.path(CONFIG), config_map())
    assert again.problem == (409, "AlreadyExists")
    assert again["details"] == {"name": "a", "kind": "configmaps"}
    assert again["message"] == 'configmaps "a" already exists'


async def test_a_generated_name_has_its_prefix_and_five_characters(api: Api) -> None:
    sent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "job-"}}
    names = {(await api.post(api.path(CONFIG), sent))["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("job-") and len(name) == 9 for name in names)


@pytest.mark.parametrize("resource", [CONFIG, WIDGET])
async def test_what_is_not_there_is_a_404_that_names_it(api: Api, resource: str) -> None:
    path = api.path(resource, "gone")
    answers = [await api.get(path), await api.delete(path), await api.patch(path, {})]
    assert [answer.problem for answer in answers] == [(404, "NotFound")] * 3
    assert answers[0]["details"]["name"] == "gone"


async def test_an_unknown_kind_is_a_404_without_a_name(api: Api) -> None:
    answer = await api.get("/api/v1/nonsenses")
    assert answer.body["message"] == "the server could not find the requested resource"
    assert answer.problem == (404, "NotFound")
    assert answer["details"] == {}


async def test_an_unknown_group_is_a_plain_404(api: Api) -> None:
    answer = await api.get("/apis/nobody.dev/v1/nonsenses")
    assert (answer.code, answer.body) == (404, None)


async def test_a_namespace_must_exist(api: Api) -> None:
    answer = await api.post("/api/v1/namespaces/nowhere/configmaps", config_map())
    assert answer.problem == (404, "NotFound")
    assert answer["message"] == 'namespaces "nowhere" not found'


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "upper case": (config_map("Upper"), 422),
    "no name": ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}, 422),
    "another kind": ({**config_map(), "kind": "Secret"}, 400),
    "another namespace": ({**config_map(), "metadata": {"name": "a", "namespace": "x"}}, 400),
    "a revision": ({**config_map(), "metadata": {"name": "a", "resourceVersion": "5"}}, 500),
    "a bad label": ({**config_map(), "metadata": {"name": "a", "labels": {"a": "-"}}}, 422),
    "a bad key": ({**config_map(), "metadata": {"name": "a", "annotations": {"a~b": ""}}}, 422),
    "a number": ({**config_map(), "metadata": {"name": "a", "labels": {"a": 1}}}, 400),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_create_is_refused_for(api: Api, what: str) -> None:
    sent, code = REFUSED[what]
    assert (await api.post(api.path(CONFIG), sent)).code == code


async def test_a_verb_that_a_path_has_not_is_a_405(api: Api) -> None:
    assert (await api.put(api.path(CONFIG), {})).problem == (405, "MethodNotAllowed")


async def test_only_the_latest_revision_can_be_replaced(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget())
    first = await api.put(api.path(WIDGET, "a"), {**made.body, "spec": {"size": 2}})
    second = await api.put(api.path(WIDGET, "a"), {**made.body, "spec": {"size": 3}})
    assert first.code == 200
    assert second.problem == (409, "Conflict")
    assert second["details"] == {"name": "a", "group": "example.dev", "kind": "widgets"}
    assert (await api.get(api.path(WIDGET, "a")))["spec"]["size"] == 2


async def test_a_custom_resource_is_not_replaced_without_a_revision(api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    answer = await api.put(api.path(WIDGET, "a"), widget(size=2))
    assert answer.problem == (422, "Invalid")
    assert answer["details"]["causes"][0]["field"] == "metadata.resourceVersion"


async def test_a_config_map_is_replaced_without_a_revision(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map(k="1"))
    answer = await api.put(api.path(CONFIG, "a"), config_map(k="2"))
    assert (answer.code, answer["data"]) == (200, {"k": "2"})


async def test_a_replace_keeps_identity(api: Api) -> None:
    made = await api.post(api.path(CONFIG), config_map(k="1"))
    sent = config_map(k="2")
    sent["metadata"]["creationTimestamp"] = "2000-01-01T00:00:00Z"
    new = await api.put(api.path(CONFIG, "a"), sent)
    for key in ("uid", "creationTimestamp", "namespace"):
        assert new["metadata"][key] == made["metadata"][key]


async def test_another_uid_is_a_conflict_for_put_and_invalid_for_patch(api: Api) -> None:
    made = await api.post(api.path(CONFIG), config_map())
    sent = {**made.body, "metadata": {**made["metadata"], "uid": "x"}}
    assert (await api.put(api.path(CONFIG, "a"), sent)).problem == (409, "Conflict")
    answer = await api.patch(api.path(CONFIG, "a"), {"metadata": {"uid": "x"}})
    assert answer.problem == (422, "Invalid")


async def test_a_put_of_nothing_new_is_no_new_revision(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget())
    again = await api.put(api.path(WIDGET, "a"), made.body)
    assert again.version == made.version


async def test_a_delete_says_what_went(api: Api) -> None:
    made = await api.post(api.path(WIDGET), widget())
    answer = await api.delete(api.path(WIDGET, "a"))
    assert (answer.code, answer["kind"], answer["status"]) == (200, "Status", "Success")
    assert answer["details"] == {
        "name": "a",
        "group": "example.dev",
        "kind": "widgets",
        "uid": made["metadata"]["uid"],
    }
    assert (await api.get(api.path(WIDGET, "a"))).code == 404


@pytest.mark.parametrize("wanted", [{"uid": "other"}, {"resourceVersion": "1"}])
async def test_a_delete_that_is_meant_for_another_is_a_conflict(
    api: Api, wanted: dict[str, str]
) -> None:
    await api.post(api.path(CONFIG), config_map())
    answer = await api.delete(api.path(CONFIG, "a"), {"preconditions": wanted})
    assert answer.problem == (409, "Conflict")
    assert answer["message"].startswith('Operation cannot be fulfilled on ConfigMap "a": the ')


async def test_a_finalizer_holds_what_is_deleted_until_it_goes(api: Api) -> None:
    sent = widget()
    sent["metadata"]["finalizers"] = ["example.dev/hold"]
    await api.post(api.path(WIDGET), sent)
    path = api.path(WIDGET, "a")
    held = await api.delete(path)
    assert held["metadata"]["deletionTimestamp"]
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert held["metadata"]["generation"] == 2
    assert (await api.delete(path)).version == held.version
    assert (await api.patch(path, {"metadata": {"finalizers": None}})).code == 200
    assert (await api.get(path)).code == 404


async def test_no_finalizer_comes_once_an_object_is_going(api: Api) -> None:
    sent = widget()
    sent["metadata"]["finalizers"] = ["example.dev/hold"]
    await api.post(api.path(WIDGET), sent)
    await api.delete(api.path(WIDGET, "a"))
    wanted = {"metadata": {"finalizers": ["example.dev/hold", "example.dev/more"]}}
    answer = await api.patch(api.path(WIDGET, "a"), wanted)
    assert answer.problem == (422, "Invalid")
    assert NOT_ALLOWED in answer["message"]
    await api.patch(api.path(WIDGET, "a"), {"metadata": {"finalizers": None}})


async def test_a_dry_run_answers_and_changes_nothing(api: Api) -> None:
    path = api.path(WIDGET, "a")
    assert (await api.post(api.path(WIDGET), widget(), dryRun="All")).code == 201
    assert (await api.get(path)).code == 404
    made = await api.post(api.path(WIDGET), widget())
    tried = await api.patch(path, {"spec": {"size": 7}}, dryRun="All")
    assert (tried["spec"]["size"], tried["metadata"]["generation"]) == (7, 2)
    assert (await api.delete(path, dryRun="All")).code == 200
    assert (await api.get(path)).body == made.body


async def test_a_dry_run_is_refused_as_the_write_would_be(api: Api) -> None:
    answer = await api.post(api.path(WIDGET), widget(size="big"), dryRun="All")
    assert answer.problem == (422, "Invalid")
    assert (await api.post(api.path(WIDGET), widget(), dryRun="Some")).code == 422


async def test_a_list_has_a_revision_and_its_items_in_order_of_name(api: Api) -> None:
    for name in ("b", "a", "c"):
        await api.post(api.path(WIDGET), widget(name))
    found = await api.get(api.path(WIDGET))
    assert [item["metadata"]["name"] for item in found["items"]] == ["a", "b", "c"]
    assert (found["kind"], found["apiVersion"]) == ("WidgetList", "example.dev/v1")
    assert int(found.version) >= max(
        int(item["metadata"]["resourceVersion"]) for item in found["items"]
    )


async def test_items_of_built_in_lists_do_not_say_their_kind(api: Api) -> None:
    await api.post(api.path(CONFIG), config_map())
    await api.post(api.path(WIDGET), widget())
    config = (await api.get(api.path(CONFIG)))["items"][-1]
    custom = (await api.get(api.path(WIDGET)))["items"][0]
    assert ("kind" in config, "kind" in custom) == (False, True)


async def test_a_list_comes_in_pages(api: Api) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await api.post(api.path(WIDGET), widget(name))
    names, rest, token = [], [], ""
    while True:
        more = {"continue": token} if token else {}
        page = await api.get(api.path(WIDGET), limit="2", **more)
        names.append([item["metadata"]["name"] for item in page["items"]])
        rest.append(page["metadata"].get("remainingItemCount"))
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == [["a", "b"], ["c", "d"], ["e"]]
    assert rest == [3, 1, None]


async def test_a_continue_token_that_is_none_is_a_400(api: Api) -> None:
    answer = await api.get(api.path(WIDGET), limit="1", **{"continue": "nonsense"})
    assert answer.problem == (400, "BadRequest")


SELECTORS = {
    "app=a": ["one"],
    "app!=a": ["three", "two"],
    "app in (a,b)": ["one", "two"],
    "app notin (a, b)": ["three"],
    "app": ["one", "two"],
    "!app": ["three"],
    "app=a,tier=x": ["one"],
}


@pytest.mark.parametrize("labels", SELECTORS)
async def test_labels_select(api: Api, labels: str) -> None:
    for name, found in {"one": {"app": "a", "tier": "x"}, "two": {"app": "b"}, "three": {}}.items():
        sent = widget(name)
        sent["metadata"]["labels"] = found
        await api.post(api.path(WIDGET), sent)
    answer = await api.get(api.path(WIDGET), labelSelector=labels)
    assert [item["metadata"]["name"] for item in answer["items"]] == SELECTORS[labels]


async def test_fields_select_by_name_and_by_nothing_unknown(api: Api) -> None:
    for name in ("a", "b"):
        await api.post(api.path(WIDGET), widget(name))
    found = await api.get(api.path(WIDGET), fieldSelector="metadata.name=b")
    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]
    assert (await api.get(api.path(WIDGET), fieldSelector="spec.size=1")).code == 400
    assert (await api.get(api.path(WIDGET), labelSelector="a=((")).code == 400


async def test_a_collection_is_deleted_by_label(api: Api) -> None:
    for name in ("a", "b"):
        sent = widget(name)
        sent["metadata"]["labels"] = {"name": name}
        await api.post(api.path(WIDGET), sent)
    gone = await api.delete(api.path(WIDGET), labelSelector="name=a")
    assert (gone["kind"], len(gone["items"])) == ("WidgetList", 1)
    left = await api.get(api.path(WIDGET))
    assert [item["metadata"]["name"] for item in left["items"]] == ["b"]


async def test_a_containers_name_is_its_own_among_all_of_the_pod(api: Api) -> None:
    box = {"name": "app", "image": "app:1"}
    spec = {"containers": [box], "initContainers": [box]}
    answer = await api.post(api.path("v1/pods"), {"metadata": {"name": "p"}, "spec": spec})
    assert answer.problem == (422, "Invalid")
    cause = {
        "reason": "FieldValueDuplicate",
        "message": 'Duplicate value: "app"',
        "field": "spec.initContainers[0].name",
    }
    assert answer["details"]["causes"] == [cause]
