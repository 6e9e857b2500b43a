"""The store without HTTP: garbage, files, slow watchers, keyed lists of custom resources."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rollout.errors import RefusedError
from rollout.lab.apiserver.problems import Problem
from rollout.lab.apiserver.server import ApiServer, Settings
from rollout.lab.apiserver.storage.selectors import Selector
from rollout.lab.apiserver.storage.store import Store
from rollout.lab.apiserver.storage.watch import Scope, Watch
from rollout.lab.apiserver.storage.writes import Options
from tests.contract.client import Api, Json
from tests.contract.objects import WIDGET, WIDGETS, config_map, widget
from tests.contract.test_apply import managed


async def settled() -> None:
    """Housekeeping runs in the loop's next rounds."""
    for _ in range(10):
        await asyncio.sleep(0)


def owned(name: str, *owners: Json) -> Json:
    found = config_map(name)
    found["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": owner["metadata"]["uid"]}
        for owner in owners
    ]
    return found


def names(store: Store) -> list[str]:
    return [found["metadata"]["name"] for found in store.list("configmaps")]


async def test_components_read_and_write_without_http(server: ApiServer) -> None:
    store, seen = server.store, []
    leave = store.subscribe(lambda change: seen.append((change.type, change.bucket)))
    store.create("configmaps", config_map(k="1"))
    store.patch("configmaps", "default", "a", lambda found: {**found, "data": {"k": "2"}})
    assert store.get("configmaps", "default", "a")["data"] == {"k": "2"}
    store.delete("configmaps", "default", "a")
    leave()
    store.create("configmaps", config_map())
    assert seen == [(kind, "configmaps") for kind in ("ADDED", "MODIFIED", "DELETED")]


async def test_what_happens_as_time_runs_out_is_told_before_the_bookmark(
    server: ApiServer,
) -> None:
    """Else a client that goes on from the bookmark never hears of it."""
    store = server.store
    watch = Watch(store.ledger, Scope("configmaps", None, Selector()))

    async def late() -> None:
        store.create("configmaps", config_map(k="1"))

    told, _ = await asyncio.gather(watch.events(0), late())
    assert [kind for kind, _ in told] == ["ADDED"]
    watch.close()


async def test_components_write_a_status(server: ApiServer) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    server.store.create("pods", pod)
    status = Options(subresource="status")
    server.store.patch(
        "pods", "default", "p", lambda found: {**found, "status": {"phase": "Running"}}, status
    )
    assert server.store.get("pods", "default", "p")["status"] == {"phase": "Running"}


async def test_what_is_owned_goes_with_its_last_owner(server: ApiServer) -> None:
    store = server.store
    one, two = (store.create("configmaps", config_map(name)) for name in ("one", "two"))
    store.create("configmaps", owned("of-one", one))
    store.create("configmaps", owned("of-both", one, two))
    store.delete("configmaps", "default", "one")
    await settled()
    assert names(store) == ["of-both", "two"]
    store.delete("configmaps", "default", "two")
    await settled()
    assert names(store) == []


async def test_an_owner_that_never_was_takes_its_dependents_too(server: ApiServer) -> None:
    server.store.create("configmaps", owned("a", {"metadata": {"uid": "nobody"}}))
    await settled()
    assert names(server.store) == []


async def test_orphans_stay(server: ApiServer) -> None:
    owner = server.store.create("configmaps", config_map("owner"))
    server.store.create("configmaps", owned("kept", owner))
    server.store.delete("configmaps", "default", "owner", policy="Orphan")
    await settled()
    assert names(server.store) == ["kept"]
    assert server.store.get("configmaps", "default", "kept")["metadata"]["ownerReferences"] == []


async def test_in_the_foreground_dependents_go_first(server: ApiServer) -> None:
    store, gone = server.store, []
    owner = store.create("configmaps", config_map("owner"))
    store.create("configmaps", owned("inner", owner))
    store.subscribe(
        lambda c: gone.append(c.stored.object["metadata"]["name"]) if c.type == "DELETED" else None
    )
    store.delete("configmaps", "default", "owner", policy="Foreground")
    await settled()
    assert gone == ["inner", "owner"]


