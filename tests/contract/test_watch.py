"""Watches: what is told, from where, in which order, and when the server has forgotten."""

from __future__ import annotations

from typing import Any

from tests.contract.client import TABLE, Api, Json
from tests.contract.objects import WIDGET, widget

EVENTS = "v1/events"


def labelled(name: str, **labels: str) -> Json:
    sent = widget(name)
    sent["metadata"]["labels"] = labels
    return sent


def event(api: Api, name: str) -> Json:
    about = {"kind": "Widget", "name": "a", "namespace": api.namespace}
    return {"metadata": {"name": name, "namespace": api.namespace}, "involvedObject": about}


async def test_a_watch_goes_on_from_a_list(api: Api) -> None:
    path = api.path(WIDGET)
    await api.post(path, widget("old"))
    listed = await api.get(path)
    await api.post(path, widget())
    async with api.watch(path, resourceVersion=listed.version) as events:
        await api.patch(f"{path}/a", {"spec": {"size": 2}})
        await api.delete(f"{path}/a")
        found = [await events.next() for _ in range(3)]
    assert [kind for kind, _ in found] == ["ADDED", "MODIFIED", "DELETED"]
    assert [document["spec"]["size"] for _, document in found] == [1, 2, 2]
    versions = [int(document["metadata"]["resourceVersion"]) for _, document in found]
    assert versions == sorted(set(versions))


async def test_a_watch_without_a_revision_starts_with_what_there_is(api: Api) -> None:
    path = api.path(WIDGET)
    for name in ("b", "a"):
        await api.post(path, widget(name))
    async with api.watch(path) as events:
        assert sorted(await events.names(2)) == [("ADDED", "a"), ("ADDED", "b")]
        await api.post(path, widget("c"))
        assert await events.names(1) == [("ADDED", "c")]


async def test_a_watch_sees_its_namespace_only(api: Api) -> None:
    path = api.path(WIDGET)
    other = path.replace(api.namespace, "default")
    start = (await api.get(path)).version
    await api.post(other, widget("elsewhere"))
    await api.post(path, widget("here"))
    async with api.watch(path, resourceVersion=start) as events:
        assert await events.names(1) == [("ADDED", "here")]
    await api.delete(f"{other}/elsewhere")


async def test_an_object_enters_and_leaves_a_selector(api: Api) -> None:
    path = api.path(WIDGET)
    start = (await api.get(path)).version
    async with api.watch(path, resourceVersion=start, labelSelector="app=x") as events:
        await api.post(path, labelled("a", app="y"))
        await api.patch(f"{path}/a", {"metadata": {"labels": {"app": "x"}}})
        await api.patch(f"{path}/a", {"spec": {"size": 2}})
        left = await api.patch(f"{path}/a", {"metadata": {"labels": {"app": "y"}}})
        await api.delete(f"{path}/a")
        await api.post(path, labelled("b", app="x"))
        found = [await events.next() for _ in range(4)]
    assert [(kind, document["metadata"]["name"]) for kind, document in found] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
        ("ADDED", "b"),
    ]
    gone = found[2][1]["metadata"]
    assert (gone["resourceVersion"], gone["labels"]) == (left.version, {"app": "x"})


async def test_one_object_is_watched_by_its_name(api: Api) -> None:
    path = api.path(WIDGET)
    for name in ("a", "b"):
        await api.post(path, widget(name))
    async with api.watch(path, fieldSelector="metadata.name=b") as events:
        assert await events.names(1) == [("ADDED", "b")]


async def test_a_watch_ends_when_its_time_is_up(api: Api) -> None:
    start = (await api.get(api.path(WIDGET))).version
    async with api.watch(api.path(WIDGET), resourceVersion=start, timeoutSeconds="1") as events:
        assert await events.next() == ("", {})


async def test_a_bookmark_is_a_revision_and_nothing_more(api: Api) -> None:
    """A real server sends one every minute, and shortly before a watch's time is up."""
    path = api.path(WIDGET)
    start = (await api.get(path)).version
    asked = {"resourceVersion": start, "allowWatchBookmarks": "true", "timeoutSeconds": "6"}
    async with api.watch(path, **asked) as events:
        start = (await api.post(path, widget())).version
        assert await events.names(1) == [("ADDED", "a")]
        kind, document = await events.next()
    assert kind == "BOOKMARK"
    assert (document["kind"], document["apiVersion"]) == ("Widget", "example.dev/v1")
    assert int(document["metadata"]["resourceVersion"]) >= int(start)
    assert "spec" not in document or not document["spec"]


async def test_a_revision_that_is_forgotten_is_a_410_in_the_stream(api: Api) -> None:
    """Events have no watch cache in a real server, so that etcd's compaction shows at once."""
    path = api.path(EVENTS)
    first = await api.post(path, event(api, "one"))
    for name in ("two", "three"):
        await api.post(path, event(api, name))
    await api.compact()
    async with api.watch(path, resourceVersion=first.version) as events:
        kind, status = await events.next()
        assert events.response.status == 200
        assert await events.next() == ("", {})
    assert (kind, status["code"], status["kind"]) == ("ERROR", 410, "Status")
    assert status["reason"] in ("Expired", "Gone")


async def test_a_page_that_is_forgotten_is_a_410(api: Api) -> None:
    path = api.path(EVENTS)
    for name in ("one", "two", "three"):
        await api.post(path, event(api, name))
    token = (await api.get(path, limit="1"))["metadata"]["continue"]
    await api.post(path, event(api, "four"))
    await api.compact()
    answer = await api.get(path, limit="1", **{"continue": token})
    assert answer.problem == (410, "Expired")


async def test_a_table_is_watched_a_row_at_a_time(api: Api) -> None:
    path = api.path(WIDGET)
    await api.post(path, widget())
    async with api.watch(path, accept=TABLE, includeObject="Object") as events:
        kind, table = await events.next()
    assert (kind, table["kind"]) == ("ADDED", "Table")
    row: Any = table["rows"][0]
    assert (row["cells"][0], row["object"]["metadata"]["name"]) == ("a", "a")


async def test_watches_of_several_versions_see_the_same_change(api: Api) -> None:
    path, other = api.path(WIDGET), api.path("example.dev/v1beta1/widgets")
    start = (await api.get(path)).version
    async with (
        api.watch(path, resourceVersion=start) as events,
        api.watch(other, resourceVersion=start) as others,
    ):
        await api.post(path, widget())
        found = [(await events.next())[1], (await others.next())[1]]
    assert [document["apiVersion"] for document in found] == [
        "example.dev/v1",
        "example.dev/v1beta1",
    ]
