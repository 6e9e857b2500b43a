"""What is particular to built-in kinds, as far as the controller and kubectl lean on it."""

from __future__ import annotations

from typing import Any

import pytest

from rollout.lab.apiserver.wire import protobuf
from tests.contract.client import TABLE, Api, Json
from tests.contract.objects import WIDGET, deployment, widget

LEASE = "coordination.k8s.io/v1/leases"
DEPLOYMENT = "apps/v1/deployments"
EVENT = "v1/events"


def lease(holder: str, version: str = "") -> Json:
    metadata = {"name": "leader", **({"resourceVersion": version} if version else {})}
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": 15,
        "renewTime": "2026-01-02T03:04:05.000006Z",
    }
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": spec,
    }


async def test_a_lease_is_won_by_one(api: Api) -> None:
    path = api.path(LEASE)
    made = await api.post(path, lease("a"))
    assert made["spec"]["renewTime"] == "2026-01-02T03:04:05.000006Z"
    assert (await api.post(path, lease("b"))).problem == (409, "AlreadyExists")
    won = await api.put(f"{path}/leader", lease("b", made.version))
    lost = await api.put(f"{path}/leader", lease("c", made.version))
    assert (won.code, lost.problem) == (200, (409, "Conflict"))
    assert (await api.put(f"{path}/leader", lease("d"))).problem == (422, "Invalid")