async def test_a_finalizer_holds_its_namespace(server: ApiServer) -> None:
    store = server.store
    store.create("namespaces", {"metadata": {"name": "shop"}})
    held = config_map()
    held["metadata"] |= {"namespace": "shop", "finalizers": ["example.dev/hold"]}
    store.create("configmaps", held)
    store.delete("namespaces", "", "shop")
    await settled()
    assert store.get("namespaces", "", "shop")["status"]["phase"] == "Terminating"
    store.patch(
        "configmaps",
        "shop",
        "a",
        lambda found: {**found, "metadata": {**found["metadata"], "finalizers": []}},
    )
    await settled()
    with pytest.raises(Problem, match="not found"):
        store.get("namespaces", "", "shop")


async def test_keyed_lists_of_custom_resources_have_an_owner_for_each_item(api: Api) -> None:
    path = api.path(WIDGET, "a")
    await api.apply(path, widget(parts=[{"name": "a", "count": 1}], tags=["x"]), "one")
    both = await api.apply(path, widget(parts=[{"name": "b"}], tags=["y"]), "two")
    assert both["spec"]["parts"] == [{"name": "a", "count": 1}, {"name": "b"}]
    assert both["spec"]["tags"] == ["x", "y"]
    assert '/f:spec/f:parts/k:{"name":"b"}/f:name' in managed(both)["two", "Apply"]
    answer = await api.apply(path, widget(parts=[{"name": "a", "count": 2}]), "two")
    fields = [cause["field"] for cause in answer["details"]["causes"]]
    assert fields == ['.spec.parts[name="a"].count']
    less = await api.apply(path, widget(), "two")
    assert less["spec"]["parts"] == [{"name": "a", "count": 1}]
    assert less["spec"]["tags"] == ["x"]


async def test_a_status_has_a_manager_of_its_own(api: Api) -> None:
    path = api.path(WIDGET, "a")
    await api.apply(path, widget(), "one")
    await api.patch(f"{path}/status", {"status": {"phase": "x"}}, fieldManager="one")
    found = (await api.get(path))["metadata"]["managedFields"]
    assert [(entry["operation"], entry.get("subresource")) for entry in found] == [
        ("Apply", None),
        ("Update", "status"),
    ]


async def test_a_slow_watcher_is_dropped_and_nobody_waits_for_it() -> None:
    store = Store()
    store.create("namespaces", {"metadata": {"name": "default"}})
    watch = Watch(store.ledger, Scope("configmaps", None, Selector()), limit=3)
    for index in range(5):
        store.create("configmaps", config_map(f"c{index}"))
    assert len(await watch.events(1)) == 3
    assert watch.cut == "eof"
    watch.close()


async def test_initial_events_end_with_a_bookmark(api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    asked = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    async with api.watch(api.path(WIDGET), **asked) as events:
        assert (await events.next())[0] == "ADDED"
        kind, document = await events.next()
    assert kind == "BOOKMARK"
    assert document["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_history_is_short_if_it_is_set_so() -> None:
    server = ApiServer(Settings(history=2))
    await server.start()
    first = server.store.create("configmaps", config_map("c0"))
    for index in range(1, 5):
        server.store.create("configmaps", config_map(f"c{index}"))
    assert not server.store.ledger.remembers(
        "configmaps", int(first["metadata"]["resourceVersion"])
    )
    await server.stop()


async def test_a_restart_brings_everything_back(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "lab.json")
    server = ApiServer(settings)
    await server.start()
    server.store.create("customresourcedefinitions.apiextensions.k8s.io", WIDGETS)
    made = server.store.create("widgets.example.dev", widget())
    revision = server.store.ledger.revision
    await server.stop()

    again = ApiServer(settings)
    await again.start()
    assert again.store.get("widgets.example.dev", "default", "a") == made
    assert again.store.ledger.revision == revision
    await again.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["lab.json"]


async def test_a_file_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lab.json"
    path.write_text("not json")
    with pytest.raises(RefusedError, match=r"lab\.json"):
        await ApiServer(Settings(data=path)).start()
    assert path.read_text() == "not json"
