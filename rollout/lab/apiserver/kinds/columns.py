"""The columns of the built-in kinds, in the order that ``kubectl get`` shows them.

Source: Kubernetes, pkg/printers/internalversion/printers.go, as its output shows it.
"""

from __future__ import annotations

from typing import Any

from .kind import Column

JsonObject = dict[str, Any]


def _at(document: Any, path: str, default: Any = None) -> Any:
    for part in path.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return default if document is None else document


def _number(path: str) -> Any:
    return lambda document: _at(document, path, 0)


def _text(path: str) -> Any:
    return lambda document: str(_at(document, path, ""))


def _size(*fields: str) -> Any:
    return lambda document: sum(len(document.get(field) or ()) for field in fields)


AGE = Column("Age", lambda found: _at(found, "metadata.creationTimestamp"), type="date")


def _labels(selector: Any) -> str:
    labels = selector or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


def _containers(spec_path: str) -> tuple[Column, ...]:
    def listed(field: str) -> Any:
        return lambda document: ",".join(
            str(container.get(field, ""))
            for container in _at(document, f"{spec_path}.containers", [])
        )

    return (
        Column("Containers", listed("name"), priority=1),
        Column("Images", listed("image"), priority=1),
    )


_SELECTOR = Column(
    "Selector", lambda found: _labels(_at(found, "spec.selector.matchLabels")), priority=1
)

DEPLOYMENT = (
    Column("Ready", lambda d: f"{_at(d, 'status.readyReplicas', 0)}/{_at(d, 'spec.replicas', 0)}"),
    Column("Up-to-date", _number("status.updatedReplicas"), type="integer"),
    Column("Available", _number("status.availableReplicas"), type="integer"),
    AGE,
    *_containers("spec.template.spec"),
    _SELECTOR,
)

REPLICA_SET = (
    Column("Desired", _number("spec.replicas"), type="integer"),
    Column("Current", _number("status.replicas"), type="integer"),
    Column("Ready", _number("status.readyReplicas"), type="integer"),
    AGE,
    *_containers("spec.template.spec"),
    _SELECTOR,
)

STATEFUL_SET = (
    Column("Ready", lambda d: f"{_at(d, 'status.readyReplicas', 0)}/{_at(d, 'spec.replicas', 0)}"),
    AGE,
    *_containers("spec.template.spec"),
)

DAEMON_SET = (
    Column("Desired", _number("status.desiredNumberScheduled"), type="integer"),
    Column("Current", _number("status.currentNumberScheduled"), type="integer"),
    Column("Ready", _number("status.numberReady"), type="integer"),
    Column("Up-to-date", _number("status.updatedNumberScheduled"), type="integer"),
    Column("Available", _number("status.numberAvailable"), type="integer"),
    Column("Node Selector", lambda d: _labels(_at(d, "spec.template.spec.nodeSelector"))),
    AGE,
    *_containers("spec.template.spec"),
    _SELECTOR,
)

JOB = (
    Column(
        "Completions", lambda d: f"{_at(d, 'status.succeeded', 0)}/{_at(d, 'spec.completions')}"
    ),
    AGE,
    *_containers("spec.template.spec"),
    _SELECTOR,
)


def _ingress_hosts(document: JsonObject) -> str:
    named = [rule["host"] for rule in _at(document, "spec.rules", []) if rule.get("host")]
    return ",".join(named) or "*"


INGRESS = (
    Column("Class", lambda d: _at(d, "spec.ingressClassName", "<none>")),
    Column("Hosts", _ingress_hosts),
    Column("Address", lambda _: ""),
    Column("Ports", lambda d: "80, 443" if _at(d, "spec.tls") else "80"),
    AGE,
)


def _pod_ready(document: JsonObject) -> str:
    statuses = _at(document, "status.containerStatuses", [])
    ready = sum(1 for status in statuses if status.get("ready"))
    return f"{ready}/{len(_at(document, 'spec.containers', []))}"


def _pod_status(document: JsonObject) -> str:
    if _at(document, "metadata.deletionTimestamp"):
        return "Terminating"
    for status in _at(document, "status.containerStatuses", []):
        waiting = _at(status, "state.waiting.reason") or _at(status, "state.terminated.reason")
        if waiting:
            return str(waiting)
    return str(_at(document, "status.reason") or _at(document, "status.phase", ""))


def _pod_restarts(document: JsonObject) -> str:
    statuses = _at(document, "status.containerStatuses", [])
    return str(sum(status.get("restartCount", 0) for status in statuses))


