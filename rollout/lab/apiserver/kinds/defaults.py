"""What the server fills into built-in kinds, as far as clients lean on it.

A key is a dotted path, ``[]`` stands for every item of a list, and nothing is made on the way: a
default under ``spec.template`` needs a ``spec.template``. A value that starts with ``=`` is the
path of a neighbour to copy.
Source: Kubernetes, pkg/apis/*/v1/defaults.go, as the API reference tells it.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Any

JsonObject = dict[str, Any]


def _pod(prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"{prefix}.restartPolicy": "Always",
        f"{prefix}.dnsPolicy": "ClusterFirst",
        f"{prefix}.schedulerName": "default-scheduler",
        f"{prefix}.terminationGracePeriodSeconds": 30,
        f"{prefix}.securityContext": {},
    }
    for containers in ("containers", "initContainers"):
        each = f"{prefix}.{containers}[]"
        found |= {
            f"{each}.imagePullPolicy": "IfNotPresent",
            f"{each}.resources": {},
            f"{each}.terminationMessagePath": "/dev/termination-log",
            f"{each}.terminationMessagePolicy": "File",
            f"{each}.ports[].protocol": "TCP",
        }
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            found |= _probe(f"{each}.{probe}")
    return found


def _probe(prefix: str) -> dict[str, Any]:
    return {
        f"{prefix}.timeoutSeconds": 1,
        f"{prefix}.periodSeconds": 10,
        f"{prefix}.successThreshold": 1,
        f"{prefix}.failureThreshold": 3,
        f"{prefix}.httpGet.scheme": "HTTP",
        f"{prefix}.httpGet.path": "/",
    }


POD = {**_pod("spec"), "spec.enableServiceLinks": True, "status": {"phase": "Pending"}}

DEPLOYMENT = {
    "spec.replicas": 1,
    "spec.strategy": {"type": "RollingUpdate"},
    "spec.strategy.type": "RollingUpdate",
    "spec.revisionHistoryLimit": 10,
    "spec.progressDeadlineSeconds": 600,
    "spec.template.metadata": {},
    **_pod("spec.template.spec"),
    "status": {},
}

REPLICA_SET = {"spec.replicas": 1, "spec.template.metadata": {}, **_pod("spec.template.spec")}

_SET = {
    "spec.revisionHistoryLimit": 10,
    "spec.updateStrategy": {"type": "RollingUpdate"},
    "spec.updateStrategy.type": "RollingUpdate",
    "spec.template.metadata": {},
    **_pod("spec.template.spec"),
    "status": {},
}
STATEFUL_SET = {"spec.replicas": 1, "spec.podManagementPolicy": "OrderedReady", **_SET}
DAEMON_SET = _SET

JOB = {
    "spec.parallelism": 1,
    "spec.completions": 1,
    "spec.backoffLimit": 6,
    "spec.completionMode": "NonIndexed",
    "spec.suspend": False,
    "spec.template.metadata": {},
    **_pod("spec.template.spec"),
    "status": {},
}
INGRESS: dict[str, Any] = {"status": {"loadBalancer": {}}}

SERVICE = {
    "status": {"loadBalancer": {}},
    "spec.type": "ClusterIP",
    "spec.sessionAffinity": "None",
    "spec.ports[].protocol": "TCP",
    "spec.ports[].targetPort": "=port",
    "spec.internalTrafficPolicy": "Cluster",
    "spec.ipFamilies": ["IPv4"],
    "spec.ipFamilyPolicy": "SingleStack",
}

NAMESPACE = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
SECRET = {"type": "Opaque"}
AUTOSCALER = {"spec.minReplicas": 1}
EVENT_CORE = {"source": {}, "reportingComponent": "", "reportingInstance": ""}
WEBHOOKS = {
    "webhooks[].failurePolicy": "Fail",
    "webhooks[].matchPolicy": "Equivalent",
    "webhooks[].namespaceSelector": {},
    "webhooks[].objectSelector": {},
    "webhooks[].timeoutSeconds": 10,
    "webhooks[].rules[].scope": "*",
    "webhooks[].clientConfig.service.port": 443,
}
MUTATING_WEBHOOKS = {**WEBHOOKS, "webhooks[].reinvocationPolicy": "Never"}


def without_nulls(value: Any) -> Any:
    """Built-in kinds know no null: what is null was left out. Parts without any stay the same."""
    if isinstance(value, dict):
        kept = {key: without_nulls(part) for key, part in value.items() if part is not None}
        same = len(kept) == len(value) and all(kept[key] is value[key] for key in kept)
        return value if same else kept
    if isinstance(value, list):
        items = [without_nulls(part) for part in value]
        return value if all(map(is_, items, value)) else items
    return value


def filled(document: JsonObject, defaults: Mapping[str, Any]) -> JsonObject:
    """``document`` with every default whose place exists and is empty; another dict if any is."""
    for path, value in defaults.items():
        document = _filled(document, path.split("."), value)
    return document


def _filled(node: Any, path: list[str], value: Any) -> Any:
    if not isinstance(node, dict):
        return node
    head, *rest = path
    name, each = head.removesuffix("[]"), head.endswith("[]")
    below = node.get(name)
    if not rest:
        return node if below is not None else _with(node, name, _resolved(node, value))
    if below is None:
        return node
    if each:
        items = below if isinstance(below, list) else []
        return _with(node, name, [_filled(item, rest, value) for item in items])
    return _with(node, name, _filled(below, rest, value))


def _with(node: JsonObject, name: str, value: Any) -> JsonObject:
    old = node.get(name)
    if old is value or (isinstance(value, list) and value == old):
        return node
    if value is None:
        return node
    return {**node, name: value}


def _resolved(node: JsonObject, value: Any) -> Any:
    return node.get(value[1:]) if isinstance(value, str) and value.startswith("=") else value
