"""The edge against a server that misbehaves: every fault of a watch in docs/facts.md."""

import asyncio
import contextlib
import gc
import json
import weakref
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rollout.controller.seeing import concerns
from rollout.edges.kube import Kube, Scope, client, connect, watch
from rollout.errors import ConflictError, OutsideError, RefusedError
from rollout.lab.apiserver import faults
from rollout.lab.apiserver.faults import Call, Fault
from rollout.lab.apiserver.server import ApiServer, Settings
from rollout.lab.kube import crds
from rollout.manifest import definition, schema
from tests.ports.conftest import api, listed
from tests.ports.test_kube import a_rollout, virtual_service

VS = "virtualservices.networking.istio.io"
CHANGE = {"op": "add", "path": "/spec/http/0/timeout", "value": "3s"}


@dataclass
class Cluster:
    kube: Kube
    server: ApiServer

    def put(self, name: str, timeout: str = "1s") -> None:
        """Somebody else wrote the VirtualService ``name``."""
        obj = json.loads(json.dumps(virtual_service("default", name)))
        obj["spec"]["http"][0]["timeout"] = timeout
        with contextlib.suppress(Exception):
            self.server.store.create(VS, obj)
            return
        held = self.server.store.get(VS, "default", name)
        self.server.store.update(VS, {**held, "spec": obj["spec"]})

    def names(self) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.kube.list("VirtualService")]

    def timeout(self, name: str = "shop") -> str:
        found = self.kube.get("VirtualService", "default", name)
        return str(found and found["spec"]["http"][0].get("timeout"))

    async def change(self) -> None:
        await self.kube.patch("VirtualService", "default", "shop", [CHANGE])


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    """Istio's kinds, one VirtualService, and a watch that gives up after a second."""
    monkeypatch.setattr(watch, "WATCH_SECONDS", 1)
    monkeypatch.setattr(watch, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(watch, "ABSENT_SECONDS", 0.2)
    server = ApiServer(Settings(bookmark_s=0.3))
    url = await server.start()
    async with Kube(api(url), concerns.of, jitter=lambda: 0.1) as kube:
        for crd in crds.istio():
            await kube.create(crd)
        made = Cluster(kube, server)
        made.put("shop")
        await listed(kube, "VirtualService")
        await eventually(made.names)
        yield made
    await server.stop()


async def eventually(true: Callable[[], object], seconds: float = 500) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_read_that_is_refused_leaves_nothing_for_pythons_collector(
    cluster: Cluster,
) -> None:
    """An error that its own frame held would stay until the collector comes, once a day."""
    gc.disable()
    try:
        try:
            cluster.kube.list("Gateway")
        except OutsideError as error:
            raised = weakref.ref(error)
        assert raised() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.CONFLICT, ConflictError),
        (Fault(403, "Forbidden", "not you"), RefusedError),
        (Fault(401, "Unauthorized", "who?"), OutsideError),
        (faults.SERVER_ERROR, OutsideError),
        (faults.UNAVAILABLE, OutsideError),
        (faults.BAD_GATEWAY_HTML, OutsideError),
        (Fault(500, body=b""), OutsideError),
        (Fault(200, body=b'{"kind": "Virt'), OutsideError),
        (Fault(200, body=b"[1]"), OutsideError),
        (Fault(504, body=b'{"message": 7, "details": []}'), OutsideError),
        (faults.RESET_BEFORE, OutsideError),
        (faults.RESET_AFTER, OutsideError),
        (faults.too_many("1"), OutsideError),
    ],
    ids=lambda value: getattr(value, "__name__", "") or f"{value.code} {value.body or ''!r}",
)
async def test_an_answer_that_is_no_answer_is_sorted_by_who_can_act(
    cluster: Cluster, fault: Fault, error: type[Exception]
) -> None:
    cluster.server.faults.order(fault, faults.writes)
    with pytest.raises(error, match=r"^virtualservice default/shop: ") as raised:
        await cluster.change()
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300
    await cluster.change()


