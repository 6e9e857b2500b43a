"""What editors, the API server and readers of the docs are told, made from the nouns alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from pydantic import TypeAdapter

from rollout.manifest.scan import Path
from rollout.model.source import SourceStatus
from rollout.model.spec import (
    GROUP,
    VERSION,
    AnalysisTemplateSpec,
    RolloutSourceSpec,
    RolloutSpec,
)
from rollout.model.status import RolloutStatus

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of ours: its names, its nouns, and what ``kubectl get`` shows of it.

    ``columns``: title, JSONPath, OpenAPI type.
    """

    name: str
    plural: str
    short: str
    spec: Any
    status: Any = None
    columns: tuple[tuple[str, str, str], ...] = ()


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "Rollout",
            "rollouts",
            "rlo",  # "ro" is Argo Rollouts'
            RolloutSpec,
            RolloutStatus,
            (
                ("Phase", ".status.phase", "string"),
                ("Stable", ".status.stable.name", "string"),
                ("Canary", ".status.canary.name", "string"),
                ("Weight", ".status.split.canary", "integer"),
                ("Step", ".status.step.name", "string"),
                ("Because", ".status.because", "string"),
            ),
        ),
        Kind("AnalysisTemplate", "analysistemplates", "rlat", AnalysisTemplateSpec),
        Kind(
            "RolloutSource",
            "rolloutsources",
            "rls",
            RolloutSourceSpec,
            SourceStatus,
            (
                ("URL", ".spec.url", "string"),
                ("Commit", ".status.commit", "string"),
                ("Ready", ".status.conditions[?(@.type=='Ready')].status", "string"),
                ("Because", ".status.because", "string"),
            ),
        ),
    )
}

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


@cache
def plain(noun: Any) -> Schema:
    """JSON Schema of ``noun`` as authors write it, without references, titles or defaults."""
    found = TypeAdapter(noun).json_schema(by_alias=True)
    resolved: Schema = _inline(found, found.get("$defs", {}))
    return resolved


def _inline(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(entry, definitions) for entry in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        node = _without_null(node)
    if "$ref" in node:
        node = definitions[node["$ref"].rsplit("/", 1)[1]] | node
    dropped = ("$ref", "$defs", "title", "default")
    kept = {key: value for key, value in node.items() if key not in dropped}
    if "properties" in kept:  # a property may well be called title or default
        kept["properties"] = {
            name: _inline(value, definitions) for name, value in kept["properties"].items()
        }
    return {
        key: value if key == "properties" else _inline(value, definitions)
        for key, value in kept.items()
    }


def _without_null(node: Schema) -> Schema:
    """A branch for null becomes OpenAPI's word for it, as neither dialect has such branches."""
    branches = [branch for branch in node["anyOf"] if branch != {"type": "null"}]
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    if len(branches) < len(node["anyOf"]):
        rest["nullable"] = True
    return rest | {"anyOf": branches} if len(branches) > 1 else branches[0] | rest


def keys(kind: str, path: Path) -> tuple[str, ...]:
    """The keys that may stand in the mapping at ``path`` of a ``kind``'s document."""
    node: Any = {"properties": {"spec": _referenced(KINDS[kind].spec)}}
    for part in path:
        if not isinstance(node, dict):
            return ()
        if isinstance(part, int):
            node = node.get("items")
        else:
            node = node.get("properties", {}).get(part, node.get("additionalProperties"))
    return tuple(node.get("properties", ())) if isinstance(node, dict) else ()


@cache
def _referenced(noun: Any) -> Schema:
    return plain(noun)


def document(kind: str) -> Schema:
    """The JSON Schema of a whole manifest, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"const": f"{GROUP}/{VERSION}"},
            "kind": {"const": kind},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "namespace": {"type": "string"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
            "spec": _for_editors(plain(KINDS[kind].spec)),
        },
    }


def _for_editors(node: Any) -> Any:
    """Kubernetes' own words are unknown to editors; an object is open to them already."""
    if isinstance(node, list):
        return [_for_editors(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    kept = {
        key: _for_editors(value)
        for key, value in node.items()
        if key != "nullable" and not key.startswith("x-kubernetes")
    }
    if node.get("nullable") is True and isinstance(node.get("type"), str):
        kept["type"] = [node["type"], "null"]
    return kept


def crd(kind: Kind) -> Schema:
    """The CustomResourceDefinition of ``kind``; a structural schema, with no defaults.

    No defaults, because the API server would write them into what git asked for.
    """
    properties: Schema = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": structural(plain(kind.spec)),
    }
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {
                "description": plain(kind.spec)["description"],
                "type": "object",
                "required": ["spec"],
                "properties": properties,
            }
        },
    }
    if kind.status is not None:
        status = structural(plain(kind.status))
        status.pop("required", None)
        status["properties"]["conditions"] = _CONDITIONS
        properties["status"] = status
        version["subresources"] = {"status": {}}
    version["additionalPrinterColumns"] = [
        *({"name": n, "jsonPath": path, "type": type_} for n, path, type_ in kind.columns),
        {"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"},
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                # no category "rollout": `kubectl get rollout NAME` would mean every kind
            },
            "versions": [version],
        },
    }


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


