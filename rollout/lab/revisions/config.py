"""What a revision keeps in ConfigMaps: its mesh configuration, its injector's and its values.

Source: istio/istio, manifests/charts/istio-control/istio-discovery/templates (configmap.yaml,
istiod-injector-configmap.yaml, configmap-values.yaml); the injection templates themselves are not
in here, since the lab's injector is not made by them.
"""

import json

from rollout.lab.kube.client import Object
from rollout.lab.revisions import labels
from rollout.lab.revisions.names import Revision


def maps(revision: Revision) -> list[Object]:
    """All three: ``istio-R``, ``istio-sidecar-injector-R`` and ``values-R``."""
    return [mesh(revision), injector(revision), values(revision)]


def mesh(revision: Revision) -> Object:
    """``istio-R``: what is compared before anything is moved."""
    text = (
        "defaultConfig:\n"
        f"  discoveryAddress: {revision.discovery}\n"
        "defaultProviders:\n"
        "  metrics:\n"
        "  - prometheus\n"
        "enablePrometheusMerge: true\n"
        f"rootNamespace: {revision.namespace}\n"
        f"trustDomain: {revision.trust_domain}"
    )
    data = {"mesh": text, "meshNetworks": "networks: {}"}
    return _map(revision, f"istio-{revision.name}", data)


def injector(revision: Revision) -> Object:
    """``istio-sidecar-injector-R``: by its values the image of a proxy can be told."""
    data = {"config": _CONFIG, "values": json.dumps(_values(revision), indent=2)}
    return _map(revision, revision.injector, data)


def values(revision: Revision) -> Object:
    """``values-R``: what the chart was rendered with."""
    text = json.dumps(_values(revision), indent=2)
    data = {"merged-values": text, "original-values": text}
    return _map(revision, f"values-{revision.name}", data)


_CONFIG = (
    "# defaultTemplates defines the default template to use for pods that do not explicitly "
    "specify a template\n"
    "defaultTemplates: [sidecar]\n"
    "policy: enabled\n"
    "alwaysInjectSelector:\n"
    "  []\n"
    "neverInjectSelector:\n"
    "  []\n"
)


def _values(revision: Revision) -> Object:
    return {
        "global": {
            "caAddress": "",
            "externalIstiod": False,
            "hub": revision.hub,
            "imagePullPolicy": "",
            "istioNamespace": revision.namespace,
            "meshID": "",
            "multiCluster": {"clusterName": "", "enabled": False},
            "nativeNftables": False,
            "network": "",
            "operatorManageWebhooks": False,
            "pilotCertProvider": "istiod",
            "proxy": {"clusterDomain": "cluster.local", "image": "proxyv2", "privileged": False},
            "proxy_init": {"image": "proxyv2"},
            "tag": revision.version,
            "variant": "",
        },
        "pilot": {"cni": {"enabled": False}, "env": {}},
        "revision": revision.name,
        "sidecarInjectorWebhook": {
            "defaultTemplates": [],
            "enableNamespacesByDefault": False,
            "injectedAnnotations": {},
            "neverInjectSelector": [],
            "reinvocationPolicy": "Never",
            "rewriteAppHTTPProbe": True,
            "templates": {},
        },
    }


def root(namespace: str, pem: str) -> Object:
    """The trusted root, as istiod's namespace controller writes it everywhere.

    Source: istio/istio, pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "istio-ca-root-cert",
            "namespace": namespace,
            "labels": {"istio.io/config": "true"},
        },
        "data": {"root-cert.pem": pem},
    }


def _map(revision: Revision, name: str, data: dict[str, str]) -> Object:
    found = labels.of(revision, "istiod", **labels.OPERATED)
    del found["app"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": revision.namespace, "labels": found},
        "data": data,
    }