POD = (
    Column("Ready", _pod_ready),
    Column("Status", _pod_status),
    Column("Restarts", _pod_restarts),
    AGE,
    Column("IP", lambda d: _at(d, "status.podIP", "<none>"), priority=1),
    Column("Node", lambda d: _at(d, "spec.nodeName", "<none>"), priority=1),
    Column("Nominated Node", lambda d: _at(d, "status.nominatedNodeName", "<none>"), priority=1),
    Column("Readiness Gates", lambda _: "<none>", priority=1),
)


def _ports(document: JsonObject) -> str:
    ports = _at(document, "spec.ports", [])
    return ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in ports) or "<none>"


SERVICE = (
    Column("Type", _text("spec.type")),
    Column("Cluster-IP", lambda d: _at(d, "spec.clusterIP", "<none>")),
    Column("External-IP", lambda d: ",".join(_at(d, "spec.externalIPs", [])) or "<none>"),
    Column("Port(s)", _ports),
    AGE,
    Column("Selector", lambda d: _labels(_at(d, "spec.selector")), priority=1),
)


def _subset_addresses(document: JsonObject) -> str:
    found = [
        f"{address.get('ip')}:{port.get('port')}"
        for subset in document.get("subsets") or ()
        for address in subset.get("addresses") or ()
        for port in subset.get("ports") or ()
    ]
    return _shortened(found)


def _slice_addresses(document: JsonObject) -> str:
    return _shortened([ip for end in document.get("endpoints") or () for ip in end["addresses"]])


def _shortened(found: list[str]) -> str:
    # Three, then a count: as kubectl has always shown them.
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more if found else "<none>"


def _slice_ports(document: JsonObject) -> str:
    return ",".join(str(port.get("port")) for port in document.get("ports") or ()) or "<unset>"


ENDPOINTS = (Column("Endpoints", _subset_addresses), AGE)
ENDPOINT_SLICE = (
    Column("AddressType", _text("addressType")),
    Column("Ports", _slice_ports),
    Column("Endpoints", _slice_addresses),
    AGE,
)
NAMESPACE = (Column("Status", _text("status.phase")), AGE)
CONFIG_MAP = (Column("Data", _size("data", "binaryData"), type="integer"), AGE)
SECRET = (Column("Type", _text("type")), Column("Data", _size("data"), type="integer"), AGE)
SERVICE_ACCOUNT = (Column("Secrets", _size("secrets"), type="integer"), AGE)


def _node_status(document: JsonObject) -> str:
    conditions = _at(document, "status.conditions", [])
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return "Ready" if ready else "NotReady"


NODE = (
    Column("Status", _node_status),
    Column("Roles", lambda _: "<none>"),
    AGE,
    Column("Version", _text("status.nodeInfo.kubeletVersion")),
)


def _last_seen(document: JsonObject) -> Any:
    series = _at(document, "series.lastObservedTime")
    return series or document.get("lastTimestamp") or document.get("eventTime")


def _about(document: JsonObject) -> str:
    about = document.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


# An event's own name is noise, so it stands last and is shown wide only.
EVENT = (
    Column("Last Seen", _last_seen, type="date"),
    Column("Type", _text("type")),
    Column("Reason", _text("reason")),
    Column("Object", _about),
    Column("Message", _text("message")),
    Column("Name", _text("metadata.name"), priority=1),
)


def _metric(metric: JsonObject) -> str:
    source = metric.get(str(metric.get("type", "")).lower()) or {}
    wanted = source.get("target") or {}
    percent = wanted.get("averageUtilization")
    goal = (
        f"{percent}%" if percent is not None else wanted.get("averageValue") or wanted.get("value")
    )
    return f"{source.get('name', metric.get('type'))}: <unknown>/{goal}"


AUTOSCALER = (
    Column(
        "Reference",
        lambda d: "{kind}/{name}".format_map(
            _at(d, "spec.scaleTargetRef", {"kind": "", "name": ""})
        ),
    ),
    Column("Targets", lambda d: ", ".join(map(_metric, _at(d, "spec.metrics", []))) or "<none>"),
    Column("MinPods", _text("spec.minReplicas")),
    Column("MaxPods", _number("spec.maxReplicas"), type="integer"),
    Column("Replicas", _number("status.currentReplicas"), type="integer"),
    AGE,
)
DISRUPTION_BUDGET = (
    Column("Min Available", lambda d: str(_at(d, "spec.minAvailable", "N/A"))),
    Column("Max Unavailable", lambda d: str(_at(d, "spec.maxUnavailable", "N/A"))),
    Column("Allowed Disruptions", _number("status.disruptionsAllowed"), type="integer"),
    AGE,
)
LEASE = (Column("Holder", _text("spec.holderIdentity")), AGE)
DEFINITION = (Column("Created At", _text("metadata.creationTimestamp"), type="date"),)
WEBHOOKS = (Column("Webhooks", _size("webhooks"), type="integer"), AGE)
