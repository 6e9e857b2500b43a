"""A CustomResourceDefinition read as a Kind, and what the server writes into the definition.

Source: Kubernetes docs, "Extend the Kubernetes API with CustomResourceDefinitions".
"""

from __future__ import annotations

from typing import Any

from rollout.lab.apiserver.fields.shape import Shape, from_schema
from rollout.lab.apiserver.problems import Cause, Subject, invalid

from .kind import Column, Kind, Scale, version_order
from .shapes import METADATA, PLAIN

JsonObject = dict[str, Any]

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


def prepare(document: JsonObject, old: JsonObject | None) -> JsonObject:
    """The definition with its names completed and accepted; raises a 422 if it makes no sense."""
    _check(document)
    spec = document["spec"]
    names = {**spec["names"]}
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    full = {"conversion": {"strategy": "None"}, **spec, "names": names}
    metadata = document["metadata"]
    status = _status(full, metadata.get("creationTimestamp", ""))
    whole = {**document, "spec": full, "status": status}
    if old is not None:
        return whole
    finalizers = dict.fromkeys([*(metadata.get("finalizers") or ()), CLEANUP])
    return {**whole, "metadata": {**metadata, "finalizers": list(finalizers)}}


def _check(document: JsonObject) -> None:
    subject = Subject(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        document["metadata"]["name"],
    )
    found = list(_causes(document.get("spec") or {}, subject.name))
    if found:
        raise invalid(subject, found)


def _causes(spec: JsonObject, name: str) -> list[Cause]:
    names, versions = spec.get("names") or {}, spec.get("versions") or []
    needed = {
        "spec.group": spec.get("group"),
        "spec.names.plural": names.get("plural"),
        "spec.names.kind": names.get("kind"),
        "spec.scope": spec.get("scope"),
        "spec.versions": versions,
    }
    found = [Cause("FieldValueRequired", at, "Required value") for at in needed if not needed[at]]
    wanted = f"{names.get('plural')}.{spec.get('group')}"
    if not found and name != wanted:
        message = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        found.append(Cause("FieldValueInvalid", "metadata.name", message))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        message = "Invalid value: must have exactly one version marked as storage version"
        found.append(Cause("FieldValueInvalid", "spec.versions", message))
    for index, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            at = f"spec.versions[{index}].schema.openAPIV3Schema"
            found.append(Cause("FieldValueRequired", at, "Required value: schemas are required"))
    return found


def _status(spec: JsonObject, moment: str) -> JsonObject:
    said = {
        "NamesAccepted": ("NoConflicts", "no conflicts found"),
        "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
    }
    conditions = [
        {
            "type": kind,
            "status": "True",
            "lastTransitionTime": moment,
            "reason": reason,
            "message": message,
        }
        for kind, (reason, message) in said.items()
    ]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    return {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": stored}


def kind_of(document: JsonObject) -> Kind:
    """The kind that a prepared definition defines."""
    spec = document["spec"]
    names = spec["names"]
    served = sorted((v for v in spec["versions"] if v.get("served")), key=_order)
    storage = next(version for version in spec["versions"] if version.get("storage"))
    subresources = storage.get("subresources") or {}
    schemas = {version["name"]: _schema(version) for version in spec["versions"]}
    return Kind(
        group=spec["group"],
        versions=tuple(version["name"] for version in served),
        kind=names["kind"],
        plural=names["plural"],
        singular=names["singular"],
        list_kind=names["listKind"],
        namespaced=spec["scope"] == "Namespaced",
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        status="status" in subresources,
        scale=_scale(subresources.get("scale")),
        generation=True,
        unconditional=False,
        builtin=False,
        shape=_shape(schemas[storage["name"]]),
        schemas=schemas,
        columns={version["name"]: _columns(version) for version in spec["versions"]},
        storage_version=storage["name"],
    )


def _order(version: JsonObject) -> tuple[int, int, int, str]:
    return version_order(version["name"])


def _schema(version: JsonObject) -> JsonObject:
    found: JsonObject = version["schema"]["openAPIV3Schema"]
    return found


def _shape(schema: JsonObject) -> Shape:
    found = from_schema(schema)
    known = {"apiVersion": PLAIN, "kind": PLAIN, "metadata": METADATA}
    return Shape(fields={**found.fields, **known}, item=found.item)


def _scale(found: JsonObject | None) -> Scale | None:
    if found is None:
        return None
    return Scale(
        found["specReplicasPath"].removeprefix("."),
        found["statusReplicasPath"].removeprefix("."),
        (found.get("labelSelectorPath") or "").removeprefix("."),
    )


def _columns(version: JsonObject) -> tuple[Column, ...]:
    listed = version.get("additionalPrinterColumns")
    if listed is None:
        return (Column("Age", ".metadata.creationTimestamp", type="date"),)
    return tuple(_column(column) for column in listed)


def _column(found: JsonObject) -> Column:
    return Column(
        found["name"],
        found["jsonPath"],
        found["type"],
        found.get("priority", 0),
        found.get("description", ""),
        found.get("format", ""),
    )
