"""The objects that the contract's cases are about."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_SPEC: Json = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 0, "maximum": 100},
        "colour": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "label": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8},
        "port": {"x-kubernetes-int-or-string": True},
        "note": {"type": "string", "nullable": True},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "plain": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
            },
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "limits": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}

_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "spec": _SPEC,
        "status": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "phase": {"type": "string"}},
        },
    },
}


def _definition(plural: str, kind: str, *versions: Json) -> Json:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.dev"},
        "spec": {
            "group": "example.dev",
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, "shortNames": [plural[:2]]},
            "versions": list(versions),
        },
    }


_SCALE = {
    "specReplicasPath": ".spec.size",
    "statusReplicasPath": ".status.replicas",
}

# With status and scale, and columns.
WIDGETS = _definition(
    "widgets",
    "Widget",
    {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _SCHEMA},
        "subresources": {"status": {}, "scale": _SCALE},
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Colour", "type": "string", "jsonPath": ".spec.colour"},
            {"name": "Tags", "type": "string", "jsonPath": ".spec.tags", "priority": 1},
            {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        ],
    },
    {"name": "v1beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": _SCHEMA}},
)

# Without a status subresource.
GADGETS = _definition(
    "gadgets",
    "Gadget",
    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _SCHEMA}},
)

WIDGET = "example.dev/v1/widgets"
GADGET = "example.dev/v1/gadgets"


def widget(name: str = "a", **spec: Any) -> Json:
    return {
        "apiVersion": "example.dev/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 1, **spec},
    }


def gadget(name: str = "a", **spec: Any) -> Json:
    return {**widget(name, **spec), "kind": "Gadget"}


def config_map(name: str = "a", **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str = "a") -> Json:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "app:1"}]},
            },
        },
    }


def virtual_service(stable: int = 100, canary: int = 0) -> Json:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "reviews"},
        "spec": {
            "hosts": ["reviews"],
            "http": [
                {
                    "name": "primary",
                    "route": [
                        {"destination": {"host": "reviews", "subset": "stable"}, "weight": stable},
                        {"destination": {"host": "reviews", "subset": "canary"}, "weight": canary},
                    ],
                }
            ],
        },
    }
