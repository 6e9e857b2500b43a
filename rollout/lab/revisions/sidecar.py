"""The containers and volumes that injection adds to a pod: plain objects.

Source: istio/istio, manifests/charts/istio-control/istio-discovery/files/injection-template.yaml
and gateway-injection-template.yaml (1.29 and 1.30).
"""

import json

from rollout.lab.kube.client import Object
from rollout.lab.revisions.names import CLUSTER, Revision
from rollout.lab.revisions.workload import field

PROXY, INIT = "istio-proxy", "istio-init"
_LOGS = ["--proxyLogLevel=warning", "--proxyComponentLogLevel=misc:error"]
_LEVEL = "--log_output_level=default:info"
_RESOURCES = {
    "limits": {"cpu": "2", "memory": "1Gi"},
    "requests": {"cpu": "100m", "memory": "128Mi"},
}
VOLUMES = (
    "workload-socket",
    "credential-socket",
    "workload-certs",
    "istio-envoy",
    "istio-data",
    "istio-podinfo",
    "istio-token",
    "istiod-ca-cert",
    "istio-ca-crl",
)


def init(revision: Revision) -> Object:
    """Turns the pod's traffic to the proxy."""
    return {
        "name": INIT,
        "image": revision.proxy_image,
        "args": [
            "istio-iptables",
            *("-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT"),
            *("-i", "*", "-x", "", "-b", "*", "-d", "15090,15021,15020"),
            _LEVEL,
        ],
        "resources": _RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": False,
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "runAsUser": 0,
        },
    }


def proxy(revision: Revision, pod: Object, owner: tuple[str, str], *, gateway: bool) -> Object:
    """The proxy's container. ``owner``: the workload's name, and its path in the API."""
    ready = {"path": "/healthz/ready", "port": 15021}
    patient = {"failureThreshold": 4, "httpGet": ready, "periodSeconds": 15, "timeoutSeconds": 3}
    started = {"failureThreshold": 600, "httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 3}
    kind = "router" if gateway else "sidecar"
    return {
        "name": PROXY,
        "image": revision.proxy_image,
        "args": [
            *("proxy", kind, "--domain", "$(POD_NAMESPACE).svc.cluster.local"),
            *_LOGS,
            _LEVEL,
        ],
        "env": _env(revision, pod, owner),
        "ports": [{"containerPort": 15090, "name": "http-envoy-prom", "protocol": "TCP"}],
        "readinessProbe": patient,
        "startupProbe": started,
        "resources": _RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": 1337,
            "runAsNonRoot": True,
            "runAsUser": 1337,
        },
        "volumeMounts": [
            {"mountPath": path, "name": name}
            for name, path in (
                ("workload-socket", "/var/run/secrets/workload-spiffe-uds"),
                ("credential-socket", "/var/run/secrets/credential-uds"),
                ("workload-certs", "/var/run/secrets/workload-spiffe-credentials"),
                ("istiod-ca-cert", "/var/run/secrets/istio"),
                ("istio-ca-crl", "/var/run/secrets/istio/crl"),
                ("istio-data", "/var/lib/istio/data"),
                ("istio-envoy", "/etc/istio/proxy"),
                ("istio-token", "/var/run/secrets/tokens"),
                ("istio-podinfo", "/etc/istio/pod"),
            )
        ],
        **({"restartPolicy": "Always"} if revision.native and not gateway else {}),
    }


def volumes() -> list[Object]:
    """In the order of ``VOLUMES``."""
    token = {"audience": "istio-ca", "expirationSeconds": 43200, "path": "istio-token"}
    info = [_item("labels"), _item("annotations")]
    crl = {"defaultMode": 420, "name": "istio-ca-crl", "optional": True}
    return [
        {"emptyDir": {}, "name": "workload-socket"},
        {"emptyDir": {}, "name": "credential-socket"},
        {"emptyDir": {}, "name": "workload-certs"},
        {"emptyDir": {"medium": "Memory"}, "name": "istio-envoy"},
        {"emptyDir": {}, "name": "istio-data"},
        {"name": "istio-podinfo", "downwardAPI": {"defaultMode": 420, "items": info}},
        {
            "name": "istio-token",
            "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": token}]},
        },
        {
            "name": "istiod-ca-cert",
            "configMap": {"defaultMode": 420, "name": "istio-ca-root-cert"},
        },
        {"name": "istio-ca-crl", "configMap": crl},
    ]


def _item(name: str) -> Object:
    return {"path": name, "fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.{name}"}}


def _env(revision: Revision, pod: Object, owner: tuple[str, str]) -> list[Object]:
    apps = [each for each in pod["spec"]["containers"] if each["name"] != PROXY]
    # Source of the line breaks: the template joins ports by newlines, which is what pods show.
    ports = [json.dumps(each, separators=(",", ":")) for box in apps for each in _ports(box)]
    listed = "[\n    " + "\n    ,".join(ports) + "\n]" if ports else "[\n]"
    config = json.dumps({"discoveryAddress": revision.discovery}, separators=(",", ":"))
    return [
        {"name": "PILOT_CERT_PROVIDER", "value": "istiod"},
        {"name": "CA_ADDR", "value": revision.discovery},
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        field("INSTANCE_IP", "status.podIP"),
        field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
        field("HOST_IP", "status.hostIP"),
        _limit("ISTIO_CPU_LIMIT", "limits.cpu"),
        {"name": "PROXY_CONFIG", "value": f"{config}\n"},
        {"name": "ISTIO_META_POD_PORTS", "value": listed},
        {"name": "ISTIO_META_APP_CONTAINERS", "value": ",".join(each["name"] for each in apps)},
        _limit("GOMEMLIMIT", "limits.memory"),
        _limit("GOMAXPROCS", "limits.cpu"),
        {"name": "ISTIO_META_CLUSTER_ID", "value": CLUSTER},
        field("ISTIO_META_NODE_NAME", "spec.nodeName"),
        {"name": "ISTIO_META_INTERCEPTION_MODE", "value": "REDIRECT"},
        {"name": "ISTIO_META_WORKLOAD_NAME", "value": owner[0]},
        {"name": "ISTIO_META_OWNER", "value": f"kubernetes://apis/{owner[1]}"},
        {"name": "ISTIO_META_MESH_ID", "value": revision.trust_domain},
        {"name": "TRUST_DOMAIN", "value": revision.trust_domain},
    ]


def _ports(container: Object) -> list[Object]:
    return [
        {"containerPort": each["containerPort"], "protocol": each.get("protocol", "TCP")}
        | ({"name": each["name"]} if each.get("name") else {})
        for each in container.get("ports") or ()
    ]


def _limit(name: str, resource: str) -> Object:
    asked = {"divisor": "1", "resource": resource}
    return {"name": name, "valueFrom": {"resourceFieldRef": asked}}
