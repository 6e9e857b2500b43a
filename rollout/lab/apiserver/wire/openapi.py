"""OpenAPI v3, as little as kubectl needs: which parameters a patch takes, and the schemas of CRDs.

Built-in kinds are described without their fields, and so ``kubectl explain`` knows custom
resources only. kubectl leaves field validation to the server once it has seen ``fieldValidation``.
"""

from __future__ import annotations

from typing import Any

from rollout.lab.apiserver.kinds.kind import Kind, Kinds

from .discovery import VERSION

JsonObject = dict[str, Any]

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": True}}
    for name, kind in (
        ("dryRun", "string"),
        ("fieldManager", "string"),
        ("fieldValidation", "string"),
        ("force", "boolean"),
    )
]


def index(kinds: Kinds) -> JsonObject:
    """/openapi/v3: one document for each group and version."""
    paths = [
        f"apis/{group}/{version}" if group else f"api/{version}"
        for group, versions in kinds.groups().items()
        for version in versions
    ]
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in paths}}


def document(kinds: Kinds, group: str, version: str) -> JsonObject | None:
    """/openapi/v3/apis/<group>/<version>; None if there is none."""
    found = kinds.in_version(group, version)
    if not found:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Rollout lab", "version": VERSION["gitVersion"]},
        "paths": {_path(kind, version): _item(kind, version) for kind in found},
        "components": {"schemas": {_name(kind, version): _schema(kind, version) for kind in found}},
    }


def _path(kind: Kind, version: str) -> str:
    root = f"/apis/{kind.group}/{version}" if kind.group else f"/api/{version}"
    space = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"{root}{space}/{kind.plural}/{{name}}"


def _gvk(kind: Kind, version: str) -> JsonObject:
    return {"group": kind.group, "version": version, "kind": kind.kind}


def _item(kind: Kind, version: str) -> JsonObject:
    # A strategic merge patch is taken but not told: kubectl would look for a schema of every field
    # here, while without it it uses what it knows of the built-in kinds itself.
    patches = ["application/json-patch+json", "application/merge-patch+json"]
    reference = {"schema": {"$ref": f"#/components/schemas/{_name(kind, version)}"}}
    answer = {"200": {"description": "OK", "content": {"application/json": reference}}}
    body: JsonObject = {
        "content": {media: {} for media in [*patches, "application/apply-patch+yaml"]}
    }
    common = {"x-kubernetes-group-version-kind": _gvk(kind, version), "responses": answer}
    return {
        "get": {**common, "x-kubernetes-action": "get"},
        "patch": {
            **common,
            "x-kubernetes-action": "patch",
            "parameters": _PARAMETERS,
            "requestBody": body,
        },
    }


def _name(kind: Kind, version: str) -> str:
    reverse = ".".join(reversed((kind.group or "core").split(".")))
    return f"{reverse}.{version}.{kind.kind}"


def _schema(kind: Kind, version: str) -> JsonObject:
    schema = dict(kind.schemas.get(version) or {"type": "object"})
    schema["x-kubernetes-group-version-kind"] = [_gvk(kind, version)]
    return schema
