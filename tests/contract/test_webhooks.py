"""Admission webhooks: who is asked, what they see, and what becomes of their answers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from rollout.lab.apiserver import authority
from tests.contract import hooks as made
from tests.contract.client import JSON_PATCH, Api
from tests.contract.hooks import CONFIG_MAPS, PODS, WIDGETS, Hooks, added, patched, pod, refused
from tests.contract.objects import WIDGET, config_map, widget

PODS_OF = "v1/pods"
MAPS = "v1/configmaps"


@pytest.fixture
async def hooks(api: Api) -> AsyncIterator[Hooks]:
    async with made.serving(api) as found:
        yield found


def note(key: str, value: str = "yes") -> dict[str, Any]:
    return added(f"/metadata/annotations/{key}", value)


def _once(values: Iterable[Any]) -> list[Any]:
    """A server that was overtaken tries a change again, and asks again."""
    return list(dict.fromkeys(values))


def _labels(document: dict[str, Any]) -> tuple[str, ...]:
    return (document["metadata"].get("labels", {}).get("team", ""),)


def _data(document: dict[str, Any] | None) -> str:
    return " ".join(f"{key}={value}" for key, value in ((document or {}).get("data") or {}).items())


NOTES = added("/metadata/annotations", {"made": "yes"})


async def test_a_pod_is_stored_as_the_webhook_patched_it(api: Api, hooks: Hooks) -> None:
    await hooks.configured("Mutating", hooks.spec("m", patched(NOTES)))
    answer = await api.post(api.path(PODS_OF), pod())
    assert answer.code == 201
    assert answer["metadata"]["annotations"] == {"made": "yes"}
    assert (await api.get(api.path(PODS_OF, "p"))).body == answer.body
    assert hooks.names == ["m"]


async def test_what_a_webhook_adds_is_given_the_defaults_of_its_kind(
    api: Api, hooks: Hooks
) -> None:
    box = {"name": "proxy", "image": "proxy:1"}
    await hooks.configured("Mutating", hooks.spec("m", patched(added("/spec/containers/-", box))))
    answer = await api.post(api.path(PODS_OF), pod())
    names = [(each["name"], each["imagePullPolicy"]) for each in answer["spec"]["containers"]]
    assert names == [("app", "IfNotPresent"), ("proxy", "IfNotPresent")]


async def test_a_webhook_sees_the_object_before_it_has_an_identity(api: Api, hooks: Hooks) -> None:
    await hooks.configured("Mutating", hooks.spec("m"))
    sent = pod(team="a")
    del sent["metadata"]["name"]
    sent["metadata"]["generateName"] = "p-"
    answer = await api.post(api.path(PODS_OF), sent)
    assert answer.code == 201
    _, request = hooks.shown[0]
    about = {key: request.get(key) for key in ("kind", "resource", "requestKind", "operation")}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    assert about == {
        "kind": kind,
        "requestKind": kind,
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
    }
    assert (request["namespace"], request["dryRun"]) == (api.namespace, False)
    assert request.get("name", "") == ""
    assert request["oldObject"] is None
    shown = request["object"]["metadata"]
    assert (shown.get("name"), shown["generateName"]) == (None, "p-")
    assert (shown.get("resourceVersion"), shown["labels"]) == (None, {"team": "a"})
    assert request["object"]["spec"]["restartPolicy"] == "Always"
    assert request["userInfo"]["username"]


async def test_namespaces_and_objects_that_are_not_selected_are_not_shown(
    api: Api, hooks: Hooks
) -> None:
    not_false = {"key": "inject", "operator": "NotIn", "values": ["false"]}
    wants: dict[str, Any] = {"objectSelector": {"matchExpressions": [not_false]}}
    elsewhere: dict[str, Any] = {"namespaceSelector": {"matchLabels": {"hooked": "nowhere"}}}
    await hooks.configured(
        "Mutating", hooks.spec("in", **wants), hooks.spec("out", **wants | elsewhere)
    )
    for name, labels in (("a", {"inject": "false"}), ("b", {"inject": "true"}), ("c", {})):
        assert (await api.post(api.path(PODS_OF), pod(name, **labels))).code == 201
    assert [(path, request["name"]) for path, request in hooks.shown] == [("in", "b"), ("in", "c")]


async def test_an_object_that_was_or_will_be_selected_is_shown(api: Api, hooks: Hooks) -> None:
    wants: dict[str, Any] = {"objectSelector": {"matchLabels": {"team": "a"}}}
    await hooks.configured("Validating", hooks.spec("v", rules=CONFIG_MAPS, **wants))
    await api.post(api.path(MAPS), config_map())
    path = api.path(MAPS, "a")
    await api.patch(path, {"metadata": {"labels": {"team": "a"}}})
    await api.patch(path, {"metadata": {"labels": {"team": "b"}}})
    await api.patch(path, {"metadata": {"labels": {"team": "c"}}})
    assert _once(_labels(r["oldObject"]) + _labels(r["object"]) for _, r in hooks.shown) == [
        ("", "a"),
        ("a", "b"),
    ]


async def test_rules_name_operations_resources_and_subresources(api: Api, hooks: Hooks) -> None:
    stars = PODS | {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"]}
    await hooks.configured(
        "Validating",
        hooks.spec("update", rules=CONFIG_MAPS | {"operations": ["UPDATE"]}),
        hooks.spec("whole", rules=stars | {"resources": ["*"]}),
        hooks.spec("parts", rules=stars | {"resources": ["*/*"]}),
        hooks.spec("cluster", rules=stars | {"resources": ["*"], "scope": "Cluster"}),
    )
    await api.post(api.path(WIDGET), widget())
    assert sorted(hooks.names) == ["parts", "whole"]
    hooks.shown.clear()
    status = {"status": {"phase": "x"}}
    await api.patch(f"{api.path(WIDGET, 'a')}/status", status)
    assert _once((path, r["subResource"]) for path, r in hooks.shown) == [("parts", "status")]
    hooks.shown.clear()
    await api.post(api.path(MAPS), config_map())
    await api.patch(api.path(MAPS, "a"), {"data": {"a": "b"}})
    seen = _once(sorted((path, request["operation"]) for path, request in hooks.shown))
    assert seen == [
        ("parts", "CREATE"),
        ("parts", "UPDATE"),
        ("update", "UPDATE"),
        ("whole", "CREATE"),
        ("whole", "UPDATE"),
    ]


async def test_mutating_webhooks_are_asked_by_name_each_on_what_the_others_left(
    api: Api, hooks: Hooks
) -> None:
    await hooks.configured(
        "Mutating",
        hooks.spec("third", patched(note("third"))),
        hooks.spec("fourth", patched(note("fourth"))),
        name="b",
    )
    await hooks.configured("Mutating", hooks.spec("first", patched(NOTES, note("first"))), name="a")
    answer = await api.post(api.path(PODS_OF), pod())
    assert hooks.names == ["first", "third", "fourth"]
    assert hooks.shown[1][1]["object"]["metadata"]["annotations"] == {"made": "yes", "first": "yes"}
    assert set(answer["metadata"]["annotations"]) == {"made", "first", "third", "fourth"}


async def test_a_webhook_that_asks_for_it_sees_what_a_later_one_changed(
    api: Api, hooks: Hooks
) -> None:
    await hooks.configured(
        "Mutating",
        hooks.spec("again", patched(NOTES), reinvocationPolicy="IfNeeded"),
        hooks.spec("once", patched(note("once"))),
        hooks.spec("last", reinvocationPolicy="IfNeeded"),
    )
    await api.post(api.path(PODS_OF), pod())
    assert hooks.names == ["again", "once", "last", "again", "last"]


async def test_a_dry_run_is_shown_and_stores_nothing(api: Api, hooks: Hooks) -> None:
    await hooks.configured("Mutating", hooks.spec("m", patched(NOTES, note("seen"))))
    answer = await api.post(api.path(PODS_OF), pod(), dryRun="All")
    assert answer["metadata"]["annotations"] == {"made": "yes", "seen": "yes"}
    assert [request["dryRun"] for _, request in hooks.shown] == [True]
    assert (await api.get(api.path(PODS_OF, "p"))).code == 404


async def test_a_webhook_must_promise_to_have_no_effect_in_a_dry_run(
    api: Api, hooks: Hooks
) -> None:
    body = {"metadata": {"name": "x"}, "webhooks": [hooks.spec("m", sideEffects="Some")]}
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    answer = await api.post(path, body)
    assert answer.problem == (422, "Invalid")
    assert answer["details"]["causes"][0]["field"] == "webhooks[0].sideEffects"


async def test_a_webhook_that_cannot_be_reached_stops_the_write(api: Api, hooks: Hooks) -> None:
    nobody = {"url": "https://127.0.0.1:1/m", "caBundle": hooks.bundle}
    await hooks.configured("Mutating", hooks.spec("m", clientConfig=nobody))
    answer = await api.post(api.path(PODS_OF), pod())
    assert answer.problem == (500, "InternalError")
    assert 'failed calling webhook "m.example.dev"' in answer["message"]
    assert (await api.get(api.path(PODS_OF, "p"))).code == 404


async def test_a_webhook_that_may_fail_does_not_stop_it(api: Api, hooks: Hooks) -> None:
    nobody = {"url": "https://127.0.0.1:1/m", "caBundle": hooks.bundle}
    ignored: dict[str, Any] = {"clientConfig": nobody, "failurePolicy": "Ignore"}
    await hooks.configured("Mutating", hooks.spec("m", **ignored), hooks.spec("n"))
    await hooks.configured("Validating", hooks.spec("v", **ignored), name="b")
    assert (await api.post(api.path(PODS_OF), pod())).code == 201
    assert hooks.names == ["n"]


@pytest.mark.parametrize("service", ["gone", "elsewhere"])
async def test_a_webhook_whose_service_is_gone_stops_the_write(
    api: Api, hooks: Hooks, service: str
) -> None:
    client = {"service": {"name": service, "namespace": api.namespace, "path": "/m", "port": 443}}
    await hooks.configured("Mutating", hooks.spec("m", clientConfig=client))
    answer = await api.post(api.path(PODS_OF), pod())
    assert answer.problem == (500, "InternalError")
    assert f'service "{service}" not found' in answer["message"]


async def test_a_webhook_that_says_nothing_is_given_up_in_its_time(api: Api, hooks: Hooks) -> None:
    hooks.silent.add("m")
    await hooks.configured("Mutating", hooks.spec("m", timeoutSeconds=1))
    answer = await api.post(api.path(PODS_OF), pod())
    assert answer.problem == (500, "InternalError")
    assert hooks.names == ["m"]


async def test_a_webhook_of_another_authority_is_not_trusted(api: Api, hooks: Hooks) -> None:
    other = await authority.made()
    assert other is not None
    spec = hooks.spec("m")
    spec["clientConfig"]["caBundle"] = b64encode(other.pem.encode()).decode()
    await hooks.configured("Mutating", spec)
    answer = await api.post(api.path(PODS_OF), pod())
    assert answer.problem == (500, "InternalError")
    assert hooks.shown == []


@pytest.mark.parametrize(
    ("says", "code", "message"),
    [
        (refused("not today", 403, reason="Forbidden"), 403, ": not today"),
        (refused("not today"), 400, ": not today"),
        (refused(reason="Forbidden"), 400, ": Forbidden"),
        (refused(), 400, " without explanation"),
    ],
)
async def test_a_refusal_says_whose_it_is(
    api: Api, hooks: Hooks, says: made.Says, code: int, message: str
) -> None:
    await hooks.configured("Validating", hooks.spec("v", says))
    answer = await api.post(api.path(PODS_OF), pod())
    whole = f'admission webhook "v.example.dev" denied the request{message}'
    assert (answer.code, answer["message"]) == (code, whole)


async def test_validating_webhooks_see_what_mutating_ones_made(api: Api, hooks: Hooks) -> None:
    await hooks.configured("Mutating", hooks.spec("m", patched(NOTES, note("m"))), name="z")
    await hooks.configured("Validating", hooks.spec("v"), name="a")
    await api.post(api.path(PODS_OF), pod())
    assert hooks.names == ["m", "v"]
    assert hooks.shown[1][1]["object"]["metadata"]["annotations"] == {"made": "yes", "m": "yes"}


async def test_updates_and_deletes_are_shown_with_what_was(api: Api, hooks: Hooks) -> None:
    await api.post(api.path(MAPS), config_map(x="1"))
    await hooks.configured("Validating", hooks.spec("v", rules=CONFIG_MAPS))
    path = api.path(MAPS, "a")
    await api.patch(path, [added("/data/x", "2")], JSON_PATCH)
    await api.apply(path, {**config_map(y="1")}, "me")
    await api.delete(path)
    seen = _once(
        (r["operation"], _data(r["oldObject"]), _data(r["object"])) for _, r in hooks.shown
    )
    assert seen == [
        ("UPDATE", "x=1", "x=2"),
        ("UPDATE", "x=2", "x=2 y=1"),
        ("DELETE", "x=2 y=1", ""),
    ]


async def test_a_refused_change_changes_nothing(api: Api, hooks: Hooks) -> None:
    await api.post(api.path(MAPS), config_map(x="1"))
    await hooks.configured("Validating", hooks.spec("v", refused("no"), CONFIG_MAPS))
    path = api.path(MAPS, "a")
    changes = [
        await api.patch(path, {"data": {"x": "2"}}),
        await api.apply(path, config_map(x="2"), "me", force="true"),
        await api.delete(path),
    ]
    assert [each.code for each in changes] == [400, 400, 400]
    assert (await api.get(path))["data"] == {"x": "1"}


async def test_another_version_of_the_kind_is_shown_in_the_one_that_was_asked_for(
    api: Api, hooks: Hooks
) -> None:
    only_v1 = WIDGETS | {"apiVersions": ["v1"]}
    await hooks.configured(
        "Validating",
        hooks.spec("same", rules=only_v1),
        hooks.spec("exact", rules=only_v1, matchPolicy="Exact"),
    )
    older = {**widget(), "apiVersion": "example.dev/v1beta1"}
    assert (await api.post(api.path("example.dev/v1beta1/widgets"), older)).code == 201
    seen = [(path, r["kind"]["version"], r["object"]["apiVersion"]) for path, r in hooks.shown]
    assert seen == [("same", "v1", "example.dev/v1")]
    assert hooks.shown[0][1]["requestKind"]["version"] == "v1beta1"


async def test_the_invalid_is_refused_before_anybody_is_asked_whether_it_is_right(
    api: Api, hooks: Hooks
) -> None:
    await hooks.configured("Validating", hooks.spec("v", refused("no"), WIDGETS))
    answer = await api.post(api.path(WIDGET), widget(size=-1))
    assert answer.problem == (422, "Invalid")
    assert hooks.shown == []


async def test_what_a_webhook_makes_invalid_is_refused(api: Api, hooks: Hooks) -> None:
    await hooks.configured("Mutating", hooks.spec("m", patched(added("/spec/size", -1)), WIDGETS))
    assert (await api.post(api.path(WIDGET), widget())).problem == (422, "Invalid")


async def test_a_patch_that_does_not_fit_is_a_failure(api: Api, hooks: Hooks) -> None:
    gone = {"op": "remove", "path": "/spec/nowhere"}
    await hooks.configured("Mutating", hooks.spec("m", patched(gone)))
    assert (await api.post(api.path(PODS_OF), pod())).problem == (500, "InternalError")


async def test_a_webhook_may_warn(api: Api, hooks: Hooks) -> None:
    def warns(_: dict[str, Any]) -> dict[str, Any]:
        return {"allowed": True, "warnings": ["old field"]}

    await hooks.configured("Validating", hooks.spec("v", warns))
    answer = await api.post(api.path(PODS_OF), pod())
    assert answer.headers["Warning"] == '299 - "old field"'


async def test_webhooks_are_not_asked_about_webhooks(api: Api, hooks: Hooks) -> None:
    anything = PODS | {"operations": ["*"], "apiGroups": ["*"], "resources": ["*/*"]}
    path = await hooks.configured(
        "Validating", hooks.spec("v", refused("no"), anything, namespaceSelector={})
    )
    label = {"metadata": {"labels": {"a": "b"}}}
    assert (await api.patch(path, label)).code == 200