_KEPT = ("description", "type", "format", "enum", "pattern", "minimum", "maximum", "required")


def _number_or_text(node: Schema) -> Schema:
    """A value with several types: whole number or text has a word of its own, others have none."""
    types = {branch.get("type") for branch in node["anyOf"]}
    said = {key: node[key] for key in ("description",) if key in node}
    if types == {"integer", "string"}:
        return said | {"x-kubernetes-int-or-string": True}
    return said | {"x-kubernetes-preserve-unknown-fields": True}


def without_nulls(kind: str, spec: Any) -> Any:
    """``spec`` of a ``kind`` without fields that are null, which is how authors leave one out."""
    return _without_nulls(spec, plain(KINDS[kind].spec))


def _without_nulls(value: Any, node: Any) -> Any:
    if isinstance(value, list) and isinstance(node, dict) and "items" in node:
        return [_without_nulls(entry, node["items"]) for entry in value]
    if not isinstance(value, dict) or not isinstance(node, dict):
        return value
    named, others = node.get("properties", {}), node.get("additionalProperties")
    return {
        key: _without_nulls(inner, named.get(key, others))
        for key, inner in value.items()
        if inner is not None or key not in named
    }


def files() -> Mapping[str, str]:
    """Every generated file by its path in the repository."""
    crds = {f"deploy/crds/{kind.plural}.yaml": _yaml(crd(kind)) for kind in KINDS.values()}
    return crds | {"docs/manifests.md": reference()}


def _yaml(value: Schema) -> str:
    head = "# Generated from rollout/model by `make generate`; edit the nouns, not this file.\n"
    return head + yaml.safe_dump(value, sort_keys=False, width=100)


def reference() -> str:
    """The page of every field, for ``docs/``."""
    parts = [
        "# Manifests\n\nGenerated from `rollout/model`; a test fails when it is stale.\n"
        "Durations are written `250ms`, `90s`, `5m`, `2h`, `1d`; percentages `5%` or `5`.\n"
    ]
    for kind in KINDS.values():
        noun = plain(kind.spec)
        parts.append(f"\n## {kind.name}\n\n{noun['description']}\n\n| field | type | meaning |")
        parts.append("| --- | --- | --- |")
        defaults = TypeAdapter(kind.spec).json_schema(by_alias=True)
        parts.extend(_rows(noun, defaults, ""))
    return "\n".join(parts) + "\n"


def _rows(node: Schema, source: Schema, prefix: str) -> list[str]:
    rows = []
    required = set(node.get("required", ()))
    for name, field in node.get("properties", {}).items():
        inner, suffix = field, ""
        if field.get("type") == "array":
            inner, suffix = field["items"], "[]"
        elif isinstance(field.get("additionalProperties"), dict):
            inner, suffix = field["additionalProperties"], ".*"
        meaning = " ".join(str(field.get("description", inner.get("description", ""))).split())
        must = " (required)" if name in required else ""
        rows.append(f"| `{prefix}{name}` | {_type(field)} | {_cell(meaning)}{must} |")
        rows.extend(_rows(inner, source, f"{prefix}{name}{suffix}."))
    return rows


def _type(field: Schema) -> str:
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(branch.get("type", "any") for branch in field["anyOf"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    return str(field.get("type", "any"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("``", "`")
