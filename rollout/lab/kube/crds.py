"""The lab's own CRDs for the three Istio kinds it reads; any fields are kept, none are checked."""

from rollout.lab.kube.client import Object

_GROUP = "networking.istio.io"
_VERSIONS = ("v1", "v1beta1", "v1alpha3")  # as istiod's own definitions serve them
_KINDS = (
    ("VirtualService", "virtualservices", "vs"),
    ("DestinationRule", "destinationrules", "dr"),
    ("Gateway", "gateways", "gw"),
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


def _crd(kind: str, plural: str, short: str) -> Object:
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "shortNames": [short]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "scope": "Namespaced",
            "names": names | {"listKind": f"{kind}List", "categories": ["istio-io"]},
            "versions": [_version(each, stored=each == "v1") for each in _VERSIONS],
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
