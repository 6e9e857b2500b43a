"""All that runs the controller in a cluster, as plain manifests."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import rollout
from rollout.cli.installing.mounts import SLACK_ALONE, Secrets
from rollout.cli.manifests import rbac
from rollout.controller.rights import USUAL, Need

Json = dict[str, Any]

IMAGE = f"ghcr.io/rollout-dev/rollout:{rollout.__version__}"
USER, READER = 65532, 65533
PORT = 8080
LABELS = {"app.kubernetes.io/name": "rollout"}
POLICY = "/etc/rollout/policy.yaml"
CACHE = "/var/cache/rollout"
AUDIT = "/var/log/rollout"
RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
CACHE_SIZE = "2Gi"
SOCKET = "/run/rollout/git.sock"
READER_RESOURCES = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3607
"""As the API server's own volume has it, which ``automountServiceAccountToken`` would mount."""
POLICY_HASH = "rollout.dev/policy-sha256"


@dataclass(frozen=True, slots=True)
class Installation:
    """What differs from one installation to the next.

    ``own``: the namespace of the controller's pods. ``only``: the one to act in; empty: all.
    ``policy``: the text of the operator's policy; empty: the safest.
    ``shards``: Leases that share the namespaces among the replicas.
    ``audit``: the claim of the volume for the audit log, ``-`` for stdout; empty: no log.
    ``page``: ``host:port`` where the page is served; empty: nowhere.
    ``needs``: what rights are granted for, besides those that every Rollout needs.
    """

    own: str = rbac.OWN
    only: str = ""
    replicas: int = 2
    image: str = IMAGE
    prometheus: str = ""
    istiod: str = ""
    policy: str = ""
    audit: str = ""
    shards: int = 1
    tenant: str = ""
    page: str = ""
    log_level: str = "info"
    secrets: Secrets = SLACK_ALONE
    needs: frozenset[Need] = USUAL

    def manifests(self) -> list[Json]:
        """In the order in which they are to be applied; our kinds come before them."""
        return [*self.ground(), *self._rights(), *self.controller()]

    def ground(self) -> list[Json]:
        """The namespace that the rest stands in."""
        return [_namespace(self.own)]

    def _rights(self) -> list[Json]:
        """Those of upgrades are a role of their own, which reaches the whole cluster."""
        mesh = rbac.upgrading(self.own) if Need.UPGRADES in self.needs else ()
        return [*rbac.manifests(self.only, self.own, self.needs - {Need.UPGRADES}), *mesh]

    def controller(self) -> list[Json]:
        """The pods and what stands around them; their account and its rights are not here."""
        return [
            self._policy(),
            self._deployment(),
            self._service(),
            self._budget(),
            self._network(),
        ]

    def _policy(self) -> Json:
        return {**self._made("v1", "ConfigMap"), "data": {"policy.yaml": self._policy_text()}}

    def _policy_text(self) -> str:
        return self.policy or "{}\n"

    def _deployment(self) -> Json:
        spec = {
            "replicas": self.replicas,
            "selector": {"matchLabels": LABELS},
            "strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}},
            "template": {
                # Without a proxy: the mesh that is upgraded must not stand before its upgrader.
                "metadata": {
                    "labels": {**LABELS, "sidecar.istio.io/inject": "false"},
                    # The policy is read at the start: another one wants other pods.
                    "annotations": {
                        POLICY_HASH: sha256(self._policy_text().encode()).hexdigest(),
                        "kubectl.kubernetes.io/default-container": rbac.NAME,
                    },
                },
                "spec": self._pod(),
            },
        }
        return {**self._made("apps/v1", "Deployment"), "spec": spec}

    def _pod(self) -> Json:
        return {
            "serviceAccountName": rbac.NAME,
            # The controller's container mounts the token by itself; whoever reads git has none.
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": key,
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": LABELS},
                }
                for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
            ],
            "containers": [self._container(), self._reader()],
            "volumes": [
                {"name": "account", "projected": {"sources": _account()}},
                {"name": "socket", "emptyDir": {}},
                {"name": "cache", "emptyDir": {"sizeLimit": CACHE_SIZE}},
                {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                {"name": "reader-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                {"name": "policy", "configMap": {"name": rbac.NAME}},
                *self.secrets.volumes(),
                *(
                    {"name": "audit", "persistentVolumeClaim": {"claimName": it}}
                    for it in self._claims()
                ),
            ],
        }

    def _container(self) -> Json:
        return {
            "name": "rollout",
            "image": self.image,
            "args": ["run"],
            "env": [
                {
                    "name": "POD_NAMESPACE",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}},
                },
                *({"name": key, "value": value} for key, value in self._settings().items()),
            ],
            "ports": [
                {"name": name, "containerPort": port, "protocol": "TCP"}
                for name, port in self._ports()
            ],
            "startupProbe": _probe("/healthz", failures=30),
            "livenessProbe": _probe("/healthz", failures=6),
            "readinessProbe": _probe("/readyz", failures=3),
            "resources": RESOURCES,
            "securityContext": _CONFINED,
            "volumeMounts": [
                {"name": "account", "mountPath": ACCOUNT, "readOnly": True},
                {"name": "socket", "mountPath": _FOLDER, "readOnly": True},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
                {"name": "policy", "mountPath": str(Path(POLICY).parent), "readOnly": True},
                *self.secrets.mounts(),
                *({"name": "audit", "mountPath": AUDIT} for _ in self._claims()),
            ],
        }

    def _reader(self) -> Json:
        """Reads git: no token, no Secret, no policy, and a user of its own."""
        return {
            "name": "git-reader",
            "image": self.image,
            "args": ["git-reader", "--socket", SOCKET, "--cache", CACHE],
            "resources": READER_RESOURCES,
            "securityContext": {**_CONFINED, "runAsUser": READER, "runAsGroup": READER},
            "volumeMounts": [
                {"name": "socket", "mountPath": _FOLDER},
                {"name": "cache", "mountPath": CACHE},
                {"name": "reader-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of its own
            ],
        }

    def _claims(self) -> tuple[str, ...]:
        return () if self.audit in ("", "-") else (self.audit,)

    def _ports(self) -> tuple[tuple[str, int], ...]:
        """Name and number of each port that the controller serves."""
        page = (("page", int(self.page.rpartition(":")[2])),) if self.page else ()
        return (("http", PORT), *page)

    def _settings(self) -> Mapping[str, str]:
        said = {
            "ROLLOUT_LISTEN": f"0.0.0.0:{PORT}",
            "ROLLOUT_CACHE": f"unix:{SOCKET}",
            "ROLLOUT_POLICY": POLICY,
            "ROLLOUT_NAMESPACE": self.only,
            "ROLLOUT_PROMETHEUS": self.prometheus,
            **self.secrets.files(),
            "ROLLOUT_TENANT": self.tenant,
            "ROLLOUT_ISTIOD": self.istiod,
            "ROLLOUT_PAGE": self.page,
            "ROLLOUT_AUDIT": f"{AUDIT}/audit.jsonl" if self._claims() else self.audit,
            "ROLLOUT_SHARDS": str(self.shards) if self.shards > 1 else "",
            "ROLLOUT_LOG_LEVEL": self.log_level if self.log_level != "info" else "",
        }
        return {key: value for key, value in said.items() if value}

    def _service(self) -> Json:
        ports = [
            {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
            for name, port in self._ports()
        ]
        return {**self._made("v1", "Service"), "spec": {"selector": LABELS, "ports": ports}}

    def _budget(self) -> Json:
        made = self._made("policy/v1", "PodDisruptionBudget")
        return {**made, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}}

    def _network(self) -> Json:
        """Who may reach us. Whom we may reach stays open: git and Prometheus may be anywhere."""
        spec = {
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": port, "protocol": "TCP"} for _, port in self._ports()]}
            ],
        }
        return {**self._made("networking.k8s.io/v1", "NetworkPolicy"), "spec": spec}

    def _made(self, version: str, kind: str) -> Json:
        metadata = {"name": rbac.NAME, "namespace": self.own, "labels": LABELS}
        return {"apiVersion": version, "kind": kind, "metadata": metadata}


_FOLDER = str(Path(SOCKET).parent)
_CONFINED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def _account() -> list[Json]:
    """What a pod's account has: its token, whom to believe, and where it is."""
    ca = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    field = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_SECONDS}},
        {"configMap": ca},
        {"downwardAPI": {"items": [field]}},
    ]


def _namespace(name: str) -> Json:
    labels = {**LABELS, "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _probe(path: str, *, failures: int) -> Json:
    get = {"path": path, "port": "http"}
    return {"httpGet": get, "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": failures}
