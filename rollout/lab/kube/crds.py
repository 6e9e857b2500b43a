"""The lab's own CRDs for Istio's kinds that it knows; any fields are kept, none are checked."""

from rollout.lab.kube.client import Object

_NETWORKING = "networking.istio.io", ("v1", "v1beta1", "v1alpha3")
_SECURITY = "security.istio.io", ("v1", "v1beta1")
"""Groups and their versions, as istiod's own definitions serve them."""
_KINDS = (
    ("VirtualService", "virtualservices", "vs", _NETWORKING),
    ("DestinationRule", "destinationrules", "dr", _NETWORKING),
    ("Gateway", "gateways", "gw", _NETWORKING),
    ("PeerAuthentication", "peerauthentications", "pa", _SECURITY),
)


def istio() -> list[Object]:
    """One CustomResourceDefinition per kind, stored as ``v1``, served in the older ones, too."""
    return [_crd(*each) for each in _KINDS]


def dns() -> Object:
    """external-dns's DNSEndpoint, with the field that its controller writes."""
    names = {"kind": "DNSEndpoint", "plural": "dnsendpoints", "singular": "dnsendpoint"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "dnsendpoints.externaldns.k8s.io"},
        "spec": {
            "group": "externaldns.k8s.io",
            "scope": "Namespaced",
            "names": names | {"listKind": "DNSEndpointList"},
            "versions": [_version("v1alpha1", stored=True)],
        },
    }


def _crd(kind: str, plural: str, short: str, where: tuple[str, tuple[str, ...]]) -> Object:
    group, versions = where
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "shortNames": [short]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names | {"listKind": f"{kind}List", "categories": ["istio-io"]},
            "versions": [_version(each, stored=each == "v1") for each in versions],
        },
    }


def _version(name: str, *, stored: bool) -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    return {
        "name": name,
        "served": True,
        "storage": stored,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