async def test_a_deployment_comes_with_defaults(api: Api) -> None:
    made = await api.post(api.path(DEPLOYMENT), deployment())
    spec = made["spec"]
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    # A 1.20 server shows a null there, those of today nothing.
    assert spec["template"]["metadata"].pop("creationTimestamp", None) is None
    assert spec["template"]["metadata"] == {"labels": {"app": "a"}}
    assert spec["template"]["spec"] == {
        "containers": [
            {
                "name": "app",
                "image": "app:1",
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
    }


async def test_sets_come_with_defaults_and_a_status_of_their_own(api: Api) -> None:
    stateful = {**deployment(), "kind": "StatefulSet"}
    stateful["spec"] = {**stateful["spec"], "serviceName": "a"}
    made = await api.post(api.path("apps/v1/statefulsets"), stateful)
    spec = made["spec"]
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert (spec["updateStrategy"], spec["podManagementPolicy"]) == (rolling, "OrderedReady")
    assert (spec["revisionHistoryLimit"], spec["replicas"]) == (10, 2)
    daemon = {**deployment(), "kind": "DaemonSet"}
    daemon["spec"] = {key: daemon["spec"][key] for key in ("selector", "template")}
    path = api.path("apps/v1/daemonsets")
    spec = (await api.post(path, daemon))["spec"]
    assert spec["updateStrategy"]["type"] == "RollingUpdate"
    assert spec["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == 1
    counted = {"numberReady": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1}
    status = {**counted, "numberMisscheduled": 0, "observedGeneration": 1}
    answer = await api.patch(f"{path}/a/status", {"status": status})
    assert {**answer["status"], **status} == answer["status"]
    daemon["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    daemon["metadata"] = {"name": "b"}
    assert (await api.post(path, daemon)).problem == (422, "Invalid")


async def test_a_deployment_chooses_its_own_pods_for_ever(api: Api) -> None:
    path = api.path(DEPLOYMENT)
    wrong = deployment()
    wrong["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    assert (await api.post(path, wrong)).problem == (422, "Invalid")
    await api.post(path, deployment())
    patch = {
        "spec": {
            "selector": {"matchLabels": {"tier": "x"}},
            "template": {"metadata": {"labels": {"tier": "x"}}},
        }
    }
    answer = await api.patch(f"{path}/a", patch)
    assert [cause["field"] for cause in answer["details"]["causes"]] == ["spec.selector"]


async def test_a_deployment_is_scaled(api: Api) -> None:
    path = api.path(DEPLOYMENT, "a")
    await api.post(api.path(DEPLOYMENT), deployment())
    scale = await api.get(f"{path}/scale")
    assert (scale["apiVersion"], scale["spec"]) == ("autoscaling/v1", {"replicas": 2})
    assert scale["status"] == {"replicas": 0, "selector": "app=a"}
    assert (await api.patch(f"{path}/scale", {"spec": {"replicas": 5}}))["spec"] == {"replicas": 5}
    found = await api.get(path)
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (5, 2)


async def test_a_deployments_status_is_written_apart(api: Api) -> None:
    path = api.path(DEPLOYMENT, "a")
    await api.post(api.path(DEPLOYMENT), deployment())
    status = {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    patch = {"status": status, "spec": {"replicas": 9}}
    answer = await api.patch(f"{path}/status", patch)
    assert (answer["status"], answer["spec"]["replicas"]) == (status, 2)
    assert answer["metadata"]["generation"] == 1


async def test_a_service_gets_an_address_and_keeps_it(api: Api) -> None:
    sent: Json = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
    }
    made = await api.post(api.path("v1/services"), sent)
    address = made["spec"]["clusterIP"]
    assert address.startswith("10.")
    assert made["spec"]["ports"] == [
        {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}
    ]
    assert made["spec"]["type"] == "ClusterIP"
    again = await api.patch(api.path("v1/services", "web"), {"spec": {"selector": {"app": "x"}}})
    assert again["spec"]["clusterIP"] == address


def event(api: Api, name: str, about: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": api.namespace},
        "involvedObject": {"kind": "Widget", "name": about, "namespace": api.namespace},
        "reason": "Moved",
        "message": "the split is 95/5",
        "type": "Normal",
        "count": 1,
        "source": {"component": "rollout"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }


async def test_an_event_is_found_by_what_it_is_about(api: Api) -> None:
    for name, about in (("one", "a"), ("two", "b")):
        assert (await api.post(api.path(EVENT), event(api, name, about))).code == 201
    found = await api.get(
        api.path(EVENT), fieldSelector="involvedObject.kind=Widget,involvedObject.name=b"
    )
    assert [item["metadata"]["name"] for item in found["items"]] == ["two"]


async def test_an_event_has_two_forms(api: Api) -> None:
    await api.post(api.path(EVENT), event(api, "one", "a"))
    other = await api.get(api.path("events.k8s.io/v1/events", "one"))
    assert (other["apiVersion"], other["note"]) == ("events.k8s.io/v1", "the split is 95/5")
    assert other["regarding"]["name"] == "a"
    assert other["deprecatedCount"] == 1
    sent = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "new", "namespace": api.namespace},
        "regarding": {"kind": "Widget", "name": "a", "namespace": api.namespace},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "rollout.dev/controller",
        "reportingInstance": "pod-1",
        "action": "Move",
        "reason": "Moved",
        "note": "said in the other form",
        "type": "Normal",
    }
    assert (await api.post(api.path("events.k8s.io/v1/events"), sent)).code == 201
    core = await api.get(api.path(EVENT, "new"))
    assert (core["message"], core["involvedObject"]["name"]) == ("said in the other form", "a")


async def test_an_events_count_goes_up_by_patch(api: Api) -> None:
    await api.post(api.path(EVENT), event(api, "one", "a"))
    answer = await api.patch(api.path(EVENT, "one"), {"count": 2})
    assert (answer.code, answer["count"]) == (200, 2)


def cells(table: Any) -> list[dict[str, Any]]:
    names = [column["name"] for column in table["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in table["rows"]]


async def test_a_custom_kind_has_the_columns_of_its_definition(api: Api) -> None:
    await api.post(api.path(WIDGET), widget(size=3, tags=["x", "y"]))
    table = await api.get(api.path(WIDGET), accept=TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert cells(table) == [
        {"Name": "a", "Size": 3, "Colour": "red", "Tags": '["x","y"]', "Phase": None}
    ]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert [column["priority"] for column in table["columnDefinitions"]] == [0, 0, 0, 1, 0]


async def test_a_deployment_has_the_columns_people_know(api: Api) -> None:
    await api.post(api.path(DEPLOYMENT), deployment())
    table = await api.get(api.path(DEPLOYMENT, "a"), accept=TABLE, includeObject="None")
    found = cells(table)[0]
    found.pop("Age")
    assert found == {
        "Name": "a",
        "Ready": "0/2",
        "Up-to-date": 0,
        "Available": 0,
        "Containers": "app",
        "Images": "app:1",
        "Selector": "app=a",
    }
    assert "object" not in table["rows"][0] or table["rows"][0]["object"] is None


async def test_metadata_alone_can_be_had(api: Api) -> None:
    await api.post(api.path(WIDGET), widget())
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    found = await api.get(api.path(WIDGET), accept=accept)
    assert found["kind"] == "PartialObjectMetadataList"
    assert "spec" not in found["items"][0]


async def test_one_may_ask_whether_one_may(api: Api) -> None:
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
    }
    answer = await api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", asked)
    assert (answer.code, answer["status"]["allowed"]) == (201, True)


async def test_a_namespace_is_active_and_deleted_over_time(api: Api) -> None:
    path = f"/api/v1/namespaces/{api.namespace}"
    found = await api.get(path)
    assert (found["status"], found["spec"]) == ({"phase": "Active"}, {"finalizers": ["kubernetes"]})
    gone = await api.delete(path)
    assert (gone.code, gone["status"]["phase"]) == (200, "Terminating")
    assert gone["metadata"]["deletionTimestamp"]


async def test_health_and_version_are_told(api: Api) -> None:
    assert [(await api.get(path)).code for path in ("/healthz", "/readyz", "/livez")] == [200] * 3
    assert (await api.get("/version"))["major"] == "1"


PROTOBUF = "application/vnd.kubernetes.protobuf"
BINARY: dict[str, Json] = {
    "v1/configmaps": {"data": {"k": "v"}, "binaryData": {"b": "AAE="}, "immutable": True},
    "v1/secrets": {"data": {"k": "dg=="}, "type": "Opaque"},
    "v1/serviceaccounts": {},
    "v1/services": {
        "spec": {
            "selector": {"a": "b"},
            "type": "ClusterIP",
            "clusterIP": "None",
            "ports": [{"name": "x", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        }
    },
    "apps/v1/deployments": {"spec": deployment()["spec"]},
    "apps/v1/replicasets": {
        "spec": {
            "replicas": 0,
            "selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            "template": deployment()["spec"]["template"],
        }
    },
    "v1/pods": {
        "spec": {
            "volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 420}}],
            "containers": [
                {
                    "name": "app",
                    "image": "app:1",
                    "env": [
                        {"name": "A", "value": "b"},
                        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ],
                    "readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
                    "resources": {"limits": {"cpu": "250m"}},
                    "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True}],
                }
            ],
        }
    },
    "batch/v1/jobs": {
        "spec": {
            "backoffLimit": 1,
            "template": {
                "spec": {
                    "containers": [{"name": "a", "image": "a:1"}],
                    "restartPolicy": "Never",
                }
            },
        }
    },
    "networking.k8s.io/v1/ingresses": {
        "spec": {
            "ingressClassName": "istio",
            "rules": [
                {
                    "host": "a.example",
                    "http": {
                        "paths": [
                            {
                                "path": "/",
                                "pathType": "Prefix",
                                "backend": {"service": {"name": "web", "port": {"number": 80}}},
                            }
                        ]
                    },
                }
            ],
        }
    },
    "coordination.k8s.io/v1/leases": {"spec": lease("a")["spec"]},
}


@pytest.mark.parametrize("resource", BINARY)
async def test_a_binary_body_is_read_as_the_real_server_wrote_it(api: Api, resource: str) -> None:
    """kubectl creates objects in this form. The lab never writes it, so a real one has to."""
    made = await api.post(api.path(resource), {"metadata": {"name": "a"}, **BINARY[resource]})
    assert made.code == 201
    if not api.real:
        return
    headers = {**api.headers, "Accept": PROTOBUF}
    url = api.url + api.path(resource, "a")
    async with api.session.get(url, headers=headers, ssl=api.tls) as response:
        found = protobuf.parsed(await response.read())
    assert _told(found) == _told(made.body)


def _told(value: Any) -> Any:
    """Without what is empty, which the binary form cannot tell from what is left out."""
    if isinstance(value, dict):
        inside = {key: _told(part) for key, part in value.items() if key not in _SERVERS}
        return {key: part for key, part in inside.items() if part not in (None, "", {}, 0)}
    return [_told(part) for part in value] if isinstance(value, list) else value


_SERVERS = ("creationTimestamp", "managedFields")
