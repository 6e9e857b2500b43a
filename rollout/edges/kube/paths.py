"""Where each kind is found on an API server; nothing is asked from here."""

import functools
from collections.abc import Mapping
from urllib.parse import quote

CORE = "/api/v1"
ISTIO = "/apis/networking.istio.io/v1"
OURS = "/apis/rollout.dev/v1alpha1"
REVIEWS = "/apis/authorization.k8s.io/v1"
WHO = "/apis/authentication.k8s.io/v1"
CLUSTERS = frozenset(
    {
        "Namespace",
        "Node",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
        "ControlPlaneUpgrade",
        "SailIstio",
        "SailTag",
    }
)
"""Kinds that stand in no namespace."""

PATHS: Mapping[str, tuple[str, str]] = {
    "Rollout": (OURS, "rollouts"),
    "RolloutSource": (OURS, "rolloutsources"),
    "AnalysisTemplate": (OURS, "analysistemplates"),
    "ControlPlaneUpgrade": (OURS, "controlplaneupgrades"),
    "ClusterSwitchover": (OURS, "clusterswitchovers"),
    "VirtualService": (ISTIO, "virtualservices"),
    "DestinationRule": (ISTIO, "destinationrules"),
    "Gateway": (ISTIO, "gateways"),
    "Sidecar": (ISTIO, "sidecars"),
    "PeerAuthentication": ("/apis/security.istio.io/v1", "peerauthentications"),
    "AuthorizationPolicy": ("/apis/security.istio.io/v1", "authorizationpolicies"),
    "Telemetry": ("/apis/telemetry.istio.io/v1", "telemetries"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets"),
    "Service": (CORE, "services"),
    "Pod": (CORE, "pods"),
    "ConfigMap": (CORE, "configmaps"),
    "Secret": (CORE, "secrets"),
    "Namespace": (CORE, "namespaces"),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
    "Event": (CORE, "events"),
    "CustomResourceDefinition": (
        "/apis/apiextensions.k8s.io/v1",
        "customresourcedefinitions",
    ),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "MutatingWebhookConfiguration": (
        "/apis/admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
    ),
    "ValidatingWebhookConfiguration": (
        "/apis/admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
    ),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "ServiceAccount": (CORE, "serviceaccounts"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Node": (CORE, "nodes"),
    "EnvoyFilter": ("/apis/networking.istio.io/v1alpha3", "envoyfilters"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
    "ResourceQuota": (CORE, "resourcequotas"),
    "DNSEndpoint": ("/apis/externaldns.k8s.io/v1alpha1", "dnsendpoints"),
    "ServiceEntry": (ISTIO, "serviceentries"),
    "WorkloadEntry": (ISTIO, "workloadentries"),
    "WorkloadGroup": (ISTIO, "workloadgroups"),
    "ProxyConfig": ("/apis/networking.istio.io/v1beta1", "proxyconfigs"),
    "RequestAuthentication": ("/apis/security.istio.io/v1", "requestauthentications"),
    "WasmPlugin": ("/apis/extensions.istio.io/v1alpha1", "wasmplugins"),
    "KubernetesGateway": ("/apis/gateway.networking.k8s.io/v1", "gateways"),
    "ArgoRollout": ("/apis/argoproj.io/v1alpha1", "rollouts"),
    "Canary": ("/apis/flagger.app/v1beta1", "canaries"),
    "SailIstio": ("/apis/sailoperator.io/v1", "istios"),
    "SailTag": ("/apis/sailoperator.io/v1", "istiorevisiontags"),
}
"""Kind to the path of its group and version, and its plural.

Names that two projects use are told apart: Gateway is Istio's, KubernetesGateway the Gateway API's;
Rollout is ours, ArgoRollout Argo's; the Sail Operator's Istio is SailIstio.
"""

OLDER = {
    "EndpointSlice": "/apis/discovery.k8s.io/v1beta1",
    "PodDisruptionBudget": "/apis/policy/v1beta1",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v1",
}
"""For servers before Kubernetes 1.21 and 1.23; what we read and write of them is the same."""


@functools.lru_cache(4096)  # an object that is written is written again
def path(kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
    """Of one object, or of all of ``kind``; no namespace: of the whole cluster."""
    base, plural = PATHS[kind]
    parts = ["namespaces", namespace] if namespace else []
    parts += [part for part in (plural, name, subresource) if part]
    return "/".join([base, *(quote(part, safe="") for part in parts)])


def group(base: str) -> str:
    """The API group of a path of ``PATHS``; empty for the core's."""
    return "" if base == CORE else base.split("/")[2]


_BUILT_IN = frozenset({"", "apps", "batch", "policy", "autoscaling"})


def definitions() -> Mapping[str, str]:
    """Kinds that an API server may lack, to the names of the definitions that bring them."""
    found = {}
    for kind, (base, plural) in PATHS.items():
        name = group(base)
        own = name in _BUILT_IN or name.endswith(".k8s.io")
        if not own or name == "gateway.networking.k8s.io":
            found[kind] = f"{plural}.{name}"
    return found


def where(kind: str, namespace: str, name: str) -> str:
    """``virtualservice shop/reviews``: how errors begin."""
    return f"{kind.lower()} {namespace}/{name}" if namespace else f"{kind.lower()} {name}"
