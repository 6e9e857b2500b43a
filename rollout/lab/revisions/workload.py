"""Deployment, Service, account, autoscaler and budget of one istiod: plain objects.

Source: istio/istio, manifests/charts/istio-control/istio-discovery/templates (deployment.yaml,
service.yaml, serviceaccount.yaml, autoscale.yaml, poddisruptionbudget.yaml; 1.29 and 1.30).
"""

from collections.abc import Mapping

from rollout.lab.kube.client import Object
from rollout.lab.revisions import labels
from rollout.lab.revisions.names import CLUSTER, REV, Revision

CONTAINER = "discovery"
HTTP, WEBHOOKS, MONITORING = 8080, 15017, 15014
"""The ports on which an istiod answers here; of the ports for proxies there is only the name."""


def account(revision: Revision) -> Object:
    """The ServiceAccount; it does not carry the revision's label."""
    found = {key: value for key, value in labels.of(revision, "istiod").items() if key != REV}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(revision, found)}


def service(revision: Revision) -> Object:
    """Ports for proxies, webhooks and monitoring."""
    ports: list[Object] = [
        {"name": "grpc-xds", "port": 15010, "protocol": "TCP"},
        {"name": "https-dns", "port": 15012, "protocol": "TCP"},
        {"name": "https-webhook", "port": 443, "protocol": "TCP", "targetPort": WEBHOOKS},
        {"name": "http-monitoring", "port": MONITORING, "protocol": "TCP"},
    ]
    found = labels.of(revision, "istiod", istio="pilot", **labels.OPERATED)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(revision, found),
        "spec": {"ports": ports, "selector": _selector(revision)},
    }


def autoscaler(revision: Revision) -> Object:
    """Nothing in the lab scales by it."""
    target = {"averageUtilization": 80, "type": "Utilization"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _meta(revision, labels.of(revision, "istiod", **labels.OPERATED)),
        "spec": {
            "maxReplicas": 5,
            "metrics": [{"resource": {"name": "cpu", "target": target}, "type": "Resource"}],
            "minReplicas": revision.replicas,
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": revision.istiod,
            },
        },
    }


def budget(revision: Revision) -> Object:
    """The PodDisruptionBudget, which the charts write for more than one replica only."""
    found = labels.of(revision, "istiod", istio="pilot", **labels.OPERATED)
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(revision, found),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": _selector(revision)}},
    }


def deployment(revision: Revision) -> Object:
    """``spec.replicas`` is said, since nothing in the lab scales: a chart leaves it to the HPA."""
    found = labels.of(revision, "istiod", istio="pilot", **labels.OPERATED)
    said = {"replicas": revision.replicas} if revision.replicas > 1 else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(revision, found),
        "spec": {
            **said,
            "selector": {"matchLabels": _selector(revision)},
            "strategy": {"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": "25%"}},
            "template": _template(revision),
        },
    }


def _meta(revision: Revision, found: Mapping[str, str]) -> Object:
    return {"name": revision.istiod, "namespace": revision.namespace, "labels": dict(found)}


def _selector(revision: Revision) -> dict[str, str]:
    return {"app": "istiod", REV: revision.name}


def _template(revision: Revision) -> Object:
    found = labels.of(revision, "istiod", istio="istiod", **labels.OPERATED)
    del found["release"]
    apart = {"istio.io/dataplane-mode": "none", "sidecar.istio.io/inject": "false"}
    return {
        "metadata": {
            "annotations": {
                "prometheus.io/port": str(MONITORING),
                "prometheus.io/scrape": "true",
                "sidecar.istio.io/inject": "false",
            },
            "labels": found | apart,
        },
        "spec": {
            "containers": [_container(revision)],
            "serviceAccountName": revision.istiod,
            "tolerations": [{"key": "cni.istio.io/not-ready", "operator": "Exists"}],
            "volumes": _volumes(),
        },
    }


def _container(revision: Revision) -> Object:
    ready = {"path": "/ready", "port": HTTP}
    return {
        "name": CONTAINER,
        "image": f"{revision.hub}/pilot:{revision.version}",
        "args": [
            "discovery",
            f"--monitoringAddr=:{MONITORING}",
            "--log_output_level=default:info",
            *("--domain", revision.trust_domain),
            *("--keepaliveMaxServerConnectionAge", "30m"),
        ],
        "env": _env(revision),
        "ports": [
            _port("http-debug", HTTP),
            _port("grpc-xds", 15010),
            _port("tls-xds", 15012),
            _port("https-webhooks", WEBHOOKS),
            _port("http-monitoring", MONITORING),
        ],
        "readinessProbe": {
            "httpGet": ready,
            "initialDelaySeconds": 1,
            "periodSeconds": 3,
            "timeoutSeconds": 5,
        },
        "resources": {"requests": {"cpu": "500m", "memory": "2048Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [
            _mount("istio-token", "/var/run/secrets/tokens"),
            {"mountPath": "/var/run/secrets/istio-dns", "name": "local-certs"},
            _mount("cacerts", "/etc/cacerts"),
            _mount("istio-kubeconfig", "/var/run/secrets/remote"),
            _mount("istio-csr-dns-cert", "/var/run/secrets/istiod/tls"),
            _mount("istio-csr-ca-configmap", "/var/run/secrets/istiod/ca"),
        ],
    }


def _port(name: str, number: int) -> Object:
    return {"containerPort": number, "name": name, "protocol": "TCP"}


def _mount(name: str, path: str) -> Object:
    return {"mountPath": path, "name": name, "readOnly": True}


def _env(revision: Revision) -> list[Object]:
    limit = {"resourceFieldRef": {"divisor": "1", "resource": "limits.cpu"}}
    return [
        {"name": "REVISION", "value": revision.name},
        {"name": "PILOT_CERT_PROVIDER", "value": "istiod"},
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
        {"name": "KUBECONFIG", "value": "/var/run/secrets/remote/config"},
        {"name": "CA_TRUSTED_NODE_ACCOUNTS", "value": f"{revision.namespace}/ztunnel"},
        {"name": "PILOT_TRACE_SAMPLING", "value": "1"},
        {"name": "PILOT_ENABLE_ANALYSIS", "value": "false"},
        {"name": "CLUSTER_ID", "value": CLUSTER},
        {"name": "GOMAXPROCS", "valueFrom": limit},
        {"name": "PLATFORM", "value": ""},
        *([{"name": "ENABLE_NATIVE_SIDECARS", "value": "true"}] if revision.native else []),
    ]


def field(name: str, path: str) -> Object:
    """An environment variable that takes a field of the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def _volumes() -> list[Object]:
    token = {"audience": "istio-ca", "expirationSeconds": 43200, "path": "istio-token"}
    root = {"defaultMode": 420, "name": "istio-ca-root-cert", "optional": True}
    return [
        {"emptyDir": {"medium": "Memory"}, "name": "local-certs"},
        {"name": "istio-token", "projected": {"sources": [{"serviceAccountToken": token}]}},
        _secret("cacerts", "cacerts"),
        _secret("istio-kubeconfig", "istio-kubeconfig"),
        _secret("istio-csr-dns-cert", "istiod-tls"),
        {"name": "istio-csr-ca-configmap", "configMap": root},
    ]


def _secret(name: str, secret: str) -> Object:
    return {"name": name, "secret": {"optional": True, "secretName": secret}}
