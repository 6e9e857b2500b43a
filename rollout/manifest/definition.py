"""A kind of ours as the API server wants it: its CustomResourceDefinition, made from the nouns."""

from typing import Any

from rollout.manifest import envelope
from rollout.manifest.schema import Kind, Schema, plain
from rollout.model.spec import GROUP, VERSION

_CONDITIONS: Schema = {
    "description": "Ready, Reconciling, Stalled, as kstatus wants them",
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
    "items": {
        "type": "object",
        "required": ["type", "status"],
        "properties": {
            "type": {"type": "string"},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "reason": {"type": "string"},
            "message": {"type": "string"},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "observedGeneration": {"type": "integer"},
        },
    },
}

_SHOWN: Schema = {
    "description": "what people know both sides by: a revision's name, or the image of a template",
    "type": "object",
    "properties": {"stable": {"type": "string"}, "canary": {"type": "string"}},
}
"""For the columns of `kubectl get`, whose JSONPath knows no "or"."""

_NAME: Schema = {"type": "string", "pattern": f"^{envelope.NAME}$", "maxLength": envelope.LONGEST}
"""Names made from it stay under 63."""


def crd(kind: Kind) -> Schema:
    """The CustomResourceDefinition of ``kind``; a structural schema, with no defaults.

    No defaults, because the API server would write them into what git asked for.
    """
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                # no category "rollout": `kubectl get rollout NAME` would mean every kind
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> Schema:
    columns = [{"name": n, "jsonPath": path, "type": type_} for n, path, type_ in kind.columns]
    age = {"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _whole(kind)},
        **({"subresources": {"status": {}}} if kind.status else {}),
        "additionalPrinterColumns": [*columns, age],
    }


def _whole(kind: Kind) -> Schema:
    """The schema of the object; its description is its spec's."""
    return {
        "description": plain(kind.spec)["description"],
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object", "properties": {"name": _NAME}},
            "spec": structural(plain(kind.spec)),
            **({"status": _status(kind)} if kind.status else {}),
        },
    }


def _status(kind: Kind) -> Schema:
    """Nothing in it is required: what one version of us wrote, another may not know.

    For the same reason what the schema does not know is kept: the API server would drop it when
    it reads the object from etcd, before the version of us that knows it has seen it.
    """
    status: Schema = structural(plain(kind.status))
    status.pop("required", None)
    status["properties"]["conditions"] = _CONDITIONS
    if any(path.startswith(".status.shown.") for _, path, _ in kind.columns):
        status["properties"]["shown"] = _SHOWN
    status["x-kubernetes-preserve-unknown-fields"] = True
    return status


def structural(node: Any) -> Any:
    """JSON Schema in the dialect of CRDs.

    Source: kubernetes.io, "Extend the Kubernetes API with CustomResourceDefinitions",
    "Specifying a structural schema". What the dialect cannot say stays unsaid; we check it.
    ``nullable`` stays for values of a map only; a field that is null is left out before.
    """
    if "anyOf" in node:
        return _number_or_text(node)
    if node.get("x-kubernetes-preserve-unknown-fields"):
        return {key: value for key, value in node.items() if key != "additionalProperties"}
    kept = {key: node[key] for key in _KEPT if key in node}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in node:
            kept |= {bound: node[exclusive], exclusive: True}
    if "properties" in node:
        kept["properties"] = {key: structural(value) for key, value in node["properties"].items()}
    if isinstance(values := node.get("additionalProperties"), dict):
        kept["additionalProperties"] = structural(values)
        if values.get("nullable"):
            kept["additionalProperties"]["nullable"] = True
    if "items" in node:
        kept |= {"items": structural(node["items"]), "x-kubernetes-list-type": "atomic"}
    return kept


_KEPT = (
    "description", "type", "format", "enum", "pattern", "minimum", "maximum", "minLength",
    "maxLength", "minItems", "maxItems", "oneOf", "required",
)  # fmt: skip


def _number_or_text(node: Schema) -> Schema:
    """A value with several types: whole number or text has a word of its own, others have none.

    Its bounds hold for both: a number has no pattern, and a text no maximum.
    """
    types = {branch.get("type") for branch in node["anyOf"]}
    said = {key: node[key] for key in ("description",) if key in node}
    bounds = ("minimum", "maximum", "pattern")  # each holds for the type that it can hold for
    said |= {key: branch[key] for branch in node["anyOf"] for key in bounds if key in branch}
    if types == {"integer", "string"}:
        return said | {"x-kubernetes-int-or-string": True}
    return said | {"x-kubernetes-preserve-unknown-fields": True}