async def test_a_lost_race_is_lost_once_even_while_the_watch_is_silent(cluster: Cluster) -> None:
    cluster.server.faults.silence_watches(VS)
    cluster.put("shop", "9s")
    unchanged = {"op": "test", "path": "/spec/http/0/timeout", "value": "1s"}
    with pytest.raises(ConflictError):
        await cluster.kube.patch("VirtualService", "default", "shop", [unchanged, CHANGE])
    assert cluster.timeout() == "9s"


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("99999999999999999999", 60.0),
        ("1.5", None),
        ("-1", None),
        ("inf", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("\u0661".encode().decode("latin-1"), None),
        ("bananas", None),
    ],
)
async def test_any_retry_after_is_understood_or_passed_over(
    cluster: Cluster, said: str, wait: float | None
) -> None:
    cluster.server.faults.order(faults.too_many(said), faults.writes)
    with pytest.raises(OutsideError) as raised:
        await cluster.change()
    assert raised.value.retry_after == wait


async def test_a_write_that_was_done_and_not_answered_is_seen_by_the_watch(
    cluster: Cluster,
) -> None:
    cluster.server.faults.order(faults.RESET_AFTER, faults.writes)
    with pytest.raises(OutsideError):
        await cluster.change()
    await eventually(lambda: cluster.timeout() == "3s")


async def test_a_write_that_the_watch_told_first_is_known_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its value, as a store knows its own status: else it would be looked at once more."""
    calls = cluster.kube._calls
    call = calls.call

    async def late(method: str, *rest: Any, **where: Any) -> dict[str, Any]:
        answer = await call(method, *rest, **where)
        await eventually(lambda: method != "PATCH" or cluster.timeout() == "3s")
        return answer

    monkeypatch.setattr(calls, "call", late)
    made = await cluster.kube.patch("VirtualService", "default", "shop", [CHANGE])
    assert cluster.kube.get("VirtualService", "default", "shop") is made


@pytest.mark.parametrize("how", ["eof", "reset", "half"])
async def test_a_watch_that_is_cut_goes_on(cluster: Cluster, how: str) -> None:
    await eventually(lambda: cluster.server.faults.watches)
    cluster.server.faults.cut_watches(how)
    cluster.put("later")
    await eventually(lambda: "later" in cluster.names())


async def test_a_watch_that_falls_silent_is_replaced(cluster: Cluster) -> None:
    await eventually(lambda: cluster.server.faults.watches)
    cluster.server.faults.silence_watches()
    cluster.put("unheard")
    await eventually(lambda: "unheard" in cluster.names())


async def test_a_forgotten_version_is_listed_again(cluster: Cluster) -> None:
    await eventually(lambda: cluster.server.faults.watches)
    cluster.server.faults.order(faults.UNAVAILABLE, faults.on("watch", VS), 3)
    cluster.server.faults.cut_watches()
    cluster.put("missed")
    cluster.server.store.delete(VS, "default", "shop")
    cluster.server.store.ledger.compact()
    await eventually(lambda: cluster.names() == ["missed"])


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ERROR","object":{"kind":"Status","code":410}}',
        b'{"type":"ERROR","object":{"kind":"Status","code":500}}',
        b'{"type":"ERROR","object":{"kind":"Status","code":403}}',
        b'{"type":"ERROR","object":{}}',
        b'{"type":"ERROR","object":"gone"}',
        b'{"type":"ERROR"}',
        b'{"type":"ADDED","object":{"metadata":{}}}',
        b'{"type":"ADDED","object":{"metadata":7}}',
        b'{"type":"UNHEARD","object":{"metadata":{"name":"x"}}}',
        b'{"type":"ADDED","object":{"metadata":{"name":"x","res',
        b"[]",
        b"7",
        b"\xff\xfe",
    ],
)
async def test_a_watch_that_says_nonsense_is_listed_again(cluster: Cluster, line: bytes) -> None:
    cluster.server.faults.order(Fault(200, body=line + b"\n"), faults.on("watch", VS), 2)
    cluster.server.faults.cut_watches()
    cluster.put("later")
    await eventually(lambda: "later" in cluster.names())


@pytest.mark.parametrize(
    "fault", [faults.SERVER_ERROR, faults.BAD_GATEWAY_HTML, Fault(403, "Forbidden", "no")]
)
async def test_a_list_that_fails_is_tried_again(cluster: Cluster, fault: Fault) -> None:
    cluster.server.faults.order(fault, faults.on("list", "services"), 2)
    with pytest.raises(OutsideError, match="service: "):
        cluster.kube.list("Service")
    await listed(cluster.kube, "Service")
    assert cluster.server.faults.of(Call("list", "services", "", "", "", "")) is None


async def test_a_kind_that_is_not_installed_has_no_objects_until_it_is(cluster: Cluster) -> None:
    await listed(cluster.kube, "Rollout")
    assert [*cluster.kube.list("Rollout")] == []
    await cluster.kube.create(definition.crd(schema.KINDS["Rollout"]))
    await cluster.kube.create(a_rollout("default"))
    await eventually(lambda: cluster.kube.list("Rollout"))


async def test_a_kind_that_vanishes_is_not_thought_empty(cluster: Cluster) -> None:
    gone = Fault(404, body=b"404 page not found", content_type="text/plain")
    cluster.server.faults.order(gone, lambda call: call.resource == VS, 4)
    cluster.server.faults.cut_watches()
    await asyncio.sleep(0.5)
    assert cluster.names() == ["shop"]


async def test_a_cache_that_hears_nothing_for_long_is_not_read_from(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "STALE_SECONDS", -1)
    with pytest.raises(OutsideError, match="nothing heard for"):
        cluster.names()


async def test_pages_of_a_list_are_joined(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PAGE", 2)
    for index in range(5):
        cluster.server.store.create("services", _service(f"s{index}"))
    await listed(cluster.kube, "Service")
    assert len(cluster.kube.list("Service")) == 5


async def test_a_scope_sees_only_what_it_names() -> None:
    server = ApiServer()
    url = await server.start()
    for index in range(3):
        server.store.create("services", _service(f"s{index}"))
    only = {"Service": Scope("default", fields="metadata.name=s1")}
    async with Kube(api(url), concerns.of, only) as kube:
        await listed(kube, "Service")
        assert [obj["metadata"]["name"] for obj in kube.list("Service")] == ["s1"]
    await server.stop()


async def test_a_thousand_changes_at_once_all_arrive(cluster: Cluster) -> None:
    for index in range(1000):
        cluster.put("shop", f"{index}s")
    await eventually(lambda: cluster.timeout() == "999s")


async def test_the_server_may_be_away_for_a_while() -> None:
    server = ApiServer()
    url = await server.start()
    port = int(url.rsplit(":", 1)[1])
    async with Kube(api(url), concerns.of, jitter=lambda: 0.0) as kube:
        await listed(kube, "Service")
        await server.stop()
        with pytest.raises(OutsideError, match="no answer"):
            await kube.create(_service("s1"))
        again = ApiServer()
        await again.start(port)
        again.store.create("services", _service("new"))
        await eventually(lambda: kube.list("Service"), 20)
        await again.stop()


async def test_no_kubeconfig_and_no_cluster_is_a_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="set KUBECONFIG or --kubeconfig"):
        await connect(str(tmp_path / "none"))


async def test_a_kubeconfig_names_its_server(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        json.dumps(
            {
                "current-context": "lab",
                "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
                "clusters": [{"name": "lab", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "me", "user": {}}],
            }
        )
    )
    made = await connect(str(file))
    assert made.configuration.host == "http://127.0.0.1:1"
    await made.close()  # type: ignore[no-untyped-call]


def _service(name: str) -> dict[str, object]:
    meta = {"name": name, "namespace": "default"}
    ports = [{"port": 80}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": ports}}


async def test_a_kind_is_read_once_page_by_page(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    for number in range(4):
        cluster.put(f"more-{number}")
    read = [each async for each in cluster.kube.each("VirtualService", Scope("default"))]
    names = ["more-0", "more-1", "more-2", "more-3", "shop"]
    assert sorted(each["metadata"]["name"] for each in read) == names
    assert {each["kind"] for each in read} == {"VirtualService"}
    one = Scope(fields="metadata.name=shop")
    assert [
        each["metadata"]["name"] async for each in cluster.kube.each("VirtualService", one)
    ] == ["shop"]


async def test_a_kind_that_the_server_does_not_know_is_told_apart_from_one_that_is_empty(
    cluster: Cluster,
) -> None:
    with pytest.raises(watch.Absent):
        _ = [each async for each in cluster.kube.each("Canary", Scope())]


async def test_the_version_of_the_server_is_two_numbers(cluster: Cluster) -> None:
    major, minor = (await cluster.kube.version()).split(".")
    assert (major, minor.isdecimal()) == ("1", True)
